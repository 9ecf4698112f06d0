/** Names that every object has, and that `optional` makes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadProto } from "../../../src/codec/proto/load.js";

test("names that every object has are names like any other", () => {
  const schema = loadProto({
    "m.proto": `syntax = "proto3"; package __proto__;
      message M { int32 __proto__ = 1 [json_name = "__proto__"]; __proto__.M.N.__proto__ m = 2; message N { message __proto__ { } } }
      enum E { __proto__ = 0; constructor = 1; } service S { rpc __proto__(M) returns (M); }`,
  });
  assert.deepEqual(schema.messageNames, ["__proto__.M", "__proto__.M.N", "__proto__.M.N.__proto__"]);
  const [field] = schema.codec("__proto__.M").fields;
  assert.deepEqual([field?.name, field?.property, field?.jsonName], ["__proto__", "Proto", "__proto__"]);
  assert.equal(schema.enum("__proto__.E").nameOf(0), "__proto__");
  assert.equal(schema.enum("__proto__.E").numberOf("constructor"), 1);
  assert.deepEqual(
    Object.values(schema.service("__proto__.S").methods).map(({ path }) => path),
    ["/__proto__.S/__proto__"],
  );
  assert.equal(schema.files[0]?.package, "__proto__");
});

test("a package may be called like what every object has, beside others", () => {
  const schema = loadProto({
    "a.proto": "package a; message M { }",
    "b.proto": 'package constructor.toString; import "a.proto"; message valueOf { optional a.M m = 1; }',
    "c.proto": 'package c; import "b.proto"; message C { optional constructor.toString.valueOf v = 1; }',
  });
  assert.deepEqual(schema.messageNames, ["a.M", "constructor.toString.valueOf", "c.C"]);
});

test("an optional field has a oneof whose name is nobody else's", () => {
  const schema = loadProto({
    "m.proto": `syntax = "proto3"; message M { optional string foo = 1; oneof _foo { int32 a = 2; } string X_foo = 3; }`,
  });
  const type = schema.message("M");
  const value = { foo: "", Foo: { case: "a", value: 1 }, XFoo: "" };
  assert.deepStrictEqual(type.decode(type.encode(value)), value);
});
