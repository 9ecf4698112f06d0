/**
 * The blocks of the papers that are not `ts`: each says what it is, data can be read, and commands run or are known by name with the
 * reason why they do not. `ts` blocks are `doc-programs.test.ts`'s, those of docs/command-line.md `cli/command-line-docs.test.ts`'s.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { type Implementation, loadProto, Server, type Service } from "../src/index.js";
import { demoHelp } from "../src/cli/demo.js";
import { generateHelp } from "../src/cli/generate.js";
import { replayHelp } from "../src/cli/replay.js";
import { serveHelp } from "../src/cli/serve.js";
import { traceHelp } from "../src/cli/trace.js";
import { Command, root } from "./cli/command.js";
import { documented, type Running } from "./cli/reflecting.js";
import { papers, readPaper } from "./support/doc-programs.js";

interface Block {
  readonly paper: string;
  readonly language: string;
  readonly code: string;
}

const blocks = papers().flatMap((paper): Block[] =>
  [...readPaper(paper).matchAll(/^```([^\n]*)\n([^]*?)^```$/gm)].map(([, fence = "", code = ""]) => ({
    paper,
    language: fence.split(" ")[0] ?? "",
    code,
  })),
);

function inLanguage(...languages: string[]): Block[] {
  return blocks.filter(({ language }) => languages.includes(language));
}

/** What a block may be, and what is held of it. A block that says nothing is none of these. */
const LANGUAGES: Readonly<Record<string, string>> = {
  ts: "compiles, and runs unless it says no-run",
  typescript: "is a file of this repository, which is compiled where it stands",
  js: "runs",
  json: "can be read",
  proto: "can be loaded",
  console: "its commands run, or are known",
  sh: "its commands run, or are known",
  mermaid: "is a diagram",
  text: "what is printed",
};

describe("the blocks of the papers", () => {
  test("say what they are", () => {
    const others = blocks.filter(({ language }) => !Object.hasOwn(LANGUAGES, language));
    assert.deepEqual(others, []);
  });

  test("programs that are only compiled are few", () => {
    const fences = papers().flatMap((paper) => [...readPaper(paper).matchAll(/^```ts\b.*\bno-run\b/gm)]);
    assert.ok(fences.length <= 22, `${fences.length} blocks say no-run: let new ones run`);
  });

  for (const { paper, code } of inLanguage("typescript")) {
    test(`${paper}: a file is shown as it stands`, () => {
      const [, path = ""] =
        /<summary><code>([\w/.-]+)<\/code><\/summary>\n\n```typescript\n/.exec(readPaper(paper)) ?? [];
      assert.equal(code, readPaper(path));
    });
  }

  for (const { paper, code } of inLanguage("json")) {
    test(`${paper}: JSON can be read, one value or one on each line`, () => {
      const isLines = /^\{.*\}\n\{/.test(code);
      for (const value of isLines ? code.trimEnd().split("\n") : [code]) {
        assert.doesNotThrow(() => JSON.parse(value) as unknown, value);
      }
    });
  }

  for (const { paper, code } of inLanguage("proto")) {
    test(`${paper}: a contract can be loaded`, () => assert.doesNotThrow(() => loadProto({ "page.proto": code })));
  }

  for (const { paper, code } of inLanguage("mermaid")) {
    test(`${paper}: a diagram is of a kind that there is`, () =>
      assert.match(code, /^(?:flowchart (?:TD|LR)|sequenceDiagram|stateDiagram-v2)\n/));
  }

  test("README.md: handlers in plain JavaScript are handlers of examples/greeter", async () => {
    const [block, ...others] = inLanguage("js");
    assert.deepEqual(others, [], "js blocks beside it: ts can be compiled");
    assert.equal(block?.paper, "README.md");
    const folder = mkdtempSync(join(tmpdir(), "barewire-handlers-"));
    try {
      const library = pathToFileURL(join(root, "src/index.ts")).href;
      const file = join(folder, "handlers.mjs");
      writeFileSync(file, block.code.replace('from "barewire"', `from ${JSON.stringify(library)}`));
      const { Greeter: handlers } = (await import(pathToFileURL(file).href)) as { Greeter: Implementation<Service> };
      const Greeter = loadProto(join(root, "examples/greeter/greeter.proto")).service("greeter.Greeter");
      assert.doesNotThrow(() => new Server().add(Greeter, handlers));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** Commands that are not run here, and why. Each must be in some paper. */
const NOT_RUN: readonly (readonly [command: RegExp, why: string])[] = [
  [/^npm (?:ci|test)\b/, "that is how this test came to run"],
  [/^npm start\b/, "serves until it is stopped: cli/serve.test.ts and cli/serve-tls.test.ts"],
  [/^npm run demo\b/, "cli/demo.test.ts"],
  [/^npm run (?:-s )?rules\b/, "rules.test.ts reads the same"],
  [
    /^npm run (?:check|format|features|guide|errors|api|test:nodes|conformance|fire|soak|bench(?::\w+)?)\b/,
    "checks or writes all of it",
  ],
  [
    /^npm run interop(?::server|:client)?(?: |$)/,
    "interop/flags.test.ts and interop/interop.test.ts; others need peers",
  ],
  [/^npm run bench(?::\w+)?(?: |$)/, "measures for minutes: bench/bench.test.ts"],
  [/…/, "leaves out what is different on every machine"],
  [/^grpcurl /, "npm run interop has it"],
  [/^(?:npx barewire|barewire|npm run -s barewire --) trace\b/, "passes on until it is stopped: cli/trace.test.ts"],
  [/^npx barewire replay\b/, "serves until it is stopped: cli/replay.test.ts"],
  [/^npx barewire serve\b/, "serves until it is stopped: cli/serve-custom.test.ts"],
  [/^npx barewire generate\b/, "of a file that is the reader's: cli/generate.test.ts"],
];
const HELP: Readonly<Record<string, string>> = {
  trace: traceHelp,
  replay: replayHelp,
  serve: serveHelp,
  generate: generateHelp,
  demo: demoHelp,
};

interface Line {
  readonly paper: string;
  readonly line: string;
}

/** The commands of a block, without what stands behind `#`; `a && b` is two. */
function commandsIn({ paper, language, code }: Block): Line[] {
  const joined = code.replaceAll(/ *\\\n\s*/g, " ").split("\n");
  const lines = language === "sh" ? joined : joined.flatMap((line) => (line.startsWith("$ ") ? [line.slice(2)] : []));
  return lines
    .flatMap((line) => line.replace(/\s+#.*$/, "").split(" && "))
    .map((line) => ({ paper, line: line.trim() }))
    .filter(({ line }) => line !== "");
}

const commands = inLanguage("console", "sh")
  .filter(({ paper }) => paper !== "docs/command-line.md")
  .flatMap(commandsIn);
const RUNS = /^(?!.*…)(?:npx barewire|barewire|npm run -s barewire --) ((?:list|describe|call) .*)$/;

describe("the commands in the papers", { concurrency: 2 }, () => {
  let services: Running;
  before(async () => {
    services = await documented();
  });
  after(() => services.stop());

  for (const line of new Set(commands.map((one) => one.line).filter((one) => RUNS.test(one)))) {
    test(`runs: ${line}`, async () => {
      const [, args = ""] = RUNS.exec(line) ?? [];
      const there = args.replace(/localhost:(?:50051|9008)/, services.address);
      const main = `'${process.execPath}' --import tsx '${join(root, "src/cli/main.ts")}'`;
      const { code, stdout, stderr } = await new Command("sh", ["-c", `exec ${main} ${there}`]).ended;
      assert.equal(code, 0, stderr);
      assert.notEqual(stdout, "");
    });
  }

  test("are run or known", () => {
    const strange = commands.filter(({ line }) => !RUNS.test(line) && !NOT_RUN.some(([known]) => known.test(line)));
    assert.deepEqual(strange, []);
  });

  test("that are known are there", () => {
    const gone = NOT_RUN.filter(([known]) => !commands.some(({ line }) => known.test(line)));
    assert.deepEqual(gone, []);
  });

  test("have flags that their help tells of", () => {
    for (const { paper, line } of commands) {
      const [, name = "", rest = ""] =
        /^(?:npx barewire|barewire|npm run -s barewire --|npm run) (trace|replay|serve|generate|demo)\b(.*)/.exec(
          line,
        ) ?? [];
      const help = HELP[name] ?? "";
      for (const [, flag = ""] of rest.matchAll(/ (--?[a-z][\w-]*)/g)) {
        assert.ok(help.includes(flag), `${paper}: ${line}: ${flag}`);
      }
    }
  });
});
