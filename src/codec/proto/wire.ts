/**
 * The reader and writer of protobuf's wire format, and what the runtime relies on in them.
 *
 * Spec: protobuf.dev, "Encoding".
 * Laws: nothing outside this folder imports protobufjs; the writer's undocumented `buf`, `pos`, `states` and `_reserve`
 * are touched in this folder alone, and a test pins them.
 */
import protobuf from "protobufjs/minimal.js";

/** Reads wire-format fields from a buffer; `pos` is the next byte, `len` the end it may read to. */
export type WireReader = protobuf.Reader;

/** Writes wire-format fields one behind another into a growing buffer. */
export type WireWriter = protobuf.Writer;

/** Six wire types carry everything. Source: protobuf.dev, "Message Structure". */
export const WireType = Object.freeze({
  VARINT: 0,
  I64: 1,
  LEN: 2,
  SGROUP: 3,
  EGROUP: 4,
  I32: 5,
} as const);

/** One of the six integers of {@link WireType}. */
export type WireType = (typeof WireType)[keyof typeof WireType];

/** What stands before a field's value: its number and the wire type of what follows. */
export function tagOf(fieldNumber: number, wireType: WireType): number {
  return ((fieldNumber << 3) | wireType) >>> 0;
}

/** A reader that knows whose memory it reads. */
export interface SharingReader extends WireReader {
  /** Whether others have what is read as well: a message may not keep it. */
  isShared?: boolean;
}

/**
 * A reader at the start of `bytes`, which are not copied and may hold several messages. With `give`, they belong to the one message in
 * them from now on, and nobody writes them again: large values need not be copied out.
 */
export function createReader(bytes: Uint8Array, give = false): WireReader {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = new protobuf.BufferReader(buffer) as SharingReader;
  reader.isShared = !give;
  return reader;
}

/** A writer with a small buffer that grows. */
export function createWriter(): WireWriter {
  return protobuf.Writer.create();
}

/** What protobufjs does not show in its types. */
type GrowingWriter = WireWriter & { _reserve: (bytes: number) => void };

/** Makes room for `bytes` more at the writer's position; `writer.buf` may be another one afterwards. */
export function reserve(writer: WireWriter, bytes: number): void {
  if (writer.pos + bytes > writer.buf.length) {
    // oxlint-disable-next-line eslint/no-underscore-dangle -- pinned by a test
    (writer as GrowingWriter)._reserve(bytes);
  }
}

/** Puts a writer back to where it stood at `pos`, with no field left open. */
export function rewind(writer: WireWriter, pos: number): void {
  writer.pos = pos;
  if (writer.states !== null) writer.states.length = 0;
}
