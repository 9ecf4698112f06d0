import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type JsonText, JsonValues } from "../../src/cli/json-values.js";

function split(...pieces: string[]): JsonText[] {
  const values = new JsonValues();
  return [...pieces.flatMap((piece) => values.push(piece)), ...values.end()];
}

const texts = (...pieces: string[]): string[] => split(...pieces).map(({ text }) => text);

describe("JsonValues", () => {
  test("takes values apart, whatever stands between them", () => {
    assert.deepEqual(texts('{"a":1}{"b":[2]}\n \t[3]"four" 5 true\r\nnull'), [
      '{"a":1}',
      '{"b":[2]}',
      "[3]",
      '"four"',
      "5",
      "true",
      "null",
    ]);
    assert.deepEqual(texts('1{"a":2}"b"3[4]'), ["1", '{"a":2}', '"b"', "3", "[4]"]);
    assert.deepEqual(texts(""), []);
    assert.deepEqual(texts(" \n\t"), []);
    assert.deepEqual(texts('\ufeff{"a":1}'), ['{"a":1}']);
  });

  test("brackets and quotes inside of strings end nothing", () => {
    assert.deepEqual(texts(String.raw`{"a":"}\"]{"}"\\"[1]`), [String.raw`{"a":"}\"]{"}`, String.raw`"\\"`, "[1]"]);
  });

  test("gives a value as soon as it is complete", () => {
    const values = new JsonValues();
    assert.deepEqual(values.push('{"a":'), []);
    assert.deepEqual(
      values.push('1}{"b"').map(({ text }) => text),
      ['{"a":1}'],
    );
    assert.deepEqual(
      values.push(":2}").map(({ text }) => text),
      ['{"b":2}'],
    );
    assert.deepEqual(values.push("12"), []);
    assert.deepEqual(
      values.push("3\n").map(({ text }) => text),
      ["123"],
    );
    assert.deepEqual(values.end(), []);
  });

  test("what is no JSON is given out as well, for the parser to say what is wrong with it", () => {
    assert.deepEqual(texts('{"a":', "1"), ['{"a":1']);
    assert.deepEqual(texts('} {"a":1}'), ["}", '{"a":1}']);
    assert.deepEqual(texts('{"a"]'), ['{"a"]']);
    assert.deepEqual(texts('"never ends'), ['"never ends']);
  });

  test("says where each begins", () => {
    assert.deepEqual(
      split('{"a":\n1}  {"b":2}\n', "\n  [3]").map(({ number, line, column }) => [number, line, column]),
      [
        [1, 1, 1],
        [2, 2, 5],
        [3, 4, 3],
      ],
    );
  });

  test("a value is bounded, and the input is not", () => {
    const values = new JsonValues();
    const piece = " ".repeat(1024 * 1024);
    for (let i = 0; i < 100; i++) assert.deepEqual(values.push(piece), []);
    values.push("[");
    assert.throws(() => {
      for (let i = 0; i < 100; i++) values.push(piece);
    }, /the value at line 1 has more than 67108864 characters/);
  });

  test("gives back what was joined, however it was cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue()),
        fc.array(fc.nat(40)),
        fc.constantFrom(" ", "\n", "\r\n\t"),
        (all, cuts, gap) => {
          const whole = all.map((one) => JSON.stringify(one)).join(gap);
          const pieces: string[] = [];
          let rest = whole;
          for (const cut of cuts) [rest] = [rest.slice(cut), pieces.push(rest.slice(0, cut))];
          assert.deepEqual(
            texts(...pieces, rest).map((text): unknown => JSON.parse(text)),
            all.map((one): unknown => JSON.parse(JSON.stringify(one))),
          );
        },
      ),
    );
  });
});
