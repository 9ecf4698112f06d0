/**
 * Where a sink's chunks wait behind messages that are being compressed.
 *
 * Laws: what was given first leaves first; the end of the stream waits like everything else; made for the first message that
 * is compressed beside the event loop, so that calls without one have none.
 */
import { encodeCompressed } from "../codec/proto/message-writer.js";

/** The stream below, as far as sending needs it. */
export interface SinkStream {
  readonly destroyed: boolean;
  readonly closed: boolean;
  readonly writableLength: number;
  write(chunk: Uint8Array): boolean;
  end(chunk?: Uint8Array): unknown;
}

/** The sink above. */
export interface QueueOwner {
  /** Everything has left, and the stream has room. */
  queueDrained(): void;
  /** A message could not be compressed. What waited behind it is gone. */
  queueFailed(cause: unknown): void;
}

interface Waiting {
  /** As it will stand on the wire; `undefined` until it is known. */
  bytes: Uint8Array | undefined;
  readonly size: number;
}

/** Stands before the stream of one sink, and looks like it. */
export class CompressingQueue implements SinkStream {
  readonly #owner: QueueOwner;
  #stream: SinkStream | undefined;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #ending = false;

  constructor(owner: QueueOwner, stream: SinkStream | undefined) {
    this.#owner = owner;
    this.#stream = stream;
  }

  get destroyed(): boolean {
    return this.#stream?.destroyed === true;
  }

  get closed(): boolean {
    return this.#stream?.closed === true;
  }

  /** Messages that are being compressed count with their plain size. */
  get writableLength(): number {
    return this.#waitingBytes + (this.#stream?.writableLength ?? 0);
  }

  /** Whether something waits here. */
  get busy(): boolean {
    return this.#waiting.length > 0;
  }

  /** Names the stream, and gives it what is ready. */
  attach(stream: SinkStream): void {
    this.#stream = stream;
    this.#pass();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#stream !== undefined && !this.busy) return this.#stream.write(chunk);
    this.#wait({ bytes: chunk, size: chunk.length });
    return false;
  }

  /** A message of `size` bytes, whose compressed form comes later. */
  writeLater(compressed: PromiseLike<Uint8Array>, size: number): void {
    const waiting: Waiting = { bytes: undefined, size };
    this.#wait(waiting);
    void this.#settle(waiting, compressed);
  }

  async #settle(waiting: Waiting, compressed: PromiseLike<Uint8Array>): Promise<void> {
    try {
      const bytes: unknown = await compressed;
      if (!(bytes instanceof Uint8Array)) throw new TypeError("its compressor must return a Uint8Array");
      waiting.bytes = encodeCompressed(bytes);
    } catch (cause) {
      if (this.#isDropped(waiting)) return;
      this.#fail(cause);
      return;
    }
    if (!this.#isDropped(waiting)) this.#pass();
  }

  /** Nobody wants to know any more what became of it, and the stream may have ended. */
  #isDropped(waiting: Waiting): boolean {
    return !this.#waiting.includes(waiting);
  }

  #fail(cause: unknown): void {
    const ending = this.#ending;
    this.drop();
    this.#owner.queueFailed(cause);
    // The end was given already, and nothing is left to wait for.
    if (ending) this.#pass();
  }

  end(chunk?: Uint8Array): void {
    if (chunk !== undefined) this.#wait({ bytes: chunk, size: chunk.length });
    this.#ending = true;
    this.#pass();
  }

  #wait(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#waitingBytes += waiting.size;
  }

  /** Gives the stream what is at the front and ready. */
  #pass(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    if (stream.destroyed || stream.closed) {
      this.drop();
      return;
    }
    let room = true;
    let last: Uint8Array | undefined;
    while (this.#waiting[0]?.bytes !== undefined) {
      const { bytes, size } = this.#waiting.shift() as Waiting;
      this.#waitingBytes -= size;
      // With the last chunk goes the end, so that END_STREAM needs no frame of its own.
      if (this.#ending && !this.busy) last = bytes;
      else room = stream.write(bytes as Uint8Array);
    }
    if (this.busy) return;
    if (!this.#ending) {
      if (room) this.#owner.queueDrained();
    } else if (last === undefined) stream.end();
    else stream.end(last);
  }

  /** Forgets what waits. */
  drop(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}
