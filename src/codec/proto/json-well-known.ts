/**
 * The messages of `google.protobuf` that have a form of their own in JSON: points and lengths of time, field masks, and
 * JSON itself as a message.
 *
 * Spec: protobuf.dev, "ProtoJSON Format"; the comments of timestamp, duration, field_mask and struct.proto.
 * Laws: what is written can be read back as the same message, or is refused; recursion is bounded.
 */
import type { DynamicMessage } from "../method.js";
import { MAX_DEPTH } from "./decode-values.js";
import { within, wrong, wrongItem } from "./encode-values.js";
import { readScalar } from "./json-scalars.js";
import { setOwn, type JsonValue } from "./json-text.js";
import { checkDuration, checkTimestamp, type Duration, type Timestamp } from "./timestamp.js";

/** How one type is written and read. What `read` returns may be encoded; `depth` is that of the message. */
export interface JsonForm {
  readonly write: (message: DynamicMessage) => JsonValue;
  readonly read: (json: unknown, depth: number) => DynamicMessage;
}

/** The forms by the full names of their types. Wrappers and `Any` are not among them. */
export const JSON_FORMS: ReadonlyMap<string, JsonForm> = new Map<string, JsonForm>([
  ["google.protobuf.Timestamp", { write: writeTimestamp, read: readTimestamp }],
  ["google.protobuf.Duration", { write: writeDuration, read: readDuration }],
  ["google.protobuf.FieldMask", { write: writeFieldMask, read: readFieldMask }],
  ["google.protobuf.Struct", { write: writeStruct, read: readStruct }],
  ["google.protobuf.ListValue", { write: writeList, read: readList }],
  ["google.protobuf.Value", { write: writeValue, read: readValue }],
]);

/** The types that stand in JSON for the one value they hold. */
export const WRAPPERS: ReadonlySet<string> = new Set(
  ["Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes"].map(
    (name) => `google.protobuf.${name}Value`,
  ),
);

/** In JSON `null` is a value of these, where it means "absent" for all others. */
export const VALUE = "google.protobuf.Value";
export const NULL_VALUE = "google.protobuf.NullValue";

/** "0, 3, 6 or 9 fractional digits", whichever says it all. */
function formatNanos(nanos: number): string {
  if (nanos === 0) return "";
  const digits = String(nanos).padStart(9, "0");
  return `.${digits.endsWith("000000") ? digits.slice(0, 3) : digits.endsWith("000") ? digits.slice(0, 6) : digits}`;
}

function parseNanos(fraction: string | undefined): number {
  return Number((fraction ?? "").padEnd(9, "0"));
}

const TIMESTAMP = 'a time such as "2024-01-31T12:00:00.5Z", in the years 1 to 9999';
const DURATION = 'a number of seconds such as "1.5s", within 10,000 years';

function checked<T>(check: (value: T) => T, value: T, shown: unknown, wanted: string): T {
  try {
    return check(value);
  } catch {
    return wrong(shown, "", wanted);
  }
}

function writeTimestamp(message: DynamicMessage): string {
  const { seconds, nanos } = message as unknown as Timestamp;
  checked(checkTimestamp, { seconds, nanos }, `${seconds} s ${nanos} ns`, TIMESTAMP);
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}${formatNanos(nanos)}Z`;
}

const RFC3339 =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(?:Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))$/;

function readTimestamp(json: unknown): DynamicMessage {
  const parts = typeof json === "string" ? RFC3339.exec(json) : null;
  if (parts === null) return wrong(json, "", TIMESTAMP);
  const [, local = "", fraction, sign, hours = "0", minutes = "0"] = parts;
  const ms = Date.parse(`${local}Z`);
  // The parser takes 30 February, and makes 2 March of it.
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(local)) wrong(json, "", TIMESTAMP);
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -60 : 60);
  const timestamp = { seconds: BigInt(ms / 1000 - offset), nanos: parseNanos(fraction) };
  return { ...checked(checkTimestamp, timestamp, json, TIMESTAMP) };
}

function writeDuration(message: DynamicMessage): string {
  const { seconds, nanos } = message as unknown as Duration;
  checked(checkDuration, { seconds, nanos }, `${seconds} s ${nanos} ns`, DURATION);
  const isNegative = seconds < 0n || nanos < 0;
  return `${isNegative ? "-" : ""}${seconds < 0n ? -seconds : seconds}${formatNanos(Math.abs(nanos))}s`;
}

function readDuration(json: unknown): DynamicMessage {
  const parts = typeof json === "string" ? /^(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?s$/.exec(json) : null;
  if (parts === null) return wrong(json, "", DURATION);
  const [, sign, whole = "", fraction] = parts;
  const seconds = BigInt(whole);
  const nanos = parseNanos(fraction);
  const duration = sign === "-" ? { seconds: -seconds, nanos: 0 - nanos } : { seconds, nanos };
  return { ...checked(checkDuration, duration, json, DURATION) };
}

/** What camelCase and back would make another path of. */
const NOT_SNAKE_CASE = /[^a-z0-9_.]|_(?![a-z])|(?:^|\.)(?![a-z_])/;

function writeFieldMask(message: DynamicMessage): string {
  const paths = message["paths"] as readonly string[];
  paths.forEach((path, i) => {
    if (NOT_SNAKE_CASE.test(path)) wrongItem(path, "paths", i, "in snake_case, as others could not be read back");
  });
  return paths.map(camelPath).join(",");
}

function camelPath(path: string): string {
  return path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function readFieldMask(json: unknown): DynamicMessage {
  if (typeof json !== "string") return wrong(json, "", 'paths in camelCase such as "id,shipTo.zipCode"');
  const paths = json === "" ? [] : json.split(",");
  for (const path of paths) {
    if (!/^[A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z][A-Za-z0-9]*)*$/.test(path)) {
      wrong(path, "", 'paths in camelCase such as "id,shipTo.zipCode"');
    }
  }
  return { paths: paths.map((path) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)) };
}

function writeStruct(message: DynamicMessage): JsonValue {
  const object: Record<string, JsonValue> = {};
  for (const [name, value] of message["fields"] as ReadonlyMap<string, DynamicMessage>) {
    try {
      setOwn(object, name, writeValue(value));
    } catch (error) {
      throw within(error, "", name);
    }
  }
  return object;
}

function writeList(message: DynamicMessage): JsonValue {
  return (message["values"] as readonly DynamicMessage[]).map((value, i) => {
    try {
      return writeValue(value);
    } catch (error) {
      throw within(error, "", i);
    }
  });
}

function writeValue(message: DynamicMessage): JsonValue {
  const kind = message["kind"] as { case?: string; value?: unknown };
  switch (kind.case) {
    case "nullValue":
      return null;
    case "structValue":
      return writeStruct(kind.value as DynamicMessage);
    case "listValue":
      return writeList(kind.value as DynamicMessage);
    case "numberValue":
      // "Attempting to serialize NaN or Infinity results in error": as a text it would be read back as one.
      return Number.isFinite(kind.value) ? (kind.value as number) : wrong(kind.value, "", "a finite number");
    case undefined:
      return wrong(undefined, "", "null, a boolean, number, string, object or list");
    default:
      return kind.value as boolean | string;
  }
}

/** @throws WrongValue when messages are nested too deep to be encoded. */
export function checkDepth(json: unknown, depth: number): void {
  if (depth > MAX_DEPTH) wrong(json, "", `nested at most ${MAX_DEPTH} messages deep`);
}

/** The names and values of a JSON object. @throws WrongValue when it is something else, such as a Map or a Date. */
export function objectOf(json: unknown, wanted: string): Record<string, unknown> {
  const prototype: unknown = typeof json === "object" && json !== null ? Object.getPrototypeOf(json) : undefined;
  // Objects of another realm have another Object.prototype, which has none itself either.
  const isPlain = prototype === null || (prototype !== undefined && Object.getPrototypeOf(prototype) === null);
  return isPlain ? (json as Record<string, unknown>) : wrong(json, "", wanted);
}

function readStruct(json: unknown, depth: number): DynamicMessage {
  checkDepth(json, depth);
  const fields = new Map<unknown, DynamicMessage>();
  for (const [name, value] of Object.entries(objectOf(json, "a value of JSON"))) {
    try {
      fields.set(readScalar("string", name), readValue(value, depth + 1));
    } catch (error) {
      throw within(error, "", name);
    }
  }
  return { fields };
}

function readList(json: unknown, depth: number): DynamicMessage {
  checkDepth(json, depth);
  if (!Array.isArray(json)) return wrong(json, "", "an array");
  const values = (json as unknown[]).map((value, i) => {
    try {
      return readValue(value, depth + 1);
    } catch (error) {
      throw within(error, "", i);
    }
  });
  return { values };
}

function readValue(json: unknown, depth: number): DynamicMessage {
  checkDepth(json, depth);
  if (json === null) return { kind: { case: "nullValue", value: 0 } };
  if (typeof json === "boolean") return { kind: { case: "boolValue", value: json } };
  if (typeof json === "string") return { kind: { case: "stringValue", value: readScalar("string", json) } };
  if (typeof json === "number" || typeof json === "bigint") {
    return { kind: { case: "numberValue", value: readScalar("double", json) } };
  }
  if (Array.isArray(json)) return { kind: { case: "listValue", value: readList(json, depth + 1) } };
  return { kind: { case: "structValue", value: readStruct(json, depth + 1) } };
}
