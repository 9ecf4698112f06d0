/**
 * From JSON to a message that may be encoded.
 *
 * Spec: protobuf.dev, "ProtoJSON Format".
 * Laws: nothing is guessed: a name that means no field, a value that is not of its field's type and a field that comes
 * twice are refused by their path; recursion is bounded, whatever the JSON.
 */
import type { DynamicMessage, MessageType } from "../method.js";
import { nearestName } from "../nearest-name.js";
import { typeNameOf } from "./any.js";
import { withArticle, within, wrong, wrongItem } from "./encode-values.js";
import type { FieldShape, ScalarName, ValueShape } from "./fields.js";
import { readEnumNumber, readKey, readScalar } from "./json-scalars.js";
import { setOwn } from "./json-text.js";
import { checkDepth, JSON_FORMS, NULL_VALUE, objectOf, VALUE, WRAPPERS } from "./json-well-known.js";
import { hasOwnForm } from "./json-write.js";
import { MessageCodec, messageCodec } from "./message.js";
import { createWriter } from "./wire.js";

/** What {@link readMessage} is told. */
export interface JsonReader {
  readonly ignoreUnknown: boolean;
  /** The type of an `Any`, if it is known. */
  readonly typeOf: (typeName: string) => MessageType | undefined;
}

/** What a value is read as that is to be left out: an enum's unknown name among ignored things. */
const LEFT_OUT = Symbol("left out");

/** One message. `depth` counts the messages around it. @throws WrongValue with the path from it on. */
export function readMessage(codec: MessageCodec, json: unknown, reader: JsonReader, depth: number): DynamicMessage {
  checkDepth(json, depth);
  const form = JSON_FORMS.get(codec.typeName);
  if (form !== undefined) return form.read(json, depth);
  const [first] = codec.fields;
  if (WRAPPERS.has(codec.typeName) && first !== undefined) {
    return { [first.property]: readValue(first.value, json, reader, depth) };
  }
  const object = objectOf(json, `a plain object (${codec.typeName})`);
  return codec.typeName === "google.protobuf.Any"
    ? readAny(object, reader, depth)
    : readFields(codec, object, Object.keys(object), reader, depth);
}

const namesOf = new WeakMap<MessageCodec, ReadonlyMap<string, FieldShape>>();

/** The fields by both their names. Where one field's own name is another's JSON name, the latter counts. */
function fieldsByName(codec: MessageCodec): ReadonlyMap<string, FieldShape> {
  let known = namesOf.get(codec);
  if (known === undefined) {
    const { fields } = codec;
    known = new Map([
      ...fields.map((one) => [one.name, one] as const),
      ...fields.map((one) => [one.jsonName, one] as const),
    ]);
    namesOf.set(codec, known);
  }
  return known;
}

function readFields(
  codec: MessageCodec,
  object: Readonly<Record<string, unknown>>,
  names: readonly string[],
  reader: JsonReader,
  depth: number,
): DynamicMessage {
  const message: DynamicMessage = {};
  const fields = fieldsByName(codec);
  const seen = new Map<string, string>();
  for (const name of names) {
    const json = object[name];
    const field = fields.get(name);
    if (json === undefined || (field === undefined && reader.ignoreUnknown)) continue;
    try {
      if (field === undefined) return wrong(json, "", `a field of ${codec.typeName}${meant(name, fields)}`);
      once(seen, field.property, name);
      if (json === null && !mayBeNull(field)) continue;
      if (field.oneof !== undefined) once(seen, `oneof ${field.oneof}`, name);
      const value = readField(field, json, reader, depth);
      if (value === LEFT_OUT) continue;
      if (field.oneof === undefined) setOwn(message, field.property, value);
      else setOwn(message, field.oneof, { case: field.property, value });
    } catch (error) {
      throw PLAIN_NAME.test(name) ? within(error, name) : within(error, "", name);
    }
  }
  return message;
}

/** Other names are quoted in a path, as they may be any text at all. */
const PLAIN_NAME = /^\w{1,128}$/;

function meant(name: string, fields: ReadonlyMap<string, FieldShape>): string {
  if (fields.size === 0) return " (it has none)";
  const near = nearestName(name, fields.keys());
  return near === undefined ? ` (${[...fields.keys()].slice(0, 8).join(", ")})` : ` (did you mean ${near}?)`;
}

function once(seen: Map<string, string>, what: string, name: string): void {
  const before = seen.get(what);
  if (before !== undefined) wrong(name, "", `the only one of its field or oneof: ${before} is there as well`);
  seen.set(what, name);
}

/** "null is an accepted value for all field types and treated as the default value", but for those it is a value of. */
function mayBeNull({ value, repeated }: FieldShape): boolean {
  if (repeated) return false;
  return value.kind === "enum"
    ? value.enum.typeName === NULL_VALUE
    : value.kind === "message" && value.message === VALUE;
}

function readField(field: FieldShape, json: unknown, reader: JsonReader, depth: number): unknown {
  if (field.mapKey !== undefined) return readMap(field, field.mapKey, json, reader, depth);
  if (!field.repeated) return readValue(field.value, json, reader, depth);
  if (!Array.isArray(json)) return wrong(json, "", "an array");
  const items: unknown[] = [];
  for (const [i, item] of (json as unknown[]).entries()) {
    try {
      const value = readValue(field.value, item, reader, depth);
      if (value !== LEFT_OUT) items.push(value);
    } catch (error) {
      throw within(error, "", i);
    }
  }
  return items;
}

function readMap(field: FieldShape, keyType: ScalarName, json: unknown, reader: JsonReader, depth: number): unknown {
  const entries = new Map<unknown, unknown>();
  for (const [name, item] of Object.entries(objectOf(json, "a plain object"))) {
    try {
      const key = readKey(keyType, name);
      if (entries.has(key)) wrong(name, "", "a key that the map does not have already");
      const value = readValue(field.value, item, reader, depth);
      if (value !== LEFT_OUT) entries.set(key, value);
    } catch (error) {
      throw within(error, "", name);
    }
  }
  return entries;
}

function readValue(shape: ValueShape, json: unknown, reader: JsonReader, depth: number): unknown {
  if (shape.kind === "scalar") return readScalar(shape.scalar, json);
  if (shape.kind === "message") return readMessage(messageCodec(shape.declared), json, reader, depth + 1);
  const { typeName } = shape.enum;
  if (json === null && typeName === NULL_VALUE) return 0;
  const number = typeof json === "string" ? shape.enum.numberOf(json) : undefined;
  if (number !== undefined) return number;
  if (typeof json === "string" && reader.ignoreUnknown) return LEFT_OUT;
  const wanted = `${withArticle(typeName.slice(typeName.lastIndexOf(".") + 1))} (name or number)`;
  const given = readEnumNumber(json, wanted);
  return shape.enum.closed && shape.enum.nameOf(given) === undefined ? wrong(json, "", wanted) : given;
}

function readAny(object: Readonly<Record<string, unknown>>, reader: JsonReader, depth: number): DynamicMessage {
  const names = Object.keys(object).filter((name) => name !== "@type");
  const typeUrl = object["@type"];
  if (typeUrl === undefined && names.length === 0) return {};
  if (typeof typeUrl !== "string") return wrongItem(typeUrl, "", "@type", "the type of an Any, as a string");
  const type = reader.typeOf(typeNameOf(typeUrl));
  if (!(type instanceof MessageCodec)) {
    return wrongItem(typeUrl, "", "@type", 'a type that is known here (see the option "types")');
  }
  const content = hasOwnForm(type.typeName)
    ? readOwnForm(type, object, names, reader, depth + 1)
    : readFields(type, object, names, reader, depth + 1);
  return { typeUrl, value: encodeRead(type, content) };
}

/** "If the embedded message has a special JSON representation, it is under `value`." */
function readOwnForm(
  type: MessageCodec,
  object: Readonly<Record<string, unknown>>,
  names: readonly string[],
  reader: JsonReader,
  depth: number,
): DynamicMessage {
  const other = names.find((name) => name !== "value");
  if (other !== undefined && !reader.ignoreUnknown) {
    wrongItem(object[other], "", other, `"value", the one beside "@type" for ${type.typeName}`);
  }
  try {
    return readMessage(type, object["value"], reader, depth);
  } catch (error) {
    throw within(error, "value");
  }
}

/** The bytes of what was read. @throws WrongValue where a required field is missing. */
export function encodeRead(codec: MessageCodec, message: DynamicMessage): Uint8Array {
  const writer = createWriter();
  codec.write(message, writer, 0);
  return new Uint8Array(writer.finish(true));
}
