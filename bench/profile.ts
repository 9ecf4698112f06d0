/**
 * Where the processes of barewire spent their time: V8's CPU profiles, in a few lines.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A `.cpuprofile`, as far as it is read. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const SHOWN = 20;
/** Not at work. */
const IDLE = "(idle)";

export function profileName(row: string, side: "client" | "server"): string {
  return `${row}-${side}.cpuprofile`;
}

/** Prints the functions that a row's processes were in most, themselves, in hundredths of the time at work. */
export function printProfiles(folder: string, row: string): void {
  for (const side of ["client", "server"] as const) {
    const file = join(folder, profileName(row, side));
    if (!existsSync(file)) continue;
    const own = ownTimes(JSON.parse(readFileSync(file, "utf8")) as CpuProfile);
    const total = [...own.values()].reduce((sum, time) => sum + time, 0);
    console.log(`\n${file}`);
    for (const [place, time] of [...own].toSorted(([, a], [, b]) => b - a).slice(0, SHOWN)) {
      console.log(`  ${((time / total) * 100).toFixed(1).padStart(5)} %  ${place}`);
    }
  }
}

function ownTimes({ nodes, samples, timeDeltas }: CpuProfile): Map<string, number> {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const own = new Map<string, number>();
  samples.forEach((id, i) => {
    const place = places.get(id) ?? "";
    if (place !== IDLE) own.set(place, (own.get(place) ?? 0) + (timeDeltas[i] ?? 0));
  });
  return own;
}

function placeOf({ functionName, url, lineNumber }: CpuProfile["nodes"][number]["callFrame"]): string {
  const name = functionName === "" ? "(unnamed)" : functionName;
  if (url === "") return name;
  const file = url.replace(/^.*\/\.bench\//, "").replace(/^.*\/node_modules\//, "");
  return `${name}  ${file}:${lineNumber + 1}`;
}
