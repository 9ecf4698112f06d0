/** Reading and setting extensions. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { protoFile } from "../../../src/codec/proto/generated.js";
import {
  getExtension,
  hasExtension,
  loadProto,
  setExtension,
  unknownFields,
  type Extension,
} from "../../../src/core.js";
import { hex } from "./schemas.js";

const schemas = fileURLToPath(new URL("../../schemas", import.meta.url));
const schema = loadProto(`${schemas}/extensions.proto`, { includeDirs: [schemas] });
const Shape = schema.message<{ name: string | undefined }>("schemas.extensions.Shape");
const extension = (name: string): Extension => schema.extension(`schemas.extensions.${name}`);

/** The same fields as ordinary ones. */
const plain = loadProto({
  "plain.proto": `syntax = "proto2"; message Shape { optional string name = 1; optional int32 color = 100; repeated int64 plain = 101;
    repeated sint32 packed = 102 [packed = true]; optional Inside inside = 103;
    repeated group Point = 104 { required int32 x = 1; optional int32 y = 2; } optional bytes raw = 105; repeated string names = 106;
    optional uint64 as_text = 107; optional double ratio = 108; repeated int32 colors = 109 [packed = true]; } message Inside { optional string name = 1; }`,
}).message<Record<string, unknown>>("Shape");

describe("getExtension and setExtension", () => {
  const values: readonly [name: string, value: unknown, own: string, ownValue?: unknown][] = [
    ["color", 2, "color"],
    ["plain", [1n, -1n], "plain"],
    ["packed", [1, -1, 300], "packed"],
    ["inside", { name: "a" }, "inside"],
    ["point", [{ x: 1, y: undefined }], "point"],
    ["raw", Uint8Array.of(1, 2), "raw"],
    ["names", ["a", ""], "names"],
    ["as_text", "18446744073709551615", "asText", 18446744073709551615n],
    ["ratio", 0, "ratio"],
    ["colors", [1, 2, 1], "colors"],
  ];
  for (const [name, value, own, ownValue = value] of values) {
    test(`${name}: what is set is written as that field, and read from it`, () => {
      const message = { name: "x" };
      assert.equal(hasExtension(message, extension(name)), false);
      setExtension(message, extension(name), value);
      assert.equal(hasExtension(message, extension(name)), true);
      assert.deepStrictEqual(getExtension(message, extension(name)), value);
      const bytes = Shape.encode(message);
      const read = plain.decode(bytes);
      assert.deepEqual(JSON.stringify(read[own], big), JSON.stringify(ownValue, big));
      assert.deepStrictEqual(getExtension(Shape.decode(plain.encode(read)), extension(name)), value);
    });
  }

  test("all of them live beside each other, and beside what is unknown", () => {
    const message = Shape.decode(hex("0a0178 f03f05 a00601 f03f06"));
    for (const [name, value] of values) setExtension(message, extension(name), value);
    for (const [name, value] of values) assert.deepStrictEqual(getExtension(message, extension(name)), value, name);
    for (const [name] of values) setExtension(message, extension(name), undefined);
    assert.deepEqual(Buffer.from(Shape.encode(message)), Buffer.from(hex("0a0178 f03f05 f03f06")));
    assert.equal(getExtension(message, extension("color")), undefined);
    assert.deepEqual(getExtension(message, extension("names")), []);
  });

  test("taking the last one away leaves no unknown fields", () => {
    const message = { name: "x" };
    setExtension(message, extension("color"), "RED");
    assert.equal(getExtension(message, extension("color")), 1);
    setExtension(message, extension("color"), undefined);
    assert.equal(unknownFields in message, false);
    assert.deepStrictEqual(message, { name: "x" });
  });

  test("parts of a message that came apart are merged, and of a scalar the last one counts", () => {
    const message = Shape.decode(hex("a00601 ba06030a0161 a00602 ba0603a00602"));
    assert.equal(getExtension(message, extension("color")), 2);
    const inside = getExtension(message, extension("inside")) as { name: string };
    assert.equal(inside.name, "a");
    assert.equal(getExtension(inside, extension("color")), 2);
  });

  test("nested ones, and those called like what every object has", () => {
    const message = {};
    setExtension(message, extension("Holder.holder"), { number: 5 });
    setExtension(message, extension("Holder.__proto__"), 7);
    setExtension(message, extension("Holder.class"), "c");
    assert.deepStrictEqual(getExtension(message, extension("Holder.holder")), { number: 5 });
    assert.equal(getExtension(message, extension("Holder.__proto__")), 7);
    assert.equal(getExtension(message, extension("Holder.class")), "c");
    assert.equal(Object.getPrototypeOf(message), Object.prototype);
  });

  test("a wrong value is refused with its path, and the message stays as it was", () => {
    const message = {};
    setExtension(message, extension("inside"), { name: "a" });
    const wrong =
      /^TypeError: Cannot encode \[schemas\.extensions\.inside\]: inside\.name must be a string: current value is 5$/;
    assert.throws(() => setExtension(message, extension("inside"), { name: 5 }), wrong);
    assert.deepStrictEqual(getExtension(message, extension("inside")), { name: "a" });
    assert.throws(
      () => getExtension(message, "inside" as never),
      /^TypeError: Cannot read an extension as it must be one/,
    );
  });

  test("options are messages too: a custom option is read from a descriptor", () => {
    const options = loadProto({
      "m.proto": `syntax = "proto3"; import "google/protobuf/descriptor.proto";
        extend google.protobuf.MessageOptions { string note = 50001; } message M { option (note) = "hello"; }`,
    });
    const File = options.message<{ messageType: { options: object }[] }>("google.protobuf.FileDescriptorProto");
    const file = File.decode(options.descriptors.at(-1)?.bytes ?? new Uint8Array());
    assert.equal(getExtension(file.messageType[0]?.options ?? {}, options.extension("note")), "hello");
    assert.throws(() => options.extension("nod"), /The schema has no extension "nod"; did you mean "note"\?/);
    assert.deepEqual(options.extensionNames, ["note"]);
  });
});

test("a generated extension has the forms of its module, and parses nothing before it is used", () => {
  let read = 0;
  const text =
    'syntax = "proto2"; message M { extensions 5 to 9; } extend M { optional int64 n = 5; optional bytes b = 6; }';
  const source = (): string => (read++, text);
  const file = protoFile("m.proto", [], source, { int64: "string", bytes: "buffer" });
  const n: Extension<object, string | undefined, string | bigint> = file.extension("n");
  const b: Extension<object, Buffer | undefined, Uint8Array> = file.extension("b");
  assert.equal(read, 0);
  const message = {};
  setExtension(message, n, 5n);
  setExtension(message, b, Uint8Array.of(1));
  assert.equal(getExtension(message, n), "5");
  assert.ok(Buffer.isBuffer(getExtension(message, b)));
});

function big(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
