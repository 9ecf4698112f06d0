/**
 * What `list` and `describe` are asked: of which server or files, about which name.
 *
 * Laws: a server is asked only where no files are named; what cannot be is a mistake of the command line, with its exit code.
 */
import { quoted } from "../services/peer-text.js";
import { asMistake, mistake } from "./mistakes.js";
import {
  namesFiles,
  type SCHEMA_OPTIONS,
  schemaOfFiles,
  schemaOfServer,
  type SchemaFlags,
  type SchemaSource,
} from "./schema-source.js";
import { type TARGET_OPTIONS, type TargetFlags, withTarget } from "./target.js";
import { parseCommand } from "./usage-error.js";

/** A command line of `list` or `describe`. */
export interface Question {
  /** `undefined` where files are named. */
  readonly address: string | undefined;
  readonly symbol: string | undefined;
  readonly flags: SchemaFlags & TargetFlags & { readonly template?: boolean | undefined };
}

/** Parses it. @throws UsageError */
export function parseQuestion(
  command: string,
  args: readonly string[],
  options: typeof SCHEMA_OPTIONS & typeof TARGET_OPTIONS & { readonly template?: { readonly type: "boolean" } },
): Question {
  return asMistake(() => {
    const { values, positionals } = parseCommand(args, options);
    const flags = values as Question["flags"];
    const isOfFiles = namesFiles(flags);
    checkInclude(flags);
    const [address, symbol, ...more] = isOfFiles ? [undefined, ...positionals] : positionals;
    if (address === undefined && !isOfFiles) {
      throw mistake(`${command} wants the address of a server (host:port or unix:path), or --proto or --protoset`);
    }
    if (more.length === 0) return { address, symbol, flags };
    throw mistake(
      isOfFiles
        ? `${command} asks no server where files are named, and takes one name: ${quoted(more.join(" "))} is too much`
        : `${command} takes an address and one name: ${quoted(more.join(" "))} is too much`,
    );
  });
}

/** @throws UsageError for a folder of imports without files that have some. */
export function checkInclude(flags: SchemaFlags): void {
  if (flags.include !== undefined && flags.proto === undefined)
    throw mistake("--include is for --proto: say --proto as well");
}

/** Uses the schema that is asked about. @throws UsageError */
export async function withSchema(question: Question, use: (source: SchemaSource) => Promise<number>): Promise<number> {
  const { address, flags } = question;
  if (address === undefined) return await use(schemaOfFiles(flags));
  return await withTarget(address, flags, async (target) => {
    const source = schemaOfServer(target);
    try {
      return await use(source);
    } finally {
      source.close();
    }
  });
}
