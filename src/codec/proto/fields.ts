/**
 * The fields of a message type as the codec, the printers and the generators want to see them: property names, kinds and
 * presence worked out once from protobufjs reflection.
 *
 * Spec: protobuf.dev, "Field Presence", "JSON Options" (lowerCamelCase names).
 * Laws: every field has exactly one property; extensions have none, they stay unknown fields.
 */
import protobuf from "protobufjs";
import { fullNameOf, originalName } from "./dialect.js";
import { enumType, featuresOf, type EnumType } from "./enum.js";

/** The fifteen scalar types. */
export type ScalarName =
  | "double"
  | "float"
  | "int32"
  | "uint32"
  | "sint32"
  | "fixed32"
  | "sfixed32"
  | "int64"
  | "uint64"
  | "sint64"
  | "fixed64"
  | "sfixed64"
  | "bool"
  | "string"
  | "bytes";

/** How values of 64-bit integer types are given out. All three are always accepted. */
export type Int64Form = "bigint" | "string" | "number";

/** How values of bytes fields are given out. Both are always accepted. */
export type BytesForm = "uint8array" | "buffer";

/** What stands for the scalars that JavaScript has several types for. */
export interface ScalarForms {
  readonly int64: Int64Form;
  readonly bytes: BytesForm;
}

export const DEFAULT_FORMS: ScalarForms = Object.freeze({ int64: "bigint", bytes: "uint8array" });

/** What one value of a field is. `message` is a full name without a leading dot. */
export type ValueShape =
  | { readonly kind: "scalar"; readonly scalar: ScalarName }
  | { readonly kind: "enum"; readonly enum: EnumType }
  | { readonly kind: "message"; readonly message: string; readonly reflected: protobuf.Type };

/** One field. */
export interface FieldShape {
  /** As the `.proto` has it, such as `"point_count"`. */
  readonly name: string;
  /** The property of the message object (or the oneof's `case`) that holds it, such as `"pointCount"`. */
  readonly property: string;
  /** The name in JSON: `json_name` where the schema gives one. */
  readonly jsonName: string;
  readonly number: number;
  readonly value: ValueShape;
  readonly repeated: boolean;
  /** Set for map fields: the type of their keys. */
  readonly mapKey: ScalarName | undefined;
  /** Whether a repeated field is written packed. Both forms are read. */
  readonly packed: boolean;
  /** Whether absent differs from the default value; message fields and members of a oneof are always `"explicit"`. */
  readonly presence: "implicit" | "explicit" | "required";
  /** Whether the text of string values must be valid UTF-8, which proto2 does not ask for. */
  readonly checkUtf8: boolean;
  /** What its 64-bit integers, those of map keys included, and its bytes are given out as. */
  readonly forms: ScalarForms;
  /** A group: written between two tags instead of behind a length. */
  readonly delimited: boolean;
  /** The property of the oneof it belongs to. The oneof of a proto3 `optional` is not one. */
  readonly oneof: string | undefined;
}

/** One property of a message object: a field, or a oneof with its members. */
export type PropertyShape =
  | { readonly kind: "field"; readonly property: string; readonly field: FieldShape }
  | {
      readonly kind: "oneof";
      readonly property: string;
      readonly name: string;
      readonly members: readonly FieldShape[];
    };

/** A message type's fields and properties, both in the order of the schema. */
export interface MessageShape {
  readonly typeName: string;
  readonly fields: readonly FieldShape[];
  readonly properties: readonly PropertyShape[];
}

/** The lowerCamelCase form of a name: `point_count` → `pointCount`; `orderList` stays. */
export function camelCase(name: string): string {
  return name.replace(/_+(.?)/g, (_, next: string) => next.toUpperCase());
}

/** Reads the fields of a type that protobufjs has parsed and resolved. */
export function messageShape(type: protobuf.Type, forms: ScalarForms = DEFAULT_FORMS): MessageShape {
  const declared = type.fieldsArray.filter((field) => !field.name.startsWith("."));
  const propertyOf = propertyNames(declared);
  const fields = declared.map((field) => fieldShape(field, propertyOf, forms));
  return { typeName: fullNameOf(type), fields, properties: properties(declared, fields) };
}

function realOneof(field: protobuf.Field): protobuf.OneOf | undefined {
  return field.partOf === null || field.partOf.isProto3Optional ? undefined : field.partOf;
}

/**
 * Property names by field and oneof. Two names of one message that differ in underscores only (legal in proto2) keep
 * the form they have in the schema.
 */
function propertyNames(fields: readonly protobuf.Field[]): Map<protobuf.ReflectionObject, string> {
  const holders = new Set<protobuf.ReflectionObject>();
  for (const field of fields) holders.add(realOneof(field) ?? field);
  const names = uniqueNames([...holders]);
  const cases = new Map<protobuf.OneOf, protobuf.Field[]>();
  for (const field of fields) {
    const oneof = realOneof(field);
    if (oneof === undefined) continue;
    const members = cases.get(oneof);
    if (members === undefined) cases.set(oneof, [field]);
    else members.push(field);
  }
  for (const members of cases.values()) for (const [field, name] of uniqueNames(members)) names.set(field, name);
  return names;
}

function uniqueNames(objects: readonly protobuf.ReflectionObject[]): Map<protobuf.ReflectionObject, string> {
  const uses = new Map<string, number>();
  for (const object of objects) {
    const name = camelCase(protoName(object));
    uses.set(name, (uses.get(name) ?? 0) + 1);
  }
  return new Map(
    objects.map((object) => {
      const name = camelCase(protoName(object));
      return [object, name === "" || uses.get(name) !== 1 ? protoName(object) : name];
    }),
  );
}

/** The bundled types have their names in camelCase already, and the original beside it. */
function protoName(object: protobuf.ReflectionObject): string {
  return originalName((object as Partial<protobuf.Field>).protoName ?? object.name);
}

/** `json_name` where the schema has one. What protobufjs makes of a name that is held otherwise is not that. */
function jsonNameOf(field: protobuf.Field): string {
  const held = (field as Partial<protobuf.Field>).protoName ?? field.name;
  const isMade = field.jsonName === undefined || field.jsonName === camelCase(held);
  return isMade ? camelCase(protoName(field)) : field.jsonName;
}

function fieldShape(
  field: protobuf.Field,
  propertyOf: ReadonlyMap<protobuf.ReflectionObject, string>,
  forms: ScalarForms,
): FieldShape {
  const value = valueShape(field);
  const oneof = realOneof(field);
  return {
    name: protoName(field),
    property: propertyOf.get(field) as string,
    jsonName: jsonNameOf(field),
    number: field.id,
    value,
    repeated: field.repeated,
    mapKey: field instanceof protobuf.MapField ? (field.keyType as ScalarName) : undefined,
    packed: field.packed && value.kind !== "message" && !isLengthDelimited(value),
    presence: field.required ? "required" : value.kind === "message" || field.hasPresence ? "explicit" : "implicit",
    checkUtf8: featuresOf(field).utf8_validation === "VERIFY",
    forms: formsOf(field, forms),
    delimited: field.delimited,
    oneof: oneof === undefined ? undefined : propertyOf.get(oneof),
  };
}

const JSTYPES: ReadonlyMap<unknown, Int64Form> = new Map([
  ["JS_STRING", "string"],
  ["JS_NUMBER", "number"],
  ["JS_NORMAL", "bigint"],
]);

/** "The jstype option determines the JavaScript type used for values of the field", and wins. */
function formsOf(field: protobuf.Field, forms: ScalarForms): ScalarForms {
  const int64 = JSTYPES.get(field.options?.["jstype"]);
  return int64 === undefined ? forms : { ...forms, int64 };
}

function isLengthDelimited(value: ValueShape): boolean {
  return value.kind === "scalar" && (value.scalar === "string" || value.scalar === "bytes");
}

function valueShape(field: protobuf.Field): ValueShape {
  const resolved = field.resolvedType;
  if (resolved instanceof protobuf.Enum) return { kind: "enum", enum: enumType(resolved) };
  if (resolved instanceof protobuf.Type) {
    return { kind: "message", message: fullNameOf(resolved), reflected: resolved };
  }
  return { kind: "scalar", scalar: field.type as ScalarName };
}

function properties(declared: readonly protobuf.Field[], fields: readonly FieldShape[]): PropertyShape[] {
  const list: PropertyShape[] = [];
  const seen = new Set<string>();
  fields.forEach((field, i) => {
    if (field.oneof === undefined) list.push({ kind: "field", property: field.property, field });
    else if (!seen.has(field.oneof)) {
      seen.add(field.oneof);
      const members = fields.filter((other) => other.oneof === field.oneof);
      const name = originalName(realOneof(declared[i] as protobuf.Field)?.name as string);
      list.push({ kind: "oneof", property: field.oneof, name, members });
    }
  });
  return list;
}
