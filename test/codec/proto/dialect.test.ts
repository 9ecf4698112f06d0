/** What the parser is given in place of what it cannot parse. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { blankText, originalName, parserName, toParserText } from "../../../src/codec/proto/dialect.js";
import { loadProto } from "../../../src/codec/proto/load.js";

test("blankText leaves tokens at their places, and nothing of strings and comments", () => {
  const text = `a "b \\" c" 'd // e' // f "g\n/* h\n'i' */ j "open\nk`;
  const blank = blankText(text);
  assert.equal(blank.length, text.length);
  assert.deepEqual(blank.match(/\S+/g), ["a", "j", "k"]);
  assert.equal(blank.indexOf("j"), text.indexOf("j"));
  assert.equal(blank.split("\n").length, text.split("\n").length);
});

test("toParserText returns a text that needs nothing as it is", () => {
  for (const text of ["", 'syntax = "proto3"; message M { map<string, int32> m = 1; }', "message group_of { }"]) {
    assert.equal(toParserText(text, "proto2"), text);
  }
});

test("toParserText: < and > of message values become braces, those of maps, strings and comments stay", () => {
  const text = `message M { map <string, map> m = 1; option (o) = { a < b: "<" > map < c: 1 > }; } // <`;
  const expected = `message M { map <string, map> m = 1; option (o) = { a { b: "<" } map { c: 1 } }; } // <`;
  assert.equal(toParserText(text, "proto3"), expected);
});

test("toParserText: groups become a field and a message, behind a oneof or extend", () => {
  assert.equal(
    toParserText("message M { optional group AbC = 1 [lazy = true] { } }", "proto2"),
    "message M { optional AbC abc = 1 [features.message_encoding = DELIMITED, lazy = true]; message AbC { } }",
  );
  assert.equal(
    toParserText("extend M {\n repeated group G = 1 {\n } \n}\nX", "proto2"),
    "extend M {\n repeated G g = 1 [features.message_encoding = DELIMITED]; \n} message G {\n }\nX",
  );
  assert.equal(toParserText("message M { group G = 1 { } }", "proto3"), "message M { group G = 1 { } }");
  assert.equal(toParserText("} group G = 1 { } }}", "proto2").match(/\}/g)?.length, 4, "for the parser to refuse");
});

test("names that the parser would drop are kept", () => {
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
  assert.equal(originalName("a.b"), "a.b");
  assert.deepEqual(
    ["valueOf", "a"].map((name) => originalName(parserName(name))),
    ["valueOf", "a"],
  );
});

test("a package may be called like what every object has, beside others", () => {
  const schema = loadProto({
    "a.proto": "package a; message M { }",
    "b.proto": 'package constructor.toString; import "a.proto"; message valueOf { optional a.M m = 1; }',
    "c.proto": 'package c; import "b.proto"; message C { optional constructor.toString.valueOf v = 1; }',
  });
  assert.deepEqual(schema.messageNames, ["a.M", "constructor.toString.valueOf", "c.C"]);
});

test("toParserText takes time in proportion to the text, whatever is in it", { timeout: 20_000 }, () => {
  for (const piece of [
    "group a = 1 [",
    "group a = 1 [[",
    "map <",
    "< ",
    "{",
    "}",
    '"',
    "/*",
    "oneof a {",
    "__proto__ ",
  ]) {
    const text = piece.repeat(100_000);
    assert.ok(toParserText(text, "proto2").length >= text.length);
  }
});
