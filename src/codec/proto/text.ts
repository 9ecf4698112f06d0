/**
 * Messages in protobuf's text format, for people.
 *
 * Spec: protobuf.dev, "Text Format Language Specification".
 * Laws: everything is shown, fields that the schema does not know included; no control character of a message gets out
 * unescaped; recursion is bounded.
 */
import type { DynamicMessage, MessageType } from "../method.js";
import { unknownFields } from "./absent.js";
import { codecOf, typeNameOf, typesOf, type TypeRegistry } from "./any.js";
import { MAX_DEPTH } from "./decode-values.js";
import type { FieldShape, ScalarName, ValueShape } from "./fields.js";
import { is64Bit } from "./source.js";
import { shortestFloat } from "./json-scalars.js";
import { isDefault, valueOf } from "./json-write.js";
import { decodeUnbounded, MessageCodec, messageCodec } from "./message.js";
import { readFixed64, readUint64 } from "./varint64.js";
import { createReader, WireType, type WireReader } from "./wire.js";

/** How {@link toText} writes. */
export interface ToTextOptions {
  /** Where the types of `Any` values are looked up, behind the schema that the message's type is from. Default: nowhere else. */
  readonly types?: TypeRegistry | undefined;
}

/**
 * A message in text format, one field a line, each line with its end: `""` for an empty message. An `Any` is shown as its message
 * where its type is known, else as it is.
 *
 * @throws TypeError naming the path of a wrong value.
 */
export function toText<Init>(
  type: MessageType<unknown, Init>,
  message: NoInfer<Init>,
  options: ToTextOptions = {},
): string {
  const codec = codecOf(type, "write it as text");
  const printer = new TextPrinter(typesOf(codec, options.types));
  printer.message(codec, decodeUnbounded(codec, type.encode(message)), 0);
  return printer.text;
}

class TextPrinter {
  text = "";
  readonly #typeOf: (typeName: string) => MessageType | undefined;
  #indent = "";

  constructor(typeOf: (typeName: string) => MessageType | undefined) {
    this.#typeOf = typeOf;
  }

  /** `depth` counts the messages around it, those in an `Any` included. */
  message(codec: MessageCodec, message: DynamicMessage, depth: number): void {
    if (codec.typeName === "google.protobuf.Any" && this.#expanded(message, depth)) return;
    for (const field of codec.fields) {
      const value = valueOf(field, message);
      if (value !== undefined && !isDefault(field, value)) this.#field(field, value, depth);
    }
    const kept = (message as Record<symbol, unknown>)[unknownFields] as readonly Uint8Array[] | undefined;
    for (const bytes of kept ?? []) this.#unknown(createReader(bytes), -1);
  }

  #line(text: string): void {
    this.text += `${this.#indent}${text}\n`;
  }

  #block(name: string, inside: () => void): void {
    this.#line(`${name} {`);
    const outer = this.#indent;
    this.#indent += "  ";
    inside();
    this.#indent = outer;
    this.#line("}");
  }

  #field(field: FieldShape, value: unknown, depth: number): void {
    const name = nameOf(field);
    if (field.mapKey !== undefined) {
      for (const [key, item] of value as ReadonlyMap<unknown, unknown>) {
        this.#block(name, () => {
          this.#value("key", { kind: "scalar", scalar: field.mapKey as ScalarName }, key, depth);
          this.#value("value", field.value, item, depth);
        });
      }
    } else if (field.repeated) {
      for (const item of value as readonly unknown[]) this.#value(name, field.value, item, depth);
    } else {
      this.#value(name, field.value, value, depth);
    }
  }

  #value(name: string, shape: ValueShape, value: unknown, depth: number): void {
    if (shape.kind === "message") {
      this.#block(name, () => this.message(messageCodec(shape.declared), value as DynamicMessage, depth + 1));
    } else if (shape.kind === "enum") {
      this.#line(`${name}: ${shape.enum.nameOf(value as number) ?? String(value)}`);
    } else {
      this.#line(`${name}: ${formatScalar(shape.scalar, value)}`);
    }
  }

  /** "[type.googleapis.com/pkg.Type] { … }": says whether the message in an `Any` could be shown. */
  #expanded(any: DynamicMessage, depth: number): boolean {
    const { typeUrl, value } = any as unknown as { typeUrl: string; value: Uint8Array };
    // A type URL is a peer's text: what cannot stand between brackets is shown as the string it is.
    if (depth > MAX_DEPTH || !/^[\w.-]+(?:\/[\w.-]+)+$/.test(typeUrl)) return false;
    const type = this.#typeOf(typeNameOf(typeUrl));
    if (!(type instanceof MessageCodec)) return false;
    let content: DynamicMessage;
    try {
      content = type.decode(value);
    } catch {
      return false;
    }
    this.#block(`[${typeUrl}]`, () => this.message(type, content, depth + 1));
    return true;
  }

  /** Fields by their numbers, each as its wire type shows it. `group` is the number of the group they are in, or -1. */
  #unknown(reader: WireReader, group: number): void {
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      const number = tag >>> 3;
      switch (tag & 7) {
        case WireType.VARINT:
          this.#line(`${number}: ${readUint64(reader)}`);
          break;
        case WireType.I64:
          this.#line(`${number}: 0x${readFixed64(reader).toString(16).padStart(16, "0")}`);
          break;
        case WireType.I32:
          this.#line(`${number}: 0x${reader.fixed32().toString(16).padStart(8, "0")}`);
          break;
        case WireType.LEN:
          this.#line(`${number}: ${quoteBytes(reader.bytes())}`);
          break;
        case WireType.SGROUP:
          // The decoder that kept these bytes has bounded how deep groups are nested.
          this.#block(String(number), () => this.#unknown(reader, number));
          break;
        default:
          if (number === group) return;
      }
    }
  }
}

/** A group is called by its type: the field's own name is that in lower case. */
function nameOf({ name, value, delimited }: FieldShape): string {
  if (!delimited || value.kind !== "message") return name;
  const typeName = value.message.slice(value.message.lastIndexOf(".") + 1);
  return typeName.toLowerCase() === name ? typeName : name;
}

function formatScalar(scalar: ScalarName, value: unknown): string {
  if (is64Bit(scalar)) return String(value);
  if (typeof value === "string") return quoteText(value);
  if (value instanceof Uint8Array) return quoteBytes(value);
  if (typeof value !== "number") return String(value);
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  return Object.is(value, -0) ? "-0" : String(scalar === "float" ? shortestFloat(value) : value);
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ['"', '\\"'],
  ["'", "\\'"],
  ["\\", "\\\\"],
]);

/** Besides quotes: whatever is not a visible character, as it may drive a terminal or reorder the line. */
function quoteText(text: string): string {
  const escaped = text.replace(
    /["'\\]|\p{C}|\p{Zl}|\p{Zp}/gu,
    (char) => ESCAPES.get(char) ?? Array.from(Buffer.from(char), octal).join(""),
  );
  return `"${escaped}"`;
}

function quoteBytes(bytes: Uint8Array): string {
  const chars = Array.from(bytes, (byte) => {
    const char = String.fromCharCode(byte);
    return ESCAPES.get(char) ?? (byte >= 0x20 && byte < 0x7f ? char : octal(byte));
  });
  return `"${chars.join("")}"`;
}

function octal(byte: number): string {
  return `\\${byte.toString(8).padStart(3, "0")}`;
}
