/**
 * Default values as descriptors have them, and numbers as a `.proto` writes them.
 *
 * Spec: descriptor.proto, FieldDescriptorProto.default_value; protobuf.dev, "Language Specification", "Integer Literals".
 */
import { FieldType } from "./descriptor-model.js";

/** "For numeric types, contains the original text representation of the value … For bytes, contains the C escaped value". @throws Error when it is of another type. */
export function formatDefault(type: number, text: string): string {
  switch (type) {
    case 1:
    case 2:
      return formatFloat(type, text);
    case 8:
    case FieldType.ENUM:
      return text;
    case 9:
      return Buffer.from(text, "latin1").toString();
    case 12:
      return escapeBytes(text);
    default:
      return parseInteger(text).toString();
  }
}

/** A whole number as a `.proto` writes it. @throws SyntaxError when it is none. */
export function parseInteger(text: string): bigint {
  const digits = text.replace(/^-/, "");
  const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return text.startsWith("-") ? -value : value;
}

/** A number that may have a fraction, or be `inf` or `nan`. */
export function parseFloating(text: string): number {
  const digits = text.replace(/^-/, "").toLowerCase();
  const sign = text.startsWith("-") ? -1 : 1;
  if (digits === "inf" || digits === "infinity") return sign * Infinity;
  if (digits === "nan") return NaN;
  if (/^(?:0x[0-9a-f]+|[0-9]+)$/.test(digits)) return sign * Number(parseInteger(digits));
  return sign * Number.parseFloat(digits);
}

function formatFloat(type: number, text: string): string {
  const value = type === 2 ? Math.fround(parseFloating(text)) : parseFloating(text);
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  if (Object.is(value, -0)) return "-0";
  // The digits that every decimal number survives with, or else those that every binary one does.
  const [short, long] = type === 2 ? [6, 9] : [15, 17];
  const shown = formatDigits(value, short);
  const isSame = type === 2 ? Math.fround(Number(shown)) === value : Number(shown) === value;
  return isSame ? shown : formatDigits(value, long);
}

/** As C's `%g` has it, which is what compilers write: at most so many digits, and an exponent of two digits at least. */
function formatDigits(value: number, digits: number): string {
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e") as [string, string];
  const withoutZeros = (text: string): string => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  const power = Number(exponent);
  if (power >= -4 && power < digits) return withoutZeros(value.toFixed(digits - 1 - power));
  return `${withoutZeros(mantissa)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

const NAMED_ESCAPES: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  '"': '\\"',
  "'": "\\'",
  "\\": "\\\\",
};

function escapeBytes(text: string): string {
  return text.replace(
    /[^\x20-\x7e]|["'\\]/g,
    (char) => NAMED_ESCAPES[char] ?? `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}
