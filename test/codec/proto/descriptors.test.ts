import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WELL_KNOWN_NAMES } from "../../../src/codec/proto/well-known-files.js";
import { loadProto } from "../../../src/core.js";
import { runBuf } from "../../support/buf.js";
import {
  comparable,
  type Comments,
  parseFile,
  parseSet,
  textsIn,
  type Comparable,
  type ParsedFile,
} from "../../support/parsed-descriptor.js";

const corpus = fileURLToPath(new URL("../../descriptors/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "barewire-descriptors-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const texts = textsIn(corpus);
const names = Object.keys(texts);
const wellKnown = `syntax = "proto3";\n${WELL_KNOWN_NAMES.map((name) => `import "${name}";`).join("\n")}`;

const AS_WRITTEN = { customOptions: "as written" } as const;

/** What is made of the corpus, by file name. */
function describeCorpus(): Map<string, ParsedFile> {
  const { descriptors } = loadProto({ "well-known.proto": wellKnown, ...texts });
  return new Map(descriptors.map(({ name, bytes }) => [name, parseFile(bytes, AS_WRITTEN)]));
}

describe("descriptors of hard files are those of protoc", () => {
  const ours = describeCorpus();
  const golden = parseSet(readFileSync(join(corpus, "protoc.binpb")), AS_WRITTEN);

  test("the golden file has every file of the corpus", () => {
    assert.deepEqual([...golden.keys()].toSorted(), names.toSorted());
  });

  for (const [name, theirs] of golden) {
    test(`${name}: every field, and every comment at its place`, () => assert.deepEqual(ours.get(name), theirs));
  }
});

/** The options of the corpus as ordinary fields: buf writes them in any order, packed or not. */
const READABLE_OPTIONS = `syntax = "proto2";
message Options {
  optional string file_text = 50001;
  repeated int32 file_levels = 50002;
  optional Rule rule = 50011;
  repeated Rule rules = 50012;
  optional group Grouped = 50013 { optional int32 inner = 1; }
  optional Any any = 50014;
  optional double ratio = 50021;
  optional float small = 50022;
  optional int32 i32 = 50023;
  optional int64 i64 = 50024;
  optional uint32 u32 = 50025;
  optional uint64 u64 = 50026;
  optional sint32 s32 = 50027;
  optional sint64 s64 = 50028;
  optional fixed32 f32 = 50029;
  optional fixed64 f64 = 50030;
  optional sfixed32 sf32 = 50031;
  optional sfixed64 sf64 = 50032;
  optional bool flag = 50033;
  optional string text = 50034;
  optional bytes raw = 50035;
  optional int32 level = 50036;
  repeated string tags = 50037;
  repeated uint32 plain_numbers = 50038;
  repeated uint32 packed_numbers = 50039;
  optional string oneof_text = 50051;
  optional string enum_text = 50052;
  optional string value_text = 50053;
  optional string service_text = 50054;
  optional Rule method_rule = 50055;
  optional string range_text = 50056;
}
message Any { optional string type_url = 1; optional Rule value = 2; }
message Duration { optional int64 seconds = 1; }
message Rule {
  optional string pattern = 1;
  optional Rule child = 2;
  repeated int32 numbers = 3;
  repeated Rule children = 4;
  map<string, int64> weights = 5;
  optional bool yes = 6;
  optional Duration after = 7;
  optional int32 level = 8;
  optional bytes data = 9;
  optional double ratio = 10;
  optional group Inside = 11 { optional string word = 1; }
  optional string scoped = 100;
  optional Rule scoped_rule = 101;
}`;

const FLOAT = 2;
const readableOptions = loadProto({ "options.proto": READABLE_OPTIONS }).message("Options");

/** Decodes custom options, and takes away what two compilers may write differently without meaning anything else. */
function withoutSpelling(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSpelling);
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  const kept: Comparable = {};
  for (const [name, one] of Object.entries(value)) kept[name] = withoutSpelling(one);
  if (typeof kept["unknown"] === "string") {
    kept["unknown"] = comparable(readableOptions.decode(Buffer.from(kept["unknown"], "hex")));
  }
  const { type, defaultValue } = kept as { type?: number; defaultValue?: string };
  if (defaultValue !== undefined && (type === FLOAT || type === 1)) {
    kept["defaultValue"] = type === FLOAT ? Math.fround(Number(defaultValue)) : Number(defaultValue);
  }
  return kept;
}

describe("descriptors of hard files are those of buf", () => {
  const ours = describeCorpus();
  let theirs = new Map<string, ParsedFile>();

  test("buf builds the corpus", async () => {
    const output = join(folder, "buf.binpb");
    const built = await runBuf(
      ["build", ".", "--as-file-descriptor-set", "--exclude-source-retention-options", "-o", output],
      { cwd: corpus },
    );
    assert.equal(built.code, 0, built.stderr);
    theirs = parseSet(readFileSync(output), AS_WRITTEN);
    for (const name of names) assert.ok(theirs.has(name), name);
  });

  for (const name of names) {
    test(`${name}: every field and option, and comments`, () => {
      const [our, their] = [ours.get(name), theirs.get(name)];
      assert.deepEqual(withoutSpelling(our?.file), withoutSpelling(their?.file));
      // This file has the comments that buf gives to nothing.
      if (name === "comments_between.proto") return;
      const text = ([path, comments]: [string, Comments]): object => ({
        path,
        ...comments,
        trailingComments: comments.trailingComments?.replace(/\n$/, ""),
      });
      assert.deepEqual([...(our?.comments ?? [])].map(text), [...(their?.comments ?? [])].map(text));
    });
  }

  for (const name of WELL_KNOWN_NAMES) {
    test(`the bundled ${name} is described as it is everywhere`, async () => {
      const output = join(folder, "well-known.binpb");
      const imports = WELL_KNOWN_NAMES.map((one) => `import "${one}";`).join("\n");
      writeFileSync(join(folder, "well-known.proto"), `syntax = "proto3";\n${imports}`);
      const args = ["--exclude-source-info", "--exclude-source-retention-options", "--as-file-descriptor-set"];
      const built = await runBuf(["build", folder, ...args, "-o", output]);
      assert.equal(built.code, 0, built.stderr);
      assert.deepEqual(ours.get(name), parseSet(readFileSync(output), AS_WRITTEN).get(name));
    });
  }
});

describe("schema.descriptors", () => {
  test("one for each file, in the order of the files, made once", () => {
    const schema = loadProto({
      "a.proto": 'syntax = "proto3"; import "b.proto"; import "google/protobuf/empty.proto"; message A { B b = 1; }',
      "b.proto": 'syntax = "proto3"; message B {}',
    });
    const { descriptors } = schema;
    assert.equal(schema.descriptors, descriptors);
    assert.deepEqual(
      descriptors.map(({ name, imports }) => [name, imports]),
      [
        ["b.proto", []],
        ["google/protobuf/empty.proto", []],
        ["a.proto", ["b.proto", "google/protobuf/empty.proto"]],
      ],
    );
  });

  test("R319 a dependency is the name the file was found under, whatever the import says", () => {
    const schema = loadProto({
      "dir/a.proto": 'syntax = "proto3"; import "b.proto"; message A { B b = 1; }',
      "dir/b.proto": 'syntax = "proto3"; message B {}',
    });
    const { file } = parseFile(schema.descriptors.at(-1)?.bytes ?? new Uint8Array());
    assert.deepEqual([file["name"], file["dependency"]], ["dir/a.proto", ["dir/b.proto"]]);
  });

  test("weak imports among others keep their places", () => {
    const schema = loadProto({
      "a.proto": 'import weak "b.proto"; import public "c.proto"; import "d.proto"; message A {}',
      "b.proto": "message B {}",
      "c.proto": "message C {}",
      "d.proto": "message D {}",
    });
    const { file } = parseFile(schema.descriptors.at(-1)?.bytes ?? new Uint8Array());
    assert.deepEqual(
      [file["dependency"], file["weakDependency"], file["publicDependency"]],
      [["b.proto", "c.proto", "d.proto"], [0], [1]],
    );
  });

  test("an option that nothing declares is an error naming file, place and option", () => {
    const of = (text: string) => () => loadProto({ "a.proto": `syntax = "proto3";\n${text}` });
    assert.throws(of("option (no.such) = 1;"), /a\.proto:2:8: option \(no\.such\): no file .* declares .* no\.such/);
    assert.throws(
      of("option no_such = 1;"),
      /a\.proto:2:8: option no_such: google\.protobuf\.FileOptions has no field/,
    );
    assert.throws(of('option deprecated = "yes";'), /a\.proto:2:8: option deprecated: .* true or false/);
    assert.throws(of("option optimize_for = NO;"), /a\.proto:2:8: option optimize_for: .* no such value/);
    assert.throws(of("option deprecated = true; option deprecated = true;"), /a\.proto:2:34: .* it is set already/);
  });

  test("a service is printed without its schema", () => {
    const schema = loadProto({ "a.proto": 'syntax = "proto3"; message A {} service S { rpc M(A) returns (A); }' });
    const service = schema.service("S");
    assert.equal(service.schema, schema);
    assert.deepEqual(Object.keys(service), ["typeName", "methods"]);
  });
});

describe("texts", () => {
  const load = (text: string) => () => loadProto({ "a.proto": text });
  const field = (text: string): Comparable => {
    const bytes = load(text)().descriptors.at(-1)?.bytes ?? new Uint8Array();
    const { messageType } = parseFile(bytes).file as { messageType: { field: Comparable[] }[] };
    return messageType[0]?.field[0] ?? {};
  };

  test("messages nested without end are refused", () => {
    assert.throws(load("message A {".repeat(2000)), /at most 100 deep/);
    assert.throws(load(`option (a) = ${"{ a: ".repeat(2000)}`), /at most 100 deep/);
  });

  test("a text that breaks off anywhere is an error or a file, and always comes to an end", () => {
    for (const [name, text] of Object.entries(texts)) {
      for (let end = 0; end < text.length; end += 23) {
        try {
          loadProto({ ...texts, [name]: text.slice(0, end) });
        } catch (error) {
          assert.match(String(error), /^Error: Cannot load [a-z0-9_/]+\.proto:\d+:\d+: /, `${name} cut at ${end}`);
        }
      }
    }
  });

  test("a text takes time in proportion to its length, whatever is in it", { timeout: 20_000 }, () => {
    const pieces = [
      "group a = 1 [",
      "map <",
      "< ",
      "{",
      "}",
      '"',
      "/*",
      "oneof a {",
      "__proto__ ",
      "message a { ",
      "a.",
    ];
    for (const piece of pieces) {
      for (const head of ["", "message M {", "option (a) = {"]) {
        assert.throws(load(head + piece.repeat(100_000)), /^Error: Cannot load a\.proto:/, piece);
      }
    }
  });

  test("json_name is always there, by the rule or as given", () => {
    assert.equal(field("message A { optional int32 some_long_name = 1; }")["jsonName"], "someLongName");
    assert.equal(field('message A { optional int32 a = 1 [json_name = "B"]; }')["jsonName"], "B");
  });

  test("what one file does not import is not found in it", () => {
    const files = {
      "a.proto": "package p; message A {}",
      "b.proto": 'package p; import "a.proto"; message B { optional A a = 1; }',
      "c.proto": 'package p; import "b.proto"; message C { optional A a = 1; }',
    };
    assert.throws(
      () => loadProto(files),
      /c\.proto:1:51: field p\.C\.a wants "A", which a\.proto declares: c\.proto does not import that$/,
    );
  });
});
