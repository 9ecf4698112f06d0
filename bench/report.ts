/**
 * What is said of a row: the ratios, and what every contender took.
 */
import { OURS, type ContenderName } from "./contenders.js";
import { METRICS, type Bars, type Metric } from "./metrics.js";
import { median, short, spreadOf, type Spread } from "./statistics.js";

/** What one turn gave; what a row does not look at is absent. */
export interface Measurement {
  /** What the row compares. */
  readonly value: number;
  /** Calls, messages or round trips a second. */
  readonly rate?: number | undefined;
  readonly p50Ms?: number | undefined;
  readonly p99Ms?: number | undefined;
  /** Microseconds of CPU for each of them. */
  readonly clientCpuUs?: number | undefined;
  readonly serverCpuUs?: number | undefined;
  readonly clientPeakBytes?: number | undefined;
  readonly serverPeakBytes?: number | undefined;
}

/** The medians of the rounds, and what was compared of each. */
export type Summary = Measurement & { readonly values: readonly number[] };

/** Ours in relation to a peer's. */
export interface Ratio extends Spread {
  /** What the ratio has to be; `undefined` where nothing is asked. */
  readonly bar?: number | undefined;
  readonly meetsBar?: boolean | undefined;
  /** The processor time of a call or message, client and server together; a busy machine disturbs it least. */
  readonly cpu?: number | undefined;
}

export interface RowResult {
  readonly name: string;
  readonly title: string;
  readonly metric: Metric;
  readonly ratios: Partial<Record<ContenderName, Ratio>>;
  readonly contenders: Partial<Record<ContenderName, Summary>>;
  /** Why it is not all that was wanted. */
  readonly note?: string | undefined;
  /** Where it is a row of functions: file by file. */
  readonly hops?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** What is known of a row before it is measured. */
export interface RowHead {
  readonly name: string;
  readonly title: string;
  readonly metric: Metric;
  /** By the major version of Node; a version between two has those of the lower one. */
  readonly bars: Readonly<Record<20 | 24, Bars>>;
}

/** @throws Error when barewire was not measured. */
export function resultOf(
  { name, title, metric, bars }: RowHead,
  all: ReadonlyMap<ContenderName, readonly Measurement[]>,
): RowResult {
  const ours = all.get(OURS);
  if (ours === undefined) throw new Error(`${OURS} was not measured`);
  const ofThisNode = bars[Number(process.versions.node.split(".")[0]) >= 24 ? 24 : 20];
  const ratios: Partial<Record<ContenderName, Ratio>> = {};
  const contenders: Partial<Record<ContenderName, Summary>> = {};
  for (const [contender, theirs] of all) {
    contenders[contender] = summaryOf(theirs);
    if (contender !== OURS) ratios[contender] = ratioOf(metric, ours, theirs, ofThisNode[contender]);
  }
  return { name, title, metric, ratios, contenders };
}

function ratioOf(
  metric: Metric,
  ours: readonly Measurement[],
  theirs: readonly Measurement[],
  bar: number | undefined,
): Ratio {
  const spread = spreadOf(ours.map(({ value }, i) => value / (theirs[i]?.value ?? Number.NaN)));
  const cpu = median(ours.map((one, i) => cpuOf(one) / cpuOf(theirs[i])));
  const isMore = METRICS[metric].better === "more";
  const meetsBar = bar === undefined ? undefined : isMore ? spread.median >= bar : spread.median <= bar;
  return { ...spread, bar, meetsBar, ...(cpu > 0 && { cpu }) };
}

function cpuOf(one: Measurement | undefined): number {
  return (one?.clientCpuUs ?? 0) + (one?.serverCpuUs ?? 0);
}

function summaryOf(rounds: readonly Measurement[]): Summary {
  const summary: Record<string, number> = {};
  for (const key of Object.keys(rounds[0] ?? {}) as (keyof Measurement)[]) {
    summary[key] = median(rounds.map((one) => one[key] ?? Number.NaN));
  }
  return { ...(summary as unknown as Measurement), values: rounds.map(({ value }) => value) };
}

/** Prints a row; the functions of hops, of which there are many, only when it is `inFull`. */
export function printRow({ name, title, metric, ratios, contenders, note, hops }: RowResult, inFull: boolean): void {
  const { unit, better } = METRICS[metric];
  console.log(`\n${name}: ${title}`);
  for (const [peer, { median: middle, min, max, bar, meetsBar, cpu }] of Object.entries(ratios)) {
    const wanted =
      bar === undefined ? "" : `, ${meetsBar === true ? "" : "NOT "}${better === "more" ? "≥" : "≤"} ${bar}`;
    const time = cpu === undefined ? "" : `; CPU ${cpu.toFixed(2)}×`;
    console.log(`  ${middle.toFixed(2)}× ${peer} [${min.toFixed(2)}–${max.toFixed(2)}]${wanted}${time}`);
  }
  for (const [contender, summary] of Object.entries(contenders)) {
    console.log(`    ${contender.padEnd(14)}${short(summary.value)} ${unit}${details(summary, metric)}`);
  }
  if (note !== undefined) console.log(`    (${note})`);
  if (!inFull) return;
  for (const [file, functions] of Object.entries(hops ?? {})) console.log(`    ${file}: ${functions.join(", ")}`);
}

function details(of: Summary, metric: Metric): string {
  const part = (label: string, value: number | undefined, unit: string): string =>
    value === undefined ? "" : `${label}${short(value)} ${unit}`;
  const mebi = (bytes: number | undefined): number | undefined =>
    bytes === undefined ? undefined : bytes / 1024 / 1024;
  return [
    metric === "rate" ? "" : part("; ", of.rate, "/s"),
    part("; p50 ", of.p50Ms, "ms"),
    part(", p99 ", of.p99Ms, "ms"),
    part("; client ", of.clientCpuUs, "µs"),
    part(", ", mebi(of.clientPeakBytes), "MiB"),
    part("; server ", of.serverCpuUs, "µs"),
    part(", ", mebi(of.serverPeakBytes), "MiB"),
  ].join("");
}
