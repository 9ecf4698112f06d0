/** What schemas and messages cost, each in a process of its own, so that nothing else is measured. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { generateTypeScript } from "../../../src/codec/proto/typescript.js";
import { loadProto } from "../../../src/core.js";
import { valueFloods } from "./value-floods.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "barewire-cost-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Cost {
  /** Of the processor, which others may have in between. */
  readonly cpuMs: number;
  readonly bytes: number;
}

/** Runs `cost-child.ts`. */
function child(flags: readonly string[], ...args: readonly string[]): { stdout: string; stderr: string } {
  const program = join(root, "test/support/cost-child.ts");
  return spawnSync(process.execPath, [...flags, "--import", "tsx", program, ...args], {
    cwd: root,
    encoding: "utf8",
    // What measures coverage costs more than what is measured.
    env: { ...process.env, NODE_V8_COVERAGE: undefined },
  });
}

/** Fails unless one of several processes costs less: what others do on the machine only ever adds. */
function costsLessThan(limit: Partial<Cost>, ...args: readonly string[]): void {
  const tries: Cost[] = [];
  while (tries.length < 5) {
    const { stdout, stderr } = child(["--expose-gc"], ...args);
    assert.match(stdout, /^\{/, stderr);
    const cost = JSON.parse(stdout) as Cost;
    if (cost.cpuMs < (limit.cpuMs ?? Infinity) && cost.bytes < (limit.bytes ?? Infinity)) return;
    tries.push(cost);
  }
  assert.fail(`none of these costs less than ${JSON.stringify(limit)}: ${JSON.stringify(tries)}`);
}

test("a generated module of 100 messages is imported in less than 10 ms", () => {
  const fields = Array.from({ length: 10 }, (_, i) => `string field_${i} = ${i + 1};`).join(" ");
  const messages = Array.from({ length: 100 }, (_, i) => `message M${i} { ${fields} M${(i + 1) % 100} next = 11; }`);
  const importFrom = relative(folder, join(root, "src/core.js")).replaceAll("\\", "/");
  const text = `syntax = "proto3"; package hundred; ${messages.join("\n")} service S { rpc Get(M0) returns (M1); }`;
  const [module] = generateTypeScript(loadProto({ "hundred.proto": text }), { importFrom });
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "hundred.ts"), module?.source ?? "");
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
  const flags = ["--noCheck", "--target", "es2023", "--module", "nodenext", "--outDir", folder, "--rootDir", folder];
  spawnSync(process.execPath, [tsc, ...flags, "--noResolve", join(folder, "hundred.ts")], { encoding: "utf8" });
  costsLessThan({ cpuMs: 10 }, "import", pathToFileURL(join(folder, "hundred.js")).href);
});

test("4 MiB of empty strings are refused by Order for less than 100 ms and 64 MiB", () => {
  costsLessThan({ cpuMs: 100, bytes: 64 * 1024 * 1024 }, "refuse");
});

test("4 MiB of whatever is the most for its bytes are refused within 64 MiB", () => {
  // A program that does nothing has some 10 MiB in its heap, and a collector needs room to turn around.
  const { stdout, stderr } = child(["--max-old-space-size=80"], "refuse-all");
  const refused = stdout
    .split("\n")
    .filter((line) => line.endsWith("more sub-messages, strings and bytes values than the limit of 250000"));
  assert.deepEqual(
    refused.map((line) => line.slice(0, line.indexOf(":"))),
    valueFloods().map(({ what }) => what),
    `${stdout}\n${stderr}`,
  );
});
