/**
 * The age of sessions: the jitter, and timers that nobody asked for.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { jittered, SessionAge } from "../../../src/transport/server/session-age.js";

const NEVER = { maxConnectionIdleMs: Infinity, maxConnectionAgeMs: Infinity, maxConnectionAgeGraceMs: Infinity };

describe("SessionAge", () => {
  test("R168 the age is spread by a tenth in both directions, evenly", () => {
    assert.equal(jittered(1000, 0), 900);
    assert.equal(jittered(1000, 0.5), 1000);
    assert.equal(Math.round(jittered(1000, 1)), 1100);
  });

  test("R166 limits that are not set, or longer than a timer waits, set no timer", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    for (const limits of [NEVER, { ...NEVER, maxConnectionIdleMs: 2 ** 31, maxConnectionAgeMs: 2 ** 40 }]) {
      const expired: string[] = [];
      const age = new SessionAge(limits, {
        expired: (reason) => expired.push(reason),
        graceOver: () => expired.push("grace"),
      });
      age.busy();
      age.idle();
      t.mock.timers.runAll();
      assert.deepEqual(expired, []);
    }
  });

  test("R169 the grace begins with the age, and has no jitter", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const heard: string[] = [];
    const limits = { ...NEVER, maxConnectionAgeMs: 10_000, maxConnectionAgeGraceMs: 500 };
    const age = new SessionAge(limits, {
      expired: (reason) => heard.push(reason),
      graceOver: () => heard.push("grace"),
    });
    t.mock.timers.tick(8999);
    assert.deepEqual(heard, []);
    for (let i = 0; i < 2002 && heard.length === 0; i++) t.mock.timers.tick(1);
    assert.deepEqual(heard, ["max_age"]);
    t.mock.timers.tick(499);
    assert.deepEqual(heard, ["max_age"]);
    t.mock.timers.tick(1);
    assert.deepEqual(heard, ["max_age", "grace"]);
    age.stop();
  });

  test("a connection that is gone has no clock any more, although its last call ends after it", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const age = new SessionAge(
      { ...NEVER, maxConnectionIdleMs: 100 },
      { expired: () => undefined, graceOver: () => undefined },
    );
    age.busy();
    // The timer has looked, and found a call.
    t.mock.timers.tick(150);
    age.stop();
    t.mock.timers.reset();
    const setTimer = t.mock.method(globalThis, "setTimeout");
    age.idle();
    assert.equal(setTimer.mock.callCount(), 0);
  });
});
