/**
 * Compressors: how the bytes of one message become fewer, and what they were again.
 *
 * Spec: PROTOCOL-HTTP2.md, "Message-Encoding", "Compressed-Flag"; compression.md; RFC 1950, RFC 1952.
 * Laws: every message is compressed by itself, nothing is carried over to the next; never more bytes come out than were
 * allowed, whatever went in; work that would hold up the event loop for long is done beside it.
 */
import * as zlib from "node:zlib";
import { Code, StatusError } from "./status.js";
import { Turns } from "./turns.js";

/**
 * A coding: what `grpc-encoding` names. {@link gzip} and {@link deflate} are built in; others, such as brotli or zstd, are
 * given to `Channel` and `Server` as objects of this shape.
 *
 * Both functions may answer with a promise when there is much to do. The messages of a call keep their order then.
 */
export interface Compressor {
  /** The name on the wire, such as `"gzip"`: printable ASCII without spaces, commas and `"`. `"identity"` is taken. */
  readonly name: string;
  /** `bytes` may be read until the result is there, and are not to be changed. What it throws fails that message. */
  compress(bytes: Uint8Array): Uint8Array | PromiseLike<Uint8Array>;
  /**
   * Undoes `compress`, for at most `maxBytes` bytes (0 and `Infinity` are possible). It must stop at the limit and not only look
   * at the end: 50 KB may stand for 50 MiB. More than that is said by a RESOURCE_EXHAUSTED `StatusError`, or by an error with the
   * code `ERR_BUFFER_TOO_LARGE`, as `node:zlib` throws it for `maxOutputLength`; anything else it throws means that the bytes
   * are broken.
   *
   * `isWanted` is for those who let a message wait: `false` says that its call has ended, and nobody will look at the result.
   */
  decompress(bytes: Uint8Array, maxBytes: number, isWanted?: () => boolean): Uint8Array | PromiseLike<Uint8Array>;
}

/**
 * Up to this size the work is done at once, in less than a millisecond. Above it goes to a thread of Node's pool, as inflating
 * 4 MiB holds up everything else for more than ten.
 */
const AT_ONCE_BYTES = 65_536;

/**
 * A few kilobytes become megabytes, and one connection may have some hundred calls: how many messages are made plain at a time
 * bounds what that costs in memory. Node's pool has as many threads, so that more would be no faster.
 */
const turns = new Turns(4);

/** What `node:zlib` takes for "no limit" on every version. */
const NO_LIMIT = 0xffff_ffff;

/** What the one-shot calls give with `info`: the engine tells how much of the input it has used. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

interface InflateOptions extends zlib.ZlibOptions {
  readonly info: true;
}

/** The types of `node:zlib` do not know what `info` changes. */
type InflateSync = (bytes: Uint8Array, options: InflateOptions) => Inflated;
type Inflate = (
  bytes: Uint8Array,
  options: InflateOptions,
  done: (error: Error | null, result: Inflated) => void,
) => void;
type Deflate = (bytes: Uint8Array, done: (error: Error | null, result: Buffer) => void) => void;

/** `gzip` (RFC 1952). A message may consist of several members, as the RFC has it; bytes behind the last one are refused. */
export const gzip: Compressor = Object.freeze({
  name: "gzip",
  compress: (bytes: Uint8Array) => deflateWith(bytes, zlib.gzipSync, zlib.gzip),
  decompress: (bytes: Uint8Array, maxBytes: number, isWanted?: () => boolean) =>
    inflateWith(
      bytes,
      maxBytes,
      zlib.gunzipSync as unknown as InflateSync,
      zlib.gunzip as unknown as Inflate,
      isWanted,
    ),
});

/** `deflate`: the zlib format of RFC 1950, as in HTTP, not the bare stream of RFC 1951. */
export const deflate: Compressor = Object.freeze({
  name: "deflate",
  compress: (bytes: Uint8Array) => deflateWith(bytes, zlib.deflateSync, zlib.deflate),
  decompress: (bytes: Uint8Array, maxBytes: number, isWanted?: () => boolean) =>
    inflateWith(
      bytes,
      maxBytes,
      zlib.inflateSync as unknown as InflateSync,
      zlib.inflate as unknown as Inflate,
      isWanted,
    ),
});

function deflateWith(
  bytes: Uint8Array,
  atOnce: (bytes: Uint8Array) => Buffer,
  later: Deflate,
): Buffer | Promise<Buffer> {
  if (bytes.length <= AT_ONCE_BYTES) return atOnce(bytes);
  return new Promise((resolve, reject) => {
    later(bytes, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

/** How much comes out nobody knows before: it is tried at once, and handed on when it turns out to be much. */
function inflateWith(
  bytes: Uint8Array,
  maxBytes: number,
  atOnce: InflateSync,
  later: Inflate,
  isWanted: (() => boolean) | undefined,
): Uint8Array | Promise<Uint8Array> {
  if (bytes.length <= AT_ONCE_BYTES) {
    try {
      return whole(atOnce(bytes, limitedTo(Math.min(maxBytes, AT_ONCE_BYTES))), bytes);
    } catch (error) {
      if (!isTooLarge(error) || maxBytes <= AT_ONCE_BYTES) throw error;
    }
  }
  return turns.run(() => {
    if (isWanted?.() === false) throw new Error("nobody wants it any more");
    return inflateLater(bytes, maxBytes, later);
  });
}

async function inflateLater(bytes: Uint8Array, maxBytes: number, later: Inflate): Promise<Uint8Array> {
  const inflated = await new Promise<Inflated>((resolve, reject) => {
    later(bytes, limitedTo(maxBytes), (error, result) => (error === null ? resolve(result) : reject(error)));
  });
  return whole(inflated, bytes);
}

/** `node:zlib` refuses a limit of 0: one byte too many is found by {@link checkDecompressed}. */
function limitedTo(maxBytes: number): InflateOptions {
  return { info: true, maxOutputLength: Math.max(1, Math.min(maxBytes, NO_LIMIT)) };
}

/** zlib stops at the end of its stream and ignores what stands behind it; a message must not have anything there. */
function whole({ buffer, engine }: Inflated, bytes: Uint8Array): Buffer {
  const extra = bytes.length - engine.bytesWritten;
  if (extra > 0) throw new Error(`${extra} bytes stand behind its end`);
  return buffer;
}

function isTooLarge(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === "ERR_BUFFER_TOO_LARGE";
}

/** @throws StatusError when what a compressor gave is no bytes, or more of them than it was allowed. */
export function checkDecompressed(plain: unknown, compressor: Compressor, maxBytes: number): Uint8Array {
  if (!(plain instanceof Uint8Array)) {
    throw decompressError(new TypeError("its compressor must return a Uint8Array"), compressor, maxBytes);
  }
  if (plain.length > maxBytes) throw tooLarge(maxBytes);
  return plain;
}

/** What an exception of {@link Compressor.decompress} says about the message: too long, or broken. */
export function decompressError(cause: unknown, { name }: Compressor, maxBytes: number): StatusError {
  if (cause instanceof StatusError) return cause;
  if (isTooLarge(cause)) return tooLarge(maxBytes, cause);
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StatusError(Code.INTERNAL, `cannot decompress a message with "${name}": ${reason}`, { cause });
}

function tooLarge(maxBytes: number, cause?: unknown): StatusError {
  const text = `received message is, decompressed, larger than the limit of ${maxBytes} bytes`;
  return new StatusError(Code.RESOURCE_EXHAUSTED, text, {
    hint: "option maxReceiveBytes is that limit, of this side's Channel or Server",
    cause,
  });
}

/** The error of a message that could not be compressed. The text of `cause` is this side's own. */
export function compressError(cause: unknown, { name }: Compressor, typeName: string): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(`Cannot compress ${typeName} with "${name}": ${reason}`, { cause });
}

/** Whether a list of codings, as `grpc-accept-encoding` has it, names `name`. */
export function listsCoding(list: string, name: string): boolean {
  return list.split(",").some((one) => one.trim() === name);
}
