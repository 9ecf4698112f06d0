/**
 * The rules and their proofs: holds `docs/rules.md` and the names of the tests together. `npm run rules` shows what it finds.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  CHECKS,
  complaintOf,
  DOCUMENT,
  EXCEPTIONS,
  misplaced,
  namesIn,
  readLedger,
  readRules,
  SECTIONS,
  withoutComments,
  type Ledger,
} from "./support/ledger.js";

describe("the list of rules", () => {
  const ledger = readLedger();

  test("the document and the tests were found", () => {
    assert.ok(
      ledger.rules.some(({ held }) => held),
      `${DOCUMENT} has no table of rules held`,
    );
    assert.ok(
      ledger.rules.some(({ held }) => !held),
      `${DOCUMENT} has no table under "## ${EXCEPTIONS}"`,
    );
    assert.ok(ledger.filesRead > 20, `only ${ledger.filesRead} files of tests were found`);
  });

  for (const check of CHECKS) {
    test(check.law, () => {
      const complaint = complaintOf(check, ledger);
      assert.ok(complaint === undefined, complaint);
    });
  }
});

describe("every law", () => {
  /** A document that says all there is to say of one rule, and the test that proves it. */
  const rows = SECTIONS.flatMap(({ from, to }) =>
    Array.from({ length: to - from + 1 }, (_, i) => `| R${from + i} | a | b |`),
  );
  const all = SECTIONS.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i));

  function ledgerOf(document: readonly string[], numbers: readonly number[], extra: Partial<Ledger> = {}): Ledger {
    const markdown = ["## Held", ...document].join("\n");
    const tests = [{ numbers, file: "test/a.test.ts", name: "a" }];
    return { markdown, rules: readRules(markdown), tests, misplaced: [], filesRead: 1, ...extra };
  }

  function broken(ledger: Ledger): string[] {
    return CHECKS.filter((check) => check.faults(ledger).length > 0).map(({ law }) => law);
  }

  const exceptions = (reason: string): string[] => [`## ${EXCEPTIONS}`, `| R1 | a | b | ${reason} |`];

  test("holds where all is well, with and without exceptions", () => {
    assert.deepEqual(broken(ledgerOf(rows, all)), []);
    assert.deepEqual(broken(ledgerOf([...rows.slice(1), ...exceptions("Node cannot")], all.slice(1))), []);
  });

  test("finds the rule that breaks it", () => {
    const others = rows.slice(1);
    const cases: readonly (readonly [law: RegExp, ledger: Ledger])[] = [
      [/^every number of the sections/, ledgerOf(others, all.slice(1))],
      [/^a rule that is held is named/, ledgerOf(rows, all.slice(1))],
      [/^a rule that a test names/, ledgerOf(rows, [...all, 1000])],
      [/^an exception is named by no test/, ledgerOf([...others, ...exceptions("Node cannot")], all)],
      [/^no number has two lines/, ledgerOf([...rows, "| R2 | a | b |"], all)],
      [/^every line says its rule/, ledgerOf([...others, "| R1 | a | |"], all)],
      [/^every line says its rule/, ledgerOf([...others, ...exceptions("")], all.slice(1))],
      [/^the reason of an exception/, ledgerOf([...others, ...exceptions("a test is missing")], all.slice(1))],
      [/^every row of a table is a rule/, ledgerOf([...rows, "| R0 | a | b |"], all)],
      [/^the numbers stand at the beginning/, ledgerOf(rows, all, { misplaced: ["test/a.test.ts: b"] })],
    ];
    for (const [law, ledger] of cases) {
      const found = broken(ledger);
      assert.equal(found.length, 1, `${law.source}: ${found.join("; ")}`);
      assert.match(found[0] ?? "", law);
    }
    assert.equal(new Set(cases.map(([law]) => law.source)).size, CHECKS.length, "each law has its case");
  });
});

describe("how names and tables are read", () => {
  function numbersIn(code: string): number[] {
    return namesIn(code).flatMap(({ numbers }) => numbers);
  }

  test("names: one number or several, in calls and in tables of cases, in any quotes", () => {
    assert.deepEqual(numbersIn('test("R1 a", f);\n  t.test(`R20 R3, R4 ${b}`, f);'), [1, 20, 3, 4]);
    assert.deepEqual(numbersIn('describe(\n  "R5 a",\n  f);\nconst cases = { "R6 b": 1, c: [`R7 d`] };'), [5, 6, 7]);
  });

  test("names: whole, as they stand in the source", () => {
    assert.deepEqual(namesIn('test("R1 R2 it\'s \\"a\\"", f); test(`R3 ${b}: c`, f); test.skip("R4 d", f)'), [
      { numbers: [1, 2], name: 'R1 R2 it\'s \\"a\\"' },
      { numbers: [3], name: "R3 ${b}: c" },
    ]);
  });

  test("names: not comments, not other words, not what is skipped or still to be written", () => {
    assert.deepEqual(numbersIn(withoutComments('/**\n * `R1 a`\n */\n  // test("R2 b");\ntest("c/*", f);\n')), []);
    assert.deepEqual(numbersIn('test("RFC 9113", f); test("R2D2 a", f); test("a R3", f); f("xR4 b")'), []);
    assert.deepEqual(numbersIn('test.skip("R1 a", f);\ndescribe.todo(\n  "R2 b");\ntest.only("R3 c", f);'), [3]);
  });

  test("names: a number that is not at the beginning is found out", () => {
    assert.deepEqual(misplaced('test("R1 a", f); it("b R2", f); test("R3/R4 c", f); test(`${d}: R5 e`, f);'), [
      "b R2",
      "R3/R4 c",
      "${d}: R5 e",
    ]);
  });

  test("tables: rows by their number, held or not by the heading above, escaped bars inside cells", () => {
    const text = `## Held\n\n| No. | Rule |\n| --- | --- |\n| R1 | a \\| b | c |\n\n## ${EXCEPTIONS}\n\n| R2 | d | | e |\n`;
    assert.deepEqual(readRules(text), [
      { number: 1, held: true, line: 5, cells: ["a \\| b", "c"] },
      { number: 2, held: false, line: 9, cells: ["d", "", "e"] },
    ]);
  });

  test("sections follow each other without overlap", () => {
    assert.deepEqual(
      SECTIONS.filter(({ from, to }, i) => from > to || from <= (SECTIONS[i - 1]?.to ?? 0)),
      [],
    );
  });
});
