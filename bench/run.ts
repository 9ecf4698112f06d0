/**
 * The bench: barewire and grpc-js side by side, interleaved in one run, each in processes of its own.
 *
 * Laws: only ratios of the same run are claimed; the order rotates from round to round; a child that dies fails the row.
 * Usage: npm run bench [-- [codec] --rounds 5 --seconds 2 --json FILE]; with codec, the rows of bench/codec.ts alone
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { benchCodec } from "./codec.js";
import { IMPLEMENTATIONS, ROWS, type Implementation, type Measurement, type RowName } from "./contract.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log("Usage: npm run bench [-- [codec] --rounds 5 --seconds 2 --json FILE]");
  process.exit();
}

function spawn(file: string, args: readonly string[]): ChildProcess {
  return fork(new URL(file, import.meta.url), args, { execArgv: ["--import", "tsx"] });
}

/** The next message of a child; it rejects when the child ends first. */
async function message<T>(child: ChildProcess): Promise<T> {
  const stop = new AbortController();
  const died = once(child, "exit", { signal: stop.signal }).then(([code]) => {
    throw new Error(`a bench process ended with ${String(code)} in the middle of its work`);
  });
  try {
    const [received] = (await Promise.race([once(child, "message", { signal: stop.signal }), died])) as [T];
    return received;
  } finally {
    died.catch(() => undefined);
    stop.abort();
  }
}

async function cpuOf(server: ChildProcess): Promise<number> {
  server.send("cpu");
  const { cpu } = await message<{ cpu: NodeJS.CpuUsage }>(server);
  return cpu.user + cpu.system;
}

async function measure(implementation: Implementation, row: RowName): Promise<Measurement> {
  const server = spawn("./server.ts", [implementation]);
  try {
    const { port } = await message<{ port: number }>(server);
    const client = spawn("./client.ts", [implementation, String(port), row, values.seconds]);
    await message(client);
    const before = await cpuOf(server);
    const result = message<Omit<Measurement, "serverCpuUs"> & { done: number }>(client);
    client.send("go");
    const { done, ...measured } = await result;
    return { ...measured, serverCpuUs: ((await cpuOf(server)) - before) / done };
  } finally {
    server.disconnect();
  }
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function describe(measurements: readonly Measurement[], unit: string): string {
  const rate = median(measurements.map((one) => one.rate));
  const client = median(measurements.map((one) => one.clientCpuUs));
  const server = median(measurements.map((one) => one.serverCpuUs));
  const p50 =
    measurements[0]?.p50 === undefined ? "" : `, p50 ${median(measurements.map((one) => one.p50 ?? 0)).toFixed(2)} ms`;
  const p99 =
    measurements[0]?.p99 === undefined ? "" : `, p99 ${median(measurements.map((one) => one.p99 ?? 0)).toFixed(2)} ms`;
  return `${Math.round(rate).toLocaleString("en")} ${unit}, CPU ${client.toFixed(2)} µs client, ${server.toFixed(2)} µs server${p50}${p99}`;
}

const rounds = Number(values.rounds);
const results: Record<string, unknown> = { codec: benchCodec() };
for (const { name, title, unit } of positionals.includes("codec") ? [] : ROWS) {
  const all = new Map<Implementation, Measurement[]>(IMPLEMENTATIONS.map((one) => [one, []]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? IMPLEMENTATIONS : IMPLEMENTATIONS.toReversed();
    for (const implementation of order) all.get(implementation)?.push(await measure(implementation, name));
  }
  const ours = all.get("barewire") as Measurement[];
  const theirs = all.get("grpc-js") as Measurement[];
  const ratios = ours.map((one, i) => one.rate / (theirs[i]?.rate ?? Number.NaN));
  const spread = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
  console.log(`${title}: ${median(ratios).toFixed(2)}× grpc-js [${spread}, ${rounds} rounds]`);
  console.log(`  barewire  ${describe(ours, unit)}`);
  console.log(`  grpc-js   ${describe(theirs, unit)}`);
  results[name] = { title, unit, ratio: median(ratios), ratios, barewire: ours, "grpc-js": theirs };
}
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ node: process.version, results }, null, 2)}\n`);
}
