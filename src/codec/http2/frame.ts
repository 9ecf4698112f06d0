/**
 * HTTP/2 frames: found in a stream of bytes, and taken apart.
 *
 * Spec: RFC 9113 §3.4 (preface), §4.1 (frame format), §6 (frame definitions), §7 (error codes); gRFC G1 (a setting of gRPC's own).
 * Laws: chunks may be cut anywhere; nothing is copied but what is cut; nothing is allocated from a declared length before its bytes
 * have come; a frame that breaks the rules is still a frame, and says what is wrong with it.
 */

/** The names of the frame types, by their numbers. */
export const FRAME_TYPES = Object.freeze([
  "DATA",
  "HEADERS",
  "PRIORITY",
  "RST_STREAM",
  "SETTINGS",
  "PUSH_PROMISE",
  "PING",
  "GOAWAY",
  "WINDOW_UPDATE",
  "CONTINUATION",
] as const);

export type FrameType = (typeof FRAME_TYPES)[number];

/** The names of the error codes, by their numbers. §7. */
export const ERROR_CODES = Object.freeze([
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
] as const);

const SETTINGS: ReadonlyMap<number, string> = new Map([
  [1, "HEADER_TABLE_SIZE"],
  [2, "ENABLE_PUSH"],
  [3, "MAX_CONCURRENT_STREAMS"],
  [4, "INITIAL_WINDOW_SIZE"],
  [5, "MAX_FRAME_SIZE"],
  [6, "MAX_HEADER_LIST_SIZE"],
  [8, "ENABLE_CONNECT_PROTOCOL"],
  [9, "NO_RFC7540_PRIORITIES"],
  [0xfe03, "GRPC_ALLOW_TRUE_BINARY_METADATA"],
]);

/** What a client says first. §3.4. */
export const CLIENT_PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Length (3 bytes), type, flags and stream id (4 bytes). §4.1. */
export const FRAME_HEADER_BYTES = 9;

const END_STREAM = 0x1;
const ACK = 0x1;
const END_HEADERS = 0x4;
const PADDED = 0x8;
const PRIORITY = 0x20;

/** A frame as it is on the wire. */
export interface RawFrame {
  /** Its type's number. */
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  /** A view of the chunk it came in, or of a copy when it was cut. */
  readonly payload: Uint8Array;
}

/** One setting, by its name; one without a name by its number, as `"0x1a"`. */
export interface Setting {
  readonly name: string;
  readonly value: number;
}

interface OnStream {
  readonly streamId: number;
  /** How many bytes of the payload are padding, the byte that says so included. */
  readonly paddedBytes?: number | undefined;
}

/** A part of a header block, and whether it is the last one. */
interface Block extends OnStream {
  readonly fragment: Uint8Array;
  readonly endsHeaders: boolean;
}

/** A frame taken apart. `malformed` frames break the rules of §6; `unknown` ones are to be ignored. */
export type Frame =
  | (OnStream & { readonly type: "DATA"; readonly data: Uint8Array; readonly endsStream: boolean })
  | (Block & { readonly type: "HEADERS"; readonly endsStream: boolean; readonly priority?: Priority | undefined })
  | { readonly type: "PRIORITY"; readonly streamId: number; readonly priority: Priority }
  | { readonly type: "RST_STREAM"; readonly streamId: number; readonly code: number }
  | { readonly type: "SETTINGS"; readonly ack: boolean; readonly settings: readonly Setting[] }
  | (Block & { readonly type: "PUSH_PROMISE"; readonly promisedStreamId: number })
  | { readonly type: "PING"; readonly ack: boolean; readonly opaque: Uint8Array }
  | { readonly type: "GOAWAY"; readonly lastStreamId: number; readonly code: number; readonly debug: Uint8Array }
  | { readonly type: "WINDOW_UPDATE"; readonly streamId: number; readonly increment: number }
  | (Block & { readonly type: "CONTINUATION" })
  | { readonly type: "unknown"; readonly streamId: number; readonly number: number }
  | { readonly type: "malformed"; readonly streamId: number; readonly of: FrameType; readonly reason: string };

/** What a client of HTTP/2's first edition says of a stream's order; nobody acts on it any more. §5.3. */
export interface Priority {
  readonly dependsOn: number;
  readonly weight: number;
  readonly exclusive: boolean;
}

/** The name of an error code, or its number. */
export function errorCodeName(code: number): string {
  return ERROR_CODES[code] ?? `0x${code.toString(16)}`;
}

/** What is gathered of a cut frame starts with this much room. */
const MIN_GATHER_BYTES = 1024;

/** Finds the frames in the bytes of one direction. A client's preface is to be taken off before. */
export class FrameDecoder {
  /** What there is of a frame that is not complete yet, at its beginning. */
  #gathered: Buffer = Buffer.alloc(0);
  #bytes = 0;
  /** The bytes that are needed to go on: a frame's header, or the whole frame. */
  #needed = FRAME_HEADER_BYTES;

  /** How many bytes wait for the rest of their frame: less than 2^24 and a header. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Takes the next bytes, and gives the frames that are complete now. */
  push(chunk: Uint8Array): RawFrame[] {
    const bytes = this.#bytes === 0 ? chunk : this.#gather(chunk);
    const frames: RawFrame[] = [];
    let at = 0;
    while (bytes.length - at >= this.#needed) {
      if (this.#needed === FRAME_HEADER_BYTES) this.#needed += uint24(bytes, at);
      if (bytes.length - at < this.#needed) break;
      frames.push(frameAt(bytes, at, at + this.#needed));
      at += this.#needed;
      this.#needed = FRAME_HEADER_BYTES;
    }
    if (at > 0 || bytes === chunk) {
      // Frames that were given out are views: what is gathered from here on gets a buffer of its own.
      this.#gathered = Buffer.alloc(0);
      this.#bytes = 0;
      if (at < bytes.length) this.#gather(bytes.subarray(at));
    }
    return frames;
  }

  /** Room grows with what has come, never with what was declared; doubling keeps the copying linear. */
  #gather(chunk: Uint8Array): Uint8Array {
    const bytes = this.#bytes + chunk.length;
    if (bytes > this.#gathered.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#bytes, MIN_GATHER_BYTES));
      larger.set(this.#gathered.subarray(0, this.#bytes));
      this.#gathered = larger;
    }
    this.#gathered.set(chunk, this.#bytes);
    this.#bytes = bytes;
    return this.#gathered.subarray(0, bytes);
  }
}

function frameAt(bytes: Uint8Array, at: number, end: number): RawFrame {
  return {
    type: bytes[at + 3] as number,
    flags: bytes[at + 4] as number,
    // The first bit is reserved, and to be ignored.
    streamId: uint32(bytes, at + 5) & 0x7fff_ffff,
    payload: bytes.subarray(at + FRAME_HEADER_BYTES, end),
  };
}

/** Takes a frame apart. Never throws. */
export function parseFrame(raw: RawFrame): Frame {
  const type = FRAME_TYPES[raw.type];
  if (type === undefined) return { type: "unknown", streamId: raw.streamId, number: raw.type };
  try {
    return PARSE[type](raw);
  } catch (error) {
    return { type: "malformed", streamId: raw.streamId, of: type, reason: (error as Error).message };
  }
}

const PARSE: { readonly [Type in FrameType]: (raw: RawFrame) => Frame } = {
  DATA: (raw) => {
    checkOnStream(raw);
    const { body, paddedBytes } = unpadded(raw);
    return { type: "DATA", streamId: raw.streamId, data: body, endsStream: has(raw, END_STREAM), paddedBytes };
  },
  HEADERS: (raw) => {
    checkOnStream(raw);
    const { body, paddedBytes } = unpadded(raw);
    const prefix = has(raw, PRIORITY) ? 5 : 0;
    checkAtLeast(body, prefix);
    return {
      type: "HEADERS",
      streamId: raw.streamId,
      fragment: body.subarray(prefix),
      endsHeaders: has(raw, END_HEADERS),
      endsStream: has(raw, END_STREAM),
      priority: prefix === 0 ? undefined : priorityIn(body),
      paddedBytes,
    };
  },
  PRIORITY: (raw) => {
    checkOnStream(raw);
    checkLength(raw, 5);
    return { type: "PRIORITY", streamId: raw.streamId, priority: priorityIn(raw.payload) };
  },
  RST_STREAM: (raw) => {
    checkOnStream(raw);
    checkLength(raw, 4);
    return { type: "RST_STREAM", streamId: raw.streamId, code: uint32(raw.payload, 0) };
  },
  SETTINGS: (raw) => {
    checkOnConnection(raw);
    const ack = has(raw, ACK);
    if (ack) checkLength(raw, 0);
    else if (raw.payload.length % 6 !== 0) throw new RangeError(`${raw.payload.length} bytes are no list of settings`);
    return { type: "SETTINGS", ack, settings: settingsIn(raw.payload) };
  },
  PUSH_PROMISE: (raw) => {
    checkOnStream(raw);
    const { body, paddedBytes } = unpadded(raw);
    checkAtLeast(body, 4);
    return {
      type: "PUSH_PROMISE",
      streamId: raw.streamId,
      promisedStreamId: uint32(body, 0) & 0x7fff_ffff,
      fragment: body.subarray(4),
      endsHeaders: has(raw, END_HEADERS),
      paddedBytes,
    };
  },
  PING: (raw) => {
    checkOnConnection(raw);
    checkLength(raw, 8);
    return { type: "PING", ack: has(raw, ACK), opaque: raw.payload };
  },
  GOAWAY: (raw) => {
    checkOnConnection(raw);
    checkAtLeast(raw.payload, 8);
    return {
      type: "GOAWAY",
      lastStreamId: uint32(raw.payload, 0) & 0x7fff_ffff,
      code: uint32(raw.payload, 4),
      debug: raw.payload.subarray(8),
    };
  },
  WINDOW_UPDATE: (raw) => {
    checkLength(raw, 4);
    const increment = uint32(raw.payload, 0) & 0x7fff_ffff;
    if (increment === 0) throw new RangeError("an increment of 0");
    return { type: "WINDOW_UPDATE", streamId: raw.streamId, increment };
  },
  CONTINUATION: (raw) => {
    checkOnStream(raw);
    return {
      type: "CONTINUATION",
      streamId: raw.streamId,
      fragment: raw.payload,
      endsHeaders: has(raw, END_HEADERS),
    };
  },
};

function has(raw: RawFrame, flag: number): boolean {
  return (raw.flags & flag) !== 0;
}

function unpadded(raw: RawFrame): { body: Uint8Array; paddedBytes: number | undefined } {
  const { payload } = raw;
  if (!has(raw, PADDED)) return { body: payload, paddedBytes: undefined };
  checkAtLeast(payload, 1);
  const padding = payload[0] as number;
  if (padding >= payload.length) {
    throw new RangeError(`${padding} bytes of padding in a payload of ${payload.length}`);
  }
  return { body: payload.subarray(1, payload.length - padding), paddedBytes: padding + 1 };
}

function priorityIn(bytes: Uint8Array): Priority {
  const dependency = uint32(bytes, 0);
  return {
    dependsOn: dependency & 0x7fff_ffff,
    exclusive: dependency > 0x7fff_ffff,
    // "Add one to the value to obtain a weight between 1 and 256."
    weight: (bytes[4] as number) + 1,
  };
}

function settingsIn(bytes: Uint8Array): Setting[] {
  const settings: Setting[] = [];
  for (let at = 0; at + 6 <= bytes.length; at += 6) {
    const id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    settings.push({ name: SETTINGS.get(id) ?? `0x${id.toString(16)}`, value: uint32(bytes, at + 2) });
  }
  return settings;
}

function checkOnStream(raw: RawFrame): void {
  if (raw.streamId === 0) throw new RangeError("it must be on a stream, and is on the connection");
}

function checkOnConnection(raw: RawFrame): void {
  if (raw.streamId !== 0) throw new RangeError(`it must be on the connection, and is on stream ${raw.streamId}`);
}

function checkLength(raw: RawFrame, bytes: number): void {
  if (raw.payload.length === bytes) return;
  throw new RangeError(`its payload must be ${bytes} bytes: there are ${raw.payload.length}`);
}

function checkAtLeast(payload: Uint8Array, bytes: number): void {
  if (payload.length < bytes) {
    throw new RangeError(`its payload must be ${bytes} bytes or more: there are ${payload.length}`);
  }
}

function uint24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) * 2 ** 24 + uint24(bytes, at + 1)) >>> 0;
}
