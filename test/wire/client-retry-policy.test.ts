/**
 * Retries by policy: when a failed call is sent again, how long that takes, and what is never sent twice.
 *
 * Spec: gRFC A6.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, StatusError } from "../../src/core.js";
import type { RetryPolicy } from "../../src/transport/client/settings/method-settings.js";
import { RetryThrottle } from "../../src/transport/client/attempts/retry-throttle.js";
import { MAX_NEVER_SENT } from "../../src/transport/client/attempts/unseen-attempts.js";
import { ErrorCode } from "../support/http2-frame.js";
import { guardProcess } from "../support/peer-guard.js";
import { answer, begin, completeRequest, KINDS, outcome } from "../support/peer-scripted.js";
import { prefixed, RESPONSE_FIELDS, said, Wire } from "../support/peer-service.js";
import { failWith, policed, policedAt, RETRY } from "../support/policed.js";
import { RawServer, type ServerPeer } from "../support/peer.js";

guardProcess();

const settings = { retry: RETRY };
const { UNAVAILABLE } = Code;
/** Every code but OK. */
const CODES = Object.values(Code).filter((code) => code !== Code.OK);

/** Answers the next request with a failure; its stream. */
async function failNext(connection: ServerPeer, code: Code = UNAVAILABLE): Promise<number> {
  const { streamId } = await completeRequest(connection);
  failWith(connection, streamId, code);
  return streamId;
}

function previousAttempts(connection: ServerPeer): (string | undefined)[] {
  return connection.frames
    .filter((frame) => frame.name === "HEADERS")
    .map((frame) => said(frame, "grpc-previous-rpc-attempts"));
}

describe("a call with a retry policy", () => {
  for (const kind of KINDS) {
    test(`R255 R257 R260 R267 R269 R14 ${kind}: is sent again after a delay, whole, and says how often it was before`, async () => {
      await policed({ settings }, async ({ server, client, clock }) => {
        const call = begin(client, kind);
        const result = outcome(call);
        const connection = await server.connection();
        await failNext(connection);
        assert.equal(await clock.fire(), 100);
        await failNext(connection);
        assert.equal(await clock.fire(), 200);
        const { streamId, messages } = await completeRequest(connection);
        assert.deepEqual(messages, ["hello"]);
        answer(connection, streamId, ["done"]);
        assert.deepEqual((await result).messages, ["done"]);
        assert.deepEqual(previousAttempts(connection), [undefined, "1", "2"]);
        const facts = call.attempts.map(({ previous, status, delayMs }) => [previous, status?.code, delayMs]);
        assert.deepEqual(facts, [
          [0, UNAVAILABLE, 100],
          [1, UNAVAILABLE, 200],
          [2, Code.OK, undefined],
        ]);
      });
    });

    test(`R255 ${kind}: as often as its policy has it; the last failure is the answer`, async () => {
      await policed({ settings }, async ({ server, client, clock, turns }) => {
        const result = outcome(begin(client, kind));
        const connection = await server.connection();
        await failNext(connection);
        await clock.fire();
        await failNext(connection);
        await clock.fire();
        const last = await failNext(connection);
        const { code, message, error } = await result;
        assert.deepEqual([code, message], [UNAVAILABLE, `failure on ${last}`]);
        assert.equal(error?.origin, "remote");
        await connection.roundTrip();
        assert.equal(previousAttempts(connection).length, 3);
        assert.deepEqual(turns.released, [UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]);
      });
    });
  }

  test("R255 the channel's limit counts where it is smaller; it is 5 unless the channel says otherwise", async () => {
    for (const [maxAttempts, limits, attempts] of [
      [100, {}, 5],
      [100, { maxAttempts: 7 }, 7],
      [3, { maxAttempts: 2 }, 2],
      [3, { maxAttempts: 1 }, 1],
    ] as const) {
      await policed({ settings: { retry: { ...RETRY, maxAttempts } }, limits }, async ({ server, client, clock }) => {
        const result = outcome(begin(client, "unary"));
        const connection = await server.connection();
        for (let i = 1; i <= attempts; i++) {
          await failNext(connection);
          if (i < attempts) await clock.fire();
        }
        assert.equal((await result).code, UNAVAILABLE);
      });
    }
  });

  test("R254 every attempt is placed anew", async () => {
    await policed({ settings, servers: 2 }, async ({ servers, client, clock, turns }) => {
      const call = client.unary(Buffer.from("hello"));
      const first = await servers[0]?.connection();
      await failNext(first as ServerPeer);
      await clock.fire();
      const second = (await servers[1]?.connection()) as ServerPeer;
      answer(second, (await completeRequest(second)).streamId, ["elsewhere"]);
      assert.equal(Buffer.from(await call).toString(), "elsewhere");
      const places = servers.map(({ port }) => `127.0.0.1:${port}`);
      assert.deepEqual(
        call.attempts.map(({ address }) => address),
        places,
      );
      assert.deepEqual(turns.released, [UNAVAILABLE, Code.OK]);
    });
  });

  test("R258 only after the codes of its policy", async () => {
    await policed({ settings }, async ({ server, client, clock }) => {
      const warm = outcome(begin(client, "unary"));
      const connection = await server.connection();
      answer(connection, (await completeRequest(connection)).streamId, ["warm"]);
      await warm;
      for (const code of CODES) {
        if (code === UNAVAILABLE) continue;
        const result = outcome(begin(client, "unary"));
        await failNext(connection, code);
        assert.equal((await result).code, code);
      }
      assert.deepEqual(clock.delays, []);
    });
  });

  test("R258 after a lost connection, a reset and an answer of HTTP's, too, if they mean such a code", async () => {
    const ways: Readonly<Record<string, (connection: ServerPeer, streamId: number) => void>> = {
      "a lost connection": (connection) => connection.destroy(),
      "GOAWAY with an error": (connection, streamId) => connection.goaway(streamId, ErrorCode.INTERNAL_ERROR),
      "HTTP 503 and a body": (connection, streamId) => connection.headers(streamId, [[":status", "503"]]),
      "HTTP 502": (connection, streamId) => connection.headers(streamId, [[":status", "502"]], { endStream: true }),
    };
    for (const [way, fail] of Object.entries(ways)) {
      for (const kind of KINDS) {
        await policed({ settings }, async ({ server, client, clock, turns }) => {
          const result = outcome(begin(client, kind));
          const first = await server.connection();
          fail(first, (await completeRequest(first)).streamId);
          await clock.fire();
          const second = way.startsWith("HTTP") ? first : await server.connection();
          answer(second, (await completeRequest(second)).streamId, ["done"]);
          assert.deepEqual((await result).messages, ["done"], way);
          assert.deepEqual(turns.released, [UNAVAILABLE, Code.OK], way);
        });
      }
    }
  });

  test("R258 R282 after a failed pick; never after a dropped one or on a closed channel", async () => {
    await policed({ settings }, async ({ server, client, clock, turns }) => {
      turns.failures.push({ error: new StatusError(UNAVAILABLE, "no server", { hint: "it is tried" }) });
      const result = outcome(begin(client, "unary"));
      assert.equal(await clock.fire(), 100);
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      assert.deepEqual(previousAttempts(connection), ["1"]);
      answer(connection, streamId, ["done"]);
      assert.deepEqual((await result).messages, ["done"]);
      turns.failures.push({ error: new StatusError(UNAVAILABLE, "dropped"), final: true });
      const dropped = await outcome(begin(client, "unary"));
      assert.deepEqual([dropped.code, dropped.message], [UNAVAILABLE, "dropped"]);
    });
  });

  test("R280 R282 a pick that fails with what only a server may say is INTERNAL, before the policy is asked", async () => {
    const codes = [
      Code.INVALID_ARGUMENT,
      Code.NOT_FOUND,
      Code.ALREADY_EXISTS,
      Code.FAILED_PRECONDITION,
      Code.ABORTED,
      Code.OUT_OF_RANGE,
      Code.DATA_LOSS,
    ];
    await policed({ settings: { retry: { ...RETRY, retryableCodes: codes } } }, async ({ client, clock, turns }) => {
      for (const code of codes) {
        turns.failures.push({ error: new StatusError(code, "made up") });
        const { code: told, message } = await outcome(begin(client, "unary"));
        assert.equal(told, Code.INTERNAL);
        assert.match(message, /a bug there: [A-Z_]+: made up/);
      }
      assert.deepEqual(clock.delays, []);
    });
    await policed(
      { settings: { retry: { ...RETRY, retryableCodes: [Code.INTERNAL] } } },
      async ({ client, clock, turns }) => {
        for (let i = 0; i < 3; i++) turns.failures.push({ error: new StatusError(Code.ABORTED, "made up") });
        const result = outcome(begin(client, "unary"));
        await clock.fire();
        await clock.fire();
        assert.equal((await result).code, Code.INTERNAL);
      },
    );
  });

  test("R258 R282 R299 credentials that fail are asked again, once they say what the policy names", async () => {
    let asked = 0;
    const credentials = (): Record<string, string> => {
      if (++asked === 1) throw new StatusError(UNAVAILABLE, "the key server is away");
      if (asked === 3) throw new StatusError(Code.ABORTED, "what only a server may say");
      return { authorization: `Bearer ${asked}` };
    };
    const retry = { ...RETRY, retryableCodes: [UNAVAILABLE, Code.ABORTED] };
    await policed({ settings: { retry }, owner: { credentials } }, async ({ server, client, clock }) => {
      const result = outcome(begin(client, "unary"));
      await clock.fire();
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      const [request] = connection.on(streamId);
      assert.ok(request !== undefined);
      assert.equal(said(request, "authorization"), "Bearer 2");
      assert.equal(said(request, "grpc-previous-rpc-attempts"), "1");
      failWith(connection, streamId, UNAVAILABLE);
      await clock.fire();
      assert.equal((await result).code, Code.INTERNAL);
      assert.equal(asked, 3);
    });
  });

  test("R259 headers commit the call: what fails after them is the answer", async () => {
    for (const kind of KINDS) {
      await policed({ settings }, async ({ server, client, clock }) => {
        const result = outcome(begin(client, kind));
        const connection = await server.connection();
        const { streamId } = await completeRequest(connection);
        connection.headers(streamId, RESPONSE_FIELDS);
        connection.headers(streamId, [["grpc-status", String(UNAVAILABLE)]], { endStream: true });
        assert.equal((await result).code, UNAVAILABLE);
        assert.deepEqual(clock.delays, []);
      });
    }
  });

  test("R259 R261 more than the buffer commits the call, and so does more than all calls of the channel may keep", async () => {
    for (const [limits, others, again] of [
      [{ maxRetryBufferBytes: 1000 }, 0, true],
      [{ maxRetryBufferBytes: 999 }, 0, false],
      [{ maxRetryBufferBytes: 0 }, 0, false],
      [{ maxChannelRetryBufferBytes: 1005 }, 1, true],
      [{ maxChannelRetryBufferBytes: 1004 }, 1, false],
    ] as const) {
      await policed({ settings, limits }, async ({ server, client, clock, budget }) => {
        const other = others > 0 ? outcome(begin(client, "unary")) : undefined;
        const held = other === undefined ? undefined : await completeRequest(await server.connection());
        const result = outcome(client.unary(Buffer.alloc(1000 - 5 - others * 5)));
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await completeRequest(connection);
        failWith(connection, streamId, UNAVAILABLE);
        if (again) {
          await clock.fire();
          answer(connection, (await completeRequest(connection)).streamId, ["done"]);
        }
        assert.equal((await result).code, again ? Code.OK : UNAVAILABLE);
        assert.equal(budget.bytes, others * 10);
        if (held !== undefined) answer(connection, held.streamId, ["other"]);
        await other;
      });
    }
  });

  test("R260 what is sent while the next attempt is waited for follows in order, and waits for room", async () => {
    await policed({ settings }, async ({ server, client, clock }) => {
      const chat = client.bidiStreaming();
      const connection = await server.connection();
      const first = await connection.request();
      await chat.send(Buffer.from("one"));
      await connection.until("a message", () => (connection.received(first.streamId) >= 8 ? true : undefined));
      failWith(connection, first.streamId, UNAVAILABLE);
      await clock.waiting();
      assert.equal(chat.send(Buffer.from("two")), undefined, "nothing is known yet of what is not written");
      await new Promise((resolve) => setImmediate(resolve));
      const room = chat.send(Buffer.from("three"));
      assert.ok(room instanceof Promise, "there is no room while there is no stream");
      let hasRoom = false;
      void room.then(() => (hasRoom = true));
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(hasRoom, false);
      await clock.fire();
      const second = await connection.request();
      await room;
      void chat.send(Buffer.from("four"));
      chat.closeSend();
      const { data } = await connection.reply(second.streamId);
      assert.deepEqual(data, Buffer.concat(["one", "two", "three", "four"].map((text) => prefixed(text))));
      answer(connection, second.streamId, ["done"]);
      assert.deepEqual((await outcome(chat)).messages, ["done"]);
    });
  });

  test("R260 a half-close while the next attempt is waited for is not lost", async () => {
    await policed({ settings }, async ({ server, client, clock }) => {
      const upload = client.clientStreaming();
      const connection = await server.connection();
      const first = await connection.request();
      failWith(connection, first.streamId, UNAVAILABLE);
      await clock.waiting();
      const finished = upload.finish();
      await clock.fire();
      const second = await completeRequest(connection);
      assert.deepEqual(second.messages, []);
      answer(connection, second.streamId, ["done"]);
      assert.equal(Buffer.from(await finished).toString(), "done");
    });
  });

  test("R150 un-awaited sends fail a call that waits for its next attempt, too", async () => {
    await policed({ settings, limits: { maxQueuedBytes: 100_000 } }, async ({ server, client, clock }) => {
      const chat = client.bidiStreaming();
      const result = outcome(chat);
      const connection = await server.connection();
      failWith(connection, (await connection.request()).streamId, UNAVAILABLE);
      await clock.waiting();
      for (let i = 0; i < 20; i++) {
        void chat.send(Buffer.alloc(10_000));
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal((await result).code, Code.RESOURCE_EXHAUSTED);
    });
  });

  const PUSHBACKS: readonly (readonly [values: readonly string[], delayMs: number | undefined])[] = [
    [["0"], 0],
    [["1000"], 1000],
    [["2147483647"], 2_147_483_647],
    [["-1"], undefined],
    [["abc"], undefined],
    [[""], undefined],
    [["1.5"], undefined],
    [["2147483648"], undefined],
    [["99999999999999999999"], undefined],
    [["10", "10"], undefined],
  ];
  for (const [values, delayMs] of PUSHBACKS) {
    test(`R262 pushback of ${JSON.stringify(values)}: ${delayMs === undefined ? "no other attempt" : `after ${delayMs} ms`}`, async () => {
      await policed({ settings }, async ({ server, client, clock }) => {
        const call = begin(client, "unary");
        const result = outcome(call);
        const connection = await server.connection();
        const { streamId } = await completeRequest(connection);
        clock.chance = 0;
        failWith(
          connection,
          streamId,
          UNAVAILABLE,
          ...values.map((value) => ["grpc-retry-pushback-ms", value] as const),
        );
        if (delayMs === undefined) {
          assert.equal((await result).code, UNAVAILABLE);
          return;
        }
        if (delayMs > 0) assert.equal(await clock.fire(), delayMs);
        await failNext(connection);
        // The backoff starts again.
        assert.equal(await clock.fire(), 80);
        answer(connection, (await completeRequest(connection)).streamId, ["done"]);
        assert.deepEqual((await result).messages, ["done"]);
        assert.equal(call.attempts[0]?.pushback, delayMs);
      });
    });
  }

  test("R262 R258 a pushback neither adds attempts nor codes", async () => {
    await policed({ settings: { retry: { ...RETRY, maxAttempts: 2 } } }, async ({ server, client, clock }) => {
      const pushed = ["grpc-retry-pushback-ms", "7"] as const;
      const result = outcome(begin(client, "unary"));
      const connection = await server.connection();
      failWith(connection, (await completeRequest(connection)).streamId, UNAVAILABLE, pushed);
      assert.equal(await clock.fire(), 7);
      failWith(connection, (await completeRequest(connection)).streamId, UNAVAILABLE, pushed);
      assert.equal((await result).code, UNAVAILABLE);
      const other = outcome(begin(client, "unary"));
      failWith(connection, (await completeRequest(connection)).streamId, Code.INTERNAL, pushed);
      assert.equal((await other).code, Code.INTERNAL);
    });
  });

  test("R263 R264 a server in trouble gets no retries until calls succeed again", async () => {
    const throttle = new RetryThrottle({ maxTokens: 4, tokenRatio: 0.5 });
    await policed({ settings, throttle }, async ({ server, client, clock }) => {
      const first = outcome(begin(client, "unary"));
      const connection = await server.connection();
      await failNext(connection);
      await clock.waiting();
      assert.equal(throttle.tokens, 3);
      await clock.fire();
      await failNext(connection);
      // Half of them are left: that is too few.
      assert.equal((await first).code, UNAVAILABLE);
      assert.equal(throttle.tokens, 2);

      const other = outcome(begin(client, "unary"));
      await failNext(connection, Code.INTERNAL);
      assert.equal((await other).code, Code.INTERNAL);
      assert.equal(throttle.tokens, 2, "codes that are not listed do not count");

      const unwanted = outcome(begin(client, "unary"));
      failWith(connection, (await completeRequest(connection)).streamId, Code.INTERNAL, [
        "grpc-retry-pushback-ms",
        "-1",
      ]);
      await unwanted;
      assert.equal(throttle.tokens, 1, "a server that wants no more counts whatever its code");

      for (const tokens of [1.5, 2, 2.5, 3, 3.5, 4, 4]) {
        const fine = outcome(begin(client, "unary"));
        answer(connection, (await completeRequest(connection)).streamId, ["fine"]);
        await fine;
        assert.equal(throttle.tokens, tokens);
      }
      const again = outcome(begin(client, "unary"));
      await failNext(connection);
      await clock.fire();
      answer(connection, (await completeRequest(connection)).streamId, ["done"]);
      assert.deepEqual((await again).messages, ["done"]);
    });
  });

  test("R265 R264 R14 what no server took is sent again first, at once, and counts for nothing; then comes the policy", async () => {
    const throttle = new RetryThrottle({ maxTokens: 10, tokenRatio: 1 });
    await policed({ settings, throttle }, async ({ server, client, clock }) => {
      const call = begin(client, "unary");
      const result = outcome(call);
      const connection = await server.connection();
      const refuse = async (): Promise<void> =>
        connection.reset((await completeRequest(connection)).streamId, ErrorCode.REFUSED_STREAM);
      await refuse();
      await refuse();
      await clock.waiting();
      assert.equal(throttle.tokens, 10 - 1);
      assert.equal(await clock.fire(), 100);
      await refuse();
      assert.equal(await clock.fire(), 200);
      answer(connection, (await completeRequest(connection)).streamId, ["done"]);
      assert.deepEqual((await result).messages, ["done"]);
      assert.deepEqual(previousAttempts(connection), [undefined, undefined, "1", "2"]);
      const facts = call.attempts.map(({ previous, unprocessed, delayMs }) => [previous, unprocessed, delayMs]);
      assert.deepEqual(facts, [
        [0, true, 0],
        [0, true, 100],
        [1, true, 200],
        [2, false, undefined],
      ]);
    });
  });

  test("R266 R265 sessions that are gone whenever a call gets them do not keep it going round", async () => {
    await policed({}, async ({ client, turns, server }) => {
      const warm = outcome(begin(client, "unary"));
      const connection = await server.connection();
      answer(connection, (await completeRequest(connection)).streamId, ["warm"]);
      await warm;
      const [before] = turns.wishes;
      assert.ok(before !== undefined);
      turns.take = (wish) => {
        turns.asked++;
        void wish;
        const session = { destroyed: true, closed: true };
        const gone = { connection: { session, goaway: undefined, lost: "it went", heard: 0 } };
        return { ...gone, release: () => undefined, retire: () => undefined, suspect: () => undefined } as never;
      };
      turns.asked = 0;
      const { code, message } = await outcome(begin(client, "unary"));
      assert.deepEqual([code, message], [UNAVAILABLE, "the connection was lost: it went"]);
      assert.equal(turns.asked, MAX_NEVER_SENT + 1);
    });
  });

  test("R266 what this side itself does not send or take is an answer, whatever the policy says", async () => {
    const retry: RetryPolicy = { ...RETRY, retryableCodes: [Code.INTERNAL, Code.RESOURCE_EXHAUSTED, UNAVAILABLE] };
    await policed({ settings: { retry, maxSendBytes: 100 } }, async ({ server, client, clock }) => {
      const tooLarge = await outcome(client.unary(Buffer.alloc(0), { metadata: { "x-large": "x".repeat(70_000) } }));
      assert.equal(tooLarge.code, Code.INTERNAL);
      assert.equal((await outcome(client.unary(Buffer.alloc(101)))).code, Code.RESOURCE_EXHAUSTED);
      const result = outcome(begin(client, "unary"));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      connection.headers(streamId, [
        [":status", "200"],
        ["content-type", "application/grpc+json"],
      ]);
      assert.equal((await result).code, Code.INTERNAL);
      assert.deepEqual(clock.delays, []);
    });
  });

  test("R256 R97 one deadline for all of it: what is left of it goes out with each attempt, and it ends the wait", async () => {
    await policed({ settings }, async ({ server, client, clock }) => {
      const call = client.unary(Buffer.from("hello"), { timeoutMs: 2000 });
      const result = outcome(call);
      const connection = await server.connection();
      await failNext(connection);
      await clock.fire();
      await failNext(connection);
      await clock.waiting();
      const { code, message } = await result;
      assert.equal(code, Code.DEADLINE_EXCEEDED);
      assert.equal(message, "the deadline of 2000 ms passed while waiting for attempt 3");
      const [before, after] = connection.frames
        .filter((frame) => frame.name === "HEADERS")
        .map((frame) => Number.parseInt(said(frame, "grpc-timeout") ?? "", 10));
      assert.ok((after ?? Number.NaN) < (before ?? Number.NaN), `${after} is less than ${before}`);
    });
  });

  test("R270 R110 a cancel ends it, while an attempt runs and while the next one is waited for", async () => {
    for (const how of ["cancel", "signal"] as const) {
      for (const kind of KINDS) {
        await policed({ settings }, async ({ server, client, clock, turns }) => {
          const controller = new AbortController();
          const call = begin(client, kind, { signal: controller.signal });
          const end = (): void => (how === "cancel" ? call.cancel() : controller.abort());
          const result = outcome(call);
          const connection = await server.connection();
          await failNext(connection);
          await clock.waiting();
          end();
          assert.equal((await result).code, Code.CANCELLED);
          assert.equal(clock.pending, 0);

          const second = begin(client, kind);
          const ended = outcome(second);
          await failNext(connection);
          await clock.fire();
          const { streamId } = await completeRequest(connection);
          second.cancel();
          assert.equal((await ended).code, Code.CANCELLED);
          await connection.frame("RST_STREAM", streamId);
          assert.deepEqual(turns.released, [UNAVAILABLE, UNAVAILABLE, undefined]);
        });
      }
    }
  });

  test("R204 R258 a channel that closes does not let calls wait to be tried again, nor keeps them from finishing", async () => {
    const server = await RawServer.listen();
    try {
      const far = { initialBackoffMs: 3_600_000, maxBackoffMs: 3_600_000 };
      await policedAt(Wire, server.port, { retry: { ...RETRY, ...far } }, async (client, close) => {
        const waits = begin(client, "unary");
        const waited = outcome(waits);
        const connection = await server.connection();
        await failNext(connection);
        const runs = outcome(begin(client, "unary"));
        const { streamId } = await completeRequest(connection);
        while (waits.attempts.length !== 1 || waits.attempts[0]?.delayMs === undefined) await connection.roundTrip();
        close();
        const { code, message } = await waited;
        assert.deepEqual([code, message], [UNAVAILABLE, "the channel is closed"]);
        answer(connection, streamId, ["done"]);
        assert.deepEqual((await runs).messages, ["done"]);
      });
    } finally {
      await server.close();
    }
  });

  test("R268 a channel that follows no policies sends a call once, and again only what no server took", async () => {
    await policed({ settings, owner: { retry: false } }, async ({ server, client, clock }) => {
      const result = outcome(begin(client, "unary"));
      const connection = await server.connection();
      connection.reset((await completeRequest(connection)).streamId, ErrorCode.REFUSED_STREAM);
      await failNext(connection);
      assert.equal((await result).code, UNAVAILABLE);
      assert.deepEqual(clock.delays, []);
    });
  });

  test("R259 R255 a method without a policy is never run twice, whatever the server says", async () => {
    await policed({}, async ({ server, client, clock }) => {
      const first = outcome(begin(client, "unary"));
      const connection = await server.connection();
      answer(connection, (await completeRequest(connection)).streamId, ["fine"]);
      await first;
      for (const kind of KINDS) {
        for (const code of CODES) {
          const result = outcome(begin(client, kind));
          const { streamId } = await completeRequest(connection);
          failWith(connection, streamId, code, ["grpc-retry-pushback-ms", "0"]);
          assert.equal((await result).code, code);
        }
      }
      assert.equal(previousAttempts(connection).length, 1 + 4 * 16);
      assert.deepEqual(clock.delays, []);
    });
  });
});

describe("the settings of a method", () => {
  test("R105 the nearer deadline counts: the application's or the settings'", async () => {
    for (const [settingsMs, ownMs, wanted] of [
      [9000, undefined, 9000],
      [9000, 60_000, 9000],
      [60_000, 9000, 9000],
    ] as const) {
      await policed({ settings: { timeoutMs: settingsMs } }, async ({ server, client }) => {
        const result = outcome(
          client.unary(Buffer.from("hello"), ownMs === undefined ? undefined : { timeoutMs: ownMs }),
        );
        const connection = await server.connection();
        const { streamId } = await completeRequest(connection);
        const [request] = connection.on(streamId);
        const timeout = /^(\d+)([munS])$/.exec((request && said(request, "grpc-timeout")) ?? "");
        assert.ok(timeout !== null);
        const ms = Number(timeout[1]) * { n: 1e-6, u: 1e-3, m: 1, S: 1000 }[timeout[2] as "n" | "u" | "m" | "S"];
        assert.ok(ms > 0 && ms <= wanted, `${ms} ms`);
        answer(connection, streamId, ["done"]);
        assert.equal((await result).code, Code.OK);
      });
    }
  });

  test("R133 the smaller limit of messages counts: the channel's or the settings'", async () => {
    for (const [settingsBytes, limitBytes, fits] of [
      [10, 100, 10],
      [100, 10, 10],
    ] as const) {
      const limits = { maxSendBytes: limitBytes, maxReceiveBytes: limitBytes };
      const sizes = { maxSendBytes: settingsBytes, maxReceiveBytes: settingsBytes };
      await policed({ settings: sizes, limits }, async ({ server, client }) => {
        assert.equal((await outcome(client.unary(Buffer.alloc(fits + 1)))).code, Code.RESOURCE_EXHAUSTED);
        for (const bytes of [fits, fits + 1]) {
          const result = outcome(client.unary(Buffer.alloc(fits)));
          const connection = server.connections[0] ?? (await server.connection());
          const { streamId } = await completeRequest(connection);
          answer(connection, streamId, ["x".repeat(bytes)]);
          assert.equal((await result).code, bytes === fits ? Code.OK : Code.RESOURCE_EXHAUSTED);
        }
      });
    }
  });

  test("R213 waiting for a server: a call's own word counts, else the settings'", async () => {
    for (const [own, ofMethod, wanted] of [
      [undefined, undefined, false],
      [undefined, true, true],
      [false, true, false],
      [true, undefined, true],
    ] as const) {
      await policed({ settings: { waitForReady: ofMethod } }, async ({ client, turns }) => {
        turns.failures.push({ error: new StatusError(UNAVAILABLE, "nobody") });
        await outcome(client.unary(Buffer.alloc(0), { waitForReady: own }));
        assert.equal(turns.wishes[0]?.waitForReady, wanted);
      });
    }
  });
});
