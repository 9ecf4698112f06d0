/**
 * What is held against a run under fire: every fault is found, and nothing else is one.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "../../src/index.js";
import type { Kind, Outcome } from "./load.js";
import { faultsOf, readJournal, tally, unevenness } from "./verdict.js";

function outcome(kind: Kind, number: number, code: Code | undefined, text = ""): Outcome {
  return { id: `${kind}-${number}`, kind, startedAt: 0, endedAt: 1, code, text };
}

const ran = (...lines: readonly string[]): ReturnType<typeof readJournal> =>
  readJournal(lines.map((line, index) => `${index} ${line}\n`).join(""));

describe("the verdict of a run under fire", () => {
  test("nothing is a fault where all is well", () => {
    const outcomes = [
      outcome("again", 1, Code.OK),
      outcome("once", 2, Code.UNAVAILABLE),
      outcome("once", 3, Code.UNAVAILABLE),
      outcome("count", 4, Code.UNAVAILABLE),
      outcome("count", 5, Code.OK),
    ];
    // What may be sent again may run twice; what failed may have run, once.
    assert.deepEqual(faultsOf(outcomes, ran("a again-1", "b again-1", "a once-3", "a count-4", "b count-5")), []);
  });

  for (const [fault, outcomes, runs] of [
    [
      /^1 failed although they may be sent again, such as again-1, run by no server: gone/,
      [outcome("again", 1, Code.UNAVAILABLE, "gone")],
      [],
    ],
    [
      /^1 ran twice although they may not, such as once-1, run by a and b: OK/,
      [outcome("once", 1, Code.OK)],
      ["a once-1", "b once-1"],
    ],
    [/^1 streams ran twice, such as count-1/, [outcome("count", 1, Code.UNAVAILABLE)], ["a count-1", "a count-1"]],
    [/^2 ended well although no server ran them/, [outcome("once", 1, Code.OK), outcome("count", 2, Code.OK)], []],
    [/^1 failed with something else .*: late/, [outcome("once", 1, Code.DEADLINE_EXCEEDED, "late")], []],
    [/^1 failed with something else .*: message 3/, [outcome("count", 1, undefined, "message 3 came")], ["a count-1"]],
  ] as const) {
    test(`finds ${fault.source}`, () => {
      const faults = faultsOf(outcomes, ran(...runs));
      assert.equal(faults.length, 1);
      assert.match(faults[0] ?? "", fault);
    });
  }

  test("a line that a killed server could not finish is no run", () => {
    assert.deepEqual(readJournal("5 a once-1\n6 b on"), [{ at: 5, server: "a", id: "once-1" }]);
    assert.deepEqual(readJournal(""), []);
  });

  test("unevenness is the largest distance from an even share", () => {
    assert.equal(unevenness(ran("a x-1", "b x-2", "a x-3", "b x-4"), ["a", "b"]), 0);
    assert.equal(unevenness(ran("a x-1", "a x-2", "a x-3", "b x-4"), ["a", "b"]), 0.5);
    assert.equal(unevenness(ran("a x-1"), ["a", "b"]), 1);
  });

  test("the tally names every end", () => {
    assert.equal(tally([outcome("once", 1, Code.OK), outcome("once", 2, undefined)]), "once OK 1, once mistake 1");
  });
});
