/**
 * One direction of a proxied connection: bytes from one stream to the other, in their order, as late and as slowly as asked.
 *
 * Spec: RFC 9293 §3.6 (half-close).
 * Laws: what the reader does not take is not read either; the end is passed on behind the last byte; what waits to be late is
 * bounded, so that a long delay makes a long pipe and no large one.
 */
import type { Duplex } from "node:stream";
import { TokenBucket } from "./token-bucket.js";

/** How bytes pass. */
export interface Pace {
  /** By how much they come later, in milliseconds. */
  readonly delayMs: number;
  /** How many pass in a second; `undefined` for as many as come. */
  readonly bytesPerSecond: number | undefined;
}

/** Hears what passes. */
export interface RelayListener {
  /** A chunk has come. A promise has the next one wait for it. */
  chunk(chunk: Buffer): Promise<void> | undefined;
  /** The sender has said that no more comes. */
  end(): void;
}

/** What may wait for its time, in bytes. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

interface Waiting {
  bytes: Buffer;
  readonly dueAtMs: number;
}

/** Moves the bytes of one direction. */
export class Relay {
  readonly #from: Duplex;
  readonly #to: Duplex;
  readonly #listener: RelayListener;
  readonly #delayMs: number;
  readonly #bucket: TokenBucket | undefined;
  readonly #queue: Waiting[] = [];
  #waitingBytes = 0;
  /** Why the sender is not read; it is again when there is no reason left. */
  readonly #holds = new Set<"listener" | "queue" | "reader">();
  #timer: NodeJS.Timeout | undefined;
  #isEnded = false;

  constructor(from: Duplex, to: Duplex, { delayMs, bytesPerSecond }: Pace, listener: RelayListener) {
    this.#from = from;
    this.#to = to;
    this.#listener = listener;
    this.#delayMs = delayMs;
    this.#bucket = bytesPerSecond === undefined ? undefined : new TokenBucket(bytesPerSecond, performance.now());
    from.on("data", (chunk: Buffer) => this.#onData(chunk));
    from.on("end", () => this.#onEnd());
    to.on("drain", () => this.#onDrain());
  }

  /** Nothing more is to pass. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #onData(chunk: Buffer): void {
    const held = this.#listener.chunk(chunk);
    if (held !== undefined) {
      this.#hold("listener");
      void held.then(() => this.#release("listener"));
    }
    if (this.#delayMs === 0 && this.#bucket === undefined) {
      this.#write(chunk);
      return;
    }
    this.#queue.push({ bytes: chunk, dueAtMs: performance.now() + this.#delayMs });
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= MAX_WAITING_BYTES) this.#hold("queue");
    if (this.#queue.length === 1) this.#move();
  }

  #onEnd(): void {
    this.#listener.end();
    this.#isEnded = true;
    // The end is as late as a byte would be.
    if (this.#delayMs === 0 && this.#queue.length === 0) this.#to.end();
    else {
      this.#queue.push({ bytes: Buffer.alloc(0), dueAtMs: performance.now() + this.#delayMs });
      if (this.#queue.length === 1) this.#move();
    }
  }

  #onDrain(): void {
    this.#release("reader");
    this.#move();
  }

  /** Passes on what is due, and sees to it that the rest follows. */
  #move(): void {
    clearTimeout(this.#timer);
    while (!this.#holds.has("reader")) {
      const [head] = this.#queue;
      if (head === undefined) return;
      const waitMs = this.#passOn(head);
      if (waitMs > 0) {
        // Whole milliseconds upwards: a timer that is early would only be set once more.
        this.#timer = setTimeout(() => this.#move(), Math.ceil(waitMs));
        return;
      }
    }
  }

  /** Writes what may pass of the head of the queue; gives the milliseconds to wait when nothing may. */
  #passOn(head: Waiting): number {
    const nowMs = performance.now();
    if (head.dueAtMs > nowMs) return head.dueAtMs - nowMs;
    const wanted = head.bytes.length;
    const passing = this.#bucket === undefined || wanted === 0 ? wanted : this.#bucket.take(wanted, nowMs);
    if (passing === 0 && wanted > 0) return Math.max(1, this.#bucket?.msUntil(wanted) ?? 0);
    if (passing === wanted) this.#queue.shift();
    const bytes = head.bytes.subarray(0, passing);
    head.bytes = head.bytes.subarray(passing);
    this.#waitingBytes -= passing;
    if (this.#waitingBytes < MAX_WAITING_BYTES) this.#release("queue");
    if (passing > 0) this.#write(bytes);
    if (this.#isEnded && this.#queue.length === 0) this.#to.end();
    return 0;
  }

  #write(bytes: Buffer): void {
    if (this.#to.writable && !this.#to.write(bytes)) this.#hold("reader");
  }

  #hold(why: "listener" | "queue" | "reader"): void {
    this.#holds.add(why);
    this.#from.pause();
  }

  #release(why: "listener" | "queue" | "reader"): void {
    if (this.#holds.delete(why) && this.#holds.size === 0) this.#from.resume();
  }
}
