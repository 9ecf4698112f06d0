/**
 * Codings for tests: one that shows on the wire what it did, and one that takes as long as a test wants.
 */
import type { Compressor } from "../../src/core.js";

/** Every bit turned over: nobody could take the bytes for plain ones. */
export const flip: Compressor = {
  name: "x-flip",
  compress: flipped,
  decompress: (bytes) => flipped(bytes),
};

export function flipped(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => byte ^ 0xff);
}

/** Work that has begun and goes on until the test says so. */
export interface Work {
  readonly bytes: Uint8Array;
  readonly maxBytes: number | undefined;
  finish(): void;
  fail(cause: unknown): void;
}

/** A compressor named `"x-slow"`, {@link flip} in what it does, and its work in the order in which it was begun. */
export interface SlowCompressor extends Compressor {
  readonly work: readonly Work[];
  /** Resolves when as much work was begun. */
  begun(count: number): Promise<void>;
}

/** Messages shorter than `fromBytes` are done at once. */
export function slowCompressor(fromBytes = 0): SlowCompressor {
  const work: Work[] = [];
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  const begin = (bytes: Uint8Array, maxBytes: number | undefined): Uint8Array | Promise<Uint8Array> => {
    if (bytes.length < fromBytes) return flipped(bytes);
    return new Promise((resolve, reject) => {
      work.push({ bytes, maxBytes, finish: () => resolve(flipped(bytes)), fail: reject });
      for (const one of waiting) if (work.length >= one.count) one.resolve();
    });
  };
  return {
    name: "x-slow",
    work,
    compress: (bytes) => begin(bytes, undefined),
    decompress: begin,
    begun: (count) =>
      new Promise((resolve) => {
        if (work.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
  };
}
