/**
 * The programs in the README and in `docs/`: they compile under strict, run, and end by themselves. How a page says what is one
 * program, and what needs not be shown: `test/support/doc-programs.ts`.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type DocProgram, docPrograms, type DocRun, DocWorkshop, papers } from "./support/doc-programs.js";

const programs = papers().flatMap((paper) => docPrograms(paper));

/** What programs print, line by line, where a page promises it. */
const PRINTED: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  "README.md": [
    /^listening on 127\.0\.0\.1:\d+$/,
    "Hello, Ada!",
    "Hello 1, Ada!",
    "Hello 2, Ada!",
    "Hello 3, Ada!",
    "Hello, Ada and Grace!",
    "Hello, Ada!",
    "{ code: 3, message: 'a name is wanted' }",
  ],
};

const folder = mkdtempSync(join(tmpdir(), "barewire-doc-programs-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const workshop = new DocWorkshop(folder, programs);

/** What a page gives a call of time, such as half a second, may be too little on a busy machine: then it is run again. */
async function runInTime(program: DocProgram): Promise<DocRun> {
  for (let tries = 3; ; tries--) {
    const run = await workshop.run(program);
    if (tries === 1 || run.exitCode === 0 || !run.stderr.includes("StatusError: DEADLINE_EXCEEDED")) return run;
  }
}

describe("the programs of the papers", { concurrency: 2 }, () => {
  const wrong = workshop.compile(programs);

  for (const program of programs) {
    test(`${program.name} compiles under strict`, () => assert.equal(wrong.get(program.name), undefined));

    if (!program.runs) continue;
    test(`${program.name} does what it says, and ends by itself`, { timeout: 160_000 }, async () => {
      const { exitCode, stdout, stderr } = await runInTime(program);
      assert.equal(exitCode, 0, stderr);
      const expected = PRINTED[program.name];
      if (expected === undefined) return;
      const lines = stdout.trimEnd().split("\n");
      assert.equal(lines.length, expected.length, stdout);
      for (const [i, line] of expected.entries()) {
        if (typeof line === "string") assert.equal(lines[i], line);
        else assert.match(lines[i] ?? "", line);
      }
    });
  }

  test("every program whose output is promised is there", () => {
    const names = programs.filter(({ runs }) => runs).map(({ name }) => name);
    assert.deepEqual(
      Object.keys(PRINTED).filter((name) => !names.includes(name)),
      [],
    );
  });
});

describe("how a page says what its programs are", () => {
  test("its blocks are one program, at the lines where they stand", () => {
    const [program, ...others] = docPrograms(
      "a.md",
      "# A\n\n```ts\nconst a = 1;\n```\n\ntext\n\n```ts\nvoid a;\n```\n",
    );
    assert.deepEqual(program, {
      paper: "a.md",
      name: "a.md",
      code: "\n\n\nconst a = 1;\n\n\n\n\n\nvoid a;\n",
      runs: true,
    });
    assert.deepEqual(others, []);
  });

  test("blocks of another name are another program, and one of them may say that it is not to be run", () => {
    const page = "```ts\n1;\n```\n```ts program=server\n2;\n```\n```ts program=server no-run\n3;\n```\n";
    assert.deepEqual(
      docPrograms("a.md", page).map(({ name, runs }) => [name, runs]),
      [
        ["a.md", true],
        ["a.md#server", false],
      ],
    );
  });

  test("a comment can hold what needs not be shown", () => {
    const page = "<!-- ts program=x\nconst a = 1;\n-->\n\n```ts program=x\nvoid a;\n```\n<!-- nothing -->\n";
    assert.deepEqual(
      docPrograms("a.md", page).map(({ code }) => code),
      ["\nconst a = 1;\n\n\n\nvoid a;\n"],
    );
  });

  test("other languages are passed over, whatever they hold; other words are mistakes", () => {
    assert.deepEqual(docPrograms("a.md", "```text\n<!-- ts\n1;\n-->\n```\n```js\n2;\n```\n```tsx\n3;\n```\n"), []);
    assert.throws(
      () => docPrograms("a.md", "```ts norun\n1;\n```\n"),
      /no-run or program=NAME: current value is "norun"/,
    );
  });
});
