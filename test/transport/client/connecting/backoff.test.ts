/**
 * Backoff: the delays between attempts, to the millisecond.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../../../../src/transport/client/connecting/backoff.js";
import { DEFAULT_CHANNEL_LIMITS } from "../../../../src/transport/client/limits.js";
import { FakeClock } from "../../../support/fake-clock.js";

const POLICY = { initialMs: DEFAULT_CHANNEL_LIMITS.initialBackoffMs, maxMs: DEFAULT_CHANNEL_LIMITS.maxBackoffMs };

/** The delays of so many attempts, each failing at once. */
function delays(count: number, chance: number): number[] {
  const clock = new FakeClock();
  clock.chance = chance;
  const backoff = new Backoff(POLICY, clock);
  return Array.from({ length: count }, () => {
    backoff.attempt();
    const delay = backoff.remainingMs;
    clock.pass(delay);
    return Math.round(delay);
  });
}

test("R192 a second, 1.6 times more each time, up to 120 seconds, give or take a fifth; 20 seconds to connect", () => {
  assert.deepEqual(POLICY, { initialMs: 1000, maxMs: 120_000 });
  assert.equal(DEFAULT_CHANNEL_LIMITS.connectTimeoutMs, 20_000);
  assert.deepEqual(delays(5, 0.5), [1000, 1600, 2560, 4096, 6554]);
  assert.deepEqual(delays(3, 0), [1000, 1280, 2048]);
  assert.deepEqual(delays(3, 1), [1000, 1920, 3072]);
  assert.equal(delays(20, 0.5).at(-1), 120_000);
  assert.equal(delays(20, 1).at(-1), 144_000);
});

test("R193 the delay counts from the beginning of an attempt: after a long one the next may begin at once", () => {
  const clock = new FakeClock();
  const backoff = new Backoff(POLICY, clock);
  backoff.attempt();
  clock.pass(400);
  assert.equal(backoff.remainingMs, 600);
  clock.pass(5000);
  assert.equal(backoff.remainingMs, 0);
  backoff.attempt();
  assert.equal(backoff.remainingMs, 1600);
});

test("a success makes the next delay the first one again, and the next attempt free", () => {
  const clock = new FakeClock();
  const backoff = new Backoff(POLICY, clock);
  for (let i = 0; i < 5; i++) backoff.attempt();
  backoff.reset();
  assert.equal(backoff.remainingMs, 0);
  backoff.attempt();
  assert.equal(backoff.remainingMs, 1000);
});
