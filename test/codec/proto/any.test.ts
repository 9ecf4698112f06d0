/** Any: packed and unpacked, with one type and with a registry. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { packAny, typeNameOf, unpackAny } from "../../../src/codec/proto/any.js";
import { codec, codecOf, schema } from "./schemas.js";

const Order = codec("order.Order");
const Strict = codec("p2.Strict");

test("packAny says the type by name and holds the message's bytes", () => {
  const any = packAny(Order, { id: "a" });
  assert.deepEqual(any, { typeUrl: "type.googleapis.com/order.Order", value: Uint8Array.of(10, 1, 97) });
  assert.throws(() => packAny(Order, { id: 5 }), /Cannot encode order\.Order: id must be a string/);
});

test("unpackAny gives the message when it is of the type, or of one that the registry has", () => {
  const any = packAny(Strict, { id: 5 });
  assert.deepEqual(unpackAny(any, Strict), { id: 5 });
  assert.equal(unpackAny(any, Order), undefined);
  for (const registry of [schema, [schema], [Order, Strict], [codecOf('syntax = "proto3"; message X {}'), schema]]) {
    assert.deepEqual(unpackAny(any, registry), { typeName: "p2.Strict", message: { id: 5 } });
  }
  for (const registry of [[], [Order]]) assert.equal(unpackAny(any, registry), undefined);
  assert.equal(unpackAny({ typeUrl: "x/__proto__", value: new Uint8Array() }, schema), undefined);
});

test("unpackAny throws where the bytes are no such message", () => {
  assert.throws(
    () => unpackAny({ typeUrl: "x/order.Order", value: Uint8Array.of(10) }, Order),
    /Cannot decode order\.Order/,
  );
});

test("typeNameOf is what stands behind the last slash", () => {
  assert.deepEqual(["type.googleapis.com/a.B", "/a.B", "a.B", "x/y/a.B", ""].map(typeNameOf), [
    "a.B",
    "a.B",
    "a.B",
    "a.B",
    "",
  ]);
});
