/**
 * The matrix of `docs/features.md`: what is proven of each feature, by what, and where its source begins.
 *
 * Laws: whether a feature is there is what the ledger says of its rules; a file that is named exists.
 */
import { existsSync, readFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { SUBJECTS, type Feature } from "./feature-list.js";
import { root, SECTIONS, testsOf, type Ledger } from "./ledger.js";

export const PAGE = "docs/features.md";
const BEGIN = "<!-- Made by `npm run features`, which overwrites what stands from here on. -->";
const END = "<!-- The end of what `npm run features` makes. -->";
/** More files than these make a row that nobody reads; `npm run rules` knows them all. */
const TESTS_SHOWN = 4;

/** The page with its matrix made anew. @throws Error when the page has no place for it, or a source does not exist. */
export async function featuresPage(ledger: Ledger): Promise<string> {
  const page = readFileSync(new URL(PAGE, root), "utf8");
  const [before, behind] = page.split(BEGIN);
  const after = behind?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${PAGE} must have the lines ${BEGIN} and ${END}`);
  const text = [before + BEGIN, matrix(ledger), END + after].join("\n\n");
  const options = await resolveConfig(new URL(PAGE, root));
  return format(text, { ...options, parser: "markdown" });
}

/** The rules of the ledger that belong to no feature. */
export function withoutFeature(ledger: Ledger): string[] {
  const known = new Set(SUBJECTS.flatMap(({ features }) => features.flatMap(numbersOf)));
  return ledger.rules.filter(({ number }) => !known.has(number)).map(({ number }) => `R${number}`);
}

function matrix(ledger: Ledger): string {
  const files = new Set<string>();
  const tables = SUBJECTS.map(({ subject, features }) =>
    [
      `### ${subject}`,
      "",
      "| Feature | Here | Rules | Specification | Source | Tests |",
      "| --- | --- | --- | --- | --- | --- |",
      ...features.map((feature) => row(feature, ledger, files)),
    ].join("\n"),
  );
  const links = [...files].toSorted().map((file) => `[${labelOf(file)}]: ../${file}`);
  return [...tables, links.join("\n")].join("\n\n");
}

function row(feature: Feature, ledger: Ledger, files: Set<string>): string {
  const tests = testFiles(feature, ledger);
  const sources = feature.sources.length === 0 ? mirrored(tests) : feature.sources.map((one) => existing(`src/${one}`));
  const shown = tests.slice(0, TESTS_SHOWN);
  for (const file of [...sources, ...shown]) files.add(file);
  const more = tests.length > shown.length ? ` and ${tests.length - shown.length} more` : "";
  const cells = [
    feature.feature,
    here(feature, ledger),
    feature.rules.map((rule) => (typeof rule === "number" ? `R${rule}` : `R${rule[0]}–R${rule[1]}`)).join(", "),
    specOf(feature, ledger),
    sources.map((file) => `[${labelOf(file)}]`).join(", "),
    shown.map((file) => `[${labelOf(file)}]`).join(", ") + more,
  ];
  return `| ${cells.join(" | ")} |`;
}

function numbersOf({ rules }: Feature): number[] {
  return rules.flatMap((rule) =>
    typeof rule === "number" ? [rule] : Array.from({ length: rule[1] - rule[0] + 1 }, (_, i) => rule[0] + i),
  );
}

/** What the ledger says of the rules: all held, all but some, only some, or none. */
export function here(feature: Feature, ledger: Ledger): string {
  if (feature.rules.length === 0) return "yes";
  const lines = new Map(ledger.rules.map((rule) => [rule.number, rule]));
  const numbers = numbersOf(feature);
  const held = numbers.filter((number) => lines.get(number)?.held === true);
  const others = numbers.filter((number) => !held.includes(number));
  if (held.length === 0) return "no";
  if (others.length === 0) return "yes";
  const known = numbers.every((number) => SECTIONS.some(({ from, to }) => number >= from && number <= to));
  return known && held.length >= others.length ? `yes, but for ${list(others)}` : `only ${list(held)}`;
}

function list(numbers: readonly number[]): string {
  return numbers.map((number) => `R${number}`).join(", ");
}

/** The documents that the ledger names as sources, without sections and without what is nobody's document. */
function specOf(feature: Feature, ledger: Ledger): string {
  const lines = new Map(ledger.rules.map((rule) => [rule.number, rule]));
  const sources = numbersOf(feature).flatMap((number) => lines.get(number)?.cells[1]?.split("; ") ?? []);
  const documents = sources
    .map((source) => source.replace(/,.*| §.*/, ""))
    .filter((source) => source !== "our own" && !/^as .* does$/.test(source));
  return [...new Set(documents)].join(", ") || (feature.spec ?? "our own");
}

/** The files whose tests name the rules, those with most of them first; then those that mirror the sources. */
function testFiles(feature: Feature, ledger: Ledger): string[] {
  const counts = new Map<string, number>();
  for (const number of numbersOf(feature)) {
    for (const { file } of testsOf(ledger, number)) counts.set(file, (counts.get(file) ?? 0) + 1);
  }
  const naming = [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([file]) => file);
  const mirrors = feature.sources
    .map((source) => `test/${source.replace(/\.ts$/, ".test.ts")}`)
    .filter((file) => here(feature, ledger) !== "no" && existsSync(new URL(file, root)));
  const others = (feature.tests ?? []).map((file) => existing(`test/${file}`));
  return [...new Set([...naming.filter((file) => file.endsWith(".test.ts")), ...mirrors, ...others])];
}

/** The sources that tests stand beside. */
function mirrored(tests: readonly string[]): string[] {
  return tests
    .map((file) => file.replace(/^test\//, "src/").replace(/\.test\.ts$/, ".ts"))
    .filter((file) => existsSync(new URL(file, root)));
}

function existing(file: string): string {
  if (!existsSync(new URL(file, root)))
    throw new Error(`test/support/feature-list.ts names ${file}, which does not exist`);
  return file;
}

/** `transport/deadline`, `test/wire/server-tls`. */
function labelOf(file: string): string {
  return file.replace(/^src\//, "").replace(/(?:\.test)?\.ts$/, "");
}
