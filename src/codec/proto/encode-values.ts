/**
 * What the compiled encoders call: accepting the several forms of lists and maps, and the errors of wrong values.
 *
 * Laws: a wrong value is named by its path and never written as something else; finding the path costs nothing until
 * there is an error, as it is put together while the error passes through the messages around it.
 */
import { unknownFields } from "./absent.js";
import type { ScalarName } from "./fields.js";
import { reserve, type WireWriter } from "./wire.js";

/** How much of a path and of a value is repeated in an error. */
const MAX_SHOWN = 256;

/** A value that is not of its field's type. Each message it passes through puts its own part of the path in front. */
export class WrongValue extends Error {
  path: string;
  readonly wanted: string;
  readonly value: unknown;

  constructor(path: string, wanted: string, value: unknown) {
    super(`${path} must be ${wanted}`);
    this.path = path;
    this.wanted = wanted;
    this.value = value;
  }
}

/** @throws WrongValue always. */
export function wrong(value: unknown, path: string, wanted: string): never {
  throw new WrongValue(path, wanted, value);
}

/** @throws WrongValue always, for the element `index` of a list or the value behind the key `index` of a map. */
export function wrongItem(value: unknown, path: string, index: unknown, wanted: string): never {
  throw new WrongValue(path + subscript(index), wanted, value);
}

/** The error to throw on, seen from the message that holds the one it happened in. */
export function within(error: unknown, path: string, index?: unknown): unknown {
  if (error instanceof WrongValue && error.path.length <= MAX_SHOWN) {
    const prefix = index === undefined ? path : path + subscript(index);
    error.path = error.path === "" || error.path.startsWith("[") ? prefix + error.path : `${prefix}.${error.path}`;
  }
  return error;
}

function subscript(index: unknown): string {
  return `[${typeof index === "string" ? JSON.stringify(index.slice(0, 64)) : String(index)}]`;
}

/** The error a user sees. `doing` is what could not be done, such as `"encode order.Order"`. */
export function wrongValueError(doing: string, { path, wanted, value }: WrongValue): TypeError {
  const shown = path.length > MAX_SHOWN ? `${path.slice(0, MAX_SHOWN)}…` : path;
  return new TypeError(
    `Cannot ${doing}: ${shown === "" ? "it" : shown} must be ${wanted}: current value is ${show(value)}`,
  );
}

/** A value as an error repeats it: strings quoted and cut, objects by their kind. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : String(value);
  if (Array.isArray(value)) return "an array";
  const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name;
  return typeof name === "string" && name !== "" && name !== "Object" ? withArticle(name.slice(0, 64)) : "an object";
}

/** `"an Order"`, `"a Point"`, `"a Uint8Array"`. */
export function withArticle(name: string): string {
  return `${/^(?:[AEIO]|Un(?!i)|Up)/i.test(name) ? "an" : "a"} ${name}`;
}

/**
 * A message wrote no byte: legal for an empty one, but also what an object of another kind would do, such as a promise
 * that nobody awaited. Costs nothing for plain objects.
 *
 * @throws WrongValue when `message` is an object that cannot be meant as a message.
 */
export function checkEmpty(message: object, typeName: string, known: ReadonlySet<string>): void {
  const prototype: unknown = Object.getPrototypeOf(message);
  if (prototype === Object.prototype || prototype === null) {
    const names = Object.keys(message);
    if (names.length === 0 || names.some((name) => known.has(name))) return;
    const fields = known.size === 0 ? "it has none" : [...known].slice(0, 8).join(", ");
    wrong(
      (message as Record<string, unknown>)[names[0] as string],
      names[0] as string,
      `a field of ${typeName} (${fields})`,
    );
  }
  const foreign =
    ArrayBuffer.isView(message) ||
    message instanceof ArrayBuffer ||
    message instanceof Date ||
    message instanceof Map ||
    message instanceof Set ||
    typeof (message as { then?: unknown }).then === "function";
  if (foreign) wrong(message, "", `an object (${typeName})`);
}

/** The items of a repeated field: an array as it is, any other iterable but a string as an array. */
export function listOf(value: unknown, path: string, wanted: string): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  if (typeof value === "object" && value !== null && Symbol.iterator in value) {
    return Array.from(value as Iterable<unknown>);
  }
  return wrong(value, path, wanted);
}

/** The entries of a map field: those of a Map, of an iterable of pairs, or the own properties of an object. */
export function entriesOf(
  value: unknown,
  path: string,
  keyType: ScalarName,
): Iterable<readonly [key: unknown, value: unknown]> {
  if (value instanceof Map) return value as Map<unknown, unknown>;
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) {
    return wrong(value, path, "a Map, an object or an iterable of entries");
  }
  if (!(Symbol.iterator in value)) {
    return Object.entries(value).map(([key, item]) => [keyOfText(key, keyType), item] as const);
  }
  const entries = Array.from(value as Iterable<unknown>);
  entries.forEach((entry, i) => {
    if (!Array.isArray(entry) || entry.length !== 2) wrongItem(entry, path, i, "an entry [key, value]");
  });
  return entries as (readonly [unknown, unknown])[];
}

/** The key that a property name stands for; a name that stands for none is left to be refused. */
function keyOfText(text: string, keyType: ScalarName): unknown {
  if (keyType === "bool") return text === "true" ? true : text === "false" ? false : text;
  const is32 = keyType.endsWith("32");
  return is32 && /^(?:0|-?[1-9][0-9]{0,9})$/.test(text) ? Number(text) : text;
}

/** A buffer of Node, with the writer of text its types do not show. */
type TextBuffer = Buffer & { utf8Write(text: string, at: number): number };

/** Up to this many characters a loop is faster than the call into Node; three times as many bytes still have a one-byte length. */
const LOOP_CHARS = 40;

/** Writes a string behind its length. A lone surrogate becomes U+FFFD: its own three bytes would not be UTF-8. */
export function writeString(writer: WireWriter, text: string): void {
  const { length } = text;
  if (length > LOOP_CHARS) {
    writer.string(text);
    return;
  }
  reserve(writer, length * 3 + 1);
  const { buf, pos } = writer;
  const start = pos + 1;
  for (let i = 0; i < length; i++) {
    const char = text.charCodeAt(i);
    if (char > 127) {
      const bytes = (buf as TextBuffer).utf8Write(text, start);
      buf[pos] = bytes;
      writer.pos = start + bytes;
      return;
    }
    buf[start + i] = char;
  }
  buf[pos] = length;
  writer.pos = start + length;
}

/** Writes the unknown fields that a decoded message carried. @throws WrongValue when they are not a list of bytes. */
export function writeUnknown(message: Readonly<Record<symbol, unknown>>, writer: WireWriter): void {
  const kept = message[unknownFields];
  for (const bytes of listOf(kept, "[unknownFields]", "a list of Uint8Arrays")) {
    if (!(bytes instanceof Uint8Array)) return wrong(bytes, "[unknownFields]", "a list of Uint8Arrays");
    writer.raw(bytes);
  }
}
