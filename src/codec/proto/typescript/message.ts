/**
 * A message in TypeScript: what is received, what may be given, and the constant that writes and reads it.
 *
 * Laws: what is received may be given again; a type promises what the codec does and no more: a required field may be
 * missing in what a peer sent.
 */
import type { DeclaredEnum, DeclaredField, DeclaredMessage } from "../declared.js";
import { is64Bit } from "../source.js";
import { messageShape, type FieldShape, type PropertyShape, type ScalarName, type ValueShape } from "../fields.js";
import { docLines } from "./comments.js";
import type { ModuleSource } from "./module-source.js";
import { propertyKey } from "./names.js";
import type { Declaration } from "./plan.js";

type OneofShape = Extract<PropertyShape, { kind: "oneof" }>;

/** Adds the declarations of a message. */
export function addMessage(source: ModuleSource, { name, initName }: Declaration, declared: DeclaredMessage): void {
  const shape = messageShape(declared, source.options);
  const typeName = declared.fullName;
  const writer = new MessageTypes(source, declared);
  const deprecated = declared.deprecated ? "@deprecated" : undefined;
  source.add(...docLines("", declared.comment, `The message \`${typeName}\`.`, deprecated));
  source.add(...interfaceLines(name, shape.properties, (property) => writer.received(property)), "");
  source.add(`/** What may be given for a {@link ${name}}. */`);
  source.add(...interfaceLines(initName, shape.properties, (property) => writer.given(property)), "");
  const messageType = `${source.runtime("MessageType", "type")}<${name}, ${initName}>`;
  const value = `${source.module.fileName}.message(${JSON.stringify(typeName)});`;
  const line = `export const ${name}: ${messageType} = ${value}`;
  if (line.length <= 120) source.add(line);
  else source.add(`export const ${name}: ${messageType} =`, `  ${value}`);
}

/** A message without fields accepts nothing but itself: an empty interface would accept anything. */
function interfaceLines(
  name: string,
  properties: readonly PropertyShape[],
  lines: (property: PropertyShape) => string[],
): string[] {
  if (properties.length === 0) return [`export interface ${name} {`, "  [field: string]: never;", "}"];
  return [`export interface ${name} {`, ...properties.flatMap(lines), "}"];
}

/** Properties that every object has: a type with one of these and `?` would refuse objects without it. */
const INHERITED: ReadonlySet<string> = new Set(
  "constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf".split(" "),
);

/** The types of the fields of one message. */
export class MessageTypes {
  readonly #source: ModuleSource;
  readonly #fields: ReadonlyMap<number, DeclaredField>;

  constructor(source: ModuleSource, { fields }: Pick<DeclaredMessage, "fields">) {
    this.#source = source;
    this.#fields = new Map(fields.map((field) => [field.number, field]));
  }

  /** The lines of a property as it is received. */
  received(property: PropertyShape): string[] {
    const key = propertyKey(property.property);
    if (property.kind === "oneof") {
      const members = property.members.map((member) => this.#case(member, this.#value(member.value, member, "type")));
      const none = "{ readonly case: undefined; readonly value?: undefined }";
      return [...this.#oneofDoc(property), `  ${key}:`, ...unionLines([...members.flat(), none])];
    }
    const { field } = property;
    return [...this.#fieldDoc(field, "  "), `  ${key}: ${this.receivedType(field)};`];
  }

  /** The lines of a property as it may be given. */
  given(property: PropertyShape): string[] {
    const key = propertyKey(property.property);
    const inherited = INHERITED.has(property.property)
      ? [`${this.#source.global("Object")}[${JSON.stringify(property.property)}]`]
      : [];
    if (property.kind === "oneof") {
      const members = property.members.map((member) => this.#case(member, this.#value(member.value, member, "init")));
      const none = "{ readonly case?: undefined; readonly value?: undefined }";
      return [`  ${key}?:`, ...unionLines([...members.flat(), none, ...inherited, "undefined"])];
    }
    const { field } = property;
    if (field.presence === "required") return [`  ${key}: ${this.givenType(field)};`];
    return [`  ${key}?: ${[this.givenType(field), ...inherited, "undefined"].join(" | ")};`];
  }

  #case(member: FieldShape, type: string): string[] {
    return [
      ...this.#fieldDoc(member, "    "),
      `{ readonly case: ${JSON.stringify(member.property)}; readonly value: ${type} }`,
    ];
  }

  /** What is received for a field. */
  receivedType(field: FieldShape): string {
    const value = this.#value(field.value, field, "type");
    if (field.mapKey !== undefined) {
      return `${this.#source.global("ReadonlyMap")}<${this.#scalar(field.mapKey, field, "type")}, ${value}>`;
    }
    if (field.repeated) return listOf(value);
    return field.presence === "implicit" ? value : `${value} | undefined`;
  }

  /** What may be given for a field. */
  givenType(field: FieldShape): string {
    const value = this.#value(field.value, field, "init");
    if (field.repeated) return listOf(value);
    if (field.mapKey === undefined) return value;
    const entries = `${this.#source.global("Iterable")}<readonly [${this.#scalar(field.mapKey, field, "init")}, ${value}]>`;
    return `${entries} | { readonly [key: string]: ${value} }`;
  }

  #value(value: ValueShape, field: FieldShape, use: "type" | "init"): string {
    if (value.kind === "scalar") return this.#scalar(value.scalar, field, use);
    if (value.kind === "message") return this.#source.refer(value.declared, use);
    const name = this.#source.refer(this.#declared(field).type as DeclaredEnum, "type");
    return use === "type" ? name : `${name} | keyof typeof ${name}`;
  }

  #declared({ number }: FieldShape): DeclaredField {
    return this.#fields.get(number) as DeclaredField;
  }

  #scalar(scalar: ScalarName, field: FieldShape, use: "type" | "init"): string {
    if (scalar === "string") return "string";
    if (scalar === "bool") return "boolean";
    if (scalar === "bytes") {
      return this.#source.global(use === "type" && field.forms.bytes === "buffer" ? "Buffer" : "Uint8Array");
    }
    if (!is64Bit(scalar)) return "number";
    return use === "type" ? field.forms.int64 : "bigint | number | string";
  }

  #oneofDoc(oneof: OneofShape): string[] {
    return docLines("  ", this.#declared(oneof.members[0] as FieldShape).oneof?.comment);
  }

  #fieldDoc(shape: FieldShape, indent: string): string[] {
    const { comment, defaultValue, deprecated, type } = this.#declared(shape);
    const isText = type === "string" || type === "bytes" || typeof type === "object";
    const preset = isText ? JSON.stringify(defaultValue) : defaultValue;
    const absent = preset === undefined ? undefined : `Stands for ${preset} where it is absent, says the schema.`;
    return docLines(indent, comment, absent, deprecated ? "@deprecated" : undefined);
  }
}

function listOf(value: string): string {
  return /[|&]/.test(value) ? `readonly (${value})[]` : `readonly ${value}[]`;
}

/** The members of a union, with the comments between them. */
function unionLines(members: readonly string[]): string[] {
  const last = members.length - 1;
  return members.map((member, i) => {
    if (/^\s*(?:\/\*\*| \*)/.test(member)) return member;
    return `    | ${member}${i === last ? ";" : ""}`;
  });
}
