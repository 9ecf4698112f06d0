/**
 * How long a server keeps connections: idle ones, old ones, those of a client that pings too often, and all at a shutdown.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { Code, Server, StatusError, type HandlerCall, type ServerOptions } from "../../src/core.js";
import { DEFAULT_SERVER_LIMITS } from "../../src/transport/server/limits.js";
import { Authority } from "../support/certificates.js";
import { ErrorCode } from "../support/http2-frame.js";
import { RawClient, type Frame, type PeerOptions } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { call, served } from "../support/peer-served.js";
import { prefixed, requestFields, Wire } from "../support/peer-service.js";

guardProcess();

const UNARY = "/wire.Wire/Unary";
const BIDI_STREAMING = "/wire.Wire/BidiStreaming";
const MAX_STREAM_ID = 2 ** 31 - 1;
/** What a server permits unless it is told otherwise. */
const DEFAULT_PINGS = {
  permitKeepaliveTimeMs: DEFAULT_SERVER_LIMITS.permitKeepaliveTimeMs,
  permitKeepaliveWithoutCalls: false,
};

/** What a GOAWAY says. */
function goaways(client: RawClient): { readonly lastStreamId: number; readonly code: number; readonly text: string }[] {
  return client.frames
    .filter((frame) => frame.name === "GOAWAY")
    .map(({ payload, errorCode }: Frame) => ({
      lastStreamId: payload.readUInt32BE(0),
      code: errorCode,
      text: payload.subarray(8).toString("latin1"),
    }));
}

describe("idle connections", () => {
  test("R167 a connection without a call for the time is told max_idle, and closed", async () => {
    await served(
      {},
      async ({ connect: open }) => {
        const client = await open();
        await client.disconnected();
        const [first, second] = goaways(client);
        assert.deepEqual(first, { lastStreamId: MAX_STREAM_ID, code: ErrorCode.NO_ERROR, text: "max_idle" });
        assert.deepEqual(second, { lastStreamId: 0, code: ErrorCode.NO_ERROR, text: "" });
      },
      { maxConnectionIdleMs: 100 },
    );
  });

  test("R167 the time counts from the end of the last call, and not while one runs", async () => {
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    await served(
      {
        async *bidiStreaming() {
          await finished;
          yield Buffer.from("late");
        },
      },
      async ({ connect: open }) => {
        const client = await open();
        const streamId = client.open(requestFields(BIDI_STREAMING), { endStream: true });
        const other = await open();
        await other.disconnected();
        await client.roundTrip();
        assert.deepEqual(goaways(client), [], "a call runs here");
        finish();
        assert.equal((await client.reply(streamId)).grpcStatus, Code.OK);
        await client.disconnected();
        const ids = goaways(client).map(({ lastStreamId }) => lastStreamId);
        // Node says the last one again when the socket closes.
        assert.deepEqual(ids.slice(0, 2), [MAX_STREAM_ID, streamId]);
      },
      { maxConnectionIdleMs: 150 },
    );
  });
});

describe("old connections", () => {
  test("R168 R154 a connection of the age is told max_age; its calls go on to their end", async () => {
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    await served(
      {
        async *bidiStreaming() {
          yield Buffer.from("early");
          await finished;
          yield Buffer.from("late");
        },
      },
      async ({ connect: open }) => {
        const client = await open();
        const streamId = client.open(requestFields(BIDI_STREAMING), { endStream: true });
        await client.until("two GOAWAYs", () => (goaways(client).length === 2 ? true : undefined));
        assert.deepEqual(goaways(client), [
          { lastStreamId: MAX_STREAM_ID, code: ErrorCode.NO_ERROR, text: "max_age" },
          { lastStreamId: streamId, code: ErrorCode.NO_ERROR, text: "" },
        ]);
        const raced = client.open(requestFields(UNARY), { endStream: true });
        finish();
        const reply = await client.reply(streamId);
        assert.deepEqual([reply.grpcStatus, reply.data.length], [Code.OK, 2 * 5 + 9]);
        await client.disconnected();
        assert.deepEqual(client.order(raced), [], "a stream above the last id is not looked at");
      },
      { maxConnectionAgeMs: 100 },
    );
  });

  test("R169 calls that outlast the grace end UNAVAILABLE, their handlers are told, and the connection is dropped", async () => {
    let reason: unknown;
    await served(
      {
        async *bidiStreaming(_requests, { signal }: HandlerCall): AsyncGenerator<Uint8Array> {
          yield Buffer.from("early");
          await once(signal, "abort");
          reason = signal.reason;
        },
      },
      async ({ connect: open }) => {
        const client = await open();
        const streamId = client.open(requestFields(BIDI_STREAMING));
        const reply = await client.reply(streamId);
        assert.equal(reply.grpcStatus, Code.UNAVAILABLE);
        assert.match(reply.grpcMessage, /maximum age/);
        await client.disconnected();
        assert.ok(reason instanceof StatusError);
        assert.equal(reason.code, Code.UNAVAILABLE);
      },
      { maxConnectionAgeMs: 100, maxConnectionAgeGraceMs: 50 },
    );
  });

  test("R168 connections made at once do not all end at once", async () => {
    await served(
      {},
      async ({ connect: open }) => {
        const ages = await Promise.all(
          Array.from({ length: 60 }, async () => {
            const opened = performance.now();
            await (await open()).frame("GOAWAY");
            return performance.now() - opened;
          }),
        );
        assert.ok(Math.min(...ages) >= 899, `the first ended after ${Math.min(...ages)} ms`);
        assert.ok(Math.max(...ages) - Math.min(...ages) > 80, "their ends are spread");
      },
      { maxConnectionAgeMs: 1000 },
    );
  });
});

describe("PINGs", () => {
  test("R191 R188 the fourth PING with nothing between them: GOAWAY too_many_pings, then the end of the connection", async () => {
    await served(
      {
        async *bidiStreaming(_requests, { signal }: HandlerCall): AsyncGenerator<Uint8Array> {
          await once(signal, "abort");
        },
      },
      async ({ connect: open }) => {
        const client = await open();
        const streamId = client.open(requestFields(BIDI_STREAMING));
        for (let i = 0; i < 3; i++) await client.roundTrip();
        assert.deepEqual(goaways(client), []);
        client.send(6, 0, 0, Buffer.alloc(8, 9));
        await client.disconnected();
        const [first] = goaways(client);
        assert.deepEqual(first, {
          lastStreamId: streamId,
          code: ErrorCode.ENHANCE_YOUR_CALM,
          text: "too_many_pings",
        });
      },
      DEFAULT_PINGS,
    );
  });

  test("R190 R188 headers or a message of the server's between them: any number of PINGs", async () => {
    await served(
      {},
      async ({ connect: open }) => {
        const client = await open();
        const streamId = client.open(requestFields(BIDI_STREAMING));
        for (let i = 1; i <= 8; i++) {
          client.data(streamId, prefixed("x"));
          await client.until("the answer", () => (client.received(streamId) >= 6 * i ? true : undefined));
          for (let k = 0; k < 3; k++) await client.roundTrip();
        }
        for (let i = 0; i < 8; i++) {
          assert.equal((await call(client, UNARY, [prefixed("x")])).grpcStatus, Code.OK);
          for (let k = 0; k < 3; k++) await client.roundTrip();
        }
        assert.deepEqual(goaways(client), []);
        client.reset(streamId, ErrorCode.CANCEL);
      },
      DEFAULT_PINGS,
    );
  });

  test("R188 R190 DATA of one long message between PINGs permits them as well, with and without TLS", async () => {
    const authority = new Authority();
    const ways: readonly [ServerOptions, (port: number, options?: PeerOptions) => Promise<RawClient>][] = [
      [{}, RawClient.connect],
      [{ tls: authority.issue() }, (port, options) => RawClient.connectTls(port, { ca: authority.cert }, options)],
    ];
    for (const [options, connectTo] of ways) {
      await served(
        { unary: () => Buffer.alloc(600_000) },
        async ({ connect: open }) => {
          // A window's worth at a time and a PING with each, as from clients that look for the best size of their windows.
          const client = await open({ autoWindow: false });
          const streamId = client.open(requestFields(UNARY));
          client.data(streamId, prefixed("x"), { endStream: true });
          for (let came = 0; came < 600_005;) {
            const room = Math.min(came + 65_535, 600_005);
            await client.until("a window's worth", () => (client.received(streamId) >= room ? true : undefined));
            client.windowUpdate(0, room - came);
            client.windowUpdate(streamId, room - came);
            came = room;
            await client.roundTrip();
          }
          assert.equal((await client.reply(streamId)).grpcStatus, Code.OK);
          assert.deepEqual(goaways(client), []);
        },
        { ...DEFAULT_PINGS, ...options },
        connectTo,
      );
    }
  });

  test("R188 the answer to a call of an unknown method is headers, too", async () => {
    await served(
      {},
      async ({ connect: open }) => {
        const client = await open();
        for (let i = 0; i < 8; i++) {
          const streamId = client.open(requestFields("/wire.Wire/Unheard"), { endStream: true });
          assert.equal((await client.reply(streamId)).grpcStatus, Code.UNIMPLEMENTED);
          await client.roundTrip();
        }
        assert.deepEqual(goaways(client), []);
      },
      DEFAULT_PINGS,
    );
  });

  test("R183 R189 a PING is answered with its own bytes, also the first on a connection without a call", async () => {
    await served(
      {},
      async ({ connect: open }) => {
        const client = await open();
        client.send(6, 0, 0, Buffer.from("12345678"));
        const ack = await client.until("the answer", () =>
          client.frames.find((frame) => frame.name === "PING" && (frame.flags & 1) !== 0),
        );
        assert.equal(ack.payload.toString(), "12345678");
      },
      DEFAULT_PINGS,
    );
  });
});

describe("connections at a time", () => {
  test("one more than there may be is closed at once and told of, once; the others go on, and a place becomes free", async () => {
    await served(
      {},
      async ({ connect: open, port, errors }) => {
        const clients = [await open(), await open()];
        for (let i = 0; i < 5; i++) {
          const refused = connect(port, "127.0.0.1");
          refused.on("error", () => undefined);
          await once(refused, "close");
        }
        assert.equal(errors.length, 1);
        assert.match(String(errors[0]), /connections are refused: there are 2 of them already/);
        for (const client of clients) assert.equal((await call(client, UNARY, [prefixed("x")])).grpcStatus, Code.OK);
        const [first] = clients;
        first?.end();
        await first?.disconnected();
      },
      { maxConnections: 2 },
    );
  });
});

describe("graceful shutdown", () => {
  test("R170 R172 two GOAWAYs: no more are wanted, then how far it got; what was taken ends with its own status", async () => {
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const server = new Server({ permitKeepaliveTimeMs: 0 });
    server.add(Wire, {
      async unary(request) {
        await finished;
        if (request[0] === 120) throw new StatusError(Code.ABORTED, "its own");
        return request;
      },
    });
    const { port } = await server.listen("127.0.0.1:0");
    const client = await RawClient.connect(port);
    const taken = ["x", "y"].map((text) => {
      const streamId = client.open(requestFields(UNARY));
      client.data(streamId, prefixed(text), { endStream: true });
      return streamId;
    });
    await client.roundTrip();
    const closed = server.close();
    await client.until("two GOAWAYs", () => (goaways(client).length === 2 ? true : undefined));
    assert.deepEqual(
      goaways(client).map(({ lastStreamId, code }) => [lastStreamId, code]),
      [
        [MAX_STREAM_ID, ErrorCode.NO_ERROR],
        [taken.at(-1), ErrorCode.NO_ERROR],
      ],
    );
    const raced = client.open(requestFields(UNARY));
    client.data(raced, prefixed("z"), { endStream: true });
    finish();
    const codes = await Promise.all(taken.map(async (streamId) => (await client.reply(streamId)).grpcStatus));
    assert.deepEqual(codes, [Code.ABORTED, Code.OK]);
    await closed;
    assert.deepEqual(client.order(raced), []);
    client.destroy();
  });
});
