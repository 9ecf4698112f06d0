/**
 * What is said of a row: the ratios, and what every contender took.
 */
import { OURS, type ContenderName } from "./contenders.js";
import type { Measurement } from "./pairing.js";
import { METRICS, type Metric, type Row } from "./rows.js";
import { median, short, spreadOf, type Spread } from "./statistics.js";

/** Ours in relation to a peer's. */
export interface Ratio extends Spread {
  /** What the ratio has to be; `undefined` where nothing is asked. */
  readonly bar?: number | undefined;
  readonly meetsBar?: boolean | undefined;
  /** The processor time of a call or message, client and server together; a busy machine disturbs it least. */
  readonly cpu: number;
}

export interface RowResult {
  readonly name: string;
  readonly title: string;
  readonly metric: Metric;
  readonly ratios: Partial<Record<ContenderName, Ratio>>;
  readonly contenders: Partial<Record<ContenderName, readonly Measurement[]>>;
}

/** @throws Error when barewire was not measured. */
export function resultOf(
  { name, title, metric, bars }: Pick<Row, "name" | "title" | "metric" | "bars">,
  all: ReadonlyMap<ContenderName, readonly Measurement[]>,
): RowResult {
  const ours = all.get(OURS);
  if (ours === undefined) throw new Error(`${OURS} was not measured`);
  const ofThisNode = bars[Number(process.versions.node.split(".")[0]) >= 24 ? 24 : 20];
  const ratios: RowResult["ratios"] = {};
  for (const [peer, theirs] of all) {
    if (peer === OURS) continue;
    const spread = spreadOf(ours.map(({ value }, i) => value / (theirs[i]?.value ?? Number.NaN)));
    const bar = ofThisNode[peer];
    const meets =
      METRICS[metric].better === "more"
        ? (value: number) => value >= (bar ?? 0)
        : (value: number) => value <= (bar ?? 0);
    const cpu = median(ours.map((one, i) => cpuOf(one) / cpuOf(theirs[i])));
    ratios[peer] = { ...spread, bar, meetsBar: bar === undefined ? undefined : meets(spread.median), cpu };
  }
  return { name, title, metric, ratios, contenders: Object.fromEntries(all) };
}

function cpuOf(one: Measurement | undefined): number {
  return (one?.clientCpuUs ?? 0) + (one?.serverCpuUs ?? Number.NaN);
}

export function printRow({ name, title, metric, ratios, contenders }: RowResult): void {
  const { unit, better } = METRICS[metric];
  console.log(`\n${name}: ${title}`);
  for (const [peer, { median: middle, min, max, bar, meetsBar, cpu }] of Object.entries(ratios)) {
    const wanted =
      bar === undefined ? "" : `, ${meetsBar === true ? "" : "NOT "}${better === "more" ? "≥" : "≤"} ${bar}`;
    console.log(
      `  ${middle.toFixed(2)}× ${peer} [${min.toFixed(2)}–${max.toFixed(2)}]${wanted}; CPU ${cpu.toFixed(2)}×`,
    );
  }
  for (const [contender, rounds] of Object.entries(contenders)) {
    console.log(
      `    ${contender.padEnd(14)}${short(median(rounds.map(({ value }) => value)))} ${unit}${details(rounds, metric)}`,
    );
  }
}

function details(rounds: readonly Measurement[], metric: Metric): string {
  const middle = (pick: (one: Measurement) => number | undefined): number | undefined => {
    const values = rounds.map(pick).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : median(values);
  };
  const part = (label: string, value: number | undefined, unit: string): string =>
    value === undefined ? "" : `${label}${short(value)} ${unit}`;
  const mebi = (bytes: number | undefined): number | undefined =>
    bytes === undefined ? undefined : bytes / 1024 / 1024;
  return [
    metric === "rate"
      ? ""
      : part(
          "; ",
          middle((one) => one.rate),
          "/s",
        ),
    part(
      "; p50 ",
      middle((one) => one.p50Ms),
      "ms",
    ),
    part(
      ", p99 ",
      middle((one) => one.p99Ms),
      "ms",
    ),
    part(
      "; client ",
      middle((one) => one.clientCpuUs),
      "µs",
    ),
    part(", ", mebi(middle((one) => one.clientPeakBytes)), "MiB"),
    part(
      "; server ",
      middle((one) => one.serverCpuUs),
      "µs",
    ),
    part(", ", mebi(middle((one) => one.serverPeakBytes)), "MiB"),
  ].join("");
}
