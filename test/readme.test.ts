/**
 * What the README and the other papers promise: their code compiles and runs, their commands and links exist, their numbers are
 * those of the source.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { DEFAULT_SERVER_LIMITS } from "../src/transport/server/limits.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const papers = [
  ...readdirSync(root).filter((file) => file.endsWith(".md")),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md") && !file.includes("node_modules"))
    .map((file) => join("docs", file)),
];

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** The fenced blocks of one language. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(([, of, code]) =>
    of === language ? [code ?? ""] : [],
  );
}

const folder = mkdtempSync(join(tmpdir(), "barewire-readme-"));
after(() => rmSync(folder, { recursive: true, force: true }));

describe("the README's program", () => {
  // Its blocks are one program: the server, and then the client that talks to it.
  const program = blocks(read("README.md"), "ts").join("\n");

  test("compiles under strict", () => {
    writeFileSync(join(folder, "package.json"), `{"type":"module"}`);
    writeFileSync(join(folder, "readme.ts"), program);
    const compilerOptions = {
      target: "es2023",
      lib: ["es2023", "esnext.disposable"],
      module: "nodenext",
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
      paths: { barewire: [join(root, "src/index.ts")] },
      strict: true,
      skipLibCheck: true,
      noEmit: true,
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["readme.ts"] }));
    const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
    const { status, stdout } = spawnSync(process.execPath, [tsc, "--project", folder], { encoding: "utf8" });
    assert.equal(status, 0, stdout);
  });

  test("prints what its comments say, and ends by itself", { timeout: 60_000 }, () => {
    const library = pathToFileURL(join(root, "src/index.ts")).href;
    writeFileSync(join(folder, "run.ts"), program.replaceAll('from "barewire"', `from "${library}"`));
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", join(folder, "run.ts")], {
      cwd: root,
      encoding: "utf8",
      timeout: 50_000,
    });
    assert.equal(status, 0, stderr);
    const [listening, ...lines] = stdout.trimEnd().split("\n");
    assert.match(listening ?? "", /^listening on 127\.0\.0\.1:\d+$/);
    assert.deepEqual(lines, [
      "Hello, Ada!",
      "Hello 1, Ada!",
      "Hello 2, Ada!",
      "Hello 3, Ada!",
      "Hello, Ada and Grace!",
      "Hello, Ada!",
      "{ code: 3, message: 'a name is wanted' }",
    ]);
  });
});

describe("the README's numbers", () => {
  function shown(value: number): string {
    if (value === Infinity) return "none";
    if (value >= 1 << 20 && value % (1 << 20) === 0) return `${value / (1 << 20)} MiB`;
    if (value >= 1 << 10 && value % (1 << 10) === 0) return `${value / (1 << 10)} KiB`;
    return value.toLocaleString("en-US");
  }

  function duration(ms: number): string {
    if (ms === Infinity) return "none";
    return ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : `${ms / 1000} s`;
  }

  test("the table of limits has the defaults of the source", () => {
    const rows = [...read("README.md").matchAll(/^\| (`\w+` \/ `\w+`|`(?:max\w+|\w+Ms)`)[^|]*\| ([^|]+?) +\|/gm)];
    assert.ok(rows.length >= 6, `only ${rows.length} rows were found`);
    for (const [, names, defaults] of rows) {
      const keys = [...(names ?? "").matchAll(/\w+/g)].map(([name]) => name);
      const expected = keys.map((key) => {
        assert.ok(Object.hasOwn(DEFAULT_SERVER_LIMITS, key), `there is no limit ${key}`);
        const value = DEFAULT_SERVER_LIMITS[key as keyof typeof DEFAULT_SERVER_LIMITS];
        return key.endsWith("Ms") ? duration(value) : shown(value);
      });
      assert.equal(defaults, expected.join(" / "), names);
    }
  });
});

describe("every paper", () => {
  const scripts = (JSON.parse(read("package.json")) as { scripts: Record<string, string> }).scripts;

  for (const paper of papers) {
    test(`${paper}: every link leads somewhere in the repository`, () => {
      const text = read(paper).replace(/^```[\s\S]*?^```$/gm, "");
      const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]+)[^)]*\)/g)].map(([, link]) => link ?? "");
      const broken = links.filter((link) => !existsSync(join(root, dirname(paper), link)));
      assert.deepEqual(broken, []);
    });

    test(`${paper}: every npm script and source that is named exists`, () => {
      const text = read(paper);
      const named = [...text.matchAll(/\bnpm run (?:-s |--silent )?([a-z][\w:-]*)/g)].map(([, name]) => name ?? "");
      assert.deepEqual(
        named.filter((name) => !Object.hasOwn(scripts, name)),
        [],
      );
      const files = [...text.matchAll(/`((?:src|test|scripts|bin|proto|docs)\/[\w./-]*)`/g)].map(
        ([, file]) => file ?? "",
      );
      assert.deepEqual(
        files.filter(
          (file) => !existsSync(join(root, file)) || (file.endsWith("/") && !statSync(join(root, file)).isDirectory()),
        ),
        [],
      );
    });

    test(`${paper}: names no place on a machine`, () => {
      const text = read(paper);
      assert.doesNotMatch(text, /\/(?:home|Users|root)\/[a-z]/i);
      assert.ok(![root, homedir()].some((place) => place.length > 5 && text.includes(place)));
    });
  }
});
