/**
 * The corpora that `npm run interop` gives to other libraries, and how their files are compared, which needs nothing installed.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loadProto, type Schema } from "../../src/index.js";
import { joinSets, parseFile, type ParseOptions, parseSet } from "../support/parsed-descriptor.js";
import { CORPORA, loadCorpus, symbolsOf } from "./corpus.js";
import { reflectionServer } from "./reflection-server.js";

const DESCRIPTOR = loadProto({ "a.proto": 'import "google/protobuf/descriptor.proto";' });
const SetType = DESCRIPTOR.message("google.protobuf.FileDescriptorSet");
const FileType = DESCRIPTOR.message("google.protobuf.FileDescriptorProto");

describe("the corpora", () => {
  for (const corpus of CORPORA) {
    test(`${corpus.name} has files, symbols of many kinds, and a server with either version of reflection`, () => {
      const symbols = symbolsOf(loadCorpus(corpus));
      assert.ok(corpus.files.length >= 3, corpus.files.join());
      assert.ok(symbols.length > 50, `${symbols.length} symbols`);
      for (const kind of ["message", "enum", "value", "service", "method", "field"] as const) {
        assert.ok(
          symbols.some((one) => one.kind === kind),
          kind,
        );
      }
      for (const version of ["v1", "v1alpha"] as const) {
        const names = reflectionServer(corpus.name, version).services.map(({ typeName }) => typeName);
        assert.deepEqual(
          names.filter((name) => name.startsWith("grpc.reflection.")),
          [`grpc.reflection.${version}.ServerReflection`],
        );
        assert.ok(names.length >= 3, names.join());
      }
    });
  }

  test("the symbols of a file, each by its full name", () => {
    const schema = loadProto({
      "a.proto": `syntax = "proto2"; package p; message M { optional int32 f = 1; oneof o { int32 g = 2; } enum E { V = 0; }
        extensions 100; extend M { optional int32 x = 100; } }
        service S { rpc R(M) returns (M); }`,
    });
    const names = symbolsOf(schema).map(({ kind, name }) => `${kind} ${name}`);
    const expected = [
      "message p.M",
      "extension p.M.x",
      "field p.M.f",
      "field p.M.g",
      "oneof p.M.o",
      "enum p.M.E",
      "value p.M.V",
    ];
    assert.deepEqual(names.toSorted(), [...expected, "service p.S", "method p.S.R"].toSorted());
  });
});

describe("parsed descriptors", () => {
  const load = (options: string): Schema =>
    loadProto({
      "a.proto": `syntax = "proto3"; import "google/protobuf/descriptor.proto";
        message Rule { string a = 1; repeated Rule more = 2; map<string, int32> pairs = 3; }
        extend google.protobuf.MessageOptions { Rule rule = 50000; string text = 50001; }
        // A comment.
        message M { ${options} }`,
    });
  const bytesOf = (options: string): Uint8Array => load(options).descriptors.at(-1)?.bytes ?? assert.fail();

  test("tell the comments by their place", () => {
    assert.deepEqual(parseFile(bytesOf("")).comments.get("4.1"), {
      leadingComments: " A comment.\n",
      trailingComments: undefined,
      leadingDetachedComments: [],
    });
  });

  test("in any order: what is written in another order is equal, what says something else is not", () => {
    const parse = (options: string, customOptions: ParseOptions["customOptions"] = "in any order"): unknown =>
      parseFile(bytesOf(`option (rule) = {${options}};`), { customOptions });
    const first = `a: "x" pairs { key: "k" value: 1 } pairs { key: "l" value: 2 } more { a: "y" more {} }`;
    const second = `more { more {} a: "y" } pairs { value: 2 key: "l" } pairs { key: "k" value: 1 } a: "x"`;
    assert.deepEqual(parse(first), parse(second));
    assert.notDeepEqual(parse(first), parse(second.replace("value: 2", "value: 3")));
    assert.notDeepEqual(parse(first), parse(second.replace('a: "x"', 'a: "z"')));
    assert.notDeepEqual(parse(first, "by field"), parse(second, "by field"));
  });

  test("sets are joined: each file once, behind those it imports", () => {
    const set = (names: readonly string[]): Uint8Array =>
      SetType.encode({ file: names.map((name) => FileType.decode(FileType.encode({ name }))) });
    assert.deepEqual([...parseSet(joinSets([set(["a", "b"]), set(["a", "c", "d"])])).keys()], ["a", "b", "c", "d"]);
  });
});
