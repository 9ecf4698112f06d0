/**
 * The bench: barewire and other libraries side by side, interleaved in one run, each client and each server in a process of its own.
 *
 * Laws: only ratios of the same round are claimed; the order rotates from round to round; a process that dies fails its row, and
 * the bench.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createDevCertificate } from "../src/cli/dev-certificate.js";
import { CONTENDERS, OURS, type ContenderName } from "./contenders.js";
import { missingH2load } from "./h2load.js";
import { Pairing, type Measurement } from "./pairing.js";
import { printRow, resultOf, type RowResult } from "./report.js";
import { ROWS, type Row } from "./rows.js";

const HELP = `usage: npm run bench [-- options] [row …]

A row is chosen by its name, or by the beginning of some; without one all are run.

  --quick         fewer and shorter turns: about a minute
  --rounds N      how often each contender has its turn; default 5, with --quick 3
  --seconds S     how long a turn is; default 0.5, with --quick 0.25
  --against P,Q   only these contenders, of ${CONTENDERS.slice(1).join(", ")}
  --json FILE     writes all that was measured
  --list          the names of the rows, and what they are
  --help          this text`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    against: { type: "string" },
    json: { type: "string" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const rounds = numberFrom("rounds", values.rounds ?? (values.quick ? "3" : "5"));
const turnMs = numberFrom("seconds", values.seconds ?? (values.quick ? "0.25" : "0.5")) * 1000;
const warmMs = values.quick ? 300 : 600;

function numberFrom(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0: current value is "${text}"`);
  return value;
}

function chosenRows(): Row[] {
  const unknown = positionals.find((word) => !ROWS.some(({ name }) => name.startsWith(word)));
  if (unknown !== undefined) throw new Error(`there is no row "${unknown}": --list tells which there are`);
  if (positionals.length === 0) return [...ROWS];
  return ROWS.filter(({ name }) =>
    positionals.some((word) => (ROWS.some((row) => row.name === word) ? name === word : name.startsWith(word))),
  );
}

function contendersOf(row: Row): ContenderName[] {
  const asked = values.against?.split(",");
  return row.contenders.filter((name) => name === OURS || asked === undefined || asked.includes(name));
}

async function measure(row: Row): Promise<RowResult> {
  const certificate = row.tls === true ? createDevCertificate() : undefined;
  const pairings = contendersOf(row).map((name) => new Pairing(name, row, certificate));
  try {
    for (const pairing of pairings) await pairing.start(certificate, warmMs);
    const all = new Map<ContenderName, Measurement[]>(pairings.map(({ contender }) => [contender, []]));
    for (let round = 0; round < rounds; round++) {
      const first = round % pairings.length;
      for (const pairing of [...pairings.slice(first), ...pairings.slice(0, first)]) {
        all.get(pairing.contender)?.push(await pairing.turn(turnMs));
      }
    }
    return resultOf(row, all);
  } finally {
    await Promise.all(pairings.map((pairing) => pairing.stop()));
  }
}

async function main(): Promise<number> {
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (values.list) {
    for (const { name, title } of ROWS) console.log(`${name.padEnd(16)}${title}`);
    return 0;
  }
  const results: RowResult[] = [];
  const failed: string[] = [];
  const missing = missingH2load();
  console.log(
    `Node ${process.version}, ${rounds} rounds of ${turnMs / 1000} s; ratios of barewire to others, [least–most of the rounds]`,
  );
  for (const row of chosenRows()) {
    if (row.isNativeLoad === true && missing !== undefined) {
      console.log(`${row.name}: left out, as ${missing}`);
      continue;
    }
    try {
      const result = await measure(row);
      printRow(result);
      results.push(result);
    } catch (error) {
      failed.push(row.name);
      console.log(`${row.name}: FAILED: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const below = results.filter((result) => Object.values(result.ratios).some((ratio) => ratio.meetsBar === false));
  if (below.length > 0) console.log(`behind the bar: ${below.map(({ name }) => name).join(", ")}`);
  if (values.json !== undefined) {
    writeFileSync(
      values.json,
      `${JSON.stringify({ node: process.version, rounds, turnMs, rows: results }, null, 2)}\n`,
    );
  }
  if (failed.length > 0) console.log(`FAILED: ${failed.join(", ")}`);
  return failed.length > 0 ? 1 : 0;
}

process.exitCode = await main();
