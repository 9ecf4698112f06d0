/** Deadlines: when they fire, when they do not, and what options make of them. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { Deadline, deadlineFrom } from "../../src/transport/deadline.js";

/** Sets both clocks to a mock: `performance.now()` and the timers move together. */
function mockClock(t: TestContext): (ms: number) => void {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  let now = 5000;
  t.mock.method(performance, "now", () => now);
  return (ms) => {
    now += ms;
    t.mock.timers.tick(ms);
  };
}

describe("Deadline", () => {
  test("arm calls back once, when the time has passed and not before", (t) => {
    const tick = mockClock(t);
    const deadline = new Deadline(100);
    let fired = 0;
    deadline.arm(() => fired++);
    tick(99);
    assert.equal(fired, 0);
    assert.equal(deadline.remainingMs, 1);
    tick(1);
    assert.equal(fired, 1);
    tick(1000);
    assert.equal(fired, 1);
  });

  test("R107 clear disarms, also twice and before arm", (t) => {
    const tick = mockClock(t);
    const deadline = new Deadline(100);
    deadline.clear();
    deadline.arm(() => assert.fail("cleared"));
    deadline.clear();
    deadline.clear();
    tick(1000);
    assert.ok(deadline.remainingMs < 0);
  });

  test("R106 a deadline beyond the longest timer fires at its time: one timer behind another", (t) => {
    const tick = mockClock(t);
    const LONGEST = 2 ** 31 - 1;
    let fired = 0;
    new Deadline(3 * LONGEST).arm(() => fired++);
    for (const step of [1, LONGEST - 1, LONGEST, LONGEST - 1]) tick(step);
    assert.equal(fired, 0);
    tick(1);
    assert.equal(fired, 1);
  });

  test("R106 the longest grpc-timeout, and no end at all, never fire early and have a date", (t) => {
    const tick = mockClock(t);
    for (const timeoutMs of [99_999_999 * 3_600_000, Number.MAX_VALUE, Infinity]) {
      const deadline = new Deadline(timeoutMs);
      deadline.arm(() => assert.fail("early"));
      tick(2 ** 31);
      assert.ok(!Number.isNaN(deadline.date.getTime()));
      deadline.clear();
    }
  });

  test("a deadline that has passed fires on the next turn, not inside arm", (t) => {
    const tick = mockClock(t);
    let fired = 0;
    new Deadline(-5).arm(() => fired++);
    assert.equal(fired, 0);
    tick(1);
    assert.equal(fired, 1);
  });

  test("date is the point in time on the calendar", (t) => {
    const tick = mockClock(t);
    const deadline = new Deadline(60_000);
    assert.equal(deadline.date.getTime(), 1_060_000);
    tick(10_000);
    assert.equal(deadline.date.getTime(), 1_060_000);
  });

  test("R107 an armed deadline does not keep the process alive", async () => {
    const url = new URL("../../src/transport/deadline.ts", import.meta.url).href;
    const script = `import { Deadline } from ${JSON.stringify(url)}; new Deadline(60_000).arm(() => {}); console.log("done");`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "--eval", script],
      { timeout: 20_000 },
    );
    assert.equal(stdout.trim(), "done");
  });
});

describe("deadlineFrom", () => {
  test("no option is no deadline, and neither is an endless timeout", () => {
    assert.equal(deadlineFrom({}), undefined);
    assert.equal(deadlineFrom({ timeoutMs: Infinity }), undefined);
  });

  test("the nearer of timeoutMs and deadline counts", (t) => {
    mockClock(t);
    const inTwo = new Date(Date.now() + 2000);
    assert.equal(deadlineFrom({ timeoutMs: 1000 })?.timeoutMs, 1000);
    assert.equal(deadlineFrom({ deadline: inTwo })?.timeoutMs, 2000);
    assert.equal(deadlineFrom({ timeoutMs: 1000, deadline: inTwo })?.timeoutMs, 1000);
    assert.equal(deadlineFrom({ timeoutMs: 3000, deadline: inTwo })?.timeoutMs, 2000);
    assert.equal(deadlineFrom({ deadline: new Date(Date.now() - 1) })?.timeoutMs, -1);
  });

  test("what is no duration or no date is a TypeError that shows it", () => {
    for (const timeoutMs of ["5", Number.NaN, null, {}] as unknown as number[]) {
      assert.throws(() => deadlineFrom({ timeoutMs }), { name: "TypeError", message: /timeoutMs must be a number/ });
    }
    for (const deadline of [new Date("never"), 5, "tomorrow", null] as unknown as Date[]) {
      assert.throws(() => deadlineFrom({ deadline }), { name: "TypeError", message: /deadline must be a valid Date/ });
    }
  });
});
