/**
 * How a server ends: it drains, then cuts, and always comes to an end.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { Channel, Code, Server, StatusError } from "../../src/index.js";
import { Authority } from "../support/certificates.js";
import { withEcho } from "../support/echo-served.js";
import { Echo } from "../support/echo-service.js";
import { CLIENT_PREFACE, encodeFrame, Flag, FrameType } from "../support/http2-frame.js";
import { encodeHeaders } from "../support/peer.js";
import { requestFields } from "../support/peer-service.js";
import { aborted, behaveAs, bytesOf, echo, ECHO_WAYS, gate, openRequests, outcomeOf } from "../support/echo-ways.js";

/** What a busy machine may need for what takes no time, and far less than any grace that must not be waited for. */
const SOON_MS = 5000;

/** Fails when `promise` takes longer than it ever should; else tells how long it took. */
async function timed(limitMs: number, what: string, promise: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${limitMs} ms`)), limitMs);
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
  return performance.now() - startedAt;
}

/** Stands between a client and a server as a link that carries so many bytes of the server's in a millisecond, and no more. */
async function slowLink(
  serverPort: number,
  bytesPerMs: number,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const listener = createServer((near) => {
    const far = connect(serverPort, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    near.pipe(far, { end: false });
    near.on("close", () => far.destroy());
    far.on("data", (chunk: Buffer) => {
      far.pause();
      near.write(chunk);
      setTimeout(() => far.resume(), chunk.length / bytesPerMs);
    });
    far.on("end", () => near.end());
    far.on("close", () => near.destroy());
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return {
    port: (listener.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

describe("Server.close", () => {
  for (const way of ECHO_WAYS) {
    test(`R154 ${way.name}: a call that runs ends with its own status, however long the grace is`, () => {
      const running = gate();
      const release = gate();
      const behaviour = behaveAs(async function* (requests, call) {
        call.sendHeaders();
        running.open();
        await release.opened;
        assert.equal(call.signal.aborted, false);
        call.trailers.set("x-own", "yes");
        yield* echo(requests);
      });
      return withEcho(behaviour, async ({ server, client, ended, serverErrors }) => {
        const outcome = outcomeOf(way.start(client, [{ text: "drained" }]));
        await running.opened;
        const closed = server.close({ graceMs: 60_000 });
        release.open();
        const { messages, status, trailers } = await outcome;
        assert.equal(status.code, Code.OK);
        assert.equal(messages[0]?.text, "drained");
        assert.equal(trailers.get("x-own"), "yes");
        await timed(SOON_MS, "close()", closed);
        assert.equal(ended[0]?.code, Code.OK);
        assert.deepEqual(serverErrors, []);
      });
    });

    test(`R171 R112 R136 ${way.name}: a call that does not end is cut after the grace: UNAVAILABLE, and the handler is told`, () => {
      const running = gate();
      const told = gate<unknown>();
      const behaviour = behaveAs(async function* (_requests, call) {
        void aborted(call.signal).then((reason) => told.open(reason));
        running.open();
        await new Promise(() => undefined);
        yield {};
      });
      return withEcho(behaviour, async ({ server, client, ended, serverErrors }) => {
        const outcome = outcomeOf(way.start(client, way.manyRequests ? openRequests({}) : [{}]));
        await running.opened;
        const tookMs = await timed(SOON_MS, "close()", server.close({ graceMs: 100 }));
        assert.ok(tookMs >= 99, `the call had ${tookMs} ms only`);
        const { error, status } = await outcome;
        assert.ok(error instanceof StatusError);
        assert.equal(status.code, Code.UNAVAILABLE);
        const reason = await told.opened;
        assert.ok(reason instanceof StatusError);
        assert.equal(reason.code, Code.UNAVAILABLE);
        assert.equal(ended[0]?.code, Code.UNAVAILABLE);
        assert.deepEqual(serverErrors, []);
      });
    });
  }

  test("R171 R112 a cut throws UNAVAILABLE into the requests of a handler that is busy", () => {
    const busy = gate();
    const release = gate();
    const ended = gate<unknown>();
    return withEcho(
      {
        async clientStreaming(requests) {
          try {
            for await (const _ of requests) {
              busy.open();
              await release.opened;
            }
            ended.open("a clean end");
          } catch (error) {
            ended.open(error);
          }
          return {};
        },
      },
      async ({ server, client }) => {
        const call = client.clientStreaming();
        await call.send({});
        await busy.opened;
        await timed(SOON_MS, "close()", server.close({ graceMs: 0 }));
        release.open();
        const error = await ended.opened;
        assert.ok(error instanceof StatusError, String(error));
        assert.equal(error.code, Code.UNAVAILABLE);
        assert.equal((await call.status).code, Code.UNAVAILABLE);
      },
    );
  });

  test("R141 new calls are refused UNAVAILABLE while the old ones drain", () => {
    const running = gate();
    const release = gate();
    let handlers = 0;
    const behaviour = behaveAs(async function* (requests) {
      handlers++;
      running.open();
      await release.opened;
      yield* echo(requests);
    });
    return withEcho(behaviour, async ({ server, client, port }) => {
      const old = client.unary({ text: "old" });
      await running.opened;
      const closed = server.close();
      const other = new Channel(`127.0.0.1:${port}`);
      for (const way of ECHO_WAYS) {
        for (const one of [client, other.client(Echo)]) {
          const { status } = await outcomeOf(way.start(one, [{}]));
          assert.equal(status.code, Code.UNAVAILABLE, way.name);
        }
      }
      assert.equal(handlers, 1);
      release.open();
      assert.equal((await old).text, "old");
      await closed;
      await other.close();
    });
  });

  test("R172 says GOAWAY before it closes a connection", () =>
    withEcho(
      behaveAs(echo),
      async ({ server, client, observer }) => {
        await client.unary({});
        await server.close();
        const frames = observer.conversation.frames("fromServer");
        const goaway = frames.findLast((frame) => frame.type === "GOAWAY");
        assert.equal(goaway?.payload.readUInt32BE(4), 0, "NO_ERROR");
        assert.equal((goaway?.payload.readUInt32BE(0) ?? 0) & 0x7fff_ffff, 1, "the last stream that was taken");
      },
      { observed: true },
    ));

  test("is done at once when nothing runs, and the port is free afterwards", () =>
    withEcho(behaveAs(echo), async ({ server, client, port }) => {
      await client.unary({});
      await timed(SOON_MS, "close()", server.close({ graceMs: 60_000 }));
      const next = new Server().add(Echo, behaveAs(echo));
      assert.equal((await next.listen(`127.0.0.1:${port}`)).port, port);
      assert.equal((await client.unary({ text: "next" })).text, "next");
      await next.close();
    }));

  test("frees the port while calls still drain", () => {
    const running = gate();
    const release = gate();
    const behaviour = behaveAs(async function* (requests) {
      running.open();
      await release.opened;
      yield* echo(requests);
    });
    return withEcho(behaviour, async ({ server, client, port }) => {
      const old = client.unary({ text: "old" });
      await running.opened;
      const closed = server.close();
      const next = new Server().add(
        Echo,
        behaveAs(() => [{ text: "from the next server" }]),
      );
      await next.listen(`127.0.0.1:${port}`);
      const channel = new Channel(`127.0.0.1:${port}`);
      assert.equal((await channel.client(Echo).unary({})).text, "from the next server");
      release.open();
      assert.equal((await old).text, "old");
      await closed;
      await channel.close();
      await next.close();
    });
  });

  test("called again with a shorter grace cuts earlier; a longer one changes nothing", () => {
    const running = gate();
    const behaviour = behaveAs(async function* () {
      running.open();
      await new Promise(() => undefined);
      yield {};
    });
    return withEcho(behaviour, async ({ server, client }) => {
      const outcome = outcomeOf(ECHO_WAYS[0]?.start(client, [{}]) as Parameters<typeof outcomeOf>[0]);
      await running.opened;
      const first = server.close({ graceMs: 60_000 });
      const second = server.close({ graceMs: 50 });
      const third = server.close({ graceMs: 120_000 });
      await timed(SOON_MS, "close()", Promise.all([first, second, third]));
      assert.equal((await outcome).status.code, Code.UNAVAILABLE);
      await timed(SOON_MS, "close() after the end", server.close());
    });
  });

  test("R171 comes to an end although a client does not read what it is sent", () => {
    const payload = bytesOf(64 * 1024);
    const behaviour = behaveAs(async function* () {
      for (;;) yield { payload };
    });
    return withEcho(behaviour, async ({ server, client }) => {
      const call = client.serverStreaming({});
      await call.receive();
      await timed(SOON_MS, "close()", server.close({ graceMs: 50 }));
      await assert.rejects(async () => {
        for await (const _ of call);
      }, StatusError);
    });
  });

  for (const name of ["reads on", "does not even read"]) {
    test(`R171 comes to an end although a client never closes its side and ${name}`, async () => {
      const server = new Server();
      const { port } = await server.listen("127.0.0.1:0");
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      socket.on("error", () => undefined);
      await once(socket, "connect");
      const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
      socket.write(Buffer.concat([preface, Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]));
      await once(socket, "readable");
      if (name === "reads on") socket.resume();
      try {
        await timed(SOON_MS, "close()", server.close({ graceMs: 50 }));
      } finally {
        socket.destroy();
        await server.close({ graceMs: 0 });
      }
    });
  }

  test("does not wait for connections that never had a call: silent ones, handshakes that stay half open, clients that ignore GOAWAY", async () => {
    const identity = new Authority().issue();
    const inPlaintext = new Server().add(Echo, behaveAs(echo));
    const overTls = new Server({ tls: identity }).add(Echo, behaveAs(echo));
    const { port } = await inPlaintext.listen("127.0.0.1:0");
    const { port: tlsPort } = await overTls.listen("127.0.0.1:0");
    // None of them ever closes its side.
    const where = { host: "127.0.0.1", allowHalfOpen: true };
    const hello = Buffer.concat([CLIENT_PREFACE, encodeFrame(FrameType.SETTINGS, 0, 0)]);
    const clients = [connect({ ...where, port }), connect({ ...where, port }), connect({ ...where, port: tlsPort })];
    clients[0]?.write(hello);
    clients.push(connectTls({ ...where, port: tlsPort, rejectUnauthorized: false, ALPNProtocols: ["h2"] }));
    clients[3]?.write(hello);
    const gone = clients.map(
      (client) => new Promise((resolve) => client.on("error", () => undefined).once("close", resolve)),
    );
    // The server has them all once it has said something to those it talks to; the last one came last.
    await Promise.all([clients[0], clients[1], clients[3]].map((client) => once(client as Socket, "data")));
    for (const client of clients) client.resume();
    const closed = Promise.all([inPlaintext.close({ graceMs: 60_000 }), overTls.close({ graceMs: 60_000 })]);
    await timed(10_000, "close()", closed);
    for (const client of clients) client.destroy();
    await Promise.all(gone);
  });

  test("a connection that has had a call keeps the grace for what it was sent", async () => {
    const served = gate();
    const server = new Server({ onCallEnd: () => served.open() }).add(Echo, behaveAs(echo));
    const { port } = await server.listen("127.0.0.1:0");
    const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true }).resume();
    client.write(Buffer.concat([CLIENT_PREFACE, encodeFrame(FrameType.SETTINGS, 0, 0)]));
    client.write(encodeHeaders(1, requestFields("/barewire.test.Echo/Unary"), false));
    client.write(encodeFrame(FrameType.DATA, Flag.END_STREAM, 1, Buffer.alloc(5)));
    await served.opened;
    const tookMs = await timed(10_000, "close()", server.close({ graceMs: 900 }));
    assert.ok(tookMs >= 890, `it had ${tookMs} ms only`);
    client.destroy();
  });

  test("R154 what was answered arrives whole over a slow link, within the grace", async () => {
    const payload = bytesOf(200_000);
    const answered = gate();
    let answers = 0;
    const server = new Server().add(Echo, {
      unary: () => {
        if (++answers === 5) answered.open();
        return { payload };
      },
    });
    const { port } = await server.listen("127.0.0.1:0");
    const link = await slowLink(port, 1000);
    const channel = new Channel(`127.0.0.1:${link.port}`);
    try {
      const client = channel.client(Echo);
      const calls = Array.from({ length: 5 }, () => client.unary({}));
      await answered.opened;
      await timed(10_000, "close()", server.close({ graceMs: 10_000 }));
      for (const call of calls) assert.equal((await call).payload.length, payload.length);
    } finally {
      await channel.destroy();
      await server.close({ graceMs: 0 });
      await link.close();
    }
  });

  test("may be awaited by `await using`", async () => {
    let port = 0;
    {
      const server = new Server().add(Echo, behaveAs(echo));
      ({ port } = await server.listen("127.0.0.1:0"));
      const channel = new Channel(`127.0.0.1:${port}`);
      assert.equal((await channel.client(Echo).unary({ text: "a" })).text, "a");
      await channel[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    }
    const channel = new Channel(`127.0.0.1:${port}`);
    await assert.rejects(channel.client(Echo).unary({}), /UNAVAILABLE/);
    await channel.close();
  });

  test("works on a server that never listened, which then cannot listen any more", async () => {
    const server = new Server();
    await timed(SOON_MS, "close()", server.close());
    await assert.rejects(server.listen("127.0.0.1:0"), /closed/);
  });

  test("refuses a grace that is none", async () => {
    const server = new Server();
    await assert.rejects(server.close({ graceMs: -1 }), TypeError);
    await assert.rejects(server.close({ graceMs: Number.NaN }), TypeError);
    await assert.rejects(server.close({ graceMs: "5" as never }), TypeError);
    await assert.rejects(server.close({ grace: 0 } as object), {
      name: "TypeError",
      message: /"grace"; did you mean "graceMs"\?/,
    });
    // None of them has closed it.
    await server.listen("127.0.0.1:0");
    await server.close();
  });
});

describe("Server.listen", () => {
  test("may be called for several addresses; all answer", async () => {
    const server = new Server().add(Echo, behaveAs(echo));
    const ports = [await server.listen("127.0.0.1:0"), await server.listen("localhost:0")];
    for (const { address, port } of ports) {
      assert.match(address, new RegExp(`:${port}$`));
      const channel = new Channel(address);
      assert.equal((await channel.client(Echo).unary({ text: address })).text, address);
      await channel.close();
    }
    await server.close();
  });

  test("R174 serves from the moment it listens: whoever is let in is answered, the first one too", async () => {
    const folder = mkdtempSync(join(tmpdir(), "barewire-listen-"));
    try {
      for (let i = 0; i < 20; i++) {
        const address = `unix:${join(folder, `socket-${i}`)}`;
        const server = new Server().add(Echo, behaveAs(echo));
        let listens = false;
        const listening = server.listen(address).then(() => (listens = true));
        // A channel a turn, until the first is let in, which may be before listen() has told of it.
        for (let text = ""; text !== "answered";) {
          const channel = new Channel(address);
          const call = channel.client(Echo).unary({ text: "answered" });
          const status = await call.status;
          if (status.code === Code.OK) ({ text } = await call);
          else {
            await assert.rejects(call, { code: Code.UNAVAILABLE });
            assert.equal(listens, false, `refused after it listened: ${status.message}`);
          }
          await channel.close();
        }
        await listening;
        await server.close();
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("says why it cannot: the address is in use, or is none", async () => {
    const server = new Server();
    const { address } = await server.listen("127.0.0.1:0");
    const other = new Server();
    await assert.rejects(
      other.listen(address),
      (error) =>
        error instanceof Error && error.message.includes(address) && /in use \(EADDRINUSE\)/.test(error.message),
    );
    await assert.rejects(other.listen("nonsense"), TypeError);
    await assert.rejects(other.listen("127.0.0.1:99999"), TypeError);
    // A failed attempt leaves the server usable.
    await other.listen("127.0.0.1:0");
    await other.close();
    await server.close();
  });

  test("that is overtaken by close() rejects, and nothing listens", async () => {
    const path = join(tmpdir(), `barewire-listen-${process.pid}.sock`);
    for (const turns of [0, 1, 2, 5]) {
      const server = new Server().add(Echo, behaveAs(echo));
      let outcome: unknown;
      const listening = server.listen(`unix:${path}`).then(
        () => (outcome = "listens"),
        (error: unknown) => (outcome = error),
      );
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      await timed(SOON_MS, "close()", server.close());
      await timed(SOON_MS, "listen()", listening);
      assert.ok(outcome instanceof Error, String(outcome));
      assert.match(outcome.message, /closed/);
      const socket = connect({ path });
      await assert.rejects(once(socket, "connect"), `after ${turns} turns`);
      await timed(SOON_MS, "close() again", server.close());
    }
  });

  test("refuses what is no option of a server, with the nearest name", () => {
    assert.throws(() => new Server({ maxConcurentStreams: 5 } as object), /did you mean "maxConcurrentStreams"/);
    assert.throws(() => new Server({ maxReceiveBytes: -1 }), TypeError);
  });
});
