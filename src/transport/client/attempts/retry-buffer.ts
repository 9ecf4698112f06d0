/**
 * What a call has sent, kept for as long as it may have to be sent again.
 *
 * Spec: gRFC A6, "Buffering RPC for Retries", "When Retries are Valid".
 * Laws: stands before the stream of one call and looks like it; what is kept holds no more memory than it is worth; once committed
 * it keeps nothing, and until then it counts in the budget of its channel; what is written while there is no stream is never dropped.
 */
import type { SinkStream } from "../../compressing-queue.js";

/** A shorter piece is copied behind others: it would hold the whole chunk it was cut from, 36 KiB for ten bytes. */
const SMALL_PIECE_BYTES = 8192;
const MIN_GATHER_BYTES = 1024;
const MAX_GATHER_BYTES = 16_384;

/** What all calls of a channel keep together, and may. */
export class RetryBudget {
  readonly maxBytes: number;
  bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }
}

/** The chunks of one call, and the stream they go to. */
export class RetryBuffer implements SinkStream {
  readonly #maxBytes: number;
  readonly #budget: RetryBudget;
  #stream: SinkStream | undefined;
  #chunks: Uint8Array[] = [];
  /** The last chunk, when it is one of ours with room for more. */
  #gather: Buffer | undefined;
  #bytes = 0;
  /** How many of them were sent on a stream that is gone: they do not wait for room. */
  #sentBytes = 0;
  #ended = false;
  #committed: boolean;

  /** Called when too much was sent to be kept, before that is given to the stream: it may be {@link narrow}ed there. */
  overflowed: (() => void) | undefined;

  /** `maxBytes`: a call that has sent more is committed to the stream it has; 0 commits it from the start. */
  constructor(maxBytes: number, budget: RetryBudget) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
    this.#committed = maxBytes === 0;
  }

  /** Whether there may be another stream: everything written so far is here. */
  get replayable(): boolean {
    return !this.#committed;
  }

  /** A stream that is gone counts only if there cannot be another. */
  get destroyed(): boolean {
    return this.#committed && this.#stream?.destroyed === true;
  }

  get closed(): boolean {
    return this.#committed && this.#stream?.closed === true;
  }

  get writableLength(): number {
    return this.#stream === undefined ? this.#bytes - this.#sentBytes : this.#stream.writableLength;
  }

  /** Sends everything to `stream`, as well as what follows, and says whether it has room for more. */
  attach(stream: SinkStream): boolean {
    this.#stream = stream;
    const room = this.replayTo(stream);
    this.#commitIfLarge();
    return room;
  }

  /** Sends everything so far to `stream`, and says whether it has room for more. */
  replayTo(stream: SinkStream): boolean {
    const chunks = this.#chunks;
    const last = this.#ended ? chunks.at(-1) : undefined;
    let room = true;
    for (const chunk of chunks) if (chunk !== last) room = stream.write(chunk);
    if (last !== undefined) stream.end(last);
    else if (this.#ended) stream.end();
    return room;
  }

  /** Gives the stream up. Only while {@link replayable}. */
  detach(): void {
    if (this.#stream !== undefined) this.#sentBytes = this.#bytes;
    this.#stream = undefined;
  }

  /** Of several streams behind the one attached, this alone is left, and has all that was sent. */
  narrow(stream: SinkStream): void {
    this.#stream = stream;
    this.commit();
  }

  /** There will be no other stream: nothing is kept any more. */
  commit(): void {
    this.#committed = true;
    if (this.#bytes === 0) return;
    this.#budget.bytes -= this.#bytes;
    this.#chunks = [];
    this.#gather = undefined;
    this.#bytes = 0;
    this.#sentBytes = 0;
  }

  write(chunk: Uint8Array): boolean {
    this.#keep(chunk);
    const stream = this.#stream;
    return stream !== undefined && !stream.destroyed && !stream.closed && stream.write(chunk);
  }

  end(chunk?: Uint8Array): void {
    this.#ended = true;
    if (chunk !== undefined) this.#keep(chunk);
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed || stream.closed) return;
    if (chunk === undefined) stream.end();
    else stream.end(chunk);
  }

  #keep(chunk: Uint8Array): void {
    if (this.#committed) return;
    // The first one is all there is of most calls.
    if (chunk.length < SMALL_PIECE_BYTES && this.#chunks.length > 0) this.#gatherPiece(chunk);
    else {
      this.#chunks.push(chunk);
      this.#gather = undefined;
    }
    this.#bytes += chunk.length;
    this.#budget.bytes += chunk.length;
    this.#commitIfLarge();
  }

  #gatherPiece(piece: Uint8Array): void {
    const last = this.#chunks.length - 1;
    const used = this.#gather === undefined ? 0 : (this.#chunks[last] as Uint8Array).length;
    if (this.#gather === undefined || used + piece.length > this.#gather.length) {
      const bytes = Math.min(Math.max(this.#bytes, MIN_GATHER_BYTES), MAX_GATHER_BYTES);
      this.#gather = Buffer.allocUnsafeSlow(Math.max(bytes, piece.length));
      this.#gather.set(piece);
      this.#chunks.push(this.#gather.subarray(0, piece.length));
    } else {
      this.#gather.set(piece, used);
      this.#chunks[last] = this.#gather.subarray(0, used + piece.length);
    }
  }

  #commitIfLarge(): void {
    if (this.#stream === undefined || this.#committed) return;
    if (this.#bytes <= this.#maxBytes && this.#budget.bytes <= this.#budget.maxBytes) return;
    if (this.overflowed !== undefined) this.overflowed();
    else this.commit();
  }
}
