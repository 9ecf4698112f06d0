/**
 * How long to wait before the next attempt, and when there is none.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Metadata } from "../../../../src/codec/metadata.js";
import { Code } from "../../../../src/codec/status.js";
import { pushbackIn } from "../../../../src/transport/client/attempts/pushback.js";
import { RetrySchedule } from "../../../../src/transport/client/attempts/retry-schedule.js";
import { RetryThrottle } from "../../../../src/transport/client/attempts/retry-throttle.js";

const POLICY = {
  maxAttempts: 6,
  initialBackoffMs: 100,
  maxBackoffMs: 350,
  backoffMultiplier: 2,
  retryableCodes: [Code.UNAVAILABLE],
};

/** What a schedule says until it says nothing more. */
function all(schedule: RetrySchedule): number[] {
  const delays: number[] = [];
  for (let next = schedule.next(undefined); next !== undefined; next = schedule.next(undefined)) delays.push(next);
  return delays;
}

describe("RetrySchedule", () => {
  test("R257 the backoff grows by its factor up to its maximum, a fifth less or a fifth more", () => {
    const near = (a: readonly number[], b: readonly number[]): void =>
      assert.deepEqual(
        a.map((ms) => Math.round(ms * 1000)),
        b.map((ms) => ms * 1000),
      );
    near(all(new RetrySchedule(POLICY, 10, () => 0)), [80, 160, 280, 280, 280]);
    near(all(new RetrySchedule(POLICY, 10, () => 0.5)), [100, 200, 350, 350, 350]);
    near(all(new RetrySchedule(POLICY, 10, () => 1)), [120, 240, 420, 420, 420]);
    near(all(new RetrySchedule({ ...POLICY, initialBackoffMs: 1000 }, 3, () => 0.5)), [350, 350]);
    near(all(new RetrySchedule({ ...POLICY, backoffMultiplier: 0.5 }, 4, () => 0.5)), [100, 50, 25]);
  });

  test("R255 there are as many as the policy has, or the channel's limit", () => {
    for (const [maxAttempts, limit, retries] of [
      [2, 5, 1],
      [5, 5, 4],
      [9, 5, 4],
      [3, 1, 0],
    ] as const) {
      assert.equal(all(new RetrySchedule({ ...POLICY, maxAttempts }, limit, () => 0)).length, retries);
    }
  });

  test("R262 after a pushback, which is taken exactly and counts, the backoff begins again", () => {
    const schedule = new RetrySchedule(POLICY, 10, () => 0);
    assert.deepEqual(
      [undefined, undefined, 1234, undefined, 0, undefined].map((pushback) => schedule.next(pushback)),
      [80, 160, 1234, 80, 0, undefined],
    );
    assert.equal(new RetrySchedule(POLICY, 10, () => 0).next("never"), undefined);
  });
});

describe("pushbackIn", () => {
  test("R262 a whole number of milliseconds that an int32 holds; anything else means never", () => {
    for (const [values, wanted] of [
      [[], undefined],
      [["0"], 0],
      [["1000"], 1000],
      [["2147483647"], 2_147_483_647],
      [["2147483648"], "never"],
      [["-1"], "never"],
      [["+1"], "never"],
      [["1e3"], "never"],
      [["0x10"], "never"],
      [["abc"], "never"],
      [[""], "never"],
      [["12345678901"], "never"],
      [["1", "1"], "never"],
    ] as const) {
      const trailers = new Metadata(values.map((value) => ["grpc-retry-pushback-ms", value] as const));
      assert.equal(pushbackIn(trailers), wanted, JSON.stringify(values));
    }
  });
});

describe("RetryThrottle", () => {
  test("R263 tokens go by one and come by their ratio, never below none nor above the first", () => {
    const throttle = new RetryThrottle({ maxTokens: 10, tokenRatio: 0.1 });
    throttle.succeeded();
    assert.equal(throttle.tokens, 10);
    for (const [tokens, allows] of [
      [9, true],
      [8, true],
      [7, true],
      [6, true],
      [5, false],
      [4, false],
    ] as const) {
      throttle.failed();
      assert.deepEqual([throttle.tokens, throttle.allows], [tokens, allows]);
    }
    for (let i = 0; i < 10; i++) throttle.succeeded();
    assert.deepEqual([throttle.tokens, throttle.allows], [5, false], "half of them is too few");
    throttle.succeeded();
    assert.deepEqual([throttle.tokens, throttle.allows], [5.1, true]);
    for (let i = 0; i < 20; i++) throttle.failed();
    assert.equal(throttle.tokens, 0);
    for (let i = 0; i < 1000; i++) throttle.succeeded();
    assert.equal(throttle.tokens, 10);
  });

  test("R263 three decimals of the ratio count, whatever they are in binary", () => {
    for (const [tokenRatio, after] of [
      [0.29, 0.29],
      [0.2999, 0.299],
      [0.001, 0.001],
      [0.0009, 0],
      [1.005, 1.005],
    ] as const) {
      const throttle = new RetryThrottle({ maxTokens: 1000, tokenRatio });
      for (let i = 0; i < 1000; i++) throttle.failed();
      throttle.succeeded();
      assert.equal(throttle.tokens, after);
    }
  });
});
