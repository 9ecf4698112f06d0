/**
 * The values of options that are no messages: from how they are written to their bytes.
 *
 * Spec: protobuf.dev, "Encoding"; "Text Format Language Specification", "Numeric Literals".
 */
import { parseFloating, parseInteger } from "./descriptor-default.js";
import type { Linker } from "./descriptor-link.js";
import { FieldType, type FieldDescriptorProto } from "./descriptor-model.js";
import type { OptionValue } from "./descriptor-option.js";
import { takeInt64, takeUint64, writeFixed64, writeVarint64, writeZigzag64 } from "./varint64.js";
import { createWriter, WireType, type WireWriter } from "./wire.js";

/** The wire type of values of a `FieldDescriptorProto.Type` that is no message. */
export function wireTypeOf(type: number): WireType {
  if (type === 1 || type === 6 || type === 16) return WireType.I64;
  if (type === 2 || type === 7 || type === 15) return WireType.I32;
  return type === 9 || type === 12 ? WireType.LEN : WireType.VARINT;
}

/** The bytes of a value of `field`, without its tag. @throws Error when it is of another type or out of range. */
export function encodeScalar(linker: Linker, field: FieldDescriptorProto, value: OptionValue): Uint8Array {
  const writer = createWriter();
  writeScalar(linker, field, value, writer);
  return writer.finish();
}

function writeScalar(linker: Linker, field: FieldDescriptorProto, value: OptionValue, writer: WireWriter): void {
  switch (field.type) {
    case 1:
      writer.double(parseFloating(numberText(value)));
      return;
    case 2:
      writer.float(parseFloating(numberText(value)));
      return;
    case 8:
      writer.bool(parseBool(value));
      return;
    case 9:
    case 12:
      if (value.kind !== "string") throw new Error(`its value must be a string: current value is a ${value.kind}`);
      writer.bytes(value.bytes);
      return;
    case FieldType.ENUM:
      writer.int32(enumNumber(linker, field, value));
      return;
    default:
      writeInteger(field.type ?? 0, parseInteger(numberText(value)), writer);
  }
}

function writeInteger(type: number, value: bigint, writer: WireWriter): void {
  const isUnsigned = [4, 6, 7, 13].includes(type);
  if (!(isUnsigned ? takeUint64(value) : takeInt64(value))) throw new Error(`its value is out of range: ${value}`);
  switch (type) {
    case 16:
    case 6:
      writeFixed64(writer);
      return;
    case 7:
      writer.fixed32(Number(value));
      return;
    case 15:
      writer.sfixed32(Number(value));
      return;
    case 17:
    case 18:
      writeZigzag64(writer);
      return;
    default:
      writeVarint64(writer);
  }
}

function numberText(value: OptionValue): string {
  if (value.kind === "number") return value.text;
  if (value.kind === "name" && /^(?:inf|infinity|nan)$/i.test(value.text)) return value.text;
  throw new Error(`its value must be a number: current value is a ${value.kind}`);
}

function parseBool(value: OptionValue): boolean {
  const text = value.kind === "name" || value.kind === "number" ? value.text : "";
  if (/^(?:true|True|t|1)$/.test(text)) return true;
  if (/^(?:false|False|f|0)$/.test(text)) return false;
  throw new Error(`its value must be true or false: current value is ${JSON.stringify(text)}`);
}

function enumNumber(linker: Linker, field: FieldDescriptorProto, value: OptionValue): number {
  if (value.kind === "number") return Number(parseInteger(value.text));
  const typeName = (field.typeName ?? "").slice(1);
  const symbol = linker.findAnywhere(typeName);
  const named = value.kind === "name" && symbol?.kind === "enum" ? symbol.enum.value : [];
  const found = named.find(({ name }) => name === (value as { text: string }).text);
  if (found === undefined) throw new Error(`${typeName} has no such value`);
  return found.number;
}
