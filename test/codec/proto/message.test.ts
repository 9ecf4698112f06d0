/** The message model as a whole, and the same values through protobufjs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import * as fc from "fast-check";
import { EMPTY_LIST, EMPTY_MAP } from "../../../src/codec/proto/absent.js";
import type { DeclaredField, DeclaredMessage } from "../../../src/codec/proto/declared.js";
import { messageCodec, unknownFields } from "../../../src/codec/proto/message.js";
import { createReader, createWriter } from "../../../src/codec/proto/wire.js";
import { BARE_SYMBOLS } from "../../support/node-version.js";
import { codec, codecOf, hex, peer, schema, toHex } from "./schemas.js";

const Order = codec("order.Order");
const EMPTY_ORDER = {
  id: "",
  items: [],
  price: 0,
  addresses: [],
  lastUpdated: undefined,
  labels: new Map(),
  byNumber: new Map(),
  byFlag: new Map(),
  byCode: new Map(),
  payment: { case: undefined },
  pointCount: undefined,
  orderList: [],
  signature: new Uint8Array(),
  types: [],
  parent: undefined,
};

test("a decoded message has every property, own and enumerable, in the order of the schema", () => {
  const order = Order.decode(new Uint8Array());
  assert.deepStrictEqual(order, EMPTY_ORDER);
  assert.deepEqual(Object.keys(order), Object.keys(EMPTY_ORDER));
  assert.equal(Object.getPrototypeOf(order), Object.prototype);
});

test("what is absent is one shared frozen value", () => {
  const one = Order.decode(new Uint8Array());
  const other = Order.decode(new Uint8Array());
  for (const property of ["items", "labels", "signature"]) assert.equal(one[property], other[property]);
  assert.throws(() => (one["items"] as string[]).push("x"), TypeError);
  assert.throws(() => (one["labels"] as Map<string, number>).set("x", 1), TypeError);
});

test("console.log, spread and deepStrictEqual show what is there", () => {
  const point = codecOf('syntax = "proto3"; message Point { int32 latitude = 1; optional string note_text = 2; }');
  const decoded = point.decode(point.encode({ latitude: 5 }));
  assert.equal(inspect(decoded), "{ latitude: 5, noteText: undefined }");
  assert.deepStrictEqual({ ...decoded }, { latitude: 5, noteText: undefined });
  assert.equal(JSON.stringify(decoded), '{"latitude":5}');
});

test("every kind of field comes back as it was given", () => {
  const order = {
    ...EMPTY_ORDER,
    id: "o-1",
    items: ["a", "", "ü€😀"],
    price: 1.5,
    addresses: [
      { address: "here", type: 1 },
      { address: "", type: 0 },
    ],
    lastUpdated: { seconds: -5n, nanos: 7 },
    labels: new Map([
      ["x", 1],
      ["", 0],
    ]),
    byNumber: new Map([[-9_223_372_036_854_775_808n, { address: "far", type: -1 }]]),
    byFlag: new Map([
      [true, 1],
      [false, 0],
    ]),
    byCode: new Map([[4_294_967_295, "max"]]),
    payment: { case: "billTo", value: { address: "bank", type: 0 } },
    pointCount: 0,
    orderList: [EMPTY_ORDER],
    signature: new Uint8Array([0, 255]),
    types: [0, 1, 77],
    parent: EMPTY_ORDER,
  };
  assert.deepStrictEqual(Order.decode(Order.encode(order)), order);
});

test("a decoded message encodes to the same bytes again", () => {
  const order = { id: "1", labels: { a: 1, b: 2 }, payment: { case: "inCash", value: false }, types: ["WORK", 5] };
  const bytes = Order.encode(order);
  assert.deepStrictEqual(Order.encode(Order.decode(bytes)), bytes);
});

test("typeName is the full name; fields and properties describe the type", () => {
  assert.equal(Order.typeName, "order.Order");
  assert.equal(Order.fields.find((field) => field.name === "point_count")?.property, "pointCount");
  assert.equal(Order.properties.find((property) => property.kind === "oneof")?.property, "payment");
});

test("messageCodec gives the same object for the same type", () => {
  const type = schema.declaredMessage("order.Order");
  assert.equal(messageCodec(type), Order);
});

test("encode gives memory of its own", () => {
  const bytes = Order.encode({ id: "x" });
  assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype);
  assert.equal(bytes.buffer.byteLength, bytes.length);
});

test("encodeInto writes behind what is there, and leaves no trace when it fails", () => {
  const writer = createWriter();
  writer.uint32(1);
  Order.encodeInto({ id: "a" }, writer);
  assert.equal(toHex(writer.finish()), "01 0a 01 61");
  assert.throws(() => Order.encodeInto({ id: "b", parent: { addresses: [{ type: {} }] } }, writer), TypeError);
  assert.equal(toHex(writer.finish()), "01 0a 01 61");
  assert.equal(writer.states?.length ?? 0, 0);
});

test("decodeFrom reads one of several messages in a buffer and never beyond its end", () => {
  const one = Order.encode({ id: "one" });
  const two = Order.encode({ id: "two" });
  const reader = createReader(Buffer.concat([one, two]));
  assert.equal(Order.decodeFrom(reader, one.length, 10)["id"], "one");
  assert.equal(reader.pos, one.length);
  assert.equal(reader.len, one.length + two.length);
  assert.equal(Order.decodeFrom(reader, one.length + two.length, 10)["id"], "two");
  for (let end = 1; end < one.length; end++) {
    reader.pos = 0;
    assert.throws(() => Order.decodeFrom(reader, end, 10), /Cannot decode order\.Order/);
    assert.equal(reader.len, one.length + two.length, "the reader is as it was");
  }
  assert.throws(() => Order.decodeFrom(reader, 100, 10), RangeError);
});

test("bytes are copied out of the input", () => {
  const input = Buffer.from(
    Order.encode({ signature: Buffer.from("abc"), payment: { case: "cardNumber", value: "1" } }),
  );
  const order = Order.decode(input);
  input.fill(0);
  assert.deepStrictEqual(order["signature"], new Uint8Array([97, 98, 99]));
});

test("unknown fields are kept, shown, spread and written back", () => {
  const bytes = hex("0a 01 61  f8 01 05  e5 01 01 02 03 04  fa 01 02 68 69");
  const order = Order.decode(bytes);
  assert.deepStrictEqual((order as Record<symbol, unknown>)[unknownFields], [bytes.slice(3)]);
  const shown = BARE_SYMBOLS ? "  Symbol(barewire.unknownFields): [" : "  [Symbol(barewire.unknownFields)]: [";
  assert.ok(inspect(order).split("\n").includes(shown), inspect(order));
  assert.equal(toHex(Order.encode({ ...order, id: "b" })), toHex(hex("0a 01 62")) + " " + toHex(bytes.slice(3)));
});

test("a message without unknown fields has no such property", () => {
  assert.deepEqual(Object.getOwnPropertySymbols(Order.decode(hex("0a 01 61"))), []);
});

test("unknown fields: those between known fields are kept in one piece, in order", () => {
  const order = Order.decode(hex("f8 01 01 f8 01 02 0a 01 61 f8 01 03"));
  assert.deepStrictEqual((order as Record<symbol, unknown>)[unknownFields], [hex("f8 01 01 f8 01 02 f8 01 03")]);
  assert.equal(toHex(Order.encode(order)), "0a 01 61 f8 01 01 f8 01 02 f8 01 03");
});

test("unknown fields that are no list of bytes are refused", () => {
  assert.throws(() => Order.encode({ [unknownFields]: "x" }), /\[unknownFields\] must be a list of Uint8Arrays/);
  assert.throws(() => Order.encode({ parent: { [unknownFields]: [1] } }), /parent\[unknownFields\]/);
});

const NAMES = [
  "constructor",
  "to_string",
  "has_own_property",
  "value_of",
  "is_prototype_of",
  "__proto__",
  "prototype",
  "then",
  "length",
  "name",
  "arguments",
  "class",
  "default",
  "m",
  "w",
  "r",
  "end",
  "k0",
  "f0",
  "B",
  "K",
];

test("names of Object's members and of JavaScript's own words are names like any other", () => {
  const fields = NAMES.map((name, i) => `string ${name} = ${i + 1};`).join(" ");
  const type = codecOf(`syntax = "proto3"; message Trap { ${fields} }`);
  assert.deepStrictEqual(
    Object.values(type.decode(type.encode({}))).filter((value) => value !== ""),
    [],
  );
  const given = Object.fromEntries(type.fields.map((field, i) => [field.property, `v${i}`]));
  const decoded = type.decode(type.encode(given));
  assert.deepStrictEqual(decoded, given);
  assert.equal(Object.getPrototypeOf(decoded), Object.prototype);
  assert.equal(Object.hasOwn(decoded, "constructor"), true);
});

test("names of Object's members: as explicit fields, lists, maps, oneofs and cases", () => {
  const type = codecOf(
    `syntax = "proto3"; message T { optional string to_string = 1; repeated int32 value_of = 2;
      map<string, int32> has_own_property = 3; oneof constructor { string is_prototype_of = 4; int32 to_locale_string = 5; } }`,
  );
  const empty = { toString: undefined, valueOf: [], hasOwnProperty: new Map(), constructor: { case: undefined } };
  assert.deepStrictEqual(type.decode(type.encode({})), empty);
  const full = {
    toString: "s",
    valueOf: [1],
    hasOwnProperty: new Map([
      ["__proto__", 1],
      ["constructor", 2],
    ]),
    constructor: { case: "isPrototypeOf", value: "x" },
  };
  assert.deepStrictEqual(type.decode(type.encode(full)), full);
});

/** A message whose names no parser has seen. */
function declaredWith(name: string, fields: readonly Partial<DeclaredField>[]): DeclaredMessage {
  const declared = { comment: undefined, deprecated: false };
  const rest: Omit<DeclaredField, "name" | "type" | "number"> = {
    ...{ ...declared, mapKey: undefined, repeated: false, packed: false, delimited: false, checkUtf8: true },
    ...{ presence: "implicit", jstype: undefined, defaultValue: undefined, oneof: undefined, jsonName: "" },
  };
  const all = fields.map((field, i): DeclaredField => ({
    ...rest,
    name: "",
    type: "string",
    number: i + 1,
    ...field,
  }));
  const [messages, enums, services, extensions] = [new Map(), new Map(), new Map(), new Map()];
  const declarations = { messages, enums, services, extensions };
  return { ...declared, kind: "message", name, fullName: `x.${name}`, file: "x.proto", fields: all, declarations };
}

test("a property called __proto__ never reaches the prototype", () => {
  const type = messageCodec(declaredWith("T", [{ name: "__proto__" }, { name: "_proto__" }]));
  const decoded = type.decode(hex("0a 01 61"));
  assert.equal(Object.getPrototypeOf(decoded), Object.prototype);
});

test("two names that differ in underscores only keep their own form", () => {
  const type = codecOf(
    'syntax = "proto2"; message M { optional int32 a_b = 1; optional int32 aB = 2; optional int32 c_d = 3; }',
  );
  assert.deepStrictEqual(type.decode(type.encode({ a_b: 1, aB: 2, cD: 3 })), { a_b: 1, aB: 2, cD: 3 });
});

test("types may refer to each other in circles", () => {
  const text =
    'syntax = "proto3"; message A { B b = 1; int32 n = 2; } message B { repeated A a = 1; map<string, B> m = 2; }';
  const type = codecOf(text, "A");
  const value = {
    n: 1,
    b: { a: [{ n: 2, b: { a: [], m: new Map([["x", { a: [], m: new Map() }]]) } }], m: new Map() },
  };
  assert.deepStrictEqual(type.decode(type.encode(value)), value);
});

test("field numbers up to the largest, and names after numbers, work", () => {
  const type = codecOf(
    'syntax = "proto3"; message M { string high = 536870911; string _1 = 2; message 0x { } }'.replace(
      "message 0x { }",
      "",
    ),
  );
  assert.deepStrictEqual(type.decode(type.encode({ high: "a", 1: "b" })), { 1: "b", high: "a" });
});

test("a message with hundreds of fields works", () => {
  const fields = Array.from({ length: 600 }, (_, i) => `optional int64 field_${i} = ${i + 1};`).join("");
  const type = codecOf(`syntax = "proto3"; message Wide { ${fields} }`);
  const value = Object.fromEntries(
    Array.from({ length: 600 }, (_, i) => [`field${i}`, i % 3 === 0 ? BigInt(i) : undefined]),
  );
  assert.deepStrictEqual(type.decode(type.encode(value)), value);
});

test("text of a schema can never become code", () => {
  // The parser refuses such names; a descriptor from a stranger need not have gone through it.
  const evil = '"]; globalThis.pwned = true; //';
  const fields = [{ name: evil }, { name: "`${globalThis.pwned = 1}`\u2028", type: "int32" }] as const;
  const type = messageCodec(declaredWith(evil, fields));
  const [first] = type.fields;
  const decoded = type.decode(type.encode({ [(first as { property: string }).property]: "x" }));
  assert.equal(decoded[(first as { property: string }).property], "x");
  assert.throws(() => type.encode({ [(first as { property: string }).property]: 5 }), TypeError);
  assert.equal("pwned" in globalThis, false);
});

// Against protobufjs: the same values must give the same bytes, and its bytes must be read.

const text = fc.string({ unit: "grapheme", maxLength: 60 });
const int32 = fc.oneof(fc.integer(), fc.integer({ min: -2, max: 300 }));
const uint32 = fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.integer({ min: 0, max: 300 }));
const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -2n, max: 300n }));
const uint64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 300n }));
const VALUES: Record<string, fc.Arbitrary<unknown>> = {
  double: fc.double(),
  float: fc.float(),
  int32,
  uint32,
  sint32: int32,
  fixed32: uint32,
  sfixed32: int32,
  int64,
  uint64,
  sint64: int64,
  fixed64: uint64,
  sfixed64: int64,
  bool: fc.boolean(),
  string: text,
  bytes: fc.uint8Array({ maxLength: 50 }),
};

/** The value as protobufjs wants it: 64-bit integers as decimal strings, through its own conversion. */
function forPeer(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(forPeer);
  return value;
}

for (const [message, prefix, list] of [
  ["Implicit", "f", false],
  ["Optional", "o", false],
  ["Repeated", "r", true],
  ["Unpacked", "u", true],
] as const) {
  const ours = codec(`t.${message}`);
  const theirs = peer(`t.${message}`);
  const keys = Object.keys(VALUES);
  const property = (key: string): string => prefix + key.charAt(0).toUpperCase() + key.slice(1);
  const arbitrary = fc.record(
    Object.fromEntries(
      keys.map((key) => {
        const value = VALUES[key] as fc.Arbitrary<unknown>;
        return [property(key), list ? fc.array(value, { maxLength: 20 }) : value];
      }),
    ),
    { requiredKeys: [] },
  );

  test(`${message}: the same bytes as protobufjs`, () => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        const converted = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, forPeer(one)]));
        const expected = theirs.encode(theirs.fromObject(converted)).finish();
        assert.equal(toHex(ours.encode(value)), toHex(expected));
      }),
    );
  });

  test(`${message}: every value comes back`, () => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        const decoded = ours.decode(ours.encode(value));
        for (const [key, one] of Object.entries(value)) assert.deepStrictEqual(decoded[key], one);
        for (const key of Object.keys(decoded)) {
          if (!(key in value) && list) assert.deepStrictEqual(decoded[key], []);
        }
      }),
    );
  });
}

test("Repeated and Unpacked read each other's bytes", () => {
  const packed = codec("t.Repeated");
  const unpacked = codec("t.Unpacked");
  const value = { rInt32: [1, -1, 300], rSint64: [5n, -5n], rBool: [true, false], rDouble: [0.5, NaN], rFixed32: [7] };
  const other = unpacked.decode(packed.encode(value));
  for (const [key, one] of Object.entries(value)) assert.deepStrictEqual(other[key.replace("r", "u")], one);
  const back = packed.decode(unpacked.encode(other));
  for (const [key, one] of Object.entries(value)) assert.deepStrictEqual(back[key], one);
});

test("Order: the same bytes as protobufjs for nested messages, maps and oneofs", () => {
  const theirs = peer("order.Order");
  const address = fc.record({ address: text, type: fc.integer() }, { requiredKeys: [] });
  const arbitrary = fc.record(
    {
      id: text,
      addresses: fc.array(address, { maxLength: 4 }),
      parent: fc.record({ id: text, parent: fc.record({ items: fc.array(text, { maxLength: 3 }) }) }),
      orderList: fc.array(fc.record({ price: fc.float() }), { maxLength: 3 }),
      labels: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.integer(), { noNullPrototype: true }),
      types: fc.array(fc.integer(), { maxLength: 5 }),
      pointCount: fc.integer(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(arbitrary, fc.option(text), (value, card) => {
      const payment = card === null ? undefined : { case: "cardNumber", value: card };
      const bytes = Order.encode({ ...value, payment });
      const theirsValue = { ...value, ...(card === null ? {} : { cardNumber: card }) };
      assert.equal(toHex(bytes), toHex(theirs.encode(theirs.fromObject(theirsValue)).finish()));
      assert.deepStrictEqual(Order.encode(Order.decode(bytes)), bytes);
    }),
  );
});

test("decode never does anything but give a message or throw an Error, whatever the bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      for (const type of [Order, codec("p2.Old"), codec("t.Repeated"), codec("t.Implicit")]) {
        let message: Record<string, unknown>;
        try {
          message = type.decode(bytes);
        } catch (error) {
          assert.match((error as Error).message, /^Cannot decode /);
          continue;
        }
        const again = type.encode(message);
        assert.deepStrictEqual(type.encode(type.decode(again)), again);
      }
    }),
    { numRuns: 2000 },
  );
});

test("decode of a valid message with one byte changed gives a message or an Error, and leaves the shared values alone", () => {
  const bytes = Order.encode({
    id: "x",
    items: ["a"],
    addresses: [{ address: "b", type: 1 }],
    labels: { c: 1 },
    byNumber: { 5: { address: "d" } },
    payment: { case: "billTo", value: { type: 1 } },
    types: [1, 2],
    parent: { parent: { id: "e" } },
  });
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ (1 << bit);
      try {
        Order.decode(changed);
      } catch (error) {
        assert.match((error as Error).message, /^Cannot decode order\.Order: /);
      }
    }
  }
  assert.equal(EMPTY_LIST.length, 0);
  assert.equal(EMPTY_MAP.size, 0);
});

test("decode of a valid message cut at every byte gives a message or an Error", () => {
  const bytes = Order.encode({ id: "x", items: ["a"], addresses: [{ address: "b" }], labels: { c: 1 }, types: [1, 2] });
  for (let cut = 0; cut < bytes.length; cut++) {
    try {
      const again = Order.encode(Order.decode(bytes.subarray(0, cut)));
      assert.deepStrictEqual(Order.encode(Order.decode(again)), again, `cut at ${cut}`);
    } catch (error) {
      assert.match((error as Error).message, /^Cannot decode order\.Order: /, `cut at ${cut}`);
    }
  }
});

test("decode allocates nothing for lengths that are claimed and do not come", () => {
  const before = process.memoryUsage();
  for (let field = 1; field < 40; field++) {
    for (const length of ["ffffffff07", "ffffffff0f", "ffffffffffffffff7f", "ffffffffffffffffff01"]) {
      const bytes = Buffer.concat([
        Buffer.from(field < 16 ? [field * 8 + 2] : [((field * 8 + 2) & 0x7f) | 0x80, field >> 4]),
        Buffer.from(length, "hex"),
      ]);
      assert.throws(() => Order.decode(bytes), /^Error: Cannot decode order\.Order: /);
    }
  }
  const after = process.memoryUsage();
  assert.ok(after.arrayBuffers - before.arrayBuffers < 1 << 20, "no buffer was made");
  assert.ok(after.heapUsed - before.heapUsed < 16 << 20, "no list was made");
});
