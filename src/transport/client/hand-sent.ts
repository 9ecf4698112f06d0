/**
 * Requests sent by hand while interceptors have the say: kept until it is known who takes them.
 *
 * Laws: as with a sink, a message is encoded before `send` returns and a wrong one throws there; what waits is bounded; whoever
 * iterates gets messages of his own, whole ones, whatever has become of those that were given.
 */
import { PREFIX_BYTES } from "../../codec/length-prefix.js";
import type { MessageType } from "../../codec/method.js";
import { MessageWriter } from "../../codec/proto/message-writer.js";
import { createReader } from "../../codec/proto/wire.js";
import type { MessageSink, SendLimits } from "../message-sink.js";

/** Above this many bytes `send` returns a promise for room. */
const ROOM_BYTES = 32_768;

/** What must hear that too much waits. */
export interface HandSentOwner {
  sendOverflow(queuedBytes: number): void;
}

interface Kept {
  readonly bytes: Uint8Array;
  readonly compress: boolean | undefined;
}

/** The requests of one call. Looks like a sink to whoever sends, and like an iterable to interceptors. */
export class HandSent implements AsyncIterable<unknown> {
  readonly #type: MessageType;
  readonly #limits: SendLimits;
  readonly #owner: HandSentOwner;
  #kept: Kept[] = [];
  #keptBytes = 0;
  #room: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #wake: (() => void) | undefined;
  #ending = false;
  #closed = false;

  constructor(type: MessageType, limits: SendLimits, owner: HandSentOwner) {
    this.#type = type;
    this.#limits = limits;
    this.#owner = owner;
  }

  get closedByCaller(): boolean {
    return this.#ending;
  }

  /** @throws as {@link MessageSink.send} does. */
  send(message: unknown, compress?: boolean): Promise<void> | undefined {
    if (this.#closed || this.#ending) return undefined;
    if (this.#keptBytes > this.#limits.maxQueuedBytes) {
      this.#owner.sendOverflow(this.#keptBytes);
      return undefined;
    }
    const bytes = this.#encode(message);
    this.#kept.push({ bytes, compress });
    this.#keptBytes += bytes.length;
    this.#awake();
    return this.#keptBytes > ROOM_BYTES ? this.#roomPromise() : undefined;
  }

  #encode(message: unknown): Uint8Array {
    const writer = MessageWriter.acquire();
    try {
      writer.append(this.#type, message, this.#limits.maxSendBytes);
      return writer.take().subarray(PREFIX_BYTES);
    } finally {
      writer.release();
    }
  }

  #decode(bytes: Uint8Array): unknown {
    const type = this.#type;
    if (type.decodeFrom === undefined) return type.decode(bytes);
    return type.decodeFrom(createReader(bytes), bytes.length, Infinity);
  }

  #roomPromise(): Promise<void> {
    if (this.#room === undefined) {
      let resolve: () => void = () => undefined;
      const promise = new Promise<void>((done) => (resolve = done));
      this.#room = { promise, resolve };
    }
    return this.#room.promise;
  }

  #makeRoom(): void {
    const room = this.#room;
    this.#room = undefined;
    room?.resolve();
  }

  #awake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Says that no more requests come. */
  end(): void {
    this.#ending = true;
    this.#awake();
    this.#makeRoom();
  }

  /** The call is over: nothing more is taken, and whoever waits is woken. */
  close(): void {
    this.#closed = true;
    this.#kept = [];
    this.#keptBytes = 0;
    this.#awake();
    this.#makeRoom();
  }

  /** Nobody has touched them: everything goes to `sink`, and what is sent from now on goes there itself. */
  forward(sink: MessageSink<unknown>): void {
    for (const { bytes, compress } of this.#kept) void sink.send(this.#decode(bytes), compress);
    this.#kept = [];
    if (this.#ending) sink.end();
    const room = this.#room;
    if (room === undefined) return;
    if (sink.blocked) void sink.room().then(room.resolve);
    else room.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator {
    for (;;) {
      for (let next = this.#kept.shift(); next !== undefined; next = this.#kept.shift()) {
        this.#keptBytes -= next.bytes.length;
        if (this.#keptBytes <= ROOM_BYTES) this.#makeRoom();
        yield this.#decode(next.bytes);
      }
      if (this.#ending || this.#closed) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
