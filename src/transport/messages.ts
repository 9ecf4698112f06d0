/**
 * Messages as interceptors see them: whatever an application gave, as an async iterable that can be unwrapped again.
 *
 * Laws: what nobody touches is unwrapped, and costs what it did without.
 */
import type { MessageType } from "../codec/method.js";
import { Code, StatusError } from "../codec/status.js";

/** The messages of an iterable of any sort. */
export class MessagesOf<T> implements AsyncIterable<T> {
  readonly source: Iterable<T> | AsyncIterable<T>;
  #iterator: AsyncIterator<T> | undefined;
  #closed = false;

  constructor(source: Iterable<T> | AsyncIterable<T>) {
    this.source = source;
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    const { source } = this;
    const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : stepped(source);
    this.#iterator = iterator;
    return { next: () => iterator.next(), return: () => this.#close() };
  }

  /** Nobody wants the rest. A generator around it cannot say so while it waits for the next one. */
  close(): void {
    this.#close().catch(ignore);
  }

  /** Tells the iterator, once. */
  async #close(): Promise<IteratorResult<T, undefined>> {
    if (!this.#closed) {
      this.#closed = true;
      await this.#iterator?.return?.();
    }
    return { done: true, value: undefined };
  }
}

async function* stepped<T>(source: Iterable<T>): AsyncGenerator<T> {
  yield* source;
}

/** The one message of a side that has one. */
export class OneMessage<T> implements AsyncIterable<T> {
  readonly message: T;

  constructor(message: T) {
    this.message = message;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    yield this.message;
  }
}

/** What may be iterated as it is: the source itself where nobody has put anything around it. */
export function unwrapped<T>(messages: AsyncIterable<T>): Iterable<T> | AsyncIterable<T> {
  return messages instanceof MessagesOf ? (messages as MessagesOf<T>).source : messages;
}

/** The one message of a side that has one. @throws StatusError UNIMPLEMENTED when there is none, or more. */
export async function onlyMessage<T>(messages: AsyncIterable<T>, type: MessageType): Promise<T> {
  if (messages instanceof OneMessage) return (messages as OneMessage<T>).message;
  let only: { readonly message: T } | undefined;
  for await (const message of messages) {
    if (only !== undefined) throw wrongNumber("more than one message", type);
    only = { message };
  }
  if (only === undefined) throw wrongNumber("no message", type);
  return only.message;
}

function wrongNumber(came: string, type: MessageType): StatusError {
  return new StatusError(
    Code.UNIMPLEMENTED,
    `protocol error: exactly one ${type.typeName} message was wanted, ${came} came`,
  );
}

/** Whether something can be iterated, at once or step by step. */
export function isIterable(value: unknown): value is Iterable<unknown> | AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

function ignore(): void {}
