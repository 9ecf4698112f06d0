/**
 * The ledger of the rules: `docs/rules.md` and the names of all tests, read and held together.
 *
 * Laws: a rule counts as held when a test's name begins with its number; every number of the sections below has one line in
 * the document, among the rules held or among the exceptions, which have a reason; only files are read, nothing is run.
 */
import { readdirSync, readFileSync } from "node:fs";

/**
 * The sections that the document covers from end to end. Rules outside them (connecting, resolving, balancing, retrying, the
 * services) get a line when a test names them.
 */
export const SECTIONS: readonly Section[] = [
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
  { from: 243, to: 253, about: "service configs" },
  { from: 289, to: 300, about: "authority, TLS, credentials" },
  { from: 301, to: 309, about: "health" },
  { from: 310, to: 320, about: "reflection" },
  { from: 321, to: 325, about: "interceptors and other surfaces" },
];

export const DOCUMENT = "docs/rules.md";
/** The last section: its table has a column more, for the reason. */
export const EXCEPTIONS = "Exceptions";
const HELD_COLUMNS = 3;
/** A reason says why; these say that somebody has not got round to it. */
const NO_REASON = /\b(?:to-?do|tbd|(?:is|are) missing|planned|soon)\b/i;

export interface Section {
  readonly from: number;
  readonly to: number;
  readonly about: string;
}

/** One line of one of the document's tables. */
export interface Rule {
  readonly number: number;
  readonly held: boolean;
  readonly line: number;
  /** What stands behind the number: the rule, its source and, for an exception, the reason. */
  readonly cells: readonly string[];
}

/** One test, or one case of a table of them, whose name begins with numbers. */
export interface NamedTest {
  readonly numbers: readonly number[];
  readonly file: string;
  /** As it stands in the source, `${…}` included. */
  readonly name: string;
}

export interface Ledger {
  readonly markdown: string;
  readonly rules: readonly Rule[];
  readonly tests: readonly NamedTest[];
  /** Names with a number where it is not looked for. */
  readonly misplaced: readonly string[];
  readonly filesRead: number;
}

/** One thing that must be so: `faults` says where it is not. */
export interface Check {
  readonly law: string;
  /** What is to be done about them. */
  readonly advice: string;
  faults(ledger: Ledger): string[];
}

export const root = new URL("../../", import.meta.url);

/** Reads the document and every test. */
export function readLedger(): Ledger {
  const markdown = readFileSync(new URL(DOCUMENT, root), "utf8");
  const sources = readTestSources();
  return {
    markdown,
    rules: readRules(markdown),
    tests: sources.flatMap(({ file, code }) => namesIn(code).map((one): NamedTest => ({ ...one, file }))),
    misplaced: sources.flatMap(({ file, code }) => misplaced(code).map((name) => `${file}: ${name}`)),
    filesRead: sources.length,
  };
}

/** The tests that name a rule. */
export function testsOf(ledger: Ledger, number: number): NamedTest[] {
  return ledger.tests.filter(({ numbers }) => numbers.includes(number));
}

/** Every table row whose first cell is a rule's number. */
export function readRules(text: string): Rule[] {
  let held = true;
  return text.split("\n").flatMap((row, index): Rule[] => {
    if (row.startsWith("## ")) held = row.slice("## ".length).trim() !== EXCEPTIONS;
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

/** All of `test/` but the test of this file, which has made-up names. */
function readTestSources(): { readonly file: string; readonly code: string }[] {
  return readdirSync(new URL("test/", root), { recursive: true, encoding: "utf8" })
    .map((file) => `test/${file.replaceAll("\\", "/")}`)
    .filter((file) => file.endsWith(".ts") && file !== "test/rules.test.ts")
    .toSorted()
    .map((file) => ({ file, code: withoutComments(readFileSync(new URL(file, root), "utf8")) }));
}

/** Comments that have lines to themselves, as the formatter leaves them: a `//` or a star inside a string is not touched. */
export function withoutComments(code: string): string {
  return code.replace(/^[ \t]*(?:\/\/.*|\/\*[\s\S]*?\*\/)$/gm, "");
}

/**
 * The names that begin with numbers. A name may be an argument of `test`, `describe` or `it`, or stand in a table of cases;
 * one that is skipped or still to be written proves nothing.
 */
export function namesIn(code: string): Omit<NamedTest, "file">[] {
  const names = code.matchAll(
    /(?<off>\.(?:skip|todo)\(\s*)?(?<quote>["'`])(?<name>(?<numbers>R\d+(?:,? R\d+)*)(?=[\s"'`])(?:\\.|(?!\k<quote>)[^\\])*)/g,
  );
  return [...names].flatMap(({ groups }) =>
    groups?.["off"] === undefined
      ? [{ numbers: (groups?.["numbers"]?.match(/\d+/g) ?? []).map(Number), name: (groups?.["name"] ?? "").trim() }]
      : [],
  );
}

/** Names of tests that have a number anywhere but at the beginning, where it is not found. */
export function misplaced(code: string): string[] {
  const calls = code.matchAll(
    /\b(?:test|describe|it|suite)(?:\.\w+)?\(\s*(?<quote>["'`])(?<name>(?:\\.|(?!\k<quote>)[^\\])*)/g,
  );
  return [...calls]
    .map(({ groups }) => groups?.["name"] ?? "")
    .filter((name) => /\bR\d+\b/.test(name.replace(/^R\d+(?:,? R\d+)*(?=\s|$)/, "")));
}

/** What must be so of document and tests together. */
export const CHECKS: readonly Check[] = [
  {
    law: "every number of the sections is held, or an exception with a reason",
    advice: `${DOCUMENT} lacks rules. Give each a line, in the table of its subject or under "${EXCEPTIONS}":`,
    faults: ({ rules }) => {
      const listed = new Set(rules.map(({ number }) => number));
      return SECTIONS.flatMap(({ from, to, about }) =>
        Array.from({ length: to - from + 1 }, (_, i) => from + i)
          .filter((number) => !listed.has(number))
          .map((number) => `R${number} (${about})`),
      );
    },
  },
  {
    law: "a rule that is held is named by a test",
    advice:
      `${DOCUMENT} lists rules as held that no test names. Write a test whose name begins with the number, or move the line ` +
      `to "${EXCEPTIONS}" with the reason why the rule does not apply:`,
    faults: (ledger) => {
      const named = numbersNamed(ledger);
      return ledger.rules
        .filter(({ held, number }) => held && !named.has(number))
        .map(({ number, cells }) => `R${number} ${cells[0]}`);
    },
  },
  {
    law: "a rule that a test names is in the document",
    advice:
      `Tests name rules that ${DOCUMENT} does not have. Give each a line in the table of its subject, or correct the ` +
      `test's name if it is no rule:`,
    faults: (ledger) => {
      const listed = new Set(ledger.rules.map(({ number }) => number));
      return [...numbersNamed(ledger)].filter((number) => !listed.has(number)).map((number) => where(ledger, number));
    },
  },
  {
    law: "an exception is named by no test",
    advice:
      `Tests name rules that ${DOCUMENT} lists under "${EXCEPTIONS}". Where a test proves the rule, move its line to the table ` +
      `of its subject, without the last column; where it does not, take the number out of the test's name:`,
    faults: (ledger) => {
      const named = numbersNamed(ledger);
      return ledger.rules
        .filter(({ held, number }) => !held && named.has(number))
        .map(({ number }) => where(ledger, number));
    },
  },
  {
    law: "no number has two lines",
    advice: `${DOCUMENT} lists rules twice. Keep one line of each:`,
    faults: ({ rules }) => {
      const seen = new Set<number>();
      return rules
        .filter(({ number }) => seen.size === seen.add(number).size)
        .map(({ number, line }) => `R${number} in line ${line}`);
    },
  },
  {
    law: "every line says its rule and where the rule comes from; an exception, the reason",
    advice:
      `${DOCUMENT} has lines that are not complete. Rules held have number, rule and source ("our own" is one); exceptions ` +
      `have a fourth cell with the reason:`,
    faults: ({ rules }) =>
      rules
        .filter(({ held, cells }) => {
          const columns = held ? HELD_COLUMNS : HELD_COLUMNS + 1;
          return cells.length !== columns - 1 || cells.some((cell) => cell === "");
        })
        .map(({ number, line }) => `R${number} in line ${line}`),
  },
  {
    law: "the reason of an exception is one",
    advice: `${DOCUMENT} has exceptions that only say what is left to do. Say why the rule does not apply, or hold it:`,
    faults: ({ rules }) =>
      rules
        .filter(({ held, cells }) => !held && NO_REASON.test(cells.at(-1) ?? ""))
        .map(({ number, cells }) => `R${number}: ${cells.at(-1)}`),
  },
  {
    law: "every row of a table is a rule",
    advice: `${DOCUMENT} has rows that are not read as rules. A row's first cell is R and a number:`,
    faults: ({ markdown }) =>
      markdown.split("\n").flatMap((row, index) => {
        const [first] = cellsOf(row);
        const isRule = first !== undefined && /^(?:R[1-9]\d*|No\.|-+:?)$/.test(first);
        return first === undefined || isRule ? [] : [`line ${index + 1}: ${row.slice(0, 60)}`];
      }),
  },
  {
    law: "the numbers stand at the beginning of a test's name",
    advice: 'Tests name rules where they are not looked for. Begin the name with them, as in "R<n> R<m> …":',
    faults: (ledger) => [...ledger.misplaced],
  },
];

/** What a check has found, with what is to be done; `undefined` for nothing. */
export function complaintOf(check: Check, ledger: Ledger): string | undefined {
  const faults = check.faults(ledger);
  return faults.length === 0 ? undefined : [check.advice, ...faults.map((fault) => `  ${fault}`)].join("\n");
}

function numbersNamed({ tests }: Ledger): Set<number> {
  return new Set(tests.flatMap(({ numbers }) => numbers).toSorted((a, b) => a - b));
}

/** A number and the files that name it. */
function where(ledger: Ledger, number: number): string {
  return `R${number} in ${[...new Set(testsOf(ledger, number).map(({ file }) => file))].join(", ")}`;
}
