/** Random messages of any type: whatever the schema allows, in the forms that encoding takes. */
import * as fc from "fast-check";
import type { FieldShape, ScalarName, ValueShape } from "../../../src/codec/proto/fields.js";
import { type MessageCodec, messageCodec } from "../../../src/codec/proto/message.js";

type Message = Record<string, unknown>;

const int32 = fc.oneof(fc.integer(), fc.integer({ min: -2, max: 300 }));
const uint32 = fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.integer({ min: 0, max: 300 }));
const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -2n, max: 300n }));
const uint64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 300n }));
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom("__proto__", "constructor", "@type", 'a"b\\', "\u0000\u007f\u009b\u202e", "NaN"),
);

const SCALARS: Readonly<Record<ScalarName, fc.Arbitrary<unknown>>> = {
  double: fc.double(),
  float: fc.float(),
  int32,
  sint32: int32,
  sfixed32: int32,
  uint32,
  fixed32: uint32,
  int64,
  sint64: int64,
  sfixed64: int64,
  uint64,
  fixed64: uint64,
  bool: fc.boolean(),
  string: text,
  bytes: fc.uint8Array({ maxLength: 20 }),
};

const nanos = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: 999 }).map((ms) => ms * 1_000_000),
  fc.nat(999_999_999),
);

/** The types of which not every message has a form in JSON. */
const WELL_KNOWN: Readonly<Record<string, (codec: MessageCodec, depth: number) => fc.Arbitrary<Message>>> = {
  "google.protobuf.Timestamp": () =>
    fc.record({ seconds: fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n }), nanos }),
  "google.protobuf.Duration": () =>
    fc
      .tuple(fc.bigInt({ min: 0n, max: 315_575_999_999n }), nanos, fc.boolean())
      .map(([seconds, ns, negative]) => (negative ? { seconds: -seconds, nanos: 0 - ns } : { seconds, nanos: ns })),
  "google.protobuf.FieldMask": () =>
    fc.record({
      paths: fc.array(fc.stringMatching(/^[a-z][a-z0-9]{0,3}(_[a-z][a-z0-9]{0,2})?(\.[a-z]{1,3})?$/), { maxLength: 3 }),
    }),
  // A number must be finite, and one of the kinds be there.
  "google.protobuf.Value": (codec, depth) =>
    messages(codec, depth, true).map((value) =>
      Number.isFinite((value["kind"] as { value: unknown }).value ?? 0) ||
      typeof (value["kind"] as { value: unknown }).value !== "number"
        ? value
        : { kind: { case: "numberValue", value: 0.5 } },
    ),
  "google.protobuf.Any": () => fc.constant({}),
};

/** Messages of a type. Below `depth` none has messages in it. */
export function arbitraryMessage(codec: MessageCodec, depth = 3): fc.Arbitrary<Message> {
  return WELL_KNOWN[codec.typeName]?.(codec, depth) ?? messages(codec, depth, false);
}

function messages(codec: MessageCodec, depth: number, mustHaveCase: boolean): fc.Arbitrary<Message> {
  const properties: Record<string, fc.Arbitrary<unknown>> = {};
  const required = codec.properties.filter(
    (one) => mustHaveCase || (one.kind === "field" && one.field.presence === "required"),
  );
  for (const one of codec.properties) {
    if (one.kind === "field") {
      const value = fieldOf(one.field, depth);
      if (value !== undefined) properties[one.property] = value;
    } else {
      const members = one.members.flatMap((member) => {
        const value = fieldOf(member, depth);
        return value === undefined ? [] : [value.map((given) => ({ case: member.property, value: given }))];
      });
      if (members.length > 0) properties[one.property] = fc.oneof(...members);
    }
  }
  return fc.record(properties, { requiredKeys: required.map(({ property }) => property), noNullPrototype: true });
}

function fieldOf(field: FieldShape, depth: number): fc.Arbitrary<unknown> | undefined {
  const value = valueOf(field.value, depth);
  if (value === undefined) return undefined;
  if (field.mapKey !== undefined) {
    return fc.array(fc.tuple(SCALARS[field.mapKey], value), { maxLength: 3 }).map((entries) => new Map(entries));
  }
  return field.repeated ? fc.array(value, { maxLength: 3 }) : value;
}

function valueOf(shape: ValueShape, depth: number): fc.Arbitrary<unknown> | undefined {
  if (shape.kind === "scalar") return SCALARS[shape.scalar];
  if (shape.kind === "enum") {
    if (shape.enum.typeName === "google.protobuf.NullValue") return fc.constant(0);
    const named = fc.constantFrom(...shape.enum.values.map(({ number }) => number));
    return shape.enum.closed ? named : fc.oneof(named, fc.integer());
  }
  return depth === 0 ? undefined : arbitraryMessage(messageCodec(shape.declared), depth - 1);
}
