/** What generated modules are made of. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { enumName } from "../../../src/codec/proto/enum-name.js";
import { protoFile } from "../../../src/codec/proto/generated.js";
import { loadProto } from "../../../src/codec/proto/load.js";
import {
  Any,
  Duration,
  Empty,
  Int64Value,
  StringValue,
  Struct,
  Timestamp,
  Value,
} from "../../../src/codec/proto/well-known.js";
import type { MessageType, Method, Service } from "../../../src/index.js";

type Dynamic = MessageType<Record<string, unknown>>;
type One = Service<{ get: Method<"unary", Record<string, unknown>> }>;

const base = protoFile(
  "base.proto",
  [],
  () => 'syntax = "proto3"; package g; message Base { int64 n = 1; bytes b = 2; }',
  {
    int64: "string",
    bytes: "buffer",
  },
);
const Base: Dynamic = base.message("g.Base");
const user = protoFile(
  "user.proto",
  [base],
  () => `syntax = "proto3"; package g; import "base.proto"; import "google/protobuf/timestamp.proto";
    message User { Base base = 1; int64 n = 2; google.protobuf.Timestamp at = 3; bytes b = 4; } service S { rpc Get(User) returns (Base); }`,
);
const User: Dynamic = user.message("g.User");

test("protoFile parses nothing before the first message is encoded or decoded", () => {
  let read = 0;
  const file = protoFile("lazy.proto", [], () => {
    read++;
    return 'syntax = "proto3"; message L { string a = 1; } service S { rpc Get(L) returns (L); }';
  });
  const L: Dynamic = file.message("L");
  const service: One = file.service("S", { get: { kind: "unary", name: "Get", request: L, response: L } });
  assert.deepEqual([L.typeName, service.methods.get.path, service.methods.get.localName], ["L", "/S/Get", "get"]);
  assert.equal(read, 0);
  assert.deepStrictEqual(L.decode(L.encode({ a: "x" })), { a: "x" });
  L.encode({});
  assert.ok(read > 0);
  assert.equal(service.schema, file.schema);
});

test("a message of another file has that file's codec, in its forms, whichever is used first", () => {
  const message = { base: { n: "5", b: Buffer.of(1) }, n: 6n, at: { seconds: 7n, nanos: 0 }, b: Uint8Array.of(2) };
  assert.deepStrictEqual(User.decode(User.encode(message)), message);
  assert.equal(user.schema.message("g.Base"), Base);
  assert.equal(user.schema.message("google.protobuf.Timestamp"), Timestamp);
  assert.equal(base.schema, user.schema, "what was parsed for one serves the other");
  assert.deepStrictEqual(Base.decode(new Uint8Array()), { n: "0", b: Buffer.alloc(0) });
});

test("bytes as Buffer have memory of their own", () => {
  const wire = Buffer.from(Base.encode({ b: Uint8Array.of(1, 2, 3) }));
  const { b } = Base.decode(wire) as { b: Buffer };
  wire.fill(0);
  assert.ok(Buffer.isBuffer(b));
  assert.deepEqual([...b], [1, 2, 3]);
  assert.equal(b.buffer.byteLength, 3);
  const large = Base.decode(Base.encode({ b: new Uint8Array(5000).fill(7) }))["b"] as Buffer;
  assert.equal(large.buffer.byteLength, 5000);
  assert.ok(large.every((byte) => byte === 7));
});

test("jstype and the file's form: a number that is not exact is refused, never rounded", () => {
  const text = `syntax = "proto3"; message N { int64 n = 1; int64 s = 2 [jstype = JS_STRING]; uint64 plain = 3 [jstype = JS_NORMAL]; map<int64, uint64> m = 4; }`;
  const N: Dynamic = protoFile("n.proto", [], () => text, { int64: "number" }).message("N");
  const loaded = loadProto({ "n.proto": text }).message("N");
  const bytes = loaded.encode({ n: -5n, s: 2n ** 60n, plain: 2n ** 63n, m: [[-1n, 2n]] });
  assert.deepStrictEqual(N.decode(bytes), { n: -5, s: "1152921504606846976", plain: 2n ** 63n, m: new Map([[-1, 2]]) });
  assert.deepStrictEqual(loaded.decode(bytes), {
    n: -5n,
    s: "1152921504606846976",
    plain: 2n ** 63n,
    m: new Map([[-1n, 2n]]),
  });
  for (const n of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n]) {
    assert.throws(
      () => N.decode(loaded.encode({ n })),
      /Cannot decode N: .* from -\(2\^53-1\) to 2\^53-1: current value is/,
    );
  }
  assert.equal(N.decode(loaded.encode({ n: 2n ** 53n - 1n }))["n"], Number.MAX_SAFE_INTEGER);
});

test("two modules of one file name in one closure are an error unless they are the same", () => {
  const text = 'syntax = "proto3"; message M { }';
  const same = [text, text].map((one) => protoFile("m.proto", [], () => one));
  const imports = 'syntax = "proto3"; import "m.proto"; import "m.proto";';
  assert.deepEqual(protoFile("a.proto", same, () => imports).schema.messageNames, ["M"]);
  const other = protoFile("m.proto", [], () => `${text} message N { }`);
  assert.throws(
    () => protoFile("a.proto", [...same.slice(1), other], () => imports).schema,
    /^Error: Cannot load m\.proto as two generated modules have different files of this name$/,
  );
  assert.throws(() => protoFile("a.proto", [], () => imports).schema, /its module lacks what it imports as "m\.proto"/);
});

test("well-known types need no schema, and have one codec everywhere", () => {
  assert.deepStrictEqual(StringValue.decode(StringValue.encode({ value: "x" })), { value: "x" });
  assert.deepStrictEqual(Int64Value.decode(Int64Value.encode({ value: "5" })), { value: 5n });
  assert.deepStrictEqual(Any.decode(new Uint8Array()), { typeUrl: "", value: new Uint8Array() });
  assert.deepStrictEqual(Duration.decode(Duration.encode({ seconds: 1, nanos: 2 })), { seconds: 1n, nanos: 2 });
  assert.deepStrictEqual(Empty.decode(Empty.encode({})), {});
  const kind = { case: "boolValue", value: true } as const;
  assert.deepStrictEqual(Struct.decode(Struct.encode({ fields: { a: { kind } } })), {
    fields: new Map([["a", { kind }]]),
  });
  const loaded = loadProto({
    "m.proto": 'import "google/protobuf/struct.proto"; message M { optional google.protobuf.Value v = 1; }',
  });
  assert.equal(loaded.message("google.protobuf.Value"), Value);
  const own = loadProto({
    "google/protobuf/empty.proto": "package google.protobuf; message Empty { optional int32 own = 1; }",
  });
  assert.notEqual(own.message("google.protobuf.Empty"), Empty);
});

test("a loaded service has its schema too", () => {
  const schema = loadProto({ "m.proto": "message M {} service S { rpc Get(M) returns (M); }" });
  assert.equal(schema.service("S").schema, schema);
});

test("enumName gives the name that was declared first, and none for other numbers", () => {
  const Kind = { NONE: 0, NOTHING: 0, ONE: 1, constructor: 2 } as const;
  const names: ("NONE" | "NOTHING" | "ONE" | "constructor" | undefined)[] = [0, 1, 2, 3].map((number) =>
    enumName(Kind, number),
  );
  assert.deepEqual(names, ["NONE", "ONE", "constructor", undefined]);
});
