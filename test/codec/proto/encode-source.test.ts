/** Compiled encoders: what is accepted, what bytes it becomes, and how a wrong value is named. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadProto } from "../../../src/codec/proto/load.js";
import { codec, codecOf, schema, toHex } from "./schemas.js";

const Order = codec("order.Order");
const Old = codec("p2.Old");
const Implicit = codec("t.Implicit");

/** The error that encoding `message` must end with. */
function refusal(message: unknown, type = Order): string {
  try {
    type.encode(message as Record<string, unknown>);
  } catch (error) {
    assert.ok(error instanceof TypeError, String(error));
    return error.message;
  }
  return assert.fail("it was accepted");
}

test("a wrong value is named by its path, with what was wanted and what came", () => {
  assert.equal(
    refusal({ addresses: [{}, {}, { type: "CASTLE" }] }),
    'Cannot encode order.Order: addresses[2].type must be an AddressType (number or name): current value is "CASTLE"',
  );
  assert.equal(refusal({ id: 5 }), "Cannot encode order.Order: id must be a string: current value is 5");
  assert.match(
    refusal({ parent: { parent: { items: ["a", 1] } } }),
    /: parent\.parent\.items\[1\] must be a string: current value is 1$/,
  );
  assert.match(
    refusal({ orderList: [{ lastUpdated: { nanos: 1.5 } }] }),
    /: orderList\[0\]\.lastUpdated\.nanos must be an integer/,
  );
});

test("a wrong value in a map is named by its key", () => {
  assert.match(refusal({ labels: { "a b": "1" } }), /: labels\["a b"\] must be an integer .*: current value is "1"$/);
  assert.match(refusal({ byNumber: new Map([[5n, { type: true }]]) }), /: byNumber\[5\]\.type must be an AddressType/);
  assert.match(
    refusal({ byNumber: [[5, null]] }),
    /: byNumber\[5\] must be an object \(order\.Order\.Address\): current value is null/,
  );
  assert.match(refusal({ byFlag: new Map([[true, "X"]]) }), /: byFlag\[true\] must be an AddressType/);
  assert.match(refusal({ labels: { a: undefined } }), /: labels\["a"\] must be an integer/);
});

test("a wrong key of a map is refused", () => {
  assert.match(refusal({ labels: new Map([[1, 1]]) }), /: labels\[1\] must be keyed by a string: current value is 1$/);
  assert.match(
    refusal({ byNumber: { x: {} } }),
    /: byNumber\["x"\] must be keyed by a bigint, safe integer or decimal string/,
  );
  assert.match(refusal({ byFlag: { yes: 1 } }), /: byFlag\["yes"\] must be keyed by a boolean/);
  assert.match(refusal({ byCode: { "-1": "" } }), /: byCode\[-1\] must be keyed by an integer from 0/);
  assert.match(refusal({ byCode: { "01": "" } }), /: byCode\["01"\] must be keyed by/);
});

test("a wrong value of a oneof is named by case and value", () => {
  assert.match(refusal({ payment: "cash" }), /: payment must be an object \{ case, value \}: current value is "cash"$/);
  assert.match(
    refusal({ payment: { case: "gold" } }),
    /: payment\.case must be one of "cardNumber", "billTo", "inCash", "at": current value is "gold"$/,
  );
  assert.match(
    refusal({ payment: { case: "cardNumber", value: 5 } }),
    /: payment\.value must be a string: current value is 5$/,
  );
  assert.match(
    refusal({ payment: { case: "billTo", value: { address: 1 } } }),
    /: payment\.value\.address must be a string/,
  );
});

test("what is not a message is refused", () => {
  for (const [value, shown] of [
    [5, "5"],
    [null, "null"],
    [undefined, "undefined"],
    ["text", '"text"'],
    [[{}], "an array"],
    [() => 1, "a function"],
    [true, "true"],
    [Symbol("s"), "Symbol(s)"],
  ] as const) {
    assert.equal(
      refusal(value),
      `Cannot encode order.Order: it must be an object (order.Order): current value is ${shown}`,
    );
  }
  assert.match(refusal({ parent: 5 }), /: parent must be an object \(order\.Order\): current value is 5/);
  assert.match(refusal({ parent: [] }), /current value is an array/);
  assert.match(refusal({ addresses: [null] }), /: addresses\[0\] must be an object/);
});

test("an object of another kind is refused instead of being taken for an empty message", () => {
  assert.match(refusal(Promise.resolve({})), /it must be an object \(order\.Order\): current value is a Promise/);
  assert.match(refusal(new Map([["id", "x"]])), /current value is a Map/);
  assert.match(refusal(new Set()), /current value is a Set/);
  assert.match(refusal(new Uint8Array(1)), /current value is a Uint8Array/);
  assert.match(refusal(Buffer.from("x")), /current value is an ArrayBuffer/, "Buffer has a property called parent");
  assert.match(
    refusal({ lastUpdated: new Date() }),
    /: lastUpdated must be an object \(google\.protobuf\.Timestamp\): current value is a Date/,
  );
});

test("class instances, getters, null prototypes and extra properties are accepted", () => {
  class Mine {
    extra = () => 1;
    get id(): string {
      return "x";
    }
  }
  assert.equal(toHex(Order.encode(new Mine() as unknown as Record<string, unknown>)), "0a 01 78");
  assert.equal(
    toHex(Order.encode(Object.assign(Object.create(null), { id: "x" }) as Record<string, unknown>)),
    "0a 01 78",
  );
  assert.equal(Order.encode({ id: "", unheard: 1, of: "things" }).length, 0);
  assert.equal(Order.encode(Object.create({ id: undefined }) as Record<string, unknown>).length, 0);
});

test("an object that has nothing but properties of something else is refused", () => {
  assert.match(refusal({ timeoutMs: 5 }), /: timeoutMs must be a field of order\.Order \(id, .*\): current value is 5/);
});

test("a field under its name in the .proto, or a member beside its oneof, is refused, as its value would be lost", () => {
  const schema = loadProto({
    "spelling.proto": `syntax = "proto3"; package spelling;
      message Book { string id = 1; int32 page_count = 2; oneof media { bytes pdf = 3; string web_url = 4; } }`,
  });
  const Book = schema.message("spelling.Book");
  const given = (book: Record<string, unknown>) => () => Book.encode(book);
  assert.throws(given({ id: "1", page_count: 2 }), /Book: page_count must be given as pageCount: current value is 2/);
  assert.throws(
    given({ id: "1", pdf: new Uint8Array(1) }),
    /Book: pdf must be given as media: \{ case: "pdf", value \}/,
  );
  assert.throws(given({ id: "1", web_url: "x" }), /Book: web_url must be given as media: \{ case: "webUrl", value \}/);
  given({ id: "1", pageCount: 2, media: { case: "webUrl", value: "x" } })();
});

test("null and undefined are absent, for every kind of field", () => {
  for (const nothing of [null, undefined]) {
    const names = Order.properties.map(({ property }) => property);
    assert.equal(Order.encode(Object.fromEntries(names.map((name) => [name, nothing]))).length, 0);
    assert.equal(Order.encode({ payment: { case: nothing } }).length, 0);
    assert.equal(Order.encode({ payment: { case: "inCash", value: nothing } }).length, 0);
    assert.equal(Old.encode({ part: nothing, count: nothing }).length, 0);
  }
});

test("int32, uint32: integers in range only", () => {
  for (const value of [2 ** 31, -(2 ** 31) - 1, 0.5, NaN, Infinity, "1", 1n, true, {}, new Number(1)]) {
    for (const name of ["fInt32", "fSint32", "fSfixed32"]) {
      assert.match(refusal({ [name]: value }, Implicit), /must be an integer from -2147483648 to 2147483647/);
    }
  }
  for (const value of [-1, 2 ** 32, 0.5, NaN, "1"]) {
    for (const name of ["fUint32", "fFixed32"]) {
      assert.match(refusal({ [name]: value }, Implicit), /must be an integer from 0 to 4294967295/);
    }
  }
  assert.match(refusal({ pointCount: 1.5 }), /pointCount must be an integer/);
});

test("64-bit integers: bigints, safe integers and decimal strings in range", () => {
  for (const name of ["fInt64", "fSint64", "fSfixed64", "fUint64", "fFixed64"]) {
    const bytes = toHex(Implicit.encode({ [name]: 12_345n }));
    assert.equal(toHex(Implicit.encode({ [name]: 12_345 })), bytes);
    assert.equal(toHex(Implicit.encode({ [name]: "12345" })), bytes);
    for (const value of [2n ** 64n, 2 ** 53, 0.5, "x", "", true, false]) {
      assert.match(refusal({ [name]: value }, Implicit), /must be a bigint, safe integer or decimal string/);
    }
    for (const zero of [0n, 0, "0", "-0", -0]) assert.equal(Implicit.encode({ [name]: zero }).length, 0);
  }
  assert.match(refusal({ fInt64: 2n ** 63n }, Implicit), /current value is 9223372036854775808n/);
  assert.match(refusal({ fUint64: -1n }, Implicit), /from 0 to 2\^64-1: current value is -1n/);
});

test("booleans are booleans, strings are strings, bytes are Uint8Arrays", () => {
  for (const value of [0, 1, "true", {}]) assert.match(refusal({ fBool: value }, Implicit), /fBool must be a boolean/);
  for (const value of [0, new String("x"), ["x"], Buffer.from("x")]) {
    assert.match(refusal({ fString: value }, Implicit), /fString must be a string/);
  }
  for (const value of ["x", [1], new Uint16Array(1), new ArrayBuffer(1), 5]) {
    assert.match(refusal({ fBytes: value }, Implicit), /fBytes must be a Uint8Array/);
  }
  assert.equal(toHex(Implicit.encode({ fBytes: Buffer.from("a") })), "7a 01 61");
});

test("float and double: any number, but no double that becomes infinite as a float", () => {
  for (const value of [NaN, Infinity, -Infinity, 3.4028234663852886e38, 1e-60]) {
    assert.equal(Implicit.encode({ fFloat: value }).length, Object.is(value, 0) ? 0 : 5);
    assert.equal(Implicit.encode({ fDouble: value }).length, 9);
  }
  assert.match(
    refusal({ fFloat: 1e39 }, Implicit),
    /fFloat must be a number in the range of a 32-bit float: current value is 1e\+39/,
  );
  assert.match(refusal({ fDouble: "1" }, Implicit), /fDouble must be a number/);
});

test("default values are not written where presence is implicit; -0 is no default", () => {
  const defaults = {
    fDouble: 0,
    fInt32: 0,
    fInt64: 0n,
    fBool: false,
    fString: "",
    fBytes: new Uint8Array(),
    fInt64x: 0,
  };
  assert.equal(Implicit.encode(defaults).length, 0);
  assert.equal(toHex(Implicit.encode({ fFloat: -0 })), "15 00 00 00 80");
  assert.equal(toHex(Implicit.encode({ fDouble: -0 })), "09 00 00 00 00 00 00 00 80");
  assert.equal(Implicit.encode({ fInt32: -0 }).length, 0);
});

test("default values are written where presence is explicit", () => {
  const Optional = codec("t.Optional");
  const values = { oDouble: 0, oInt32: 0, oInt64: 0n, oBool: false, oString: "", oBytes: new Uint8Array() };
  const decoded = Optional.decode(Optional.encode(values));
  for (const [name, value] of Object.entries(values)) assert.deepStrictEqual(decoded[name], value);
  assert.equal(decoded["oFloat"], undefined);
  assert.equal(toHex(Order.encode({ payment: { case: "inCash", value: false } })), "70 00");
  assert.equal(toHex(Order.encode({ parent: {} })), "a2 01 00");
});

test("enums: names, aliases and any 32-bit number", () => {
  assert.equal(
    toHex(Order.encode({ types: ["WORK", "OFFICE", "HOME", 77, "MOON"] })),
    "9a 01 0e 01 01 00 4d ff ff ff ff ff ff ff ff ff 01",
  );
  for (const value of [1.5, 2 ** 31, true, {}, "work"]) {
    assert.match(refusal({ types: [value] }), /types\[0\] must be an AddressType \(number or name\)/);
  }
});

test("repeated fields: any iterable but strings", () => {
  const bytes = toHex(Order.encode({ items: ["a", "b"] }));
  assert.equal(toHex(Order.encode({ items: new Set(["a", "b"]) })), bytes);
  assert.equal(
    toHex(
      Order.encode({
        items: (function* () {
          yield* ["a", "b"];
        })(),
      }),
    ),
    bytes,
  );
  assert.equal(toHex(codec("t.Repeated").encode({ rDouble: new Float64Array([1]) })), "0a 08 00 00 00 00 00 00 f0 3f");
  for (const value of ["ab", 5, {}, true])
    assert.match(refusal({ items: value }), /: items must be an iterable of string values/);
  assert.match(refusal({ addresses: {} }), /an iterable of objects \(order\.Order\.Address\)/);
  assert.match(refusal({ types: 5 }), /an iterable of order\.Order\.AddressType numbers or names/);
  // oxlint-disable-next-line no-sparse-arrays -- a hole is what is tested
  assert.match(refusal({ items: ["a", , "b"] }), /: items\[1\] must be a string: current value is undefined/);
});

test("repeated fields: the path of a generator's item is found although it cannot be walked twice", () => {
  const items = (function* () {
    yield { address: "a" };
    yield { address: 5 };
  })();
  assert.match(refusal({ addresses: items }), /: addresses\[1\]\.address must be a string: current value is 5/);
});

test("maps: Map, object and entries give the same bytes", () => {
  const bytes = toHex(
    Order.encode({
      labels: new Map([
        ["a", 1],
        ["b", 0],
      ]),
    }),
  );
  assert.equal(bytes, "42 05 0a 01 61 10 01 42 05 0a 01 62 10 00");
  assert.equal(toHex(Order.encode({ labels: { a: 1, b: 0 } })), bytes);
  assert.equal(
    toHex(
      Order.encode({
        labels: [
          ["a", 1],
          ["b", 0],
        ],
      }),
    ),
    bytes,
  );
  assert.equal(
    toHex(
      Order.encode({
        labels: new Map([
          ["a", 1],
          ["b", 0],
        ]).entries(),
      }),
    ),
    bytes,
  );
  assert.equal(toHex(Order.encode({ labels: Object.assign(Object.create(null), { a: 1, b: 0 }) as object })), bytes);
});

test("maps: the names of an object's properties become keys of the key's type", () => {
  const decoded = Order.decode(
    Order.encode({ byNumber: { "-5": {} }, byFlag: { true: 1, false: 0 }, byCode: { 7: "x", 0: "y" } }),
  );
  assert.deepStrictEqual(decoded["byNumber"], new Map([[-5n, { address: "", type: 0 }]]));
  assert.deepStrictEqual(
    decoded["byFlag"],
    new Map([
      [true, 1],
      [false, 0],
    ]),
  );
  assert.deepStrictEqual(
    decoded["byCode"],
    new Map([
      [0, "y"],
      [7, "x"],
    ]),
  );
});

test("maps: what is none is refused", () => {
  for (const value of [5, "ab", true, new Uint8Array(1)]) {
    assert.match(refusal({ labels: value }), /: labels must be a Map, an object or an iterable of entries/);
  }
  assert.match(refusal({ labels: ["ab"] }), /: labels\[0\] must be an entry \[key, value\]: current value is "ab"/);
  assert.match(refusal({ labels: [["a"]] }), /: labels\[0\] must be an entry/);
});

test("fields are written in the order of their numbers, whatever the schema's order", () => {
  const type = codecOf(
    'syntax = "proto3"; message M { int32 c = 3; oneof o { int32 d = 4; int32 a = 1; } int32 b = 2; }',
  );
  assert.equal(toHex(type.encode({ c: 3, b: 2, o: { case: "a", value: 1 } })), "08 01 10 02 18 03");
  assert.equal(toHex(type.encode({ c: 3, b: 2, o: { case: "d", value: 4 } })), "10 02 18 03 20 04");
});

test("strings: every length and every kind of character; a lone surrogate becomes U+FFFD", () => {
  for (const character of ["a", "é", "€", "😀"]) {
    for (const length of [1, 12, 13, 39, 40, 41, 42, 43, 63, 64, 127, 128, 129, 200, 20_000]) {
      const text = character.repeat(length);
      assert.equal(Implicit.decode(Implicit.encode({ fString: text }))["fString"], text);
      assert.equal(Implicit.decode(Implicit.encode({ fString: `x${text}` }))["fString"], `x${text}`);
    }
  }
  for (const length of [0, 10, 50, 500]) {
    const padding = "p".repeat(length);
    const text = `${padding}\uD800!`;
    assert.equal(Implicit.decode(Implicit.encode({ fString: text }))["fString"], `${padding}\uFFFD!`);
  }
  assert.equal(Implicit.decode(Implicit.encode({ fString: "\uFEFFbom" }))["fString"], "\uFEFFbom");
});

test("cyclic and very deep messages are refused instead of overflowing the stack", () => {
  const loop: Record<string, unknown> = { id: "x" };
  loop["parent"] = loop;
  const message = refusal(loop);
  assert.match(message, /must be nested at most 100 messages deep: current value is an object/);
  assert.ok(message.length < 700);
});

test("messages nested 100 deep are written and read", () => {
  let order: Record<string, unknown> = { id: "innermost" };
  for (let i = 0; i < 100; i++) order = { parent: order };
  let decoded: unknown = Order.decode(Order.encode(order));
  for (let i = 0; i < 100; i++) decoded = (decoded as { parent: unknown }).parent;
  assert.equal((decoded as { id: string }).id, "innermost");
  assert.throws(() => Order.encode({ parent: order }), TypeError);
});

test("an error thrown by the application's own getter or iterator comes out as it is", () => {
  const own = new RangeError("mine");
  const message = {
    parent: {
      get id(): string {
        throw own;
      },
    },
  };
  assert.throws(
    () => Order.encode(message),
    (error) => error === own,
  );
});

test("long values and paths are cut in errors", () => {
  assert.ok(refusal({ price: "x".repeat(10_000) }).length < 250);
  assert.ok(refusal({ labels: { ["k".repeat(10_000)]: "x" } }).length < 350);
});

test("proto2: groups, closed enums, packed options and unpacked defaults", () => {
  assert.equal(toHex(Old.encode({ part: { size: 5 }, row: [{ cell: "a" }, {}] })), "3b 08 05 3c 43 0a 01 61 44 43 44");
  assert.equal(toHex(Old.encode({ colours: ["RED", 2], packedColours: [1, "GREEN"] })), "20 01 20 02 2a 02 01 02");
  assert.equal(toHex(Old.encode({ numbers: [1, 2] })), "58 01 58 02");
  assert.match(refusal({ colour: 7 }, Old), /colour must be a Colour \(number or name\): current value is 7/);
  assert.match(
    refusal({ part: { inner: { row: [{ cell: 1 }] } } }, Old),
    /: part\.inner\.row\[0\]\.cell must be a string/,
  );
});

test("proto2: a required field must be there when written, and may be absent when read", () => {
  const Strict = codec("p2.Strict");
  assert.match(refusal({}, Strict), /: id must be present as it is required: current value is undefined/);
  assert.equal(toHex(Strict.encode({ id: 0 })), "08 00");
  assert.deepStrictEqual(Strict.decode(new Uint8Array()), { id: undefined });
});

test("editions: delimited messages and implicit presence", () => {
  const type = codecOf(
    `edition = "2023"; message M { M inner = 1 [features.message_encoding = DELIMITED]; int32 n = 2 [features.field_presence = IMPLICIT]; int32 e = 3; }`,
  );
  assert.equal(toHex(type.encode({ inner: { n: 1 }, n: 0, e: 0 })), "0b 10 01 0c 18 00");
  assert.deepStrictEqual(type.decode(type.encode({ inner: {} })), {
    inner: { inner: undefined, n: 0, e: undefined },
    n: 0,
    e: undefined,
  });
});

test("a codec is compiled once and only when it is used", () => {
  const type = schema.codec("t.Implicit");
  const { write } = type;
  type.encode({});
  assert.equal(type.write, write);
});
