/** Text format: every kind of field, and that nothing a message holds can drive a terminal. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { packAny } from "../../../src/codec/proto/any.js";
import { loadProto } from "../../../src/codec/proto/load.js";
import { toText } from "../../../src/codec/proto/text.js";
import { arbitraryMessage } from "./arbitrary-message.js";
import { codec, codecOf, hex } from "./schemas.js";

const Order = codec("order.Order");

test("one field a line, messages and map entries in braces, names of the .proto", () => {
  const order = {
    id: 'a"\n',
    items: ["x", "y"],
    price: 0.1,
    addresses: [{ address: "z", type: 1 }, {}],
    labels: new Map([["k", 5]]),
    byFlag: new Map([[true, 9]]),
    payment: { case: "inCash", value: false },
    pointCount: 0,
    signature: Uint8Array.of(0, 255, 65),
  };
  assert.equal(
    toText(Order, order),
    `id: "a\\"\\n"
items: "x"
items: "y"
price: 0.1
addresses {
  address: "z"
  type: WORK
}
addresses {
}
labels {
  key: "k"
  value: 5
}
by_flag {
  key: true
  value: 9
}
in_cash: false
point_count: 0
signature: "\\000\\377A"
`,
  );
  assert.equal(toText(Order, {}), "");
});

test("numbers: 64 bits, -0, and what is not finite", () => {
  const type = codecOf(
    'syntax = "proto3"; message N { repeated double d = 1; repeated uint64 u = 2; repeated float f = 3; }',
  );
  assert.equal(
    toText(type, { d: [-0, Number.NaN, Infinity, -Infinity, 1e300], u: [2n ** 64n - 1n], f: [0.1, -0] }).replaceAll(
      "\n",
      " ",
    ),
    "d: -0 d: nan d: inf d: -inf d: 1e+300 u: 18446744073709551615 f: 0.1 f: -0 ",
  );
});

test("groups are called by their type", () => {
  assert.equal(
    toText(codec("p2.Old"), { part: { size: 1 }, row: [{ cell: "a" }] }),
    'Part {\n  size: 1\n}\nRow {\n  cell: "a"\n}\n',
  );
});

test("fields that the schema does not know are shown by number and wire type", () => {
  const Empty = codecOf('syntax = "proto3"; message Empty {}');
  const message = Empty.decode(hex("08 96 01  11 0100000000000000  1a 02 61 1b  25 02000000  2b 30 05 2c"));
  assert.equal(toText(Empty, message), '1: 150\n2: 0x0000000000000001\n3: "a\\033"\n4: 0x00000002\n5 {\n  6: 5\n}\n');
});

test("an Any is its message where the type is known, in brackets", () => {
  const own = loadProto({
    "a.proto":
      'syntax = "proto3"; package a; import "google/protobuf/any.proto"; message A { google.protobuf.Any any = 1; int32 n = 2; }',
  });
  const A = own.codec("a.A");
  const packed = packAny(A, { n: 5 });
  assert.equal(toText(A, { any: packed }), "any {\n  [type.googleapis.com/a.A] {\n    n: 5\n  }\n}\n");
  assert.equal(
    toText(A, { any: packAny(Order, { id: "x" }) }, { types: [Order] }),
    'any {\n  [type.googleapis.com/order.Order] {\n    id: "x"\n  }\n}\n',
  );
  const raw = 'any {\n  type_url: "type.googleapis.com/order.Order"\n  value: "\\n\\001x"\n}\n';
  assert.equal(toText(A, { any: packAny(Order, { id: "x" }) }), raw);
  assert.equal(
    toText(A, { any: { typeUrl: "x\u001b/a.A", value: new Uint8Array() } }),
    'any {\n  type_url: "x\\033/a.A"\n}\n',
  );
  assert.equal(
    toText(A, { any: { typeUrl: "x/a.A", value: hex("10") } }),
    'any {\n  type_url: "x/a.A"\n  value: "\\020"\n}\n',
  );
  let deep = packed;
  for (let i = 0; i < 150; i++) deep = packAny(A, { any: deep });
  assert.match(toText(A, { any: deep }), /value: /);
});

test("no control character gets out, whatever the message", () => {
  assert.equal(
    toText(Order, { id: "\u001b[31m\u009b\u202e\u2028é☺" }),
    'id: "\\033[31m\\302\\233\\342\\200\\256\\342\\200\\250é☺"\n',
  );
  fc.assert(
    fc.property(arbitraryMessage(Order, 1), (order) => {
      assert.doesNotMatch(toText(Order, order).replaceAll("\n", ""), /\p{C}/u);
    }),
    { numRuns: 50 },
  );
});
