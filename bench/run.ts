/**
 * The bench: barewire and other libraries side by side, interleaved in one run, each client and each server in a process of its own.
 *
 * Laws: only ratios of the same round are claimed; the order rotates from round to round; a process that dies fails its row, and
 * the bench.
 */
import { existsSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { BUILT, CONTENDERS, INSTALLED, OURS } from "./contenders.js";
import { ENTRIES, type Entry } from "./entries.js";
import { buildGrpcGo } from "./grpc-go.js";
import { installPeers } from "./install-peers.js";
import { readReport, type Report } from "./recorded.js";
import { printRow, type RowResult } from "./report.js";
import type { Settings } from "./settings.js";

/** Who is compared with when it is to be quick. */
const QUICK_PEERS = "grpc-js,floor";

const HELP = `usage: npm run bench [-- options] [row …]

A row is chosen by its name, or by the beginning of some; without one all are run.

  --quick         fewer and shorter turns, ${QUICK_PEERS} alone, and no rows for plots: about a minute
  --rounds N      how often each contender has its turn; default 5, with --quick 3
  --seconds S     how long a turn is; default 0.4, with --quick 0.25
  --against P,Q   only these peers: ${CONTENDERS.slice(1).join(", ")};
                  ${INSTALLED.join(" and ")} are installed in bench/peers when they are asked for, and ${BUILT} is built
                  where there is Go
  --profile DIR   writes CPU profiles of barewire's processes, and says which functions they were in; slows them down
  --json FILE     writes what was measured; where rows were chosen, the others in the file stay
  --list          the rows
  --help          this text

npm run bench:interceptors compares barewire with itself: what interceptors and propagation cost.`;

type Flags = ReturnType<typeof parseFlags>["values"];

function parseFlags() {
  return parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      seconds: { type: "string" },
      against: { type: "string" },
      json: { type: "string" },
      profile: { type: "string" },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
}

function numberFrom(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new Error(`Cannot read --${name} as it must be a number above 0: current value is "${text}"`);
}

function settingsFrom(values: Flags): Settings {
  const isQuick = values.quick;
  const against = (values.against ?? (isQuick ? QUICK_PEERS : undefined))?.split(",").filter((name) => name !== "");
  const stranger = against?.find((name) => !(CONTENDERS as readonly string[]).includes(name) || name === OURS);
  if (stranger !== undefined) {
    throw new Error(`Cannot compare with "${stranger}" as there are only ${CONTENDERS.slice(1).join(", ")}`);
  }
  return {
    isQuick,
    rounds: Math.ceil(numberFrom("rounds", values.rounds ?? (isQuick ? "3" : "5"))),
    turnMs: numberFrom("seconds", values.seconds ?? (isQuick ? "0.25" : "0.4")) * 1000,
    warmMs: isQuick ? 200 : 500,
    against,
    profiles: values.profile,
    grpcGo: undefined,
  };
}

function chosenEntries(positionals: readonly string[], isQuick: boolean): readonly Entry[] {
  const stranger = positionals.find((word) => !ENTRIES.some(({ name }) => name.startsWith(word)));
  if (stranger !== undefined) throw new Error(`Cannot run row "${stranger}" as there is none: --list tells the rows`);
  if (positionals.length === 0) return ENTRIES.filter(({ isLong }) => !isQuick || isLong !== true);
  const isWhole = (word: string): boolean => ENTRIES.some(({ name }) => name === word);
  return ENTRIES.filter(({ name }) =>
    positionals.some((word) => (isWhole(word) ? name === word : name.startsWith(word))),
  );
}

/** The settings, without the peers that cannot be had. */
function withPeers(settings: Settings): Settings {
  const wanted = new Set<string>(settings.against ?? CONTENDERS);
  const leaveOut = (names: readonly string[], reason: string): void => {
    console.log(`left out: ${names.join(", ")}, as ${reason}`);
    for (const name of names) wanted.delete(name);
  };
  const missing = INSTALLED.some((name) => wanted.has(name)) ? installPeers() : undefined;
  if (missing !== undefined) leaveOut(INSTALLED, missing);
  const built = wanted.has(BUILT) ? buildGrpcGo() : undefined;
  if (built !== undefined && "missing" in built) leaveOut([BUILT], built.missing);
  return {
    ...settings,
    against: [...wanted],
    grpcGo: built !== undefined && "program" in built ? built.program : undefined,
  };
}

async function runAll(
  entries: readonly Entry[],
  settings: Settings,
  isChosen: boolean,
): Promise<{ rows: RowResult[]; failed: string[] }> {
  const rows: RowResult[] = [];
  const failed: string[] = [];
  for (const entry of entries) {
    const missing = entry.missing?.();
    if (missing !== undefined) {
      console.log(`\n${entry.name}: left out, as ${missing}`);
      continue;
    }
    try {
      const results = await entry.measure(settings);
      for (const result of results) printRow(result, isChosen);
      rows.push(...results);
    } catch (error) {
      failed.push(entry.name);
      console.log(`\n${entry.name}: FAILED: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { rows, failed };
}

/** The rows that were measured in the place of those of the same name, new ones behind. */
function merged(kept: readonly RowResult[], measured: readonly RowResult[]): RowResult[] {
  const rows = new Map([...kept, ...measured].map((row) => [row.name, row]));
  const places = ENTRIES.map(({ name }) => name);
  const placeOf = ({ name }: RowResult): number =>
    places.findIndex((place) => name.startsWith(place) && (name === place || !places.includes(name)));
  return [...rows.values()].toSorted((a, b) => placeOf(a) - placeOf(b));
}

async function main(): Promise<number> {
  const { values, positionals } = parseFlags();
  if (values.help) console.log(HELP);
  else if (values.list) for (const { name, title } of ENTRIES) console.log(`${name.padEnd(22)}${title}`);
  if (values.help || values.list) return 0;

  const chosen = settingsFrom(values);
  const entries = chosenEntries(positionals, chosen.isQuick);
  const settings = withPeers(chosen);
  const { rounds, turnMs } = settings;
  console.log(
    `Node ${process.version}, ${rounds} rounds of ${turnMs / 1000} s; barewire in relation to others: median [least–most]`,
  );
  const { rows, failed } = await runAll(entries, settings, positionals.length > 0);
  const behind = rows.filter(({ ratios }) => Object.values(ratios).some(({ meetsBar }) => meetsBar === false));
  if (behind.length > 0) console.log(`\nbehind a bar: ${behind.map(({ name }) => name).join(", ")}`);
  if (failed.length > 0) console.log(`\nFAILED: ${failed.join(", ")}`);
  if (values.json !== undefined) {
    const kept = positionals.length > 0 && existsSync(values.json) ? readReport(values.json).rows : [];
    const processor = cpus()[0]?.model ?? "unknown";
    const machine = { processor, cores: cpus().length, date: new Date().toISOString().slice(0, 10) };
    const report: Report = {
      node: process.version,
      ...machine,
      settings: { rounds, turnMs },
      rows: merged(kept, rows),
    };
    writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  return failed.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
