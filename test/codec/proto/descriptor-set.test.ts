import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { descriptorCodec } from "../../../src/codec/proto/descriptor-codec.js";
import { type FileDescriptor, loadDescriptorSet, loadProto, type Schema } from "../../../src/core.js";
import * as fc from "fast-check";
import { runBuf } from "../../support/buf.js";

const corpus = fileURLToPath(new URL("../../descriptors/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "barewire-set-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A set of files as they are given to `descriptor.proto`'s codec. */
function encodeSet(file: readonly object[]): Uint8Array {
  return descriptorCodec("google.protobuf.FileDescriptorSet").encode({ file });
}

function setOf(descriptors: readonly FileDescriptor[]): Uint8Array {
  return encodeSet(
    descriptors.map(({ bytes }) => descriptorCodec("google.protobuf.FileDescriptorProto").decode(bytes)),
  );
}

/** What makes codecs differ: every field of every message but the google ones. */
function shapes(schema: Schema): unknown {
  return schema.messageNames
    .filter((name) => !name.startsWith("google."))
    .toSorted()
    .map((name) => [name, schema.codec(name).fields.map((field) => ({ ...field, value: valueOf(field.value) }))]);
}

function valueOf(value: { readonly kind: string }): object {
  const {
    enum: type,
    declared: _,
    ...rest
  } = value as {
    kind: string;
    enum?: { typeName: string; values: unknown; closed: boolean };
    declared?: unknown;
  };
  return type === undefined ? rest : { ...rest, enum: type.typeName, values: type.values, closed: type.closed };
}

const SMALL = {
  name: "a.proto",
  package: "p",
  syntax: "proto3",
  messageType: [{ name: "A", field: [{ name: "text", number: 1, label: 1, type: 9, jsonName: "text" }] }],
  service: [{ name: "S", method: [{ name: "M", inputType: ".p.A", outputType: ".p.A", serverStreaming: true }] }],
};

describe("loadDescriptorSet", () => {
  test("R320 a set of buf's: the same services and codecs as from the texts, its bytes unchanged", async () => {
    const output = join(folder, "buf.binpb");
    const built = await runBuf(["build", ".", "-o", output], { cwd: corpus });
    assert.equal(built.code, 0, built.stderr);
    const bytes = readFileSync(output);
    const schema = loadDescriptorSet(bytes);
    for (const descriptor of schema.descriptors)
      assert.ok(bytes.includes(Buffer.from(descriptor.bytes)), descriptor.name);

    const loadable = ["comments", "editions", "options_used"].map((name) => join(corpus, `${name}.proto`));
    const loaded = loadProto(loadable, { includeDirs: [corpus] });
    const names = new Set(loaded.messageNames);
    const common = (shapes(schema) as [string, unknown][]).filter(([name]) => names.has(name));
    assert.deepEqual(common, shapes(loaded));
    assert.equal(schema.service("hard.comments.S").methods["m"]?.path, "/hard.comments.S/M");
  });

  test("of our own descriptors: proto2 groups, maps, oneofs and proto3 optional come out the same", () => {
    const schema = loadProto({
      "two.proto": `syntax = "proto2"; package two;
        message M { required int32 a = 1; optional group Part = 2 { optional string b = 1; } repeated int32 c = 3 [packed = true];
          map<string, M> d = 4; enum E { X = 1; } optional E e = 5 [default = X]; oneof f { string g = 6; bytes h = 7; } }`,
      "three.proto": `syntax = "proto3"; package three; import "google/protobuf/timestamp.proto";
        message M { optional int32 a = 1; repeated int32 b = 2; repeated int32 c = 3 [packed = false];
          google.protobuf.Timestamp d = 4; enum E { Z = 0; } E e = 5; }`,
      "edition.proto": `edition = "2023"; package ed; option features.field_presence = IMPLICIT;
        message M { int32 a = 1; int32 b = 2 [features.field_presence = EXPLICIT]; M c = 3 [features.message_encoding = DELIMITED];
          enum E { option features.enum_type = CLOSED; A = 1; } E e = 4 [features.field_presence = EXPLICIT]; }`,
    });
    const again = loadDescriptorSet(setOf(schema.descriptors));
    // protobufjs names a group's field as its type; the language says that it is in lower case.
    const [mine, theirs] = [shapes(schema), shapes(again)].map((all) => JSON.stringify(all).toLowerCase());
    assert.equal(theirs, mine);
    assert.deepEqual(
      again.descriptors.map(({ name }) => name).toSorted(),
      schema.files.map(({ name }) => name).toSorted(),
    );
    assert.deepEqual(again.files.map(({ syntax }) => syntax).toSorted(), ["2023", "proto2", "proto3", "proto3"]);
  });

  test("the well-known files may be left out", () => {
    const schema = loadDescriptorSet(encodeSet([{ ...SMALL, dependency: ["google/protobuf/any.proto"] }]));
    assert.deepEqual(
      schema.files.map(({ name }) => name),
      ["google/protobuf/any.proto", "a.proto"],
    );
  });

  test("a missing weak import is left out, any other is an error with advice", () => {
    const weak = { ...SMALL, dependency: ["b.proto"], weakDependency: [0] };
    assert.deepEqual(loadDescriptorSet(encodeSet([weak])).serviceNames, ["p.S"]);
    assert.throws(
      () => loadDescriptorSet(encodeSet([{ ...SMALL, dependency: ["b.proto"] }])),
      /lacks "b\.proto", imported by "a\.proto".*--include_imports/,
    );
  });

  test("names that are none are refused before anything is made of them", () => {
    const evil = 'x";process.exit(1)//';
    const field = { name: "text", number: 1, label: 1, type: 9 };
    const wrong: object[] = [
      { ...SMALL, package: evil },
      { ...SMALL, messageType: [{ name: evil }] },
      { ...SMALL, messageType: [{ name: "A", field: [{ ...field, name: evil }] }] },
      { ...SMALL, messageType: [{ name: "A", field: [{ ...field, type: 11, typeName: evil }] }] },
      { ...SMALL, messageType: [{ name: "A", oneofDecl: [{ name: evil }] }] },
      { ...SMALL, messageType: [{ name: "A", enumType: [{ name: evil }] }] },
      { ...SMALL, enumType: [{ name: "E", value: [{ name: evil, number: 0 }] }] },
      { ...SMALL, service: [{ name: evil }] },
      { ...SMALL, service: [{ name: "S", method: [{ name: evil, inputType: ".p.A", outputType: ".p.A" }] }] },
      { ...SMALL, service: [{ name: "S", method: [{ name: "M", inputType: evil, outputType: ".p.A" }] }] },
      { ...SMALL, messageType: [{ name: "A".repeat(1001) }] },
    ];
    for (const file of wrong) {
      assert.throws(() => loadDescriptorSet(encodeSet([file])), /Cannot load "a\.proto": a name must be letters/);
    }
  });

  test("what does not fit together is refused", () => {
    const message = (more: object): Uint8Array => encodeSet([{ ...SMALL, messageType: [{ name: "A", ...more }] }]);
    const field = { name: "f", number: 1, label: 1, type: 9 };
    assert.throws(() => loadDescriptorSet(message({ field: [{ ...field, number: 0 }] })), /a number from 1/);
    assert.throws(() => loadDescriptorSet(message({ field: [{ ...field, type: undefined }] })), /field f has no type/);
    assert.throws(
      () => loadDescriptorSet(message({ field: [{ ...field, oneofIndex: 5 }] })),
      /a oneof that does not exist/,
    );
    assert.throws(() => loadDescriptorSet(message({ field: [{ ...field, type: 11, typeName: ".p.Nope" }] })), /Nope/);
    assert.throws(() => loadDescriptorSet(message({ field: [field, field] })), /duplicate/);
    assert.throws(() => loadDescriptorSet(encodeSet([SMALL, SMALL])), /"a\.proto" twice/);
    assert.throws(() => loadDescriptorSet(encodeSet([{ ...SMALL, syntax: "proto9" }])), /syntax "proto9" is not known/);
    assert.throws(() => loadDescriptorSet(encodeSet([{ package: "p" }])), /no name/);
    const entry = { name: "FEntry", field: [field], options: { mapEntry: true } };
    const map = { ...field, label: 3, type: 11, typeName: ".p.A.FEntry" };
    assert.throws(() => loadDescriptorSet(message({ field: [map], nestedType: [entry] })), /lacks its field/);
    let deep: object = { name: "A" };
    for (let i = 0; i < 95; i++) deep = { name: "A", nestedType: [deep] };
    assert.equal(
      loadDescriptorSet(encodeSet([{ ...SMALL, service: [], messageType: [deep] }])).messageNames.length,
      96,
    );
  });

  test("a field called __proto__ is a field like any other, or refused", () => {
    const field = { name: "__proto__", number: 1, label: 1, type: 9 };
    const bytes = encodeSet([{ ...SMALL, messageType: [{ name: "A", field: [field] }] }]);
    let schema: Schema | undefined;
    try {
      schema = loadDescriptorSet(bytes);
    } catch (error) {
      assert.match(String(error), /__proto__|unsafe/);
    }
    const decoded = schema?.message("p.A").decode(Uint8Array.of(0x0a, 1, 0x78)) ?? {};
    assert.equal(Object.getPrototypeOf(decoded), Object.prototype);
  });

  test("bytes that are no set, too many of them, and too many files", () => {
    assert.throws(() => loadDescriptorSet(Uint8Array.of(0x0a, 0xff)), /Cannot load a descriptor set/);
    assert.throws(() => loadDescriptorSet(Uint8Array.of()), /of no files/);
    assert.throws(() => loadDescriptorSet(Uint8Array.of(0x0a, 2, 0xff, 0xff)), /Cannot decode/);
    assert.throws(() => loadDescriptorSet(new Uint8Array(16 * 1024 * 1024 + 1)), /at most 16777216 bytes/);
    assert.throws(() => loadDescriptorSet(Buffer.from("0a00".repeat(2001), "hex")), /more than 2000 files/);
    assert.throws(() => loadDescriptorSet("text" as never), TypeError);
  });

  test("bytes that were damaged are an error or a schema", () => {
    const golden = readFileSync(join(corpus, "protoc.binpb"));
    const damage = fc.array(fc.tuple(fc.nat(golden.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(damage, (bytes) => {
        const damaged = Buffer.from(golden);
        for (const [at, byte] of bytes) damaged[at] = byte;
        try {
          const schema = loadDescriptorSet(damaged);
          for (const name of schema.messageNames) assert.match(name, /^[\w.]+$/);
        } catch (error) {
          assert.match(String(error), /Cannot (?:load|decode) /);
        }
        assert.deepEqual(Object.keys(Object.prototype), []);
      }),
      { numRuns: 150 },
    );
  });

  test("the bytes given may be changed afterwards", () => {
    const bytes = encodeSet([SMALL]);
    const schema = loadDescriptorSet(bytes);
    const before = Buffer.from(schema.descriptors[0]?.bytes ?? []).toString("hex");
    bytes.fill(0);
    assert.equal(Buffer.from(schema.descriptors[0]?.bytes ?? []).toString("hex"), before);
  });
});
