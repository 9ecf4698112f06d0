/**
 * The streams of one hedged call: what is written goes to all of them.
 *
 * Laws: there is room when one of them has room, as the fastest one shall not wait for the others; what the others are behind
 * is bounded by what is kept of the call.
 */
import type { SinkStream } from "../../compressing-queue.js";

/** Streams side by side, which look like one. */
export class HedgedStreams implements SinkStream {
  readonly destroyed = false;
  readonly closed = false;
  readonly #streams = new Set<SinkStream>();

  get size(): number {
    return this.#streams.size;
  }

  add(stream: SinkStream): void {
    this.#streams.add(stream);
  }

  delete(stream: SinkStream): void {
    this.#streams.delete(stream);
  }

  /** What waits in the one that has sent the most. */
  get writableLength(): number {
    return Math.min(...[...this.#open()].map((stream) => stream.writableLength), Infinity);
  }

  write(chunk: Uint8Array): boolean {
    let room = false;
    for (const stream of this.#open()) if (stream.write(chunk)) room = true;
    return room;
  }

  end(chunk?: Uint8Array): void {
    for (const stream of this.#open()) {
      if (chunk === undefined) stream.end();
      else stream.end(chunk);
    }
  }

  *#open(): Generator<SinkStream> {
    for (const stream of this.#streams) if (!stream.destroyed && !stream.closed) yield stream;
  }
}
