/** Name tables of enums. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EnumType } from "../../../src/codec/proto/enum.js";
import { codecOf, schema } from "./schemas.js";
import { loadProto } from "../../../src/codec/proto/load.js";

test("EnumType gives names and numbers in both directions", () => {
  const type = schema.enum("order.Order.AddressType");
  assert.equal(type.typeName, "order.Order.AddressType");
  assert.equal(type.numberOf("WORK"), 1);
  assert.equal(type.nameOf(0), "HOME");
  assert.equal(type.nameOf(-1), "MOON");
  assert.equal(type.nameOf(99), undefined);
  assert.equal(type.numberOf("CASTLE"), undefined);
});

test("EnumType: an alias has a number, and the number the first name", () => {
  const type = schema.enum("order.Order.AddressType");
  assert.equal(type.numberOf("OFFICE"), 1);
  assert.equal(type.nameOf(1), "WORK");
  assert.deepEqual(type.values, [
    { name: "HOME", number: 0 },
    { name: "WORK", number: 1 },
    { name: "OFFICE", number: 1 },
    { name: "MOON", number: -1 },
  ]);
});

test("EnumType is closed in proto2 and open in proto3", () => {
  assert.equal(schema.enum("p2.Colour").closed, true);
  assert.equal(schema.enum("order.Order.AddressType").closed, false);
});

test("EnumType: editions say which it is", () => {
  const own = loadProto({
    "e.proto": `edition = "2023"; package e;
      enum Open { A = 0; } enum Closed { option features.enum_type = CLOSED; B = 1; }`,
  });
  assert.equal(own.enum("e.Open").closed, false);
  assert.equal(own.enum("e.Closed").closed, true);
});

test("EnumType: names of Object's own members are names like any other", () => {
  const type = new EnumType("x.E", false, [["constructor", 0]]);
  assert.equal(type.numberOf("toString"), undefined);
  assert.equal(type.numberOf("constructor"), 0);
  const field = codecOf(`syntax = "proto3"; enum E { A = 0; valueOf = 1; } message M { E e = 1; }`, "M");
  assert.deepStrictEqual(field.decode(field.encode({ e: "valueOf" })), { e: 1 });
  assert.throws(() => field.encode({ e: "toString" }), /e must be an E \(number or name\)/);
  assert.throws(() => field.encode({ e: "0" }), TypeError);
});
