import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  namedBits,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
  utf8String,
} from "../../src/cli/der.js";

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

describe("DER", () => {
  test("each type has its tag, its length and its contents", () => {
    const nothing = Uint8Array.of();
    for (const [bytes, expected] of [
      [boolean(true), "0101ff"],
      [boolean(false), "010100"],
      [octetString(Uint8Array.of(1, 2)), "04020102"],
      [octetString(nothing), "0400"],
      [bitString(Uint8Array.of(0xa0)), "030200a0"],
      [utf8String("é"), "0c02c3a9"],
      [sequence(boolean(true), boolean(false)), "30060101ff010100"],
      [sequence(), "3000"],
      [setOf(boolean(true)), "31030101ff"],
      [implicit(2, Uint8Array.of(0x61)), "820161"],
      [explicit(3, boolean(true)), "a3030101ff"],
    ] as const) {
      assert.equal(hex(bytes), expected);
    }
  });

  test("a length takes as few bytes as it can", () => {
    for (const [size, expected] of [
      [0, "00"],
      [127, "7f"],
      [128, "8180"],
      [255, "81ff"],
      [256, "820100"],
      [65_535, "82ffff"],
      [65_536, "83010000"],
    ] as const) {
      assert.equal(hex(octetString(new Uint8Array(size))).slice(2, 2 + expected.length), expected, String(size));
    }
  });

  test("an integer is never negative, and has no byte too many", () => {
    for (const [bytes, expected] of [
      [[], "020100"],
      [[0], "020100"],
      [[0, 0, 1], "020101"],
      [[0x7f], "02017f"],
      [[0x80], "02020080"],
      [[0, 0xff, 0], "020300ff00"],
    ] as const) {
      assert.equal(hex(integer(Uint8Array.from(bytes))), expected);
    }
  });

  test("named bits leave the zeros behind the last one off", () => {
    assert.equal(hex(namedBits(0)), "03020780");
    assert.equal(hex(namedBits(0, 5)), "03020284");
    assert.equal(hex(namedBits(7)), "03020001");
    assert.throws(() => namedBits(8), /must be 0 to 7/);
  });

  test("an object identifier has seven bits a byte", () => {
    assert.equal(hex(objectIdentifier("2.5.29.17")), "0603551d11");
    assert.equal(hex(objectIdentifier("1.2.840.10045.4.3.2")), "06082a8648ce3d040302");
    assert.equal(hex(objectIdentifier("1.2.127.128.16383.16384")), "06092a7f8100ff7f818000");
    assert.equal(hex(objectIdentifier("2.999")), "06028837");
  });

  test("a time is UTCTime through 2049 and GeneralizedTime from 2050, to the second", () => {
    const text = (moment: string): string => Buffer.from(time(new Date(moment))).toString("latin1");
    assert.equal(text("1950-01-01T00:00:00.000Z"), "\u0017\r500101000000Z");
    assert.equal(text("2026-02-03T04:05:06.789Z"), "\u0017\r260203040506Z");
    assert.equal(text("2049-12-31T23:59:59.999Z"), "\u0017\r491231235959Z");
    assert.equal(text("2050-01-01T00:00:00.000Z"), "\u0018\u000f20500101000000Z");
    for (const moment of ["1949-12-31T23:59:59Z", "+010000-01-01T00:00:00Z", "nonsense"]) {
      assert.throws(() => time(new Date(moment)), RangeError);
    }
  });
});
