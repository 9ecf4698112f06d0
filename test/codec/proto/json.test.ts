/** Messages in JSON and back: every kind of field, the options, what is refused, and agreement with another implementation. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import protobuf from "protobufjs";
import protojson from "protobufjs/ext/protojson.js";
import { packAny } from "../../../src/codec/proto/any.js";
import {
  fromJson,
  fromJsonString,
  toJson,
  toJsonString,
  type FromJsonOptions,
  type ToJsonOptions,
} from "../../../src/codec/proto/json.js";
import type { JsonValue } from "../../../src/codec/proto/json-text.js";
import { loadProto } from "../../../src/codec/proto/load.js";
import type { MessageCodec } from "../../../src/codec/proto/message.js";
import { arbitraryMessage } from "./arbitrary-message.js";
import { codec, codecOf, scalarsText } from "./schemas.js";

const WELL_KNOWN = ["any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"];
const IMPORTS = WELL_KNOWN.map((name) => `import "google/protobuf/${name}.proto";`).join("\n");

/** Everything the mapping has a rule for. */
const HARD = `syntax = "proto3"; package hard;
${IMPORTS}
import "scalars.proto";
enum Mood { CALM = 0; ANGRY = 1; CROSS = 1; option allow_alias = true; COLD = -3; }
message Hard {
  t.Implicit implicit = 1;
  t.Optional optional = 2;
  t.Repeated repeated = 3;
  Mood mood = 4;
  optional Mood second_mood = 5;
  repeated Mood moods = 6;
  map<string, Mood> by_text = 7;
  map<bool, double> by_flag = 8;
  map<sint32, bytes> by_int = 9;
  map<uint64, Hard> by_long = 10;
  map<fixed32, float> by_fixed = 11;
  oneof choice { int64 number = 12; string text = 13; Hard hard = 14; Mood feeling = 15; google.protobuf.NullValue nothing = 16; google.protobuf.Value anything = 17; }
  Hard parent = 20;
  repeated Hard children = 21;
  string renamed = 22 [json_name = "@other"];
  int32 odd__name_ = 23;
  google.protobuf.Timestamp at = 30;
  google.protobuf.Duration lasts = 31;
  google.protobuf.FieldMask mask = 32;
  google.protobuf.Struct struct = 33;
  google.protobuf.Value value = 34;
  google.protobuf.ListValue list = 35;
  google.protobuf.Empty empty = 36;
  google.protobuf.Any any = 37;
  google.protobuf.DoubleValue double_value = 40;
  google.protobuf.FloatValue float_value = 41;
  google.protobuf.Int64Value int64_value = 42;
  google.protobuf.UInt64Value uint64_value = 43;
  google.protobuf.Int32Value int32_value = 44;
  google.protobuf.UInt32Value uint32_value = 45;
  google.protobuf.BoolValue bool_value = 46;
  google.protobuf.StringValue string_value = 47;
  google.protobuf.BytesValue bytes_value = 48;
  repeated google.protobuf.Value values = 50;
  repeated google.protobuf.Timestamp times = 51;
  map<string, google.protobuf.Value> value_by_name = 52;
  repeated google.protobuf.StringValue texts = 53;
}`;

const schema = loadProto({ "scalars.proto": scalarsText, "hard.proto": HARD });
const Hard = schema.codec("hard.Hard");
const Order = codec("order.Order");
const Old = codec("p2.Old");

function decoded(type: MessageCodec, message: Record<string, unknown>): Record<string, unknown> {
  return type.decode(type.encode(message));
}

/** protobufjs drops the sign of a zero. */
function withoutSignedZeros<T>(value: T): T {
  if (Object.is(value, -0)) return 0 as T;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(withoutSignedZeros) as T;
  if (value instanceof Map) return new Map([...value].map((entry) => withoutSignedZeros(entry))) as T;
  return Object.fromEntries(Object.entries(value).map((entry) => withoutSignedZeros(entry))) as T;
}

/** Both directions: `message` is written as `json`, and `json` is read as `message`. */
function bothWays(type: MessageCodec, message: Record<string, unknown>, json: JsonValue): void {
  assert.deepEqual(toJson(type, message), json);
  assert.deepEqual(fromJson(type, json), decoded(type, message));
}

function refused(type: MessageCodec, json: unknown, text: string, options?: FromJsonOptions): void {
  assert.throws(
    () => fromJson(type, json, options),
    (error) => error instanceof TypeError && error.message === `Cannot read ${type.typeName} from JSON: ${text}`,
    text,
  );
}

describe("toJson and fromJson", () => {
  test("an empty message is an empty object, and reads as a decoder gives it", () => {
    bothWays(Order, {}, {});
    assert.deepStrictEqual(fromJson(Order, {}), Order.decode(new Uint8Array()));
  });

  test("names are camelCase or the json_name, integers of 64 bits strings, bytes base64, enums names", () => {
    bothWays(
      Order,
      {
        id: "o-1",
        items: ["a", ""],
        price: 0.1,
        addresses: [{ address: "x", type: 1 }, {}],
        labels: new Map([["b", 2]]),
        byNumber: new Map([[-5n, { address: "y" }]]),
        byFlag: new Map([[false, 1]]),
        payment: { case: "cardNumber", value: "" },
        pointCount: 0,
        signature: Uint8Array.of(251, 255, 0),
        types: [0, -1, 77],
      },
      {
        id: "o-1",
        items: ["a", ""],
        price: 0.1,
        addresses: [{ address: "x", type: "WORK" }, {}],
        labels: { b: 2 },
        byNumber: { "-5": { address: "y" } },
        byFlag: { false: "WORK" },
        cardNumber: "",
        pointCount: 0,
        signature: "+/8A",
        types: ["HOME", "MOON", 77],
      },
    );
    bothWays(Hard, { renamed: "x", odd_Name: undefined }, { "@other": "x" });
  });

  test("what is given in another form is written as what would be sent", () => {
    assert.deepEqual(toJson(Order, { addresses: [{ type: "OFFICE" }], byNumber: { 7: {} }, price: 1e-50 }), {
      addresses: [{ type: "WORK" }],
      byNumber: { 7: {} },
    });
    assert.throws(
      () => toJson(Order, { addresses: [{ type: "NOWHERE" }] }),
      /Cannot encode order\.Order: addresses\[0\]\.type/,
    );
  });

  test("both names of a field are read, but not together; where names meet the JSON name counts", () => {
    assert.deepEqual(fromJson(Order, { last_updated: "1970-01-01T00:00:01Z" })["lastUpdated"], {
      seconds: 1n,
      nanos: 0,
    });
    refused(
      Order,
      { point_count: 1, pointCount: null },
      'pointCount must be the only one of its field or oneof: point_count is there as well: current value is "pointCount"',
    );
    const swapped = codecOf(
      'syntax = "proto3"; message M { int32 a = 1 [json_name = "b"]; int32 b = 2 [json_name = "a"]; }',
    );
    assert.deepEqual(fromJson(swapped, { a: 1 }), { a: 0, b: 1 });
  });

  test("null is an absent field, but a value of google.protobuf.Value and NullValue; undefined is nothing", () => {
    assert.deepStrictEqual(
      fromJson(Order, {
        id: null,
        items: null,
        labels: null,
        pointCount: null,
        lastUpdated: null,
        cardNumber: null,
        price: undefined,
      }),
      Order.decode(new Uint8Array()),
    );
    bothWays(Hard, { value: { kind: { case: "nullValue", value: 0 } } }, { value: null });
    bothWays(Hard, { choice: { case: "nothing", value: 0 } }, { nothing: null });
    bothWays(Hard, { values: [{ kind: { case: "nullValue", value: 0 } }] }, { values: [null] });
    assert.deepEqual(
      fromJson(Hard, { nothing: "NULL_VALUE" }),
      decoded(Hard, { choice: { case: "nothing", value: 0 } }),
    );
    refused(Order, { items: ["a", null] }, "items[1] must be a string: current value is null");
    refused(
      Order,
      { addresses: [null] },
      "addresses[0] must be a plain object (order.Order.Address): current value is null",
    );
    refused(
      Order,
      { labels: { a: null } },
      'labels["a"] must be an integer from -2147483648 to 2147483647: current value is null',
    );
    refused(Hard, null, "it must be a plain object (hard.Hard): current value is null");
  });

  test("a oneof has one member", () => {
    assert.deepEqual(fromJson(Order, { inCash: null, cardNumber: "1" })["payment"], { case: "cardNumber", value: "1" });
    refused(
      Order,
      { inCash: false, cardNumber: "1" },
      'cardNumber must be the only one of its field or oneof: inCash is there as well: current value is "cardNumber"',
    );
  });

  test("a wrong value is named by its path", () => {
    refused(
      Order,
      { addresses: [{}, {}, { type: "NOWHERE" }] },
      'addresses[2].type must be an AddressType (name or number): current value is "NOWHERE"',
    );
    refused(
      Order,
      { parent: { orderList: [{ id: 5 }] } },
      "parent.orderList[0].id must be a string: current value is 5",
    );
    refused(
      Order,
      { byNumber: { x: {} } },
      'byNumber["x"] must be an integer from -2^63 to 2^63-1, as a string when beyond 2^53: current value is "x"',
    );
    refused(Order, { byFlag: { yes: 1 } }, 'byFlag["yes"] must be "true" or "false": current value is "yes"');
    refused(
      Order,
      { byCode: { 1: "a", "1.0": "b" } },
      'byCode["1.0"] must be a key that the map does not have already: current value is "1.0"',
    );
    refused(Order, { items: "abc" }, 'items must be an array: current value is "abc"');
    refused(Order, { labels: new Map() }, "labels must be a plain object: current value is a Map");
    refused(Order, { parent: new Date(0) }, "parent must be a plain object (order.Order): current value is a Date");
    refused(Order, [], "it must be a plain object (order.Order): current value is an array");
  });

  test("a name that means no field is refused with the nearest, or ignored on demand", () => {
    refused(
      Order,
      { pont_count: 1 },
      "pont_count must be a field of order.Order (did you mean point_count?): current value is 1",
    );
    refused(
      Hard,
      { empty: { a: 1 } },
      "empty.a must be a field of google.protobuf.Empty (it has none): current value is 1",
    );
    const strange = `\u001b[31m${"x".repeat(300)}`;
    assert.throws(
      () => fromJson(Order, { [strange]: 1 }),
      (error) => error instanceof TypeError && error.message.length < 300 && !error.message.includes("\u001b"),
    );
    const ignoring = { ignoreUnknown: true };
    assert.deepEqual(
      fromJson(
        Order,
        { id: "a", nope: [1], types: ["HOME", "NOWHERE"], byFlag: { true: "NOWHERE" }, at: "NOWHERE" },
        ignoring,
      ),
      decoded(Order, { id: "a", types: [0] }),
    );
    refused(Order, { id: 1 }, "id must be a string: current value is 1", ignoring);
  });

  test("names that every object has are fields and keys like any other", () => {
    const odd = codecOf(
      'syntax = "proto3"; message M { int32 constructor = 1; map<string, int32> m = 2; M toString = 3; }',
    );
    const json = JSON.parse('{"constructor": 5, "m": {"__proto__": 1, "constructor": 2}, "toString": {}}') as JsonValue;
    bothWays(
      odd,
      {
        constructor: 5,
        m: new Map([
          ["__proto__", 1],
          ["constructor", 2],
        ]),
        toString: {},
      },
      json,
    );
    assert.equal(JSON.stringify(toJson(odd, { m: new Map([["__proto__", 1]]) })), '{"m":{"__proto__":1}}');
    assert.throws(() => fromJsonString(odd, '{"__proto__": {"m": {}}}'), /\["__proto__"\]|__proto__ must be a field/);
    assert.deepEqual(fromJson(odd, {}), odd.decode(new Uint8Array()));
  });

  test("proto2: closed enums, groups and required fields", () => {
    bothWays(
      Old,
      { count: 7, colour: 2, part: { size: 1 }, row: [{ cell: "a" }] },
      { count: 7, colour: "GREEN", part: { size: 1 }, row: [{ cell: "a" }] },
    );
    refused(Old, { colour: 3 }, "colour must be a Colour (name or number): current value is 3");
    refused(codec("p2.Strict"), {}, "id must be present as it is required: current value is undefined");
  });

  test("emitDefaults writes what is absent without presence, useProtoNames the names of the .proto", () => {
    const written = toJson(Order, { byNumber: { 1: {} } }, { emitDefaults: true, useProtoNames: true });
    assert.deepEqual(written, {
      id: "",
      items: [],
      price: 0,
      addresses: [],
      labels: {},
      by_number: { 1: { address: "", type: "HOME" } },
      by_flag: {},
      by_code: {},
      orderList: [],
      signature: "",
      types: [],
    });
    assert.deepEqual(fromJson(Order, written), decoded(Order, { byNumber: { 1: {} } }));
  });

  test("unknown fields have no form", () => {
    const narrow = codecOf('syntax = "proto3"; package order; message Order { string id = 1; }');
    assert.deepEqual(toJson(narrow, narrow.decode(Order.encode({ id: "a", price: 2 }))), { id: "a" });
  });

  test("only types from a schema can be used", () => {
    const own = { typeName: "x.Y", encode: () => new Uint8Array(), decode: () => ({}) };
    assert.throws(
      () => toJson(own, {}),
      /Cannot write it as JSON as a message's type must come from loadProto.*: current value is x\.Y/,
    );
    assert.throws(() => fromJson(own, {}), /Cannot read it from JSON as .*: current value is x\.Y/);
  });
});

describe("depth", () => {
  test("JSON that is nested too deep, or in a circle, is refused; what can be sent can be written", () => {
    const nested = (levels: number): Record<string, unknown> => (levels === 0 ? {} : { parent: nested(levels - 1) });
    assert.deepEqual(toJson(Order, decoded(Order, nested(100))), nested(100));
    fromJson(Order, nested(100));
    assert.throws(() => fromJson(Order, nested(101)), /must be nested at most 100 messages deep/);
    assert.throws(() => fromJson(Order, nested(5000)), /must be nested at most 100 messages deep/);
    const circle: Record<string, unknown> = {};
    circle["parent"] = circle;
    assert.throws(() => fromJson(Order, circle), /nested at most 100/);
    const list: unknown[] = [];
    list.push(list);
    assert.throws(() => fromJson(Hard, { value: list }), /nested at most 100/);
    assert.throws(() => fromJson(Hard, { struct: { a: list } }), /nested at most 100/);
    assert.throws(() => fromJsonString(Hard, `{"value":${"[".repeat(200)}${"]".repeat(200)}}`), /nested at most 100/);
  });

  test("an Any in an Any in an Any … is bounded in both directions", () => {
    const AnyType = schema.codec("google.protobuf.Any");
    let any: Record<string, unknown> = {};
    let json: JsonValue = {};
    for (let i = 0; i < 150; i++) {
      any = { ...packAny(AnyType, any) };
      json = { "@type": "type.googleapis.com/google.protobuf.Any", value: json };
    }
    assert.throws(() => toJson(AnyType, any), /nested at most 100/);
    assert.throws(() => fromJson(AnyType, json), /nested at most 100/);
  });
});

describe("Any", () => {
  const URL = "type.googleapis.com/";
  const any = (type: MessageCodec, message: Record<string, unknown>): Record<string, unknown> => ({
    any: packAny(type, message),
  });

  test("its message's fields stand beside @type, a message with a form of its own under value", () => {
    bothWays(Hard, any(Hard, { mood: 1, any: packAny(Hard, { renamed: "x" }) }), {
      any: { "@type": `${URL}hard.Hard`, mood: "ANGRY", any: { "@type": `${URL}hard.Hard`, "@other": "x" } },
    });
    bothWays(Hard, any(schema.codec("google.protobuf.Duration"), { seconds: 1n }), {
      any: { "@type": `${URL}google.protobuf.Duration`, value: "1s" },
    });
    bothWays(Hard, any(schema.codec("google.protobuf.Int64Value"), { value: 5n }), {
      any: { "@type": `${URL}google.protobuf.Int64Value`, value: "5" },
    });
    bothWays(Hard, any(schema.codec("google.protobuf.Empty"), {}), { any: { "@type": `${URL}google.protobuf.Empty` } });
    bothWays(Hard, { any: {} }, { any: {} });
  });

  test("types are those of the message's own schema and those of the option", () => {
    const message = any(Order, { id: "a" });
    const json = { any: { "@type": `${URL}order.Order`, id: "a" } };
    assert.throws(
      () => toJson(Hard, message),
      /any must be an Any of a type that is known here.*"type\.googleapis\.com\/order\.Order"/,
    );
    refused(
      Hard,
      json,
      'any["@type"] must be a type that is known here (see the option "types"): current value is "type.googleapis.com/order.Order"',
    );
    for (const types of [
      [Order],
      loadProto({ "o.proto": 'syntax = "proto3"; package order; message Order { string id = 1; }' }),
    ]) {
      assert.deepEqual(toJson(Hard, message, { types }), json);
      assert.deepEqual(fromJson(Hard, json, { types }), decoded(Hard, message));
    }
  });

  test("what it holds may be shown as bytes where it cannot be told", () => {
    const options: ToJsonOptions = { unresolvedAny: "base64" };
    assert.deepEqual(toJson(Hard, any(Order, { id: "a" }), options), {
      any: { "@type": `${URL}order.Order`, "@value": "CgFh" },
    });
    const broken = { any: { typeUrl: `${URL}hard.Hard`, value: Uint8Array.of(8) } };
    assert.deepEqual(toJson(Hard, broken, options), { any: { "@type": `${URL}hard.Hard`, "@value": "CA==" } });
    assert.throws(
      () => toJson(Hard, broken),
      /any must be an Any whose bytes are a message of its type: .*"type\.googleapis\.com\/hard\.Hard"/,
    );
  });

  test("what does not fit is named", () => {
    refused(
      Hard,
      { any: { value: 1 } },
      'any["@type"] must be the type of an Any, as a string: current value is undefined',
    );
    refused(
      Hard,
      { any: { "@type": `${URL}google.protobuf.Duration`, value: "1s", more: 1 } },
      'any["more"] must be "value", the one beside "@type" for google.protobuf.Duration: current value is 1',
    );
    refused(
      Hard,
      { any: { "@type": `${URL}hard.Hard`, mood: "X" } },
      'any.mood must be a Mood (name or number): current value is "X"',
    );
    refused(
      Hard,
      { any: { "@type": `${URL}google.protobuf.BoolValue`, value: 1 } },
      "any.value must be true or false: current value is 1",
    );
  });
});

describe("toJsonString and fromJsonString", () => {
  test("indent, numbers that JSON.parse would round, and the sign of zero", () => {
    assert.equal(toJsonString(Order, { id: "a", items: ["b"] }), '{"id":"a","items":["b"]}');
    assert.equal(
      toJsonString(Order, { id: "a", items: ["b"] }, { indent: 2 }),
      '{\n  "id": "a",\n  "items": [\n    "b"\n  ]\n}',
    );
    assert.equal(toJsonString(Order, { price: -0 }), '{"price":-0}');
    assert.ok(Object.is(fromJsonString(Order, '{"price":-0}')["price"], -0));
    assert.deepEqual(fromJsonString(Hard, '{"number": 9007199254740993}')["choice"], {
      case: "number",
      value: 9007199254740993n,
    });
    refused(
      Hard,
      { number: 2 ** 53 },
      "number must be an integer from -2^63 to 2^63-1, as a string when beyond 2^53: current value is 9007199254740992",
    );
  });
});

describe("random messages", () => {
  for (const type of [Hard, Order, Old]) {
    test(`${type.typeName} comes back from JSON as it would from the wire, whatever the options`, () => {
      const options = fc.record({ emitDefaults: fc.boolean(), useProtoNames: fc.boolean() });
      fc.assert(
        fc.property(arbitraryMessage(type, 2), options, (message, how) => {
          const sent = decoded(type, message);
          const json = toJson(type, message, how);
          assert.deepStrictEqual(fromJson(type, json), sent);
          assert.deepStrictEqual(fromJsonString(type, toJsonString(type, message, how)), sent);
        }),
        { numRuns: 50 },
      );
    });
  }

  test("any JSON at all is a message or a TypeError", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        for (const one of [
          json,
          { value: json, struct: json, implicit: json, choice: json, any: json, children: [json] },
        ]) {
          try {
            fromJson(Hard, one, { ignoreUnknown: true });
          } catch (error) {
            assert.ok(error instanceof TypeError, String(error));
          }
        }
      }),
    );
  });

  test("protobufjs reads what we write, and we read what it writes, as the same message", () => {
    const root = new protobuf.Root();
    for (const source of [scalarsText, HARD]) protobuf.parse(source, root);
    for (const name of WELL_KNOWN) {
      root.addJSON((protobuf.common.get(`google/protobuf/${name}.proto`) as protobuf.INamespace).nested ?? {});
    }
    const Theirs = root.resolveAll().lookupType("hard.Hard");
    fc.assert(
      fc.property(arbitraryMessage(Hard, 2).map(withoutSignedZeros), (message) => {
        const bytes = Hard.encode(message);
        const sent = Hard.decode(bytes);
        assert.deepEqual(Hard.decode(Theirs.encode(protojson.fromJson(Theirs, toJson(Hard, message))).finish()), sent);
        assert.deepEqual(fromJson(Hard, protojson.toJson(Theirs, Theirs.decode(bytes))), sent);
      }),
      { numRuns: 50 },
    );
  });
});
