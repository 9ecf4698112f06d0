/**
 * The fields of a message type as the codec, the printers and the generators want to see them: property names, kinds and
 * presence worked out once from what is declared.
 *
 * Spec: protobuf.dev, "Field Presence", "JSON Options" (lowerCamelCase names).
 * Laws: every field has exactly one property; extensions have none, they stay unknown fields.
 */
import type { Declaration, DeclaredField, DeclaredMessage, DeclaredType, ScalarName } from "./declared.js";
import { enumType, type EnumType } from "./enum.js";
import { camelCase } from "./json-name.js";

export type { ScalarName } from "./declared.js";

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
  | { readonly kind: "message"; readonly message: string; readonly declared: DeclaredMessage };

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

/** Works out the fields of a declared message. */
export function messageShape(declared: DeclaredMessage, forms: ScalarForms = DEFAULT_FORMS): MessageShape {
  const propertyOf = propertyNames(declared.fields);
  const fields = declared.fields.map((field) => fieldShape(field, propertyOf, forms));
  return { typeName: declared.fullName, fields, properties: properties(declared.fields, fields) };
}

/**
 * Property names by field and oneof. Two names of one message that differ in underscores only (legal in proto2) keep
 * the form they have in the schema.
 */
function propertyNames(fields: readonly DeclaredField[]): Map<Declaration, string> {
  const holders = new Set<Declaration>();
  const cases = new Map<Declaration, DeclaredField[]>();
  for (const field of fields) {
    const { oneof } = field;
    holders.add(oneof ?? field);
    if (oneof === undefined) continue;
    const members = cases.get(oneof);
    if (members === undefined) cases.set(oneof, [field]);
    else members.push(field);
  }
  const names = uniqueNames([...holders]);
  for (const members of cases.values()) for (const [field, name] of uniqueNames(members)) names.set(field, name);
  return names;
}

function uniqueNames(declarations: readonly Declaration[]): Map<Declaration, string> {
  const uses = new Map<string, number>();
  for (const { name } of declarations) uses.set(camelCase(name), (uses.get(camelCase(name)) ?? 0) + 1);
  return new Map(
    declarations.map((declaration) => {
      const name = camelCase(declaration.name);
      return [declaration, name === "" || uses.get(name) !== 1 ? declaration.name : name];
    }),
  );
}

function fieldShape(
  field: DeclaredField,
  propertyOf: ReadonlyMap<Declaration, string>,
  forms: ScalarForms,
): FieldShape {
  const { name, jsonName, number, repeated, mapKey, packed, presence, checkUtf8, delimited, oneof } = field;
  return {
    name,
    property: propertyOf.get(field) as string,
    jsonName,
    number,
    value: valueShape(field.type),
    repeated,
    mapKey,
    packed,
    presence,
    checkUtf8,
    forms: formsOf(field, forms),
    delimited,
    oneof: oneof === undefined ? undefined : propertyOf.get(oneof),
  };
}

/** `FieldOptions.JSType`. */
const JSTYPES: ReadonlyMap<unknown, Int64Form> = new Map([
  [0, "bigint"],
  [1, "string"],
  [2, "number"],
]);

/** "The jstype option determines the JavaScript type used for values of the field", and wins. */
function formsOf({ jstype }: DeclaredField, forms: ScalarForms): ScalarForms {
  const int64 = JSTYPES.get(jstype);
  return int64 === undefined ? forms : { ...forms, int64 };
}

function valueShape(type: DeclaredType): ValueShape {
  if (typeof type === "string") return { kind: "scalar", scalar: type };
  if (type.kind === "enum") return { kind: "enum", enum: enumType(type) };
  return { kind: "message", message: type.fullName, declared: type };
}

function properties(declared: readonly DeclaredField[], fields: readonly FieldShape[]): PropertyShape[] {
  const list: PropertyShape[] = [];
  const oneofs = new Map<Declaration, FieldShape[]>();
  fields.forEach((field, i) => {
    const { oneof } = declared[i] as DeclaredField;
    const members = oneof === undefined ? undefined : oneofs.get(oneof);
    if (oneof === undefined) list.push({ kind: "field", property: field.property, field });
    else if (members !== undefined) members.push(field);
    else {
      const first = [field];
      oneofs.set(oneof, first);
      list.push({ kind: "oneof", property: field.oneof as string, name: oneof.name, members: first });
    }
  });
  return list;
}
