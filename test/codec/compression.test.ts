/**
 * Compressors: every byte comes back, nothing broken is taken for good, and nothing grows beyond its limit.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as zlib from "node:zlib";
import fc from "fast-check";
import {
  checkDecompressed,
  compressError,
  type Compressor,
  decompressError,
  deflate,
  gzip,
  listsCoding,
} from "../../src/codec/compression.js";
import { Code, StatusError } from "../../src/codec/status.js";

const BUILT_IN = [gzip, deflate] as const;
const MIB = 1024 * 1024;

/** What becomes of compressed bytes that come in a message: the plain ones, or the status that ends the call. */
async function open(compressor: Compressor, bytes: Uint8Array, maxBytes = 4 * MIB): Promise<Uint8Array | StatusError> {
  try {
    return checkDecompressed(await compressor.decompress(bytes, maxBytes), compressor, maxBytes);
  } catch (error) {
    return decompressError(error, compressor, maxBytes);
  }
}

async function refusal(compressor: Compressor, bytes: Uint8Array, maxBytes?: number): Promise<StatusError> {
  const opened = await open(compressor, bytes, maxBytes);
  assert.ok(opened instanceof StatusError, `${compressor.name}: it was taken`);
  return opened;
}

/** Bytes that do not compress, the same ones in every run. */
function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

describe("gzip and deflate", () => {
  test("R127 the two are what HTTP calls by these names: RFC 1952, and zlib's format of RFC 1950", async () => {
    const text = Buffer.from("to be compressed ".repeat(100));
    assert.deepEqual(zlib.gunzipSync(await gzip.compress(text)), text);
    assert.deepEqual(zlib.inflateSync(await deflate.compress(text)), text);
    assert.deepEqual(await open(gzip, zlib.gzipSync(text)), text);
    assert.deepEqual(await open(deflate, zlib.deflateSync(text)), text);
    assert.equal((await refusal(deflate, zlib.deflateRawSync(text))).code, Code.INTERNAL);
    assert.deepEqual(
      BUILT_IN.map((one) => one.name),
      ["gzip", "deflate"],
    );
  });

  test("R118 every message comes back as it was", async () => {
    const messages = fc.oneof(
      fc.uint8Array({ maxLength: 4000 }),
      fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.integer({ min: 1, max: 3000 })).map(repeated),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...BUILT_IN), messages, async (compressor, message) => {
        const compressed = await compressor.compress(message);
        const opened = await open(compressor, compressed, message.length);
        assert.deepEqual(Buffer.from(opened as Uint8Array), Buffer.from(message));
      }),
      { numRuns: 200 },
    );
  });

  test("R54 equal messages become equal bytes: nothing is carried over from one to the next", async () => {
    const message = Buffer.from("the same every time ".repeat(50));
    for (const compressor of BUILT_IN) {
      const first = Buffer.from(await compressor.compress(message));
      await compressor.compress(noise(5000));
      assert.deepEqual(Buffer.from(await compressor.compress(message)), first);
    }
  });

  test("up to 64 KiB the work is done at once, above it beside the event loop", async () => {
    for (const compressor of BUILT_IN) {
      const small = compressor.compress(new Uint8Array(65_536));
      assert.ok(small instanceof Uint8Array);
      assert.ok(compressor.decompress(small, 4 * MIB) instanceof Uint8Array);
      const large = compressor.compress(new Uint8Array(65_537));
      assert.ok(large instanceof Promise);
      // A few bytes that become many: how many shows only on the way.
      const opened = compressor.decompress(await large, 4 * MIB);
      assert.ok(opened instanceof Promise);
      assert.equal((await opened).length, 65_537);
      const dense = noise(200_000);
      assert.deepEqual(new Uint8Array((await open(compressor, await compressor.compress(dense))) as Uint8Array), dense);
    }
  });

  for (const [size, which] of [
    [3000, "at once"],
    [300_000, "beside the event loop"],
  ] as const) {
    test(`R126 a message cut anywhere is INTERNAL and names the coding, ${which}`, async () => {
      for (const compressor of BUILT_IN) {
        const bytes = await compressor.compress(noise(size));
        const step = size > 65_536 ? 30_011 : 7;
        for (let length = 0; length < bytes.length; length += length < 20 ? 1 : step) {
          const error = await refusal(compressor, bytes.subarray(0, length));
          assert.equal(error.code, Code.INTERNAL, `${compressor.name} cut to ${length}`);
          assert.ok(error.rawMessage.includes(`"${compressor.name}"`), error.rawMessage);
        }
        for (let less = 1; less <= 12; less++) {
          assert.equal((await refusal(compressor, bytes.subarray(0, bytes.length - less))).code, Code.INTERNAL);
        }
      }
    });

    test(`R126 bytes behind the end are INTERNAL, zeros as well, ${which}`, async () => {
      for (const compressor of BUILT_IN) {
        const bytes = await compressor.compress(noise(size));
        for (const extra of ["\0", "\0\0\0\0\0\0\0\0", "x", "\x1f", "\x1f\x8b", "not gzip", "\0".repeat(100_000)]) {
          const error = await refusal(compressor, Buffer.concat([bytes, Buffer.from(extra, "latin1")]));
          assert.equal(error.code, Code.INTERNAL, `${compressor.name} and ${JSON.stringify(extra.slice(0, 10))}`);
        }
      }
    });
  }

  test("R126 one byte changed, anywhere, never gives another message", async () => {
    const message = Buffer.from("checked by a sum of all bytes ".repeat(20));
    for (const compressor of BUILT_IN) {
      const bytes = Buffer.from(await compressor.compress(message));
      for (let at = 0; at < bytes.length; at++) {
        for (const bit of [1, 0x80]) {
          const changed = Buffer.from(bytes);
          changed[at] = (changed[at] as number) ^ bit;
          const opened = await open(compressor, changed);
          // The time and the system in a gzip header mean nothing; everything else counts.
          if (opened instanceof StatusError) assert.equal(opened.code, Code.INTERNAL, `${compressor.name} at ${at}`);
          else assert.deepEqual(Buffer.from(opened), message, `${compressor.name} at ${at}`);
        }
      }
    }
  });

  test("R126 noise is INTERNAL, or what was allowed, and never an exception of another kind", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...BUILT_IN), fc.uint8Array({ maxLength: 300 }), async (compressor, bytes) => {
        const opened = await open(compressor, bytes, 1000);
        if (opened instanceof StatusError)
          assert.ok([Code.INTERNAL, Code.RESOURCE_EXHAUSTED].includes(opened.code as 8));
        else assert.ok(opened.length <= 1000);
      }),
    );
  });

  test("a gzip message may be made of several members, as RFC 1952 has it; a zlib stream is one", async () => {
    const two = (compress: (bytes: Uint8Array) => Buffer): Buffer =>
      Buffer.concat([compress(Buffer.from("one ")), compress(Buffer.from("two"))]);
    assert.equal(Buffer.from((await open(gzip, two(zlib.gzipSync))) as Uint8Array).toString(), "one two");
    assert.equal((await refusal(deflate, two(zlib.deflateSync))).code, Code.INTERNAL);
    const large = Buffer.concat([zlib.gzipSync(noise(70_000)), zlib.gzipSync(noise(70_000))]);
    assert.equal(((await open(gzip, large)) as Uint8Array).length, 140_000);
    assert.equal((await refusal(gzip, large, 139_999)).code, Code.RESOURCE_EXHAUSTED, "the limit is that of the whole");
  });

  test("a stream that asks for a dictionary is INTERNAL", async () => {
    const dictionary = Buffer.from("a dictionary that nobody agreed upon");
    const bytes = zlib.deflateSync(dictionary, { dictionary });
    assert.equal((await refusal(deflate, bytes)).code, Code.INTERNAL);
  });
});

describe("the limit of what is decompressed", () => {
  test("R131 the limit passes, one byte more is RESOURCE_EXHAUSTED and says the limit", async () => {
    for (const compressor of BUILT_IN) {
      for (const size of [0, 1, 2, 1000, 65_535, 65_536, 65_537, MIB]) {
        const bytes = await compressor.compress(new Uint8Array(size));
        assert.equal(((await open(compressor, bytes, size)) as Uint8Array).length, size);
        assert.equal(((await open(compressor, bytes, Infinity)) as Uint8Array).length, size);
        if (size === 0) continue;
        const error = await refusal(compressor, bytes, size - 1);
        assert.equal(error.code, Code.RESOURCE_EXHAUSTED, `${compressor.name} of ${size}`);
        assert.ok(error.rawMessage.includes(` ${size - 1} bytes`), error.rawMessage);
      }
    }
  });

  test("R131 50 KB that stand for 50 MiB are refused in no time and without the memory", async () => {
    for (const compressor of BUILT_IN) {
      const bomb = await compressor.compress(new Uint8Array(50 * MIB));
      assert.ok(bomb.length < 64 * 1024, `${bomb.length}`);
      const before = process.memoryUsage();
      const start = process.hrtime.bigint();
      const error = await refusal(compressor, bomb);
      const ms = Number(process.hrtime.bigint() - start) / 1e6;
      const after = process.memoryUsage();
      assert.equal(error.code, Code.RESOURCE_EXHAUSTED);
      // 4 MiB and a chunk; the bomb would be more than twelve times that.
      const grown = after.arrayBuffers + after.external - before.arrayBuffers - before.external;
      assert.ok(grown < 20 * MIB, `${compressor.name} grew by ${grown} bytes`);
      assert.ok(ms < 5000, `${compressor.name} took ${ms} ms`);
    }
  });

  test("R131 however many long messages come at once, a few are made plain at a time, and none that nobody wants any more", async () => {
    for (const compressor of BUILT_IN) {
      const bytes = await compressor.compress(new Uint8Array(4 * MIB));
      let begun = 0;
      let ended = 0;
      let most = 0;
      const all = Array.from({ length: 40 }, async (_, i) => {
        const isWanted = (): boolean => {
          if (i % 2 === 1) return false;
          most = Math.max(most, ++begun - ended);
          return true;
        };
        try {
          const plain = await compressor.decompress(bytes, 4 * MIB, isWanted);
          assert.deepEqual([i % 2, plain.length], [0, 4 * MIB]);
        } catch (error) {
          if (i % 2 === 0) throw error;
        }
        ended++;
      });
      await Promise.all(all);
      assert.deepEqual([begun, ended], [20, 40]);
      assert.ok(most <= 8, `${most} at a time`);
      // The turns were given back.
      assert.equal((await compressor.decompress(bytes, 4 * MIB)).length, 4 * MIB);
    }
  });

  test("R131 a compressor of somebody else that does not look at the limit is held to it all the same", async () => {
    const careless: Compressor = {
      name: "x-twice",
      compress: (bytes) => bytes.subarray(0, bytes.length / 2),
      decompress: (bytes) => Buffer.concat([bytes, bytes]),
    };
    assert.equal(((await open(careless, Buffer.from("ab"), 4)) as Uint8Array).length, 4);
    assert.equal((await refusal(careless, Buffer.from("ab"), 3)).code, Code.RESOURCE_EXHAUSTED);
  });
});

describe("decompressError, checkDecompressed, compressError", () => {
  test("R126 R131 what a compressor throws is INTERNAL, unless it says itself what it is", () => {
    const own = new StatusError(Code.DATA_LOSS, "lost");
    assert.equal(decompressError(own, gzip, 10), own);
    const tooLarge = Object.assign(new RangeError("cannot"), { code: "ERR_BUFFER_TOO_LARGE" });
    assert.equal(decompressError(tooLarge, gzip, 10).code, Code.RESOURCE_EXHAUSTED);
    const error = decompressError("a text", gzip, 10);
    assert.deepEqual(
      [error.code, error.rawMessage],
      [Code.INTERNAL, 'cannot decompress a message with "gzip": a text'],
    );
    assert.equal(
      decompressError(new Error("why"), gzip, 10).rawMessage,
      'cannot decompress a message with "gzip": why',
    );
    assert.equal(decompressError(undefined, gzip, 10).code, Code.INTERNAL);
  });

  test("what is no bytes is INTERNAL", () => {
    for (const wrong of [undefined, null, "text", [1, 2], {}]) {
      assert.throws(() => checkDecompressed(wrong, gzip, 10), { code: Code.INTERNAL });
    }
  });

  test("a message that cannot be compressed is an error that names it, its coding and the reason", () => {
    const cause = new Error("no memory");
    const error = compressError(cause, gzip, "wire.Bytes");
    assert.equal(error.message, 'Cannot compress wire.Bytes with "gzip": no memory');
    assert.equal(error.cause, cause);
    assert.match(compressError("odd", gzip, "wire.Bytes").message, /: odd$/);
  });
});

describe("listsCoding", () => {
  test("R121 a list names whole codings, with or without spaces around them", () => {
    for (const list of ["gzip", "identity,gzip", "identity, deflate , gzip", "gzip,identity"]) {
      assert.ok(listsCoding(list, "gzip"), list);
    }
    for (const list of ["", "identity", "gzip2", "x-gzip", "GZIP", "identity;gzip"]) {
      assert.ok(!listsCoding(list, "gzip"), list);
    }
  });
});

function repeated([bytes, times]: [Uint8Array, number]): Uint8Array {
  const all = new Uint8Array(bytes.length * times);
  for (let i = 0; i < times; i++) all.set(bytes, i * bytes.length);
  return all;
}
