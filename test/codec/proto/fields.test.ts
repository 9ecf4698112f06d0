/** Fields and properties of a message type. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { camelCase } from "../../../src/codec/proto/json-name.js";
import { codec, codecOf } from "./schemas.js";

test("camelCase makes lowerCamelCase as protoc does for JSON", () => {
  for (const [name, expected] of [
    ["point_count", "pointCount"],
    ["orderList", "orderList"],
    ["a__b", "aB"],
    ["foo_", "foo"],
    ["_foo", "Foo"],
    ["field_1", "field1"],
    ["URL", "URL"],
    ["x", "x"],
  ] as const) {
    assert.equal(camelCase(name), expected);
  }
});

test("fields say what the schema says", () => {
  const byName = new Map(codec("order.Order").fields.map((field) => [field.name, field]));
  assert.deepEqual(
    ["id", "items", "last_updated", "point_count", "card_number", "types"].map((name) => byName.get(name)?.presence),
    ["implicit", "implicit", "explicit", "explicit", "explicit", "implicit"],
  );
  assert.equal(byName.get("labels")?.mapKey, "string");
  assert.equal(byName.get("items")?.repeated, true);
  assert.equal(byName.get("items")?.packed, false);
  assert.equal(byName.get("types")?.packed, true);
  assert.equal(byName.get("bill_to")?.oneof, "payment");
  assert.equal(byName.get("point_count")?.oneof, undefined, "the oneof of a proto3 optional is not one");
  assert.equal(byName.get("last_updated")?.jsonName, "lastUpdated");
  const value = byName.get("last_updated")?.value;
  assert.equal(value?.kind === "message" ? value.message : "", "google.protobuf.Timestamp");
});

test("properties: a oneof stands where its first member stands", () => {
  const names = codec("order.Order").properties.map(({ property }) => property);
  assert.deepEqual(names.slice(8, 11), ["byCode", "payment", "pointCount"]);
  const payment = codec("order.Order").properties.find(({ property }) => property === "payment");
  assert.ok(payment?.kind === "oneof");
  assert.equal(payment.name, "payment");
  assert.deepEqual(
    payment.members.map((member) => member.property),
    ["cardNumber", "billTo", "inCash", "at"],
  );
});

test("proto2: required, groups, unchecked text, and no extensions", () => {
  assert.equal(codec("p2.Strict").fields[0]?.presence, "required");
  const byName = new Map(codec("p2.Old").fields.map((field) => [field.name, field]));
  assert.equal(byName.get("part")?.delimited, true);
  assert.equal(byName.get("name")?.checkUtf8, false);
  assert.equal(byName.get("numbers")?.packed, false);
  assert.equal(byName.get("packed_colours")?.packed, true);
  assert.deepEqual(
    [...byName.keys()].filter((name) => name.includes("extra")),
    [],
  );
});

test("json_name is kept beside the property's name", () => {
  const [field] = codecOf('syntax = "proto3"; message M { int32 a_b = 1 [json_name = "other name"]; }').fields;
  assert.deepEqual([field?.name, field?.property, field?.jsonName], ["a_b", "aB", "other name"]);
});

test("the bundled types have their names of protobuf", () => {
  const text =
    'syntax = "proto3"; import "google/protobuf/struct.proto"; import "google/protobuf/any.proto"; message M { google.protobuf.Value v = 1; google.protobuf.Any a = 2; }';
  const type = codecOf(text, "google.protobuf.Value");
  assert.deepEqual(type.fields.map((field) => [field.name, field.property, field.oneof]).slice(0, 2), [
    ["null_value", "nullValue", "kind"],
    ["number_value", "numberValue", "kind"],
  ]);
  assert.equal(codecOf(text, "google.protobuf.Any").fields[0]?.property, "typeUrl");
});
