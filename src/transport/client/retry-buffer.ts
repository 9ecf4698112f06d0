/**
 * What a call has sent, kept for as long as it may have to be sent again.
 *
 * Spec: gRFC A6, "Buffering RPC for Retries", "When Retries are Valid".
 * Laws: stands before the stream of one call and looks like it; what is kept is never copied; once committed it keeps nothing;
 * what is written while there is no stream is never dropped.
 */
import type { SinkStream } from "../compressing-queue.js";

/** The chunks of one call, and the stream they go to. */
export class RetryBuffer implements SinkStream {
  readonly #maxBytes: number;
  #stream: SinkStream | undefined;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #committed: boolean;

  /** `maxBytes`: a call that has sent more is committed to the stream it has; 0 commits it from the start. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
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
    return this.#stream === undefined ? this.#bytes : this.#stream.writableLength;
  }

  /** Sends everything to `stream`, and says whether it has room for more. */
  attach(stream: SinkStream): boolean {
    this.#stream = stream;
    const chunks = this.#chunks;
    const last = this.#ended ? chunks.at(-1) : undefined;
    let room = true;
    for (const chunk of chunks) if (chunk !== last) room = stream.write(chunk);
    if (last !== undefined) stream.end(last);
    else if (this.#ended) stream.end();
    this.#commitIfLarge();
    return room;
  }

  /** Gives the stream up. Only while {@link replayable}. */
  detach(): void {
    this.#stream = undefined;
  }

  /** There will be no other stream: nothing is kept any more. */
  commit(): void {
    this.#committed = true;
    this.#chunks = [];
    this.#bytes = 0;
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
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#commitIfLarge();
  }

  #commitIfLarge(): void {
    if (this.#stream !== undefined && this.#bytes > this.#maxBytes) this.commit();
  }
}
