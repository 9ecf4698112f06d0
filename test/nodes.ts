/**
 * Runs the test suite on every version of Node that is promised: `npm run test:nodes` for all of it on all of them,
 * `npm run test:nodes -- 24 wire` for the files that have the word, on that version.
 *
 * Laws: a version that cannot be had is a failure, never a gap; each runs by its own binary, and so do the commands its tests
 * start; the checkout is not touched, as what is fetched goes into a directory of the user's.
 */
import { spawn, spawnSync } from "node:child_process";
import { delimiter, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeBinaryOf } from "./support/node-binary.js";

/** The oldest version that is promised, and every one since that is or was supported for long. */
const MAJORS = ["20", "22", "24", "26"];

const root = fileURLToPath(new URL("..", import.meta.url));

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What a binary says it is, such as `22.23.3`; `undefined` when it does not run or is of another major. */
function versionOf(binary: string, major: string): string | undefined {
  const { stdout } = spawnSync(binary, ["--version"], { encoding: "utf8" });
  const version = /^v(\S+)/.exec(stdout ?? "")?.[1];
  return version?.startsWith(`${major}.`) === true ? version : undefined;
}

interface Run {
  readonly code: number;
  readonly output: string;
}

/** Runs the files of `words` by `binary`, which is also the `node` that npm and other commands find. */
function runTests(binary: string, words: readonly string[]): Promise<Run> {
  const child = spawn(binary, ["--import", "tsx", "test/run.ts", ...words], {
    cwd: root,
    env: { ...process.env, PATH: dirname(binary) + delimiter + (process.env["PATH"] ?? "") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const stop = (signal: NodeJS.Signals): void => {
    stopped = true;
    child.kill(signal);
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
      resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString("utf8") });
    });
  });
}

/** Somebody does not want to wait for the other versions. */
let stopped = false;

/** A number of the report's last lines, such as `ℹ pass 1535`. */
function counted(output: string, what: string): number {
  return Number(new RegExp(`^\\S+ ${what} (\\d+)$`, "m").exec(output)?.[1] ?? 0);
}

/** The part of the report that says what failed; without one, its end. */
function failuresIn(output: string): string {
  const start = output.lastIndexOf("✖ failing tests:");
  return start >= 0 ? output.slice(start) : output.split("\n").slice(-100).join("\n");
}

/** Whether everything passed on this version. */
async function passesOn(major: string, words: readonly string[]): Promise<boolean> {
  const binary = nodeBinaryOf(major, say);
  if (binary === undefined) return false;
  const version = versionOf(binary, major);
  if (version === undefined) {
    say(`node ${major}: ${binary} is not a Node ${major} that runs here`);
    return false;
  }
  say(`node ${version}: runs`);
  const start = performance.now();
  const { code, output } = await runTests(binary, words);
  const seconds = Math.round((performance.now() - start) / 1000);
  if (code !== 0) say(failuresIn(output));
  const counts = ["pass", "fail", "cancelled", "skipped"].map((what) => `${counted(output, what)} ${what}`).join(", ");
  say(`node ${version}: ${code === 0 ? "ok" : "FAILED"}, ${counts}, ${seconds} s`);
  return code === 0;
}

async function main(args: readonly string[]): Promise<number> {
  const asked = args.filter((arg) => /^\d+$/.test(arg));
  const words = args.filter((arg) => !asked.includes(arg));
  const unknown = asked.filter((major) => !MAJORS.includes(major));
  if (unknown.length > 0) {
    process.stderr.write(`Cannot test on Node ${unknown.join(" and ")}: the versions are ${MAJORS.join(", ")}\n`);
    return 1;
  }
  const failed: string[] = [];
  const majors = asked.length === 0 ? MAJORS : asked;
  for (const major of majors) if (stopped || !(await passesOn(major, words))) failed.push(major);
  say(failed.length === 0 ? `passed on Node ${majors.join(", ")}` : `FAILED on Node ${failed.join(", ")}`);
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
