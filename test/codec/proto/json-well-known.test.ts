/** The messages that have a form of their own in JSON: their texts, and what is none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WrongValue } from "../../../src/codec/proto/encode-values.js";
import { JSON_FORMS, objectOf, type JsonForm } from "../../../src/codec/proto/json-well-known.js";

function form(name: string): JsonForm {
  const found = JSON_FORMS.get(`google.protobuf.${name}`);
  assert.ok(found !== undefined);
  return found;
}

function refuses(name: string, ...values: unknown[]): void {
  for (const value of values) assert.throws(() => form(name).read(value, 0), WrongValue, String(value));
}

test("Timestamp: RFC 3339 with 0, 3, 6 or 9 digits in UTC; any offset and 1 to 9 digits are read", () => {
  const { read, write } = form("Timestamp");
  for (const [text, seconds, nanos] of [
    ["1970-01-01T00:00:00Z", 0n, 0],
    ["1969-12-31T23:59:59.999Z", -1n, 999_000_000],
    ["2024-02-29T12:00:00.000001Z", 1_709_208_000n, 1000],
    ["2024-02-29T12:00:00.000000001Z", 1_709_208_000n, 1],
    ["0001-01-01T00:00:00Z", -62_135_596_800n, 0],
    ["9999-12-31T23:59:59.999999999Z", 253_402_300_799n, 999_999_999],
  ] as const) {
    assert.equal(write({ seconds, nanos }), text);
    assert.deepStrictEqual(read(text, 0), { seconds, nanos });
  }
  assert.deepEqual(read("1970-01-01T01:30:00.5+01:30", 0), { seconds: 0n, nanos: 500_000_000 });
  assert.deepEqual(read("1969-12-31T22:00:00-02:00", 0), { seconds: 0n, nanos: 0 });
  refuses(
    "Timestamp",
    "1970-01-01T00:00:00",
    "1970-01-01 00:00:00Z",
    "1970-01-01t00:00:00z",
    "1970-13-01T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "1970-01-01T24:00:00Z",
    "1970-01-01T00:00:60Z",
    "1970-01-01T00:00:00.Z",
    "1970-01-01T00:00:00.1234567890Z",
    "1970-01-01T00:00:00+24:00",
    "0000-12-31T23:59:59Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "10000-01-01T00:00:00Z",
    "",
    0,
    null,
    new Date(0),
  );
  for (const one of [
    { seconds: -62_135_596_801n, nanos: 0 },
    { seconds: 0n, nanos: -1 },
    { seconds: 0n, nanos: 1_000_000_000 },
  ]) {
    assert.throws(() => write(one), WrongValue);
  }
});

test("Duration: seconds with 0, 3, 6 or 9 digits and an s, one sign for both parts", () => {
  const { read, write } = form("Duration");
  for (const [text, seconds, nanos] of [
    ["0s", 0n, 0],
    ["1.500s", 1n, 500_000_000],
    ["-0.000001s", 0n, -1000],
    ["-3.000000001s", -3n, -1],
    ["315576000000s", 315_576_000_000n, 0],
  ] as const) {
    assert.equal(write({ seconds, nanos }), text);
    assert.deepStrictEqual(read(text, 0), { seconds, nanos });
  }
  assert.deepStrictEqual(read("-0s", 0), { seconds: 0n, nanos: 0 });
  refuses(
    "Duration",
    "1",
    "s",
    "1.s",
    ".5s",
    "1.1234567890s",
    "+1s",
    " 1s",
    "1e3s",
    "315576000001s",
    "9".repeat(50) + "s",
    1,
    null,
  );
  assert.throws(() => write({ seconds: 1n, nanos: -1 }), WrongValue);
});

test("FieldMask: paths in camelCase, joined by commas; what would come back as another path is refused", () => {
  const { read, write } = form("FieldMask");
  for (const [text, paths] of [
    ["", []],
    ["id,shipTo.zipCode", ["id", "ship_to.zip_code"]],
    ["a1B2", ["a1_b2"]],
  ] as const) {
    assert.equal(write({ paths }), text);
    assert.deepEqual(read(text, 0), { paths });
  }
  refuses("FieldMask", "a_b", "a,,b", "a.", ".a", "a b", "1a", ["a"], null);
  for (const path of ["aB", "a_", "a__b", "a_1", "", ".a", "a..b", "a-b", "a".repeat(50_000) + "!"]) {
    assert.throws(
      () => write({ paths: ["a", path] }),
      (error) => error instanceof WrongValue && error.path === "paths[1]",
      path.slice(0, 9),
    );
  }
});

test("Struct, ListValue and Value are JSON itself, without what JSON has no form for", () => {
  const json = { a: [null, true, 1.5, "x", { __proto__x: [] }], ["__proto__"]: {} };
  const message = form("Struct").read(json, 0);
  assert.deepStrictEqual(form("Struct").write(message), json);
  assert.deepEqual(form("Value").read(5n, 0), { kind: { case: "numberValue", value: 5 } });
  refuses(
    "Struct",
    null,
    [],
    "x",
    { a: undefined },
    { a: "\ud800" },
    { a: Infinity },
    { a: new Map() },
    { "\ud800": 1 },
  );
  refuses("ListValue", {}, null, "ab");
  refuses("Value", undefined, () => 1, Symbol("x"), Number.NaN, new Date(0));
  for (const kind of [
    { case: undefined },
    { case: "numberValue", value: Number.NaN },
    { case: "numberValue", value: Infinity },
  ]) {
    assert.throws(() => form("Value").write({ kind }), WrongValue);
  }
});

test("objectOf takes plain objects, of any realm", () => {
  for (const object of [{}, Object.create(null) as object, JSON.parse("{}") as object])
    assert.equal(objectOf(object, ""), object);
  for (const other of [null, undefined, [], new Map(), new Date(0), new WeakMap(), new Uint8Array(), "x", 5]) {
    assert.throws(() => objectOf(other, "an object"), WrongValue);
  }
});
