/** A sink whose messages take time to be compressed: their order, the room there is, and every way it can end. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { SinkStream } from "../../src/transport/compressing-queue.js";
import { MessageSink, type SinkOwner } from "../../src/transport/message-sink.js";
import { sendAll } from "../../src/transport/send-all.js";
import { Bytes } from "../support/peer-service.js";
import { flip, flipped, slowCompressor, type SlowCompressor } from "../support/test-codings.js";

const LIMITS = { maxSendBytes: Infinity, maxQueuedBytes: 100_000 };

/** Keeps what is written, and says that it is full when a test wants. */
class FakeStream implements SinkStream {
  destroyed = false;
  closed = false;
  ended = 0;
  writableLength = 0;
  full = false;
  readonly chunks: Buffer[] = [];

  write(chunk: Uint8Array): boolean {
    assert.equal(this.ended, 0, "nothing is written after the end");
    this.chunks.push(Buffer.from(chunk));
    return !this.full;
  }

  end(chunk?: Uint8Array): void {
    if (chunk !== undefined) this.write(chunk);
    this.ended++;
  }

  /** The messages so far, those with the flag as they were before, behind a `z`. */
  get messages(): string[] {
    const bytes = Buffer.concat(this.chunks);
    const messages: string[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = at + 5 + bytes.readUInt32BE(at + 1);
      const payload = bytes.subarray(at + 5, end);
      messages.push(bytes[at] === 1 ? `z${Buffer.from(flipped(payload)).toString()}` : payload.toString());
      at = end;
    }
    return messages;
  }
}

class Notes implements SinkOwner {
  announced = 0;
  readonly overflows: number[] = [];
  readonly failures: Error[] = [];

  beforeFirstWrite(): void {
    this.announced++;
  }

  sendOverflow(queuedBytes: number): void {
    this.overflows.push(queuedBytes);
  }

  sendFailed(error: Error): void {
    this.failures.push(error);
  }
}

interface Made {
  readonly sink: MessageSink<Uint8Array>;
  readonly stream: FakeStream;
  readonly notes: Notes;
  readonly slow: SlowCompressor;
}

function make({ fromBytes = 0, minBytes = 0 } = {}): Made {
  const notes = new Notes();
  const sink = new MessageSink(Bytes, LIMITS, notes);
  const slow = slowCompressor(fromBytes);
  sink.coding = { compressor: slow, minBytes };
  return { sink, stream: new FakeStream(), notes, slow };
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

/** After everything that has been made ready to run. */
function soon(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("compressing at once", () => {
  test("R118 R119 compressed messages leave with plain ones in one chunk; empty and short ones stay plain", async () => {
    const { sink, stream } = make();
    sink.coding = { compressor: flip, minBytes: 3 };
    sink.attach(stream);
    for (const text of ["", "a", "abc", "ab", "abcd"]) assert.equal(sink.send(bytes(text)), undefined);
    await soon();
    assert.equal(stream.chunks.length, 1);
    assert.deepEqual(stream.messages, ["", "a", "zabc", "ab", "zabcd"]);
  });

  test("R117 what is said for one message counts before what is said for the call, and both before the size", async () => {
    const { sink, stream } = make();
    sink.coding = { compressor: flip, minBytes: 3 };
    sink.attach(stream);
    const send = (text: string, compress?: boolean): void => void sink.send(bytes(text), compress);
    send("abc", false);
    send("a", true);
    send("", true);
    sink.compress = true;
    send("b");
    send("abc", false);
    sink.compress = false;
    send("long enough");
    send("c", true);
    sink.compress = undefined;
    send("last");
    await soon();
    assert.deepEqual(stream.messages, ["abc", "za", "", "zb", "abc", "long enough", "zc", "zlast"]);
  });

  test("a message that became longer, or shares the bytes it was made from, is whole", async () => {
    const { sink, stream } = make();
    const longer = {
      name: "x",
      compress: (plain: Uint8Array) => Buffer.concat([flipped(plain), Buffer.alloc(50_000, 0xff)]),
    };
    sink.attach(stream);
    sink.coding = { compressor: { ...flip, ...longer }, minBytes: 0 };
    void sink.send(bytes("a"));
    sink.coding = { compressor: { ...flip, compress: (plain) => plain.subarray(1) }, minBytes: 0 };
    void sink.send(flipped(bytes("-b")));
    sink.end();
    assert.deepEqual(
      stream.messages.map((message) => message.replaceAll("\0", "")),
      ["za", "zb"],
    );
  });

  test("what a compressor throws is thrown by send, names it, and costs nothing but that message", async () => {
    const { sink, stream } = make();
    sink.attach(stream);
    const broken = (): never => {
      throw new Error("broken");
    };
    sink.coding = {
      compressor: { ...flip, compress: (plain) => (plain.length === 1 ? broken() : flipped(plain)) },
      minBytes: 0,
    };
    void sink.send(bytes("ab"));
    assert.throws(() => sink.send(bytes("c")), { message: 'Cannot compress wire.Bytes with "x-flip": broken' });
    assert.match((sink.encodeError as Error).message, /broken/);
    void sink.send(bytes("de"));
    sink.end();
    assert.deepEqual(stream.messages, ["zab", "zde"]);
    assert.equal(sink.sent, 2);
  });

  test("maxSendBytes counts the plain message", () => {
    const { sink, stream } = make();
    const limited = new MessageSink(Bytes, { ...LIMITS, maxSendBytes: 3 }, new Notes());
    limited.coding = { compressor: { ...flip, compress: () => bytes("much longer than three") }, minBytes: 0 };
    limited.attach(stream);
    assert.equal(limited.send(bytes("abc")), undefined);
    assert.throws(() => limited.send(bytes("abcd")), /larger than the limit of 3 bytes/);
    sink.close();
  });
});

describe("compressing beside the event loop", () => {
  test("messages behind one that is being compressed wait for it, plain and compressed ones", async () => {
    const { sink, stream, slow, notes } = make({ fromBytes: 3 });
    sink.attach(stream);
    void sink.send(bytes("a"), false);
    const room = sink.send(bytes("bcd"));
    assert.ok(room instanceof Promise);
    assert.equal(notes.announced, 1);
    void sink.send(bytes("e"), false);
    void sink.send(bytes("f"));
    void sink.send(bytes("ghi"));
    void sink.send(bytes("j"));
    await soon();
    assert.deepEqual(stream.messages, ["a"]);
    slow.work[1]?.finish();
    await soon();
    assert.deepEqual(stream.messages, ["a"]);
    slow.work[0]?.finish();
    await room;
    assert.deepEqual(stream.messages, ["a", "zbcd", "e", "zf", "zghi", "zj"]);
    assert.equal(sink.blocked, false);
  });

  test("every order in which the work is done gives the messages in the order in which they were sent", async () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ send: fc.nat(9), compress: fc.constantFrom(true, false, undefined) }),
        fc.record({ finish: fc.nat(20) }),
        fc.constant("attach" as const),
        fc.constant("tick" as const),
      ),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const { sink, stream, slow } = make({ fromBytes: 4, minBytes: 2 });
        const wanted: string[] = [];
        let attached = false;
        let n = 0;
        for (const step of script) {
          if (step === "tick") await soon();
          else if (step === "attach") {
            if (!attached) sink.attach(stream);
            attached = true;
          } else if ("finish" in step) {
            slow.work[step.finish]?.finish();
          } else {
            const text = String(n++ % 10).repeat(step.send);
            void sink.send(bytes(text), step.compress);
            const { length } = text;
            wanted.push(length > 0 && (step.compress ?? length >= 2) ? `z${text}` : text);
          }
        }
        sink.end();
        if (!attached) sink.attach(stream);
        for (const work of slow.work.toReversed()) work.finish();
        await soon();
        assert.deepEqual(stream.messages, wanted);
        assert.equal(stream.ended, 1);
      }),
      { numRuns: 300 },
    );
  });

  test("the end waits for what is being compressed, and goes with the last message", async () => {
    const { sink, stream, slow } = make();
    sink.attach(stream);
    sink.sendOnly(bytes("only"));
    await soon();
    assert.equal(stream.ended, 0);
    slow.work[0]?.finish();
    await soon();
    assert.deepEqual(stream.messages, ["zonly"]);
    assert.deepEqual([stream.ended, stream.chunks.length], [1, 1]);
  });

  test("before there is a stream messages are compressed all the same, and wait for it", async () => {
    const { sink, stream, slow } = make({ fromBytes: 3 });
    void sink.send(Buffer.alloc(40_000, "p"), false);
    void sink.send(bytes("abc"));
    void sink.send(bytes("d"), false);
    slow.work[0]?.finish();
    await soon();
    assert.ok(sink.blocked);
    sink.attach(stream);
    await soon();
    assert.deepEqual(stream.messages, ["p".repeat(40_000), "zabc", "d"]);
    assert.equal(sink.blocked, false);
  });

  test("room comes when everything has left and the stream has room, not before", async () => {
    const { sink, stream, slow } = make();
    stream.full = true;
    sink.attach(stream);
    let roomy = 0;
    void sink.send(bytes("a"))?.then(() => roomy++);
    sink.drained();
    await soon();
    assert.equal(roomy, 0, "what is being compressed is still to come");
    slow.work[0]?.finish();
    await soon();
    assert.equal(roomy, 0, "the stream is full");
    sink.drained();
    await soon();
    assert.equal(roomy, 1);
  });

  test("sendAll takes one message at a time while they are compressed", async () => {
    const { sink, stream, slow } = make();
    sink.attach(stream);
    let pulled = 0;
    const source = function* (): Generator<Uint8Array> {
      for (; pulled < 5; pulled++) yield bytes(String(pulled));
    };
    const sent = sendAll(source(), sink).then(() => sink.end());
    for (let i = 0; i < 5; i++) {
      await slow.begun(i + 1);
      await soon();
      assert.equal(pulled, i);
      slow.work[i]?.finish();
    }
    await sent;
    assert.deepEqual(stream.messages, ["z0", "z1", "z2", "z3", "z4"]);
  });

  test("messages that are being compressed count as queued, with their plain size", () => {
    const { sink, stream, notes } = make();
    sink.attach(stream);
    for (let i = 0; i < 4; i++) void sink.send(Buffer.alloc(30_000));
    assert.deepEqual(notes.overflows, []);
    void sink.send(Buffer.alloc(1));
    assert.deepEqual(notes.overflows, [120_000]);
    sink.close();
  });

  test("a message that cannot be compressed fails the call, and what waited behind it is gone", async () => {
    const { sink, stream, slow, notes } = make();
    sink.attach(stream);
    for (const text of ["a", "b", "c"]) void sink.send(bytes(text));
    slow.work[0]?.finish();
    slow.work[2]?.finish();
    slow.work[1]?.fail(new Error("no memory"));
    await soon();
    assert.deepEqual(stream.messages, ["za"]);
    assert.deepEqual(
      notes.failures.map((error) => error.message),
      ['Cannot compress wire.Bytes with "x-slow": no memory'],
    );
    assert.equal(sink.encodeError, notes.failures[0]);
    assert.equal(stream.ended, 0);
    sink.end();
    assert.equal(stream.ended, 1);
  });

  test("one that fails after the end was given ends the stream all the same", async () => {
    const { sink, stream, slow, notes } = make();
    sink.attach(stream);
    sink.sendOnly(bytes("only"));
    slow.work[0]?.fail(new Error("no memory"));
    await soon();
    assert.equal(notes.failures.length, 1);
    assert.deepEqual([stream.messages, stream.ended], [[], 1]);
  });

  test("what a compressor gives must be bytes, now or later", async () => {
    for (const result of [undefined, "text", Promise.resolve(7)]) {
      const { sink, stream, notes } = make();
      sink.coding = { compressor: { ...flip, compress: () => result as unknown as Uint8Array }, minBytes: 0 };
      sink.attach(stream);
      void sink.send(bytes("a"));
      await soon();
      assert.match(notes.failures[0]?.message ?? "", /must return a Uint8Array/);
    }
  });

  test("R112 closing drops what waits and wakes who waits; what is ready later goes nowhere", async () => {
    const { sink, stream, slow, notes } = make();
    sink.attach(stream);
    const room = sink.send(bytes("a"));
    void sink.send(bytes("b"));
    sink.close();
    await room;
    slow.work[0]?.finish();
    slow.work[1]?.fail(new Error("too late to matter"));
    await soon();
    assert.deepEqual([stream.messages, stream.ended, notes.failures], [[], 0, []]);
  });

  test("closing after the end leaves the stream as it is", async () => {
    const { sink, stream, slow } = make();
    sink.attach(stream);
    sink.sendOnly(bytes("a"));
    sink.close();
    slow.work[0]?.finish();
    await soon();
    assert.deepEqual([stream.messages, stream.ended], [[], 0]);
  });

  test("a stream that is gone takes nothing more", async () => {
    for (const gone of ["destroyed", "closed"] as const) {
      const { sink, stream, slow } = make();
      sink.attach(stream);
      void sink.send(bytes("a"));
      void sink.send(bytes("b"));
      stream[gone] = true;
      slow.work[0]?.finish();
      slow.work[1]?.finish();
      await soon();
      assert.deepEqual(stream.messages, []);
      assert.equal(sink.send(bytes("c")) instanceof Promise || sink.closed, true);
    }
  });

  test("what is dropped makes way for the end", async () => {
    const { sink, stream, slow } = make();
    sink.attach(stream);
    void sink.send(bytes("a"));
    sink.dropWaiting();
    sink.end();
    assert.equal(stream.ended, 1);
    slow.work[0]?.finish();
    await soon();
    assert.deepEqual([stream.messages, stream.ended], [[], 1]);
  });
});
