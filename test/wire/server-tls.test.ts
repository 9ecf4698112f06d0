/**
 * What strangers can do to a server before they speak HTTP/2 with it: nothing, for a bounded time.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, test } from "node:test";
import { connect as connectTls, TLSSocket, type ConnectionOptions } from "node:tls";
import { Code } from "../../src/core.js";
import { Authority } from "../support/certificates.js";
import { RawClient } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { call, served, type Served } from "../support/peer-served.js";
import { prefixed, requestFields } from "../support/peer-service.js";

guardProcess();

const authority = new Authority();
const tls = authority.issue();
const UNARY = "/wire.Wire/Unary";
const trusted: ConnectionOptions = { ca: authority.cert };

/** A server with TLS. A right client is answered before and after `use`, and on the same connection. */
async function servedTls(use: (served: Served) => Promise<void>, handshakeTimeoutMs?: number): Promise<void> {
  let client: RawClient | undefined;
  const connectRight = (port: number): Promise<RawClient> => RawClient.connectTls(port, trusted);
  await served(
    {},
    async (one) => {
      client = await connectRight(one.port);
      await assertAnswered(client);
      await use(one);
      await assertAnswered(client);
      client.destroy();
      assert.deepEqual(one.errors, [], "strangers are no errors of the application");
    },
    { tls, ...(handshakeTimeoutMs === undefined ? {} : { handshakeTimeoutMs }) },
    connectRight,
  );
}

async function assertAnswered(client: RawClient): Promise<void> {
  assert.equal((await call(client, UNARY, [prefixed("hello")])).grpcStatus, Code.OK);
}

/** A connection of a stranger; whatever becomes of it, it is closed in the end, which resolves `closed`. */
function stranger(
  port: number,
  socket: Socket = connect(port, "127.0.0.1"),
): { socket: Socket; closed: Promise<unknown> } {
  socket.on("error", () => undefined);
  socket.resume();
  return { socket, closed: new Promise((resolve) => socket.once("close", resolve)) };
}

describe("handshakes that come to nothing", () => {
  test("R296 200 connections of garbage, plaintext and half a handshake are closed, and harm nobody", () =>
    servedTls(async ({ port }) => {
      const hello = await clientHello(port);
      const openings: readonly ((socket: Socket) => void)[] = [
        (socket) => socket.write(randomBytes(300)),
        (socket) => socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        (socket) => socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (socket) => socket.end(),
        (socket) => socket.resetAndDestroy(),
        (socket) => socket.end(hello.subarray(0, 40)),
        (socket) => socket.write(hello, () => socket.resetAndDestroy()),
        (socket) => socket.write(Buffer.concat([hello, randomBytes(2000)])),
      ];
      const all = Array.from({ length: 200 }, async (_, i) => {
        const { socket, closed } = stranger(port);
        socket.once("connect", () => openings[i % openings.length]?.(socket));
        await closed;
      });
      await Promise.all(all);
    }));

  test("R296 a client that leaves in the middle of a call over TLS, by a TCP reset or with garbage", () =>
    servedTls(async ({ port }) => {
      for (const leave of [
        (client: RawClient) => client.abort(),
        (client: RawClient) => client.destroy(),
        (client: RawClient) => client.rawBelowTls(randomBytes(500)),
      ]) {
        const client = await RawClient.connectTls(port, trusted);
        await assertAnswered(client);
        client.open(requestFields(UNARY));
        await client.roundTrip();
        leave(client);
        await client.disconnected();
      }
    }));

  test("R292 a client without ALPN, or with other protocols, is closed before it is heard", () =>
    servedTls(async ({ port }) => {
      for (const options of [{}, { ALPNProtocols: ["http/1.1"] }, { ALPNProtocols: ["h3"] }]) {
        const { socket, closed } = stranger(port, connectTls({ port, host: "127.0.0.1", ...trusted, ...options }));
        let answer = 0;
        socket.on("data", ({ length }) => (answer += length));
        socket.once("secureConnect", () => socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
        await closed;
        assert.equal(answer, 0);
      }
    }));

  test("R291 TLS 1.1, and suites without ephemeral keys, are not spoken", () =>
    servedTls(async ({ port }) => {
      const refused: ConnectionOptions[] = [
        { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
        { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA256" },
        { maxVersion: "TLSv1.2", ciphers: "AES128-GCM-SHA256" },
      ];
      for (const options of refused) {
        await assert.rejects(RawClient.connectTls(port, { ...trusted, ...options }), /alert|disconnected|ECONNRESET/);
      }
    }));

  test("R291 a client that wants to renegotiate loses its connection", () =>
    servedTls(async ({ port }) => {
      const client = await RawClient.connectTls(port, { ...trusted, maxVersion: "TLSv1.2" });
      assert.ok(client.socket instanceof TLSSocket);
      await assertAnswered(client);
      client.socket.renegotiate({}, () => undefined);
      await client.disconnected();
    }));
});

describe("time for the handshake", () => {
  const LIMIT_MS = 200;

  test("R177 a TLS client that says nothing, or its hello byte by byte, is closed in time", () =>
    servedTls(async ({ port }) => {
      const hello = await clientHello(port);
      const startedAt = performance.now();
      const silent = stranger(port);
      const slow = stranger(port);
      let sent = 0;
      const drip = setInterval(() => slow.socket.write(hello.subarray(sent, ++sent)), 10);
      try {
        await Promise.all([silent.closed, slow.closed]);
      } finally {
        clearInterval(drip);
      }
      const ms = performance.now() - startedAt;
      assert.ok(ms >= LIMIT_MS / 2 - 5 && ms < 5000, `closed after ${ms} ms`);
      assert.ok(sent < hello.length, "long before it was complete");
    }, LIMIT_MS));

  test("R177 a client that has done TLS and then sends no preface, or not all of it, is closed in time", () =>
    servedTls(async ({ port }) => {
      const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
      const all = ["", preface.slice(0, 10), preface].map(async (opening) => {
        const { socket, closed } = stranger(
          port,
          connectTls({ port, host: "127.0.0.1", ...trusted, ALPNProtocols: ["h2"] }),
        );
        await once(socket, "secureConnect");
        socket.write(opening);
        await closed;
      });
      await Promise.all(all);
    }, LIMIT_MS));

  test("R177 plaintext: a connection without preface and SETTINGS is closed in time, one with them stays", async () => {
    await served(
      {},
      async ({ port, connect: connectRight, errors }) => {
        const right = await connectRight();
        const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        const all = ["", preface.slice(0, 10), preface].map(async (opening) => {
          const { socket, closed } = stranger(port);
          socket.write(opening);
          await closed;
        });
        await Promise.all(all);
        assert.equal(right.closed, false);
        assert.deepEqual(errors, []);
      },
      { handshakeTimeoutMs: LIMIT_MS },
    );
  });
});

/** What a right client says first. */
async function clientHello(port: number): Promise<Buffer> {
  const { createServer } = await import("node:net");
  const listener = createServer();
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  assert.ok(address !== null && typeof address === "object" && address.port !== port);
  const client = stranger(0, connectTls({ port: address.port, host: "127.0.0.1", ...trusted, ALPNProtocols: ["h2"] }));
  const [accepted] = (await once(listener, "connection")) as [Socket];
  const [hello] = (await once(accepted, "data")) as [Buffer];
  client.socket.destroy();
  accepted.destroy();
  listener.close();
  return hello;
}
