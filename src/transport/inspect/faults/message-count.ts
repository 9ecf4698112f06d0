/**
 * Counts the messages in the DATA of one direction of a call, and finds where one of them ends.
 *
 * Spec: PROTOCOL-HTTP2.md, "Length-Prefixed-Message".
 */

/** One byte that says whether it is compressed, four of length. */
const PREFIX_BYTES = 5;

export class MessageCount {
  /** Messages that have come whole. */
  count = 0;
  #prefix = 0;
  #length = 0;
  #left = 0;

  /** Counts on through `bytes`, to their end or to that of message number `stop`, and tells how many it took. */
  advance(bytes: Uint8Array, stop: number): number {
    let at = 0;
    while (at < bytes.length && this.count < stop) {
      if (this.#prefix < PREFIX_BYTES) {
        if (this.#prefix++ > 0) this.#length = this.#length * 256 + (bytes[at] ?? 0);
        at++;
        if (this.#prefix === PREFIX_BYTES) this.#left = this.#length;
      } else {
        const taken = Math.min(this.#left, bytes.length - at);
        this.#left -= taken;
        at += taken;
      }
      if (this.#prefix === PREFIX_BYTES && this.#left === 0) this.#whole();
    }
    return at;
  }

  #whole(): void {
    this.count++;
    this.#prefix = 0;
    this.#length = 0;
  }
}
