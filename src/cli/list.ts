/**
 * `barewire list`: the services of a server, or the methods of one of them.
 *
 * Laws: one name a line and nothing else, so that other programs can read it.
 */
import { quoted } from "../services/peer-text.js";
import { mistake } from "./mistakes.js";
import { DeclaredNames } from "./describe/declared.js";
import { unknownName } from "./describe/unknown-name.js";
import { printable } from "./printable.js";
import { SCHEMA_OPTIONS, schemaHelp, type SchemaFlags, type SchemaSource, writeProtoset } from "./schema-source.js";
import { parseQuestion, withSchema } from "./question.js";
import { TARGET_OPTIONS, targetHelp } from "./target.js";

export const listHelp = `usage: barewire list ADDR [SERVICE] [options]
       barewire list --proto F | --protoset F [SERVICE] [options]

The services of the server at ADDR (host:port or unix:path), or the methods of one of them, one a line, in the form that
barewire call takes.

${schemaHelp}
${targetHelp}
  --help               this text

Exit code: 0; the status of the call that failed (14: nobody answers, 12: no reflection); 64 for a mistake in the command line.`;

/** Runs the command; resolves to the exit code. @throws UsageError */
export async function list(args: readonly string[]): Promise<number> {
  const question = parseQuestion("list", args, { ...SCHEMA_OPTIONS, ...TARGET_OPTIONS });
  const { symbol, flags } = question;
  return await withSchema(question, async (source) => {
    const lines = symbol === undefined ? await services(source, flags) : await methods(source, symbol, flags);
    process.stdout.write(lines.map((line) => `${printable(line)}\n`).join(""));
    return 0;
  });
}

async function services(source: SchemaSource, flags: SchemaFlags): Promise<readonly string[]> {
  const names = await source.serviceNames();
  if (flags["protoset-out"] === undefined) return names;
  for (const [i, name] of names.entries()) {
    const schema = await source.schemaOf(name);
    if (schema !== undefined && i === names.length - 1) writeProtoset(flags, schema);
  }
  return names;
}

async function methods(source: SchemaSource, name: string, flags: SchemaFlags): Promise<string[]> {
  const schema = await source.schemaOf(name);
  const declared = schema === undefined ? undefined : new DeclaredNames(schema.descriptors).get(name);
  if (schema === undefined || declared === undefined) throw await unknownName("service", name, source);
  if (declared.kind !== "service") throw mistake(`${quoted(name)} is no service but ${article(declared.kind)}`);
  writeProtoset(flags, schema);
  return declared.node.methods.map((method) => `${name}/${method.name}`);
}

function article(kind: string): string {
  return `${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}`;
}
