import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { filesToWatch } from "../../src/cli/files-to-watch.js";

const folder = mkdtempSync(join(tmpdir(), "barewire-watched-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

describe("filesToWatch", () => {
  test("a .proto and what it imports, wherever that may be, there or not", () => {
    const proto = file("a.proto", 'import "b.proto"; import public "sub/c.proto";\nimport\n"none.proto";');
    file("inc/b.proto", 'import "d.proto";');
    const inc = join(folder, "inc");
    const found = filesToWatch({ proto: [proto], handlers: [], include: [inc] });
    for (const name of ["a.proto", "b.proto", "inc/b.proto", "inc/sub/c.proto", "none.proto", "inc/d.proto"]) {
      assert.ok(found.has(join(folder, name)), name);
    }
  });

  test("a module and what it imports, in every spelling", () => {
    const handlers = file(
      "h.js",
      `import a from "./lib/a.js"; export * from './b.mjs'; const c = require("./c"); await import(\`./d.js\`);
       import data from "./data.json"; new URL("../up.txt", import.meta.url); import "barewire"; "./two\nlines.js"`,
    );
    file("lib/a.js", 'import "../e.js";');
    const found = filesToWatch({ proto: [], handlers: [handlers], include: [] });
    const names = ["h.js", "lib/a.js", "lib/a.ts", "b.mjs", "b.mts", "c.js", "c/index.ts", "d.js", "data.json", "e.js"];
    for (const name of [...names, "../up.txt"]) assert.ok(found.has(join(folder, name)), name);
    assert.ok(![...found].some((path) => path.includes("barewire.") || path.includes("lines")));
  });

  test("modules that import each other, broken ones, and packages of others", () => {
    const handlers = file("m.js", 'import "./n.js"; import "./node_modules/p/index.js"; const {');
    file("n.js", 'import "./m.js";');
    const found = filesToWatch({ proto: [], handlers: [handlers], include: [] });
    assert.deepEqual(
      [...found].toSorted(),
      ["m.js", "n.js", "n.ts", "m.ts"].map((name) => join(folder, name)).toSorted(),
    );
  });
});
