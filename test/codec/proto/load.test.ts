/** Loading schemas from texts, and the errors of bad ones. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadProto } from "../../../src/codec/proto/load.js";

function failure(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof Error);
    return error.message;
  }
  return assert.fail("it was accepted");
}

test("loadProto takes texts that import each other and well-known files", () => {
  const schema = loadProto({
    "main.proto": `syntax = "proto3"; package main; import "other.proto"; import "google/protobuf/timestamp.proto"; message M { other.N n = 1; google.protobuf.Timestamp t = 2; }`,
    "other.proto": `package other; message N { optional int32 i = 1; }`,
  });
  const type = schema.message("main.M");
  const value = { n: { i: 5 }, t: { seconds: 1n, nanos: 0 } };
  assert.deepStrictEqual(type.decode(type.encode(value)), value);
});

test("loadProto records every file once, imported ones before their importers", () => {
  const schema = loadProto({
    "a.proto": `// A comment first.\nsyntax = "proto3"; package a; import public "b.proto"; import "google/protobuf/empty.proto"; message A {}`,
    "b.proto": `package b; import "google/protobuf/empty.proto"; message B {}`,
    "c.proto": `edition = "2023"; message C {}`,
  });
  assert.deepEqual(
    schema.files.map(({ name, package: pkg, imports, syntax }) => [name, pkg, imports, syntax]),
    [
      ["google/protobuf/empty.proto", "google.protobuf", [], "proto3"],
      ["b.proto", "b", ["google/protobuf/empty.proto"], "proto2"],
      ["a.proto", "a", ["b.proto", "google/protobuf/empty.proto"], "proto3"],
      ["c.proto", "", [], "2023"],
    ],
  );
  assert.match(schema.files[2]?.text ?? "", /A comment first/);
  assert.equal(schema.files[0]?.text, undefined);
});

test("loadProto knows all bundled and shipped files of google/protobuf, and google/api", () => {
  const names = [
    ...["any", "duration", "timestamp", "empty", "struct", "wrappers", "field_mask", "descriptor", "api", "type"].map(
      (name) => `google/protobuf/${name}.proto`,
    ),
    "google/api/annotations.proto",
  ];
  for (const name of names) {
    const schema = loadProto({ "m.proto": `syntax = "proto3"; import "${name}"; message M {}` });
    assert.ok(
      schema.files.some((file) => file.name === name),
      name,
    );
    for (const message of schema.messageNames) schema.message(message).decode(new Uint8Array());
  }
});

test("loadProto: descriptor.proto's own types read what protoc wrote", () => {
  const schema = loadProto({ "m.proto": 'syntax = "proto3"; import "google/protobuf/descriptor.proto";' });
  const file = schema.message<Record<string, unknown>>("google.protobuf.FileDescriptorProto");
  const decoded = file.decode(file.encode({ name: "x.proto", messageType: [{ name: "M" }] }));
  assert.equal((decoded["messageType"] as { name: string }[])[0]?.name, "M");
});

test("loadProto keeps comments", () => {
  const schema = loadProto({
    "m.proto": `syntax = "proto3";\n// What M is.\nmessage M {\n  // What a is.\n  int32 a_b = 1;\n}`,
  });
  const type = schema.declaredMessage("M");
  assert.equal(type.comment, "What M is.");
  assert.equal(type.fields[0]?.comment, "What a is.");
  assert.equal(type.file, "m.proto");
});

test("loadProto: a text's imports are looked up beside it", () => {
  const schema = loadProto({
    "dir/a.proto": 'syntax = "proto3"; import "b.proto"; message A { B b = 1; }',
    "dir/b.proto": 'syntax = "proto3"; message B {}',
  });
  assert.deepEqual(
    schema.files.map((file) => file.name),
    ["dir/b.proto", "dir/a.proto"],
  );
});

test("loadProto: a text given for a well-known file is used instead of the bundled one", () => {
  const schema = loadProto({
    "m.proto": 'syntax = "proto3"; import "google/protobuf/empty.proto"; message M { google.protobuf.Empty e = 1; }',
    "google/protobuf/empty.proto": 'syntax = "proto3"; package google.protobuf; message Empty { int32 own = 1; }',
  });
  assert.deepStrictEqual(schema.message("google.protobuf.Empty").decode(new Uint8Array()), { own: 0 });
});

test("loadProto: an import that does not exist names file, importer and where it was looked for", () => {
  const message = failure(() =>
    loadProto({ "a.proto": 'syntax = "proto3"; import "gone.proto";' }, { includeDirs: ["/nowhere"] }),
  );
  assert.match(message, /Cannot find "gone\.proto", imported by a\.proto: looked in the texts given, \/nowhere/);
  assert.match(
    failure(() => loadProto({ "a.proto": 'import "google/protobuf/nothing.proto";' })),
    /Cannot find/,
  );
});

test("loadProto: a syntax error names file, line and column", () => {
  assert.match(
    failure(() => loadProto({ "bad.proto": 'syntax = "proto3";\nmessage M {\n  int32 = 1;\n}' })),
    /^Cannot load bad\.proto:3:9: expected a name, found "="$/,
  );
  assert.match(
    failure(() => loadProto({ "bad.proto": 'syntax = "proto3";\n\nmessage M { int32 a = 1\n}' })),
    /^Cannot load bad\.proto:4:1: expected ";", found "}"$/,
  );
  assert.match(
    failure(() => loadProto({ "bad.proto": 'syntax = "proto9";' })),
    /^Cannot load bad\.proto:1:10: expected proto2 or proto3 as syntax, found "proto9"$/,
  );
  assert.match(
    failure(() => loadProto({ "bad.proto": 'syntax = "proto3"; message M { int32 a = 1; int32 b = 1; }' })),
    /^Cannot load bad\.proto:1:55: duplicate number 1 in M$/,
  );
  assert.match(
    failure(() => loadProto({ "bad.proto": "message M {" })),
    /^Cannot load bad\.proto:1:12: expected a name, found the end of the file$/,
  );
});

test("loadProto: a type that does not exist names file, line, user and the nearest type", () => {
  assert.match(
    failure(() =>
      loadProto({ "m.proto": 'syntax = "proto3"; package p;\nmessage Address {}\nmessage M {\n  Adress a = 1;\n}' }),
    ),
    /^Cannot load m\.proto:4:3: field p\.M\.a wants "Adress", which no loaded file declares; did you mean "p\.Address"\?$/,
  );
  assert.match(
    failure(() =>
      loadProto({ "m.proto": 'syntax = "proto3"; message M {}\nservice S {\n rpc Get(M) returns (Gone); }' }),
    ),
    /^Cannot load m\.proto:3:22: method S\.Get wants "Gone", which no loaded file declares$/,
  );
  assert.match(
    failure(() => loadProto({ "m.proto": 'syntax = "proto2"; extend Gone { optional int32 a = 100; }' })),
    /field a wants "Gone"/,
  );
  assert.match(
    failure(() =>
      loadProto({
        "m.proto": 'syntax = "proto3"; message M { map<string, Gone> m = 1; message N { oneof o { Gone2 g = 1; } } }',
      }),
    ),
    /M\.m wants "Gone"/,
  );
  assert.match(
    failure(() => loadProto({ "m.proto": 'syntax = "proto3"; message M { M.Gone a = 1; }' })),
    /wants "M\.Gone"/,
  );
});

test("loadProto: the same name declared in two files is an error of the second", () => {
  assert.match(
    failure(() => loadProto({ "a.proto": "message M {}", "b.proto": "message M {}" })),
    /^Cannot load b\.proto:1:9: duplicate name "M": a message in a\.proto has it$/,
  );
});

test("loadProto: files that import each other in a circle are an error", () => {
  assert.match(
    failure(() => loadProto({ "a.proto": 'import "b.proto";', "b.proto": 'import "a.proto";' })),
    /Cannot load a\.proto as it imports itself: a\.proto → b\.proto → a\.proto/,
  );
});

test("loadProto is bounded in depth and bytes", () => {
  const chain = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`f${i}.proto`, `import "f${i + 1}.proto";`]));
  assert.match(
    failure(() => loadProto({ ...chain, "f150.proto": "" })),
    /imports are at most 100 deep/,
  );
  assert.match(
    failure(() => loadProto({ "big.proto": " ".repeat(65 * 1024 * 1024) })),
    /at most 67108864 bytes/,
  );
});

test("loadProto refuses sources that are none", () => {
  for (const source of [5, null, undefined, true, [], {}, "", [5], { "a.proto": 5 }]) {
    assert.throws(() => loadProto(source as never), TypeError);
  }
});

test("loadProto: a file without declarations is a schema", () => {
  const schema = loadProto({ "empty.proto": "" });
  assert.deepEqual([schema.messageNames, schema.services, schema.files[0]?.syntax], [[], [], "proto2"]);
});

test("loadProto: names of Object's members and `__proto__` break nothing", () => {
  const schema = loadProto({
    "m.proto": `syntax = "proto3"; package constructor; message toString { int32 __proto__ = 1; string hasOwnProperty = 2; } enum valueOf { __proto__x = 0; }`,
  });
  const type = schema.message("constructor.toString");
  const decoded = type.decode(type.encode({ hasOwnProperty: "x" }));
  assert.equal((decoded as Record<string, unknown>)["hasOwnProperty"], "x");
  assert.equal(typeof ({} as Record<string, unknown>)["hasOwnProperty"], "function");
});
