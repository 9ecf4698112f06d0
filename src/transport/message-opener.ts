/**
 * Opens compressed messages: holds the one message of a call whose bytes are being made plain.
 *
 * Spec: compression.md; statuscodes.md (INTERNAL for what cannot be decompressed, RESOURCE_EXHAUSTED for too much).
 * Laws: one message at a time, and only when it is asked for; nothing is thrown before the message is taken; what becomes
 * plain after it was dropped is forgotten.
 */
import { checkDecompressed, decompressError, type Compressor } from "../codec/compression.js";
import type { StatusError } from "../codec/status.js";

/** Belongs to one direction of one call whose peer has named a coding. */
export class MessageOpener {
  readonly #compressor: Compressor;
  readonly #maxBytes: number;
  #plain: Uint8Array | undefined;
  #error: StatusError | undefined;
  /** Counts what was dropped. */
  #turn = 0;

  /** Whether a message is here: being opened, open, or found to be broken. */
  held = false;
  /** Resolves when the message that is being opened is ready; `undefined` when none is. Never rejects. */
  opening: Promise<void> | undefined;

  /** `maxBytes`: the longest message given out. */
  constructor(compressor: Compressor, maxBytes: number) {
    this.#compressor = compressor;
    this.#maxBytes = maxBytes;
  }

  /** Takes a message in. It is ready at once, or when {@link opening} says so. */
  open(bytes: Uint8Array): void {
    this.held = true;
    const turn = this.#turn;
    try {
      const plain = this.#compressor.decompress(bytes, this.#maxBytes, () => turn === this.#turn);
      if (plain instanceof Uint8Array) this.#plain = checkDecompressed(plain, this.#compressor, this.#maxBytes);
      else this.opening = this.#await(plain, turn);
    } catch (cause) {
      this.#error = decompressError(cause, this.#compressor, this.#maxBytes);
    }
  }

  async #await(later: unknown, turn: number): Promise<void> {
    let plain: Uint8Array | undefined;
    let error: StatusError | undefined;
    try {
      plain = checkDecompressed(await later, this.#compressor, this.#maxBytes);
    } catch (cause) {
      error = decompressError(cause, this.#compressor, this.#maxBytes);
    }
    if (turn !== this.#turn) return;
    this.#plain = plain;
    this.#error = error;
    this.opening = undefined;
  }

  /** The plain bytes of the message, which is ready. @throws StatusError when it is broken or too long. */
  take(): Uint8Array {
    const plain = this.#plain;
    const error = this.#error;
    this.drop();
    if (error !== undefined) throw error;
    return plain as Uint8Array;
  }

  /** Forgets the message. */
  drop(): void {
    this.#turn++;
    this.held = false;
    this.opening = undefined;
    this.#plain = undefined;
    this.#error = undefined;
  }
}
