/** Compiled decoders: what the bytes of a message become, and which bytes are refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { unknownFields } from "../../../src/codec/proto/absent.js";
import { DEFAULT_MAX_VALUES } from "../../../src/codec/proto/decode-values.js";
import type { MessageCodec } from "../../../src/codec/proto/message.js";
import { createReader } from "../../../src/codec/proto/wire.js";
import { Code, StatusError } from "../../../src/codec/status.js";
import { takesLessThan } from "../../support/processor-time.js";
import { codec, codecOf, hex, toHex } from "./schemas.js";
import { valueFloods } from "./value-floods.js";

const Order = codec("order.Order");
const Old = codec("p2.Old");

function unknown(message: Record<string, unknown>): string[] {
  return ((message as Record<symbol, unknown>)[unknownFields] as Uint8Array[]).map(toHex);
}

function decodeWithin(type: MessageCodec, bytes: Uint8Array, valuesLeft: number): Record<string, unknown> {
  return type.decodeFrom(createReader(bytes), bytes.length, valuesLeft);
}

const exhausted = (error: unknown): boolean => error instanceof StatusError && error.code === Code.RESOURCE_EXHAUSTED;

test("the last value of a field wins, fields come in any order", () => {
  assert.equal(Order.decode(hex("0a 01 61 0a 01 62"))["id"], "b");
  const order = Order.decode(hex("12 01 78  0a 01 61  12 01 79"));
  assert.deepStrictEqual([order["id"], order["items"]], ["a", ["x", "y"]]);
});

test("a later default value replaces an earlier one", () => {
  assert.equal(Order.decode(hex("0a 01 61 0a 00"))["id"], "");
});

test("a message field that comes twice is merged", () => {
  const order = Order.decode(hex("a2 01 06  0a 01 61 12 01 78   a2 01 06  12 01 79 80 01 05"));
  const parent = order["parent"] as Record<string, unknown>;
  assert.deepStrictEqual([parent["id"], parent["items"], parent["pointCount"]], ["a", ["x", "y"], 5]);
});

test("merging: nested messages, maps and unknown fields come together", () => {
  const a = Order.encode({ parent: { parent: { id: "a" }, labels: { a: 1 } } });
  const b = Order.encode({ parent: { parent: { price: 2 }, labels: { b: 2 } } });
  const bytes = Buffer.concat([a, hex("a2 01 03 f8 01 01"), b, hex("a2 01 03 f8 01 02")]);
  const parent = Order.decode(bytes)["parent"] as Record<string, unknown>;
  const inner = parent["parent"] as Record<string, unknown>;
  assert.deepStrictEqual([inner["id"], inner["price"]], ["a", 2]);
  assert.deepStrictEqual(
    parent["labels"],
    new Map([
      ["a", 1],
      ["b", 2],
    ]),
  );
  assert.deepEqual(unknown(parent), ["f8 01 01 f8 01 02"]);
});

test("a oneof keeps its last member, and merges a message member that comes twice", () => {
  assert.deepStrictEqual(Order.decode(hex("62 01 31 70 01"))["payment"], { case: "inCash", value: true });
  assert.deepStrictEqual(Order.decode(hex("6a 03 0a 01 61  6a 02 10 01"))["payment"], {
    case: "billTo",
    value: { address: "a", type: 1 },
  });
  assert.deepStrictEqual(Order.decode(hex("6a 03 0a 01 61  70 01  6a 02 10 01"))["payment"], {
    case: "billTo",
    value: { address: "", type: 1 },
  });
});

test("a field with another wire type is an unknown field", () => {
  const order = Order.decode(hex("08 05  25 00 00 80 3f  0d 01 02 03 04"));
  assert.deepStrictEqual([order["id"], order["price"]], ["", 1]);
  assert.deepEqual(unknown(order), ["08 05 0d 01 02 03 04"]);
});

test("repeated numbers are read packed, unpacked and mixed", () => {
  assert.deepStrictEqual(Order.decode(hex("9a 01 02 01 00  98 01 05  9a 01 00"))["types"], [1, 0, 5]);
  const Repeated = codec("t.Repeated");
  assert.deepStrictEqual(Repeated.decode(hex("42 03 01 ac 02  40 07"))["rInt64"], [1n, 300n, 7n]);
});

test("map entries: missing keys and values are defaults, the last of one key wins, foreign fields are dropped", () => {
  assert.deepStrictEqual(Order.decode(hex("42 00"))["labels"], new Map([["", 0]]));
  assert.deepStrictEqual(
    Order.decode(hex("42 03 0a 01 61  42 02 10 07"))["labels"],
    new Map([
      ["a", 0],
      ["", 7],
    ]),
  );
  assert.deepStrictEqual(
    Order.decode(hex("42 05 10 01 0a 01 61  42 05 0a 01 61 10 02"))["labels"],
    new Map([["a", 2]]),
  );
  assert.deepStrictEqual(Order.decode(hex("4a 02 08 05"))["byNumber"], new Map([[5n, { address: "", type: 0 }]]));
  assert.deepStrictEqual(Order.decode(hex("42 07 0a 01 61 10 01 18 09"))["labels"], new Map([["a", 1]]));
  assert.deepStrictEqual(
    Order.decode(hex("4a 09 12 03 0a 01 61 12 02 10 01"))["byNumber"],
    new Map([[0n, { address: "a", type: 1 }]]),
  );
});

test("map keys called __proto__ are keys", () => {
  const order = Order.decode(Order.encode({ labels: [["__proto__", 1]] }));
  assert.deepStrictEqual(order["labels"], new Map([["__proto__", 1]]));
});

test("open enums keep numbers without a name", () => {
  assert.deepStrictEqual(Order.decode(hex("9a 01 01 4d"))["types"], [77]);
});

test("closed enums: a number without a name is an unknown field", () => {
  const old = Old.decode(hex("18 07  20 01 20 07 20 02  48 09"));
  assert.deepStrictEqual([old["colour"], old["colours"], old["pick"]], [undefined, [1, 2], { case: undefined }]);
  assert.deepEqual(unknown(old), ["18 07 20 07 48 09"]);
});

test("closed enums: a packed number without a name becomes an unknown field of its own", () => {
  const old = Old.decode(hex("2a 04 01 07 02 08"));
  assert.deepStrictEqual(old["packedColours"], [1, 2]);
  assert.deepEqual(unknown(old), ["28 07 28 08"]);
  assert.equal(toHex(Old.encode(old)), "2a 02 01 02 28 07 28 08");
});

test("closed enums: a map entry without a named value is an unknown field as a whole", () => {
  const old = Old.decode(hex("32 05 0a 01 61 10 07  32 05 0a 01 62 10 02"));
  assert.deepStrictEqual(old["byName"], new Map([["b", 2]]));
  assert.deepEqual(unknown(old), ["32 05 0a 01 61 10 07"]);
});

test("groups: read, nested, repeated and merged", () => {
  const old = Old.decode(hex("3b 08 05 13 3b 08 06 3c 14 3c"));
  assert.deepEqual(unknown(old["part"] as Record<string, unknown>), ["13 3b 08 06 3c 14"]);
  assert.equal(
    (Old.decode(hex("3b 08 05 12 04 3b 08 06 3c 3c"))["part"] as { inner: { part: { size: number } } }).inner.part.size,
    6,
  );
  assert.deepStrictEqual(Old.decode(hex("43 0a 01 61 44 43 44"))["row"], [{ cell: "a" }, { cell: undefined }]);
  assert.equal((Old.decode(hex("3b 08 05 3c 3b 3c"))["part"] as { size: number }).size, 5);
});

test("groups: without an end, with another's end, or ending over their message are errors", () => {
  for (const bytes of ["3b 08 05", "3b 08 05 44", "3b", "3c", "3b 12 02 3b 08 3c", "43 0a 05 61 44"]) {
    assert.throws(() => Old.decode(hex(bytes)), /^Error: Cannot decode p2\.Old: /, bytes);
  }
  const nested = hex("a2 01 02 0b 0c");
  assert.deepEqual(unknown(Order.decode(nested)["parent"] as Record<string, unknown>), ["0b 0c"]);
  assert.throws(() => Order.decode(hex("a2 01 01 0b 0c")), /Cannot decode order\.Order/);
});

test("extensions are unknown fields", () => {
  assert.ok(!Old.fields.some((field) => field.number === 100));
  assert.deepEqual(unknown(Old.decode(hex("a2 06 01 61"))), ["a2 06 01 61"]);
});

test("proto2 explicit fields are undefined, whatever their default", () => {
  const old = Old.decode(new Uint8Array());
  assert.deepStrictEqual(
    [old["count"], old["name"], old["colour"], old["part"]],
    [undefined, undefined, undefined, undefined],
  );
});

test("strings of proto3 must be UTF-8, and the error names the field", () => {
  for (const bad of ["ff", "c3 28", "ed a0 80", "61".repeat(20) + "c3", "61".repeat(60) + "ff"]) {
    const text = hex(bad);
    const bytes = Buffer.concat([hex("0a"), Buffer.from([text.length]), text]);
    assert.throws(() => Order.decode(bytes), /Cannot decode order\.Order: field order\.Order\.id must be valid UTF-8/);
  }
  const inner = hex("32 03 0a 01 ff");
  assert.throws(() => Order.decode(inner), /field order\.Order\.Address\.address must be valid UTF-8/);
  assert.throws(() => Order.decode(hex("42 03 0a 01 ff")), /field order\.Order\.labels must be valid UTF-8/);
});

test("strings of proto2 need not be UTF-8", () => {
  assert.equal(Old.decode(hex("12 02 61 ff"))["name"], "a\uFFFD");
  assert.equal(Old.decode(hex("12 00"))["name"], "");
});

test("a real U+FFFD in a string is text", () => {
  for (const text of ["\uFFFD", "x".repeat(50) + "\uFFFD", "x".repeat(500) + "\uFFFD"]) {
    assert.equal(Order.decode(Order.encode({ id: text }))["id"], text);
  }
});

test("truncated messages are errors that say so", () => {
  const bytes = Order.encode({
    id: "abc",
    lastUpdated: { seconds: 1_000_000n, nanos: 5 },
    signature: new Uint8Array(40),
    byNumber: { 77: { address: "x" } },
    price: 1,
  });
  const whole: number[] = [];
  for (let end = 0; end < bytes.length; end++) {
    try {
      Order.decode(bytes.subarray(0, end));
      whole.push(end);
    } catch (error) {
      assert.match((error as Error).message, /ends in the middle of a field|reaches over the end/);
    }
  }
  assert.equal(whole.length, 5, "only where a field ends");
});

test("a length that reaches over the end of its own message is an error, even inside a longer buffer", () => {
  for (const bytes of [
    "32 02 0a 05 61 61 61 61 61",
    "32 01 10 01",
    "a2 01 02 92 01 00",
    "a2 01 03 12 05 61 61 61 61 61",
    "42 03 0a 05 61 61 61 61 61",
    "4a 03 12 09 0a 01 61",
    "a2 01 03 9a 01 05 01 01 01 01 01",
    "a2 01 03 25 00 00 00 00",
  ]) {
    assert.throws(() => Order.decode(hex(bytes)), /Cannot decode order\.Order: /, bytes);
  }
  assert.throws(() => codec("t.Repeated").decode(hex("42 05 01 01")), /reaches over the end/);
  assert.throws(() => codec("t.Repeated").decode(hex("42 01 80 01")), /Cannot decode/);
});

test("illegal tags and wire types are errors", () => {
  for (const bytes of ["00 00", "02 00", "0e", "0f", "ff ff ff ff ff ff ff ff ff ff 01", "f8 ff ff ff 7f 00"]) {
    assert.throws(() => Order.decode(hex(bytes)), /Cannot decode order\.Order: /, bytes);
  }
});

test("messages nested more than 100 deep are an error, also when they are unknown groups", () => {
  let bytes: Uint8Array = new Uint8Array();
  for (let i = 0; i < 101; i++) {
    const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
    bytes = new Uint8Array([0xa2, 0x01, ...length, ...bytes]);
  }
  assert.throws(() => Order.decode(bytes), /nested more than 100 deep/);
  const withoutOne = bytes.subarray(4);
  assert.ok(Order.decode(withoutOne)["parent"] !== undefined);
  assert.throws(() => Order.decode(new Uint8Array(10_000).fill(0x0b)), /Cannot decode order\.Order/);
  assert.throws(() => Old.decode(new Uint8Array(10_000).fill(0x3b)), /Cannot decode p2\.Old/);
});

test("the budget counts sub-messages, map entries, strings and bytes values", () => {
  for (const [message, values] of [
    [{}, 0],
    [{ id: "a" }, 1],
    [{ items: ["a", "b"] }, 2],
    [{ signature: new Uint8Array(3) }, 1],
    [{ addresses: [{ type: 1 }, { address: "x" }] }, 3],
    [{ labels: { a: 1 } }, 2],
    [{ byFlag: { true: 1 } }, 1],
    [{ byNumber: { 1: { address: "x" } } }, 3],
    [{ types: [1, 2, 3], price: 1, pointCount: 5 }, 0],
    [{ payment: { case: "cardNumber", value: "1" } }, 1],
  ] as const) {
    const bytes = Order.encode(message);
    decodeWithin(Order, bytes, values);
    if (values > 0) assert.throws(() => decodeWithin(Order, bytes, values - 1), exhausted, JSON.stringify(message));
  }
});

test("the budget is each message's own, and the error names the limit", () => {
  const bytes = Order.encode({ items: ["a", "b", "c"] });
  for (let i = 0; i < 10; i++) decodeWithin(Order, bytes, 3);
  assert.throws(() => decodeWithin(Order, bytes, 2), /limit of 2$/);
  decodeWithin(Order, bytes, Infinity);
  assert.throws(() => decodeWithin(Order, hex("f8 01 01"), 0), exhausted, "unknown fields count, too");
  assert.throws(() => decodeWithin(Old, hex("2a 01 07"), 0), exhausted);
  assert.throws(() => decodeWithin(Old, hex("12 01 61"), 0), exhausted);
});

for (const { what, decode } of valueFloods()) {
  // It takes 2 to 150 ms. What it takes of memory: cost.test.ts.
  test(`4 MiB of ${what} are refused early`, () => takesLessThan(250, () => assert.throws(decode, exhausted)));
}

test("the default budget is 250,000 values", () => {
  assert.equal(DEFAULT_MAX_VALUES, 250_000);
  const type = codecOf('syntax = "proto3"; message M { repeated string s = 1; }');
  const fits = Buffer.alloc(500_000, Buffer.from([10, 0]));
  assert.equal((type.decode(fits)["s"] as string[]).length, 250_000);
  assert.throws(() => type.decode(Buffer.concat([fits, hex("0a 00")])), exhausted);
});

test("bytes of every length are copied", () => {
  for (const length of [1, 31, 32, 33, 4095, 4096, 100_000]) {
    const value = new Uint8Array(length).map((_, i) => i & 0xff);
    const decoded = Order.decode(Order.encode({ signature: value }))["signature"] as Uint8Array;
    assert.deepStrictEqual(decoded, value);
    assert.equal(decoded.buffer.byteLength, length);
  }
});
