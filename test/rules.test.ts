/**
 * The rules and their proofs: holds `docs/rules.md` and the names of the tests together.
 *
 * Laws: a rule counts as held when a test's name begins with its number; every number of the sections below has one line in
 * the document, among the rules held or among those that are not; every line says where its rule comes from.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";

/**
 * The sections that the document covers from end to end. Rules outside them (connecting, resolving, balancing, retrying, the
 * services) get a line when a test names them.
 */
const SECTIONS: readonly Section[] = [
  { from: 1, to: 16, about: "request headers on the client" },
  { from: 17, to: 30, about: "request headers on the server" },
  { from: 31, to: 46, about: "metadata" },
  { from: 47, to: 58, about: "messages" },
  { from: 59, to: 78, about: "responses, trailers, status" },
  { from: 79, to: 82, about: "how many messages" },
  { from: 83, to: 86, about: "HTTP statuses" },
  { from: 87, to: 94, about: "resets" },
  { from: 95, to: 107, about: "deadlines" },
  { from: 108, to: 115, about: "cancellation" },
  { from: 116, to: 129, about: "compression" },
  { from: 130, to: 135, about: "message size" },
  { from: 136, to: 142, about: "status codes" },
  { from: 143, to: 151, about: "streaming and flow control" },
  { from: 152, to: 165, about: "GOAWAY and lost connections on the client" },
  { from: 166, to: 177, about: "connections and shutdown on the server" },
  { from: 178, to: 186, about: "keepalive on the client" },
  { from: 187, to: 191, about: "keepalive on the server" },
  { from: 289, to: 300, about: "authority, TLS, credentials" },
  { from: 301, to: 309, about: "health" },
  { from: 310, to: 320, about: "reflection" },
  { from: 321, to: 325, about: "interceptors and other surfaces" },
];

const DOCUMENT = "docs/rules.md";
/** The last section: its tables have a column more, for what is missing. */
const NOT_HELD = "Not held yet, or not ours";
const HELD_COLUMNS = 3;

interface Section {
  readonly from: number;
  readonly to: number;
  readonly about: string;
}

/** One line of one of the document's tables. */
interface Rule {
  readonly number: number;
  readonly held: boolean;
  readonly line: number;
  /** What stands behind the number: the rule, its source and, where it is not held, the reason. */
  readonly cells: readonly string[];
}

/** One number in the name of one test. */
interface Named {
  readonly number: number;
  readonly file: string;
}

const root = new URL("..", import.meta.url);
const markdown = readFileSync(new URL(DOCUMENT, root), "utf8");
const rules = readRules(markdown);
const testSources = readTestSources();
const named = testSources.flatMap(({ file, code }) => numbersNamed(code).map((number): Named => ({ number, file })));

/** Every table row whose first cell is a rule's number. */
function readRules(text: string): Rule[] {
  let held = true;
  return text.split("\n").flatMap((row, index): Rule[] => {
    if (row.startsWith("## ")) held = row.slice("## ".length).trim() !== NOT_HELD;
    const [first, ...cells] = cellsOf(row);
    const number = /^R([1-9]\d*)$/.exec(first ?? "")?.[1];
    return number === undefined ? [] : [{ number: Number(number), held, line: index + 1, cells }];
  });
}

/** The cells of a table row; none when the line is no row. */
function cellsOf(row: string): string[] {
  if (!row.startsWith("|")) return [];
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** All of `test/` but this file, which has made-up names in its own tests. */
function readTestSources(): { readonly file: string; readonly code: string }[] {
  return readdirSync(new URL("test/", root), { recursive: true, encoding: "utf8" })
    .map((file) => `test/${file.replaceAll("\\", "/")}`)
    .filter((file) => file.endsWith(".ts") && file !== "test/rules.test.ts")
    .toSorted()
    .map((file) => ({ file, code: withoutComments(readFileSync(new URL(file, root), "utf8")) }));
}

/** Comments that have lines to themselves, as the formatter leaves them: a `//` or a star inside a string is not touched. */
function withoutComments(code: string): string {
  return code.replace(/^[ \t]*(?:\/\/.*|\/\*[\s\S]*?\*\/)$/gm, "");
}

/**
 * The numbers that names begin with. A name may be an argument of `test`, `describe` or `it`, or stand in a table of cases;
 * one that is skipped or still to be written proves nothing.
 */
function numbersNamed(code: string): number[] {
  const names = code.matchAll(/(?<off>\.(?:skip|todo)\(\s*)?["'`](?<numbers>R\d+(?:,? R\d+)*)(?=[\s"'`])/g);
  return [...names].flatMap(({ groups }) =>
    groups?.["off"] === undefined ? (groups?.["numbers"]?.match(/\d+/g) ?? []).map(Number) : [],
  );
}

/** Names of tests that have a number anywhere but at the beginning, where it is not found. */
function misplaced(code: string): string[] {
  const calls = code.matchAll(
    /\b(?:test|describe|it|suite)(?:\.\w+)?\(\s*(?<quote>["'`])(?<name>(?:\\.|(?!\k<quote>)[^\\])*)/g,
  );
  return [...calls]
    .map(({ groups }) => groups?.["name"] ?? "")
    .filter((name) => /\bR\d+\b/.test(name.replace(/^R\d+(?:,? R\d+)*(?=\s|$)/, "")));
}

function inOrder(numbers: Iterable<number>): number[] {
  return [...new Set(numbers)].toSorted((a, b) => a - b);
}

/** Which files name a number. */
function where(number: number): string {
  return [...new Set(named.filter((one) => one.number === number).map(({ file }) => file))].join(", ");
}

/** Fails with what is to be done, and with what. */
function assertNone(faults: readonly string[], advice: string): void {
  assert.ok(faults.length === 0, `${advice}\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
}

describe("the list of rules", () => {
  const held = new Map(rules.filter((rule) => rule.held).map((rule) => [rule.number, rule]));
  const notHeld = new Map(rules.filter((rule) => !rule.held).map((rule) => [rule.number, rule]));
  const numbers = inOrder(named.map(({ number }) => number));

  test("the document and the tests were found", () => {
    assert.ok(held.size > 0, `${DOCUMENT} has no table of rules held`);
    assert.ok(notHeld.size > 0, `${DOCUMENT} has no table under "## ${NOT_HELD}"`);
    assert.ok(testSources.length > 20, `only ${testSources.length} files of tests were found`);
  });

  test("a rule that is held is named by a test", () => {
    assertNone(
      [...held.values()]
        .filter(({ number }) => !numbers.includes(number))
        .map(({ number, cells }) => `R${number} ${cells[0]}`),
      `${DOCUMENT} lists rules as held that no test names. Write a test whose name begins with the number, or move the line ` +
        `to "${NOT_HELD}" with a word on what is missing:`,
    );
  });

  test("a rule that a test names is in the document", () => {
    assertNone(
      numbers
        .filter((number) => !held.has(number) && !notHeld.has(number))
        .map((number) => `R${number} in ${where(number)}`),
      `Tests name rules that ${DOCUMENT} does not have. Give each a line in the table of its subject, or correct the ` +
        `test's name if it is no rule:`,
    );
  });

  test("a rule that is not held is named by no test", () => {
    assertNone(
      numbers.filter((number) => notHeld.has(number)).map((number) => `R${number} in ${where(number)}`),
      `Tests name rules that ${DOCUMENT} lists under "${NOT_HELD}". Where a test proves the rule, move its line to the table ` +
        `of its subject, without the last column; where it does not, take the number out of the test's name:`,
    );
  });

  test("every number of the sections has a line", () => {
    const missing = SECTIONS.flatMap(({ from, to, about }) =>
      Array.from({ length: to - from + 1 }, (_, i) => from + i)
        .filter((number) => !held.has(number) && !notHeld.has(number))
        .map((number) => `R${number} (${about})`),
    );
    assertNone(
      missing,
      `${DOCUMENT} lacks rules. Give each a line, in the table of its subject or under "${NOT_HELD}":`,
    );
  });

  test("no number has two lines", () => {
    const seen = new Set<number>();
    assertNone(
      rules
        .filter(({ number }) => seen.size === seen.add(number).size)
        .map(({ number, line }) => `R${number} in line ${line}`),
      `${DOCUMENT} lists rules twice. Keep one line of each:`,
    );
  });

  test("every line says its rule and where the rule comes from; one that is not held, what is missing", () => {
    const incomplete = rules.filter(({ held: isHeld, cells }) => {
      const columns = isHeld ? HELD_COLUMNS : HELD_COLUMNS + 1;
      return cells.length !== columns - 1 || cells.some((cell) => cell === "");
    });
    assertNone(
      incomplete.map(({ number, line }) => `R${number} in line ${line}`),
      `${DOCUMENT} has lines that are not complete. Rules held have number, rule and source ("our own" is one); the others ` +
        `have a fourth cell with what is missing:`,
    );
  });

  test("every row of a table is a rule", () => {
    const others = markdown.split("\n").flatMap((row, index) => {
      const [first] = cellsOf(row);
      const isRule = first !== undefined && /^(?:R[1-9]\d*|No\.|-+:?)$/.test(first);
      return first === undefined || isRule ? [] : [`line ${index + 1}: ${row.slice(0, 60)}`];
    });
    assertNone(others, `${DOCUMENT} has rows that are not read as rules. A row's first cell is R and a number:`);
  });

  test("the numbers stand at the beginning of a test's name", () => {
    const hidden = testSources.flatMap(({ file, code }) => misplaced(code).map((name) => `${file}: ${name}`));
    assertNone(hidden, 'Tests name rules where they are not looked for. Begin the name with them, as in "R65 R66 …":');
  });
});

describe("how this test reads names and tables", () => {
  test("names: one number or several, in calls and in tables of cases, in any quotes", () => {
    assert.deepEqual(numbersNamed('test("R1 a", f);\n  t.test(`R20 R3, R4 ${b}`, f);'), [1, 20, 3, 4]);
    assert.deepEqual(numbersNamed('describe(\n  "R5 a",\n  f);\nconst cases = { "R6 b": 1, c: [`R7 d`] };'), [5, 6, 7]);
  });

  test("names: not comments, not other words, not what is skipped or still to be written", () => {
    assert.deepEqual(numbersNamed(withoutComments('/**\n * `R1 a`\n */\n  // test("R2 b");\ntest("c/*", f);\n')), []);
    assert.deepEqual(numbersNamed('test("RFC 9113", f); test("R2D2 a", f); test("a R3", f); f("xR4 b")'), []);
    assert.deepEqual(numbersNamed('test.skip("R1 a", f);\ndescribe.todo(\n  "R2 b");\ntest.only("R3 c", f);'), [3]);
  });

  test("names: a number that is not at the beginning is found out", () => {
    assert.deepEqual(misplaced('test("R1 a", f); it("b R2", f); test("R3/R4 c", f); test(`${d}: R5 e`, f);'), [
      "b R2",
      "R3/R4 c",
      "${d}: R5 e",
    ]);
  });

  test("tables: rows by their number, held or not by the heading above, escaped bars inside cells", () => {
    const text = `## Held\n\n| No. | Rule |\n| --- | --- |\n| R1 | a \\| b | c |\n\n## ${NOT_HELD}\n\n| R2 | d | | e |\n`;
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
