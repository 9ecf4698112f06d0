/**
 * Sends what can be iterated: pulls messages at the pace at which a sink takes them.
 *
 * Spec: PROTOCOL-HTTP2.md, "Data Frames"; RFC 9113 §5.2 (flow control).
 * Laws: one message is pulled when there is room, not before; an iterator whose call has ended is told so.
 */
import type { MessageSink } from "./message-sink.js";

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
