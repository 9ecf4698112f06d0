/**
 * The page of features says what the ledger says, and leaves no rule out.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { featuresPage, here, PAGE, withoutFeature } from "./support/feature-matrix.js";
import { readLedger, readRules, root, type Ledger } from "./support/ledger.js";

describe("the matrix of features", () => {
  const ledger = readLedger();

  test("is what `npm run features` makes of the ledger now", async () => {
    const page = readFileSync(new URL(PAGE, root), "utf8");
    assert.ok(page === (await featuresPage(ledger)), `${PAGE} is not up to date: run npm run features`);
  });

  test("has every rule of the ledger", () => {
    assert.deepEqual(withoutFeature(ledger), [], "rules that no feature of test/support/feature-list.ts has");
  });

  test("calls a feature what the ledger says of its rules", () => {
    const text =
      "| R1 | a | b |\n| R2 | a | b |\n| R203 | a | b |\n## Exceptions\n| R3 | a | b | c |\n| R4 | a | b | c |";
    const small: Ledger = { ...ledger, rules: readRules(text) };
    const saidOf = (...rules: number[]): string => here({ feature: "a", rules, sources: [] }, small);
    assert.equal(saidOf(), "yes");
    assert.equal(saidOf(1, 2), "yes");
    assert.equal(saidOf(1, 2, 3), "yes, but for R3");
    assert.equal(saidOf(1, 3, 4), "only R1");
    assert.equal(saidOf(3, 4), "no");
    // Beyond the sections a rule without a line is one that nobody claims.
    assert.equal(saidOf(203, 204), "only R203");
    assert.equal(saidOf(301), "no");
  });
});
