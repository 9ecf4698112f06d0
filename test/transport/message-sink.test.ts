/** The sending half on its own: messages in, few and full chunks out, and room for more when the stream has it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MessageType } from "../../src/codec/method.js";
import { Code } from "../../src/codec/status.js";
import type { SinkStream } from "../../src/transport/compressing-queue.js";
import { MessageSink, type SinkOwner } from "../../src/transport/message-sink.js";
import { sendAll } from "../../src/transport/send-all.js";
import { Bytes, messagesIn } from "../support/peer-service.js";

const LIMITS = { maxSendBytes: Infinity, maxQueuedBytes: 100_000 };

/** A stream that keeps what is written; full from `highWaterMark` bytes on, until {@link FakeStream.take}. */
class FakeStream implements SinkStream {
  destroyed = false;
  closed = false;
  ended = false;
  writableLength = 0;
  highWaterMark = Infinity;
  readonly chunks: Buffer[] = [];

  write(chunk: Uint8Array): boolean {
    assert.equal(this.ended, false, "nothing is written after the end");
    this.chunks.push(Buffer.from(chunk));
    this.writableLength += chunk.length;
    return this.writableLength < this.highWaterMark;
  }

  end(chunk?: Uint8Array): void {
    if (chunk !== undefined) this.write(chunk);
    this.ended = true;
  }

  /** What the peer has read by now. */
  take(): string[] {
    this.writableLength = 0;
    return messagesIn(Buffer.concat(this.chunks));
  }
}

class Notes implements SinkOwner {
  announced = 0;
  overflows: number[] = [];

  beforeFirstWrite(): void {
    this.announced++;
  }

  sendOverflow(queuedBytes: number): void {
    this.overflows.push(queuedBytes);
  }

  readonly failures: Error[] = [];

  sendFailed(error: Error): void {
    this.failures.push(error);
  }
}

function make(
  type: MessageType<unknown, Uint8Array> = Bytes,
  limits = LIMITS,
): { sink: MessageSink<Uint8Array>; stream: FakeStream; notes: Notes } {
  const notes = new Notes();
  return { sink: new MessageSink(type, limits, notes), stream: new FakeStream(), notes };
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

function nextTick(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

describe("send", () => {
  test("messages sent in one run leave as one chunk, behind the owner's headers", async () => {
    const { sink, stream, notes } = make();
    sink.attach(stream);
    for (const text of ["a", "b", "c"]) assert.equal(sink.send(bytes(text)), undefined);
    assert.equal(stream.chunks.length, 0);
    assert.equal(notes.announced, 0);
    await nextTick();
    assert.equal(stream.chunks.length, 1);
    assert.deepEqual(stream.take(), ["a", "b", "c"]);
    assert.equal(notes.announced, 1);
    assert.equal(sink.sent, 3);
  });

  test("a full chunk leaves at once", () => {
    const { sink, stream } = make();
    sink.attach(stream);
    void sink.send(Buffer.alloc(40_000));
    assert.equal(stream.chunks.length, 1);
  });

  test("bytes that were handed on are never changed by later messages", async () => {
    const { sink, stream } = make();
    const written: { readonly chunk: Uint8Array; readonly was: string }[] = [];
    stream.write = (chunk) => {
      written.push({ chunk, was: Buffer.from(chunk).toString("hex") });
      return true;
    };
    sink.attach(stream);
    for (let i = 0; i < 200; i++) {
      void sink.send(Buffer.alloc(i * 7, i));
      if (i % 3 === 0) await nextTick();
    }
    await nextTick();
    assert.ok(written.length > 20);
    for (const { chunk, was } of written) assert.equal(Buffer.from(chunk).toString("hex"), was);
  });

  test("gives a promise for room when the stream is full, which drained resolves", async () => {
    const { sink, stream } = make();
    stream.highWaterMark = 10;
    sink.attach(stream);
    void sink.send(bytes("more than ten bytes"));
    await nextTick();
    const room = sink.send(bytes("x"));
    assert.ok(room instanceof Promise);
    let resolved = false;
    void room.then(() => (resolved = true));
    await nextTick();
    assert.equal(resolved, false);
    sink.drained();
    await room;
    assert.equal(sink.blocked, false);
  });

  test("a message that cannot be encoded throws and costs nothing but itself", async () => {
    const picky: MessageType<unknown, Uint8Array> = {
      ...Bytes,
      encode: (message) => {
        if (message.length === 3) throw new TypeError("three is too many");
        return message;
      },
    };
    const { sink, stream } = make(picky);
    sink.attach(stream);
    void sink.send(bytes("a"));
    assert.throws(() => sink.send(bytes("bad")), { name: "TypeError", message: "three is too many" });
    assert.ok(sink.encodeError instanceof TypeError);
    void sink.send(bytes("b"));
    await nextTick();
    assert.deepEqual(stream.take(), ["a", "b"]);
    assert.equal(sink.sent, 2);
  });

  test("R132 a message over the send limit is RESOURCE_EXHAUSTED and not sent; the limit itself passes", async () => {
    const { sink, stream } = make(Bytes, { ...LIMITS, maxSendBytes: 5 });
    sink.attach(stream);
    assert.throws(() => sink.send(bytes("sixsix")), { code: Code.RESOURCE_EXHAUSTED });
    void sink.send(bytes("five!"));
    await nextTick();
    assert.deepEqual(stream.take(), ["five!"]);
  });

  test("sends that nobody awaits are told to the owner once the limit is passed", async () => {
    const { sink, stream, notes } = make();
    stream.highWaterMark = 1;
    sink.attach(stream);
    for (let i = 0; i < 5; i++) void sink.send(Buffer.alloc(30_000));
    await nextTick();
    assert.ok(notes.overflows.length > 0);
    assert.ok(notes.overflows.every((queued) => queued > 100_000));
  });
});

describe("attach", () => {
  test("what was sent before there is a stream waits, and leaves in order with the half-close", () => {
    const { sink, stream } = make();
    assert.equal(sink.send(bytes("a")), undefined);
    sink.flush();
    const room = sink.send(bytes("b"));
    assert.ok(room instanceof Promise, "what is queued without a stream has no room behind it");
    sink.end();
    sink.attach(stream);
    assert.deepEqual(stream.take(), ["a", "b"]);
    assert.ok(stream.ended);
  });
});

describe("end and close", () => {
  test("end sends the last chunk and the half-close together", () => {
    const { sink, stream } = make();
    sink.attach(stream);
    void sink.send(bytes("last"));
    sink.end();
    assert.equal(stream.chunks.length, 1);
    assert.ok(stream.ended);
    assert.deepEqual(stream.take(), ["last"]);
    assert.equal(sink.send(bytes("late")), undefined);
    sink.end();
    assert.ok(sink.closedByCaller);
    assert.equal(stream.chunks.length, 1);
  });

  test("close drops what waits, wakes whoever waits for room, and takes nothing more", async () => {
    const { sink, stream } = make();
    stream.highWaterMark = 1;
    sink.attach(stream);
    void sink.send(Buffer.alloc(40_000));
    const room = sink.send(bytes("never"));
    sink.close();
    await room;
    await nextTick();
    assert.equal(stream.chunks.length, 1);
    assert.equal(sink.send(bytes("late")), undefined);
    assert.equal(sink.sent, 2);
  });

  test("a stream that is gone closes the sink", async () => {
    const { sink, stream } = make();
    sink.attach(stream);
    stream.destroyed = true;
    void sink.send(bytes("x"));
    await nextTick();
    assert.ok(sink.closed);
    assert.equal(stream.chunks.length, 0);
  });
});

describe("sendAll", () => {
  test("sends every message of an array, a generator and an async generator", async () => {
    async function* later(): AsyncGenerator<Uint8Array> {
      yield bytes("a");
      yield bytes("b");
    }
    function* now(): Generator<Uint8Array> {
      yield bytes("a");
      yield bytes("b");
    }
    for (const messages of [[bytes("a"), bytes("b")], now(), later()]) {
      const { sink, stream } = make();
      sink.attach(stream);
      await sendAll(messages, sink);
      await nextTick();
      assert.deepEqual(stream.take(), ["a", "b"]);
    }
  });

  test("R143 steps no further than the stream has room", async () => {
    for (const shape of ["sync", "async"] as const) {
      const { sink, stream } = make();
      stream.highWaterMark = 10_000;
      sink.attach(stream);
      let stepped = 0;
      function* now(): Generator<Uint8Array> {
        for (; stepped < 50; stepped++) yield Buffer.alloc(40_000);
      }
      async function* later(): AsyncGenerator<Uint8Array> {
        yield* now();
      }
      const sending = sendAll(shape === "sync" ? now() : later(), sink);
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      assert.ok(stepped <= 2, `${stepped} steps`);
      while (stepped < 50) {
        stream.take();
        sink.drained();
        await new Promise((resolve) => setImmediate(resolve));
      }
      sink.drained();
      await sending;
      assert.equal(sink.sent, 50);
    }
  });

  test("calls return() of the iterator at once when the sink closes", async () => {
    const { sink, stream } = make();
    sink.attach(stream);
    let returned = 0;
    const messages: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: () => {
          returned++;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
    void sendAll(messages, sink);
    sink.close();
    assert.equal(returned, 1);
  });

  test("runs the finally of a synchronous generator when the sink closes", async () => {
    const { sink, stream } = make();
    stream.highWaterMark = 1;
    sink.attach(stream);
    let cleaned = false;
    function* endless(): Generator<Uint8Array> {
      try {
        for (;;) yield Buffer.alloc(40_000);
      } finally {
        cleaned = true;
      }
    }
    const sending = sendAll(endless(), sink);
    sink.close();
    await sending;
    assert.ok(cleaned);
  });

  test("throws what the iterable throws, and what cannot be encoded, after closing the iterator", async () => {
    const failure = new Error("no more");
    // eslint-disable-next-line require-yield
    async function* failing(): AsyncGenerator<Uint8Array> {
      throw failure;
    }
    const first = make();
    first.sink.attach(first.stream);
    await assert.rejects(sendAll(failing(), first.sink), failure);

    let cleaned = false;
    async function* wrong(): AsyncGenerator<Uint8Array> {
      try {
        yield bytes("x");
        yield bytes("never asked for");
      } finally {
        cleaned = true;
      }
    }
    const second = make({
      ...Bytes,
      encode: () => {
        throw new TypeError("not this");
      },
    });
    second.sink.attach(second.stream);
    await assert.rejects(sendAll(wrong(), second.sink), { message: "not this" });
    assert.ok(cleaned);
  });
});
