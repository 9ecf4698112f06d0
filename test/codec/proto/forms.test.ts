/** What 64-bit integers and bytes are received as, beside the wire: in JSON and text format. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { protoFile } from "../../../src/codec/proto/generated.js";
import {
  fromJson,
  fromJsonString,
  loadProto,
  toJson,
  toJsonString,
  toText,
  type MessageType,
} from "../../../src/core.js";

const TEXT = `syntax = "proto3"; import "google/protobuf/timestamp.proto";
  message M { int64 n = 1; uint64 own = 2 [jstype = JS_STRING]; repeated sint64 list = 3; map<int64, fixed64> map = 4; bytes b = 5;
    google.protobuf.Timestamp at = 6; oneof c { int64 one = 7; } map<string, bytes> raws = 8; }`;
type Dynamic = MessageType<Record<string, unknown>>;

const JSON_FORM = {
  n: "-5",
  own: "7",
  list: ["1", "9007199254740991"],
  map: { "3": "4" },
  b: "AQI=",
  at: "1970-01-01T00:00:01Z",
  one: "8",
  raws: { x: "Aw==" },
};

for (const int64 of ["bigint", "string", "number"] as const) {
  for (const bytes of ["uint8array", "buffer"] as const) {
    const M: Dynamic = protoFile("m.proto", [], () => TEXT, { int64, bytes }).message("M");
    const whole = (value: bigint): unknown =>
      int64 === "bigint" ? value : int64 === "string" ? String(value) : Number(value);
    const raw = (...values: number[]): Uint8Array =>
      bytes === "buffer" ? Buffer.from(values) : Uint8Array.from(values);
    const message = {
      n: whole(-5n),
      own: "7",
      list: [whole(1n), whole(9007199254740991n)],
      map: new Map([[whole(3n), whole(4n)]]),
      b: raw(1, 2),
      at: { seconds: 1n, nanos: 0 },
      c: { case: "one", value: whole(8n) },
      raws: new Map([["x", raw(3)]]),
    };

    test(`${int64} and ${bytes}: JSON has strings and base64, and gives the form of the module back`, () => {
      assert.deepStrictEqual(M.decode(M.encode(message)), message);
      assert.deepStrictEqual(toJson(M, message), JSON_FORM);
      assert.deepStrictEqual(fromJson(M, JSON_FORM), message);
      assert.deepStrictEqual(fromJsonString(M, toJsonString(M, message)), message);
      assert.deepStrictEqual(fromJson(M, { ...JSON_FORM, n: -5, list: [1, 2 ** 53 - 1] }), message);
    });

    test(`${int64} and ${bytes}: a default is left out of JSON and text in every form`, () => {
      const empty = M.decode(new Uint8Array());
      assert.deepStrictEqual([toJson(M, empty), toText(M, empty)], [{}, ""]);
      assert.equal((toJson(M, empty, { emitDefaults: true }) as { n: unknown }).n, "0");
    });

    test(`${int64} and ${bytes}: text format is the same as of a loaded schema`, () => {
      const loaded = loadProto({ "m.proto": TEXT }).message("M");
      assert.equal(toText(M, message), toText(loaded, loaded.decode(M.encode(message))));
      assert.match(toText(M, message), /^n: -5\nown: 7\nlist: 1\n/);
    });
  }
}

test("JSON with a number that is not exact is refused by a module that receives numbers", () => {
  const M: Dynamic = protoFile("m.proto", [], () => TEXT, { int64: "number" }).message("M");
  assert.throws(() => fromJson(M, { n: "9007199254740993" }), /n.*-\(2\^53-1\) to 2\^53-1/);
});
