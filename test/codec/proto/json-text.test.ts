/** JSON as text: the same values as the engine's parser, but for what that one loses or lets pass. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  formatJson,
  integerOf,
  isJsonNumber,
  parseJson,
  quoteJson,
  setOwn,
  type JsonValue,
} from "../../../src/codec/proto/json-text.js";

/** Whole numbers beyond 2^53 as the engine's parser gives them. */
function rounded(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(rounded);
  const object = {};
  for (const [name, item] of Object.entries(value)) setOwn(object, name, rounded(item));
  return object;
}

test("parseJson gives what JSON.parse gives, and formatJson what JSON.stringify gives", () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      const same = JSON.parse(text) as JsonValue;
      assert.deepStrictEqual(rounded(parseJson(text)), same);
      assert.deepStrictEqual(JSON.parse(formatJson(same, indent)), same);
    }),
  );
  const value = { a: [1, { b: [] }, {}], c: "x" };
  for (const indent of [0, 1, 3]) assert.equal(formatJson(value, indent), JSON.stringify(value, undefined, indent));
});

test("parseJson refuses what JSON.parse refuses", () => {
  fc.assert(
    fc.property(
      fc
        .array(fc.constantFrom(...Array.from('{}[],:"\\ue+-.01 \n'), "null", "true", '"a"', "\u0001"))
        .map((parts) => parts.join("")),
      (text) => {
        let legal = true;
        try {
          JSON.parse(text);
        } catch {
          legal = false;
        }
        if (!legal) assert.throws(() => parseJson(text), SyntaxError, text);
        else {
          try {
            parseJson(text);
          } catch (error) {
            assert.match(String(error), /a name that the object does not have already/, text);
          }
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test("a whole number beyond 2^53 is a bigint; one of more than 20 digits, or with a fraction, is a number", () => {
  assert.deepStrictEqual(parseJson("[9007199254740993, -18446744073709551615, 1e18, 1.5e19]"), [
    9007199254740993n,
    -18446744073709551615n,
    10n ** 18n,
    15n * 10n ** 18n,
  ]);
  assert.deepStrictEqual(
    parseJson("[9007199254740991, 1e30, 1e-5, 2.50e1, -0]"),
    [9007199254740991, 1e30, 1e-5, 25, -0],
  );
  assert.equal(parseJson("1e400"), Infinity);
});

test("a name stands once, and __proto__ is a name", () => {
  assert.throws(
    () => parseJson('{"a": 1, "\\u0061": 2}'),
    /line 1, column 10: wanted a name that the object does not have already/,
  );
  const parsed = parseJson('{"__proto__": 1}');
  assert.deepEqual(Object.keys(parsed as object), ["__proto__"]);
  assert.equal(Object.getPrototypeOf(parsed), Object.prototype);
});

test("errors name line and column, and repeat little and nothing that drives a terminal", () => {
  const message = (text: string): string => {
    try {
      parseJson(text);
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };
  assert.equal(message('{\n  "a" 1}'), 'Cannot parse JSON at line 2, column 7: wanted ":", but it is "1}"');
  assert.equal(message(""), "Cannot parse JSON at line 1, column 1: wanted a value, but the text ends");
  assert.equal(message("1 2"), 'Cannot parse JSON at line 1, column 3: wanted the end of the text, but it is "2"');
  assert.equal(
    message('["a'),
    'Cannot parse JSON at line 1, column 2: wanted a string that ends, without control characters and with the escapes of JSON, but it is "\\"a"',
  );
  assert.equal(
    message("\u009b1m" + "x".repeat(500)),
    `Cannot parse JSON at line 1, column 1: wanted a value, but it is "\\u009b1m${"x".repeat(21)}"`,
  );
});

test("nesting is bounded, and large texts take time in proportion", () => {
  const deep = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
  parseJson(deep(250));
  for (const levels of [252, 1_000_000]) assert.throws(() => parseJson(deep(levels)), /nested at most 250 deep/);
  assert.throws(() => parseJson('{"a":'.repeat(1_000_000)), /nested at most 250 deep/);
  const long = "a\\\\".repeat(1_000_000);
  assert.equal((parseJson(`"${long}"`) as string).length, 2_000_000);
  assert.throws(() => parseJson(`"${'\\"'.repeat(1_000_000)}`), SyntaxError);
});

test("integerOf: exact, and no exponent makes it build a large number", () => {
  for (const [text, value] of [
    ["0", 0n],
    ["-0", 0n],
    ["0e99999999999", 0n],
    ["12", 12n],
    ["-1.20e1", -12n],
    ["1e3", 1000n],
    ["18446744073709551615", 18446744073709551615n],
    ["100000000000000000000e-19", 10n],
    ["1.5", undefined],
    ["1e-1", undefined],
    ["1e999999999", undefined],
    ["1e99999999999999999999", undefined],
    ["123456789012345678901", undefined],
    ["", undefined],
    [" 1", undefined],
    ["+1", undefined],
    ["01", undefined],
    ["1.", undefined],
    ["0x10", undefined],
  ] as const) {
    assert.equal(integerOf(text), value, text);
  }
  assert.ok(isJsonNumber("-1.5E+3") && !isJsonNumber("1e") && !isJsonNumber("Infinity"));
});

test("quoteJson and formatJson let no control character out", () => {
  assert.equal(quoteJson("\u001b\u007f\u009b\u202e\u2028ü☺"), '"\\u001b\\u007f\\u009b\\u202e\\u2028ü☺"');
  assert.equal(formatJson({ "\u009b": "\u009b" }, 0), '{"\\u009b":"\\u009b"}');
  assert.equal(formatJson([-0, 5], 0), "[-0,5]");
});
