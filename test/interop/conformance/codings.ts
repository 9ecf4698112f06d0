/**
 * The codings under test: barewire's own, and brotli given to it as an application would.
 *
 * Spec: connectconformance, `config.proto` (Compression).
 * Laws: what the suite does not ask for stays at its default.
 */
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";
import { deflate, gzip, type CompressionOptions, type Compressor } from "../../../src/index.js";

const MAX_ZLIB_OUTPUT = 2 ** 31;

const brotli: Compressor = {
  name: "br",
  compress: (bytes) => brotliCompressSync(bytes),
  decompress: (bytes, maxBytes) =>
    brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, Math.min(maxBytes, MAX_ZLIB_OUTPUT)) }),
};

/** The names of the codings by the numbers of `Compression`. */
export const CODINGS: ReadonlyMap<number, string> = new Map([
  [1, "identity"],
  [2, gzip.name],
  [3, brotli.name],
  [5, deflate.name],
]);

/** The option `compression` of the channel and the server under test. */
export const COMPRESSION: CompressionOptions = { codings: [gzip, deflate, brotli] };
