/**
 * What a client of ours says on a TLS connection, and what becomes of its calls when TLS breaks.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TLSSocket } from "node:tls";
import { Channel, Code, type ChannelOptions } from "../../src/core.js";
import { Authority } from "../support/certificates.js";
import { RawServer, type ServerPeer } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { answer, begin, completeRequest, KINDS, outcome } from "../support/peer-scripted.js";
import { said, Wire } from "../support/peer-service.js";

guardProcess();

const authority = new Authority();
const tls = { ...authority.issue(), ALPNProtocols: Buffer.from("\u0002h2") };
const trusting: ChannelOptions = { tls: { ca: authority.cert } };

/** A channel and a TLS server of ours. */
async function scriptedTls(
  use: (server: RawServer, channel: Channel) => Promise<void>,
  options: ChannelOptions = trusting,
  host = "127.0.0.1",
): Promise<void> {
  const server = await RawServer.listen({}, tls);
  const channel = new Channel(`${host}:${server.port}`, options);
  try {
    await use(server, channel);
  } finally {
    const destroyed = channel.destroy();
    await server.close();
    await destroyed;
  }
}

describe("a request over TLS", () => {
  for (const kind of KINDS) {
    test(`R2 R4 R5 ${kind}: :scheme is https, :authority is the target, and there is no host`, () =>
      scriptedTls(async (server, channel) => {
        const result = outcome(begin(channel.client(Wire), kind));
        const connection = await server.connection();
        const { streamId } = await completeRequest(connection);
        const [head] = connection.on(streamId);
        assert.ok(head !== undefined);
        assert.equal(said(head, ":scheme"), "https");
        assert.equal(said(head, ":authority"), `127.0.0.1:${server.port}`);
        assert.equal(said(head, "host"), undefined);
        answer(connection, streamId, ["m"]);
        assert.equal((await result).code, Code.OK);
      }));
  }

  test("R2 :scheme stays http on plaintext", async () => {
    const server = await RawServer.listen();
    const channel = new Channel(`127.0.0.1:${server.port}`);
    try {
      const result = outcome(channel.client(Wire).unary(Buffer.from("hello")));
      const connection = await server.connection();
      const head = await connection.request();
      assert.equal(said(head, ":scheme"), "http");
      answer(connection, head.streamId, ["m"]);
      assert.equal((await result).code, Code.OK);
    } finally {
      const destroyed = channel.destroy();
      await server.close();
      await destroyed;
    }
  });

  test("R289 R290 the channel's authority is sent, or the call's own where the certificate covers it", () =>
    scriptedTls(
      async (server, channel) => {
        const client = channel.client(Wire);
        const sent = async (own?: string): Promise<string | undefined> => {
          const result = outcome(client.unary(Buffer.alloc(0), own === undefined ? {} : { authority: own }));
          const connection = server.connections[0] ?? (await server.connection());
          const head = await connection.request();
          answer(connection, head.streamId, ["m"]);
          assert.equal((await result).code, Code.OK);
          return said(head, ":authority");
        };
        assert.equal(await sent(), "localhost:1234");
        assert.equal(await sent("127.0.0.1:99"), "127.0.0.1:99");
        assert.equal(server.connections.length, 1);
      },
      { ...trusting, authority: "localhost:1234" },
    ));
});

describe("a TLS connection of a client", () => {
  test("R291 R292 names the server it wants, not an address, and offers h2 alone", async () => {
    for (const [host, serverName] of [
      ["localhost", "localhost"],
      ["127.0.0.1", false],
    ] as const) {
      await scriptedTls(
        async (server, channel) => {
          const result = outcome(channel.client(Wire).unary(Buffer.alloc(0)));
          const connection = await server.connection();
          assert.ok(connection.socket instanceof TLSSocket);
          const { streamId } = await completeRequest(connection);
          assert.equal((connection.socket as { servername?: unknown }).servername, serverName);
          assert.equal(connection.socket.alpnProtocol, "h2");
          assert.equal(connection.socket.getProtocol(), "TLSv1.3");
          answer(connection, streamId, ["m"]);
          assert.equal((await result).code, Code.OK);
        },
        trusting,
        host,
      );
    }
  });

  const ways: Readonly<Record<string, (connection: ServerPeer) => void>> = {
    "a FIN": (connection) => connection.end(),
    "a TCP RST": (connection) => connection.abort(),
    "bytes that are no TLS": (connection) => connection.rawBelowTls(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")),
  };
  for (const [how, lose] of Object.entries(ways)) {
    test(`R159 R142 lost by ${how}: UNAVAILABLE for calls of all kinds, and the next call connects anew`, () =>
      scriptedTls(async (server, channel) => {
        const results = KINDS.map((kind) => outcome(begin(channel.client(Wire), kind)));
        const connection = await server.connection();
        for (const _ of KINDS) await completeRequest(connection);
        lose(connection);
        for (const { code } of await Promise.all(results)) assert.equal(code, Code.UNAVAILABLE);
        const next = outcome(channel.client(Wire).unary(Buffer.from("again")));
        const second = await server.connection();
        const { streamId } = await completeRequest(second);
        answer(second, streamId, ["m"]);
        assert.equal((await next).code, Code.OK);
      }));
  }

  test("R204 closes without waiting for a server that does not close its side", () =>
    scriptedTls(async (server, channel) => {
      const result = outcome(channel.client(Wire).unary(Buffer.alloc(0)));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      answer(connection, streamId, ["m"]);
      await result;
      connection.socket.allowHalfOpen = true;
      await channel.close();
    }));
});
