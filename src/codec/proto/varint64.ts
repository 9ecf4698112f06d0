/**
 * The ten field types of 64 bits, read and written as `bigint`.
 *
 * Spec: protobuf.dev, "Base 128 Varints", "Signed Integers", "Non-varint Numbers".
 * Laws: no BigInt arithmetic: two 32-bit halves meet in a scratch value, which costs a third of shifting and adding.
 */
import { reserve, type WireReader, type WireWriter } from "./wire.js";

const signed = new BigInt64Array(1);
const unsigned = new BigUint64Array(signed.buffer);
const halves = new Uint32Array(signed.buffer);
/** Which half of the scratch value is the low one: the host's byte order decides. */
const LOW = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

/** Most integers are small, and an allocated bigint costs 24 bytes for every one byte of input: these are shared. */
const SMALL: readonly bigint[] = Array.from({ length: 256 }, (_, i) => BigInt(i));

function readVarint(reader: WireReader): void {
  const { buf, len } = reader;
  let pos = reader.pos;
  let low = 0;
  let high = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (pos >= len) throw new RangeError("index out of range");
    const byte = buf[pos++] as number;
    const bits = byte & 0x7f;
    if (shift < 28) low |= bits << shift;
    else if (shift === 28) {
      low |= bits << 28;
      high = bits >>> 4;
    } else high |= bits << (shift - 32);
    if (byte < 128) {
      reader.pos = pos;
      halves[LOW] = low;
      halves[HIGH] = high;
      return;
    }
  }
  throw new Error("a varint is longer than 10 bytes");
}

function readFixed(reader: WireReader): void {
  halves[LOW] = reader.fixed32();
  halves[HIGH] = reader.fixed32();
}

function signedValue(): bigint {
  const low = halves[LOW] as number;
  return halves[HIGH] === 0 && low < 256 ? (SMALL[low] as bigint) : (signed[0] as bigint);
}

function unsignedValue(): bigint {
  const low = halves[LOW] as number;
  return halves[HIGH] === 0 && low < 256 ? (SMALL[low] as bigint) : (unsigned[0] as bigint);
}

/** Reads an `int64`. */
export function readInt64(reader: WireReader): bigint {
  const byte = reader.buf[reader.pos] as number;
  if (byte < 128 && reader.pos < reader.len) {
    reader.pos++;
    return SMALL[byte] as bigint;
  }
  readVarint(reader);
  return signedValue();
}

/** Reads a `uint64`. */
export function readUint64(reader: WireReader): bigint {
  const byte = reader.buf[reader.pos] as number;
  if (byte < 128 && reader.pos < reader.len) {
    reader.pos++;
    return SMALL[byte] as bigint;
  }
  readVarint(reader);
  return unsignedValue();
}

/** Reads a `sint64`, whose sign is in the lowest bit. */
export function readSint64(reader: WireReader): bigint {
  readVarint(reader);
  const low = halves[LOW] as number;
  const high = halves[HIGH] as number;
  const mask = -(low & 1);
  halves[LOW] = ((low >>> 1) | (high << 31)) ^ mask;
  halves[HIGH] = (high >>> 1) ^ mask;
  return signedValue();
}

/** Reads a `fixed64`. */
export function readFixed64(reader: WireReader): bigint {
  readFixed(reader);
  return unsignedValue();
}

/** Reads an `sfixed64`. */
export function readSfixed64(reader: WireReader): bigint {
  readFixed(reader);
  return signedValue();
}

/** A 64-bit value as a number. @throws Error when it is beyond 2^53, where numbers skip integers. */
export function safeNumber(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new Error(
    `a 64-bit field that is read as a number must be from -(2^53-1) to 2^53-1: current value is ${value}`,
  );
}

const DECIMAL = /^-?[0-9]{1,20}$/;

/**
 * Takes a signed value (`bigint`, safe integer or decimal string) for the next write, and says whether it is one.
 */
export function takeInt64(value: unknown): boolean {
  if (typeof value === "bigint") {
    signed[0] = value;
    return signed[0] === value;
  }
  if (typeof value === "number") return Number.isSafeInteger(value) && takeNumber(value);
  return typeof value === "string" && DECIMAL.test(value) && takeInt64(BigInt(value));
}

/** Takes an unsigned value (`bigint`, safe integer or decimal string) for the next write, and says whether it is one. */
export function takeUint64(value: unknown): boolean {
  if (typeof value === "bigint") {
    unsigned[0] = value;
    return unsigned[0] === value;
  }
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 && takeNumber(value);
  return typeof value === "string" && DECIMAL.test(value) && takeUint64(BigInt(value));
}

function takeNumber(value: number): true {
  halves[LOW] = value;
  halves[HIGH] = Math.floor(value / 4_294_967_296);
  return true;
}

/** Whether the value taken is 0, which implicit presence does not write. */
export function tookZero(): boolean {
  return halves[LOW] === 0 && halves[HIGH] === 0;
}

/** Writes the value taken as an `int64` or `uint64`. */
export function writeVarint64(writer: WireWriter): void {
  let low = halves[LOW] as number;
  let high = halves[HIGH] as number;
  reserve(writer, 10);
  const { buf } = writer;
  let pos = writer.pos;
  while (high !== 0) {
    buf[pos++] = (low & 0x7f) | 0x80;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  while (low > 0x7f) {
    buf[pos++] = (low & 0x7f) | 0x80;
    low >>>= 7;
  }
  buf[pos++] = low;
  writer.pos = pos;
}

/** Writes the value taken as a `sint64`: the sign goes into the lowest bit, so that small negatives stay short. */
export function writeZigzag64(writer: WireWriter): void {
  const low = halves[LOW] as number;
  const high = halves[HIGH] as number;
  const mask = (high | 0) >> 31;
  halves[LOW] = (low << 1) ^ mask;
  halves[HIGH] = ((high << 1) | (low >>> 31)) ^ mask;
  writeVarint64(writer);
}

/** Writes the value taken as a `fixed64` or `sfixed64`. */
export function writeFixed64(writer: WireWriter): void {
  writer.fixed32(halves[LOW] as number).fixed32(halves[HIGH] as number);
}
