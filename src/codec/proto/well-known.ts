/**
 * The well-known types, in the form generated modules have: they import them from here.
 *
 * Spec: google/protobuf/{any,duration,empty,field_mask,struct,timestamp,wrappers}.proto.
 * Laws: each type has one codec, in generated and loaded schemas alike; 64-bit integers are bigint and bytes Uint8Array,
 * whatever a generated module has for its own fields.
 */
import type { MessageType } from "../method.js";
import { declareFiles } from "./declare.js";
import type { Declarations, DeclaredMessage } from "./declared.js";
import { bindCodec, MessageCodec } from "./message.js";
import { bundledFile } from "./well-known-files.js";
import type { Duration as DurationValue, Timestamp as TimestampValue } from "./timestamp.js";

/** `google.protobuf.Any`: a message of any type, encoded. */
export interface Any {
  /** A URL whose last segment is the full name of the type: `"type.googleapis.com/order.Order"`. */
  typeUrl: string;
  /** The message's bytes. */
  value: Uint8Array;
}
/** What may be given for a {@link Any}. */
export interface AnyInit {
  typeUrl?: string | undefined;
  value?: Uint8Array | undefined;
}
/** The codec of {@link Any}. */
export const Any: MessageType<Any, AnyInit> = wellKnown("Any");

/** `google.protobuf.Duration`: see `durationFromMs` and `durationToMs`. */
export type Duration = DurationValue;
/** What may be given for a {@link Duration}. */
export interface DurationInit {
  seconds?: bigint | number | string | undefined;
  nanos?: number | undefined;
}
/** The codec of {@link Duration}. */
export const Duration: MessageType<Duration, DurationInit> = wellKnown("Duration");

/** `google.protobuf.Empty`: nothing. */
export interface Empty {
  [field: string]: never;
}
/** What may be given for a {@link Empty}. */
export interface EmptyInit {
  [field: string]: never;
}
/** The codec of {@link Empty}. */
export const Empty: MessageType<Empty, EmptyInit> = wellKnown("Empty");

/** `google.protobuf.FieldMask`: paths of fields. */
export interface FieldMask {
  paths: readonly string[];
}
/** What may be given for a {@link FieldMask}. */
export interface FieldMaskInit {
  paths?: readonly string[] | undefined;
}
/** The codec of {@link FieldMask}. */
export const FieldMask: MessageType<FieldMask, FieldMaskInit> = wellKnown("FieldMask");

/** `google.protobuf.NullValue`: the number of JSON's `null`. */
export const NullValue = { NULL_VALUE: 0 } as const;
export type NullValue = number;

/** `google.protobuf.Struct`: a JSON object. */
export interface Struct {
  fields: ReadonlyMap<string, Value>;
}
/** What may be given for a {@link Struct}. */
export interface StructInit {
  fields?: Iterable<readonly [string, ValueInit]> | Readonly<Record<string, ValueInit>> | undefined;
}
/** The codec of {@link Struct}. */
export const Struct: MessageType<Struct, StructInit> = wellKnown("Struct");

/** `google.protobuf.Value`: a JSON value. */
export interface Value {
  kind:
    | { readonly case: "nullValue"; readonly value: NullValue }
    | { readonly case: "numberValue"; readonly value: number }
    | { readonly case: "stringValue"; readonly value: string }
    | { readonly case: "boolValue"; readonly value: boolean }
    | { readonly case: "structValue"; readonly value: Struct }
    | { readonly case: "listValue"; readonly value: ListValue }
    | { readonly case: undefined; readonly value?: undefined };
}
/** What may be given for a {@link Value}. */
export interface ValueInit {
  kind?:
    | { readonly case: "nullValue"; readonly value: NullValue | keyof typeof NullValue }
    | { readonly case: "numberValue"; readonly value: number }
    | { readonly case: "stringValue"; readonly value: string }
    | { readonly case: "boolValue"; readonly value: boolean }
    | { readonly case: "structValue"; readonly value: StructInit }
    | { readonly case: "listValue"; readonly value: ListValueInit }
    | { readonly case?: undefined; readonly value?: undefined }
    | undefined;
}
/** The codec of {@link Value}. */
export const Value: MessageType<Value, ValueInit> = wellKnown("Value");

/** `google.protobuf.ListValue`: a JSON array. */
export interface ListValue {
  values: readonly Value[];
}
/** What may be given for a {@link ListValue}. */
export interface ListValueInit {
  values?: readonly ValueInit[] | undefined;
}
/** The codec of {@link ListValue}. */
export const ListValue: MessageType<ListValue, ListValueInit> = wellKnown("ListValue");

/** `google.protobuf.Timestamp`: see `timestampFromDate` and `timestampToDate`. */
export type Timestamp = TimestampValue;
/** What may be given for a {@link Timestamp}. */
export interface TimestampInit {
  seconds?: bigint | number | string | undefined;
  nanos?: number | undefined;
}
/** The codec of {@link Timestamp}. */
export const Timestamp: MessageType<Timestamp, TimestampInit> = wellKnown("Timestamp");

/** The value of one of `google.protobuf`'s wrappers, whose absence differs from its default. */
interface Wrapper<T> {
  value: T;
}
interface WrapperInit<T> {
  value?: T | undefined;
}

/** `google.protobuf.DoubleValue`. */
export interface DoubleValue extends Wrapper<number> {}
/** What may be given for a {@link DoubleValue}. */
export interface DoubleValueInit extends WrapperInit<number> {}
/** The codec of {@link DoubleValue}. */
export const DoubleValue: MessageType<DoubleValue, DoubleValueInit> = wellKnown("DoubleValue");

/** `google.protobuf.FloatValue`. */
export interface FloatValue extends Wrapper<number> {}
/** What may be given for a {@link FloatValue}. */
export interface FloatValueInit extends WrapperInit<number> {}
/** The codec of {@link FloatValue}. */
export const FloatValue: MessageType<FloatValue, FloatValueInit> = wellKnown("FloatValue");

/** `google.protobuf.Int64Value`. */
export interface Int64Value extends Wrapper<bigint> {}
/** What may be given for a {@link Int64Value}. */
export interface Int64ValueInit extends WrapperInit<bigint | number | string> {}
/** The codec of {@link Int64Value}. */
export const Int64Value: MessageType<Int64Value, Int64ValueInit> = wellKnown("Int64Value");

/** `google.protobuf.UInt64Value`. */
export interface UInt64Value extends Wrapper<bigint> {}
/** What may be given for a {@link UInt64Value}. */
export interface UInt64ValueInit extends WrapperInit<bigint | number | string> {}
/** The codec of {@link UInt64Value}. */
export const UInt64Value: MessageType<UInt64Value, UInt64ValueInit> = wellKnown("UInt64Value");

/** `google.protobuf.Int32Value`. */
export interface Int32Value extends Wrapper<number> {}
/** What may be given for a {@link Int32Value}. */
export interface Int32ValueInit extends WrapperInit<number> {}
/** The codec of {@link Int32Value}. */
export const Int32Value: MessageType<Int32Value, Int32ValueInit> = wellKnown("Int32Value");

/** `google.protobuf.UInt32Value`. */
export interface UInt32Value extends Wrapper<number> {}
/** What may be given for a {@link UInt32Value}. */
export interface UInt32ValueInit extends WrapperInit<number> {}
/** The codec of {@link UInt32Value}. */
export const UInt32Value: MessageType<UInt32Value, UInt32ValueInit> = wellKnown("UInt32Value");

/** `google.protobuf.BoolValue`. */
export interface BoolValue extends Wrapper<boolean> {}
/** What may be given for a {@link BoolValue}. */
export interface BoolValueInit extends WrapperInit<boolean> {}
/** The codec of {@link BoolValue}. */
export const BoolValue: MessageType<BoolValue, BoolValueInit> = wellKnown("BoolValue");

/** `google.protobuf.StringValue`. */
export interface StringValue extends Wrapper<string> {}
/** What may be given for a {@link StringValue}. */
export interface StringValueInit extends WrapperInit<string> {}
/** The codec of {@link StringValue}. */
export const StringValue: MessageType<StringValue, StringValueInit> = wellKnown("StringValue");

/** `google.protobuf.BytesValue`. */
export interface BytesValue extends Wrapper<Uint8Array> {}
/** What may be given for a {@link BytesValue}. */
export interface BytesValueInit extends WrapperInit<Uint8Array> {}
/** The codec of {@link BytesValue}. */
export const BytesValue: MessageType<BytesValue, BytesValueInit> = wellKnown("BytesValue");

const FILES = ["any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"] as const;

/** The files whose types this module has. */
export const WELL_KNOWN_FILES: ReadonlySet<string> = new Set(FILES.map((name) => `google/protobuf/${name}.proto`));

let declared: Declarations | undefined;

function wellKnownDeclarations(): Declarations {
  if (declared === undefined) {
    declared = declareFiles([...WELL_KNOWN_FILES].map(bundledFile));
    bindWellKnown(declared, WELL_KNOWN_FILES);
  }
  return declared;
}

function wellKnown<T, Init>(name: string): MessageType<T, Init> {
  const typeName = `google.protobuf.${name}`;
  const codec = new MessageCodec(typeName, () => wellKnownDeclarations().messages.get(typeName) as DeclaredMessage);
  return codec as unknown as MessageType<T, Init>;
}

/** Gives the types of a loaded schema the codecs of this module, where they come from one of `files` that is bundled. */
export function bindWellKnown(loaded: Declarations, files: Iterable<string>): void {
  const types = typesByFile();
  for (const file of files) {
    for (const type of types.get(file) ?? []) {
      const message = loaded.messages.get(type.typeName);
      if (message !== undefined) bindCodec(message, type as unknown as MessageCodec);
    }
  }
}

/** The type of this module with a full name. */
export function wellKnownType(typeName: string): MessageType | undefined {
  for (const types of typesByFile().values()) {
    const found = types.find((type) => type.typeName === typeName);
    if (found !== undefined) return found;
  }
  return undefined;
}

function typesByFile(): ReadonlyMap<string, readonly MessageType<never>[]> {
  const wrappers = [DoubleValue, FloatValue, Int64Value, UInt64Value, Int32Value, UInt32Value, BoolValue, StringValue];
  return new Map<string, readonly MessageType<never>[]>([
    ["google/protobuf/any.proto", [Any as never]],
    ["google/protobuf/duration.proto", [Duration as never]],
    ["google/protobuf/empty.proto", [Empty as never]],
    ["google/protobuf/field_mask.proto", [FieldMask as never]],
    ["google/protobuf/struct.proto", [Struct as never, Value as never, ListValue as never]],
    ["google/protobuf/timestamp.proto", [Timestamp as never]],
    ["google/protobuf/wrappers.proto", [...(wrappers as never[]), BytesValue as never]],
  ]);
}
