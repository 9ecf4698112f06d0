/**
 * Text, or bytes, that are written in the order in which they were added, though some are not known yet.
 *
 * Laws: what waits is counted, and whoever adds is told when it is too much; a reader that has gone holds up nobody.
 */
import type { Writable } from "node:stream";

/** What may wait, in bytes, before those who add should. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** Writes to a stream. */
export class OrderedOutput {
  readonly #to: Writable;
  readonly #queue: { readonly text: Promise<string | Uint8Array>; readonly bytes: number }[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;

  constructor(to: Writable) {
    this.#to = to;
  }

  /** Adds text; what is a promise must not reject. `bytes` says what it keeps in memory until then. */
  add(text: string | Uint8Array | Promise<string>, bytes = 0): void {
    const isKnown = !(text instanceof Promise);
    if (isKnown && this.#writing === undefined) {
      this.#write(text);
      return;
    }
    const waiting = { text: Promise.resolve(text), bytes: isKnown ? text.length : bytes };
    this.#queue.push(waiting);
    this.#waitingBytes += waiting.bytes;
    this.#writing ??= this.#writeAll();
  }

  /** A promise to wait for when too much waits to be written. */
  room(): Promise<void> | undefined {
    if (this.#writing !== undefined && this.#waitingBytes > MAX_WAITING_BYTES) return this.#writing;
    return this.#to.writableNeedDrain && this.#isRead ? this.#drained() : undefined;
  }

  /** Resolves when everything that was added has been written. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  get #isRead(): boolean {
    return this.#to.writable && !this.#to.destroyed;
  }

  async #writeAll(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#write(await next.text);
      this.#waitingBytes -= next.bytes;
    }
    this.#writing = undefined;
  }

  #write(text: string | Uint8Array): void {
    if (this.#isRead && text.length > 0) this.#to.write(text);
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        for (const event of ["drain", "close", "error"]) this.#to.off(event, done);
        resolve();
      };
      for (const event of ["drain", "close", "error"]) this.#to.on(event, done);
    });
  }
}
