/**
 * The sending half of a call: messages in, as few and as full chunks as possible out.
 *
 * Spec: PROTOCOL-HTTP2.md, "Length-Prefixed-Message", "Data Frames".
 * Laws: a message is encoded before `send` returns; nothing is promised per message while there is room; a sink whose
 * stream is gone takes nothing more and wakes whoever waits.
 */
import { compressError } from "../codec/compression.js";
import { PREFIX_BYTES } from "../codec/length-prefix.js";
import type { MessageType } from "../codec/method.js";
import { MessageWriter } from "../codec/proto/message-writer.js";
import type { SendCoding } from "./codings.js";
import { CompressingQueue, type QueueOwner, type SinkStream } from "./compressing-queue.js";

/**
 * A chunk is written when it has grown to this many bytes; rates are flat from 16 KiB upwards. Below it, it waits for the
 * end of the current run of microtasks: `nextTick` coalesces a loop of sends and adds no latency, which `setImmediate`
 * does, while `queueMicrotask` fires between two sends.
 */
const FLUSH_BYTES = 32_768;

/** The call above: what its sink needs from it. */
export interface SinkOwner {
  /** Called before bytes are written for the first time; the server sends its headers here. */
  beforeFirstWrite(): void;
  /** More than the limit waits although nobody awaits the sends: the call must fail. */
  sendOverflow(queuedBytes: number): void;
  /** A message that was taken could not be compressed: the call must fail. */
  sendFailed(error: Error): void;
}

/** The limits of one sending half. */
export interface SendLimits {
  /** The longest message sent, in bytes; `Infinity` for no limit. */
  readonly maxSendBytes: number;
  /** How many bytes may wait for room when sends are not awaited. */
  readonly maxQueuedBytes: number;
}

/** Writes the messages of one direction of one call. */
export class MessageSink<T> implements QueueOwner {
  readonly #type: MessageType<unknown, T>;
  #limits: SendLimits;
  readonly #owner: SinkOwner;
  /** Once there is a queue, it stands here, and the stream behind it. */
  #stream: SinkStream | undefined;
  #queue: CompressingQueue | undefined;
  /** The chunk being filled; given back at every flush, so that an idle call holds none. */
  #writer: MessageWriter | undefined;
  /** Full chunks made before there was a stream. */
  #waiting: Uint8Array[] | undefined;
  #waitingBytes = 0;
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
  /** In what messages are compressed; not to be changed once one was taken. */
  coding: SendCoding | undefined;
  /** Said by the application: `true` compresses short messages as well, `false` none. Holds from the next message on. */
  compress: boolean | undefined;

  constructor(type: MessageType<unknown, T>, limits: SendLimits, owner: SinkOwner) {
    this.#type = type;
    this.#limits = limits;
    this.#owner = owner;
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

  /** Other limits, from the next message on. */
  limitTo(limits: SendLimits): void {
    this.#limits = limits;
  }

  /** Takes back what was sent before there was a stream: other messages come in its place. */
  restart(): void {
    this.#queue?.drop();
    this.#queue = undefined;
    this.#stream = undefined;
    this.#waiting = undefined;
    this.#waitingBytes = 0;
    this.#takeChunk();
    this.#ending = false;
    this.#blocked = false;
    this.sent = 0;
  }

  /** Gives the sink its stream and writes what has gathered. */
  attach(stream: SinkStream): void {
    if (this.#queue !== undefined) {
      this.#queue.attach(stream);
      return;
    }
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

  /**
   * Encodes `message` and queues it. Returns nothing while there is room, else a promise for room that always resolves.
   * `compress` is {@link MessageSink.compress} for this message alone.
   *
   * @throws TypeError when the message cannot be encoded, StatusError when it is over the limit: those before it and
   * after it are sent all the same.
   */
  send(message: T, compress?: boolean): Promise<void> | undefined {
    if (this.#closed || this.#ending) return undefined;
    if (this.#blocked && this.#overflows()) return undefined;
    const writer = this.#append(message, compress);
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
    this.#append(message, undefined);
    this.end();
  }

  #append(message: T, compress: boolean | undefined): MessageWriter {
    const writer = (this.#writer ??= MessageWriter.acquire());
    try {
      const length = writer.append(this.#type, message, this.#limits.maxSendBytes);
      if (this.coding !== undefined) this.#compress(writer, length, this.coding, compress ?? this.compress);
    } catch (error) {
      this.encodeError = error;
      throw error;
    }
    this.sent++;
    return writer;
  }

  /** Compresses the message appended last, unless it is empty, too short, or not meant to be. */
  #compress(
    writer: MessageWriter,
    length: number,
    { compressor, minBytes }: SendCoding,
    asked: boolean | undefined,
  ): void {
    if (length === 0 || asked === false || (asked === undefined && length < minBytes)) return;
    let compressed: Uint8Array | PromiseLike<Uint8Array>;
    try {
      compressed = compressor.compress(writer.peekLast(length));
      if (compressed instanceof Uint8Array) writer.replaceLast(length, compressed);
    } catch (cause) {
      writer.dropLast(length);
      throw compressError(cause, compressor, this.#type.typeName);
    }
    if (!(compressed instanceof Uint8Array)) this.#compressLater(length, compressed);
  }

  /** Takes the message appended last out of the chunk: it leaves when it is compressed, and all that follows behind it. */
  #compressLater(length: number, compressed: PromiseLike<Uint8Array>): void {
    const chunk = this.#takeChunk() as Uint8Array;
    if (this.#queue === undefined) {
      this.#queue = new CompressingQueue(this, this.#stream);
      this.#stream = this.#queue;
      for (const waiting of this.#waiting ?? []) this.#queue.write(waiting);
      this.#waiting = undefined;
      this.#waitingBytes = 0;
    }
    const before = chunk.length - PREFIX_BYTES - length;
    if (before > 0) this.#write(chunk.subarray(0, before));
    this.#announce();
    if (this.#closed) return;
    this.#queue.writeLater(compressed, length);
    this.#blocked = true;
  }

  queueDrained(): void {
    this.drained();
  }

  queueFailed(cause: unknown): void {
    const error = compressError(cause, (this.coding as SendCoding).compressor, this.#type.typeName);
    this.encodeError = error;
    this.#owner.sendFailed(error);
  }

  /** Gives up the messages that are not compressed yet, so that what follows need not wait for them. */
  dropWaiting(): void {
    this.#queue?.drop();
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
    if (stream.destroyed || stream.closed) {
      this.close();
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
    if (stream.destroyed || stream.closed) return;
    if (chunk === undefined) stream.end();
    else {
      this.#announce();
      if (!this.#closed) stream.end(chunk);
    }
  }

  /** The stream has room again. */
  drained(): void {
    if (this.#queue?.busy === true) return;
    this.#blocked = false;
    this.#wake();
  }

  /** The call is over: what waits is dropped, whoever waits for room is woken, producers are told. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = undefined;
    this.#waitingBytes = 0;
    this.#queue?.drop();
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
