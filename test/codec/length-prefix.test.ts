/**
 * Finding length-prefixed messages in a byte stream that may be cut anywhere.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { LengthPrefixReader, PREFIX_BYTES } from "../../src/codec/length-prefix.js";
import { encodeMessage } from "../../src/codec/proto/message-writer.js";
import { Code, StatusError } from "../../src/codec/status.js";
import { takesLessThan } from "../support/processor-time.js";

const MAX_MESSAGE_BYTES = 1 << 20;

/** The wire form of a message, written out by hand: flag, length, payload. */
function framed(payload: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix[0] = flag;
  prefix.writeUInt32BE(payload.length, 1);
  return Buffer.concat([prefix, payload]);
}

/** A payload in which every byte tells its place. */
function payload(length: number, seed = 0): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 0xff));
}

/** The messages that wait in the reader, copied out. */
function takeAll(reader: LengthPrefixReader): string[] {
  const taken: string[] = [];
  while (reader.next()) taken.push(reader.buffer.toString("hex", reader.start, reader.end));
  return taken;
}

/** Pushes the chunks, taking messages out after each one or only at the end. */
function readChunks(chunks: readonly Buffer[], eager: boolean): string[] {
  const reader = new LengthPrefixReader(MAX_MESSAGE_BYTES);
  const taken: string[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    if (eager) taken.push(...takeAll(reader));
  }
  taken.push(...takeAll(reader));
  assert.equal(reader.partial, false);
  assert.equal(reader.queuedBytes, 0);
  assert.equal(reader.whole, 0);
  return taken;
}

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts)].toSorted((a, b) => a - b);
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
}

function thrownBy(run: () => void): StatusError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error));
    return error;
  }
  return assert.fail("nothing was thrown");
}

describe("LengthPrefixReader: what a message is", () => {
  test("R47 one byte of flag, four of big-endian length, the payload", () => {
    const reader = new LengthPrefixReader(MAX_MESSAGE_BYTES);
    const long = payload(0x01_02_03);
    reader.push(Buffer.concat([Buffer.from([0, 0x00, 0x01, 0x02, 0x03]), long]));
    assert.ok(reader.next());
    assert.ok(reader.buffer.subarray(reader.start, reader.end).equals(long));
    assert.equal(reader.next(), false);
  });

  test("R47 what encodeMessage writes is read back, flag 0 and length in front", () => {
    const bytesType = {
      typeName: "test.Bytes",
      encode: (bytes: Uint8Array) => bytes,
      decode: (bytes: Uint8Array) => bytes,
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        const written = encodeMessage(bytesType, bytes);
        assert.ok(written.equals(framed(bytes)));
        assert.deepEqual(readChunks([written], true), [Buffer.from(bytes).toString("hex")]);
      }),
    );
  });

  test("R50 length 0 is one empty message, which is not the same as none", () => {
    const reader = new LengthPrefixReader(MAX_MESSAGE_BYTES);
    assert.equal(reader.next(), false);
    reader.push(Buffer.alloc(PREFIX_BYTES));
    assert.equal(reader.whole, 1);
    assert.ok(reader.next());
    assert.equal(reader.end - reader.start, 0);
    assert.equal(reader.next(), false);
  });

  test("R50 empty messages in a row are counted one by one, however they are cut", () => {
    const bytes = Buffer.alloc(3 * PREFIX_BYTES);
    for (let cut = 1; cut < bytes.length; cut++) {
      assert.deepEqual(readChunks(split(bytes, [cut]), false), ["", "", ""], `cut at ${cut}`);
    }
  });
});

describe("LengthPrefixReader: cuts", () => {
  const messages = [payload(3, 1), payload(0), payload(1, 9), payload(12, 40)];
  const bytes = Buffer.concat(messages.map((message) => framed(message)));
  const expected = messages.map((message) => message.toString("hex"));

  test("R48 several messages in one chunk", () => {
    assert.deepEqual(readChunks([bytes], true), expected);
  });

  for (const eager of [true, false]) {
    const how = eager ? "taken as they come" : "taken at the end";
    test(`R48 one cut at every place, ${how}`, () => {
      for (let cut = 1; cut < bytes.length; cut++) {
        assert.deepEqual(readChunks(split(bytes, [cut]), eager), expected, `cut at ${cut}`);
      }
    });

    test(`R48 two cuts at every pair of places, ${how}`, () => {
      for (let first = 1; first < bytes.length; first++) {
        for (let second = first + 1; second < bytes.length; second++) {
          assert.deepEqual(readChunks(split(bytes, [first, second]), eager), expected, `cut at ${first}, ${second}`);
        }
      }
    });

    test(`R48 chunks of one byte, ${how}`, () => {
      assert.deepEqual(
        readChunks(
          Array.from(bytes, (byte) => Buffer.from([byte])),
          eager,
        ),
        expected,
      );
    });

    test(`R48 any messages, cut anywhere, ${how}`, () => {
      const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 900, max: 40_000 })), {
        maxLength: 6,
      });
      fc.assert(
        fc.property(sizes, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 }), (lengths, cuts) => {
          const payloads = lengths.map((length, i) => payload(length, i));
          const stream = Buffer.concat(payloads.map((one) => framed(one)));
          const places = cuts.map((at) => Math.floor(at * stream.length));
          assert.deepEqual(
            readChunks(split(stream, places), eager),
            payloads.map((one) => one.toString("hex")),
          );
        }),
      );
    });
  }

  test("R48 a large message in chunks of every small size is joined right", () => {
    const large = payload(70_000, 3);
    const stream = Buffer.concat([framed(large), framed(payload(5, 1))]);
    for (const size of [1, 5, 7, 1023, 1024, 1025, 16_384]) {
      const cuts = Array.from({ length: Math.floor(stream.length / size) }, (_, i) => i * size);
      const hexes = readChunks(split(stream, cuts), false);
      assert.equal(hexes.length, 2);
      assert.ok(hexes[0] === large.toString("hex"), `chunks of ${size} bytes`);
      assert.equal(hexes[1], payload(5, 1).toString("hex"));
    }
  });

  test("partial says whether the bytes end inside a message", () => {
    const reader = new LengthPrefixReader(MAX_MESSAGE_BYTES);
    assert.equal(reader.partial, false);
    for (const [i, byte] of framed(payload(4)).entries()) {
      reader.push(Buffer.from([byte]));
      assert.equal(reader.partial, i < PREFIX_BYTES + 3, `after byte ${i}`);
    }
    assert.equal(reader.whole, 1);
  });
});

describe("LengthPrefixReader: memory", () => {
  test("a message that lies whole in one chunk is not copied", () => {
    const reader = new LengthPrefixReader(MAX_MESSAGE_BYTES);
    const chunk = Buffer.concat([framed(payload(4)), framed(payload(6))]);
    reader.push(chunk);
    assert.ok(reader.next());
    assert.equal(reader.buffer, chunk);
    assert.deepEqual([reader.start, reader.end], [5, 9]);
    assert.ok(reader.next());
    assert.equal(reader.buffer, chunk);
    assert.deepEqual([reader.start, reader.end], [14, 20]);
  });

  test("nothing is allocated from a declared length before its bytes arrive", () => {
    const reader = new LengthPrefixReader(Infinity);
    const before = process.memoryUsage().arrayBuffers;
    reader.push(Buffer.from([0, 0xff, 0xff, 0xff, 0xff]));
    reader.push(payload(10));
    assert.equal(reader.next(), false);
    assert.ok(process.memoryUsage().arrayBuffers - before < 1 << 20);
    assert.equal(reader.queuedBytes, 15);
  });

  test("pieces of a few bytes are gathered: a message in 60,000 of them does not keep 60,000 buffers", () => {
    const reader = new LengthPrefixReader(MAX_MESSAGE_BYTES);
    const stream = framed(payload(60_000));
    const before = process.memoryUsage().arrayBuffers;
    for (const byte of stream) reader.push(Buffer.alloc(1, byte));
    assert.ok(process.memoryUsage().arrayBuffers - before < 1 << 20);
    assert.deepEqual(takeAll(reader), [payload(60_000).toString("hex")]);
  });

  test("300,000 chunks of one byte, and as many of one empty message each, take no longer than their bytes", () => {
    for (const [chunk, messages] of [
      [Buffer.of(0), 60_000],
      [framed(payload(0)), 300_000],
    ] as const) {
      // It takes some 50 ms; with work for every chunk that waits it would take more than 5 s.
      takesLessThan(1000, () => {
        const reader = new LengthPrefixReader(MAX_MESSAGE_BYTES);
        for (let i = 0; i < 300_000; i++) reader.push(chunk);
        let count = 0;
        while (reader.next()) count++;
        assert.equal(count, messages);
        assert.equal(reader.queuedBytes, 0);
      });
    }
  });

  test("gathering does not change a chunk that was handed in", () => {
    const reader = new LengthPrefixReader(MAX_MESSAGE_BYTES);
    const stream = framed(payload(40));
    const chunks = split(stream, [7, 20, 33]).map((chunk) => Buffer.from(chunk));
    const copies = chunks.map((chunk) => chunk.toString("hex"));
    for (const chunk of chunks) reader.push(chunk);
    assert.deepEqual(takeAll(reader), [payload(40).toString("hex")]);
    assert.deepEqual(
      chunks.map((chunk) => chunk.toString("hex")),
      copies,
    );
  });

  test("queuedBytes counts what waits, prefixes included", () => {
    const reader = new LengthPrefixReader(MAX_MESSAGE_BYTES);
    reader.push(Buffer.concat([framed(payload(10)), framed(payload(20)).subarray(0, 8)]));
    assert.equal(reader.queuedBytes, 15 + 8);
    reader.next();
    assert.equal(reader.queuedBytes, 8);
    reader.push(framed(payload(20)).subarray(8));
    reader.next();
    assert.equal(reader.queuedBytes, 0);
  });

  test("releaseBuffer lets go of the last message's chunk, clear of everything", () => {
    const reader = new LengthPrefixReader(MAX_MESSAGE_BYTES);
    reader.push(framed(payload(10)));
    reader.next();
    reader.releaseBuffer();
    assert.equal(reader.buffer.length, 0);
    reader.push(Buffer.concat([framed(payload(10)), Buffer.from([0, 0])]));
    reader.clear();
    assert.deepEqual([reader.whole, reader.queuedBytes, reader.partial, reader.next()], [0, 0, false, false]);
    reader.push(framed(payload(3)));
    assert.deepEqual(takeAll(reader), [payload(3).toString("hex")]);
  });
});

/** What a reader makes of chunks: its messages, whether they end inside one, and the error, if there is one. */
function readAnything(chunks: readonly Buffer[], maxBytes: number): readonly [string[], boolean, string | undefined] {
  const reader = new LengthPrefixReader(maxBytes);
  let failure: string | undefined;
  try {
    for (const chunk of chunks) reader.push(chunk);
  } catch (error) {
    assert.ok(error instanceof StatusError, `${String(error)} must be a StatusError`);
    failure = `${error.code} ${error.rawMessage}`;
  }
  const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  assert.ok(reader.queuedBytes <= total, "no more is queued than came");
  return [takeAll(reader), failure === undefined && reader.partial, failure];
}

describe("LengthPrefixReader: any bytes", () => {
  const pieces = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.uint8Array({ maxLength: 30 }).map((bytes) => framed(bytes)),
    fc.integer({ min: 0, max: 0xffff_ffff }).map((length) => {
      const prefix = Buffer.alloc(PREFIX_BYTES);
      prefix.writeUInt32BE(length, 1);
      return prefix;
    }),
  );
  const anyBytes = fc.array(pieces, { maxLength: 8 }).map((all) => Buffer.concat(all));

  test("R48 R51 R130 messages, or a StatusError behind the whole ones: the same wherever the bytes are cut", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const whole = readAnything([bytes], 100);
        for (let cut = 1; cut < bytes.length; cut++) {
          assert.deepEqual(readAnything(split(bytes, [cut]), 100), whole, `cut at ${cut}`);
        }
        assert.deepEqual(
          readAnything(
            Array.from(bytes, (byte) => Buffer.of(byte)),
            100,
          ),
          whole,
        );
      }),
      { numRuns: 500 },
    );
  });
});

describe("LengthPrefixReader: refusals", () => {
  test("R51 a flag other than 0 and 1 is INTERNAL", () => {
    for (const flag of [2, 3, 0x7f, 0x80, 0xff]) {
      const error = thrownBy(() => new LengthPrefixReader(MAX_MESSAGE_BYTES).push(framed(payload(1), flag)));
      assert.equal(error.code, Code.INTERNAL);
      assert.equal(error.rawMessage, `protocol error: compressed flag must be 0 or 1, got ${flag}`);
    }
  });

  test("R51 also when the prefix comes byte by byte", () => {
    const reader = new LengthPrefixReader(MAX_MESSAGE_BYTES);
    const [flag, ...rest] = framed(payload(0), 2);
    reader.push(Buffer.from([flag as number]));
    const error = thrownBy(() => rest.forEach((byte) => reader.push(Buffer.from([byte]))));
    assert.equal(error.code, Code.INTERNAL);
  });

  test("R52 flag 1 without a grpc-encoding, or with identity, is INTERNAL and says so", () => {
    for (const coding of [undefined, "identity"]) {
      const reader = new LengthPrefixReader(MAX_MESSAGE_BYTES);
      reader.coding = coding;
      const error = thrownBy(() => reader.push(framed(payload(1), 1)));
      assert.equal(error.code, Code.INTERNAL);
      assert.match(error.rawMessage, /compressed flag set without a grpc-encoding/);
    }
  });

  test("R53 flag 0 is a plain message whatever coding was declared", () => {
    const reader = new LengthPrefixReader(MAX_MESSAGE_BYTES);
    reader.coding = "gzip";
    reader.push(framed(payload(9)));
    assert.deepEqual(takeAll(reader), [payload(9).toString("hex")]);
  });

  test("R130 a message over the limit is RESOURCE_EXHAUSTED from its prefix alone, and names both sizes", () => {
    const reader = new LengthPrefixReader(1000);
    const prefix = framed(payload(1001)).subarray(0, PREFIX_BYTES);
    reader.push(prefix.subarray(0, 4));
    const error = thrownBy(() => reader.push(prefix.subarray(4)));
    assert.equal(error.code, Code.RESOURCE_EXHAUSTED);
    assert.equal(error.rawMessage, "received message of 1001 bytes is larger than the limit of 1000 bytes");
  });

  test("R130 a message as long as the limit passes", () => {
    const reader = new LengthPrefixReader(1000);
    reader.push(framed(payload(1000)));
    assert.deepEqual(takeAll(reader), [payload(1000).toString("hex")]);
  });

  test("R130 a declared length is unsigned: 4 GiB - 1 is over the limit, not below zero", () => {
    for (const chunks of [
      [[0, 0xff, 0xff, 0xff, 0xff]],
      [
        [0, 0xff, 0xff],
        [0xff, 0xff],
      ],
    ]) {
      const reader = new LengthPrefixReader(MAX_MESSAGE_BYTES);
      const error = thrownBy(() => chunks.forEach((chunk) => reader.push(Buffer.from(chunk))));
      assert.match(error.rawMessage, /^received message of 4294967295 bytes/);
    }
  });

  test("R130 a limit of 0 takes empty messages only", () => {
    const reader = new LengthPrefixReader(0);
    reader.push(framed(payload(0)));
    assert.deepEqual(takeAll(reader), [""]);
    assert.equal(thrownBy(() => reader.push(framed(payload(1)))).code, Code.RESOURCE_EXHAUSTED);
  });

  test("the whole messages before a refused one stay available", () => {
    const reader = new LengthPrefixReader(10);
    thrownBy(() => reader.push(Buffer.concat([framed(payload(4)), framed(payload(5)), framed(payload(11))])));
    assert.equal(reader.whole, 2);
    assert.deepEqual(
      takeAll(reader),
      [payload(4), payload(5)].map((one) => one.toString("hex")),
    );
  });
});
