/**
 * Hedging: a call that is sent several times side by side, and which of them is the call.
 *
 * Spec: gRFC A6, "Hedging Policy".
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, StatusError } from "../../src/core.js";
import type { HedgingPolicy } from "../../src/transport/client/settings/method-settings.js";
import { RetryThrottle } from "../../src/transport/client/attempts/retry-throttle.js";
import { ErrorCode } from "../support/http2-frame.js";
import { RawServer, type ServerPeer } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { answer, begin, completeRequest, KINDS, outcome } from "../support/peer-scripted.js";
import { messagesIn, OK_TRAILERS, prefixed, RESPONSE_FIELDS, said, Wire } from "../support/peer-service.js";
import { failWith, HEDGING, policed, policedAt, type Policed } from "../support/policed.js";

guardProcess();

const { UNAVAILABLE } = Code;
const CANCELLED = `RST_STREAM(${ErrorCode.CANCEL})`;

function hedged(policy: Partial<HedgingPolicy> = {}): { settings: { hedging: HedgingPolicy } } {
  return { settings: { hedging: { ...HEDGING, ...policy } } };
}

/** How many calls came so far. */
function started(connection: ServerPeer): number {
  return connection.frames.filter((frame) => frame.name === "HEADERS").length;
}

/** Makes the connection, so that what follows is placed at once. */
async function warmed({ server, client }: Policed): Promise<ServerPeer> {
  const result = outcome(begin(client, "unary"));
  const connection = await server.connection();
  answer(connection, (await completeRequest(connection)).streamId, ["warm"]);
  await result;
  return connection;
}

describe("a call with a hedging policy", () => {
  for (const kind of KINDS) {
    test(`R271 R272 R279 R14 ${kind}: is sent again every now and then, and whoever answers first is the call`, async () => {
      await policed({ ...hedged(), servers: 1 }, async ({ server, client, clock, turns }) => {
        const call = begin(client, kind);
        const result = outcome(call);
        const connection = await server.connection();
        const first = await completeRequest(connection);
        assert.equal(await clock.fire(), 50);
        const second = await completeRequest(connection);
        assert.equal(await clock.fire(), 50);
        const third = await completeRequest(connection);
        assert.equal(clock.pending, 0, "there are no more");
        for (const { messages } of [first, second, third]) assert.deepEqual(messages, ["hello"]);
        answer(connection, second.streamId, ["from the second"]);
        assert.deepEqual((await result).messages, ["from the second"]);
        await connection.frame("RST_STREAM", first.streamId);
        await connection.frame("RST_STREAM", third.streamId);
        assert.deepEqual(connection.order(first.streamId).at(-1), CANCELLED);
        assert.deepEqual(connection.order(second.streamId), ["HEADERS", "DATA+END_STREAM"]);
        const previous = connection.frames
          .filter((frame) => frame.name === "HEADERS")
          .map((frame) => said(frame, "grpc-previous-rpc-attempts"));
        assert.deepEqual(previous, [undefined, "1", "2"]);
        assert.deepEqual(turns.released, [undefined, undefined, Code.OK]);
        assert.equal(call.attempts.length, 3);
      });
    });

    test(`R272 ${kind}: headers are an answer, whatever comes after them`, async () => {
      await policed(hedged({ hedgingDelayMs: 0, maxAttempts: 2 }), async ({ server, client }) => {
        const result = outcome(begin(client, kind));
        const connection = await server.connection();
        const first = await completeRequest(connection);
        const second = await completeRequest(connection);
        connection.headers(first.streamId, RESPONSE_FIELDS);
        await connection.frame("RST_STREAM", second.streamId);
        connection.headers(first.streamId, [["grpc-status", String(UNAVAILABLE)]], { endStream: true });
        assert.equal((await result).code, UNAVAILABLE);
        assert.equal(started(connection), 2);
      });
    });

    test(`R274 ${kind}: a code that is not named ends it, and the others are cancelled`, async () => {
      await policed(hedged({ hedgingDelayMs: 0 }), async ({ server, client }) => {
        const result = outcome(begin(client, kind));
        const connection = await server.connection();
        const streams: number[] = [];
        for (let i = 0; i < 3; i++) streams.push((await completeRequest(connection)).streamId);
        failWith(connection, streams[1] as number, Code.INTERNAL);
        const { code, message } = await result;
        assert.deepEqual([code, message], [Code.INTERNAL, `failure on ${streams[1]}`]);
        for (const at of [0, 2]) await connection.frame("RST_STREAM", streams[at]);
      });
    });

    test(`R277 ${kind}: when all have failed, the last failure is the answer`, async () => {
      await policed(hedged({ hedgingDelayMs: 0 }), async ({ server, client }) => {
        const result = outcome(begin(client, kind));
        const connection = await server.connection();
        const streams: number[] = [];
        for (let i = 0; i < 3; i++) streams.push((await completeRequest(connection)).streamId);
        for (const streamId of [streams[2], streams[0], streams[1]])
          failWith(connection, streamId as number, UNAVAILABLE);
        const { code, message, error } = await result;
        assert.deepEqual([code, message], [UNAVAILABLE, `failure on ${streams[1]}`]);
        assert.equal(error?.origin, "remote");
        await connection.roundTrip();
        assert.equal(started(connection), 3);
      });
    });
  }

  test("R271 R255 without a delay all are sent at once; the channel's limit counts here, too", async () => {
    for (const [maxAttempts, limits, attempts] of [
      [2, {}, 2],
      [100, {}, 5],
      [5, { maxAttempts: 3 }, 3],
      [5, { maxAttempts: 1 }, 1],
    ] as const) {
      await policed({ ...hedged({ maxAttempts, hedgingDelayMs: 0 }), limits }, async ({ server, client, clock }) => {
        const result = outcome(begin(client, "unary"));
        const connection = await server.connection();
        const streams: number[] = [];
        for (let i = 0; i < attempts; i++) streams.push((await completeRequest(connection)).streamId);
        await connection.roundTrip();
        assert.equal(started(connection), attempts);
        assert.deepEqual(clock.delays, []);
        answer(connection, streams.at(-1) as number, ["done"]);
        assert.equal((await result).code, Code.OK);
      });
    }
  });

  test("R271 R254 one that still waits for a connection does not hold up the next, which goes elsewhere", async () => {
    await policed(
      { ...hedged({ maxAttempts: 2 }), servers: 2, peer: { settings: false } },
      async ({ servers, client, clock }) => {
        const result = outcome(begin(client, "unary"));
        await servers[0]?.connection();
        await clock.fire();
        const second = (await servers[1]?.connection()) as ServerPeer;
        second.settings({});
        answer(second, (await completeRequest(second)).streamId, ["elsewhere"]);
        assert.deepEqual((await result).messages, ["elsewhere"]);
      },
    );
  });

  test("R272 an OK without headers is an answer as well", async () => {
    await policed(hedged({ hedgingDelayMs: 0 }), async ({ server, client }) => {
      const result = outcome(begin(client, "serverStreaming"));
      const connection = await server.connection();
      const first = await completeRequest(connection);
      const second = await completeRequest(connection);
      connection.headers(second.streamId, [...RESPONSE_FIELDS, ...OK_TRAILERS], { endStream: true });
      assert.deepEqual((await result).messages, []);
      await connection.frame("RST_STREAM", first.streamId);
    });
  });

  test("R273 after a failure that is not fatal the next is sent at once, and then again every now and then", async () => {
    await policed(hedged({ maxAttempts: 4 }), async ({ server, client, clock }) => {
      const call = begin(client, "unary");
      const result = outcome(call);
      const connection = await server.connection();
      failWith(connection, (await completeRequest(connection)).streamId, UNAVAILABLE);
      const second = await completeRequest(connection);
      assert.deepEqual([clock.delays, clock.pending], [[50, 50], 1]);
      await clock.fire();
      await completeRequest(connection);
      await clock.fire();
      await completeRequest(connection);
      answer(connection, second.streamId, ["done"]);
      assert.deepEqual((await result).messages, ["done"]);
      assert.deepEqual([call.attempts[0]?.status?.code, call.attempts[0]?.delayMs], [UNAVAILABLE, 0]);
    });
  });

  test("R275 a pushback says when the next one is due; after that it is every now and then again", async () => {
    await policed(hedged(), async ({ server, client, clock }) => {
      const result = outcome(begin(client, "unary"));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      failWith(connection, streamId, UNAVAILABLE, ["grpc-retry-pushback-ms", "777"]);
      while (clock.delays.at(-1) !== 777) await connection.roundTrip();
      assert.equal(await clock.fire(), 777);
      await completeRequest(connection);
      assert.equal(await clock.fire(), 50);
      answer(connection, (await completeRequest(connection)).streamId, ["done"]);
      assert.deepEqual((await result).messages, ["done"]);
    });
  });

  test("R275 a pushback that says never ends the sending, not the call", async () => {
    for (const value of ["-1", "abc", ""]) {
      await policed(hedged(), async ({ server, client, clock }) => {
        const result = outcome(begin(client, "unary"));
        const connection = await server.connection();
        const first = await completeRequest(connection);
        await clock.fire();
        const second = await completeRequest(connection);
        failWith(connection, first.streamId, UNAVAILABLE, ["grpc-retry-pushback-ms", value]);
        while (clock.pending > 0) await connection.roundTrip();
        answer(connection, second.streamId, ["done"]);
        assert.deepEqual((await result).messages, ["done"]);
        assert.equal(started(connection), 2);
      });
      await policed(hedged(), async ({ server, client }) => {
        const result = outcome(begin(client, "unary"));
        const connection = await server.connection();
        const { streamId } = await completeRequest(connection);
        failWith(connection, streamId, UNAVAILABLE, ["grpc-retry-pushback-ms", value]);
        assert.equal((await result).code, UNAVAILABLE);
      });
    }
  });

  test("R276 R263 the first is always sent, the others only while the server is not in trouble", async () => {
    const throttle = new RetryThrottle({ maxTokens: 2, tokenRatio: 1 });
    await policed({ ...hedged(), throttle }, async ({ server, client, clock }) => {
      const result = outcome(begin(client, "unary"));
      const connection = await server.connection();
      const first = await completeRequest(connection);
      throttle.failed();
      assert.equal(await clock.fire(), 50);
      await connection.roundTrip();
      assert.equal(started(connection), 1, "there are too few tokens");
      throttle.succeeded();
      assert.equal(await clock.fire(), 50);
      const second = await completeRequest(connection);
      failWith(connection, first.streamId, UNAVAILABLE);
      while (throttle.tokens !== 1) await connection.roundTrip();
      await connection.roundTrip();
      assert.equal(started(connection), 2, "there are too few tokens for one at once");
      failWith(connection, second.streamId, UNAVAILABLE);
      assert.equal((await result).code, UNAVAILABLE);
      assert.equal(throttle.tokens, 0);

      const alone = outcome(begin(client, "unary"));
      answer(connection, (await completeRequest(connection)).streamId, ["done"]);
      assert.deepEqual((await alone).messages, ["done"]);
      assert.equal(throttle.tokens, 1);
    });
  });

  test("R276 R277 one that waits for its time ends the call if the server is in trouble by then", async () => {
    const throttle = new RetryThrottle({ maxTokens: 4, tokenRatio: 1 });
    await policed({ ...hedged(), throttle }, async ({ server, client, clock }) => {
      const result = outcome(begin(client, "unary"));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      failWith(connection, streamId, UNAVAILABLE, ["grpc-retry-pushback-ms", "777"]);
      while (clock.delays.at(-1) !== 777) await connection.roundTrip();
      throttle.failed();
      await clock.fire();
      const { code, message } = await result;
      assert.deepEqual([code, message], [UNAVAILABLE, `failure on ${streamId}`]);
    });
  });

  test("R278 R261 more than is kept commits the call to the one that has sent the most", async () => {
    const limits = { maxRetryBufferBytes: 100_000 };
    await policed({ ...hedged({ maxAttempts: 2 }), limits, servers: 2, peer: { autoWindow: false } }, async (given) => {
      const { servers, client, clock, budget } = given;
      const upload = client.clientStreaming();
      const first = (await servers[0]?.connection()) as ServerPeer;
      const slow = await first.request();
      await clock.fire();
      const second = (await servers[1]?.connection()) as ServerPeer;
      const fast = await second.request();
      const large = Buffer.alloc(90_000, "x");
      void upload.send(large);
      // Both have had a window's worth; one goes on.
      await first.until("a window's worth", () => (first.received(slow.streamId) >= 65_535 ? true : undefined));
      second.windowUpdate(0, 1_000_000);
      second.windowUpdate(fast.streamId, 1_000_000);
      await second.until("all of it", () => (second.received(fast.streamId) >= 90_005 ? true : undefined));
      assert.equal(budget.bytes, 90_005);
      void upload.send(Buffer.alloc(20_000, "y"));
      await first.frame("RST_STREAM", slow.streamId);
      assert.equal(budget.bytes, 0);
      const finished = upload.finish();
      const { data } = await second.reply(fast.streamId);
      assert.deepEqual(
        messagesIn(data).map(({ length }) => length),
        [90_000, 20_000],
      );
      answer(second, fast.streamId, ["done"]);
      assert.equal(Buffer.from(await finished).toString(), "done");
      assert.equal(clock.pending, 0);
    });
  });

  test("R278 what is more than is kept from the start is sent once, and its failure is the answer", async () => {
    for (const maxRetryBufferBytes of [0, 5]) {
      await policed({ ...hedged(), limits: { maxRetryBufferBytes } }, async ({ server, client, clock }) => {
        const result = outcome(begin(client, "unary"));
        const connection = await server.connection();
        const { streamId } = await completeRequest(connection);
        assert.equal(clock.pending, 0);
        failWith(connection, streamId, UNAVAILABLE);
        assert.equal((await result).code, UNAVAILABLE);
      });
    }
  });

  test("R279 what is sent later goes to all of them, in order, and so does the half-close", async () => {
    await policed(hedged(), async ({ server, client, clock }) => {
      const chat = client.bidiStreaming();
      const connection = await server.connection();
      const first = await connection.request();
      await chat.send(Buffer.from("one"));
      await connection.until("a message", () => (connection.received(first.streamId) >= 8 ? true : undefined));
      await clock.fire();
      const second = await connection.request();
      void chat.send(Buffer.from("two"));
      await connection.until("both", () => (connection.received(second.streamId) >= 16 ? true : undefined));
      await clock.fire();
      const third = await connection.request();
      void chat.send(Buffer.from("three"));
      chat.closeSend();
      const wanted = Buffer.concat(["one", "two", "three"].map((text) => prefixed(text)));
      for (const { streamId } of [first, second, third]) {
        assert.deepEqual((await connection.reply(streamId)).data, wanted);
      }
      answer(connection, third.streamId, ["done"]);
      assert.deepEqual((await outcome(chat)).messages, ["done"]);
    });
  });

  test("R279 what is sent while none is on its way is in the next one", async () => {
    await policed(hedged({ maxAttempts: 2 }), async ({ server, client, clock }) => {
      const chat = client.bidiStreaming();
      const connection = await server.connection();
      const first = await connection.request();
      await chat.send(Buffer.from("one"));
      await connection.until("a message", () => (connection.received(first.streamId) >= 8 ? true : undefined));
      failWith(connection, first.streamId, UNAVAILABLE, ["grpc-retry-pushback-ms", "777"]);
      while (clock.delays.at(-1) !== 777) await connection.roundTrip();
      void chat.send(Buffer.from("two"));
      await clock.fire();
      const second = await connection.request();
      chat.closeSend();
      assert.deepEqual(messagesIn((await connection.reply(second.streamId)).data), ["one", "two"]);
      answer(connection, second.streamId, ["done"]);
      assert.deepEqual((await outcome(chat)).messages, ["done"]);
    });
  });

  test("R265 R264 what no server took is sent again at once and counts for nothing, once", async () => {
    await policed(hedged({ maxAttempts: 2 }), async ({ server, client, clock }) => {
      const call = begin(client, "unary");
      const result = outcome(call);
      const connection = await server.connection();
      connection.reset((await completeRequest(connection)).streamId, ErrorCode.REFUSED_STREAM);
      connection.reset((await completeRequest(connection)).streamId, ErrorCode.REFUSED_STREAM);
      const { streamId } = await completeRequest(connection);
      answer(connection, streamId, ["done"]);
      assert.deepEqual((await result).messages, ["done"]);
      assert.deepEqual(
        call.attempts.map(({ previous }) => previous),
        [0, 0, 1],
      );
      assert.equal(clock.pending, 0);
    });
  });

  test("R204 R258 a channel that closes sends no more of them, and those on their way may finish", async () => {
    const server = await RawServer.listen();
    try {
      await policedAt(
        Wire,
        server.port,
        { hedging: { ...HEDGING, hedgingDelayMs: 3_600_000 } },
        async (client, close) => {
          const result = outcome(begin(client, "unary"));
          const connection = await server.connection();
          const { streamId } = await completeRequest(connection);
          close();
          answer(connection, streamId, ["done"]);
          assert.deepEqual((await result).messages, ["done"]);
        },
      );
    } finally {
      await server.close();
    }
  });

  test("R258 R280 failed picks go by their codes; a final one ends the call", async () => {
    await policed(hedged(), async (given) => {
      const { client, clock, turns } = given;
      const connection = await warmed(given);
      turns.failures.push({ error: new StatusError(UNAVAILABLE, "no server") });
      const result = outcome(begin(client, "unary"));
      answer(connection, (await completeRequest(connection)).streamId, ["done"]);
      assert.deepEqual((await result).messages, ["done"]);
      turns.failures.push({ error: new StatusError(UNAVAILABLE, "dropped"), final: true });
      assert.equal((await outcome(begin(client, "unary"))).message, "dropped");
      for (let i = 0; i < 3; i++) turns.failures.push({ error: new StatusError(UNAVAILABLE, `no server ${i}`) });
      assert.equal((await outcome(begin(client, "unary"))).message, "no server 2");
      assert.equal(clock.pending, 0);
    });
  });

  test("R270 R256 a cancel and the deadline end all of them", async () => {
    for (const kind of KINDS) {
      await policed(hedged(), async ({ server, client, clock, turns }) => {
        const call = begin(client, kind);
        const result = outcome(call);
        const connection = await server.connection();
        const first = await completeRequest(connection);
        await clock.fire();
        const second = await completeRequest(connection);
        call.cancel();
        assert.equal((await result).code, Code.CANCELLED);
        for (const { streamId } of [first, second]) await connection.frame("RST_STREAM", streamId);
        const late = outcome(begin(client, kind, { timeoutMs: 1500 }));
        const third = await completeRequest(connection);
        assert.equal((await late).code, Code.DEADLINE_EXCEEDED);
        await connection.frame("RST_STREAM", third.streamId);
        assert.deepEqual(turns.released, [undefined, undefined, Code.DEADLINE_EXCEEDED]);
      });
    }
  });

  test("R268 a channel that follows no policies sends it once", async () => {
    await policed({ ...hedged({ hedgingDelayMs: 0 }), owner: { retry: false } }, async ({ server, client }) => {
      const result = outcome(begin(client, "unary"));
      const connection = await server.connection();
      failWith(connection, (await completeRequest(connection)).streamId, UNAVAILABLE);
      assert.equal((await result).code, UNAVAILABLE);
      assert.equal(started(connection), 1);
    });
  });
});
