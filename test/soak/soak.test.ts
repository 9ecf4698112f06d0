/**
 * A short soak, and whether one finds what leaks. `npm run soak` is the long one.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function soak(...args: readonly string[]): Promise<Ran> {
  const file = fileURLToPath(new URL("soak.ts", import.meta.url));
  const all = ["--expose-gc", "--no-warnings", "--import", "tsx", file, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, all, { timeout: 150_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}

describe("soak", () => {
  test("R107 5,000 calls and 100 connections of every fate leave nothing behind", async () => {
    const { code, stdout, stderr } = await soak("--calls", "5000", "--connections", "100");
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^Nothing has leaked: after 5000 calls and 100 connections, everything is back/m);
    assert.match(stdout, /^ +[1-9]\d* {2}cancelled in mid-stream +CANCELLED [1-9]/m);
    assert.match(stdout, /^ +[1-9]\d* {2}GOAWAY, and the calls move +OK [1-9]/m);
  });

  test("a leak of every sort is found, and told by its name", async () => {
    const { code, stderr } = await soak("--calls", "4800", "--planted", "--only", "planted", "--settle-ms", "500");
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^LEAK: after 4800 calls and 2000 connections there is more than at the beginning:$/m);
    for (const what of ["ClientCall", "ClientHttp2Stream", "ServerHttp2Stream", "Timeout", "closure"]) {
      assert.match(stderr, new RegExp(`^ {2}${what}: \\d+, there were \\d+$`, "m"));
    }
    assert.match(stderr, /^ {2}listeners on the signal: 800, there were 0$/m);
    assert.match(stderr, /^ {2}buffers outside the heap: [\d.]+ MiB, it was/m);
  });

  test("says what is wrong with its options", async () => {
    const { code, stderr } = await soak("--calls", "many");
    assert.equal(code, 1);
    assert.match(stderr, /TypeError: Cannot soak as --calls must be a number: current value is "many"/);
  });
});
