/**
 * Records the bench: `npm run bench:record` for Node 20 and 24, `-- 20` for one of them, `-- docs` for the page alone. Options
 * and rows behind that are those of the bench: `-- 20 --rounds 9 download`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeBinaryOf } from "../test/support/node-binary.js";
import { performancePages } from "./page.js";
import { pathInCheckout, readReport, RECORDED_MAJORS, recordedPath } from "./recorded.js";

function record(major: number, options: readonly string[]): boolean {
  const binary = nodeBinaryOf(String(major), console.log);
  if (binary === undefined) return false;
  const run = fileURLToPath(new URL("./run.js", import.meta.url));
  const { status } = spawnSync(binary, [run, ...options, "--json", recordedPath(major)], { stdio: "inherit" });
  return status === 0;
}

async function writePages(): Promise<void> {
  const reports = RECORDED_MAJORS.map(recordedPath)
    .filter((file) => existsSync(file))
    .map(readReport);
  for (const [path, text] of await performancePages(reports)) {
    const file = pathInCheckout(path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(`wrote ${path}`);
  }
}

const args = process.argv.slice(2);
const firstOption = args.findIndex((arg) => arg.startsWith("-"));
const words = firstOption === -1 ? args : args.slice(0, firstOption);
const options = firstOption === -1 ? [] : args.slice(firstOption);
const majors = RECORDED_MAJORS.filter((major) => words.includes(String(major)));
const chosen = majors.length > 0 ? majors : words.includes("docs") ? [] : RECORDED_MAJORS;
const failed = chosen.filter((major) => !record(major, options));
await writePages();
if (failed.length > 0) console.error(`FAILED on Node ${failed.join(", ")}`);
process.exitCode = failed.length > 0 ? 1 : 0;
