/**
 * Size-delimited messages, the form in which the suite talks to the programs under test over stdin and stdout.
 *
 * Spec: connectconformance, `docs/testing_clients.md`, "Interacting with the test runner".
 * Laws: a size is four bytes, big-endian; a stream that ends inside a message is an error.
 */
import type { MessageType } from "../../../src/index.js";

const SIZE_BYTES = 4;

/** The messages of a stream of bytes, cut anywhere. @throws Error when it ends in the middle of one. */
export async function* readDelimited<T>(chunks: AsyncIterable<Buffer>, type: MessageType<T, never>): AsyncGenerator<T> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= SIZE_BYTES && rest.length >= SIZE_BYTES + rest.readUInt32BE(0)) {
      const end = SIZE_BYTES + rest.readUInt32BE(0);
      yield type.decode(rest.subarray(SIZE_BYTES, end));
      rest = rest.subarray(end);
    }
  }
  if (rest.length > 0) throw new Error(`Cannot read a message as the stream ended ${rest.length} bytes into it`);
}

/** A message behind its size, in one chunk, so that concurrent writers never interleave. */
export function delimited<T>(type: MessageType<unknown, T>, message: T): Buffer {
  const bytes = type.encode(message);
  const size = Buffer.alloc(SIZE_BYTES);
  size.writeUInt32BE(bytes.length);
  return Buffer.concat([size, bytes]);
}
