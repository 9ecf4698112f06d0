/** Rules of the language that the parser does not hold. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadProto } from "../../../src/codec/proto/load.js";

const HEAD = 'syntax = "proto3";\npackage p;\n';

for (const [text, expected] of [
  [
    "message M { int32 a = 0; }",
    /^Cannot load m\.proto:3:23: field p\.M\.a: its number must be from 1 to .*: current value is 0$/,
  ],
  ["message M { int32 a = 536870912; }", /current value is 536870912$/],
  ["message M { int32 a = 19000; }", /not from 19000 to 19999: current value is 19000$/],
  ["message M { oneof o { string a = 19999; } }", /current value is 19999$/],
  [
    "enum E { A = 1; }",
    /^Cannot load m\.proto:3:14: enum p\.E: the first value of an open enum must be 0: current value of A is 1$/,
  ],
  [
    "enum E { A = 0; B = 2147483648; }",
    /m\.proto:3:21: enum p\.E: a number must fit into 32 bits, signed: .* of B is 2147483648$/,
  ],
  [
    "message M { reserved 5 to 7; int32 a = 7; }",
    /m\.proto:3:40: field p\.M\.a: its number must not be reserved: .* 7$/,
  ],
  ['message M { reserved "a"; int32 a = 7; }', /m\.proto:3:33: field p\.M\.a: its name must not be reserved$/],
  ["message M { oneof o { } }", /m\.proto:3:19: oneof p\.M\.o must have a field$/],
  [
    "enum E { A = 0; B = 0; }",
    /m\.proto:3:21: duplicate number \(an alias wants option allow_alias = true\): 0 in p\.E$/,
  ],
  [
    "message M { } extend M { int32 a = 5; }",
    /m\.proto:3:36: field p\.a: p\.M must have extensions 5, which is not in its ranges$/,
  ],
  [
    "service S { rpc A(M) returns (M); rpc A(M) returns (M); } message M { }",
    /m\.proto:3:39: duplicate name "A" in p\.S$/,
  ],
  ["enum E { }", /^Cannot load m\.proto:3:6: enum p\.E must have a value$/],
] as const) {
  test(`${text} is refused with its place`, () => {
    assert.throws(() => loadProto({ "m.proto": HEAD + text }), { message: expected });
  });
}

test("two extensions of one number, wherever they are, are refused", () => {
  const files = {
    "m.proto": "package p; message M { extensions 5 to 6; } extend M { optional int32 a = 5; }",
    "n.proto": 'package p; import "m.proto"; extend M { optional int32 b = 5; }',
  };
  assert.throws(() => loadProto(files), /n\.proto:1:60: field p\.b: p\.M has an extension 5 already: p\.a$/);
});

test("what is at the borders is accepted", () => {
  loadProto({
    "m.proto": `${HEAD}message M { int32 a = 1; int32 b = 18999; int32 c = 20000; int32 d = 536870911; }
      enum E { A = 0; B = 2147483647; C = -2147483648; }`,
    "closed.proto": `package p; enum Closed { ONE = 1; } message Old { extensions 100 to max; } extend Old { optional int32 x = 100; }`,
  });
});
