/**
 * The responses of a call behind interceptors: those of the network, or whatever an interceptor has put in their place.
 *
 * Laws: who asks before it is known where they come from, waits; those of the network, untouched, come without a step between; an
 * interceptor's source is asked for one message at a time, and its answer counts only while the call goes on.
 */
import type { MessageStream } from "../message-stream.js";
import type { StatusError } from "../../codec/status.js";

/** The call above. */
export interface InterceptedResponsesOwner {
  /** Somebody waits for a message of an interceptor's source. */
  pulling(): void;
  /** Nobody does any more. */
  pulled(): void;
  /** The source has ended, or thrown. */
  sourceEnded(error?: unknown): void;
  /** The application left its loop. */
  left(): void;
  /** Whether somebody wants to know how the call ends: behind the last message, the source is asked for the end. */
  readonly endAwaited: boolean;
}

interface Waiter {
  readonly resolve: (result: IteratorResult<unknown, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE = Object.freeze({ done: true, value: undefined } as const);

/** An async iterator over the responses of one call. */
export class InterceptedResponses implements AsyncIterableIterator<unknown, undefined, undefined> {
  readonly #owner: InterceptedResponsesOwner;
  readonly #network: MessageStream<unknown>;
  #direct = false;
  #source: AsyncIterator<unknown> | undefined;
  #stepping = false;
  /** A message that came when the end was asked for. */
  #ahead: { readonly value: unknown } | undefined;
  readonly #waiters: Waiter[] = [];
  #ended = false;
  #error: StatusError | undefined;

  /** Whether anybody ever asked for a message. */
  pulled = false;

  constructor(owner: InterceptedResponsesOwner, network: MessageStream<unknown>) {
    this.#owner = owner;
    this.#network = network;
  }

  /** Whether the message given out last came compressed. */
  get compressed(): boolean {
    return this.#network.compressed;
  }

  /** They are those of the network. */
  passThrough(): void {
    this.#direct = true;
    this.#serve();
  }

  /** They are an interceptor's. */
  takeFrom(messages: AsyncIterable<unknown>): void {
    this.#source = messages[Symbol.asyncIterator]();
    this.#serve();
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    this.pulled = true;
    if (this.#direct && this.#waiters.length === 0) return this.#network.next();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#serve();
    });
  }

  /** Leaving the loop. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#direct) return this.#network.return();
    if (!this.#ended) this.#owner.left();
    this.#error = undefined;
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Somebody wants to know how the call ends. */
  lookForEnd(): void {
    this.#serve();
  }

  /** The call is over: the first who asks gets the error, later ones nothing. An interceptor's source is told. */
  end(error: StatusError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    const source = this.#source;
    this.#source = undefined;
    if (source !== undefined) void closeSource(source);
    this.#serve();
  }

  #serve(): void {
    if (this.#direct) {
      for (const { resolve, reject } of this.#waiters.splice(0)) this.#network.next().then(resolve, reject);
    } else if (this.#ended) {
      for (const waiter of this.#waiters.splice(0)) this.#tellEnd(waiter);
    } else if (this.#source !== undefined && !this.#stepping) {
      this.#takeAhead();
      const asked = this.#waiters.length > 0 || this.#owner.endAwaited;
      if (asked && this.#ahead === undefined) void this.#step(this.#source);
    }
  }

  #takeAhead(): void {
    if (this.#ahead === undefined) return;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) return;
    const { value } = this.#ahead;
    this.#ahead = undefined;
    waiter.resolve({ done: false, value });
  }

  #tellEnd({ resolve, reject }: Waiter): void {
    const error = this.#error;
    this.#error = undefined;
    if (error === undefined) resolve(DONE);
    else reject(error);
  }

  async #step(source: AsyncIterator<unknown>): Promise<void> {
    this.#stepping = true;
    this.#owner.pulling();
    try {
      const { done, value } = await source.next();
      if (this.#ended) return;
      if (done === true) {
        this.#source = undefined;
        this.#owner.sourceEnded();
      } else {
        this.#ahead = { value };
      }
    } catch (error) {
      this.#source = undefined;
      this.#owner.sourceEnded(error);
    } finally {
      this.#stepping = false;
      this.#owner.pulled();
      this.#serve();
    }
  }
}

/** A source's `return` may fail or never answer; the call is over, so neither matters. */
async function closeSource(source: AsyncIterator<unknown>): Promise<void> {
  try {
    await source.return?.();
  } catch {
    // The interceptor's own cleanup failed after the call had ended: there is nobody left to tell.
  }
}
