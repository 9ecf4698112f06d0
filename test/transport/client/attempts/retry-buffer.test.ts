/**
 * What is kept of a call to be sent again.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RetryBudget, RetryBuffer } from "../../../../src/transport/client/attempts/retry-buffer.js";
import type { SinkStream } from "../../../../src/transport/compressing-queue.js";

/** A stream that remembers what it was given. */
class Taken implements SinkStream {
  readonly chunks: Uint8Array[] = [];
  ended = false;
  readonly destroyed = false;
  readonly closed = false;
  readonly writableLength = 0;

  write(chunk: Uint8Array): boolean {
    this.chunks.push(chunk);
    return true;
  }

  end(chunk?: Uint8Array): void {
    if (chunk !== undefined) this.chunks.push(chunk);
    this.ended = true;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

const CHUNK_BYTES = 36_864;

/** A few bytes in a large chunk, as a sink gives them. */
function piece(bytes: number, value: number): Buffer {
  return Buffer.allocUnsafeSlow(CHUNK_BYTES)
    .subarray(100, 100 + bytes)
    .fill(value);
}

/** The memory that is held by chunks. */
function held(chunks: readonly Uint8Array[]): number {
  return [...new Set(chunks.map((chunk) => chunk.buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

describe("RetryBuffer", () => {
  test("R260 small pieces do not hold the large chunks they were cut from", () => {
    const buffer = new RetryBuffer(1024 * 1024, new RetryBudget(Infinity));
    const first = new Taken();
    buffer.attach(first);
    for (let i = 0; i < 5000; i++) buffer.write(piece(10, i % 256));
    buffer.end(piece(10, 255));
    buffer.detach();
    const second = new Taken();
    buffer.attach(second);
    assert.deepEqual(second.bytes, first.bytes);
    assert.equal(second.ended, true);
    assert.ok(held(second.chunks) <= 4 * CHUNK_BYTES, `${held(second.chunks)} bytes are held`);
  });

  test("R260 pieces of all sizes, written before, between and after streams, arrive whole and in order", () => {
    const buffer = new RetryBuffer(Infinity, new RetryBudget(Infinity));
    const wanted: Buffer[] = [];
    const write = (bytes: number): void => {
      const one = piece(bytes, wanted.length % 256);
      wanted.push(Buffer.from(one));
      buffer.write(one);
    };
    for (const bytes of [3, 700, 20_000, 5, 8191, 8192, 30_000, 1]) write(bytes);
    const streams = [new Taken(), new Taken(), new Taken()];
    for (const stream of streams) {
      buffer.attach(stream);
      for (const bytes of [1, 9000, 40, 8000, 8000]) write(bytes);
      // What was written on a stream stays as it is, whatever comes afterwards.
      assert.deepEqual(stream.bytes, Buffer.concat(wanted));
      buffer.detach();
      write(17);
    }
    const last = new Taken();
    buffer.attach(last);
    buffer.end();
    assert.deepEqual(last.bytes, Buffer.concat(wanted));
    assert.equal(last.ended, true);
  });

  test("R259 once more was sent than may be kept, nothing is kept", () => {
    const buffer = new RetryBuffer(100, new RetryBudget(Infinity));
    const stream = new Taken();
    buffer.attach(stream);
    for (let i = 0; i < 10; i++) buffer.write(piece(10, i));
    assert.equal(buffer.replayable, true);
    buffer.write(piece(1, 10));
    assert.equal(buffer.replayable, false);
    assert.equal(stream.bytes.length, 101);
  });
});
