/**
 * Errors of a domain as statuses: handlers throw what they throw elsewhere, and clients get a code.
 *
 *   new Server({ interceptors: [statusOf((error) => (error instanceof NotFound ? new StatusError(Code.NOT_FOUND, error.id) : error))] });
 */
import type { Interceptor } from "barewire";

/** What `translate` does not know, it returns as it is. */
export function statusOf(translate: (error: unknown) => unknown): Interceptor {
  return async (_call, next) => {
    try {
      const reply = await next();
      // A handler that yields may fail after its first message.
      return { ...reply, messages: translated(reply.messages, translate) };
    } catch (error) {
      throw translate(error);
    }
  };
}

async function* translated<T>(messages: AsyncIterable<T>, translate: (error: unknown) => unknown): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw translate(error);
  }
}
