/**
 * Guessing what a message says whose schema is not known.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { formatGuess, guessMessage, type GuessedField } from "../../../src/codec/proto/guess.js";
import { loadProto } from "../../../src/core.js";

function lines(hexBytes: string): string[] {
  const fields = guessMessage(Buffer.from(hexBytes.replaceAll(" ", ""), "hex"));
  assert.ok(fields !== undefined, "it is a message");
  return formatGuess(fields);
}

describe("formatGuess", () => {
  for (const [what, bytes, expected] of [
    ["a varint, and what it is as a sint", "18 96 01", ["#3: varint 150 (zigzag 75)"]],
    ["true", "08 01", ["#1: varint 1 (true)"]],
    [
      "minus one as int32",
      "08 ff ff ff ff ff ff ff ff ff 01",
      ["#1: varint 18446744073709551615 (signed -1, zigzag -9223372036854775808)"],
    ],
    ["fixed32 and float", "0d 00 00 c8 3f", ["#1: fixed32 1070071808 (float 1.5625)"]],
    ["a float by its shortest form", "0d cd cc cc 3d", ["#1: fixed32 1036831949 (float 0.1)"]],
    [
      "fixed64 and double",
      "09 00 00 00 00 00 00 f8 bf",
      ["#1: fixed64 13832806255468478464 (signed -4613937818241073152, double -1.5)"],
    ],
    ["text", "12 06 68 c3 a9 6c 6c 6f", ['#2: text "héllo"']],
    ["nothing", "12 00", ['#2: empty ""']],
    ["bytes that are neither text nor message", "12 03 ff fe 00", ["#2: bytes ff fe 00"]],
    ["a message", "12 05 0a 01 61 10 02", ["#2: message {", '  #1: text "a"', "  #2: varint 2 (zigzag 1)", "}"]],
    ["a group", "0b 10 05 0c", ["#1: group {", "  #2: varint 5 (zigzag -3)", "}"]],
    ["text with a tab, which is no message", "0a 03 61 09 62", ['#1: text "a\\tb"']],
  ] as const) {
    test(what, () => assert.deepEqual(lines(bytes), expected));
  }

  test("no control character gets out: direction marks are escaped, others make bytes of it", () => {
    const bidi = Buffer.from("a\u202eb");
    assert.deepEqual(lines(`0a${bidi.length.toString(16).padStart(2, "0")}${bidi.toString("hex")}`), [
      '#1: text "a\\u{202e}b"',
    ]);
    assert.deepEqual(lines("0a 03 1b 5b 6d"), ["#1: bytes 1b 5b 6d"]);
  });

  test("long values are cut, and say how long they are", () => {
    const text = formatGuess([{ number: 1, value: { kind: "text", text: "x".repeat(1000) } }]);
    assert.equal(text[0], `#1: text "${"x".repeat(256)}"… (1000 characters)`);
    const bytes = formatGuess([{ number: 1, value: { kind: "bytes", bytes: Buffer.alloc(100, 255) } }]);
    assert.equal(bytes[0], `#1: bytes ${"ff ".repeat(32)}… (100 bytes)`);
  });
});

describe("guessMessage", () => {
  for (const [what, bytes] of [
    ["field number 0", "00 01"],
    ["a tag of more than 32 bits", "ff ff ff ff ff 01 00"],
    ["wire type 6", "0e"],
    ["a varint without an end", "08 ff"],
    ["a varint of eleven bytes", "08 ff ff ff ff ff ff ff ff ff ff 01"],
    ["a length beyond the end", "0a 05 61"],
    ["a group without an end", "0b 08 01"],
    ["the end of a group that has not begun", "0c"],
    ["the end of another group", "0b 14"],
    ["half a fixed32", "0d 00 00"],
  ] as const) {
    test(`is no message: ${what}`, () => {
      assert.equal(guessMessage(Buffer.from(bytes.replaceAll(" ", ""), "hex")), undefined);
    });
  }

  test("a stranger's bytes cost bounded depth and count", () => {
    // 200,000 bytes that open a group each: deeper than any stack.
    assert.equal(guessMessage(Buffer.alloc(200_000, 0x0b)), undefined);
    assert.equal(guessMessage(Buffer.from("0800".repeat(10_001), "hex")), undefined);
    const deep = Array.from({ length: 3000 }).reduce<Buffer>(
      (inner) => {
        const length = inner.length < 128 ? [inner.length] : [(inner.length & 127) | 128, inner.length >> 7];
        return inner.length > 16_000 ? inner : Buffer.concat([Buffer.from([0x0a, ...length]), inner]);
      },
      Buffer.from("0801", "hex"),
    );
    assert.ok(guessMessage(deep) !== undefined);
  });

  test("whatever the bytes, it answers; and what it prints has no control characters", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const fields = guessMessage(bytes);
        if (fields !== undefined) assert.doesNotMatch(formatGuess(fields).join(""), /\p{Cc}/u);
      }),
    );
  });

  test("finds every field of a message that our own codec wrote", () => {
    const schema = loadProto({
      "m.proto": `syntax = "proto3"; message M { int32 a = 1; string b = 2; M c = 3; repeated M d = 4; double e = 5; }`,
    });
    const type = schema.message("M");
    const flat = {
      a: fc.integer({ min: 1, max: 1000 }),
      b: fc.stringMatching(/^[a-z]{1,8}$/),
      e: fc.double({ min: 1, max: 9, noNaN: true }),
    };
    const tree = fc.record({ ...flat, d: fc.array(fc.record(flat), { maxLength: 3 }) });
    fc.assert(
      fc.property(tree, (message) => {
        const fields = guessMessage(type.encode(message));
        assert.deepEqual(
          fields?.map(({ number }) => number),
          [1, 2, ...message.d.map(() => 4), 5].toSorted((a, b) => a - b),
        );
        const text = fields?.find((field): field is GuessedField => field.number === 2)?.value;
        assert.deepEqual(text, { kind: "text", text: message.b });
      }),
    );
  });
});
