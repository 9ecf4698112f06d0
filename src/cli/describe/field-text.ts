/**
 * The parts of a field's declaration, as source text: label, type, default; and the words in front of other declarations.
 *
 * Spec: protobuf.dev, "Protocol Buffers Language Specification" (proto2, proto3, editions).
 */
import { type FieldDeclaration, FieldType, jsonNameOf, Label, SCALARS, withoutDot } from "./declaration.js";

/** What the syntax writes like options though the descriptor has it elsewhere. */
export function pseudoOptions({ type, defaultValue, jsonName, name }: FieldDeclaration): string[] {
  const options: string[] = [];
  if (defaultValue !== undefined) {
    options.push(`default = ${defaultText(SCALARS.get(type ?? 0), defaultValue)}`);
  }
  if (jsonName !== undefined && jsonName !== jsonNameOf(name)) options.push(`json_name = ${JSON.stringify(jsonName)}`);
  return options;
}

/** Texts stand in descriptors as they are, bytes with escapes, and the rest as in the source. */
function defaultText(scalar: string | undefined, value: string): string {
  if (scalar === "bytes" && /^(?:[^"\\\p{Cc}]|\\.)*$/u.test(value)) return `"${value}"`;
  return scalar !== "string" && /^[-+\w.]+$/.test(value) ? value : JSON.stringify(value);
}

/** "export" and "local" of edition 2024. */
export function visible(what: string, visibility: number | undefined): string {
  return `${visibility === 1 ? "local " : visibility === 2 ? "export " : ""}${what}`;
}

/** The type of a value: a scalar, or a full name. */
export function typeOf({ type, typeName }: FieldDeclaration): string {
  return SCALARS.get(type ?? 0) ?? withoutDot(typeName ?? "");
}

/** The word in front of the type, with a space behind it. */
export function labelOf({ label, oneofIndex, proto3Optional }: FieldDeclaration, syntax: string): string {
  if (label === Label.REPEATED) return "repeated ";
  if (syntax === "proto2" && label === Label.REQUIRED) return "required ";
  if (proto3Optional === true) return "optional ";
  return syntax === "proto2" && oneofIndex === undefined ? "optional " : "";
}

/** Whether it is a group of proto2, whose message is declared with it. */
export function isGroup({ type }: FieldDeclaration): boolean {
  return type === FieldType.GROUP;
}
