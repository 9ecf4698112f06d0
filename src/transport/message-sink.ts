/**
 * The sending half of a call: messages in, as few and as full chunks as possible out.
 *
 * Spec: PROTOCOL-HTTP2.md, "Length-Prefixed-Message", "Data Frames".
 * Laws: a message is encoded before `send` returns; nothing is promised per message while there is room; a sink whose
 * stream is gone takes nothing more and wakes whoever waits.
 */
import type { MessageType } from "../codec/method.js";
import { MessageWriter } from "../codec/proto/message-writer.js";

/**
 * A chunk is written when it has grown to this many bytes; rates are flat from 16 KiB upwards. Below it, it waits for the
 * end of the current run of microtasks: `nextTick` coalesces a loop of sends and adds no latency, which `setImmediate`
 * does, while `queueMicrotask` fires between two sends.
 */
const FLUSH_BYTES = 32_768;

/** The stream below, as far as sending needs it. */
export interface SinkStream {
  readonly destroyed: boolean;
  readonly closed: boolean;
  readonly writableLength: number;
  write(chunk: Uint8Array): boolean;
  end(chunk?: Uint8Array): unknown;
}

/** The call above: what its sink needs from it. */
export interface SinkOwner {
  /** Called before bytes are written for the first time; the server sends its headers here. */
  beforeFirstWrite(): void;
  /** More than the limit waits although nobody awaits the sends: the call must fail. */
  sendOverflow(queuedBytes: number): void;
}

/** The limits of one sending half. */
export interface SendLimits {
  /** The longest message sent, in bytes; `Infinity` for no limit. */
  readonly maxSendBytes: number;
  /** How many bytes may wait for room when sends are not awaited. */
  readonly maxQueuedBytes: number;
  /** How many bytes are kept after they were written, so that they can be written to another stream; 0 keeps none. */
  readonly maxRetryBufferBytes: number;
}

/** Writes the messages of one direction of one call. */
export class MessageSink<T> {
  readonly #type: MessageType<unknown, T>;
  readonly #limits: SendLimits;
  readonly #owner: SinkOwner;
  #stream: SinkStream | undefined;
  /** The chunk being filled; given back at every flush, so that an idle call holds none. */
  #writer: MessageWriter | undefined;
  /** Full chunks made before there was a stream. */
  #waiting: Uint8Array[] | undefined;
  #waitingBytes = 0;
  /** What was written while it may have to be written again. */
  #kept: Uint8Array[] | undefined;
  #keptBytes = 0;
  #committed: boolean;
  #scheduled = false;
  #written = false;
  #blocked = false;
  #room: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #ending = false;
  #closed = false;
  #onClose: (() => void) | undefined;

  /** How many messages were taken. */
  sent = 0;
  /** What the last message that could not be encoded threw. */
  encodeError: unknown;

  constructor(type: MessageType<unknown, T>, limits: SendLimits, owner: SinkOwner) {
    this.#type = type;
    this.#limits = limits;
    this.#owner = owner;
    this.#committed = limits.maxRetryBufferBytes === 0;
  }

  /** Whether everything written so far can be written again. */
  get replayable(): boolean {
    return !this.#committed;
  }

  /** Whether nothing more is taken: the call is over, or `end` was called. */
  get closed(): boolean {
    return this.#closed || this.#ending;
  }

  /** Whether {@link MessageSink.end} was called. */
  get closedByCaller(): boolean {
    return this.#ending;
  }

  /** Whether bytes wait for flow control. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Gives the sink its stream and writes what has gathered. */
  attach(stream: SinkStream): void {
    this.#stream = stream;
    if (this.#closed) return;
    this.#blocked = false;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#waitingBytes = 0;
    if (waiting !== undefined) for (const chunk of waiting) this.#write(chunk);
    if (this.#ending) this.#finish();
    else this.flush();
    if (!this.#blocked) this.drained();
  }

  /** Takes the stream away: what was written waits for the next one. Only while the sink is {@link replayable}. */
  detach(): void {
    if (this.#stream === undefined) return;
    this.#stream = undefined;
    this.#waiting = this.#kept;
    this.#waitingBytes = this.#keptBytes;
    this.#kept = undefined;
    this.#keptBytes = 0;
    this.#blocked = this.#waiting !== undefined;
  }

  /** There will be no other stream than this one: nothing has to be kept any more. */
  commit(): void {
    this.#committed = true;
    this.#kept = undefined;
    this.#keptBytes = 0;
  }

  #keep(chunk: Uint8Array): void {
    if (this.#committed) return;
    this.#keptBytes += chunk.length;
    if (this.#keptBytes > this.#limits.maxRetryBufferBytes) this.commit();
    else (this.#kept ??= []).push(chunk);
  }

  /**
   * Encodes `message` and queues it. Returns nothing while there is room, else a promise for room that always resolves.
   *
   * @throws TypeError when the message cannot be encoded, StatusError when it is over the limit: those before it and
   * after it are sent all the same.
   */
  send(message: T): Promise<void> | undefined {
    if (this.#closed || this.#ending) return undefined;
    if (this.#blocked && this.#overflows()) return undefined;
    const writer = this.#append(message);
    if (writer.size >= FLUSH_BYTES) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(flushScheduled, this);
    }
    return this.#blocked ? this.room() : undefined;
  }

  /** Sends the one message of a side that sends one, and half-closes with it. @throws as {@link MessageSink.send} does. */
  sendOnly(message: T): void {
    if (this.#closed || this.#ending) return;
    this.#append(message);
    this.end();
  }

  #append(message: T): MessageWriter {
    const writer = (this.#writer ??= MessageWriter.acquire());
    try {
      writer.append(this.#type, message, this.#limits.maxSendBytes);
    } catch (error) {
      this.encodeError = error;
      throw error;
    }
    this.sent++;
    return writer;
  }

  #overflows(): boolean {
    const queued = (this.#writer?.size ?? 0) + this.#waitingBytes + (this.#stream?.writableLength ?? 0);
    if (queued <= this.#limits.maxQueuedBytes) return false;
    this.#owner.sendOverflow(queued);
    return true;
  }

  /** A promise that resolves when there is room, or when the call is over. */
  room(): Promise<void> {
    if (this.#room === undefined) {
      let resolve: () => void = () => undefined;
      const promise = new Promise<void>((done) => (resolve = done));
      this.#room = { promise, resolve };
    }
    return this.#room.promise;
  }

  /** Writes what is pending. Called by the sink itself; the server calls it before its trailers. */
  flush(): void {
    const chunk = this.#takeChunk();
    if (chunk === undefined) return;
    if (this.#stream !== undefined) this.#write(chunk);
    else {
      (this.#waiting ??= []).push(chunk);
      this.#waitingBytes += chunk.length;
      this.#blocked = true;
    }
  }

  /** The scheduled flush: without a stream the chunk goes on filling instead. */
  flushIfAttached(): void {
    this.#scheduled = false;
    if (this.#stream !== undefined && !this.#closed && !this.#ending) this.flush();
  }

  #takeChunk(): Uint8Array | undefined {
    const writer = this.#writer;
    if (writer === undefined) return undefined;
    this.#writer = undefined;
    const chunk = writer.size > 0 ? writer.take() : undefined;
    writer.release();
    return chunk;
  }

  #write(chunk: Uint8Array): void {
    const stream = this.#stream as SinkStream;
    this.#keep(chunk);
    if (stream.destroyed || stream.closed) {
      // The call above hears of it in a moment, and ends or finds another stream.
      if (this.#committed) this.close();
      else this.#blocked = true;
      return;
    }
    this.#announce();
    if (!this.#closed && !stream.write(chunk)) this.#blocked = true;
  }

  #announce(): void {
    if (this.#written) return;
    this.#written = true;
    this.#owner.beforeFirstWrite();
  }

  /** Half-closes: the last chunk and the end of the stream leave together. */
  end(): void {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    if (this.#stream !== undefined) this.#finish();
    this.#settle();
  }

  #finish(): void {
    const stream = this.#stream as SinkStream;
    const chunk = this.#takeChunk();
    if (chunk !== undefined) this.#keep(chunk);
    if (stream.destroyed || stream.closed) return;
    if (chunk === undefined) stream.end();
    else {
      this.#announce();
      if (!this.#closed) stream.end(chunk);
    }
  }

  /** The stream has room again. */
  drained(): void {
    this.#blocked = false;
    this.#wake();
  }

  /** The call is over: what waits is dropped, whoever waits for room is woken, producers are told. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = undefined;
    this.#waitingBytes = 0;
    this.commit();
    this.#takeChunk();
    this.#settle();
  }

  /** Calls `listener` once, when nothing more is taken. One listener: the producer. */
  onClose(listener: () => void): void {
    if (this.closed) listener();
    else this.#onClose = listener;
  }

  #settle(): void {
    this.#blocked = false;
    this.#wake();
    const listener = this.#onClose;
    this.#onClose = undefined;
    listener?.();
  }

  #wake(): void {
    const room = this.#room;
    this.#room = undefined;
    room?.resolve();
  }
}

function flushScheduled(sink: MessageSink<never>): void {
  sink.flushIfAttached();
}

/**
 * Sends every message of an iterable, at the pace of the peer. When the sink closes first, the iterator is told by
 * `return()`, at once. Iterables that are not asynchronous are stepped with a plain loop, which is most of their speed.
 *
 * @throws whatever the iterable throws, and what {@link MessageSink.send} throws.
 */
export async function sendAll<T>(messages: Iterable<T> | AsyncIterable<T>, sink: MessageSink<T>): Promise<void> {
  if (Symbol.iterator in messages) {
    for (const message of messages) {
      const room = sink.send(message);
      if (room !== undefined) await room;
      if (sink.closed) return;
    }
    return;
  }
  const iterator = messages[Symbol.asyncIterator]();
  let done = false;
  sink.onClose(() => {
    if (done) return;
    done = true;
    void closeIterator(iterator);
  });
  try {
    while (!sink.closed) {
      const step = await iterator.next();
      if (step.done === true || sink.closed) return;
      try {
        const room = sink.send(step.value);
        if (room !== undefined) await room;
      } catch (error) {
        if (!done) void closeIterator(iterator);
        throw error;
      }
    }
  } finally {
    done = true;
  }
}

/** An iterator's `return` may fail or never answer; the call it fed is over, so neither matters. */
async function closeIterator(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // The application's own cleanup failed after the call had ended: there is nobody left to tell.
  }
}
