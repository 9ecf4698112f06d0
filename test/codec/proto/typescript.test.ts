/** Generated modules as text: names, comments, imports. What they do is proved by `test/schemas.test.ts`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadProto } from "../../../src/codec/proto/load.js";
import { generateTypeScript, type GenerateOptions } from "../../../src/codec/proto/typescript.js";
import { docLines, templateLiteral } from "../../../src/codec/proto/typescript/comments.js";
import { fileConstant, modulePath, moduleSpecifier, Names } from "../../../src/codec/proto/typescript/names.js";

function generate(files: Record<string, string>, options?: GenerateOptions): Map<string, string> {
  return new Map(generateTypeScript(loadProto(files), options).map(({ path, source }) => [path, source]));
}

test("modulePath keeps modules in the output folder", () => {
  for (const [file, path] of [
    ["a.proto", "a.ts"],
    ["google/api/http.proto", "google/api/http.ts"],
    ["../a.proto", "_/a.ts"],
    ["/./x//../../y.proto", "x/_/_/y.ts"],
    ["a\\..\\b.proto", "a/_/b.ts"],
    ["plain", "plain.ts"],
  ] as const) {
    assert.equal(modulePath(file), path);
  }
});

test("moduleSpecifier is relative and ends in .js", () => {
  assert.equal(moduleSpecifier("a.ts", "b.ts"), "./b.js");
  assert.equal(moduleSpecifier("x/a.ts", "x/b.ts"), "./b.js");
  assert.equal(moduleSpecifier("x/a.ts", "y/z/b.ts"), "../y/z/b.js");
  assert.equal(moduleSpecifier("x/y/a.ts", "x/b.ts"), "../b.js");
  assert.equal(moduleSpecifier("a.ts", "a/b.ts"), "./a/b.js");
});

test("Names.claim never gives a name twice, nor a reserved word", () => {
  const names = new Names();
  assert.deepEqual(
    ["A", "A", "A", "A$", "class"].map((name) => names.claim(name)),
    ["A", "A$", "A$$", "A$$$", "class$"],
  );
  assert.equal(fileConstant("google/api/http-rule.proto"), "file_google_api_http_rule");
});

test("docLines cannot be ended by what is in the comment", () => {
  assert.deepEqual(docLines("", "a */ b"), ["/** a *\\/ b */"]);
  assert.deepEqual(docLines("  ", "a\n\nb\u2028c", undefined, "  ", "@deprecated"), [
    ...["  /**", "   * a", "   *", "   * b", "   * c", "   *", "   * @deprecated", "   */"],
  ]);
  assert.deepEqual(docLines("", null, undefined, ""), []);
});

test("templateLiteral is the text, byte for byte", () => {
  for (const text of ["`${x}` \\n \\", "\r\n\r\t\0\u2028\ufeff$\\{", "$`{", "\\${", ""]) {
    // oxlint-disable-next-line typescript/no-implied-eval -- what it proves is what the text means as source
    assert.equal((new Function(`return ${templateLiteral(text)}`) as () => unknown)(), text);
  }
});

test("the runtime is imported from where it is said, well-known types with it, and only what is used", () => {
  const file =
    'syntax = "proto3"; import "google/protobuf/timestamp.proto"; message M { google.protobuf.Timestamp t = 1; }';
  const imports = (options?: GenerateOptions): string =>
    /^import [\s\S]*?;/m.exec(generate({ "x/m.proto": file }, options).get("x/m.ts") ?? "")?.[0] ?? "";
  assert.equal(
    imports(),
    'import { type GeneratedFile, type MessageType, type Timestamp, type TimestampInit, protoFile } from "barewire";',
  );
  assert.match(imports({ importFrom: "#grpc" }), /from "#grpc";$/);
  assert.match(imports({ importFrom: "./core.js" }), /from "\.\.\/core\.js";$/);
  assert.match(imports({ importFrom: "../../core.js" }), /from "\.\.\/\.\.\/\.\.\/core\.js";$/);
  assert.deepEqual([...generate({ "x/m.proto": file }).keys()], ["x/m.ts"]);
});

test("a name of another module that is taken here comes under another one", () => {
  const source = generate({
    "a.proto":
      'syntax = "proto3"; package a; import "b.proto"; message M { b.M theirs = 1; b.Uint8Array own = 2; bytes raw = 3; }',
    "b.proto": 'syntax = "proto3"; package b; message M { } message Uint8Array { }',
  }).get("a.ts");
  assert.match(source ?? "", /type M as M\$,\s+type MInit as MInit\$,\s+type Uint8Array as Uint8Array\$,/);
  assert.match(
    source ?? "",
    /\n {2}theirs: M\$ \| undefined;\n {2}own: Uint8Array\$ \| undefined;\n {2}raw: Uint8Array;\n/,
  );
});

test("comments are carried over, with defaults and what is deprecated", () => {
  const source = generate({
    "m.proto": `// Of M.\nmessage M {\n  // Of a.\n  optional int32 a = 1 [default = 5, deprecated = true];\n  // Of the choice.\n  oneof c {\n    // Of b.\n    string b = 2;\n  }\n}
      // Of E.\nenum E {\n  // Of ONE.\n  ONE = 1;\n}\n// Of S.\nservice S {\n  // Of Get.\n  rpc Get(M) returns (M);\n}`,
  }).get("m.ts");
  for (const comment of ["Of M.", "Of a.", "Of the choice.", "Of b.", "Of E.", "Of ONE.", "Of S.", "Of Get."]) {
    assert.match(source ?? "", new RegExp(`\\* ${comment}`), comment);
  }
  assert.match(source ?? "", /Stands for 5 where it is absent[^]*@deprecated/);
});

test("what cannot be generated is an error", () => {
  assert.throws(
    () => generate({ "m.proto": "message M {} service S { rpc Get(M) returns (M); rpc get(M) returns (M); }" }),
    /Cannot generate service S as its methods Get and get both become get/,
  );
  assert.throws(
    () => generate({ "../a.proto": "", "_/a.proto": "" }),
    /Cannot generate _\/a\.proto and \.\.\/a\.proto as both would become _\/a\.ts/,
  );
});
