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

const root = fileURLToPath(new URL("../../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "barewire-cost-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Cost {
  /** Of the processor, which others may have in between. */
  readonly cpuMs: number;
  readonly bytes: number;
}

/** The medians of several processes. */
function medianCost(args: readonly string[]): Cost {
  const child = join(root, "test/support/cost-child.ts");
  const costs = Array.from({ length: 5 }, () => {
    const { stdout, stderr } = spawnSync(process.execPath, ["--expose-gc", "--import", "tsx", child, ...args], {
      cwd: root,
      encoding: "utf8",
      // What measures coverage costs more than what is measured.
      env: { ...process.env, NODE_V8_COVERAGE: undefined },
    });
    assert.match(stdout, /^\{/, stderr);
    return JSON.parse(stdout) as Cost;
  });
  const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number;
  return { cpuMs: median(costs.map(({ cpuMs }) => cpuMs)), bytes: median(costs.map(({ bytes }) => bytes)) };
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
  const { cpuMs } = medianCost(["import", pathToFileURL(join(folder, "hundred.js")).href]);
  assert.ok(cpuMs < 10, `${cpuMs} ms`);
});

test("4 MiB of empty strings are refused by Order for less than 100 ms and 64 MiB", () => {
  const { cpuMs, bytes } = medianCost(["refuse"]);
  assert.ok(cpuMs < 100, `${cpuMs} ms`);
  assert.ok(bytes < 64 * 1024 * 1024, `${bytes} bytes`);
});
