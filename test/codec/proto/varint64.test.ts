/** 64-bit integers as bigints. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import * as fc from "fast-check";
import * as varint64 from "../../../src/codec/proto/varint64.js";
import { createReader, createWriter, type WireReader, type WireWriter } from "../../../src/codec/proto/wire.js";
import { hex, toHex } from "./schemas.js";

const { takeInt64, takeUint64, tookZero, writeFixed64, writeVarint64, writeZigzag64 } = varint64;

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;
const UMAX = 2n ** 64n - 1n;

function written(write: (writer: WireWriter) => void): Uint8Array {
  const writer = createWriter();
  write(writer);
  return writer.finish();
}

const signed = fc.oneof(fc.bigInt({ min: MIN, max: MAX }), fc.bigInt({ min: -300n, max: 300n }));
const unsigned = fc.oneof(fc.bigInt({ min: 0n, max: UMAX }), fc.bigInt({ min: 0n, max: 300n }));

const pairs: [
  string,
  fc.Arbitrary<bigint>,
  (v: unknown) => boolean,
  (w: WireWriter) => void,
  (r: WireReader) => bigint,
][] = [
  ["int64", signed, takeInt64, writeVarint64, varint64.readInt64],
  ["sint64", signed, takeInt64, writeZigzag64, varint64.readSint64],
  ["sfixed64", signed, takeInt64, writeFixed64, varint64.readSfixed64],
  ["uint64", unsigned, takeUint64, writeVarint64, varint64.readUint64],
  ["fixed64", unsigned, takeUint64, writeFixed64, varint64.readFixed64],
];
for (const [name, values, take, write, read] of pairs) {
  test(`${name}: every value comes back as it was written`, () => {
    fc.assert(
      fc.property(values, (value) => {
        assert.equal(take(value), true);
        const bytes = written(write);
        const reader = createReader(bytes);
        assert.equal(read(reader), value);
        assert.equal(reader.pos, bytes.length);
      }),
    );
  });
}

test("int64: known bytes", () => {
  for (const [value, bytes] of [
    [0n, "00"],
    [127n, "7f"],
    [128n, "80 01"],
    [-1n, "ff ff ff ff ff ff ff ff ff 01"],
    [MIN, "80 80 80 80 80 80 80 80 80 01"],
    [MAX, "ff ff ff ff ff ff ff ff 7f"],
    [4_294_967_296n, "80 80 80 80 10"],
  ] as const) {
    takeInt64(value);
    assert.equal(toHex(written(writeVarint64)), bytes);
  }
});

test("sint64: the sign is in the lowest bit", () => {
  for (const [value, bytes] of [
    [0n, "00"],
    [-1n, "01"],
    [1n, "02"],
    [-2n, "03"],
    [MAX, "fe ff ff ff ff ff ff ff ff 01"],
    [MIN, "ff ff ff ff ff ff ff ff ff 01"],
  ] as const) {
    takeInt64(value);
    assert.equal(toHex(written(writeZigzag64)), bytes);
  }
});

test("takeInt64 takes safe integers and decimal strings for the same value", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      assert.ok(takeInt64(value));
      const fromNumber = toHex(written(writeVarint64));
      assert.ok(takeInt64(String(value)));
      assert.equal(toHex(written(writeVarint64)), fromNumber);
      assert.ok(takeInt64(BigInt(value)));
      assert.equal(toHex(written(writeVarint64)), fromNumber);
    }),
  );
});

test("takeInt64 refuses what is out of range or no integer", () => {
  for (const value of [
    MAX + 1n,
    MIN - 1n,
    2 ** 53,
    1.5,
    NaN,
    Infinity,
    "",
    "0x10",
    "1.5",
    " 1",
    "9223372036854775808",
    "9".repeat(400),
    null,
    undefined,
    true,
    {},
  ]) {
    assert.equal(takeInt64(value), false, inspect(value));
  }
  assert.ok(takeInt64(String(MIN)));
});

test("takeUint64 refuses negative values and what is above 64 bits", () => {
  for (const value of [-1n, -1, "-1", UMAX + 1n, 2 ** 64, 0.5, "18446744073709551616", [], Symbol.iterator]) {
    assert.equal(takeUint64(value), false, String(value));
  }
  assert.ok(takeUint64(String(UMAX)));
  assert.ok(takeUint64(5));
});

test("tookZero says whether the value taken is 0", () => {
  takeInt64(0);
  assert.equal(tookZero(), true);
  takeInt64(4_294_967_296n);
  assert.equal(tookZero(), false);
  takeInt64(-0);
  assert.equal(tookZero(), true);
});

test("reading stops at the end of the bytes and at ten bytes", () => {
  assert.throws(() => varint64.readInt64(createReader(hex("80 80"))), RangeError);
  assert.throws(() => varint64.readInt64(createReader(hex(""))), RangeError);
  assert.throws(() => varint64.readUint64(createReader(hex(""))), RangeError);
  assert.throws(() => varint64.readFixed64(createReader(hex("01 02 03 04 05"))), RangeError);
  assert.throws(() => varint64.readUint64(createReader(hex("80".repeat(10) + "01"))), /10 bytes/);
});

test("a varint that is longer than it needs to be is read all the same", () => {
  assert.equal(varint64.readInt64(createReader(hex("81 80 00"))), 1n);
});
