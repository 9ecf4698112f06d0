/**
 * A message in JSON with every field in it, to be filled in.
 *
 * Spec: protobuf.dev, "ProtoJSON Format".
 * Laws: what comes out can be sent as it is; a message that holds itself is there once; a stranger's schema cannot make it
 * grow without bound.
 */
import type { JsonValue } from "../../index.js";
import {
  type FieldDeclaration,
  FieldType,
  jsonNameOf,
  Label,
  mapEntryOf,
  type MessageDeclaration,
  SCALARS,
  withoutDot,
} from "./declaration.js";
import type { DeclaredNames } from "./declared.js";

/** More fields than this nobody fills in by hand. */
const MAX_FIELDS = 10_000;
const MAX_DEPTH = 30;

/** The messages that have a form of their own. */
const WELL_KNOWN: ReadonlyMap<string, JsonValue> = new Map<string, JsonValue>([
  ["google.protobuf.Any", { "@type": "type.googleapis.com/google.protobuf.Empty" }],
  ["google.protobuf.Timestamp", "1970-01-01T00:00:00Z"],
  ["google.protobuf.Duration", "0s"],
  ["google.protobuf.FieldMask", ""],
  ["google.protobuf.Struct", { name: "any JSON" }],
  ["google.protobuf.Value", "any JSON"],
  ["google.protobuf.ListValue", ["any JSON"]],
  ["google.protobuf.Empty", {}],
  ["google.protobuf.BoolValue", false],
  ["google.protobuf.BytesValue", ""],
  ["google.protobuf.DoubleValue", 0],
  ["google.protobuf.FloatValue", 0],
  ["google.protobuf.Int32Value", 0],
  ["google.protobuf.Int64Value", "0"],
  ["google.protobuf.StringValue", ""],
  ["google.protobuf.UInt32Value", 0],
  ["google.protobuf.UInt64Value", "0"],
]);

/** A message of that type with all its fields: of a oneof the first. */
export function jsonTemplate(names: DeclaredNames, typeName: string): JsonValue {
  return new Template(names).message(typeName);
}

class Template {
  readonly #names: DeclaredNames;
  /** The types around the one being filled in. */
  readonly #open = new Set<string>();
  #fields = 0;

  constructor(names: DeclaredNames) {
    this.#names = names;
  }

  message(typeName: string): JsonValue {
    const wellKnown = WELL_KNOWN.get(typeName);
    if (wellKnown !== undefined) return wellKnown;
    const node = this.#names.message(typeName)?.node;
    if (node === undefined) return {};
    this.#open.add(typeName);
    const oneofs = new Set<number>();
    // No prototype, so that a field of any name can be set.
    const object = Object.create(null) as Record<string, JsonValue>;
    for (const field of node.fields) {
      if (field.oneofIndex !== undefined && oneofs.has(field.oneofIndex)) continue;
      if (this.#fields >= MAX_FIELDS) break;
      const value = this.#field(field, node);
      if (value === undefined) continue;
      if (field.oneofIndex !== undefined) oneofs.add(field.oneofIndex);
      object[field.jsonName ?? jsonNameOf(field.name)] = value;
    }
    this.#open.delete(typeName);
    return object;
  }

  /** `undefined` for what would hold itself. */
  #field(field: FieldDeclaration, node: MessageDeclaration): JsonValue | undefined {
    this.#fields++;
    const entry = mapEntryOf(field, node);
    if (entry !== undefined) return this.#map(entry);
    const value = this.#value(field);
    return field.label === Label.REPEATED && value !== undefined ? [value] : value;
  }

  #map(entry: MessageDeclaration): JsonValue | undefined {
    const key = entry.fields.find(({ number }) => number === 1);
    const of = entry.fields.find(({ number }) => number === 2);
    const value = of === undefined ? undefined : this.#value(of);
    if (key === undefined || value === undefined) return undefined;
    const scalar = SCALARS.get(key.type ?? 0);
    return { [scalar === "string" ? "key" : scalar === "bool" ? "false" : "0"]: value };
  }

  #value({ type = 0, typeName = "" }: FieldDeclaration): JsonValue | undefined {
    const scalar = SCALARS.get(type);
    if (scalar !== undefined) return scalarTemplate(scalar);
    const name = withoutDot(typeName);
    if (type === FieldType.ENUM) {
      const declared = this.#names.get(name);
      return (declared?.kind === "enum" ? declared.node.values[0]?.name : undefined) ?? 0;
    }
    return this.#open.has(name) || this.#open.size >= MAX_DEPTH ? undefined : this.message(name);
  }
}

function scalarTemplate(scalar: string): JsonValue {
  if (scalar === "bool") return false;
  if (scalar === "string" || scalar === "bytes") return "";
  return scalar.endsWith("64") ? "0" : 0;
}
