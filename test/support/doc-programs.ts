/**
 * The programs in the papers: the `ts` blocks of the README and of `docs/`, compiled as they stand and run.
 *
 * Laws: the blocks of a page are one program, in the order in which they are read; a line of a program is the same line of its
 * page, so that what a compiler says points into the page; all programs are compiled at once.
 *
 * What a fence may say behind `ts`:
 * - `program=server`: the block belongs to the program of that name, not to the page's own;
 * - `no-run`: its program is compiled only.
 *
 * What a program needs and nobody wants to read stands in a comment, which compiles and runs like any block:
 *
 *     <!-- ts
 *     const orders = channel.client(OrderManagement);
 *     -->
 *
 * A program imports what a user's would: `barewire`, `barewire/testing`, and from `./gen/` what was generated of `proto/`.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const require = createRequire(import.meta.url);

/** A program that is told in a page. */
export interface DocProgram {
  /** The page, from the repository's root: `docs/testing.md`. */
  readonly paper: string;
  /** The page, and behind a `#` what its fences call the program. */
  readonly name: string;
  readonly code: string;
  /** Whether it is to be run, and not just compiled. */
  readonly runs: boolean;
}

/** What a program did. */
export interface DocRun {
  /** `null` for one that had to be stopped. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How long a program may take on a busy machine. */
const RUN_TIMEOUT_MS = 50_000;

/** The pages: those beside the README, and all in `docs/`. */
export function papers(): string[] {
  return [
    ...readdirSync(root).filter((file) => file.endsWith(".md")),
    ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
      .map((file) => file.replaceAll("\\", "/"))
      .filter((file) => file.endsWith(".md") && !file.includes("node_modules"))
      .map((file) => `docs/${file}`),
  ].toSorted();
}

/** A page, by its path from the repository's root. */
export function readPaper(paper: string): string {
  return readFileSync(join(root, paper), "utf8");
}

/** The programs of a page. */
export function docPrograms(paper: string, page: string = readPaper(paper)): DocProgram[] {
  const drafts = new Map<string, { lines: string[]; runs: boolean }>();
  for (const { lineNumber, words, code } of blocksOf(page)) {
    const name = words.find((word) => word.startsWith("program="))?.slice("program=".length) ?? "";
    const draft = drafts.get(name) ?? { lines: [], runs: true };
    drafts.set(name, draft);
    while (draft.lines.length < lineNumber) draft.lines.push("");
    draft.lines.push(...code.split("\n").slice(0, -1));
    if (words.includes("no-run")) draft.runs = false;
  }
  return [...drafts].map(([name, { lines, runs }]) => ({
    paper,
    name: name === "" ? paper : `${paper}#${name}`,
    code: `${lines.join("\n")}\n`,
    runs,
  }));
}

interface Block {
  /** How many lines of the page stand before its first one. */
  readonly lineNumber: number;
  /** What its fence says behind `ts`. */
  readonly words: readonly string[];
  readonly code: string;
}

/** The blocks in `ts`, those in comments as well. Those of other languages are passed over as a whole, whatever is in them. */
function blocksOf(page: string): Block[] {
  const blocks = page.matchAll(
    /^(?:```(?<fence>[^\n`]*)\n(?<shown>[\s\S]*?)^```$|<!-- ts\b(?<comment>[^\n>]*)\n(?<hidden>[\s\S]*?)^-->$)/gm,
  );
  return [...blocks].flatMap(({ index, groups = {} }) => {
    const [language, ...words] = (groups["fence"] ?? `ts ${groups["comment"] ?? ""}`).split(/\s+/).filter(Boolean);
    if (language !== "ts") return [];
    for (const word of words) {
      if (!/^(?:no-run|program=[\w-]+)$/.test(word)) {
        throw new Error(`a ts block can say no-run or program=NAME: current value is "${word}"`);
      }
    }
    const lineNumber = page.slice(0, index).split("\n").length;
    return [{ lineNumber, words, code: groups["shown"] ?? groups["hidden"] ?? "" }];
  });
}

/** Programs written to a folder, where they can be compiled and run against the sources of this repository. */
export class DocWorkshop {
  readonly #folder: string;

  /** @param folder an empty one. */
  constructor(folder: string, programs: readonly DocProgram[]) {
    this.#folder = folder;
    writeFileSync(join(folder, "package.json"), `{"type":"module"}`);
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
    const compilerOptions = {
      target: "es2023",
      lib: ["es2023", "esnext.disposable"],
      module: "nodenext",
      moduleDetection: "force",
      types: ["node"],
      paths: entryPoints(),
      strict: true,
      skipLibCheck: true,
      noEmit: true,
    };
    const files = programs.map(fileOf);
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
    for (const place of new Set(files.map((file) => join(folder, dirname(file))))) {
      writeGenerated(join(place, "gen"));
    }
    for (const program of programs) writeFileSync(join(folder, fileOf(program)), program.code);
  }

  /** Compiles all programs under strict; gives what the compiler says of each that is wrong, by its name. */
  compile(programs: readonly DocProgram[]): ReadonlyMap<string, string> {
    const tsc = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc");
    const args = [tsc, "--project", this.#folder, "--pretty", "false"];
    const { status, stdout } = spawnSync(process.execPath, args, { cwd: this.#folder, encoding: "utf8" });
    const wrong = programs.flatMap((program): [string, string][] => {
      const said = stdout.split(/\n(?! )/).filter((line) => line.startsWith(`${fileOf(program)}(`));
      return said.length === 0 ? [] : [[program.name, said.join("\n")]];
    });
    if (status !== 0 && wrong.length === 0) throw new Error(`tsc failed: ${stdout}`);
    return new Map(wrong);
  }

  /** Runs a program in the repository's root. */
  async run(program: DocProgram): Promise<DocRun> {
    const child = spawn(process.execPath, ["--import", "tsx", join(this.#folder, fileOf(program))], {
      cwd: root,
      env: { ...process.env, TSX_TSCONFIG_PATH: join(this.#folder, "tsconfig.json") },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: RUN_TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    const ended = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
    const [exitCode, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    return { exitCode, stdout, stderr };
  }
}

/** A folder in which there is what `src/services/gen` has. */
function writeGenerated(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const generated = join(root, "src/services/gen");
  for (const file of readdirSync(generated)) {
    const from = JSON.stringify(join(generated, file).replace(/\.ts$/, ".js"));
    writeFileSync(join(folder, file), `export * from ${from};\n`);
  }
}

function fileOf({ name }: DocProgram): string {
  return `${name.replace("#", ".")}.ts`;
}

/** What the package exports, by what a program imports, as the sources it is made of. */
function entryPoints(): Record<string, string[]> {
  const { exports } = JSON.parse(readPaper("package.json")) as { exports: Record<string, string | { types: string }> };
  return Object.fromEntries(
    Object.entries(exports).flatMap(([entry, made]) => {
      if (typeof made === "string") return [];
      const source = made.types.replace("./dist/", "src/").replace(/\.d\.ts$/, ".ts");
      return [[entry.replace(/^\./, "barewire"), [join(root, source)]]];
    }),
  );
}
