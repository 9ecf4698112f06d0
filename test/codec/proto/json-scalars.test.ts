/** Scalars in JSON: what is read as what, what is refused, and floats in few digits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { readKey, readScalar, shortestFloat, writeScalar } from "../../../src/codec/proto/json-scalars.js";
import type { ScalarName } from "../../../src/codec/proto/fields.js";
import { WrongValue } from "../../../src/codec/proto/encode-values.js";

const refuses = (scalar: ScalarName, ...values: unknown[]): void => {
  for (const value of values) assert.throws(() => readScalar(scalar, value), WrongValue, `${scalar} ${String(value)}`);
};

test("integers are numbers, strings and bigints, in the range of their type", () => {
  for (const scalar of ["int32", "sint32", "sfixed32"] as const) {
    for (const [json, value] of [
      [-5, -5],
      ["1e3", 1000],
      [2.0, 2],
      [7n, 7],
      ["-2147483648", -2147483648],
      ["2147483647", 2147483647],
      ["-0", 0],
    ]) {
      assert.ok(Object.is(readScalar(scalar, json), value), `${scalar} ${String(json)}`);
    }
    refuses(
      scalar,
      2147483648,
      -2147483649,
      "2147483648",
      1.5,
      "1.5",
      "",
      " 1",
      "1 ",
      "0x1",
      "NaN",
      Infinity,
      true,
      null,
      [],
      {},
    );
  }
  for (const scalar of ["uint32", "fixed32"] as const) {
    assert.equal(readScalar(scalar, 4294967295), 4294967295);
    refuses(scalar, -1, 4294967296);
  }
  for (const scalar of ["int64", "sint64", "sfixed64"] as const) {
    assert.equal(readScalar(scalar, 5), 5n);
    assert.equal(readScalar(scalar, "-9223372036854775808"), -9223372036854775808n);
    refuses(scalar, "9223372036854775808", 2 ** 53, 9223372036854775808n);
  }
  for (const scalar of ["uint64", "fixed64"] as const) {
    assert.equal(readScalar(scalar, "18446744073709551615"), 18446744073709551615n);
    refuses(scalar, "18446744073709551616", -1, "-1");
  }
});

test("floats are numbers, numbers as strings and three names", () => {
  for (const scalar of ["double", "float"] as const) {
    for (const [json, value] of [
      [1.5, 1.5],
      ["1.5e1", 15],
      [5n, 5],
      ["NaN", Number.NaN],
      ["Infinity", Infinity],
      ["-Infinity", -Infinity],
      ["-0", -0],
    ]) {
      assert.ok(Object.is(readScalar(scalar, json), value), `${scalar} ${String(json)}`);
    }
    refuses(scalar, Number.NaN, Infinity, "1e400", "", "inf", "+1", " 1", "0x1", true, null);
  }
  refuses("float", 3.5e38, "-3.5e38");
  assert.equal(readScalar("double", 3.5e38), 3.5e38);
  assert.deepEqual(
    [Number.NaN, Infinity, -Infinity].map((value) => writeScalar("double", value)),
    ["NaN", "Infinity", "-Infinity"],
  );
});

test("a float is printed in the fewest digits that read back as it, within its range", () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const short = shortestFloat(value);
      assert.ok(Object.is(Math.fround(short), value) && Math.abs(short) <= 3.4028234663852886e38);
    }),
  );
  assert.deepEqual(
    [Math.fround(0.1), 16777216, Math.fround(3.4e38), Math.fround(1.00000012)].map(shortestFloat),
    [0.1, 16777216, 3.4e38, 1.0000001],
  );
  assert.equal(shortestFloat(3.4028234663852886e38), 3.4028234663852886e38);
});

test("bytes are base64 of either alphabet, padded or not, and nothing else", () => {
  for (const text of ["+/8A", "-_8A", "-/8A"]) assert.deepEqual(readScalar("bytes", text), Uint8Array.of(251, 255, 0));
  for (const text of ["AQ==", "AQ"]) assert.deepEqual(readScalar("bytes", text), Uint8Array.of(1));
  assert.deepEqual(readScalar("bytes", ""), new Uint8Array());
  refuses("bytes", "A", "AQ=", "A===", "=", "A Q=", "AQ==AQ==", "ä", 5, null, [1]);
  assert.equal(writeScalar("bytes", Uint8Array.of(1)), "AQ==");
  assert.equal((readScalar("bytes", "AAAA".repeat(10_000_000)) as Uint8Array).length, 30_000_000);
});

test("strings are well-formed strings, bools are bools, and a map's keys are texts of them", () => {
  assert.equal(readScalar("string", "ü☺😀"), "ü☺😀");
  refuses("string", "\ud800", "a\udc00b", 5, null);
  refuses("bool", "true", 0, null);
  assert.deepEqual(
    [readKey("bool", "true"), readKey("bool", "false"), readKey("int64", "-5"), readKey("string", "x")],
    [true, false, -5n, "x"],
  );
  assert.throws(() => readKey("bool", "1"), WrongValue);
});
