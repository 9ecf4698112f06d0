/**
 * A message without its schema: what the bytes alone say, and a good guess at the rest.
 *
 * Spec: protobuf.dev, "Encoding" (wire types, ZigZag, groups).
 * Laws: nothing is invented: a guess shows the value in every way it may be meant; never throws; depth and number of fields are
 * bounded; what is printed has no control characters.
 */
import { shortestFloat } from "./json-scalars.js";

/** What a field may be, by its wire type and, for bytes, by what they look like. */
export type GuessedValue =
  | { readonly kind: "varint"; readonly value: bigint }
  | { readonly kind: "fixed64"; readonly value: bigint }
  | { readonly kind: "fixed32"; readonly value: number }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "message"; readonly fields: readonly GuessedField[] }
  | { readonly kind: "group"; readonly fields: readonly GuessedField[] }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/** One field of a message whose schema is not known. */
export interface GuessedField {
  readonly number: number;
  readonly value: GuessedValue;
}

/** As deep as protobuf's own decoders go. */
const MAX_DEPTH = 100;
/** A message with more fields is shown as its bytes: nobody reads so much. */
const MAX_FIELDS = 10_000;
const MAX_FIELD_NUMBER = 2 ** 29 - 1;
/** Bytes shown of a value that is nothing but bytes. */
const SHOWN_BYTES = 32;
/** Characters shown of a text. */
const SHOWN_CHARACTERS = 256;

/** The fields of a message; `undefined` when the bytes cannot be a message. */
export function guessMessage(bytes: Uint8Array): GuessedField[] | undefined {
  return new Guess(bytes, { left: MAX_FIELDS }).fields(0);
}

/** Reads one message, or what may be one. */
class Guess {
  readonly #bytes: Uint8Array;
  /** Shared by a message and everything inside it. */
  readonly #budget: { left: number };
  #at = 0;

  constructor(bytes: Uint8Array, budget: { left: number }) {
    this.#bytes = bytes;
    this.#budget = budget;
  }

  /** Up to the end, or to the end of `group`; `undefined` when the bytes mean nothing. */
  fields(depth: number, group?: number): GuessedField[] | undefined {
    const fields: GuessedField[] = [];
    while (this.#at < this.#bytes.length) {
      const tag = this.#varint();
      if (tag === undefined || tag > 0xffff_ffffn) return undefined;
      const number = Number(tag >> 3n);
      const wireType = Number(tag & 7n);
      if (number === 0 || number > MAX_FIELD_NUMBER || this.#budget.left-- <= 0) return undefined;
      if (wireType === 4) return number === group ? fields : undefined;
      const value = this.#value(wireType, number, depth);
      if (value === undefined) return undefined;
      fields.push({ number, value });
    }
    return group === undefined ? fields : undefined;
  }

  #value(wireType: number, number: number, depth: number): GuessedValue | undefined {
    switch (wireType) {
      case 0: {
        const value = this.#varint();
        return value === undefined ? undefined : { kind: "varint", value };
      }
      case 1: {
        const view = this.#take(8);
        return view === undefined ? undefined : { kind: "fixed64", value: viewOf(view).getBigUint64(0, true) };
      }
      case 2:
        return this.#lengthDelimited(depth);
      case 3: {
        const fields = depth < MAX_DEPTH ? this.fields(depth + 1, number) : undefined;
        return fields === undefined ? undefined : { kind: "group", fields };
      }
      case 5: {
        const view = this.#take(4);
        return view === undefined ? undefined : { kind: "fixed32", value: viewOf(view).getUint32(0, true) };
      }
      default:
        return undefined;
    }
  }

  #lengthDelimited(depth: number): GuessedValue | undefined {
    const length = this.#varint();
    if (length === undefined || length > this.#bytes.length) return undefined;
    const bytes = this.#take(Number(length));
    if (bytes === undefined) return undefined;
    const text = textIn(bytes);
    // A message nearly always has a byte that no line of text has; the other way round, a line of text hardly ever parses.
    if (text !== undefined && !/[\t\n\r]/.test(text)) return { kind: "text", text };
    const fields = depth < MAX_DEPTH ? new Guess(bytes, this.#budget).fields(depth + 1) : undefined;
    if (fields !== undefined) return { kind: "message", fields };
    return text === undefined ? { kind: "bytes", bytes } : { kind: "text", text };
  }

  #take(length: number): Uint8Array | undefined {
    const end = this.#at + length;
    if (end > this.#bytes.length) return undefined;
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** "Varints are at most ten bytes long." */
  #varint(): bigint | undefined {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return undefined;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes as text, when they are text that a person could have written. */
function textIn(bytes: Uint8Array): string | undefined {
  try {
    const text = UTF8.decode(bytes);
    // Every character but the three of ordinary text must be one that can be seen.
    return /^[^\p{Cc}\p{Co}\p{Cn}\p{Cs}]*$/u.test(text.replaceAll(/[\t\n\r]/g, "")) ? text : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A line for each field, those of messages inside indented: `#3: varint 150 (zigzag 75)`.
 */
export function formatGuess(fields: readonly GuessedField[], indent = ""): string[] {
  return fields.flatMap(({ number, value }) => {
    const head = `${indent}#${number}: `;
    if (value.kind !== "message" && value.kind !== "group") return [head + formatValue(value)];
    if (value.fields.length === 0) return [`${head}${value.kind} {}`];
    return [`${head}${value.kind} {`, ...formatGuess(value.fields, `${indent}  `), `${indent}}`];
  });
}

function formatValue(value: Exclude<GuessedValue, { kind: "message" | "group" }>): string {
  switch (value.kind) {
    case "varint":
      return `varint ${value.value}${readings(varintReadings(value.value))}`;
    case "fixed64":
      return `fixed64 ${value.value}${readings(fixed64Readings(value.value))}`;
    case "fixed32":
      return `fixed32 ${value.value}${readings(fixed32Readings(value.value))}`;
    case "text":
      return value.text.length === 0 ? 'empty ""' : `text ${quoted(value.text)}`;
    default:
      return `bytes ${hex(value.bytes)}`;
  }
}

function readings(others: readonly string[]): string {
  return others.length === 0 ? "" : ` (${others.join(", ")})`;
}

/** What else a varint may be: 150 as it is, 75 as a `sint`, and more than 2^63 a negative number. */
function varintReadings(value: bigint): string[] {
  const signed = BigInt.asIntN(64, value);
  const zigzag = (value >> 1n) ^ -(value & 1n);
  return [
    ...(signed < 0n ? [`signed ${signed}`] : []),
    ...(value < 2n ? [value === 1n ? "true" : "false"] : []),
    ...(value > 1n ? [`zigzag ${zigzag}`] : []),
  ];
}

function fixed64Readings(value: bigint): string[] {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, value);
  const signed = view.getBigInt64(0);
  return [...(signed < 0n ? [`signed ${signed}`] : []), `double ${view.getFloat64(0)}`];
}

function fixed32Readings(value: number): string[] {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value);
  const signed = view.getInt32(0);
  return [...(signed < 0 ? [`signed ${signed}`] : []), `float ${shortestFloat(view.getFloat32(0))}`];
}

function quoted(text: string): string {
  const cut = text.length > SHOWN_CHARACTERS;
  const shown = JSON.stringify(cut ? text.slice(0, SHOWN_CHARACTERS) : text);
  const escaped = shown.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
  return cut ? `${escaped}… (${text.length} characters)` : escaped;
}

function hex(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, SHOWN_BYTES))
    .toString("hex")
    .replaceAll(/(..)(?=.)/g, "$1 ");
  return bytes.length > SHOWN_BYTES ? `${shown} … (${bytes.length} bytes)` : shown;
}
