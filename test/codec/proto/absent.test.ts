/** What stands in a message for what is not there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { EMPTY_BYTES, EMPTY_LIST, EMPTY_MAP, NO_CASE, unknownFields } from "../../../src/codec/proto/absent.js";

test("EMPTY_MAP equals and prints like a Map but refuses to be changed", () => {
  const map = EMPTY_MAP as unknown as Map<string, number>;
  assert.deepStrictEqual(map, new Map());
  assert.equal(inspect(map), "Map(0) {}");
  assert.throws(() => map.set("a", 1), /assign a new Map instead/);
  assert.throws(() => map.delete("a"), TypeError);
  assert.throws(() => map.clear(), TypeError);
  assert.equal(map.size, 0);
});

test("EMPTY_LIST, EMPTY_BYTES and NO_CASE equal plain values and cannot be changed", () => {
  assert.deepStrictEqual(EMPTY_LIST, []);
  assert.throws(() => (EMPTY_LIST as unknown as number[]).push(1), TypeError);
  assert.deepStrictEqual(EMPTY_BYTES, new Uint8Array());
  assert.deepStrictEqual(NO_CASE, { case: undefined });
  assert.ok(Object.isFrozen(NO_CASE));
});

test("unknownFields is one symbol for every copy of the library", () => {
  assert.equal(unknownFields, Symbol.for("barewire.unknownFields"));
});
