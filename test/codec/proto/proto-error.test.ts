/** Errors of bad files: where, and what was expected. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadProto } from "../../../src/codec/proto/load.js";
import { formatPlace } from "../../../src/codec/proto/proto-error.js";

const HEAD = 'syntax = "proto3";\n';
const DECLARATION = "expected one of import, package, option, message, enum, extend, service";

for (const [text, expected] of [
  [`${HEAD}message M {\n  int32 a 1;\n}`, 'm.proto:3:11: expected "=", found "1"'],
  [`${HEAD}message M {\n  int32 = 1;\n}`, 'm.proto:3:9: expected a name, found "="'],
  [`${HEAD}message M {\n  int32 a = b;\n}`, 'm.proto:3:13: expected a whole number, found "b"'],
  [`${HEAD}message M {\n\tint32 a = 1\n}`, 'm.proto:4:1: expected ";", found "}"'],
  [`${HEAD}message 5 {}`, 'm.proto:2:9: expected a name, found "5"'],
  [
    `${HEAD}message M { map<float, int32> a = 1; }`,
    'm.proto:2:17: expected a type of integers, bool or string as key, found "float"',
  ],
  [
    `${HEAD}message M { oneof o { map<int32, int32> a = 1; } }`,
    "m.proto:2:23: expected a type, found a map, which can neither have a label nor be in a oneof or extend",
  ],
  [
    `${HEAD}message M { required int32 a = 1; }`,
    'm.proto:2:13: expected a type, found "required", which only proto2 has',
  ],
  [
    `${HEAD}message M { repeated group A = 1 {} }`,
    'm.proto:2:22: expected a type, found "group", which only proto2 has',
  ],
  [`${HEAD}message M { int32 a = 1 [default = 5]; }`, "m.proto:2:26: a field of proto3 can have no default of its own"],
  [`${HEAD}message M { extensions 5; }`, "m.proto:2:13: expected a field, found extensions, which proto3 has not"],
  [
    "message M { int32 a = 1; }",
    'm.proto:1:13: expected "optional", "required" or "repeated" before the type: proto2 has no default',
  ],
  [
    'edition = "2023"; message M { optional int32 a = 1; }',
    'm.proto:1:31: expected a type, found "optional": editions have features.field_presence',
  ],
  [
    'message M { optional int32 a = 1 [default = "x"]; }',
    'm.proto:1:32: field M.a: its default must be of its type: current value is "x"',
  ],
  [`${HEAD}message M { a a a }`, 'm.proto:2:17: expected "=", found "a"'],
  [`${HEAD}option x = "open;\n`, "m.proto:2:12: expected the end of the string, found the end of the line or file"],
  ["/* open", "m.proto:1:1: expected the end of the comment, found the end of the file"],
  [`${HEAD}message M {`, "m.proto:2:12: expected a name, found the end of the file"],
  [`${HEAD}massage M {}`, `m.proto:2:1: ${DECLARATION}, found "massage"`],
  [`message M {}\n${HEAD}`, `m.proto:2:1: ${DECLARATION}, found "syntax"`],
  [`${HEAD}package a; package b;`, "m.proto:2:12: expected one package, found a second"],
  [`${HEAD}message M { int32 a = 1; int32 a = 2; }`, 'm.proto:2:32: duplicate name "a" in M'],
  [`${HEAD}message M { int32 a = 1; int32 b = 1; }`, "m.proto:2:36: duplicate number 1 in M"],
  [`${HEAD}message M {}\nenum M { A = 0; }`, 'm.proto:3:6: duplicate name "M": a message has it'],
  [
    `${HEAD}enum E { A = 0; }\nenum F { A = 0; }`,
    `m.proto:3:10: duplicate name "A": a enum value has it (an enum's values are named beside it, not in it)`,
  ],
  ['syntax = "proto4";', 'm.proto:1:10: expected proto2 or proto3 as syntax, found "proto4"'],
  ['edition = "1999";', 'm.proto:1:11: expected one of 2023, 2024, 2026 as edition, found "1999"'],
  [
    `${HEAD}service S { rpc A(E) returns (E); } enum E { Z = 0; }`,
    'm.proto:2:19: method S.A wants "E", which is a enum, not a message',
  ],
] as const) {
  test(`${JSON.stringify(text.replace(HEAD, ""))} is an error with its place`, () => {
    assert.throws(() => loadProto({ "m.proto": text }), { message: `Cannot load ${expected}` });
  });
}

test("a token of a stranger's file is cut", () => {
  assert.throws(
    () => loadProto({ "m.proto": "x".repeat(1000) }),
    (error: Error) => error.message.length < 220,
  );
});

test("formatPlace counts lines and columns from 1", () => {
  assert.equal(formatPlace("m.proto", "a\n b", 0), "m.proto:1:1");
  assert.equal(formatPlace("m.proto", "a\n b", 3), "m.proto:2:2");
});
