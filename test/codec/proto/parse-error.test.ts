/** Errors of bad files: where, and what was expected. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadProto } from "../../../src/codec/proto/load.js";
import { explainParseError, findSpot, formatSpot } from "../../../src/codec/proto/parse-error.js";

const HEAD = 'syntax = "proto3";\n';

for (const [text, expected] of [
  [`${HEAD}message M {\n  int32 a 1;\n}`, 'm.proto:3:11: expected "=", found "1"'],
  [`${HEAD}message M {\n  int32 = 1;\n}`, 'm.proto:3:9: expected a name, found "="'],
  [`${HEAD}message M {\n  int32 a = b;\n}`, 'm.proto:3:13: expected a number, found "b"'],
  [`${HEAD}message 5 {}`, 'm.proto:2:9: expected a name, found "5"'],
  [`${HEAD}message M { map<float, int32> a = 1; }`, 'm.proto:2:17: expected a type, found "float"'],
  [`${HEAD}message M { required int32 a = 1; }`, 'm.proto:2:13: found "required", which only proto2 has'],
  [`${HEAD}message M { a a a }`, 'm.proto:2: expected "=", found "a"'],
  [`${HEAD}option x = "open;\n`, "m.proto:2: expected the end of the string, found the end of the line or file"],
  [`${HEAD}message M {`, "m.proto:2: did not expect the end of the file"],
  [`${HEAD}massage M {}`, 'm.proto:2:1: did not expect "massage"'],
  [`${HEAD}message M { int32 a = 1; int32 a = 2; }`, "m.proto: duplicate name 'a' in Type M"],
  ['syntax = "proto4";', /^m\.proto: expected one of proto2, .* as syntax or edition, found "proto4"$/],
] as const) {
  test(`${JSON.stringify(text.replace(HEAD, ""))} is an error with its place`, () => {
    const check = (error: Error): true => {
      const message = error.message.replace(/^Cannot load /, "");
      if (typeof expected === "string") assert.equal(message, expected);
      else assert.match(message, expected);
      return true;
    };
    assert.throws(() => loadProto({ "m.proto": text }), check);
  });
}

test("a token of a stranger's file is cut", () => {
  const message = explainParseError("m.proto", "", `illegal token '${"x".repeat(1000)}' (line 1)`);
  assert.ok(message.length < 120, message);
});

test("findSpot tells the place of a token, not of a comment", () => {
  assert.equal(formatSpot(findSpot("m.proto", '// a\n"a" /* a */\n  a', /\ba\b/)), "m.proto:3:3");
  assert.equal(formatSpot(findSpot("m.proto", "b = (a)", /\bb = \((a)/)), "m.proto:1:6");
  assert.equal(formatSpot(findSpot("m.proto", "b", /\ba\b/)), "m.proto");
});
