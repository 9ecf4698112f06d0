/**
 * The page on testing: its code compiles under strict and does what it asserts.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { FAULT_KINDS } from "../src/transport/inspect/faults/fault.js";
import { readFault } from "../src/transport/inspect/faults/fault-text.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(join(root, "docs/testing.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "barewire-testing-docs-"));
after(() => rmSync(folder, { recursive: true, force: true }));

describe("docs/testing.md", () => {
  // Its blocks are one program.
  const program = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code).join("\n");

  test("its program compiles under strict", () => {
    writeFileSync(join(folder, "package.json"), `{"type":"module"}`);
    writeFileSync(join(folder, "page.ts"), program);
    const compilerOptions = {
      target: "es2023",
      lib: ["es2023", "esnext.disposable"],
      module: "nodenext",
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
      paths: { barewire: [join(root, "src/index.ts")], "barewire/testing": [join(root, "src/testing.ts")] },
      strict: true,
      skipLibCheck: true,
      noEmit: true,
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["page.ts"] }));
    const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
    const { status, stdout } = spawnSync(process.execPath, [tsc, "--project", folder], { encoding: "utf8" });
    assert.equal(status, 0, stdout);
  });

  test("its program does what it asserts, and ends by itself", { timeout: 60_000 }, () => {
    const from = (file: string): string => `from "${pathToFileURL(join(root, "src", file)).href}"`;
    const code = program
      .replaceAll('from "barewire"', from("index.ts"))
      .replaceAll('from "barewire/testing"', from("testing.ts"));
    writeFileSync(join(folder, "run.ts"), code);
    const { status, stderr } = spawnSync(process.execPath, ["--import", "tsx", join(folder, "run.ts")], {
      cwd: root,
      encoding: "utf8",
      timeout: 50_000,
    });
    assert.equal(status, 0, stderr);
  });

  test("its table names every fault, and the words it shows can be read", () => {
    const kinds = [...page.matchAll(/^\| `([a-z]+)/gm)].map(([, kind]) => kind ?? "");
    assert.deepEqual(kinds.toSorted(), Object.keys(FAULT_KINDS).toSorted());
    for (const clause of [
      "after 3 requests",
      "after 3 responses",
      "before headers",
      "before trailers",
      "now",
      "on SayHello",
    ]) {
      assert.ok(page.includes(`\`${clause}\``), clause);
      readFault(`reset ${clause}`);
    }
  });
});
