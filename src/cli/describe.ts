/**
 * `barewire describe`: how services, messages and whatever else has a name are declared.
 *
 * Laws: what is printed is source text, comments and options included, or JSON; nothing in it moves a cursor.
 */
import type { Schema } from "../index.js";
import { quoted } from "../services/peer-text.js";
import { mistake } from "./mistakes.js";
import { withoutDot } from "./describe/declaration.js";
import { type Declared, DeclaredNames } from "./describe/declared.js";
import { jsonTemplate } from "./describe/json-template.js";
import { OptionPrinter } from "./describe/options.js";
import { ProtoText } from "./describe/proto-text.js";
import { unknownName } from "./describe/unknown-name.js";
import { printable, printableLines } from "./printable.js";
import { parseQuestion, withSchema } from "./question.js";
import { SCHEMA_OPTIONS, schemaHelp, type SchemaSource, writeProtoset } from "./schema-source.js";
import { TARGET_OPTIONS, targetHelp } from "./target.js";

export const describeHelp = `usage: barewire describe ADDR [SYMBOL] [options]
       barewire describe --proto F | --protoset F [SYMBOL] [options]

How a service, method, message, field, oneof, enum, enum value or extension of the server at ADDR (host:port or unix:path) is
declared, as source text with its comments and options. SYMBOL is a full name; without one it is every service.

  --template           print, in place of it, a request in JSON to be filled in: of a message, or a method's
${schemaHelp}
${targetHelp}
  --help               this text

Exit code: 0; the status of the call that failed (14: nobody answers, 12: no reflection); 64 for a mistake in the command line.`;

/** Runs the command; resolves to the exit code. @throws UsageError */
export async function describe(args: readonly string[]): Promise<number> {
  const options = { template: { type: "boolean" }, ...SCHEMA_OPTIONS, ...TARGET_OPTIONS } as const;
  const question = parseQuestion("describe", args, options);
  const { symbol, flags } = question;
  if (flags.template === true && symbol === undefined)
    throw mistake("--template wants a SYMBOL: a message or a method");
  return await withSchema(question, async (source) => {
    const wanted = symbol === undefined ? undefined : symbol.replace(/^\./, "").replace("/", ".");
    const texts: string[] = [];
    let last: Schema | undefined;
    for (const name of wanted === undefined ? await source.serviceNames() : [wanted]) {
      const found = await find(name, source);
      if (found === undefined && wanted !== undefined) throw await unknownName("symbol", wanted, source);
      if (found !== undefined) last = found.schema;
      texts.push(
        found === undefined ? notDescribed(name) : flags.template === true ? template(found) : sourceText(found),
      );
    }
    if (last !== undefined) writeProtoset(flags, last);
    process.stdout.write(printableLines(texts.join("\n")));
    return 0;
  });
}

/** A name, and all that is known around it. */
interface Found {
  readonly schema: Schema;
  readonly names: DeclaredNames;
  readonly declared: Declared;
}

const indexes = new WeakMap<Schema, DeclaredNames>();

async function find(name: string, source: SchemaSource): Promise<Found | undefined> {
  const schema = await source.schemaOf(name);
  if (schema === undefined) return undefined;
  const names = indexes.get(schema) ?? new DeclaredNames(schema.descriptors);
  indexes.set(schema, names);
  const declared = names.get(name);
  return declared === undefined ? undefined : { schema, names, declared };
}

function sourceText({ schema, names, declared }: Found): string {
  const { fullName, kind, file } = declared;
  const article = /^[aeiou]/.test(kind) ? "an" : "a";
  const text = new ProtoText(names, new OptionPrinter(names, schema.descriptors));
  return [
    `// ${fullName} is ${article} ${kind}, declared in ${printable(file.name)}:`,
    ...text.print(declared),
    "",
  ].join("\n");
}

function notDescribed(name: string): string {
  return `// ${printable(name)} is a service that the server does not describe.\n`;
}

function template({ names, declared }: Found): string {
  const typeName =
    declared.kind === "method"
      ? withoutDot(declared.node.input)
      : declared.kind === "message"
        ? declared.fullName
        : undefined;
  if (typeName !== undefined) return `${JSON.stringify(jsonTemplate(names, typeName), undefined, 2)}\n`;
  throw mistake(`--template is for messages and methods: ${quoted(declared.fullName)} is a ${declared.kind}`);
}
