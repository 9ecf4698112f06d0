/**
 * Where a command learns what services and messages are declared as: from the server's reflection, from `.proto` files, or from
 * what a compiler made of them.
 *
 * Laws: one of the three, and which one is said; what a server gives is bounded, and no file is read for it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { loadDescriptorSet, loadProto, type MessageType, type Schema, StatusError } from "../index.js";
import { quoted } from "../services/peer-text.js";
import { ReflectionClient } from "../services/reflection-client.js";
import { mistake } from "./mistakes.js";
import { printable } from "./printable.js";
import type { Target } from "./target.js";
import { UsageError } from "./usage-error.js";

/** The options of the flags, as `parseCommand` takes them. */
export const SCHEMA_OPTIONS = {
  proto: { type: "string", multiple: true },
  protoset: { type: "string", multiple: true },
  include: { type: "string", short: "I", multiple: true },
  "protoset-out": { type: "string" },
} as const;

/** What the help says of them. */
export const schemaHelp = `  --proto F            what the services are declared as, in place of the server's reflection; may be given several times
  -I, --include DIR    … where its imports are looked up
  --protoset F         … or as protoc --include_imports --descriptor_set_out and buf build write it
  --protoset-out F     write what was used of it into this file, for --protoset`;

/** The flags, as they were given. */
export interface SchemaFlags {
  readonly proto?: readonly string[] | undefined;
  readonly protoset?: readonly string[] | undefined;
  readonly include?: readonly string[] | undefined;
  readonly "protoset-out"?: string | undefined;
}

/** What knows how things are declared. */
export interface SchemaSource {
  /** The full names of the services, sorted. They may be any text. */
  serviceNames(): Promise<readonly string[]>;
  /** A schema that declares `symbol`, a full name; `undefined` when it is known that there is none. */
  schemaOf(symbol: string): Promise<Schema | undefined>;
  /** Gives back what it took, until something is asked again. */
  close(): void;
}

/** How long reflection may take when nothing else is said. */
const REFLECTION_TIMEOUT_MS = 20_000;

/** A full name as a `.proto` can have it. */
export const FULL_NAME = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;

/** Whether the flags name files, so that no server is asked. */
export function namesFiles(flags: SchemaFlags): boolean {
  return flags.proto !== undefined || flags.protoset !== undefined;
}

/** The schema in the files that the flags name. @throws UsageError when they cannot be loaded, or say too much. */
export function schemaOfFiles(flags: SchemaFlags): SchemaSource {
  const schema = loadFiles(flags);
  return {
    serviceNames: () => Promise.resolve(schema.serviceNames.toSorted()),
    schemaOf: () => Promise.resolve(schema),
    close: () => undefined,
  };
}

function loadFiles({ proto, protoset, include }: SchemaFlags): Schema {
  if (proto !== undefined && protoset !== undefined)
    throw mistake("--proto and --protoset are two ways to say the same: say one");
  if (protoset !== undefined && include !== undefined)
    throw mistake("--include is for --proto: a protoset has what it imports");
  try {
    return protoset === undefined ? loadProto(proto ?? [], { includeDirs: include ?? [] }) : loadSets(protoset);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith("Cannot ")) throw error;
    throw mistake(error.message, error);
  }
}

/** A set of files, and of a file what says whether two sets have the same. */
const SETS = `syntax = "proto3"; message Set { repeated bytes file = 1; } message Named { string name = 1; }`;

interface SetTypes {
  readonly set: MessageType<{ readonly file: readonly Uint8Array[] }>;
  readonly named: MessageType<{ readonly name: string }>;
}

function setTypes(): SetTypes {
  const schema = loadProto({ "sets.proto": SETS });
  return { set: schema.message("Set"), named: schema.message("Named") };
}

function loadSets(paths: readonly string[]): Schema {
  const { set, named } = setTypes();
  const files = new Map<string, Uint8Array>();
  for (const path of paths) {
    try {
      for (const file of set.decode(readFileSync(path)).file) files.set(named.decode(file).name, file);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw mistake(`--protoset ${quoted(path)}: ${printable(why)}`, error);
    }
  }
  return loadDescriptorSet(set.encode({ file: [...files.values()] }));
}

/** Asks the server. Close it when nothing more is asked. */
export function schemaOfServer(target: Target, timeoutMs = REFLECTION_TIMEOUT_MS): SchemaSource {
  const client = new ReflectionClient(target.channel, { ...target.callOptions, timeoutMs });
  let loaded: { readonly schema: Schema; readonly files: number } | undefined;
  const asking = async <T>(ask: () => Promise<T>): Promise<T> => {
    try {
      return await ask();
    } catch (error) {
      throw error instanceof StatusError ? target.failure(error, "reflection") : error;
    }
  };
  return {
    serviceNames: () => asking(async () => (await client.listServices()).toSorted()),
    schemaOf: (symbol) =>
      asking(async () => {
        if (!(await client.fetchSymbol(symbol))) return undefined;
        const { files } = client;
        if (loaded?.files !== files.length) loaded = { schema: loadReflected(files), files: files.length };
        return loaded.schema;
      }),
    close: () => client.close(),
  };
}

/** What a server gave that cannot be used is its fault, and told as INTERNAL. */
const EXIT_INTERNAL = 13;

function loadReflected(files: readonly { readonly bytes: Uint8Array }[]): Schema {
  try {
    return loadDescriptorSet(setTypes().set.encode({ file: files.map(({ bytes }) => bytes) }));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const why = error.message
      .replace(/^Cannot load a descriptor set(?: as)?:? ?/, "")
      .replace(/: have the compiler.*/s, "");
    throw new UsageError(
      `the server's reflection cannot be used: ${printable(why)}; with --proto or --protoset the server is not asked`,
      { cause: error, exitCode: EXIT_INTERNAL },
    );
  }
}

/** Writes the files of a schema where `--protoset-out` says, if it does. @throws UsageError when that cannot be written. */
export function writeProtoset(flags: SchemaFlags, schema: Schema): void {
  const path = flags["protoset-out"];
  if (path === undefined) return;
  try {
    writeFileSync(path, setTypes().set.encode({ file: schema.descriptors.map(({ bytes }) => bytes) }));
  } catch (error) {
    throw mistake(`--protoset-out ${quoted(path)}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}
