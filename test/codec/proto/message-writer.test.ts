/** The chunk that messages are encoded into. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageType } from "../../../src/codec/method.js";
import { encodeMessage, MessageWriter } from "../../../src/codec/proto/message-writer.js";
import { Code, StatusError } from "../../../src/codec/status.js";
import { codec, toHex } from "./schemas.js";

const Address = codec("order.Order.Address");
const Order = codec("order.Order");

/** A codec of one's own: only `encode` and `decode`. */
const raw: MessageType<Uint8Array> = {
  typeName: "test.Raw",
  encode: (message) => message,
  decode: (bytes) => Uint8Array.from(bytes),
};

/** Whether an error is about a message of 4 bytes where 3 are allowed. */
const tooLong = (error: unknown): boolean =>
  error instanceof StatusError &&
  error.code === Code.RESOURCE_EXHAUSTED &&
  /of 4 bytes.*limit of 3 bytes/.test(error.message);

/** Whether an error is about a message of 4 GiB. */
const exhausted = (error: unknown): boolean =>
  error instanceof StatusError && error.code === Code.RESOURCE_EXHAUSTED && error.message.includes("4294967296");

/** The messages in a chunk of length-prefixed messages. */
function messagesOf(chunk: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  const view = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
  for (let at = 0; at < view.length;) {
    assert.equal(view[at], 0, "flag");
    const length = view.readUInt32BE(at + 1);
    messages.push(view.subarray(at + 5, at + 5 + length));
    at += 5 + length;
    assert.ok(at <= view.length);
  }
  return messages;
}

test("append puts five bytes before each message, take gives all of them", () => {
  const writer = MessageWriter.acquire();
  assert.equal(writer.size, 0);
  writer.append(Address, { address: "a" });
  writer.append(Address, {});
  writer.append(Address, { type: 1 });
  assert.equal(writer.size, 8 + 5 + 7);
  const chunk = writer.take();
  assert.ok(Buffer.isBuffer(chunk));
  assert.equal(toHex(chunk), "00 00 00 00 03 0a 01 61 00 00 00 00 00 00 00 00 00 02 10 01");
  assert.equal(writer.size, 0);
  assert.equal(writer.take().length, 0);
  writer.release();
});

test("append copies what a codec without encodeInto returns", () => {
  const writer = MessageWriter.acquire();
  writer.append(raw, new Uint8Array([1, 2, 3]));
  writer.append(raw, new Uint8Array());
  assert.equal(toHex(writer.take()), "00 00 00 00 03 01 02 03 00 00 00 00 00");
  const wrong = { ...raw, encode: () => "text" as unknown as Uint8Array };
  assert.throws(() => writer.append(wrong, new Uint8Array()), /test.Raw as its codec must return a Uint8Array/);
  assert.equal(writer.size, 0);
  writer.release();
});

test("bytes once taken are never written again", () => {
  const writer = MessageWriter.acquire();
  const taken: { chunk: Uint8Array; copy: string }[] = [];
  for (let i = 0; i < 2000; i++) {
    for (let j = 0; j <= i % 5; j++) writer.append(Address, { address: `${i}/${j}`.repeat(1 + (i % 40)) });
    if (i % 7 === 0)
      assert.throws(() => writer.append(Address, { address: "x".repeat(500), type: "NOWHERE" }), TypeError);
    const chunk = writer.take();
    taken.push({ chunk, copy: toHex(chunk) });
  }
  writer.release();
  for (const { chunk, copy } of taken) assert.equal(toHex(chunk), copy);
});

test("bytes taken stay when the writer is released and its chunk goes on in another call", () => {
  const first = MessageWriter.acquire();
  first.append(Address, { address: "first" });
  const chunk = first.take();
  const copy = toHex(chunk);
  first.release();
  const second = MessageWriter.acquire();
  second.append(Address, { address: "second" });
  const other = second.take();
  assert.equal(other.buffer, chunk.buffer, "the tail is used again");
  second.release();
  assert.equal(toHex(chunk), copy);
});

test("release drops what was not taken, and twice is once", () => {
  const first = MessageWriter.acquire();
  first.append(Address, { address: "lost" });
  first.release();
  first.release();
  const second = MessageWriter.acquire();
  const third = MessageWriter.acquire();
  assert.notEqual(second, third);
  assert.equal(second.size, 0);
  second.append(Address, { address: "a" });
  assert.equal(toHex(second.take()), "00 00 00 00 03 0a 01 61");
  second.release();
  third.release();
});

test("a message that fails to encode leaves those before it and the writer usable", () => {
  const writer = MessageWriter.acquire();
  writer.append(Order, { id: "1" });
  const before = writer.size;
  const bad = { id: "2", addresses: [{ address: "x" }, { address: "y", type: "CASTLE" }] };
  assert.throws(() => writer.append(Order, bad), /addresses\[1\]\.type/);
  assert.equal(writer.size, before);
  writer.append(Order, { id: "3" });
  assert.deepEqual(
    messagesOf(writer.take()).map((bytes) => (Order.decode(bytes) as { id: string }).id),
    ["1", "3"],
  );
  writer.release();
});

test("a codec that fails with a field left open does no harm to the messages around it", () => {
  const writer = MessageWriter.acquire();
  const failing: MessageType<string> = {
    typeName: "test.Failing",
    encode: () => new Uint8Array(),
    decode: () => "",
    encodeInto(_, wire) {
      wire.uint32(10).fork().uint32(10).fork().string("x");
      throw new Error("half-way");
    },
  };
  writer.append(Address, { address: "a" });
  assert.throws(() => writer.append(failing, ""), /half-way/);
  writer.append(Order, { addresses: [{ address: "b" }] });
  const [first, second] = messagesOf(writer.take());
  assert.equal(toHex(first as Uint8Array), "0a 01 61");
  assert.equal(toHex(second as Uint8Array), "32 03 0a 01 62");
  writer.release();
});

test("a message above maxSendBytes is RESOURCE_EXHAUSTED, names both sizes and leaves nothing", () => {
  const writer = MessageWriter.acquire();
  writer.append(Address, { address: "a" }, 3);
  assert.throws(() => writer.append(Address, { address: "ab" }, 3), tooLong);
  assert.throws(() => writer.append(raw, new Uint8Array(4), 3), tooLong);
  assert.equal(writer.size, 8);
  writer.release();
});

test("R56 a message of 4 GiB is RESOURCE_EXHAUSTED: its length does not fit the prefix", () => {
  const writer = MessageWriter.acquire();
  const huge: MessageType<string> = {
    typeName: "test.Huge",
    encode: () => new Uint8Array(),
    decode: () => "",
    encodeInto: (_, wire) => void (wire.pos += 2 ** 32),
  };
  assert.throws(() => writer.append(huge, ""), exhausted);
  assert.equal(writer.size, 0);
  writer.release();
});

test("a message for which Node has no buffer is RESOURCE_EXHAUSTED, with the reason as its cause", () => {
  const writer = MessageWriter.acquire();
  const huge: MessageType<string> = {
    typeName: "test.Huge",
    encode: () => new Uint8Array(),
    decode: () => "",
    encodeInto: () => void Buffer.allocUnsafe(2 ** 52),
  };
  assert.throws(
    () => writer.append(huge, ""),
    (error: unknown) =>
      error instanceof StatusError && error.code === Code.RESOURCE_EXHAUSTED && error.cause instanceof RangeError,
  );
  const other = { ...huge, encodeInto: (): never => assert.fail("not a RangeError") };
  assert.throws(() => writer.append(other, ""), assert.AssertionError);
  writer.release();
});

test("sending from inside a message that is being encoded is refused", () => {
  const writer = MessageWriter.acquire();
  const message = {
    get address(): string {
      writer.append(Address, {});
      return "";
    },
  };
  assert.throws(() => writer.append(Address, message), /while a order.Order.Address of the same call is being encoded/);
  writer.append(Address, { address: "a" });
  assert.equal(toHex(writer.take()), "00 00 00 00 03 0a 01 61");
  writer.release();
});

test("large messages: whole and in order, mixed with small ones", () => {
  const writer = MessageWriter.acquire();
  const sizes = [10, 1 << 20, 5, 1 << 20, 40_000, 0, 300_000];
  for (const size of sizes) writer.append(Order, { signature: new Uint8Array(size).fill(size & 0xff) });
  const messages = messagesOf(writer.take()).map(
    (bytes) => (Order.decode(bytes) as { signature: Uint8Array }).signature,
  );
  assert.deepEqual(
    messages.map((bytes) => bytes.length),
    sizes,
  );
  messages.forEach((bytes, i) => assert.ok(bytes.every((byte) => byte === ((sizes[i] as number) & 0xff))));
  writer.release();
});

test("a large type's next message finds its room at once: the chunk does not grow while it is encoded", () => {
  const signature = new Uint8Array(1 << 20);
  encodeMessage(Order, { signature });
  let grown = 0;
  const watched: MessageType = {
    typeName: "test.Watched",
    encode: () => new Uint8Array(),
    decode: () => undefined,
    encodeInto(message, wire) {
      const { buf } = wire;
      Order.encodeInto(message as Record<string, unknown>, wire);
      if (wire.buf !== buf) grown++;
    },
  };
  encodeMessage(watched, { signature });
  assert.equal(grown, 1, "the first time");
  encodeMessage(watched, { signature });
  assert.equal(grown, 1, "not the second");
  encodeMessage(watched, {});
  encodeMessage(watched, { signature });
  assert.equal(grown, 2, "a small one in between takes the hint back");
});

test("many messages without a take stay one chunk in order", () => {
  const writer = MessageWriter.acquire();
  for (let i = 0; i < 5000; i++) writer.append(Address, { address: `message ${i}` });
  const messages = messagesOf(writer.take());
  assert.equal(messages.length, 5000);
  messages.forEach((bytes, i) => assert.equal((Address.decode(bytes) as { address: string }).address, `message ${i}`));
  writer.release();
});

test("more writers than the free list holds can be given back", () => {
  const writers = Array.from({ length: 100 }, () => MessageWriter.acquire());
  writers.forEach((writer, i) => writer.append(Address, { address: `${i}` }));
  const chunks = writers.map((writer) => writer.take());
  for (const writer of writers) writer.release();
  chunks.forEach((chunk, i) => {
    const [message] = messagesOf(chunk);
    assert.deepEqual(Address.decode(message as Uint8Array), { address: `${i}`, type: 0 });
  });
});

test("encodeMessage is one length-prefixed message", () => {
  assert.equal(toHex(encodeMessage(Address, { address: "a" })), "00 00 00 00 03 0a 01 61");
  assert.throws(() => encodeMessage(Address, { address: "abc" }, 4), StatusError);
  assert.throws(() => encodeMessage(Address, { address: 5 }), TypeError);
});
