/**
 * All that the bench can measure, in the order in which it does.
 */
import { Child } from "./child.js";
import { missingH2load } from "./h2load.js";
import type { Hops } from "./hops.js";
import { MAX_HOPS } from "./limits.js";
import { measureMemory, MEMORY_ROWS } from "./memory.js";
import type { RowResult } from "./report.js";
import { LINEAR_ROWS, ROWS } from "./rows.js";
import type { Settings } from "./settings.js";
import { measureStartUp, START_UP_ROW } from "./start-up.js";
import { measureTurns } from "./turns.js";

/** One thing to choose. */
export interface Entry {
  readonly name: string;
  readonly title: string;
  /** Left out by --quick, unless it is chosen. */
  readonly isLong?: boolean;
  /** Why it cannot be measured on this machine. */
  readonly missing?: () => string | undefined;
  measure(settings: Settings): Promise<readonly RowResult[]>;
}

/** Functions and files of ours that one warm unary call runs, against none: the contender is the limit. */
async function measureHops(): Promise<readonly RowResult[]> {
  const hops = await inProcessOfItsOwn<Record<"client" | "server", Hops>>(["hops"]);
  return (["client", "server"] as const).map((side) => {
    const files = Object.keys(hops[side]).length;
    const functions = Object.values(hops[side]).flat().length;
    const isMet = functions <= MAX_HOPS.functions && files <= MAX_HOPS.files;
    return {
      name: `hops-${side}`,
      title: `functions of ours that one warm unary call runs, ${side}`,
      metric: "hops",
      ratios: {},
      contenders: { barewire: { value: functions, values: [functions, files] } },
      note: `in ${files} files; ${isMet ? "" : "NOT "}≤ ${MAX_HOPS.functions} in ≤ ${MAX_HOPS.files}`,
      hops: hops[side],
    };
  });
}

async function inProcessOfItsOwn<T>(args: readonly string[]): Promise<T> {
  const child = new Child("./part.js", args);
  try {
    return await child.next<T>();
  } finally {
    await child.stop();
  }
}

export const ENTRIES: readonly Entry[] = [
  ...ROWS.map((row) => ({
    name: row.name,
    title: row.title,
    missing: () => (row.isNativeLoad === true ? missingH2load() : undefined),
    measure: async (settings: Settings) => [await measureTurns(row, settings)],
  })),
  ...MEMORY_ROWS.map((row) => ({
    name: row.name,
    title: row.title,
    measure: async (settings: Settings) => [await measureMemory(row, settings)],
  })),
  {
    name: START_UP_ROW.name,
    title: START_UP_ROW.title,
    measure: async (settings) => [await measureStartUp(settings)],
  },
  { name: "hops", title: "functions and files of ours that one warm unary call runs", measure: measureHops },
  {
    name: "codec",
    title: "messages alone, against protobufjs and @grpc/proto-loader",
    measure: ({ isQuick }) => inProcessOfItsOwn(["codec", isQuick ? "20" : "60"]),
  },
  ...LINEAR_ROWS.map((row) => ({
    name: row.name,
    title: row.title,
    isLong: true,
    measure: async (settings: Settings) => [
      await measureTurns(row, { ...settings, rounds: Math.min(2, settings.rounds) }),
    ],
  })),
];
