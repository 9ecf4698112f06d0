/**
 * What the word being typed could become: what the shells' scripts ask for at every Tab.
 *
 * Laws: one candidate a line; nothing is ever complained of; a server is given one second, and what it says is taken only where
 * it is a name.
 */
import { readBefore, flagsIn, splitLine } from "./command-line.js";
import { DeclaredNames } from "./describe/declared.js";
import {
  FULL_NAME,
  namesFiles,
  SCHEMA_OPTIONS,
  schemaOfFiles,
  schemaOfServer,
  type SchemaSource,
} from "./schema-source.js";
import { TARGET_OPTIONS, withTarget } from "./target.js";
import { parseCommand } from "./usage-error.js";

/** A command, as far as completing it goes. */
export interface Completable {
  readonly help: string;
}

/** How long a person waits at Tab, if `BAREWIRE_COMPLETION_MS` does not say otherwise. */
const TIMEOUT_MS = 1000;
const MAX_CANDIDATES = 1000;
const MAX_SERVICES = 50;

/** The values of flags that take one of a few. */
const VALUES: ReadonlyMap<string, readonly string[]> = new Map([
  ["--format", ["json", "text"]],
  ["--type", ["grpc", "http2"]],
  ["--compression", ["gzip", "deflate", "identity"]],
  ["--int64", ["bigint", "string", "number"]],
  ["--bytes", ["uint8array", "buffer"]],
  ["--client", ["go", "python"]],
]);

/** The words that a command takes first. */
const WORDS: ReadonlyMap<string, readonly string[]> = new Map([
  ["demo", ["route-guide", "orders", "orderer"]],
  ["completion", ["bash", "zsh", "fish"]],
]);

const ASKING: ReadonlySet<string> = new Set(["call", "describe", "list"]);

/** Prints the candidates. `args` are the shell and the words, or for bash the line up to the cursor. */
export async function complete(args: readonly string[], commands: ReadonlyMap<string, Completable>): Promise<number> {
  const [shell = "", ...given] = args;
  const words = shell === "bash" ? splitLine(given[0] ?? "").slice(1) : given;
  try {
    const found = await candidates(words, commands);
    const typed = words.at(-1) ?? "";
    const fitting = [...new Set(found)].filter((one) => one.startsWith(typed)).slice(0, MAX_CANDIDATES);
    process.stdout.write(fitting.map((one) => `${shell === "bash" ? asBashHasIt(one, typed) : one}\n`).join(""));
  } catch {
    // Nothing to offer: the person is still typing.
  }
  return 0;
}

/** Bash replaces only what stands behind the last ":" or "=". */
function asBashHasIt(candidate: string, typed: string): string {
  return candidate.slice(Math.max(typed.lastIndexOf(":"), typed.lastIndexOf("=")) + 1);
}

async function candidates(words: readonly string[], commands: ReadonlyMap<string, Completable>): Promise<string[]> {
  const [name = "", ...rest] = words;
  if (words.length < 2) return [...commands.keys(), "help", "--help", "--version"];
  const typed = rest.at(-1) ?? "";
  const command = commands.get(name);
  if (name === "help" && rest.length === 1) return [...commands.keys()];
  if (command === undefined) return [];
  const flags = flagsIn(command.help);
  const before = rest.slice(0, -1);
  const { positionals, pending } = readBefore(before, flags);
  if (pending !== undefined) return [...(VALUES.get(pending) ?? [])];
  const [, flag] = /^(--[\w-]+)=/.exec(typed) ?? [];
  if (flag !== undefined) return (VALUES.get(flag) ?? []).map((value) => `${flag}=${value}`);
  if (typed.startsWith("-")) return [...flags.keys()].filter((one) => one.startsWith("--"));
  if (ASKING.has(name)) return await namesFor(name, before, positionals, typed);
  return positionals.length === 0 ? [...(WORDS.get(name) ?? [])] : [];
}

/** The names that may stand where the cursor is, of the server or the files that the line names. */
async function namesFor(
  command: string,
  before: readonly string[],
  positionals: readonly string[],
  typed: string,
): Promise<string[]> {
  const known = { ...SCHEMA_OPTIONS, ...TARGET_OPTIONS };
  const others = {
    data: { type: "string", short: "d" },
    format: { type: "string" },
    compression: { type: "string" },
  } as const;
  const switches = ["compact", "emit-defaults", "allow-unknown", "template"] as const;
  const { values } = parseCommand(before, {
    ...known,
    ...others,
    ...(Object.fromEntries(switches.map((one) => [one, { type: "boolean" }])) as Record<string, { type: "boolean" }>),
    verbose: { type: "boolean", short: "v" },
  });
  const isOfFiles = namesFiles(values);
  const wanted = isOfFiles && command !== "call" ? 0 : 1;
  if (positionals.length !== wanted) return positionals.length === 0 ? ["localhost:50051"] : [];
  const found: string[] = [];
  const collect = async (source: SchemaSource): Promise<number> => {
    found.push(...(await namesIn(source, command, typed)));
    source.close();
    return 0;
  };
  if (isOfFiles) await collect(schemaOfFiles(values));
  else await withTarget(positionals[0] ?? "", values, (target) => collect(schemaOfServer(target, timeoutMs())));
  return found;
}

function timeoutMs(): number {
  const asked = Number(process.env["BAREWIRE_COMPLETION_MS"]);
  return asked >= 1 && asked <= 60_000 ? asked : TIMEOUT_MS;
}

async function namesIn(source: SchemaSource, command: string, typed: string): Promise<string[]> {
  const services = (await source.serviceNames()).filter((name) => FULL_NAME.test(name));
  if (command === "list") return services;
  if (command === "describe") return [...services, ...(await declaredNames(source, services))];
  const fitting = services.filter((name) => `${name}/`.startsWith(typed) || typed.startsWith(`${name}/`));
  const [only, ...more] = fitting;
  if (only === undefined || more.length > 0) return services.map((name) => `${name}/`);
  const schema = await source.schemaOf(only);
  return Object.values(schema?.service(only).methods ?? {}).map(({ name }) => `${only}/${name}`);
}

/** Messages, enums and methods: of fields and values there are too many to choose from. */
async function declaredNames(source: SchemaSource, services: readonly string[]): Promise<string[]> {
  const names = new Set<string>();
  for (const service of services.slice(0, MAX_SERVICES)) {
    const schema = await source.schemaOf(service);
    if (schema === undefined || names.has(service)) continue;
    const declared = new DeclaredNames(schema.descriptors);
    for (const name of declared.names) {
      const kind = declared.get(name)?.kind;
      if (kind === "service" || kind === "method" || kind === "message" || kind === "enum") names.add(name);
    }
  }
  return [...names].filter((name) => FULL_NAME.test(name));
}
