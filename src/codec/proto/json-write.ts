/**
 * From a decoded message to JSON.
 *
 * Spec: protobuf.dev, "ProtoJSON Format".
 * Laws: fields stand in the order of the schema; what JSON has no form for is refused by its path, never left out, but for
 * fields that the schema does not know.
 */
import type { DynamicMessage, MessageType } from "../method.js";
import { typeNameOf } from "./any.js";
import { MAX_DEPTH } from "./decode-values.js";
import { within, wrong } from "./encode-values.js";
import type { FieldShape, ValueShape } from "./fields.js";
import { base64, writeScalar } from "./json-scalars.js";
import { setOwn, type JsonValue } from "./json-text.js";
import { JSON_FORMS, NULL_VALUE, WRAPPERS } from "./json-well-known.js";
import { MessageCodec, messageCodec } from "./message.js";
import { is64Bit } from "./source.js";

/** What {@link writeMessage} is told. */
export interface JsonWriter {
  readonly emitDefaults: boolean;
  readonly useProtoNames: boolean;
  readonly unresolvedAny: "refuse" | "base64";
  /** The type of an `Any`, if it is known. */
  readonly typeOf: (typeName: string) => MessageType | undefined;
}

/** One message in JSON. `depth` counts the messages around it. @throws WrongValue with the path from it on. */
export function writeMessage(
  codec: MessageCodec,
  message: DynamicMessage,
  writer: JsonWriter,
  depth: number,
): JsonValue {
  const form = JSON_FORMS.get(codec.typeName);
  if (form !== undefined) return form.write(message);
  const [first] = codec.fields;
  if (WRAPPERS.has(codec.typeName) && first !== undefined) {
    return writeValue(first.value, message[first.property], writer, depth);
  }
  return codec.typeName === "google.protobuf.Any"
    ? writeAny(message, writer, depth)
    : writeFields(codec, message, writer, depth);
}

function writeFields(
  codec: MessageCodec,
  message: DynamicMessage,
  writer: JsonWriter,
  depth: number,
): Record<string, JsonValue> {
  const object: Record<string, JsonValue> = {};
  for (const field of codec.fields) {
    const value = valueOf(field, message);
    if (value === undefined || (!writer.emitDefaults && isDefault(field, value))) continue;
    const path = field.oneof === undefined ? field.property : `${field.oneof}.value`;
    const json = at(path, undefined, () => writeField(field, value, writer, depth));
    setOwn(object, writer.useProtoNames ? field.name : field.jsonName, json);
  }
  return object;
}

/** The value of a field, also of one in a oneof; `undefined` when it is absent. */
export function valueOf(field: FieldShape, message: DynamicMessage): unknown {
  if (field.oneof === undefined) return message[field.property];
  const oneof = message[field.oneof] as { case?: string; value?: unknown };
  return oneof.case === field.property ? oneof.value : undefined;
}

/** Whether the wire would have no byte of it. -0 is no default. */
export function isDefault(field: FieldShape, value: unknown): boolean {
  if (field.mapKey !== undefined) return (value as ReadonlyMap<unknown, unknown>).size === 0;
  if (field.repeated) return (value as readonly unknown[]).length === 0;
  if (field.presence !== "implicit") return false;
  if (value instanceof Uint8Array) return value.length === 0;
  if (field.value.kind === "scalar" && is64Bit(field.value.scalar)) return String(value) === "0";
  return value === "" || value === false || Object.is(value, 0);
}

function writeField(field: FieldShape, value: unknown, writer: JsonWriter, depth: number): JsonValue {
  if (field.mapKey !== undefined) {
    const object: Record<string, JsonValue> = {};
    for (const [key, item] of value as ReadonlyMap<unknown, unknown>) {
      setOwn(
        object,
        String(key),
        at("", key, () => writeValue(field.value, item, writer, depth)),
      );
    }
    return object;
  }
  if (!field.repeated) return writeValue(field.value, value, writer, depth);
  return (value as readonly unknown[]).map((item, i) => at("", i, () => writeValue(field.value, item, writer, depth)));
}

function at<T>(path: string, index: unknown, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw within(error, path, index);
  }
}

function writeValue(shape: ValueShape, value: unknown, writer: JsonWriter, depth: number): JsonValue {
  if (shape.kind === "scalar") return writeScalar(shape.scalar, value);
  if (shape.kind === "message") {
    return writeMessage(messageCodec(shape.declared), value as DynamicMessage, writer, depth + 1);
  }
  if (shape.enum.typeName === NULL_VALUE) return null;
  return shape.enum.nameOf(value as number) ?? (value as number);
}

function writeAny(message: DynamicMessage, writer: JsonWriter, depth: number): JsonValue {
  const { typeUrl, value } = message as unknown as { typeUrl: string; value: Uint8Array };
  if (typeUrl === "" && value.length === 0) return {};
  // An Any in an Any is bytes to the decoder, which therefore cannot bound how deep they are nested.
  if (depth > MAX_DEPTH) wrong(message, "", `nested at most ${MAX_DEPTH} messages deep`);
  const type = writer.typeOf(typeNameOf(typeUrl));
  if (!(type instanceof MessageCodec))
    return writeUnresolved(typeUrl, value, writer, 'an Any of a type that is known here (see the option "types")');
  let content: DynamicMessage;
  try {
    content = type.decode(value);
  } catch {
    return writeUnresolved(typeUrl, value, writer, "an Any whose bytes are a message of its type");
  }
  const json = writeMessage(type, content, writer, depth + 1);
  return hasOwnForm(type.typeName) ? { "@type": typeUrl, value: json } : { "@type": typeUrl, ...(json as object) };
}

/** "If the embedded message has a special JSON representation, it is under `value`." */
export function hasOwnForm(typeName: string): boolean {
  return JSON_FORMS.has(typeName) || WRAPPERS.has(typeName) || typeName === "google.protobuf.Any";
}

function writeUnresolved(typeUrl: string, value: Uint8Array, writer: JsonWriter, wanted: string): JsonValue {
  if (writer.unresolvedAny === "base64") return { "@type": typeUrl, "@value": base64(value) };
  return wrong(typeUrl, "", wanted);
}
