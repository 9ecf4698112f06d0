/**
 * The bench of continuous integration: fails when barewire has lost much of what was recorded.
 *
 * Laws: a row has three tries, and its best ratio counts, as other work on the machine only ever makes it worse; a row that has
 * passed is not tried again.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bestOf, LEFT, lossOf } from "./loss.js";
import { readRecorded, readReport, type Report } from "./recorded.js";
import type { RowResult } from "./report.js";

const TRIES = 3;
const PEERS = "grpc-js,floor";

/** Runs the quick bench of these rows. @throws Error when it fails. */
function runQuick(rows: readonly string[]): Report {
  const folder = mkdtempSync(join(tmpdir(), "barewire-bench-"));
  const file = join(folder, "report.json");
  try {
    const run = fileURLToPath(new URL("./run.js", import.meta.url));
    const args = [run, "--quick", "--against", PEERS, "--json", file, ...rows];
    const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
    if (status !== 0 || !existsSync(file)) throw new Error(`the bench ended with ${String(status)}`);
    return readReport(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function main(): number {
  const recorded = readRecorded(Number(process.versions.node.split(".")[0]));
  if (recorded === undefined) throw new Error("nothing was recorded: npm run bench:record");
  const before = new Map(recorded.rows.map((row) => [row.name, row]));
  const best = new Map<string, RowResult>();
  let behind = new Map<string, string>();
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const { rows } = runQuick(attempt === 1 ? [] : [...behind.keys()].map(entryOf));
    const wanted = behind;
    behind = new Map();
    for (const row of rows) {
      const recordedRow = before.get(row.name);
      if (recordedRow === undefined) console.log(`${row.name} is not recorded yet`);
      else if (attempt === 1 || wanted.has(row.name)) {
        best.set(row.name, bestOf(row, best.get(row.name)));
        const loss = lossOf(best.get(row.name) ?? row, recordedRow);
        if (loss !== undefined) behind.set(row.name, loss);
      }
    }
    if (behind.size === 0) {
      console.log(`\nevery row has at least ${LEFT * 100} % of what was recorded on ${recorded.node}`);
      return 0;
    }
    console.log(`\ntry ${attempt} of ${TRIES}: behind are ${[...behind.keys()].join(", ")}`);
  }
  for (const [name, loss] of behind) console.error(`${name}: ${loss}: below ${LEFT * 100} %`);
  return 1;
}

/** The name by which a row is chosen. */
function entryOf(name: string): string {
  return /^(?:codec|hops)(?=-)/.exec(name)?.[0] ?? name;
}

process.exitCode = main();
