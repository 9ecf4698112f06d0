/**
 * HTTP/2 frames for the scripted peer: any frame can be written, well formed or not, and every frame is read.
 *
 * Spec: RFC 9113 §4.1 (frame format), §6 (frame definitions), §7 (error codes).
 */

export const FrameType = Object.freeze({
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const);

export type FrameTypeName = keyof typeof FrameType;

export const Flag = Object.freeze({ END_STREAM: 1, ACK: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 0x20 } as const);

export const ErrorCode = Object.freeze({
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const);

export const Setting = Object.freeze({
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  /** gRFC G1. */
  GRPC_TRUE_BINARY_METADATA: 0xfe03,
} as const);

/** "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", what a client says first. */
export const CLIENT_PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Length (3 bytes), type, flags and stream id (4 bytes). */
const HEADER_BYTES = 9;

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export function encodeFrame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** The payload of SETTINGS. Keys are identifiers, also ones that do not exist. */
export function encodeSettings(settings: Readonly<Record<number, number>>): Buffer {
  return Buffer.concat(
    Object.entries(settings).map(([id, value]) => Buffer.concat([Buffer.of(0, Number(id)), uint32(value)])),
  );
}

export function decodeSettings(payload: Buffer): Map<number, number> {
  const settings = new Map<number, number>();
  for (let at = 0; at + 6 <= payload.length; at += 6)
    settings.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
  return settings;
}

/** Finds the frames in a byte stream, behind a client's preface when there is one. */
export class FrameReader {
  #bytes: Buffer = Buffer.alloc(0);
  #skip: number;

  constructor(skipBytes: number) {
    this.#skip = skipBytes;
  }

  *push(chunk: Buffer): Generator<RawFrame> {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    if (this.#bytes.length < this.#skip) return;
    let at = this.#skip;
    this.#skip = 0;
    while (this.#bytes.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + this.#bytes.readUIntBE(at, 3);
      if (end > this.#bytes.length) break;
      yield {
        type: this.#bytes[at + 3] as number,
        flags: this.#bytes[at + 4] as number,
        streamId: this.#bytes.readUInt32BE(at + 5) & 0x7fff_ffff,
        payload: this.#bytes.subarray(at + HEADER_BYTES, end),
      };
      at = end;
    }
    this.#bytes = this.#bytes.subarray(at);
  }
}
