/**
 * What the compiled decoders call: reading strings, bytes and unknown fields, and the errors of bad input.
 *
 * Spec: protobuf.dev, "Encoding".
 * Laws: a byte is never allocated for before it has arrived; every value that costs the heap more than its bytes on the
 * wire counts against the budget; nothing kept refers to the input
 * buffer, unless that was given away.
 */
import { Code, StatusError } from "../status.js";
import { EMPTY_BUFFER, EMPTY_BYTES } from "./absent.js";
import { createWriter, tagOf, WireType, type SharingReader, type WireReader } from "./wire.js";

/** Below this a copy costs less than what it takes to find out. */
const MIN_IN_PLACE_BYTES = 16_384;

/** How deep messages may be nested, in both directions. Source: the default of protobuf's own implementations. */
export const MAX_DEPTH = 100;

/** Sub-messages, map entries, strings and bytes values that one message may hold unless told otherwise. */
export const DEFAULT_MAX_VALUES = 250_000;

/** What is left of the budget of the message being decoded. Decoding calls no foreign code, so there is only one. */
export const budget = { left: 0, limit: 0 };

/** Starts a message of which at most `valuesLeft` values are accepted; the message itself does not count. */
export function startBudget(valuesLeft: number): void {
  budget.limit = Math.min(valuesLeft, 0x3fff_ffff);
  budget.left = budget.limit + 1;
}

/** The budget is used up. @throws StatusError always. */
export function outOfValues(): never {
  throw new StatusError(
    Code.RESOURCE_EXHAUSTED,
    `received message has more sub-messages, strings and bytes values than the limit of ${budget.limit}`,
  );
}

/** @throws Error always. */
export function tooDeep(): never {
  throw new Error(`messages are nested more than ${MAX_DEPTH} deep`);
}

/** A length or a value reaches over the end of what holds it. @throws Error always. */
export function overrun(): never {
  throw new Error("a field reaches over the end of its message");
}

/** @throws Error always. */
export function missingEndGroup(): never {
  throw new Error("a group has no end");
}

/** A buffer of Node, with the two readers of text its types do not show. */
type TextBuffer = Buffer & { utf8Slice(start: number, end: number): string };

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Up to this many bytes a loop is faster than the call into Node. */
const LOOP_BYTES = 32;

/** Reads a string, replacing what is not UTF-8: proto2 promises nothing about it. */
export function readLooseString(reader: WireReader): string {
  if (--budget.left < 0) outOfValues();
  const end = reader.size() + reader.pos;
  if (end > reader.len) overrun();
  const start = reader.pos;
  reader.pos = end;
  return start === end ? "" : (reader.buf as TextBuffer).utf8Slice(start, end);
}

/** Reads a string that must be UTF-8. `field` is named in the error. */
export function readString(reader: WireReader, field: string): string {
  if (--budget.left < 0) outOfValues();
  const end = reader.size() + reader.pos;
  if (end > reader.len) overrun();
  const start = reader.pos;
  reader.pos = end;
  const buf = reader.buf as TextBuffer;
  const text = end - start <= LOOP_BYTES ? shortAscii(buf, start, end) : undefined;
  return text ?? checkedUtf8(buf, start, end, field);
}

/** Steps of eight and four make the loop three times as fast. `undefined` when a byte is not ASCII. */
function shortAscii(buf: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  let i = start;
  for (; i + 8 <= end; i += 8) {
    const b0 = buf[i] as number;
    const b1 = buf[i + 1] as number;
    const b2 = buf[i + 2] as number;
    const b3 = buf[i + 3] as number;
    const b4 = buf[i + 4] as number;
    const b5 = buf[i + 5] as number;
    const b6 = buf[i + 6] as number;
    const b7 = buf[i + 7] as number;
    if ((b0 | b1 | b2 | b3 | b4 | b5 | b6 | b7) > 127) return undefined;
    text += String.fromCharCode(b0, b1, b2, b3, b4, b5, b6, b7);
  }
  if (i + 4 <= end) {
    const b0 = buf[i] as number;
    const b1 = buf[i + 1] as number;
    const b2 = buf[i + 2] as number;
    const b3 = buf[i + 3] as number;
    if ((b0 | b1 | b2 | b3) > 127) return undefined;
    text += String.fromCharCode(b0, b1, b2, b3);
    i += 4;
  }
  for (; i < end; i++) {
    const byte = buf[i] as number;
    if (byte > 127) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

function checkedUtf8(buf: TextBuffer, start: number, end: number, field: string): string {
  const text = buf.utf8Slice(start, end);
  // The replacement character may be text, or stand for bytes that are none: the slow decoder knows.
  return text.includes("\uFFFD") ? strictText(buf.subarray(start, end), field) : text;
}

function strictText(bytes: Uint8Array, field: string): string {
  try {
    return strictUtf8.decode(bytes);
  } catch (cause) {
    throw new Error(`field ${field} must be valid UTF-8`, { cause });
  }
}

/**
 * Reads a bytes value into memory of its own: an alias would pin the chunk it came in, and change with it. One that is most of what was
 * received for its message alone stays where it is.
 */
export function readBytes(reader: WireReader): Uint8Array {
  if (--budget.left < 0) outOfValues();
  const end = reader.size() + reader.pos;
  if (end > reader.len) overrun();
  const start = reader.pos;
  reader.pos = end;
  if (start === end) return EMPTY_BYTES;
  const { buf } = reader;
  if (!staysInPlace(reader, end - start)) return copyOf(buf, start, end);
  return new Uint8Array(buf.buffer, buf.byteOffset + start, end - start);
}

/** Whether a value of so many bytes is worth keeping all the memory that it is read from. */
function staysInPlace(reader: WireReader, bytes: number): boolean {
  if (bytes < MIN_IN_PLACE_BYTES || (reader as SharingReader).isShared !== false) return false;
  return bytes * 2 >= reader.buf.buffer.byteLength;
}

/** The same as a Buffer, of memory of its own as well: one from Node's pool would pin what is beside it. */
export function readBuffer(reader: WireReader): Buffer {
  if (--budget.left < 0) outOfValues();
  const end = reader.size() + reader.pos;
  if (end > reader.len) overrun();
  const start = reader.pos;
  reader.pos = end;
  if (start === end) return EMPTY_BUFFER;
  const { buf } = reader;
  const length = end - start;
  if (staysInPlace(reader, length)) return Buffer.from(buf.buffer, buf.byteOffset + start, length);
  const bytes = length < 4096 ? Buffer.alloc(length) : Buffer.allocUnsafeSlow(length);
  bytes.set(buf.subarray(start, end));
  return bytes;
}

function copyOf(buf: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  const bytes = roomFor(length);
  if (length <= 32) for (let i = start; i < end; i++) bytes[i - start] = buf[i] as number;
  else bytes.set(buf.subarray(start, end));
  return bytes;
}

/**
 * Memory for a value. V8 keeps the shortest arrays on its heap, where they are cheap; one of 65 bytes costs four times as much as a
 * part of a slab, which is why those share one, as Node's own Buffers do. A value that is kept for long keeps its slab.
 */
function roomFor(length: number): Uint8Array {
  if (length <= MAX_ON_HEAP_BYTES) return new Uint8Array(length);
  // Zeroing what is overwritten at once would cost large values a third.
  if (length > MAX_IN_SLAB_BYTES) return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  if (slab.length - slabUsed < length) {
    slab = Buffer.allocUnsafe(SLAB_BYTES);
    slabUsed = 0;
  }
  const bytes = new Uint8Array(slab.buffer, slab.byteOffset + slabUsed, length);
  slabUsed += length;
  return bytes;
}

const MAX_ON_HEAP_BYTES = 64;
const MAX_IN_SLAB_BYTES = 1024;
/** The most that comes out of Node's own pool, which cannot be transferred to another thread: that would empty the neighbours. */
const SLAB_BYTES = (Buffer.poolSize >>> 1) - 8;
let slab = EMPTY_BUFFER;
let slabUsed = 0;

/** Keeps the bytes from `start` to `end`, one or several whole fields, behind the unknown fields in `kept`. */
export function keepUnknown(
  kept: Uint8Array[] | undefined,
  reader: WireReader,
  start: number,
  end: number,
): Uint8Array[] {
  if (--budget.left < 0) outOfValues();
  const bytes = copyOf(reader.buf, start, end);
  if (kept === undefined) return [bytes];
  kept.push(bytes);
  return kept;
}

/** One piece in place of several: kept apart, pieces of two bytes would cost fifty times their size. */
export function joinUnknown(kept: Uint8Array[]): Uint8Array[] {
  return kept.length < 2 ? kept : [new Uint8Array(Buffer.concat(kept))];
}

/** Keeps a number that a closed enum has no name for, as the field it would have been outside a packed list. */
export function keepUnknownNumber(kept: Uint8Array[] | undefined, field: number, number: number): Uint8Array[] {
  if (--budget.left < 0) outOfValues();
  const bytes = new Uint8Array(createWriter().uint32(tagOf(field, WireType.VARINT)).int32(number).finish());
  if (kept === undefined) return [bytes];
  kept.push(bytes);
  return kept;
}
