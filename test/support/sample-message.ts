/**
 * Messages with a value in every field, made from what a codec says about itself.
 */
import type { FieldShape, ScalarName, ValueShape } from "../../src/codec/proto/fields.js";
import { type MessageCodec, messageCodec } from "../../src/codec/proto/message.js";

const SAMPLES: Readonly<Record<ScalarName, readonly unknown[]>> = {
  double: [Math.PI, -0, Infinity],
  float: [0.5, -(2 ** 100)],
  int32: [-1, 2 ** 31 - 1],
  uint32: [1, 2 ** 32 - 1],
  sint32: [-(2 ** 31), 7],
  fixed32: [2 ** 32 - 1],
  sfixed32: [-(2 ** 31)],
  int64: [-1n, 2n ** 53n - 1n],
  uint64: [1n, 2n ** 53n - 1n],
  sint64: [-(2n ** 53n) + 1n, 7n],
  fixed64: [2n ** 40n],
  sfixed64: [-(2n ** 40n)],
  bool: [true],
  string: ["text ✓ 😀", ""],
  bytes: [Uint8Array.of(0, 255, 1), Uint8Array.of()],
};

/** A message as `codec` would decode it, with every field set; `choice` says which member of each oneof is. */
export function sampleMessage(codec: MessageCodec, choice = 0, depth = 0): Record<string, unknown> {
  return Object.fromEntries(
    codec.properties.map((property): [string, unknown] => {
      if (property.kind === "field") return [property.property, fieldValue(property.field, choice, depth)];
      const member = property.members[choice % property.members.length] as FieldShape;
      const value = one(member.value, member, choice, depth);
      return [property.property, value === undefined ? { case: undefined } : { case: member.property, value }];
    }),
  );
}

function fieldValue(field: FieldShape, choice: number, depth: number): unknown {
  const { mapKey } = field;
  if (mapKey !== undefined) {
    const key = one({ kind: "scalar", scalar: mapKey }, field, choice, depth);
    const value = one(field.value, field, choice, depth);
    return new Map(value === undefined ? [] : [[key, value]]);
  }
  if (!field.repeated) return one(field.value, field, choice, depth);
  return [0, 1].map((i) => one(field.value, field, choice + i, depth)).filter((value) => value !== undefined);
}

function one(value: ValueShape, field: FieldShape, choice: number, depth: number): unknown {
  // Three levels reach every kind of nesting, also of types that hold themselves.
  if (value.kind === "message") {
    return depth > 2 && field.presence !== "required"
      ? undefined
      : sampleMessage(messageCodec(value.declared), choice, depth + 1);
  }
  if (value.kind === "enum") return value.enum.values[choice % value.enum.values.length]?.number;
  const samples = SAMPLES[value.scalar];
  const sample = samples[choice % samples.length];
  if (typeof sample === "bigint") return inForm(sample, field.forms.int64);
  return sample instanceof Uint8Array && field.forms.bytes === "buffer" ? Buffer.from(sample) : sample;
}

function inForm(value: bigint, form: "bigint" | "string" | "number"): unknown {
  return form === "bigint" ? value : form === "string" ? String(value) : Number(value);
}
