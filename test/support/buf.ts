/**
 * Runs the `buf` command, a peer to test against: its compiler and its client.
 */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export interface BufOutput {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const launcher = join(dirname(createRequire(import.meta.url).resolve("@bufbuild/buf/package.json")), "bin", "buf");

/** Runs `buf` with `args`; it gets `input` on stdin. */
export function runBuf(args: readonly string[], options: { cwd?: string; input?: string } = {}): Promise<BufOutput> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [launcher, ...args], { cwd: options.cwd, stdio: "pipe" });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => (output[name] += text));
    }
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...output }));
  });
}
