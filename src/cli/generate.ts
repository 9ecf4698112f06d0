/**
 * `barewire generate`: TypeScript modules from `.proto` files.
 *
 * Laws: a module is written only when it changed; what cannot be generated leaves every module as it was; `--watch` goes on
 * after any error.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { generateTypeScript, type GenerateOptions } from "../codec/proto/typescript.js";
import { loadProto } from "../index.js";
import { parseCommand, suggestion, UsageError } from "./usage-error.js";
import { quoted } from "../services/peer-text.js";
import { watchFolders } from "./watch-folders.js";

export const generateHelp = `usage: barewire generate <file.proto ...> --out DIR [options]

Writes one TypeScript module for each file and each file it imports: messages, enums, and services from which the types of
handlers and clients follow. The modules hold their schema and read nothing when they run.

  --out DIR            where the modules go
  -I, --include DIR    where imports are looked up, before the importing file's own folder; may be given several times
  --import-from M      what the modules import the runtime from, relative to DIR if it is relative; default barewire
  --int64 FORM         what 64-bit integers are received as: bigint (the default), string or number;
                       a field's own jstype comes first, and a number that is not exact is an error
  --bytes FORM         what bytes are received as: uint8array (the default) or buffer
  --check              write nothing: exit with 1 when a module is not what it would be
  --watch              go on, and generate again whenever a .proto file changes
  --help               this text`;

interface Job {
  readonly files: readonly string[];
  readonly includeDirs: readonly string[];
  readonly out: string;
  readonly options: GenerateOptions;
}

/** Runs the command; resolves to the exit code. @throws UsageError */
export async function generate(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommand(args, {
    out: { type: "string" },
    include: { type: "string", short: "I", multiple: true },
    "import-from": { type: "string" },
    int64: { type: "string" },
    bytes: { type: "string" },
    check: { type: "boolean" },
    watch: { type: "boolean" },
  });
  if (positionals.length === 0) throw new UsageError("generate wants at least one .proto file");
  if (values.out === undefined || values.out === "") throw new UsageError("generate wants --out: where the modules go");
  if (values.check === true && values.watch === true) {
    throw new UsageError("--check and --watch are opposites: say one of them");
  }
  const job: Job = {
    files: positionals,
    includeDirs: values.include ?? [],
    out: values.out,
    options: {
      importFrom: values["import-from"],
      int64: oneOf("--int64", values.int64, ["bigint", "string", "number"] as const),
      bytes: oneOf("--bytes", values.bytes, ["uint8array", "buffer"] as const),
    },
  };
  if (values.watch === true) return await watch(job);
  const outcome = run(job, values.check === true);
  return values.check === true && outcome.changed > 0 ? 1 : 0;
}

function oneOf<T extends string>(flag: string, value: string | undefined, known: readonly T[]): T | undefined {
  const found = known.find((one) => one === value);
  if (value === undefined || found !== undefined) return found;
  const names = known.join(", ").replace(/, (\w+)$/, " or $1");
  throw new UsageError(`${flag} must be ${names}: current value is ${quoted(value)}${suggestion(value, known)}`);
}

interface Outcome {
  readonly changed: number;
  /** Where the files that were read are. */
  readonly paths: readonly string[];
}

/** Generates everything, then writes what changed, saying so. @throws UsageError when a file cannot be loaded. */
function run({ files, includeDirs, out, options }: Job, isCheck: boolean): Outcome {
  const { modules, paths } = load({ files, includeDirs, out, options });
  let changed = 0;
  for (const { path, source } of modules) {
    const target = join(out, path);
    if (readIfThere(target) === source) continue;
    changed++;
    if (!isCheck) write(target, source);
    print(isCheck ? `${target} is not what it would be: run barewire generate again` : `wrote ${target}`);
  }
  if (changed === 0)
    print(`${modules.length === 1 ? "the module is" : `all ${modules.length} modules are`} up to date`);
  return { changed, paths };
}

function load({ files, includeDirs, options }: Job): {
  modules: ReturnType<typeof generateTypeScript>;
  paths: string[];
} {
  try {
    const schema = loadProto(files, { includeDirs });
    const paths = schema.files.flatMap(({ path }) => (path === undefined ? [] : [path]));
    return { modules: generateTypeScript(schema, options), paths };
  } catch (error) {
    // What a schema lacks is told by its author's mistakes; anything else is ours.
    if (!(error instanceof Error) || !error.message.startsWith("Cannot ")) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function write(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (error) {
    throw new UsageError(`cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/** Generates now and after every change, until the process is told to end. */
function watch(job: Job): Promise<number> {
  const watched = watchFolders(() => runOnce(job));
  watched.add([...job.files.map((file) => dirname(file)), ...job.includeDirs, ...runOnce(job)]);
  print("watching; Ctrl-C ends it");
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        watched.close();
        resolve(0);
      });
    }
  });
}

/** Says which folders were read from, or none when that failed, which is told instead of thrown. */
function runOnce(job: Job): readonly string[] {
  try {
    return run(job, false).paths.map((path) => dirname(path));
  } catch (error) {
    process.stderr.write(`barewire: ${error instanceof Error ? error.message : String(error)}\n`);
    return [];
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
