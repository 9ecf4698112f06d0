/** The schemas that the tests of this folder share, as texts, and a few ways to write wire format by hand. */
import protobuf from "protobufjs";
import { loadProto } from "../../../src/codec/proto/load.js";
import type { MessageCodec } from "../../../src/codec/proto/message.js";

const SCALARS = [
  "double",
  "float",
  "int32",
  "uint32",
  "sint32",
  "fixed32",
  "sfixed32",
  "int64",
  "uint64",
  "sint64",
  "fixed64",
  "sfixed64",
  "bool",
  "string",
  "bytes",
] as const;

/** Every scalar type: implicit, optional, repeated and unpacked, under names such as `f_int32`, `o_int32`, `r_int32`, `u_int32`. */
export const scalarsText = `syntax = "proto3"; package t;
message Implicit { ${SCALARS.map((type, i) => `${type} f_${type} = ${i + 1};`).join(" ")} }
message Optional { ${SCALARS.map((type, i) => `optional ${type} o_${type} = ${i + 1};`).join(" ")} }
message Repeated { ${SCALARS.map((type, i) => `repeated ${type} r_${type} = ${i + 1};`).join(" ")} }
message Unpacked { ${SCALARS.map((type, i) => `repeated ${type} u_${type} = ${i + 1}${i < 13 ? " [packed = false]" : ""};`).join(" ")} }
`;

/** An order, with everything a message can hold. */
export const orderText = `syntax = "proto3"; package order;
import "google/protobuf/timestamp.proto";
message Order {
  string id = 1;
  repeated string items = 2;
  float price = 4;
  enum AddressType { HOME = 0; WORK = 1; OFFICE = 1; option allow_alias = true; MOON = -1; }
  message Address { string address = 1; AddressType type = 2; }
  repeated Address addresses = 6;
  google.protobuf.Timestamp last_updated = 7;
  map<string, int32> labels = 8;
  map<int64, Address> by_number = 9;
  map<bool, AddressType> by_flag = 10;
  map<uint32, string> by_code = 11;
  oneof payment { string card_number = 12; Address bill_to = 13; bool in_cash = 14; AddressType at = 15; }
  optional int32 point_count = 16;
  repeated Order orderList = 17;
  bytes signature = 18;
  repeated AddressType types = 19;
  Order parent = 20;
}
`;

/** proto2: presence, closed enums, groups, required, extensions. */
export const proto2Text = `syntax = "proto2"; package p2;
enum Colour { RED = 1; GREEN = 2; }
message Old {
  optional int32 count = 1 [default = 7];
  optional string name = 2;
  optional Colour colour = 3;
  repeated Colour colours = 4;
  repeated Colour packed_colours = 5 [packed = true];
  map<string, Colour> by_name = 6;
  optional group Part = 7 { optional int32 size = 1; optional Old inner = 2; }
  repeated group Row = 8 { optional string cell = 1; }
  oneof pick { Colour shade = 9; int32 number = 10; }
  repeated int32 numbers = 11;
  extensions 100 to 200;
}
message Strict { required int32 id = 1; }
extend Old { optional string extra = 100; }
`;

export const schema = loadProto({ "scalars.proto": scalarsText, "order.proto": orderText, "old.proto": proto2Text });

/** The codec of a type of {@link schema}. */
export function codec(name: string): MessageCodec {
  return schema.codec(name);
}

/** The one message type of a text, or the one called `name`. */
export function codecOf(text: string, name?: string): MessageCodec {
  const own = loadProto({ "test.proto": text });
  return own.codec(name ?? (own.messageNames[0] as string));
}

/** protobufjs's own codec of a type of the same texts. */
export function peer(name: string): protobuf.Type {
  return peerRoot.lookupType(name);
}

const peerRoot = new protobuf.Root();
for (const text of [scalarsText, orderText, proto2Text]) protobuf.parse(text, peerRoot);
peerRoot.addJSON((protobuf.common.get("google/protobuf/timestamp.proto") as protobuf.INamespace).nested ?? {});
peerRoot.resolveAll();

/** Bytes from hexadecimal digits, spaces ignored. */
export function hex(digits: string): Uint8Array {
  return new Uint8Array(Buffer.from(digits.replaceAll(" ", ""), "hex"));
}

/** Hexadecimal digits of bytes, in pairs. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
