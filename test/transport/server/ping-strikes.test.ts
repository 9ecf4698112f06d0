/**
 * Ping strikes: which PINGs are too many, told the time.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PingStrikes } from "../../../src/transport/server/ping-strikes.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const POLICY = { permitKeepaliveTimeMs: 5 * MINUTE, permitKeepaliveWithoutCalls: false };

/** When each of the PINGs at these times was too many. */
function verdicts(strikes: PingStrikes, timesMs: readonly number[], hasCalls: boolean): boolean[] {
  return timesMs.map((timeMs) => strikes.isTooMany(timeMs, hasCalls));
}

describe("PingStrikes", () => {
  test("R189 the first PING is permitted, at whatever time, with and without a call", () => {
    for (const hasCalls of [true, false]) {
      for (const timeMs of [0, 1, HOUR]) assert.equal(new PingStrikes(POLICY).isTooMany(timeMs, hasCalls), false);
    }
  });

  test("R190 R188 PINGs every second with a call: the third strike is one too many", () => {
    assert.deepEqual(verdicts(new PingStrikes(POLICY), [0, SECOND, 2 * SECOND, 3 * SECOND], true), [
      false,
      false,
      false,
      true,
    ]);
  });

  test("R190 what the server sends wipes the strikes out, and permits the next PING", () => {
    const strikes = new PingStrikes(POLICY);
    assert.deepEqual(verdicts(strikes, [0, 1, 2], true), [false, false, false]);
    strikes.forgive();
    assert.deepEqual(verdicts(strikes, [3, 4, 5, 6], true), [false, false, false, true]);
  });

  test("R188 PINGs as far apart as is permitted are never too many; strikes do not age", () => {
    const strikes = new PingStrikes(POLICY);
    const permitted = Array.from({ length: 50 }, (_, i) => i * POLICY.permitKeepaliveTimeMs);
    assert.ok(verdicts(strikes, permitted, true).every((tooMany) => !tooMany));
    const last = 49 * POLICY.permitKeepaliveTimeMs;
    assert.deepEqual(
      [last + 1, last + 5 * MINUTE, last + 5 * MINUTE + 1, last + 10 * MINUTE, last + 10 * MINUTE + 1].map((timeMs) =>
        strikes.isTooMany(timeMs, true),
      ),
      [false, false, false, false, true],
    );
  });

  test("R188 without a call two hours must pass, unless it is permitted", () => {
    assert.deepEqual(verdicts(new PingStrikes(POLICY), [0, 5 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR], false), [
      false,
      false,
      false,
      true,
      false,
    ]);
    const lenient = new PingStrikes({ ...POLICY, permitKeepaliveWithoutCalls: true });
    assert.ok(verdicts(lenient, [0, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE], false).every((tooMany) => !tooMany));
  });
});
