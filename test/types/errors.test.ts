/** What the compiler says of a handler that is wrong: few lines, in the words of the schema. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Each line is a program of its own, as the compiler sees it. */
const WRONG = {
  answer: "server.add(RouteGuide, { getFeature: () => ({ name: 5 }) });",
  request: "server.add(RouteGuide, { getFeature: (note: RouteNote) => ({ name: note.message }) });",
  kind: "server.add(RouteGuide, { listFeatures: (area) => ({ name: String(area.lo) }) });",
  name: "server.add(RouteGuide, { getFeatures: () => ({}) });",
} as const;

test("a wrong handler is an error in the words of the schema, in few lines", () => {
  const folder = mkdtempSync(join(tmpdir(), "barewire-type-errors-"));
  try {
    const source = relative(folder, join(root, "src")).replaceAll("\\", "/");
    for (const [name, line] of Object.entries(WRONG)) {
      writeFileSync(
        join(folder, `${name}.ts`),
        `import { Server } from "${source}/index.js";\nimport { RouteGuide, type RouteNote } from "${source}/services/gen/route_guide.js";\n` +
          `const server = new Server();\n${line}\nexport type Used = RouteNote;\n`,
      );
    }
    const compilerOptions = {
      target: "es2023",
      lib: ["es2023", "esnext.disposable"],
      module: "nodenext",
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
      strict: true,
      skipLibCheck: true,
      noEmit: true,
    };
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
    const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
    const args = [tsc, "--project", folder, "--pretty", "false"];
    const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
    const errors = new Map(
      stdout.split(/^(?=\w+\.ts\()/m).map((text) => [text.slice(0, text.indexOf(".")), text] as const),
    );
    assert.match(
      errors.get("answer") ?? "",
      /^answer\.ts\(4,\d+\): [^]*'FeatureInit'[^]*'name'[^]*Type 'number' is not assignable to type 'string'/,
    );
    assert.match(errors.get("request") ?? "", /'\(note: RouteNote\) => [^]*'\(request: Point, call: HandlerCall\) => /);
    assert.match(errors.get("kind") ?? "", /listFeatures|MessageSource<FeatureInit>/);
    assert.match(
      errors.get("name") ?? "",
      /'getFeatures' does not exist in type [^]*Did you mean|Did you mean to write 'getFeature'/,
    );
    for (const [name, text] of errors) {
      const lines = text.trimEnd().split("\n");
      assert.ok(lines.length <= 8 && lines.every((line) => line.length < 400), `${name}: ${text}`);
    }
    assert.deepEqual([...errors.keys()].toSorted(), Object.keys(WRONG).toSorted());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
