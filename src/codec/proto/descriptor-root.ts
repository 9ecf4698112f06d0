/**
 * What protobufjs needs to know of files that come as descriptors: the same objects it makes of their texts.
 *
 * Spec: google/protobuf/descriptor.proto.
 * Laws: codecs are compiled from these objects, so that every name is checked here; extensions are left out, as their values
 * stay unknown fields, and so are default values, which a message does not show.
 */
import protobuf from "protobufjs";
import {
  EDITIONS,
  FIELD_TYPES,
  FieldType,
  Label,
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  type ServiceDescriptorProto,
} from "./descriptor-model.js";

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const FULL_NAME = /^\.?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;
const MAX_NAME_CHARS = 1000;
const MAX_FIELD_NUMBER = 536_870_911;
const MAX_DEPTH = 100;

const TYPE_NAMES: ReadonlyMap<number, string> = new Map([...FIELD_TYPES].map(([name, type]) => [type, name]));
const MAP_KEYS = new Set([3, 4, 5, 6, 7, 8, 9, 13, 15, 16, 17, 18]);

/** Makes a resolved root of `files`. @throws Error naming the file and what is wrong in it. */
export function buildRoot(files: readonly FileDescriptorProto[]): protobuf.Root {
  const root = new protobuf.Root();
  for (const file of files) {
    try {
      addFile(root, file);
    } catch (cause) {
      throw new Error(`Cannot load ${shown(file.name)}: ${(cause as Error).message}`, { cause });
    }
  }
  try {
    root.resolveAll();
  } catch (cause) {
    throw new Error(`Cannot load a descriptor set: ${(cause as Error).message}`, { cause });
  }
  return root;
}

/** "proto2", "proto3" or an edition, as protobufjs names them. @throws Error for one that is not known. */
export function syntaxOf({ syntax = "", edition }: FileDescriptorProto): string {
  if (syntax === "" || syntax === "proto2") return "proto2";
  if (syntax === "proto3") return syntax;
  const known = [...EDITIONS].find(([, number]) => number === edition);
  if (syntax === "editions" && known !== undefined) return known[0];
  throw new Error(`syntax ${shown(syntax)} is not known`);
}

function addFile(root: protobuf.Root, file: FileDescriptorProto): void {
  const syntax = syntaxOf(file);
  const { package: scope = "" } = file;
  const namespace = scope === "" ? root : root.define(checkFullName(scope));
  const features = featuresOf(file.options);
  const top: protobuf.ReflectionObject[] = [
    ...file.messageType.map((message) => makeType(message, file.name, 0)),
    ...file.enumType.map((one) => makeEnum(one)),
    ...file.service.map((service) => makeService(service)),
  ];
  for (const object of top) {
    object.filename = file.name;
    // oxlint-disable-next-line eslint/no-underscore-dangle -- what the parser sets, and does not show in its types
    (object as unknown as { _edition: string })._edition = syntax;
    for (const [name, value] of features) object.setOption(`features.${name}`, value, true);
    namespace.add(object);
  }
}

function makeType(message: DescriptorProto, filename: string, depth: number): protobuf.Type {
  if (depth >= MAX_DEPTH) throw new Error(`messages are at most ${MAX_DEPTH} deep`);
  const type = setFeatures(new protobuf.Type(checkName(message.name)), message.options);
  const entries = new Map<string, DescriptorProto>();
  for (const nested of message.nestedType) {
    if (isMapEntry(nested)) entries.set(nested.name, nested);
    else type.add(makeType(nested, filename, depth + 1));
  }
  for (const one of message.enumType) type.add(makeEnum(one));
  const oneofs = message.oneofDecl.map(({ name, options }) =>
    setFeatures(new protobuf.OneOf(checkName(name)), options),
  );
  for (const descriptor of message.field) {
    const field = makeField(descriptor, entries);
    field.filename = filename;
    if (descriptor.oneofIndex === undefined) {
      type.add(field);
      continue;
    }
    const oneof = oneofs[descriptor.oneofIndex];
    if (oneof === undefined) throw new Error(`field ${descriptor.name} is in a oneof that does not exist`);
    if (oneof.parent === null) type.add(oneof);
    oneof.add(field);
  }
  return type;
}

function isMapEntry({ options }: DescriptorProto): boolean {
  return options?.mapEntry === true;
}

function makeField(descriptor: FieldDescriptorProto, entries: ReadonlyMap<string, DescriptorProto>): protobuf.Field {
  const name = checkName(descriptor.name);
  const number = checkNumber(name, descriptor.number);
  const entry = mapEntryOf(descriptor, entries);
  const field: protobuf.FieldBase =
    entry === undefined
      ? new protobuf.Field(name, number, typeOf(descriptor), ruleOf(descriptor))
      : new protobuf.MapField(name, number, mapKeyOf(entry), typeOf(entryField(entry, 2)));
  setFeatures(field, descriptor.options);
  if (descriptor.jsonName !== undefined) (field as { jsonName?: string }).jsonName = descriptor.jsonName;
  const packed = descriptor.options?.packed;
  if (packed !== undefined) field.setOption("packed", packed);
  if (descriptor.proto3Optional === true) field.setOption("proto3_optional", true);
  if (descriptor.type === FieldType.GROUP) field.setOption("features.message_encoding", "DELIMITED");
  return field as protobuf.Field;
}

function mapEntryOf(
  { type, label, typeName = "" }: FieldDescriptorProto,
  entries: ReadonlyMap<string, DescriptorProto>,
): DescriptorProto | undefined {
  if (type !== FieldType.MESSAGE || label !== Label.REPEATED) return undefined;
  return entries.get(typeName.slice(typeName.lastIndexOf(".") + 1));
}

function entryField(entry: DescriptorProto, number: 1 | 2): FieldDescriptorProto {
  const field = entry.field.find((one) => one.number === number);
  if (field === undefined) throw new Error(`map entry ${checkName(entry.name)} lacks its field ${number}`);
  return field;
}

function mapKeyOf(entry: DescriptorProto): string {
  const key = entryField(entry, 1);
  if (!MAP_KEYS.has(key.type ?? 0)) throw new Error(`map entry ${checkName(entry.name)} has keys that cannot be`);
  return typeOf(key);
}

function typeOf({ name, type, typeName }: FieldDescriptorProto): string {
  const scalar = TYPE_NAMES.get(type ?? 0);
  if (scalar !== undefined) return scalar;
  if (typeName !== undefined) return checkFullName(typeName);
  throw new Error(`field ${name} has no type`);
}

function ruleOf({ label }: FieldDescriptorProto): string | undefined {
  if (label === Label.REPEATED) return "repeated";
  return label === Label.REQUIRED ? "required" : undefined;
}

function makeEnum(descriptor: EnumDescriptorProto): protobuf.Enum {
  const made = setFeatures(new protobuf.Enum(checkName(descriptor.name)), descriptor.options);
  if (descriptor.options?.allowAlias === true) made.setOption("allow_alias", true);
  for (const { name, number } of descriptor.value) made.add(checkName(name), number);
  return made;
}

function makeService(descriptor: ServiceDescriptorProto): protobuf.Service {
  const service = new protobuf.Service(checkName(descriptor.name));
  for (const { name, inputType, outputType, clientStreaming, serverStreaming } of descriptor.method) {
    const [input, output] = [checkFullName(inputType), checkFullName(outputType)];
    service.add(
      new protobuf.Method(checkName(name), "rpc", input, output, clientStreaming === true, serverStreaming === true),
    );
  }
  return service;
}

/** The features of editions that change how messages are read and written: their names, and those of their values. */
const FEATURES = [
  ["fieldPresence", "field_presence", ["", "EXPLICIT", "IMPLICIT", "LEGACY_REQUIRED"]],
  ["enumType", "enum_type", ["", "OPEN", "CLOSED"]],
  ["repeatedFieldEncoding", "repeated_field_encoding", ["", "PACKED", "EXPANDED"]],
  ["utf8Validation", "utf8_validation", ["", "", "VERIFY", "NONE"]],
  ["messageEncoding", "message_encoding", ["", "LENGTH_PREFIXED", "DELIMITED"]],
] as const;

function featuresOf(options: object | undefined): [name: string, value: string][] {
  const { features } = (options ?? {}) as { features?: Readonly<Record<string, unknown>> | undefined };
  if (features === undefined) return [];
  return FEATURES.flatMap(([property, name, values]): [string, string][] => {
    const value = values[Number(features[property] ?? 0)] ?? "";
    return value === "" ? [] : [[name, value]];
  });
}

function setFeatures<T extends protobuf.ReflectionObject>(object: T, options: object | undefined): T {
  for (const [name, value] of featuresOf(options)) object.setOption(`features.${name}`, value);
  return object;
}

function checkName(name: string | undefined): string {
  if (name !== undefined && name.length <= MAX_NAME_CHARS && NAME.test(name)) return name;
  throw new Error(`a name must be letters, digits and underscores: current value is ${shown(name)}`);
}

function checkFullName(name: string | undefined): string {
  if (name !== undefined && name.length <= MAX_NAME_CHARS && FULL_NAME.test(name)) return name;
  throw new Error(`a name must be letters, digits, underscores and dots: current value is ${shown(name)}`);
}

function checkNumber(name: string, number: number | undefined): number {
  if (number !== undefined && number >= 1 && number <= MAX_FIELD_NUMBER) return number;
  throw new Error(`field ${name} must have a number from 1 to ${MAX_FIELD_NUMBER}: current value is ${number}`);
}

/** A stranger's text, as it may stand in an error. */
function shown(text: string | undefined): string {
  return text === undefined ? "none" : JSON.stringify(text.length > 256 ? `${text.slice(0, 256)}…` : text);
}
