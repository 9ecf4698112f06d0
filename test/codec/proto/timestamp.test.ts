/** Timestamps and durations to and from JavaScript. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  durationFromMs,
  durationToMs,
  timestampFromDate,
  timestampToDate,
} from "../../../src/codec/proto/timestamp.js";

test("timestampFromDate and timestampToDate are each other's opposite, before 1970 too", () => {
  fc.assert(
    fc.property(
      fc.date({
        min: new Date("0001-01-01T00:00:00Z"),
        max: new Date("9999-12-31T23:59:59.999Z"),
        noInvalidDate: true,
      }),
      (date) => {
        const timestamp = timestampFromDate(date);
        assert.ok(timestamp.nanos >= 0 && timestamp.nanos <= 999_999_999);
        assert.deepEqual(timestampToDate(timestamp), date);
      },
    ),
  );
});

test("timestampFromDate: nanos count forward before 1970", () => {
  assert.deepStrictEqual(timestampFromDate(new Date(-1)), { seconds: -1n, nanos: 999_000_000 });
  assert.deepStrictEqual(timestampFromDate(new Date(0)), { seconds: 0n, nanos: 0 });
  assert.deepStrictEqual(timestampFromDate(new Date(1500)), { seconds: 1n, nanos: 500_000_000 });
});

test("timestampToDate goes to the millisecond before", () => {
  assert.equal(timestampToDate({ seconds: 1n, nanos: 999_999_999 }).getTime(), 1999);
  assert.equal(timestampToDate({ seconds: -1n, nanos: 999_999 }).getTime(), -1000);
});

test("timestamps outside the years 1 to 9999 are refused", () => {
  assert.throws(() => timestampFromDate(new Date(NaN)), /Invalid Date/);
  assert.throws(() => timestampFromDate(new Date("+010000-01-01T00:00:00Z")), RangeError);
  assert.throws(() => timestampFromDate(new Date("0000-12-31T23:59:59Z")), /years 1 to 9999/);
  assert.throws(() => timestampToDate({ seconds: 253_402_300_800n, nanos: 0 }), RangeError);
  for (const nanos of [-1, 1_000_000_000, 0.5, NaN]) {
    assert.throws(() => timestampToDate({ seconds: 0n, nanos }), /nanos must be from 0 to 999999999/);
  }
});

test("durationFromMs splits into parts of the same sign", () => {
  assert.deepStrictEqual(durationFromMs(1500), { seconds: 1n, nanos: 500_000_000 });
  assert.deepStrictEqual(durationFromMs(-1500), { seconds: -1n, nanos: -500_000_000 });
  assert.deepStrictEqual(durationFromMs(0.001), { seconds: 0n, nanos: 1000 });
  assert.deepStrictEqual(durationFromMs(-0), { seconds: 0n, nanos: 0 });
  assert.deepStrictEqual(durationFromMs(-3000), { seconds: -3n, nanos: 0 });
});

test("durationFromMs: rounding may complete a second", () => {
  assert.deepStrictEqual(durationFromMs(999.999_999_9), { seconds: 1n, nanos: 0 });
  assert.deepStrictEqual(durationFromMs(-999.999_999_9), { seconds: -1n, nanos: 0 });
});

test("durationFromMs and durationToMs are each other's opposite for whole milliseconds", () => {
  fc.assert(
    fc.property(fc.integer({ min: -315_576_000_000_000, max: 315_576_000_000_000 }), (ms) => {
      assert.equal(durationToMs(durationFromMs(ms)), ms + 0);
    }),
  );
});

test("durations out of range or of two signs are refused", () => {
  for (const ms of [NaN, Infinity, 315_576_000_001_000]) assert.throws(() => durationFromMs(ms), RangeError);
  assert.throws(() => durationToMs({ seconds: 1n, nanos: -1 }), /same sign/);
  assert.throws(() => durationToMs({ seconds: -1n, nanos: 1 }), /same sign/);
  assert.throws(() => durationToMs({ seconds: 0n, nanos: 1e9 }), /nanos must be/);
  assert.throws(() => durationToMs({ seconds: 315_576_000_001n, nanos: 0 }), /10,000 years/);
});
