/**
 * The rows about memory: how much larger a server is for each idle stream, and for each connection.
 *
 * Laws: the resident set counts, as that is what a machine runs out of; garbage is collected while it fills up, so that what is left
 * is held; a server serves one round.
 */
import { Child } from "./child.js";
import type { ServeOptions } from "./contender.js";
import type { ContenderName } from "./contenders.js";
import type { Crowd } from "./crowd.js";
import { resultOf, type Measurement, type RowHead, type RowResult } from "./report.js";
import { inTurns, type Settings } from "./settings.js";
import type { Usage } from "./usage.js";

interface MemoryRow extends RowHead {
  readonly contenders: readonly ContenderName[];
  readonly steps: (isQuick: boolean) => number;
  /** What one step opens. */
  readonly crowd: Crowd;
}

export const MEMORY_ROWS: readonly MemoryRow[] = [
  {
    name: "idle-streams",
    title: "10,000 idle bidi streams: server memory a stream",
    metric: "memory",
    contenders: ["barewire", "grpc-js", "floor"],
    bars: { 20: { "grpc-js": 0.8, floor: 1.15 }, 24: { "grpc-js": 0.9 } },
    steps: (isQuick) => (isQuick ? 10 : 40),
    crowd: { connections: 1, streams: 250 },
  },
  {
    name: "connections",
    title: "1,000 connections: server memory a connection",
    metric: "memory",
    contenders: ["barewire", "grpc-js", "floor"],
    bars: { 20: { "grpc-js": 1 }, 24: { "grpc-js": 1 } },
    steps: (isQuick) => (isQuick ? 8 : 20),
    crowd: { connections: 50, streams: 0 },
  },
];

export async function measureMemory(row: MemoryRow, settings: Settings): Promise<RowResult> {
  const rounds = settings.isQuick ? 1 : Math.min(2, settings.rounds);
  const { isQuick } = settings;
  const all = await inTurns(row.contenders, { ...settings, rounds }, (name) => fill(name, row, isQuick));
  return { ...resultOf(row, all), ...(isQuick && { note: `with --quick only ${countOf(row, isQuick)} of them` }) };
}

/** How many streams or connections are opened. */
function countOf({ crowd, steps }: MemoryRow, isQuick: boolean): number {
  return steps(isQuick) * (crowd.streams || crowd.connections);
}

async function fill(contender: ContenderName, row: MemoryRow, isQuick: boolean): Promise<Measurement> {
  const { crowd, steps } = row;
  const options: ServeOptions = { maxConcurrentStreams: 250 };
  const server = new Child("./server.js", [contender, JSON.stringify(options)], ["--expose-gc"]);
  let client: Child | undefined;
  try {
    const { port } = await server.next<{ port: number }>();
    client = new Child("./crowd.js", [String(port)]);
    await client.next();
    // What the first ones need is needed once.
    for (let i = 0; i < 2; i++) await client.ask({ ...crowd, streams: Math.min(crowd.streams, 50) } satisfies Crowd);
    for (let i = 0; i < 3; i++) await server.ask("usage");
    const before = await server.ask<Usage>("usage");
    let after = before;
    for (let i = 0; i < steps(isQuick); i++) {
      await client.ask(crowd);
      after = await server.ask<Usage>("usage");
    }
    return {
      value: (after.rssBytes - before.rssBytes) / 1024 / countOf(row, isQuick),
      serverPeakBytes: after.peakRssBytes,
    };
  } finally {
    await Promise.all([server.stop(), client?.stop()]);
  }
}
