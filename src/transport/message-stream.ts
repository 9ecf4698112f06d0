/**
 * The receiving half of a call: where the chunks that HTTP/2 pushes meet the messages an application pulls.
 *
 * Spec: PROTOCOL-HTTP2.md, "Length-Prefixed-Message"; statuscodes.md (cardinality); PROTOCOL-SEMANTICS.md, status order.
 * Laws: messages are decoded when they are pulled; every message that arrived comes out before the status does; reading
 * pauses only while a whole message waits and nobody asks for it; a failure decided here ends the call at once.
 */
import { LengthPrefixReader } from "../codec/length-prefix.js";
import type { MessageType } from "../codec/method.js";
import { createReader, type WireReader } from "../codec/proto/wire.js";
import { Code, StatusError } from "../codec/status.js";
import type { Codings } from "./codings.js";
import { MessageOpener } from "./message-opener.js";

/**
 * What too few or too many messages on a side that carries one mean. statuscodes.md says UNIMPLEMENTED; some libraries
 * answer INTERNAL and the document may follow them, so it stands here once.
 */
const CARDINALITY_CODE = Code.UNIMPLEMENTED;

/** Bytes of whole messages that may wait unread before the peer is held back. Larger values measured no faster. */
const RECEIVE_BUDGET_BYTES = 65_536;

/** The stream below, as far as receiving needs it. */
export interface PausableSource {
  pause(): unknown;
  resume(): unknown;
}

/** The call above: what it must hear from its message stream. */
export interface MessageStreamOwner {
  /** The peer's bytes cannot be taken any further: the call must end with `error`. */
  receiveFailed(error: StatusError): void;
  /** The application left its loop. */
  receiveAbandoned(): void;
  /** The stream has ended and no message waits any more. May be called again. */
  receiveDrained(): void;
  /** The application asks for a message although the wire has ended; there may be some that it has not taken. */
  receiveResumed(): void;
}

/** The limits of one receiving half. */
export interface ReceiveLimits {
  /** The longest message taken, in bytes. */
  readonly maxReceiveBytes: number;
  /** The most sub-messages, strings and bytes values in one message. */
  readonly maxMessageValues: number;
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

const DONE = Object.freeze({ done: true, value: undefined } as const);

/** An async iterator over the messages of one direction of one call. It is not restartable. */
export class MessageStream<T> implements AsyncIterableIterator<T, undefined, undefined> {
  readonly #type: MessageType<T>;
  #limits: ReceiveLimits;
  readonly #owner: MessageStreamOwner;
  /** A side that carries exactly one message: never paused, counted instead. */
  readonly #single: boolean;
  readonly #messages: LengthPrefixReader;
  #source: PausableSource | undefined;
  #paused = false;
  #waiters: Waiter<T>[] | undefined;
  /** The wire has nothing more to say: `#error` is how it ended. */
  #ended = false;
  #error: StatusError | undefined;
  /** Everything has arrived: what is still in the stream below is taken in without a pause. */
  #complete = false;
  /** The application has been told of the end, or has left its loop. */
  #told = false;
  #reader: WireReader | undefined;
  /** Makes compressed messages plain; only there when the peer has named a coding that is known here. */
  #opener: MessageOpener | undefined;

  /** How many messages were given to the application. */
  received = 0;
  /** Whether anybody ever asked for a message. */
  pulled = false;
  /** Whether the message given out last came compressed. */
  compressed = false;

  constructor(type: MessageType<T>, single: boolean, limits: ReceiveLimits, owner: MessageStreamOwner) {
    this.#type = type;
    this.#single = single;
    this.#limits = limits;
    this.#owner = owner;
    this.#messages = new LengthPrefixReader(limits.maxReceiveBytes);
  }

  /** Other limits. Only before anything has come. */
  limitTo(limits: ReceiveLimits): void {
    this.#limits = limits;
    this.#messages.maxMessageBytes = limits.maxReceiveBytes;
  }

  /** Names the stream that is paused when messages wait. Chunks come through {@link push}. */
  attach(source: PausableSource): void {
    this.#source = source;
  }

  /** Names the `grpc-encoding` the peer declared, and the codings that are known here. */
  codedIn(coding: string, codings: Codings): void {
    const compressor = codings.find(coding);
    this.#messages.coding = coding;
    this.#messages.supported = compressor === undefined ? codings.accepted : undefined;
    if (compressor !== undefined) this.#opener = new MessageOpener(compressor, this.#limits.maxReceiveBytes);
  }

  /** Whether a whole message waits to be pulled. */
  get hasMessage(): boolean {
    return this.#messages.whole > 0 || this.#opener?.held === true;
  }

  /** How many whole messages have come, those that wait included. */
  get arrived(): number {
    return this.received + this.#messages.whole + (this.#opener?.held === true ? 1 : 0);
  }

  /**
   * The peer has said everything, its status included. What is unread would be lost if the connection went now, so it is
   * taken in at once: a window's worth at most.
   */
  readToEnd(): void {
    this.#complete = true;
    this.#resume();
  }

  /** Takes a chunk from the wire. After the end it is dropped. */
  push(chunk: Buffer): void {
    if (this.#ended) return;
    try {
      this.#messages.push(chunk);
    } catch (error) {
      this.#fail(error as StatusError);
      return;
    }
    if (this.#single) {
      const { whole, partial } = this.#messages;
      if (whole > 1 || (whole === 1 && partial)) this.#fail(cardinalityError("more than one message", this.#type));
      return;
    }
    this.#serveWaiters();
    if (this.#paused || this.#complete) return;
    if (this.#messages.whole > 0 && this.#messages.queuedBytes > RECEIVE_BUDGET_BYTES) {
      this.#paused = true;
      this.#source?.pause();
    }
  }

  /**
   * The wire ended: cleanly, or with a status of the peer's. What has arrived is still given out first.
   * Ending in the middle of a message is a failure of its own, unless the peer sent an error anyway.
   */
  end(error?: StatusError): void {
    if (this.#ended) return;
    if (error === undefined && this.#messages.partial) {
      this.#fail(truncatedError());
      return;
    }
    this.#ended = true;
    this.#error = error;
    this.#serveWaiters();
    if (!this.hasMessage) this.#owner.receiveDrained();
  }

  /** Ends now, on this side's own decision: what has not been pulled is dropped and `error` comes next. */
  abort(error: StatusError): void {
    if (this.#told) return;
    this.#ended = true;
    this.#error = error;
    this.#clear();
    this.#resume();
    this.#serveWaiters();
  }

  #clear(): void {
    this.#messages.clear();
    this.#opener?.drop();
  }

  #fail(error: StatusError): void {
    this.#ended = true;
    this.#error = error;
    this.#owner.receiveFailed(error);
    this.#resume();
    this.#serveWaiters();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    this.pulled = true;
    if (this.#ended && !this.#told) this.#owner.receiveResumed();
    if (this.#opener !== undefined) return this.#nextOpened();
    if (this.#waiters === undefined || this.#waiters.length === 0) {
      if (this.#messages.whole > 0) {
        try {
          return Promise.resolve({ done: false, value: this.#pull() });
        } catch (error) {
          return Promise.reject(decodeError(error, this.#type));
        }
      }
      if (this.#ended) {
        const error = this.#tell();
        return error === undefined ? Promise.resolve(DONE) : Promise.reject(error);
      }
    }
    return new Promise((resolve, reject) => {
      (this.#waiters ??= []).push({ resolve, reject });
    });
  }

  /** A compressed message may take its time: everybody waits in line. */
  #nextOpened(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      (this.#waiters ??= []).push({ resolve, reject });
      this.#serveWaiters();
    });
  }

  /** Leaving the loop. */
  return(): Promise<IteratorResult<T, undefined>> {
    if (!this.#told) this.#owner.receiveAbandoned();
    this.#told = true;
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Throws away what waits and what will come, and keeps the bytes flowing. An error not yet told is still told. */
  discard(): void {
    this.#ended = true;
    this.#clear();
    this.#resume();
    this.#serveWaiters();
  }

  /** Opens the one message of a single side. A promise says when it can be taken; without one that is now. */
  openOne(): Promise<void> | undefined {
    return this.#opener === undefined || this.#openNext(this.#opener) ? undefined : this.#opener.opening;
  }

  /**
   * The one message of a single side, once the wire has ended cleanly and it was opened.
   *
   * @throws StatusError UNIMPLEMENTED when none came, INTERNAL when it was cut short or cannot be decompressed or decoded,
   * RESOURCE_EXHAUSTED when it is too large.
   */
  takeOne(): T {
    if (this.#messages.partial) throw truncatedError();
    if (!this.hasMessage) throw cardinalityError("no message", this.#type);
    const message = this.#pull();
    this.#told = true;
    return message;
  }

  /** Opens the next message if it is compressed; `false` while that goes on. */
  #openNext(opener: MessageOpener): boolean {
    if (opener.opening !== undefined) return false;
    const messages = this.#messages;
    if (opener.held || messages.whole === 0 || !messages.compressed) return true;
    messages.next();
    // The next plain message may lie in another chunk than the one there is a reader for.
    this.#reader = undefined;
    opener.open(messages.buffer.subarray(messages.start, messages.end));
    if (opener.opening === undefined) return true;
    void this.#serveWhenOpened(opener.opening);
    return false;
  }

  async #serveWhenOpened(opened: Promise<void>): Promise<void> {
    await opened;
    this.#serveWaiters();
  }

  /** Decodes the next message, which is known to be there. A message that cannot be decoded ends the stream. */
  #pull(): T {
    try {
      const message = this.#opener === undefined ? this.#decodeNext() : this.#decodeOpened(this.#opener);
      this.received++;
      if (this.#messages.whole === 0) this.#drained();
      return message;
    } catch (cause) {
      const error = decodeError(cause, this.#type);
      this.#clear();
      this.#ended = true;
      this.#error = error;
      this.#told = true;
      this.#owner.receiveFailed(error);
      this.#resume();
      throw error;
    }
  }

  #decodeNext(): T {
    const messages = this.#messages;
    const before = messages.buffer;
    messages.next();
    const type = this.#type;
    if (type.decodeFrom === undefined) {
      return type.decode(messages.buffer.subarray(messages.start, messages.end));
    }
    // One reader serves all messages of a chunk: a fresh one for each costs a fifth of the rate.
    // What begins with the message and not with its prefix was joined for it.
    if (this.#reader === undefined || before !== messages.buffer) {
      this.#reader = createReader(messages.buffer, messages.start === 0);
    }
    this.#reader.pos = messages.start;
    return type.decodeFrom(this.#reader, messages.end, this.#limits.maxMessageValues);
  }

  #decodeOpened(opener: MessageOpener): T {
    this.compressed = opener.held;
    if (!opener.held) return this.#decodeNext();
    const plain = opener.take();
    const type = this.#type;
    if (type.decodeFrom === undefined) return type.decode(plain);
    return type.decodeFrom(createReader(plain), plain.length, this.#limits.maxMessageValues);
  }

  #drained(): void {
    this.#reader = undefined;
    this.#messages.releaseBuffer();
    this.#resume();
    if (this.#ended) this.#owner.receiveDrained();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#source?.resume();
  }

  #serveWaiters(): void {
    const waiters = this.#waiters;
    while (waiters !== undefined && waiters.length > 0) {
      if (this.#opener !== undefined && !this.#openNext(this.#opener)) return;
      if (this.hasMessage) {
        const waiter = waiters.shift() as Waiter<T>;
        try {
          waiter.resolve({ done: false, value: this.#pull() });
        } catch (error) {
          waiter.reject(error);
        }
      } else if (this.#ended) {
        const waiter = waiters.shift() as Waiter<T>;
        const error = this.#tell();
        if (error === undefined) waiter.resolve(DONE);
        else waiter.reject(error);
      } else {
        return;
      }
    }
  }

  /** Tells the end once: the first one who asks gets the error, later ones get `done`. */
  #tell(): StatusError | undefined {
    if (this.#told) return undefined;
    this.#told = true;
    return this.#error;
  }
}

function cardinalityError(came: string, type: MessageType): StatusError {
  return new StatusError(
    CARDINALITY_CODE,
    `protocol error: exactly one ${type.typeName} message was wanted, ${came} came`,
  );
}

function truncatedError(): StatusError {
  return new StatusError(Code.INTERNAL, "protocol error: the stream ended in the middle of a message");
}

function decodeError(cause: unknown, type: MessageType): StatusError {
  if (cause instanceof StatusError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  // Our own codecs name the type themselves.
  const text = reason.startsWith("Cannot decode ") ? reason : `Cannot decode ${type.typeName}: ${reason}`;
  return new StatusError(Code.INTERNAL, text, { cause });
}
