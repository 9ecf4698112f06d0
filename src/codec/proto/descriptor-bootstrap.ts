/**
 * Reads the descriptors of the bundled files, and the options that matter to codecs, without a codec: the codecs of
 * `descriptor.proto` are made from what it finds, and most schemas need none of them.
 *
 * Spec: google/protobuf/descriptor.proto.
 * Laws: for trusted bytes alone; what codecs and options have no use for is skipped.
 */
import { FEATURE_NAMES } from "./descriptor-features.js";
import type { DescriptorProto, FileDescriptorProto, KnownOptions } from "./descriptor-model.js";
import { createReader, type WireReader } from "./wire.js";

/** What a field is read as: a message, or a list of one element for what comes many times. */
type Reading = "string" | "int32" | "bool" | Fields | readonly ["string" | "int32" | Fields];

/** Properties by field number. */
type Fields = ReadonlyMap<number, readonly [property: string, reading: Reading]>;

type Entry = readonly [number, readonly [string, Reading]];

const FEATURES: Fields = new Map(FEATURE_NAMES.map((name, i): Entry => [i + 1, [name, "int32"]]));

function options(deprecated: number, features: number, ...more: readonly Entry[]): Fields {
  return new Map<number, readonly [string, Reading]>([
    [deprecated, ["deprecated", "bool"]],
    [features, ["features", FEATURES]],
    ...more,
  ]);
}

const FIELD_OPTIONS = options(3, 21, [2, ["packed", "bool"]], [6, ["jstype", "int32"]], [17, ["retention", "int32"]]);
const MESSAGE_OPTIONS = options(3, 12, [7, ["mapEntry", "bool"]]);
const VALUE_OPTIONS = options(1, 2);
const OPTIONS: ReadonlyMap<string, Fields> = new Map([
  ["google.protobuf.FileOptions", options(23, 50)],
  ["google.protobuf.MessageOptions", MESSAGE_OPTIONS],
  ["google.protobuf.FieldOptions", FIELD_OPTIONS],
  ["google.protobuf.OneofOptions", new Map([[1, ["features", FEATURES] as const]])],
  ["google.protobuf.EnumOptions", options(3, 7, [2, ["allowAlias", "bool"]])],
  ["google.protobuf.EnumValueOptions", VALUE_OPTIONS],
  ["google.protobuf.ServiceOptions", options(33, 34)],
  ["google.protobuf.MethodOptions", options(33, 35)],
]);
const FIELD: Fields = new Map<number, readonly [string, Reading]>([
  [1, ["name", "string"]],
  [2, ["extendee", "string"]],
  [3, ["number", "int32"]],
  [4, ["label", "int32"]],
  [5, ["type", "int32"]],
  [6, ["typeName", "string"]],
  [7, ["defaultValue", "string"]],
  [8, ["options", FIELD_OPTIONS]],
  [9, ["oneofIndex", "int32"]],
  [10, ["jsonName", "string"]],
  [17, ["proto3Optional", "bool"]],
]);
const NAMED: Fields = new Map([[1, ["name", "string"]]]);
const ENUM_VALUE: Fields = new Map<number, readonly [string, Reading]>([
  [1, ["name", "string"]],
  [2, ["number", "int32"]],
  [3, ["options", VALUE_OPTIONS]],
]);
const ENUM: Fields = new Map<number, readonly [string, Reading]>([
  [1, ["name", "string"]],
  [2, ["value", [ENUM_VALUE]]],
]);
const MESSAGE = new Map<number, readonly [string, Reading]>([
  [1, ["name", "string"]],
  [2, ["field", [FIELD]]],
  [4, ["enumType", [ENUM]]],
  [6, ["extension", [FIELD]]],
  [7, ["options", MESSAGE_OPTIONS]],
  [8, ["oneofDecl", [NAMED]]],
]);
MESSAGE.set(3, ["nestedType", [MESSAGE]]);
const FILE: Fields = new Map<number, readonly [string, Reading]>([
  [1, ["name", "string"]],
  [2, ["package", "string"]],
  [3, ["dependency", ["string"]]],
  [4, ["messageType", [MESSAGE]]],
  [5, ["enumType", [ENUM]]],
  [12, ["syntax", "string"]],
]);

/** The descriptor in `bytes`, without services, ranges and most options. */
export function readBundledFile(bytes: Uint8Array): FileDescriptorProto {
  const file = {
    publicDependency: [],
    weakDependency: [],
    optionDependency: [],
    service: [],
    extension: [],
    ...readFields(createReader(bytes), bytes.length, FILE),
  } as unknown as FileDescriptorProto;
  completeMessages(file.messageType);
  return file;
}

/** The known ones of options of this type, such as `"google.protobuf.FieldOptions"`. */
export function readKnownOptions(typeName: string, bytes: Uint8Array): KnownOptions {
  const fields = OPTIONS.get(typeName);
  return fields === undefined ? {} : readFields(createReader(bytes), bytes.length, fields);
}

function completeMessages(messages: readonly DescriptorProto[]): void {
  for (const message of messages) {
    Object.assign(message, { extensionRange: [], reservedRange: [], reservedName: [] });
    completeMessages(message.nestedType);
  }
}

function readFields(reader: WireReader, end: number, fields: Fields): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const [property, reading] of fields.values()) if (Array.isArray(reading)) made[property] = [];
  while (reader.pos < end) {
    const tag = reader.uint32();
    const known = fields.get(tag >>> 3);
    if (known === undefined) {
      reader.skipType(tag & 7);
      continue;
    }
    const [property, reading] = known;
    if (Array.isArray(reading)) (made[property] as unknown[]).push(readOne(reader, reading[0] as Reading));
    else made[property] = readOne(reader, reading);
  }
  return made;
}

function readOne(reader: WireReader, reading: Reading): unknown {
  if (reading === "string" || reading === "int32" || reading === "bool") return reader[reading]();
  const length = reader.uint32();
  return readFields(reader, reader.pos + length, reading as Fields);
}
