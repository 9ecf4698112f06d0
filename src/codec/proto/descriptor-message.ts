/**
 * Reads messages of a `.proto` text: their fields, and what else is declared in them.
 *
 * Spec: protobuf.dev, "Language Specification", "Message Definition", "Fields", "Extend", "Group".
 */
import { type EnumScope, readEnum } from "./descriptor-enum.js";
import { newMessage, openField, readNumberAndOptions, readPlainField, type FieldOf } from "./descriptor-field.js";
import { FieldType, type DescriptorProto, type FieldDescriptorProto } from "./descriptor-model.js";
import { readFullName, readName } from "./descriptor-option.js";
import { Path, type OpenLocation } from "./descriptor-path.js";
import { join, type ProtoText } from "./descriptor-text.js";
import type { Token } from "./descriptor-tokens.js";

const MAX_FIELD_NUMBER = 536_870_911;
const MAX_DEPTH = 100;
/** From this edition on, declarations may be exported or local. */
const EDITION_2024 = 1001;

/** A message being read, or the file: what fields, types and extensions are added to. */
export interface Scope extends EnumScope {
  readonly messages: DescriptorProto[];
  readonly extensions: FieldDescriptorProto[];
  readonly numbers: { readonly messages: number; readonly enums: number; readonly extensions: number };
  readonly depth: number;
}

/** `message`, `enum` or `extend`. Says whether there was one. */
export function readDeclaration(source: ProtoText, scope: Scope): boolean {
  const start = source.tokens.current;
  let visibility: number | undefined;
  if ((start.text === "export" || start.text === "local") && (source.file.edition ?? 0) >= EDITION_2024) {
    visibility = start.text === "export" ? 2 : 1;
    source.tokens.next();
  }
  const { text } = source.tokens.current;
  if (text === "message") readMessage(source, scope, start, visibility);
  else if (text === "enum") readEnum(source, scope, start, visibility);
  else if (text === "extend") readExtend(source, scope);
  else return false;
  return true;
}

function readMessage(source: ProtoText, scope: Scope, start: Token, visibility: number | undefined): void {
  source.tokens.next();
  const message = newMessage("");
  source.mark(message, "name");
  message.name = readName(source.tokens);
  if (visibility !== undefined) message.visibility = visibility;
  const path = [...scope.path, scope.numbers.messages, scope.messages.length];
  scope.messages.push(message);
  const location = source.paths.open(path, start);
  readMessageBody(source, message, scope, path, location);
}

function readMessageBody(
  source: ProtoText,
  message: DescriptorProto,
  outer: Scope,
  path: readonly number[],
  location: OpenLocation,
): void {
  if (outer.depth >= MAX_DEPTH) throw source.tokens.error(`messages are at most ${MAX_DEPTH} deep`);
  const scope: Scope = {
    fullName: join(outer.fullName, message.name),
    path,
    messages: message.nestedType,
    enums: message.enumType,
    extensions: message.extension,
    numbers: { messages: Path.message.nestedType, enums: Path.message.enumType, extensions: Path.message.extension },
    depth: outer.depth + 1,
  };
  location.end("{");
  while (source.tokens.current.text !== "}") readMessageStatement(source, message, scope);
  location.close();
  if (source.isProto3) addSyntheticOneofs(message);
}

function readMessageStatement(source: ProtoText, message: DescriptorProto, scope: Scope): void {
  const { text } = source.tokens.current;
  switch (text) {
    case ";":
      source.paths.endWithout();
      return;
    case "option":
      source.option(message, "google.protobuf.MessageOptions", scope.fullName, [...scope.path, Path.message.options]);
      return;
    case "oneof":
      readOneof(source, message, scope);
      return;
    case "extensions":
      readExtensions(source, message, scope);
      return;
    case "reserved":
      source.reserved(message, scope.path, Path.message, MAX_FIELD_NUMBER, 1);
      return;
    default:
      // A field's type may be called like a keyword; then a name and a number follow.
      if (!readDeclaration(source, scope)) readField(source, message.field, scope, Path.message.field, { message });
  }
}

function readOneof(source: ProtoText, message: DescriptorProto, scope: Scope): void {
  const oneofIndex = message.oneofDecl.length;
  const path = [...scope.path, Path.message.oneofDecl, oneofIndex];
  const location = source.paths.open(path);
  source.tokens.next();
  const oneof: { name: string; options?: object | undefined } = { name: "" };
  source.mark(oneof, "name");
  oneof.name = readName(source.tokens);
  message.oneofDecl.push(oneof);
  location.end("{");
  while (source.tokens.current.text !== "}") {
    if (source.tokens.current.text === ";") source.paths.endWithout();
    else if (source.tokens.current.text === "option") {
      source.option(oneof, "google.protobuf.OneofOptions", scope.fullName, [...path, Path.oneof.options]);
    } else readField(source, message.field, scope, Path.message.field, { message, oneofIndex });
  }
  location.close();
}

function readExtend(source: ProtoText, scope: Scope): void {
  const location = source.paths.open([...scope.path, scope.numbers.extensions]);
  source.tokens.next();
  const { at } = source.tokens.current;
  const extendee = { name: readFullName(source.tokens), at };
  location.end("{");
  while (source.tokens.current.text !== "}") {
    if (source.tokens.current.text === ";") source.paths.endWithout();
    else readField(source, scope.extensions, scope, scope.numbers.extensions, { extendee });
  }
  location.close();
}

function readExtensions(source: ProtoText, message: DescriptorProto, scope: Scope): void {
  const location = source.paths.open([...scope.path, Path.message.extensionRange]);
  if (source.isProto3) throw source.tokens.error("expected a field, found extensions, which proto3 has not");
  source.tokens.next();
  const ranges: DescriptorProto["extensionRange"] = source.ranges(MAX_FIELD_NUMBER, 1);
  const options = source.inlineOptions();
  for (const range of ranges) {
    for (const option of options) {
      source.addOption(range, "google.protobuf.ExtensionRangeOptions", scope.fullName, option, undefined);
    }
  }
  message.extensionRange.push(...ranges);
  location.end(";");
}

function readField(source: ProtoText, list: FieldDescriptorProto[], scope: Scope, number: number, of: FieldOf): void {
  const path = [...scope.path, number, list.length];
  const open = openField(source, list, of);
  if (source.tokens.current.text === "group") readGroup(source, open.field, scope, open.start);
  else readPlainField(source, open, scope.fullName, path, of);
}

function readGroup(source: ProtoText, field: FieldDescriptorProto, scope: Scope, start: Token): void {
  const typePath = [...scope.path, scope.numbers.messages, scope.messages.length];
  if (source.isProto3 || source.isEdition) {
    throw source.tokens.error('expected a type, found "group", which only proto2 has');
  }
  source.tokens.next();
  const message = newMessage("");
  for (const declaration of [message, field]) source.mark(declaration, "name");
  source.mark(field, "type");
  const name = readName(source.tokens);
  message.name = name;
  scope.messages.push(message);
  field.name = name.toLowerCase();
  field.type = FieldType.GROUP;
  field.typeName = name;
  readNumberAndOptions(source, field, scope.fullName);
  const location = source.paths.open(typePath, start);
  readMessageBody(source, message, scope, typePath, location);
}

/** A proto3 `optional` is a oneof of its own, behind all others, whose name is no other's. */
function addSyntheticOneofs(message: DescriptorProto): void {
  const taken = new Set([...message.field, ...message.oneofDecl].map(({ name }) => name));
  for (const field of message.field) {
    if (field.proto3Optional !== true) continue;
    let name = field.name.startsWith("_") ? field.name : `_${field.name}`;
    while (taken.has(name)) name = `X${name}`;
    taken.add(name);
    field.oneofIndex = message.oneofDecl.length;
    message.oneofDecl.push({ name });
  }
}
