/**
 * The chunk that messages are encoded into, one behind another, each behind its length prefix.
 *
 * Spec: PROTOCOL-HTTP2.md, "Length-Prefixed-Message → Compressed-Flag Message-Length Message".
 * Laws: bytes once taken are never written again; a message that fails to encode leaves nothing behind; an idle call
 * holds no chunk, because the unused rest of one goes back to a free list whenever its bytes are taken.
 */
import type { MessageType } from "../method.js";
import { Code, StatusError } from "../status.js";
import { createWriter, reserve, rewind, type WireWriter } from "./wire.js";

/** "Compressed-Flag → 0 / 1 # encoded as 1 byte unsigned integer", then "4 byte unsigned integer (big endian)". */
const PREFIX_BYTES = 5;

/** The most that the four bytes of a Message-Length can say. */
const MAX_LENGTH = 0xffff_ffff;

/**
 * A new chunk's size: what a sink writes at once (32 KiB) and a little more, so that a full write fits into one chunk and
 * leaves next to nothing behind. One chunk serves some hundred small unary messages.
 */
const CHUNK_BYTES = 36_864;

/** A chunk with less room than this is left to the garbage collector with its last bytes. */
const MIN_TAIL_BYTES = 1024;

/** Writers that wait for their next call, at most 2.3 MiB of chunks together. */
const MAX_FREE = 64;
const free: MessageWriter[] = [];

/**
 * The last size of types whose messages are large, so that room is made for one at once: growing by doubling would copy
 * a message of 1 MiB five times. Types with small messages have no entry.
 */
const largeSizes = new WeakMap<object, number>();
let anyLarge = false;
const LARGE_BYTES = 8192;

const EMPTY = Buffer.alloc(0);

/** Encodes messages of one call until they are taken for writing. */
export class MessageWriter {
  readonly #writer: WireWriter = createWriter();
  /** Where the bytes not yet taken begin. */
  #start = 0;
  #encoding = false;
  #released = false;

  constructor() {
    this.#writer.buf = EMPTY;
  }

  /** A writer with nothing in it, perhaps one that was given back. */
  static acquire(): MessageWriter {
    const writer = free.pop();
    if (writer === undefined) return new MessageWriter();
    writer.#released = false;
    return writer;
  }

  /** Gives the writer back, with what room its chunk has left. Bytes not taken are dropped; it must not be used again. */
  release(): void {
    if (this.#released || this.#encoding) return;
    this.#released = true;
    const { buf } = this.#writer;
    this.#start = this.#writer.pos;
    if (free.length >= MAX_FREE || buf.length > CHUNK_BYTES || buf.length - this.#start < MIN_TAIL_BYTES) return;
    free.push(this);
  }

  /** How many bytes were appended since the last {@link take}, prefixes included. */
  get size(): number {
    return this.#writer.pos - this.#start;
  }

  /** The bytes appended since the last time: a view that is never written again. */
  take(): Buffer {
    const { buf, pos } = this.#writer;
    const bytes = (buf as Buffer).subarray(this.#start, pos);
    this.#start = pos;
    return bytes;
  }

  /**
   * Encodes `message` behind those before it, at most `maxSendBytes` long. Says how many bytes it is, without its prefix.
   *
   * @throws TypeError when the message cannot be encoded, StatusError (RESOURCE_EXHAUSTED) when it is too long. Nothing of
   * it is left then, and all others stay.
   */
  append<T>(type: MessageType<unknown, T>, message: T, maxSendBytes = Infinity): number {
    if (this.#encoding) throw new Error(`Cannot send while a ${type.typeName} of the same call is being encoded`);
    const writer = this.#writer;
    const hint = anyLarge ? (largeSizes.get(type) ?? 0) : 0;
    this.#makeRoom(hint);
    const prefix = writer.pos;
    const begin = (writer.pos = prefix + PREFIX_BYTES);
    let length: number;
    this.#encoding = true;
    try {
      if (type.encodeInto !== undefined) type.encodeInto(message, writer);
      else this.#copy(type, type.encode(message), maxSendBytes);
      length = writer.pos - begin;
      checkLength(type, length, maxSendBytes);
    } catch (error) {
      rewind(writer, prefix);
      throw isOutOfMemory(error) ? tooLong(type, `more than ${writer.buf.length}`, MAX_LENGTH, error) : error;
    } finally {
      this.#encoding = false;
    }
    writePrefix(writer.buf, prefix, 0, length);
    if (length >= LARGE_BYTES) {
      anyLarge = true;
      largeSizes.set(type, length);
    } else if (hint !== 0) largeSizes.delete(type);
    return length;
  }

  /** The bytes of the message appended last, `length` of them, which are good until the next one is appended. */
  peekLast(length: number): Uint8Array {
    const { buf, pos } = this.#writer;
    return buf.subarray(pos - length, pos);
  }

  /** Takes the message appended last away, which is `length` bytes. */
  dropLast(length: number): void {
    rewind(this.#writer, this.#writer.pos - length - PREFIX_BYTES);
  }

  /** Puts `compressed` in the place of the message appended last, which is `length` bytes, and sets the flag. */
  replaceLast(length: number, compressed: Uint8Array): void {
    this.dropLast(length);
    const writer = this.#writer;
    const prefix = writer.pos;
    if (compressed.length > length) reserve(writer, PREFIX_BYTES + compressed.length);
    writer.pos = prefix + PREFIX_BYTES;
    writer.raw(compressed);
    writePrefix(writer.buf, prefix, 1, compressed.length);
  }

  #copy<T>(type: MessageType<unknown, T>, bytes: Uint8Array, maxSendBytes: number): void {
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(`Cannot encode ${type.typeName} as its codec must return a Uint8Array`);
    }
    checkLength(type, bytes.length, maxSendBytes);
    this.#writer.raw(bytes);
  }

  /** A chunk with room for a message of `hint` bytes; what waits in the old one moves along, what was taken does not. */
  #makeRoom(hint: number): void {
    const writer = this.#writer;
    // Writing reserves for the worst case of a value before it knows its size: hence the eighth on top.
    const needed = PREFIX_BYTES + (hint === 0 ? MIN_TAIL_BYTES : hint + (hint >>> 3) + MIN_TAIL_BYTES);
    if (writer.buf.length - writer.pos >= needed) return;
    const pending = writer.buf.subarray(this.#start, writer.pos);
    const usual = pending.length < CHUNK_BYTES ? CHUNK_BYTES : pending.length * 2;
    const chunk = Buffer.allocUnsafeSlow(Math.max(usual, pending.length + needed));
    chunk.set(pending);
    writer.buf = chunk;
    writer.view = null;
    writer.pos = pending.length;
    this.#start = 0;
  }
}

/** A compressed message behind its length prefix. */
export function encodeCompressed(compressed: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + compressed.length);
  writePrefix(bytes, 0, 1, compressed.length);
  bytes.set(compressed, PREFIX_BYTES);
  return bytes;
}

/** One message behind its length prefix. @throws as {@link MessageWriter.append} does. */
export function encodeMessage<T>(type: MessageType<unknown, T>, message: T, maxSendBytes = Infinity): Buffer {
  const writer = MessageWriter.acquire();
  try {
    writer.append(type, message, maxSendBytes);
    return writer.take();
  } finally {
    writer.release();
  }
}

function writePrefix(buf: Uint8Array, at: number, flag: 0 | 1, length: number): void {
  buf[at] = flag;
  buf[at + 1] = length >>> 24;
  buf[at + 2] = length >>> 16;
  buf[at + 3] = length >>> 8;
  buf[at + 4] = length;
}

function checkLength(type: MessageType, length: number, maxSendBytes: number): void {
  const limit = Math.min(maxSendBytes, MAX_LENGTH);
  if (length > limit) throw tooLong(type, String(length), limit);
}

function tooLong(type: MessageType, size: string, limit: number, cause?: unknown): StatusError {
  const text = `sent message ${type.typeName} of ${size} bytes is larger than the limit of ${limit} bytes`;
  return new StatusError(Code.RESOURCE_EXHAUSTED, text, {
    hint: "option maxSendBytes is that limit",
    cause,
  });
}

/** Node refuses to allocate a buffer that is longer than its maximum, which is 4 GiB in version 20; from 24 on with a code. */
function isOutOfMemory(error: unknown): boolean {
  if (!(error instanceof RangeError)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return (
    code === "ERR_OUT_OF_RANGE" ||
    code === "ERR_MEMORY_ALLOCATION_FAILED" ||
    /Array buffer allocation failed|Invalid typed array length/.test(error.message)
  );
}
