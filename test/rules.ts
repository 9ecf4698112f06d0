/**
 * The rules and their tests: `npm run rules` for all of them, `npm run rules -- R65 R66` for some, `--json` for programs, `--check`
 * for no more than what is wrong.
 *
 * Laws: it reads files and runs nothing; it fails when a rule has neither a test nor a reasoned exception.
 */
import { CHECKS, complaintOf, readLedger, testsOf, type Ledger, type Rule } from "./support/ledger.js";

interface Line {
  readonly rule: string;
  readonly text: string;
  readonly source: string;
  readonly tests: readonly { readonly file: string; readonly name: string }[];
  /** Why no test is wanted. */
  readonly exception?: string;
}

function lineOf(ledger: Ledger, { number, held, cells }: Rule): Line {
  const [text = "", source = "", exception = ""] = cells;
  const tests = testsOf(ledger, number).map(({ file, name }) => ({ file, name }));
  return { rule: `R${number}`, text, source, tests, ...(held ? {} : { exception }) };
}

function format({ rule, text, tests, exception }: Line): string {
  const head = `${rule.padEnd(5)} ${text}\n`;
  const below =
    exception === undefined ? tests.map(({ file, name }) => `${file}: ${name}`) : [`exception: ${exception}`];
  return head + below.map((line) => `      ${line}\n`).join("");
}

function main(args: readonly string[]): number {
  const unknown = args.find((arg) => !/^(?:--json|--check|R?[1-9]\d*)$/.test(arg));
  if (unknown !== undefined) {
    process.stderr.write(`rules: ${JSON.stringify(unknown)} is none of --json, --check and a number such as R65\n`);
    return 2;
  }
  const ledger = readLedger();
  const wanted = new Set(args.filter((arg) => !arg.startsWith("--")).map((arg) => `R${arg.replace("R", "")}`));
  const lines = ledger.rules
    .toSorted((a, b) => a.number - b.number)
    .map((rule) => lineOf(ledger, rule))
    .filter(({ rule }) => wanted.size === 0 || wanted.has(rule));
  const absent = [...wanted].filter((rule) => !lines.some((line) => line.rule === rule));
  if (absent.length > 0) {
    process.stderr.write(`rules: there is no ${absent.join(", ")}\n`);
    return 2;
  }
  if (args.includes("--json")) process.stdout.write(`${JSON.stringify(lines, undefined, 2)}\n`);
  else if (!args.includes("--check")) process.stdout.write(lines.map(format).join(""));
  const complaints = CHECKS.flatMap((check) => complaintOf(check, ledger) ?? []);
  for (const complaint of complaints) process.stderr.write(`rules: ${complaint}\n`);
  const held = ledger.rules.filter((rule) => rule.held).length;
  const exceptions = ledger.rules.length - held;
  const summary = `rules: ${held} held by ${ledger.tests.length} tests, ${exceptions} exceptions with a reason`;
  if (!args.includes("--json"))
    process.stdout.write(`${summary}${complaints.length === 0 ? "" : ": not all is well"}\n`);
  return complaints.length === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
