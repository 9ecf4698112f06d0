/**
 * The `grpc-timeout` header, written and read.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { formatTimeout, parseTimeout } from "../../src/codec/timeout.js";

const NANOSECONDS: Readonly<Record<string, bigint>> = {
  n: 1n,
  u: 1_000n,
  m: 1_000_000n,
  S: 1_000_000_000n,
  M: 60_000_000_000n,
  H: 3_600_000_000_000n,
};
const UNITS = Object.keys(NANOSECONDS);
const MAX_HOURS = 99_999_999;

/** What a text means, without any rounding. */
function nanosecondsOf(text: string): bigint {
  const [, digits, unit] = /^([0-9]{1,8})([HMSmun])$/.exec(text) ?? assert.fail(`not a grpc-timeout: ${text}`);
  return BigInt(digits as string) * (NANOSECONDS[unit as string] as bigint);
}

function checkCloseAbove(text: string, asked: bigint): void {
  const written = nanosecondsOf(text);
  assert.ok(written >= asked, `${text} is less than ${asked} ns`);
  assert.ok((written - asked) * 100_000n < asked, `${text} is a hundred-thousandth or more above ${asked} ns`);
}

/** All magnitudes equally often, up to `max`. */
function ofAnySize(max: bigint): fc.Arbitrary<bigint> {
  const bits = max.toString(2).length;
  return fc
    .integer({ min: 1, max: bits })
    .chain((size) => fc.bigInt({ min: 1n << BigInt(size - 1), max: (1n << BigInt(size)) - 1n }))
    .map((value) => (value > max ? max : value));
}

describe("formatTimeout", () => {
  test("R96 whole milliseconds: never less than asked, and less than 1e-5 more", () => {
    const max = BigInt(MAX_HOURS) * 3_600_000n;
    fc.assert(
      fc.property(ofAnySize(max), (ms) => checkCloseAbove(formatTimeout(Number(ms)), ms * 1_000_000n)),
      { numRuns: 2000 },
    );
  });

  test("R96 whole nanoseconds up to eleven days: never less than asked, and less than 1e-5 more", () => {
    fc.assert(
      // Milliseconds are floating point: the text may be a nanosecond above, which below 100 µs is more than 1e-5.
      fc.property(ofAnySize(10n ** 15n), (ns) => {
        const text = formatTimeout(Number(ns) / 1e6);
        if (ns > 100_000n) checkCloseAbove(text, ns);
        else assert.ok(nanosecondsOf(text) - ns <= 1n && nanosecondsOf(text) >= ns);
      }),
      { numRuns: 2000 },
    );
  });

  test("R96 the unit is the finest whose value fits 8 digits", () => {
    const finestFirst = ["n", "u", "m", "S", "M", "H"];
    fc.assert(
      fc.property(ofAnySize(BigInt(MAX_HOURS) * 3_600_000n), (ms) => {
        const unit = formatTimeout(Number(ms)).slice(-1);
        const finest = finestFirst.find((one) => ms * 1_000_000n <= 99_999_999n * (NANOSECONDS[one] as bigint));
        assert.equal(unit, finest);
      }),
      { numRuns: 2000 },
    );
  });

  test("R96 known values at the edges of the units", () => {
    const known: [timeoutMs: number, text: string][] = [
      [1, "1000000n"],
      [99.999_999, "99999999n"],
      [100, "100000u"],
      [99_999, "99999000u"],
      [100_000, "100000m"],
      [99_999_999, "99999999m"],
      [100_000_000, "100000S"],
      [100_000_000.5, "100001S"],
      [86_400_000 * 365 * 10, "5256000M"],
      [MAX_HOURS * 3_600_000, "99999999H"],
    ];
    for (const [timeoutMs, text] of known) assert.equal(formatTimeout(timeoutMs), text);
  });

  test("R96 never 0: a fraction of a nanosecond is written as one", () => {
    assert.equal(formatTimeout(1e-6), "1n");
    assert.equal(formatTimeout(1e-9), "1n");
    assert.equal(formatTimeout(Number.MIN_VALUE), "1n");
  });

  test("R96 more than 99,999,999 hours is written as that many", () => {
    for (const timeoutMs of [MAX_HOURS * 3_600_000 + 1, Number.MAX_VALUE, Infinity]) {
      assert.equal(formatTimeout(timeoutMs), "99999999H");
    }
  });

  test("R96 0, less and NaN are refused, never written", () => {
    for (const timeoutMs of [0, -0, -1, -Infinity, Number.NaN]) {
      assert.throws(() => formatTimeout(timeoutMs), {
        name: "RangeError",
        message: /must be more than 0 milliseconds: current value is (?:0|-1|-Infinity|NaN)$/,
      });
    }
  });
});

describe("parseTimeout", () => {
  test("R95 reads all six units", () => {
    assert.deepEqual(
      ["1H", "1M", "1S", "1m", "1u", "1n"].map(parseTimeout),
      [3_600_000, 60_000, 1000, 1, 0.001, 0.000_001],
    );
  });

  test("R95 reads 1 to 8 digits, leading zeros and zero included", () => {
    assert.equal(parseTimeout("99999999m"), 99_999_999);
    assert.equal(parseTimeout("00000010S"), 10_000);
    assert.equal(parseTimeout("0n"), 0);
  });

  test("R95 digits times unit, for every well-formed text", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99_999_999 }), fc.constantFrom(...UNITS), (value, unit) => {
        const ms = parseTimeout(`${value}${unit}`) ?? assert.fail("not read");
        const expected = (value * Number(NANOSECONDS[unit])) / 1e6;
        assert.ok(Math.abs(ms - expected) <= expected * 1e-12, `${ms} for ${value}${unit}`);
      }),
    );
  });

  test("R95 refuses everything else", () => {
    const malformed = [
      "",
      "1",
      "S",
      "123456789S",
      "1s",
      "1h",
      "1 S",
      " 1S",
      "1S ",
      "1SS",
      "-1S",
      "+1S",
      "1.5S",
      "0x1S",
    ];
    for (const text of [...malformed, "1e3S", "1S\n", "١S", "1,1S", "1µ"]) {
      assert.equal(parseTimeout(text), undefined, JSON.stringify(text));
    }
  });

  test("R95 whatever is written can be read", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1e18, noNaN: true }), (timeoutMs) => {
        assert.ok((parseTimeout(formatTimeout(timeoutMs)) ?? 0) > 0);
      }),
    );
  });

  test("R95 any text is a time of nothing or more, or none: never anything else, never an exception", () => {
    const nearly = fc.stringMatching(/^[ +-]?[0-9]{0,9}[HMSmunhs ]?[ ,]?$/);
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string(), fc.string({ unit: "binary" })), (text) => {
        const ms = parseTimeout(text);
        assert.equal(ms !== undefined, /^[0-9]{1,8}[HMSmun]$/.test(text) && !text.includes("\n"), JSON.stringify(text));
        assert.ok(ms === undefined || (ms >= 0 && ms <= MAX_HOURS * 3_600_000), `${ms} ms`);
      }),
      { numRuns: 2000 },
    );
  });
});
