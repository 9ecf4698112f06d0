/**
 * Varints of 32 bits: what most numbers, enums and bools are.
 *
 * Spec: protobuf.dev, "Base 128 Varints".
 * Laws: a varint has at most ten bytes, all of them before the reader's end; what is beyond 32 bits is dropped.
 */
import type { WireReader } from "./wire.js";

/** Reads an `int32` or an enum: of a negative number the ten bytes are those of its 64 bits. */
export function readInt32(reader: WireReader): number {
  const { buf } = reader;
  let { pos } = reader;
  let byte = buf[pos++] as number;
  let value = byte & 127;
  if (byte > 127) {
    byte = buf[pos++] as number;
    value |= (byte & 127) << 7;
    if (byte > 127) {
      byte = buf[pos++] as number;
      value |= (byte & 127) << 14;
      if (byte > 127) {
        byte = buf[pos++] as number;
        value |= (byte & 127) << 21;
        if (byte > 127) {
          byte = buf[pos++] as number;
          value |= byte << 28;
          if (byte > 127) pos = skipRest(buf, pos);
        }
      }
    }
  }
  if (pos > reader.len) throw new RangeError("index out of range");
  reader.pos = pos;
  return value;
}

/** Reads a `uint32`. */
export function readUint32(reader: WireReader): number {
  return readInt32(reader) >>> 0;
}

/** The position behind the five bytes that have nothing more to say. */
function skipRest(buf: Uint8Array, from: number): number {
  for (let pos = from; pos < from + 5; pos++) if ((buf[pos] as number) < 128) return pos + 1;
  throw new Error(from + 5 > buf.length ? "index out of range" : "a varint is longer than 10 bytes");
}
