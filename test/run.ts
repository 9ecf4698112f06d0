/**
 * Runs the test suite: `npm test` for all of it, `npm test -- wire status` for the files whose path has one of the words.
 *
 * Laws: the list of files is made here, as Node 20 given a folder or a pattern runs nothing and calls that a success; a run
 * of everything that met too few tests fails; no file holds the run up for ever.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Fewer tests than this in a full run means that files were lost, not that all is well. */
const MIN_TESTS = 3000;
/** For one test; Node 20 applies it to a file with everything in it, so that one which never ends by itself fails too. */
const TIMEOUT_MS = 180_000;

const root = fileURLToPath(new URL("..", import.meta.url));

function testFiles(words: readonly string[]): string[] {
  return readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".test.ts") && (words.length === 0 || words.some((word) => file.includes(word))))
    .map((file) => `test/${file}`)
    .toSorted();
}

/** Runs the files and resolves to the exit code; `summary` is where the machine-readable report goes. */
function runFiles(files: readonly string[], summary: string): Promise<number> {
  const reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"];
  reporters.push("--test-reporter=tap", `--test-reporter-destination=${summary}`);
  // Node leaves one processor to itself, which of two is half of the time: files wait a lot, for children and for each other's ends.
  const concurrency = `--test-concurrency=${availableParallelism()}`;
  const args = ["--import", "tsx", "--test", `--test-timeout=${TIMEOUT_MS}`, concurrency, ...reporters, ...files];
  const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
  // The runner hears Ctrl-C itself, and ends its files; this process ends with it.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

/** How many tests the report's closing lines count as passed or failed: skipped ones proved nothing. */
function testsThatRan(tap: string): number {
  return ["pass", "fail"].reduce(
    (sum, word) => sum + Number(new RegExp(`^# ${word} (\\d+)$`, "m").exec(tap)?.[1] ?? 0),
    0,
  );
}

async function main(words: readonly string[]): Promise<number> {
  const files = testFiles(words);
  if (files.length === 0) {
    process.stderr.write(`no test file has ${words.map((word) => JSON.stringify(word)).join(" or ")} in its path\n`);
    return 1;
  }
  const folder = mkdtempSync(join(tmpdir(), "barewire-test-"));
  try {
    const summary = join(folder, "summary.tap");
    const code = await runFiles(files, summary);
    const ran = testsThatRan(readFileSync(summary, "utf8"));
    const tooFew = ran < (words.length === 0 ? MIN_TESTS : 1);
    process.stdout.write(`${ran} tests ran in ${files.length} files\n`);
    if (tooFew) process.stderr.write(`that is too few: a full run has at least ${MIN_TESTS}\n`);
    return tooFew && code === 0 ? 1 : code;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main(process.argv.slice(2));
