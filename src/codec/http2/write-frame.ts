/**
 * HTTP/2 frames written: any of them, and header blocks that need no table.
 *
 * Spec: RFC 9113 §4.1 (format), §4.3 (header blocks), §6; RFC 7541 §5, §6.
 * Laws: a block reads the same whatever its reader's table holds, and leaves it empty, so that any of them may be left out.
 */
import { ERROR_CODES, FRAME_HEADER_BYTES, FRAME_TYPES, type FrameType } from "./frame.js";
import type { HeaderField } from "./hpack.js";

export const END_STREAM = 0x1;
const END_HEADERS = 0x4;
/** What every receiver takes. §4.2. */
const FRAME_BYTES = 16_384;

/** RFC 7541 §6.3: the table is to hold nothing. It also answers a reader that has asked for a smaller one. */
const NO_TABLE = 0x20;
const PLAIN = 0x00;
const NEVER_INDEXED = 0x10;

const EMPTY = new Uint8Array(0);

export type ErrorCodeName = (typeof ERROR_CODES)[number];

/** Writes one frame, whatever it may be. `type` is a name or a number. */
export function writeFrame(
  type: FrameType | number,
  flags: number,
  streamId: number,
  payload: Uint8Array = EMPTY,
): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = typeof type === "number" ? type : FRAME_TYPES.indexOf(type);
  bytes[4] = flags;
  bytes.writeUInt32BE(streamId, 5);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

/** RST_STREAM. */
export function writeReset(streamId: number, code: ErrorCodeName): Buffer {
  return writeFrame("RST_STREAM", 0, streamId, uint32(ERROR_CODES.indexOf(code)));
}

/** GOAWAY. */
export function writeGoaway(lastStreamId: number, code: ErrorCodeName): Buffer {
  return writeFrame("GOAWAY", 0, 0, Buffer.concat([uint32(lastStreamId), uint32(ERROR_CODES.indexOf(code))]));
}

/** WINDOW_UPDATE; stream 0 is the connection. */
export function writeWindowUpdate(streamId: number, bytes: number): Buffer {
  return writeFrame("WINDOW_UPDATE", 0, streamId, uint32(bytes));
}

/** A header list: HEADERS, and CONTINUATION for what does not fit. */
export function writeHeaders(streamId: number, fields: readonly HeaderField[], endsStream: boolean): Buffer {
  const block = encodeBlock(fields);
  const frames: Buffer[] = [];
  for (let at = 0; at < block.length; at += FRAME_BYTES) {
    const isLast = at + FRAME_BYTES >= block.length;
    const flags = (isLast ? END_HEADERS : 0) | (at === 0 && endsStream ? END_STREAM : 0);
    frames.push(
      writeFrame(at === 0 ? "HEADERS" : "CONTINUATION", flags, streamId, block.subarray(at, at + FRAME_BYTES)),
    );
  }
  return Buffer.concat(frames);
}

function encodeBlock(fields: readonly HeaderField[]): Buffer {
  const parts: Uint8Array[] = [Buffer.of(NO_TABLE)];
  for (const { name, value, representation } of fields) {
    const pattern = representation === "never-indexed" ? NEVER_INDEXED : PLAIN;
    parts.push(Buffer.of(pattern), encodeString(name), encodeString(value));
  }
  return Buffer.concat(parts);
}

/** RFC 7541 §5.2, without Huffman code. */
function encodeString(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([encodeLength(bytes.length), bytes]);
}

/** RFC 7541 §5.1, with a prefix of seven bits. */
function encodeLength(length: number): Buffer {
  if (length < 127) return Buffer.of(length);
  const bytes = [127];
  let left = length - 127;
  for (; left >= 128; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  bytes.push(left);
  return Buffer.from(bytes);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
