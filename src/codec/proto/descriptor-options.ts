/**
 * Understands options: finds the field that each one sets, custom ones (extensions) included, and encodes them.
 *
 * Spec: protobuf.dev, "Language Guide", "Custom Options"; "Text Format Language Specification"; descriptor.proto.
 * Laws: an option is encoded as its field's type says, known and custom ones alike: whoever has the extension's declaration
 * can read it, whoever has not keeps its bytes.
 */
import {
  FieldType,
  Label,
  type DescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
} from "./descriptor-model.js";
import { parseFloating, parseInteger, type Linker } from "./descriptor-link.js";
import type { NamePart, OptionStatement, OptionValue } from "./descriptor-option.js";
import type { OptionsOf } from "./descriptor-parse.js";
import { createWriter, tagOf, WireType, type WireWriter } from "./wire.js";
import { takeInt64, takeUint64, writeFixed64, writeVarint64, writeZigzag64 } from "./varint64.js";

/** A message made of options: what has been set, by field number. */
type Values = Map<number, { readonly field: Known; readonly items: (Values | OptionValue)[] }>;

/** A field, and the file that says how repeated values of it are written. */
interface Known {
  readonly field: FieldDescriptorProto;
  readonly isPacked: boolean;
}

/** Where options stand: the file they are in sees the extensions they may use. `linker` has `descriptor.proto` too. */
export interface OptionContext {
  readonly linker: Linker;
  readonly file: FileDescriptorProto;
}

/** The bytes of the options message. The locations get their paths. @throws Error naming file, line and option. */
export function encodeOptions(context: OptionContext, { typeName, scope, statements }: OptionsOf): Uint8Array {
  const values: Values = new Map();
  for (const { option, location } of statements) {
    try {
      const path = setOption(context, values, typeName, scope, option);
      location?.push(...path);
    } catch (cause) {
      const name = option.name.map(({ text, isExtension }) => (isExtension ? `(${text})` : text)).join(".");
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`Cannot describe ${context.file.name}:${option.line + 1}: option ${name}: ${reason}`, { cause });
    }
  }
  const writer = createWriter();
  writeValues(context, values, writer);
  return new Uint8Array(writer.finish());
}

/** Sets one option and returns the path of what was set, within the options message. */
function setOption(
  context: OptionContext,
  values: Values,
  typeName: string,
  scope: string,
  { name, value }: OptionStatement,
): number[] {
  const path: number[] = [];
  let into = values;
  let type = typeName;
  name.forEach((part, i) => {
    const known = findField(context, type, scope, part);
    const entry = entryOf(into, known);
    path.push(known.field.number);
    if (i === name.length - 1) {
      if (known.field.label === Label.REPEATED) path.push(entry.items.length);
      addValue(context, scope, entry, value);
      return;
    }
    type = (known.field.typeName ?? "").slice(1);
    if (!(entry.items[0] instanceof Map)) entry.items.push(new Map());
    into = entry.items[0] as Values;
  });
  return path;
}

function entryOf(values: Values, field: Known): { readonly field: Known; readonly items: (Values | OptionValue)[] } {
  let entry = values.get(field.field.number);
  if (entry === undefined) values.set(field.field.number, (entry = { field, items: [] }));
  return entry;
}

function addValue(
  context: OptionContext,
  scope: string,
  entry: { readonly field: Known; readonly items: (Values | OptionValue)[] },
  value: OptionValue,
): void {
  const { field } = entry.field;
  if (value.kind === "list") {
    for (const item of value.items) addValue(context, scope, entry, item);
  } else if (field.type !== FieldType.MESSAGE && field.type !== FieldType.GROUP) entry.items.push(value);
  else if (value.kind !== "message") throw new Error(`its value must be a message: current value is a ${value.kind}`);
  else {
    const isFirst = field.label === Label.REPEATED || !(entry.items[0] instanceof Map);
    const values: Values = isFirst ? new Map() : (entry.items[0] as Values);
    if (isFirst) entry.items.push(values);
    for (const part of value.fields) addField(context, scope, values, (field.typeName ?? "").slice(1), part);
  }
}

function addField(
  context: OptionContext,
  scope: string,
  values: Values,
  typeName: string,
  part: NamePart & { readonly value: OptionValue },
): void {
  const slash = part.text.lastIndexOf("/");
  if (part.isExtension && slash >= 0) {
    addAny(context, scope, values, typeName, part);
    return;
  }
  addValue(context, scope, entryOf(values, findField(context, typeName, scope, part)), part.value);
}

/** "[type.googleapis.com/pkg.Type] { … }" within an `Any`. */
function addAny(
  context: OptionContext,
  scope: string,
  values: Values,
  typeName: string,
  { text, value }: NamePart & { readonly value: OptionValue },
): void {
  const inner: Values = new Map();
  const innerType = text.slice(text.lastIndexOf("/") + 1);
  if (value.kind !== "message") throw new Error(`${text} must be a message: current value is a ${value.kind}`);
  for (const part of value.fields) addField(context, scope, inner, innerType, part);
  const writer = createWriter();
  writeValues(context, inner, writer);
  const set = (name: string, bytes: Uint8Array): void => {
    const known = findField(context, typeName, scope, { text: name, isExtension: false });
    entryOf(values, known).items.push({ kind: "string", bytes });
  };
  set("type_url", Buffer.from(text));
  set("value", writer.finish());
}

function findField(context: OptionContext, typeName: string, scope: string, { text, isExtension }: NamePart): Known {
  const { linker } = context;
  if (isExtension) {
    const fullName = linker.resolve(context.file, scope, text, (symbol) => symbol.kind === "extension");
    const symbol = fullName === undefined ? undefined : linker.find(context.file, fullName);
    if (symbol?.kind !== "extension") throw new Error(`no file that is imported declares the extension ${text}`);
    if (symbol.field.extendee !== `.${typeName}`) throw new Error(`${text} extends ${symbol.field.extendee}`);
    return { field: symbol.field, isPacked: isPacked(symbol.field, symbol.file) };
  }
  const symbol = linker.findAnywhere(typeName);
  const field = symbol?.kind === "message" ? fieldOf(symbol.message, text) : undefined;
  if (symbol?.kind !== "message" || field === undefined) throw new Error(`${typeName} has no field ${text}`);
  return { field, isPacked: isPacked(field, symbol.file) };
}

/** Text format names a group by its type. */
function fieldOf(message: DescriptorProto, name: string): FieldDescriptorProto | undefined {
  return message.field.find(
    (field) => field.name === name || (field.type === FieldType.GROUP && field.typeName?.endsWith(`.${name}`) === true),
  );
}

function isPacked(field: FieldDescriptorProto, file: FileDescriptorProto): boolean {
  const type = field.type ?? 0;
  if (field.label !== Label.REPEATED || [9, 12, FieldType.MESSAGE, FieldType.GROUP].includes(type)) return false;
  const said = (field.options as { packed?: boolean } | undefined)?.packed;
  return said ?? file.syntax !== undefined;
}

function writeValues(context: OptionContext, values: Values, writer: WireWriter): void {
  for (const [number, { field, items }] of [...values].toSorted(([a], [b]) => a - b)) {
    if (field.isPacked) {
      writer.uint32(tagOf(number, WireType.LEN)).fork();
      for (const item of items) writeScalar(context, field.field, item as OptionValue, writer);
      writer.ldelim();
    } else for (const item of items) writeItem(context, field.field, item, writer);
  }
}

function writeItem(
  context: OptionContext,
  field: FieldDescriptorProto,
  item: Values | OptionValue,
  writer: WireWriter,
): void {
  const { number } = field;
  if (!(item instanceof Map)) {
    writer.uint32(tagOf(number, wireTypeOf(field.type ?? 0)));
    writeScalar(context, field, item, writer);
  } else if (field.type === FieldType.GROUP) {
    writer.uint32(tagOf(number, WireType.SGROUP));
    writeValues(context, item, writer);
    writer.uint32(tagOf(number, WireType.EGROUP));
  } else {
    writer.uint32(tagOf(number, WireType.LEN)).fork();
    writeValues(context, item, writer);
    writer.ldelim();
  }
}

function wireTypeOf(type: number): WireType {
  if (type === 1 || type === 6 || type === 16) return WireType.I64;
  if (type === 2 || type === 7 || type === 15) return WireType.I32;
  return type === 9 || type === 12 ? WireType.LEN : WireType.VARINT;
}

/** Writes a value by `FieldDescriptorProto.Type`. */
function writeScalar(context: OptionContext, field: FieldDescriptorProto, value: OptionValue, writer: WireWriter): void {
  switch (field.type) {
    case 1:
      writer.double(parseFloating(numberText(value)));
      return;
    case 2:
      writer.float(parseFloating(numberText(value)));
      return;
    case 8:
      writer.bool(parseBool(value));
      return;
    case 9:
    case 12:
      if (value.kind !== "string") throw new Error(`its value must be a string: current value is a ${value.kind}`);
      writer.bytes(value.bytes);
      return;
    case FieldType.ENUM:
      writer.int32(enumNumber(context, field, value));
      return;
    default:
      writeInteger(field.type ?? 0, parseInteger(numberText(value)), writer);
  }
}

function writeInteger(type: number, value: bigint, writer: WireWriter): void {
  const isUnsigned = [4, 6, 7, 13].includes(type);
  if (!(isUnsigned ? takeUint64(value) : takeInt64(value))) throw new Error(`its value is out of range: ${value}`);
  switch (type) {
    case 16:
    case 6:
      writeFixed64(writer);
      return;
    case 7:
      writer.fixed32(Number(value));
      return;
    case 15:
      writer.sfixed32(Number(value));
      return;
    case 17:
    case 18:
      writeZigzag64(writer);
      return;
    default:
      writeVarint64(writer);
  }
}

function numberText(value: OptionValue): string {
  if (value.kind === "number") return value.text;
  if (value.kind === "name" && /^(?:inf|infinity|nan)$/i.test(value.text)) return value.text;
  throw new Error(`its value must be a number: current value is a ${value.kind}`);
}

function parseBool(value: OptionValue): boolean {
  const text = value.kind === "name" || value.kind === "number" ? value.text : "";
  if (/^(?:true|True|t|1)$/.test(text)) return true;
  if (/^(?:false|False|f|0)$/.test(text)) return false;
  throw new Error(`its value must be true or false: current value is ${JSON.stringify(text)}`);
}

function enumNumber(context: OptionContext, field: FieldDescriptorProto, value: OptionValue): number {
  if (value.kind === "number") return Number(parseInteger(value.text));
  const typeName = (field.typeName ?? "").slice(1);
  const symbol = context.linker.findAnywhere(typeName);
  const named = value.kind === "name" && symbol?.kind === "enum" ? symbol.enum.value : [];
  const found = named.find(({ name }) => name === (value as { text: string }).text);
  if (found === undefined) throw new Error(`${typeName} has no such value`);
  return found.number;
}
