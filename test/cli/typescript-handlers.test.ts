import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { loaderArgs } from "../../src/cli/typescript-handlers.js";
import { root } from "./command.js";

const folder = mkdtempSync(join(tmpdir(), "barewire-typescript-"));
after(() => rmSync(folder, { recursive: true, force: true }));

describe("loaderArgs", () => {
  test("JavaScript needs nothing", () => {
    assert.deepEqual(loaderArgs(["a.js", "b.mjs", "c.cjs"], folder, false), []);
  });

  test("TypeScript needs nothing where it can be loaded, as it can where this test runs", () => {
    assert.deepEqual(loaderArgs(["a.ts"], folder, true), []);
    assert.deepEqual(loaderArgs(["a.ts"], folder), []);
  });

  test("else tsx, where the folder has it", () => {
    assert.deepEqual(loaderArgs(["a.js", "b.mts"], root, false), ["--import", "tsx"]);
  });

  test("else one sentence", () => {
    assert.throws(() => loaderArgs(["a.js", "b.ts"], folder, false), {
      name: "UsageError",
      message:
        `--handlers "b.ts" is TypeScript, which Node ${process.versions.node} does not run: ` +
        "use Node 22.18 or newer, install tsx here (npm install tsx), or give a .js file",
    });
  });
});
