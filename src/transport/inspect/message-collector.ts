/**
 * Messages as they pass by: put together from the DATA of one direction of one call.
 *
 * Spec: PROTOCOL-HTTP2.md, "Length-Prefixed-Message".
 * Laws: DATA may be cut anywhere; a message over the limit is counted, not kept; a prefix that is none ends the reading, and
 * says so.
 */

/** A message that has passed by. */
export interface SeenMessage {
  /** How many of its direction came before it. */
  readonly index: number;
  /** Whether its prefix says that it is compressed. */
  readonly compressed: boolean;
  /** Its length on the wire, without the prefix. */
  readonly length: number;
  /** Its bytes as they were on the wire; `undefined` when it was longer than what is kept. */
  readonly bytes: Uint8Array | undefined;
}

const PREFIX_BYTES = 5;

/** Collects the messages of one direction of one call. */
export class MessageCollector {
  readonly #maxBytes: number;
  readonly #prefix = new Uint8Array(PREFIX_BYTES);
  #prefixSeen = 0;
  #length = 0;
  #left = 0;
  /** The pieces of the message that is passing. */
  #pieces: Uint8Array[] = [];
  #count = 0;

  /** Why what comes cannot be read as messages, once that is so. */
  problem: string | undefined;

  /** `maxBytes`: the longest message that is kept. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How many messages have passed. */
  get count(): number {
    return this.#count;
  }

  /** What is there of a message that has not passed yet, prefix included, in bytes; 0 between two messages. */
  get partialBytes(): number {
    return this.#prefixSeen === PREFIX_BYTES ? PREFIX_BYTES + this.#length - this.#left : this.#prefixSeen;
  }

  /** Takes the next bytes, and gives the messages that end in them. */
  push(data: Uint8Array): SeenMessage[] {
    const messages: SeenMessage[] = [];
    let at = 0;
    while (this.problem === undefined && (at < data.length || this.#isWhole)) {
      if (this.#prefixSeen < PREFIX_BYTES) at = this.#readPrefix(data, at);
      else at = this.#readPayload(data, at);
      if (this.#isWhole) messages.push(this.#take());
    }
    return messages;
  }

  get #isWhole(): boolean {
    return this.problem === undefined && this.#prefixSeen === PREFIX_BYTES && this.#left === 0;
  }

  #readPrefix(data: Uint8Array, at: number): number {
    const part = data.subarray(at, at + PREFIX_BYTES - this.#prefixSeen);
    this.#prefix.set(part, this.#prefixSeen);
    this.#prefixSeen += part.length;
    if (this.#prefixSeen === PREFIX_BYTES) {
      const [flag = 0] = this.#prefix;
      if (flag > 1) this.problem = `the flag in front of a message must be 0 or 1, and is ${flag}`;
      this.#length = new DataView(this.#prefix.buffer).getUint32(1);
      this.#left = this.#length;
    }
    return at + part.length;
  }

  #readPayload(data: Uint8Array, at: number): number {
    const part = data.subarray(at, at + this.#left);
    if (this.#length <= this.#maxBytes) this.#pieces.push(part);
    this.#left -= part.length;
    return at + part.length;
  }

  #take(): SeenMessage {
    const bytes = this.#length <= this.#maxBytes ? joined(this.#pieces) : undefined;
    this.#pieces = [];
    this.#prefixSeen = 0;
    return { index: this.#count++, compressed: this.#prefix[0] === 1, length: this.#length, bytes };
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
}
