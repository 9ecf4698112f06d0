/**
 * `docs/performance.md` and its plots: what the recorded results say.
 *
 * Laws: no number of the page is written by hand.
 */
import { readFileSync } from "node:fs";
import prettier from "prettier";
import { CONTENDERS, OURS, type ContenderName } from "./contenders.js";
import { MAX_HOPS } from "./limits.js";
import { METRICS } from "./metrics.js";
import { drawPlot, type Line } from "./plot.js";
import { pathInCheckout, type Report } from "./recorded.js";
import type { Ratio, RowResult, Summary } from "./report.js";
import { SIZES, STREAMS } from "./rows.js";
import { short } from "./statistics.js";

const PEERS = CONTENDERS.filter((name) => name !== OURS);
const FLOOR = "bench/contenders/floor.ts";
const COLORS: Partial<Record<ContenderName, string>> = { barewire: "#0b6", "grpc-js": "#c33", floor: "#777" };

/** The files, by their paths. */
export async function performancePages(reports: readonly Report[]): Promise<ReadonlyMap<string, string>> {
  const pages = new Map<string, string>();
  for (const report of reports) {
    const major = majorOf(report);
    pages.set(`docs/performance/streams-node-${major}.svg`, streamsPlot(report));
    pages.set(`docs/performance/sizes-node-${major}.svg`, sizesPlot(report));
  }
  const text = [INTRODUCTION, ...reports.map(partOf), howTo(), floorPart()].join("\n\n");
  pages.set(
    "docs/performance.md",
    await prettier.format(text, { parser: "markdown", printWidth: 120, trailingComma: "all" }),
  );
  return pages;
}

const INTRODUCTION = `# Performance

barewire, other libraries and the floor, measured side by side. This page is made by \`npm run bench:record\`; \`npm run bench\`
prints the same of your machine.

## How to read it

- **Only ratios are claimed**, barewire's figure divided by the other's: 2.00× of a rate is twice as many, 0.50× of a cost is half.
  The ratio is the median of the rounds, and beside it stand the least and the most. A round has everybody's turn, in an order that
  rotates, so that what the machine does meanwhile happens to all.
- **The bar** is what a ratio has to be, at least or at most; one that it is not is marked ✗.
- Row by row, what each of them took stands below the ratios: what is compared, latencies, and for each side CPU time and the largest
  resident set.
- Each client and each server is a process of its own, which is warmed up first; they talk over loopback, in plaintext where
  nothing else is said, with messages of 100 bytes.
- **CPU** is processor time of a call or message, kernel's included. It is the steadiest figure on a busy machine, and what a server
  costs.
- **The floor** is not a library: it is [one file](../${FLOOR}) on bare \`node:http2\` with the same messages, framing, codec and windows,
  and nothing of what a library is for. It says what is left to gain. What it does not do either is copy: its \`bytes\` fields are
  views of what came from the network, which keep all of it in memory.
- grpc-js has its messages by proto-loader, nice-grpc by protobufjs as the floor has, and connect-node by protobuf-es. Peers have
  their defaults, windows included. In the row of start-up barewire has a generated module.`;

function majorOf({ node }: Report): string {
  return /\d+/.exec(node)?.[0] ?? "";
}

function partOf(report: Report): string {
  const { node, processor, cores, date, settings } = report;
  const major = majorOf(report);
  const compared = report.rows.filter(
    ({ name, ratios }) => Object.keys(ratios).length > 0 && !isPlotted(name) && !isCodec(name),
  );
  return [
    `## Node ${major}`,
    `${node} on ${cores} × ${processor}, ${date}; ${settings.rounds} rounds of ${settings.turnMs / 1000} s.`,
    table(
      ["row", ...PEERS],
      compared.map((row) => [row.title, ...PEERS.map((peer) => ratioCell(row, row.ratios[peer]))]),
    ),
    "What each of them took:",
    table(
      ["row", "by", "compared", "p50 / p99 ms", "client: CPU µs, peak MiB", "server: CPU µs, peak MiB"],
      compared.flatMap((row) =>
        Object.entries(row.contenders).map(([by, of], i) => detailRow(i === 0 ? row.title : "", by, row, of)),
      ),
    ),
    ...hopsPart(report.rows),
    "Messages alone:",
    table(
      ["what", "ratio", "barewire, ns", "the other, ns"],
      report.rows.filter(({ name }) => isCodec(name)).map(codecRow),
    ),
    "How cost grows, as CPU time of both sides:",
    `![CPU of a message against the number of streams](performance/streams-node-${major}.svg)`,
    `![CPU of a call against the size of its messages](performance/sizes-node-${major}.svg)`,
  ].join("\n\n");
}

function isPlotted(name: string): boolean {
  return name.startsWith("linear-");
}

function isCodec(name: string): boolean {
  return name.startsWith("codec-");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function ratioCell({ metric }: RowResult, ratio: Ratio | undefined): string {
  if (ratio === undefined) return "";
  const { median, min, max, bar, meetsBar } = ratio;
  const sign = METRICS[metric].better === "more" ? "≥" : "≤";
  const wanted = bar === undefined ? "" : ` (${meetsBar === true ? "" : "✗ "}${sign} ${bar})`;
  return `**${median.toFixed(2)}×** ${min.toFixed(2)}–${max.toFixed(2)}${wanted}`;
}

function detailRow(title: string, by: string, { metric }: RowResult, of: Summary): string[] {
  const latency = of.p50Ms === undefined || of.p99Ms === undefined ? "" : `${short(of.p50Ms)} / ${short(of.p99Ms)}`;
  const side = (cpuUs: number | undefined, peakBytes: number | undefined): string =>
    [cpuUs, peakBytes === undefined ? undefined : peakBytes / 1024 / 1024]
      .filter((value) => value !== undefined)
      .map(short)
      .join(", ");
  const compared = `${short(of.value)} ${METRICS[metric].unit}`;
  return [
    title,
    by,
    compared,
    latency,
    side(of.clientCpuUs, of.clientPeakBytes),
    side(of.serverCpuUs, of.serverPeakBytes),
  ];
}

function hopsPart(rows: readonly RowResult[]): string[] {
  const counts = rows.flatMap(({ name, contenders }) => {
    const [functions, files] = contenders.barewire?.values ?? [];
    return name.startsWith("hops-")
      ? [`${functions} functions in ${files} files on the ${name.slice("hops-".length)}`]
      : [];
  });
  if (counts.length === 0) return [];
  const wanted = `${MAX_HOPS.functions} in ${MAX_HOPS.files} on each side are wanted`;
  return [
    `One warm unary call runs so much code of barewire, as V8 counts it: ${counts.join(", ")}; at most ${wanted}.`,
  ];
}

function codecRow(row: RowResult): string[] {
  const [[peer, ratio] = ["", undefined]] = Object.entries(row.ratios);
  const ns = (name: string): string => short(row.contenders[name as ContenderName]?.value ?? Number.NaN);
  return [row.title, ratioCell(row, ratio), ns(OURS), ns(peer)];
}

function streamsPlot(report: Report): string {
  return drawPlot({
    title: `Server streaming, 100 messages of 100 bytes a stream, Node ${majorOf(report)}`,
    xLabel: "streams at a time",
    yLabel: "µs of CPU a message, both sides",
    xTicks: STREAMS.map((count) => [count, String(count)]),
    lines: linesOf(report, "linear-streams-", STREAMS),
  });
}

function sizesPlot(report: Report): string {
  return drawPlot({
    title: `Unary, 8 in flight, Node ${majorOf(report)}`,
    xLabel: "bytes of the message, there and back",
    yLabel: "µs of CPU a call, both sides",
    xTicks: SIZES.map((bytes, i) => [bytes, ["10 B", "1 KiB", "100 KiB", "4 MiB"][i] ?? ""]),
    lines: linesOf(report, "linear-size-", SIZES),
  });
}

function linesOf({ rows }: Report, prefix: string, xs: readonly number[]): Line[] {
  const points = rows.filter(({ name }) => name.startsWith(prefix));
  return Object.entries(COLORS).map(([name, color]) => ({
    name,
    color,
    points: points.flatMap((row, i): [number, number][] => {
      const value = row.contenders[name as ContenderName]?.value;
      return value === undefined ? [] : [[xs[i] ?? 1, value]];
    }),
  }));
}

function howTo(): string {
  return `## Measuring

\`\`\`console
$ npm run bench                                   # all rows, about five minutes
$ npm run bench -- --quick                        # about one, against grpc-js and the floor
$ npm run bench -- download --against grpc-js     # one row, one peer
$ npm run bench -- --list                         # the rows
$ npm run bench -- unary --profile /tmp/profiles  # where barewire's processes spent their time
$ npm run bench:interceptors                      # barewire with and without interceptors
$ npm run bench:record                            # everything on Node 20 and 24, and this page
\`\`\`

nice-grpc and connect-node have a lockfile of their own in \`bench/peers\`, and are installed there when they are missing. grpc-go takes part
where there is Go, and the row of the server alone wants \`h2load\` (Debian: \`nghttp2-client\`).

\`npm run bench:ci\` runs the quick bench, and the rows that are behind up to twice more; it fails when the best ratio of a row is below
65 % of the one recorded here.`;
}

function floorPart(): string {
  return `## The floor

<details>
<summary><code>${FLOOR}</code></summary>

\`\`\`typescript
${readFileSync(pathInCheckout(FLOOR), "utf8").trimEnd()}
\`\`\`

</details>`;
}
