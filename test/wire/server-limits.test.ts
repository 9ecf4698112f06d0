/**
 * What one client can make a server hold, run or wait for: flow control, streams, handlers, deadlines, and the end of it.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Code, StatusError, type HandlerCall } from "../../src/core.js";
import { decodeSettings, ErrorCode, Flag, FrameType, Setting } from "../support/http2-frame.js";
import { HAS_RESET_LIMITS } from "../support/node-version.js";
import { guardProcess } from "../support/peer-guard.js";
import { call, served } from "../support/peer-served.js";
import { granted, messagesIn, prefixed, requestFields } from "../support/peer-service.js";

guardProcess();

const UNARY = "/wire.Wire/Unary";
const SERVER_STREAMING = "/wire.Wire/ServerStreaming";
const CLIENT_STREAMING = "/wire.Wire/ClientStreaming";
const BIDI_STREAMING = "/wire.Wire/BidiStreaming";
const HELLO = [prefixed("hello")];

/** Waits for the signal of a call; says its reason. */
async function aborted({ signal }: HandlerCall): Promise<unknown> {
  if (!signal.aborted) await once(signal, "abort");
  return signal.reason;
}

describe("flow control", () => {
  test("R143 a client that does not read holds the handler back, and reading lets it go on", async () => {
    const COUNT = 200;
    const SIZE = 65_536;
    for (const shape of ["sync", "async"] as const) {
      let yielded = 0;
      function* messages(): Generator<Uint8Array> {
        for (; yielded < COUNT; yielded++) yield Buffer.alloc(SIZE);
      }
      const serverStreaming = (): Iterable<Uint8Array> | AsyncIterable<Uint8Array> =>
        shape === "sync"
          ? messages()
          : (async function* () {
              yield* messages();
            })();
      await served({ serverStreaming }, async ({ connect }) => {
        const client = await connect({ autoWindow: false });
        const streamId = client.open(requestFields(SERVER_STREAMING));
        client.data(streamId, prefixed("go"), { endStream: true });
        await client.until("a full window", () => (client.received(streamId) === 65_535 ? true : undefined));
        for (let i = 0; i < 20; i++) await client.roundTrip();
        const held = yielded;
        // One message fills the window; what else was taken waits in the stream, whose buffer is far below a message.
        assert.ok(held <= 4, `${held} messages of 64 KiB were taken for a window of 64 KiB`);
        for (let i = 0; i < 20; i++) await client.roundTrip();
        assert.equal(yielded, held, "nothing moves while nobody reads");
        client.autoWindow = true;
        client.windowUpdate(0, 65_535);
        client.windowUpdate(streamId, 65_535);
        const reply = await client.reply(streamId);
        assert.equal(reply.grpcStatus, Code.OK);
        assert.equal(reply.data.length, COUNT * (SIZE + 5));
      });
      assert.equal(yielded, COUNT);
    }
  });

  test("R144 R145 a handler that does not read stops its own stream within one window, and no other", async () => {
    const WINDOW = 256 * 1024;
    let read: () => void = () => undefined;
    const mayRead = new Promise<void>((resolve) => (read = resolve));
    await served(
      {
        async clientStreaming(requests) {
          await mayRead;
          let bytes = 0;
          for await (const request of requests) bytes += request.length;
          return Buffer.from(String(bytes));
        },
      },
      async ({ connect }) => {
        const client = await connect();
        const streamId = client.open(requestFields(CLIENT_STREAMING));
        const message = prefixed(Buffer.alloc(10_000));
        const body = Buffer.concat(Array.from({ length: 200 }, () => message));
        let sent = 0;
        const sending = client.body(streamId, body, { endStream: true }).then((bytes) => (sent = bytes));
        for (let i = 0; i < 10; i++) {
          const other = await call(client, UNARY, HELLO);
          assert.deepEqual(messagesIn(other.data), ["hello"], "other streams go on");
        }
        await client.roundTrip();
        assert.equal(sent, 0, "the body is still held back");
        const granted = client
          .on(streamId)
          .filter((frame) => frame.name === "WINDOW_UPDATE")
          .reduce((sum, frame) => sum + frame.payload.readUInt32BE(0), 0);
        assert.ok(granted <= WINDOW, `${granted} bytes beyond the first window were asked for`);
        read();
        await sending;
        const reply = await client.reply(streamId);
        assert.deepEqual(messagesIn(reply.data), [String(200 * 10_000)]);
      },
    );
  });

  test("R150 the window of a stream is announced as configured, and that of the connection grows up to what is", async () => {
    await served(
      {},
      async ({ connect }) => {
        const client = await connect();
        const settings = decodeSettings((await client.frame("SETTINGS")).payload);
        assert.equal(settings.get(Setting.INITIAL_WINDOW_SIZE), 100_000);
        await client.roundTrip();
        assert.equal(granted(client), 0, "it begins as every kernel can bear it");
        client.autoAck = false;
        const streamId = client.open(requestFields(CLIENT_STREAMING));
        await client.body(streamId, prefixed(Buffer.alloc(40_000)));
        const ping = await client.frame("PING");
        await client.body(streamId, prefixed(Buffer.alloc(30_000)));
        client.send(FrameType.PING, Flag.ACK, 0, ping.payload);
        await client.until("a larger window", () => (granted(client) > 2 * 40_000 ? true : undefined));
      },
      { streamWindowBytes: 100_000, connectionWindowBytes: 131_070 },
    );
  });

  test("R183 a PING is answered with its own payload while a stream is blocked", async () => {
    await served(
      { serverStreaming: () => Array.from({ length: 10 }, () => Buffer.alloc(65_536)) },
      async ({ connect }) => {
        const client = await connect({ autoWindow: false });
        const streamId = client.open(requestFields(SERVER_STREAMING));
        client.data(streamId, prefixed("go"), { endStream: true });
        await client.until("a full window", () => (client.received(streamId) === 65_535 ? true : undefined));
        client.send(FrameType.PING, 0, 0, Buffer.from("12345678"));
        const pong = await client.frame("PING");
        assert.equal(pong.flags & Flag.ACK, Flag.ACK);
        assert.equal(pong.payload.toString(), "12345678");
      },
    );
  });
});

describe("streams and handlers of one connection", () => {
  test("R176 R93 streams that raced with the limit are refused, and no handler sees them", async () => {
    const release: (() => void)[] = [];
    let ran = 0;
    await served(
      {
        async unary(request) {
          ran++;
          await new Promise<void>((resolve) => release.push(resolve));
          return request;
        },
      },
      async ({ connect }) => {
        const client = await connect();
        // As long as the limit is not acknowledged, a client may not know of it.
        client.autoAck = false;
        const open = (): number => {
          const streamId = client.open(requestFields(UNARY));
          client.data(streamId, prefixed("hello"), { endStream: true });
          return streamId;
        };
        const taken = [open(), open()];
        const refused = [open(), open(), open()];
        for (const streamId of refused) {
          assert.deepEqual((await client.reply(streamId)).order, [`RST_STREAM(${ErrorCode.REFUSED_STREAM})`]);
        }
        const settings = decodeSettings((await client.frame("SETTINGS")).payload);
        assert.equal(settings.get(Setting.MAX_CONCURRENT_STREAMS), 2);
        assert.equal(ran, 2);
        for (const one of release.splice(0)) one();
        for (const streamId of taken) assert.equal((await client.reply(streamId)).grpcStatus, Code.OK);
      },
      { maxConcurrentStreams: 2 },
    );
  });

  test("a client that breaks the limit it has acknowledged loses its own connection and no other", async () => {
    await served(
      { bidiStreaming: async (_requests, handlerCall) => (await aborted(handlerCall), []) },
      async ({ connect, errors }) => {
        const bystander = await connect();
        const client = await connect();
        await client.frame("SETTINGS");
        await client.roundTrip();
        const streams = Array.from({ length: 4 }, () => client.open(requestFields(BIDI_STREAMING)));
        await client.until("a refusal", () => {
          const refused = streams.some((streamId) => client.order(streamId).includes("RST_STREAM(7)"));
          return refused || client.frames.some((frame) => frame.name === "GOAWAY") ? true : undefined;
        });
        client.destroy();
        assert.equal((await call(bystander, UNARY, HELLO)).grpcStatus, Code.OK);
        assert.deepEqual(errors, []);
      },
      { maxConcurrentStreams: 2 },
    );
  });

  test("a client that cancels thousands of calls keeps its connection, where Node can be told so", async () => {
    // Node's own limit is 1,000 at once and 33 more a second: what the clock adds during the test does not matter.
    const RESETS = 5000;
    let ran = 0;
    await served(
      {
        bidiStreaming: async function* (_requests, call) {
          ran++;
          await aborted(call);
        },
      },
      async ({ connect, errors }) => {
        const bystander = await connect();
        const client = await connect();
        // A session of Node 20 that has sent its GOAWAY answers no PING: an answer or the GOAWAY, whichever comes.
        const goaway = client.frame("GOAWAY").then(
          ({ errorCode }) => errorCode,
          () => undefined,
        );
        let dropped: number | undefined;
        for (let sent = 0; sent < RESETS && dropped === undefined; sent += 100) {
          for (let i = 0; i < 100; i++) {
            client.reset(client.open(requestFields(BIDI_STREAMING)), ErrorCode.CANCEL);
          }
          dropped = await Promise.race([goaway, client.roundTrip().then(() => undefined)]);
        }
        if (HAS_RESET_LIMITS) {
          assert.equal((await call(client, UNARY, HELLO)).grpcStatus, Code.OK);
          assert.equal(ran, RESETS);
        } else {
          assert.equal(dropped, ErrorCode.INTERNAL_ERROR);
          await client.disconnected();
          assert.ok(ran >= 1000, `${ran} calls came through`);
        }
        assert.equal((await call(bystander, UNARY, HELLO)).grpcStatus, Code.OK, "other connections go on");
        assert.deepEqual(errors, []);
      },
      // Such a session has to be found out by its silence.
      HAS_RESET_LIMITS ? {} : { keepaliveTimeMs: 100, keepaliveTimeoutMs: 100 },
    );
  });

  test("open-and-reset beyond maxRunningHandlers ends the connection with ENHANCE_YOUR_CALM, handlers stay bounded", async () => {
    let running = 0;
    let most = 0;
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    await served(
      {
        // Ignores its cancellation, as handlers do that wait for a database.
        async bidiStreaming() {
          most = Math.max(most, ++running);
          await released;
          running--;
          return [];
        },
      },
      async ({ connect, errors }) => {
        const bystander = await connect();
        const client = await connect();
        for (let i = 0; i < 200; i++) {
          const streamId = client.open(requestFields(BIDI_STREAMING));
          client.reset(streamId, ErrorCode.CANCEL);
          // Each pair is read on its own, so that every stream really reaches its handler.
          if (i % 10 === 9 && !client.closed) await client.roundTrip().catch(() => undefined);
        }
        assert.equal((await client.frame("GOAWAY")).errorCode, ErrorCode.ENHANCE_YOUR_CALM);
        await client.disconnected();
        assert.equal(most, 50);
        assert.equal((await call(bystander, UNARY, HELLO)).grpcStatus, Code.OK, "other connections go on");
        release();
        assert.deepEqual(errors, []);
      },
      { maxRunningHandlers: 50 },
    );
    assert.equal(running, 0);
  });
});

describe("deadline", () => {
  test("R102 R112 the handler is told and the client gets DEADLINE_EXCEEDED", async () => {
    const reasons: unknown[] = [];
    await served(
      {
        async unary(request, handlerCall) {
          reasons.push(await aborted(handlerCall));
          return request;
        },
        async clientStreaming(requests) {
          try {
            for await (const request of requests) void request;
          } catch (error) {
            reasons.push(error);
          }
          return Buffer.alloc(0);
        },
        async *bidiStreaming(_requests, handlerCall) {
          yield Buffer.from("one");
          reasons.push(await aborted(handlerCall));
          yield Buffer.from("never sent");
        },
      },
      async ({ connect, errors }) => {
        const client = await connect();
        const timeout = [["grpc-timeout", "20m"]] as const;
        const unary = await call(client, UNARY, HELLO, timeout);
        assert.equal(unary.grpcStatus, Code.DEADLINE_EXCEEDED);
        assert.equal(unary.order[0], "HEADERS+END_STREAM");
        const reading = client.open(requestFields(CLIENT_STREAMING, timeout));
        assert.equal((await client.reply(reading)).grpcStatus, Code.DEADLINE_EXCEEDED);
        const writing = client.open(requestFields(BIDI_STREAMING, timeout));
        const reply = await client.reply(writing);
        assert.equal(reply.grpcStatus, Code.DEADLINE_EXCEEDED);
        assert.deepEqual(messagesIn(reply.data), ["one"]);
        assert.deepEqual(errors, []);
      },
    );
    assert.equal(reasons.length, 3);
    for (const reason of reasons) {
      assert.ok(reason instanceof StatusError);
      assert.equal(reason.code, Code.DEADLINE_EXCEEDED);
    }
  });

  test("R102 a request that is never completed ends at its deadline, its handler never runs", async () => {
    let ran = 0;
    const unary = (request: Uint8Array): Uint8Array => {
      ran++;
      return request;
    };
    await served({ unary }, async ({ connect }) => {
      const client = await connect();
      const streamId = client.open(requestFields(UNARY, [["grpc-timeout", "20m"]]));
      client.data(streamId, prefixed("hello").subarray(0, 7));
      assert.equal((await client.reply(streamId)).grpcStatus, Code.DEADLINE_EXCEEDED);
      assert.equal((await client.frame("RST_STREAM", streamId)).errorCode, ErrorCode.NO_ERROR);
    });
    assert.equal(ran, 0);
  });

  test("R102 trailers that cannot be sent give way to RST_STREAM(CANCEL), without END_STREAM before it", async () => {
    await served(
      {
        async *serverStreaming() {
          for (;;) yield Buffer.alloc(16_384);
        },
      },
      async ({ connect }) => {
        const client = await connect({ autoWindow: false });
        const streamId = client.open(requestFields(SERVER_STREAMING, [["grpc-timeout", "50m"]]));
        client.data(streamId, prefixed("go"), { endStream: true });
        const reset = await client.frame("RST_STREAM", streamId);
        assert.equal(reset.errorCode, ErrorCode.CANCEL);
        assert.ok(!client.order(streamId).some((frame) => frame.endsWith("END_STREAM")));
      },
    );
  });

  test("a deadline of nothing has passed on arrival: no handler runs", async () => {
    let ran = 0;
    const unary = (request: Uint8Array): Uint8Array => {
      ran++;
      return request;
    };
    await served({ unary }, async ({ connect }) => {
      const client = await connect();
      for (const value of ["0n", "0S", "00000000H"]) {
        const reply = await call(client, UNARY, HELLO, [["grpc-timeout", value]]);
        assert.equal(reply.grpcStatus, Code.DEADLINE_EXCEEDED, value);
      }
    });
    assert.equal(ran, 0);
  });

  test("R106 a deadline beyond the longest timer never comes early", async () => {
    await served(
      {
        async unary(request, { signal, deadline }) {
          // A timer set too far fires after 1 ms: this one is later.
          await delay(25);
          assert.equal(signal.aborted, false);
          assert.ok(deadline !== undefined && deadline.getTime() - Date.now() > 2 ** 31 - 1);
          return request;
        },
      },
      async ({ connect, errors }) => {
        const client = await connect();
        for (const value of ["99999999H", "600H", "2147484S", "36000M"]) {
          const reply = await call(client, UNARY, HELLO, [["grpc-timeout", value]]);
          assert.equal(reply.grpcStatus, Code.OK, value);
        }
        assert.deepEqual(errors, []);
      },
    );
  });
});
