/**
 * Reads fields of a `.proto` text: labels, types, maps, numbers and options.
 *
 * Spec: protobuf.dev, "Language Specification", "Fields", "Map Field", "Oneof".
 */
import {
  FIELD_TYPES,
  Label,
  MAP_KEY_TYPES,
  type DescriptorProto,
  type FieldDescriptorProto,
} from "./descriptor-model.js";
import { expect, readFullName, readName, wanted, type OptionStatement } from "./descriptor-option.js";
import type { ProtoText } from "./descriptor-text.js";
import type { Token } from "./descriptor-tokens.js";
import { ProtoError } from "./proto-error.js";

/** What fields are read for. */
export interface FieldOf {
  readonly message?: DescriptorProto;
  /** Where its name stands, too. */
  readonly extendee?: { readonly name: string; readonly at: number };
  readonly oneofIndex?: number;
}

/** A field whose label has been read. */
export interface OpenField {
  readonly field: FieldDescriptorProto;
  readonly start: Token;
  readonly hasLabel: boolean;
}

/** Begins a field and adds it to `list`. */
export function openField(source: ProtoText, list: FieldDescriptorProto[], of: FieldOf): OpenField {
  const start = source.tokens.current;
  const field: FieldDescriptorProto = { name: "", number: 0, label: Label.OPTIONAL };
  if (of.extendee !== undefined) {
    field.extendee = of.extendee.name;
    source.markAt(field, "extendee", of.extendee.at);
  }
  const hasLabel = readLabel(source, field);
  if (of.oneofIndex !== undefined) {
    if (hasLabel)
      throw new ProtoError(
        `expected a type, found ${JSON.stringify(start.text)}, which a oneof has no use for`,
        start.at,
      );
    field.oneofIndex = of.oneofIndex;
  }
  list.push(field);
  return { field, start, hasLabel };
}

/** Reads the rest of a field that is no group. `scope` is the full name of what it is in. */
export function readPlainField(
  source: ProtoText,
  { field, start, hasLabel }: OpenField,
  scope: string,
  path: readonly number[],
  of: FieldOf,
): void {
  const location = source.paths.open(path, start);
  readType(source, field, of, hasLabel);
  readNumberAndOptions(source, field, scope);
  location.end(";");
}

/** What a label asks of the syntax; whether there is one. */
function readLabel(source: ProtoText, field: FieldDescriptorProto): boolean {
  const { text } = source.tokens.current;
  if (text !== "repeated" && text !== "required" && text !== "optional") return false;
  if (text === "repeated") field.label = Label.REPEATED;
  else if (source.isEdition) {
    throw source.tokens.error(`expected a type, found ${JSON.stringify(text)}: editions have features.field_presence`);
  } else if (text === "required") {
    if (source.isProto3) throw source.tokens.error('expected a type, found "required", which only proto2 has');
    field.label = Label.REQUIRED;
  } else if (source.isProto3) field.proto3Optional = true;
  source.tokens.next();
  return true;
}

function readType(source: ProtoText, field: FieldDescriptorProto, of: FieldOf, hasLabel: boolean): void {
  const start = source.tokens.current;
  source.mark(field, "type");
  const type = readFullName(source.tokens);
  if (type === "map" && source.tokens.current.text === "<") {
    if (hasLabel || of.message === undefined || of.oneofIndex !== undefined) {
      throw new ProtoError(
        "expected a type, found a map, which can neither have a label nor be in a oneof or extend",
        start.at,
      );
    }
    readMap(source, field, of.message);
    return;
  }
  const scalar = FIELD_TYPES.get(type);
  if (scalar === undefined) field.typeName = type;
  else field.type = scalar;
  readFieldName(source, field);
  if (hasLabel || of.oneofIndex !== undefined || source.isProto3 || source.isEdition) return;
  throw new ProtoError(
    'expected "optional", "required" or "repeated" before the type: proto2 has no default',
    start.at,
  );
}

function readFieldName(source: ProtoText, field: FieldDescriptorProto): void {
  source.mark(field, "name");
  field.name = readName(source.tokens);
}

function readMap(source: ProtoText, field: FieldDescriptorProto, message: DescriptorProto): void {
  expect(source.tokens, "<");
  const key: FieldDescriptorProto = { name: "key", number: 1, label: Label.OPTIONAL };
  const value: FieldDescriptorProto = { name: "value", number: 2, label: Label.OPTIONAL };
  key.type = FIELD_TYPES.get(source.tokens.current.text);
  if (!MAP_KEY_TYPES.has(key.type ?? 0)) throw wanted(source.tokens, "a type of integers, bool or string as key");
  source.tokens.next();
  expect(source.tokens, ",");
  source.mark(value, "type");
  const type = readFullName(source.tokens);
  const scalar = FIELD_TYPES.get(type);
  if (scalar === undefined) value.typeName = type;
  else value.type = scalar;
  expect(source.tokens, ">");
  source.mark(field, "name");
  const entry = newMessage("");
  source.mark(entry, "name");
  field.name = readName(source.tokens);
  field.label = Label.REPEATED;
  entry.name = entryName(field.name);
  entry.field.push(key, value);
  entry.options = { mapEntry: true };
  field.typeName = entry.name;
  message.nestedType.push(entry);
}

/** `= 5 [deprecated = true]`. */
export function readNumberAndOptions(source: ProtoText, field: FieldDescriptorProto, scope: string): void {
  expect(source.tokens, "=");
  source.mark(field, "number");
  field.number = source.integer();
  const typeName = "google.protobuf.FieldOptions";
  for (const option of source.inlineOptions()) {
    const [{ text, isExtension }, more] = [option.name[0] ?? { text: "", isExtension: false }, option.name.length > 1];
    if (!isExtension && !more && text === "default") readDefault(source, field, option);
    else if (!isExtension && !more && text === "json_name") field.jsonName = stringOf(option);
    else source.addOption(field, typeName, scope, option, undefined);
  }
}

/** `string_map` → `StringMapEntry`. */
function entryName(field: string): string {
  return `${field.replace(/(^|_)(.?)/g, (_, _before: string, next: string) => next.toUpperCase())}Entry`;
}

function readDefault(source: ProtoText, field: FieldDescriptorProto, option: OptionStatement): void {
  if (source.isProto3) throw new ProtoError("a field of proto3 can have no default of its own", option.at);
  field.defaultValue = defaultText(option);
}

function stringOf({ value }: OptionStatement): string {
  return value.kind === "string" ? Buffer.from(value.bytes).toString() : "";
}

/** The default as it is written: `descriptor-link.ts` brings it into its form, which depends on the type. */
function defaultText({ value }: OptionStatement): string {
  if (value.kind === "string") return Buffer.from(value.bytes).toString("latin1");
  return value.kind === "name" || value.kind === "number" ? value.text : "";
}

/** A message without anything. */
export function newMessage(name: string): DescriptorProto {
  return {
    name,
    field: [],
    extension: [],
    nestedType: [],
    enumType: [],
    extensionRange: [],
    oneofDecl: [],
    reservedRange: [],
    reservedName: [],
  };
}
