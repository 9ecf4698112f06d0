/**
 * Length-prefixed messages: finds the messages in a byte stream that may be cut anywhere.
 *
 * Spec: PROTOCOL-HTTP2.md, "Length-Prefixed-Message → Compressed-Flag Message-Length Message".
 * Laws: nothing is copied that lies whole in one chunk; nothing is allocated from a declared length before its bytes have
 * arrived; a message over the limit is refused from its prefix alone.
 */
import { Code, StatusError } from "./status.js";

/** "Compressed-Flag → 0 / 1 # encoded as 1 byte unsigned integer", then 4 bytes big-endian Message-Length. */
export const PREFIX_BYTES = 5;

/** Pieces below this size are gathered behind what is queued, so that one-byte DATA frames do not cost a Buffer each. */
const SMALL_PIECE_BYTES = 1024;
const GATHER_BYTES = 16_384;

const EMPTY = Buffer.alloc(0);

/**
 * Takes chunks in, gives messages out as places in a buffer: after {@link LengthPrefixReader.next}, the message is
 * `buffer` from `start` to `end`.
 */
export class LengthPrefixReader {
  #maxMessageBytes: number;
  /** The bytes not yet taken out; `#offset` is where the next message starts in the first chunk. */
  readonly #chunks: Buffer[] = [];
  #offset = 0;
  #queuedBytes = 0;
  #whole = 0;
  /** The scan runs ahead of `next`: how much of the newest message's prefix and payload has been seen. */
  readonly #prefix = new Uint8Array(PREFIX_BYTES);
  #prefixSeen = 0;
  #payloadLeft = 0;
  /** The newest chunk, when it is one of ours with room for more. */
  #gather: Buffer | undefined;

  buffer: Buffer = EMPTY;
  start = 0;
  end = 0;

  /** What the peer declared in `grpc-encoding`; `undefined` for nothing. */
  coding: string | undefined;
  /** The codings that are taken, when {@link coding} is none of them; `undefined` when it is. */
  supported: string | undefined = "identity";

  /** `maxMessageBytes`: the longest message taken, in bytes; a longer one is RESOURCE_EXHAUSTED. */
  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Another limit, from the next prefix on. */
  set maxMessageBytes(bytes: number) {
    this.#maxMessageBytes = bytes;
  }

  /** How many whole messages wait. */
  get whole(): number {
    return this.#whole;
  }

  /** Whether the bytes seen so far end inside a message. */
  get partial(): boolean {
    return this.#prefixSeen > 0 || this.#payloadLeft > 0;
  }

  /** How many bytes wait, prefixes included. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /**
   * Takes the next chunk of the stream. The chunk is kept, not copied.
   *
   * @throws StatusError INTERNAL for a flag other than 0 and 1 or one set without a coding that is taken, RESOURCE_EXHAUSTED
   * for a message over the limit. The whole messages before it stay available; nothing may be pushed afterwards.
   */
  push(chunk: Buffer): void {
    const queued = this.partial || this.#chunks.length > 0;
    try {
      this.#scan(chunk);
    } finally {
      this.#queuedBytes += chunk.length;
      if (queued && chunk.length < SMALL_PIECE_BYTES) this.#gatherPiece(chunk);
      else {
        this.#chunks.push(chunk);
        this.#gather = undefined;
      }
    }
  }

  #scan(chunk: Buffer): void {
    const length = chunk.length;
    let at = 0;
    while (at < length) {
      if (this.#payloadLeft > 0) {
        const taken = Math.min(this.#payloadLeft, length - at);
        at += taken;
        this.#payloadLeft -= taken;
        if (this.#payloadLeft === 0) this.#whole++;
      } else if (this.#prefixSeen === 0 && length - at >= PREFIX_BYTES) {
        this.#startPayload(chunk[at] as number, chunk.readUInt32BE(at + 1));
        at += PREFIX_BYTES;
      } else {
        this.#prefix[this.#prefixSeen++] = chunk[at++] as number;
        if (this.#prefixSeen === PREFIX_BYTES) {
          this.#prefixSeen = 0;
          this.#startPayload(this.#prefix[0] as number, readUInt32BE(this.#prefix, 1));
        }
      }
    }
  }

  #startPayload(flag: number, length: number): void {
    if (flag > 1) {
      throw new StatusError(Code.INTERNAL, `protocol error: compressed flag must be 0 or 1, got ${flag}`);
    }
    if (flag === 1 && this.supported !== undefined) {
      throw new StatusError(Code.INTERNAL, this.#compressedError(), {
        hint: "option compression says which codings are taken",
      });
    }
    if (length > this.#maxMessageBytes) {
      throw new StatusError(
        Code.RESOURCE_EXHAUSTED,
        `received message of ${length} bytes is larger than the limit of ${this.#maxMessageBytes} bytes`,
        { hint: "option maxReceiveBytes is that limit, of this side's Channel or Server" },
      );
    }
    if (length === 0) this.#whole++;
    else this.#payloadLeft = length;
  }

  #compressedError(): string {
    const { coding } = this;
    return coding === undefined || coding === "identity"
      ? "protocol error: compressed flag set without a grpc-encoding"
      : `received a message compressed with ${JSON.stringify(coding.slice(0, 64))}, which is not supported; supported: ${this.supported}`;
  }

  #gatherPiece(piece: Buffer): void {
    const gather = this.#gather;
    const last = this.#chunks.length - 1;
    const used = gather === undefined ? 0 : (this.#chunks[last] as Buffer).length;
    if (gather === undefined || used + piece.length > gather.length) {
      const fresh = Buffer.allocUnsafeSlow(GATHER_BYTES);
      piece.copy(fresh);
      this.#gather = fresh;
      this.#chunks.push(fresh.subarray(0, piece.length));
    } else {
      piece.copy(gather, used);
      this.#chunks[last] = gather.subarray(0, used + piece.length);
    }
  }

  /** Whether the next message, which must be there, is compressed. */
  get compressed(): boolean {
    return (this.#chunks[0] as Buffer)[this.#offset] === 1;
  }

  /** Moves on to the next whole message and says whether there was one. */
  next(): boolean {
    if (this.#whole === 0) return false;
    this.#whole--;
    const head = this.#chunks[0] as Buffer;
    const at = this.#offset;
    if (head.length - at < PREFIX_BYTES) return this.#nextSplit();
    const length = head.readUInt32BE(at + 1);
    const end = at + PREFIX_BYTES + length;
    if (end > head.length) return this.#nextSplit();
    this.buffer = head;
    this.start = at + PREFIX_BYTES;
    this.end = end;
    this.#queuedBytes -= PREFIX_BYTES + length;
    if (end === head.length) {
      this.#chunks.shift();
      this.#offset = 0;
      if (this.#chunks.length === 0) this.#gather = undefined;
    } else {
      this.#offset = end;
    }
    return true;
  }

  /** The message lies in more than one chunk: its pieces, all here, are joined into a buffer of their own. */
  #nextSplit(): true {
    const prefix = this.#take(PREFIX_BYTES);
    this.buffer = this.#take(prefix.readUInt32BE(1));
    this.start = 0;
    this.end = this.buffer.length;
    return true;
  }

  #take(bytes: number): Buffer {
    const taken = Buffer.allocUnsafe(bytes);
    let filled = 0;
    while (filled < bytes) {
      const head = this.#chunks[0] as Buffer;
      const copied = head.copy(taken, filled, this.#offset, this.#offset + bytes - filled);
      filled += copied;
      this.#offset += copied;
      if (this.#offset === head.length) {
        this.#chunks.shift();
        this.#offset = 0;
        if (this.#chunks.length === 0) this.#gather = undefined;
      }
    }
    this.#queuedBytes -= bytes;
    return taken;
  }

  /** Lets go of the chunk the last message lay in, so that an idle call pins none. */
  releaseBuffer(): void {
    this.buffer = EMPTY;
  }

  /** Drops everything. */
  clear(): void {
    this.buffer = EMPTY;
    this.#chunks.length = 0;
    this.#offset = 0;
    this.#queuedBytes = 0;
    this.#whole = 0;
    this.#prefixSeen = 0;
    this.#payloadLeft = 0;
    this.#gather = undefined;
  }
}

function readUInt32BE(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}
