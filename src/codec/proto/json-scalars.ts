/**
 * Scalars in JSON: numbers that may be texts, 64 bits as texts, bytes as base64.
 *
 * Spec: protobuf.dev, "ProtoJSON Format", "Representation of each type".
 * Laws: a value is exactly what was meant or is refused; a float is printed in the fewest digits that read back as it.
 */
import { wrong } from "./encode-values.js";
import type { ScalarName } from "./fields.js";
import { is64Bit } from "./source.js";
import { integerOf, isJsonNumber, type JsonValue } from "./json-text.js";

/** One value of a scalar field, as a decoded message has it, in JSON. */
export function writeScalar(scalar: ScalarName, value: unknown): JsonValue {
  if (is64Bit(scalar)) return String(value);
  if (value instanceof Uint8Array) return base64(value);
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  return scalar === "float" ? shortestFloat(value as number) : (value as JsonValue);
}

/** Standard base64, padded. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

const MAX_FLOAT = 3.4028234663852886e38;

/** 0.1 as a float is 0.10000000149011612; nine digits tell any two floats apart, and most need fewer. */
export function shortestFloat(value: number): number {
  // The text of -0 has no sign.
  if (value === 0) return value;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value && Math.abs(short) <= MAX_FLOAT) return short;
  }
  const nine = Number(value.toPrecision(9));
  // The shortest form of the largest float is beyond it, and strict readers refuse it before they round.
  return Math.abs(nine) > MAX_FLOAT ? value : nine;
}

/** The value of a scalar field that stands in JSON. @throws WrongValue when it is not one. */
export function readScalar(scalar: ScalarName, json: unknown): unknown {
  switch (scalar) {
    case "bool":
      return typeof json === "boolean" ? json : wrong(json, "", "true or false");
    case "string":
      return readText(json);
    case "bytes":
      return readBase64(json);
    case "double":
    case "float":
      return readFloat(scalar, json);
    default:
      return readInteger(scalar, json);
  }
}

/** A map's key, which JSON has as a name. @throws WrongValue when it is not one. */
export function readKey(scalar: ScalarName, name: string): unknown {
  if (scalar !== "bool") return readScalar(scalar, name);
  return name === "true" || (name === "false" ? false : wrong(name, "", '"true" or "false"'));
}

function readText(json: unknown): string {
  if (typeof json !== "string") return wrong(json, "", "a string");
  return /\p{Surrogate}/u.test(json) ? wrong(json, "", "a string without half a surrogate pair") : json;
}

/** "Either standard or URL-safe base64 encoding with/without paddings are accepted." */
const BASE64 = /^[A-Za-z0-9+/_-]*(={0,2})$/;

function readBase64(json: unknown): Uint8Array {
  const padding = typeof json === "string" ? BASE64.exec(json)?.[1] : undefined;
  if (typeof json !== "string" || padding === undefined) return wrong(json, "", "a string of base64");
  const over = json.length % 4;
  if (padding === "" ? over === 1 : over !== 0) wrong(json, "", "a string of base64 of a whole length");
  return new Uint8Array(Buffer.from(json, "base64"));
}

const NOT_FINITE: ReadonlyMap<unknown, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
]);

function readFloat(scalar: "double" | "float", json: unknown): number {
  const named = NOT_FINITE.get(json);
  if (named !== undefined) return named;
  const isText = typeof json === "string" && isJsonNumber(json);
  const value = typeof json === "number" || typeof json === "bigint" || isText ? Number(json) : Number.NaN;
  if (Number.isFinite(scalar === "float" ? Math.fround(value) : value)) return value;
  return wrong(json, "", `a number in the range of a ${scalar}, "NaN", "Infinity" or "-Infinity"`);
}

interface Range {
  readonly min: bigint;
  readonly max: bigint;
  readonly wanted: string;
}

function range(min: bigint, max: bigint, text: string): Range {
  return { min, max, wanted: `an integer from ${text}` };
}

const INT32 = range(-(2n ** 31n), 2n ** 31n - 1n, "-2147483648 to 2147483647");
const UINT32 = range(0n, 2n ** 32n - 1n, "0 to 4294967295");
const INT64 = range(-(2n ** 63n), 2n ** 63n - 1n, "-2^63 to 2^63-1, as a string when beyond 2^53");
const UINT64 = range(0n, 2n ** 64n - 1n, "0 to 2^64-1, as a string when beyond 2^53");

function rangeOf(scalar: ScalarName): Range {
  const isUnsigned = scalar.startsWith("u") || scalar.startsWith("f");
  if (scalar.endsWith("64")) return isUnsigned ? UINT64 : INT64;
  return isUnsigned ? UINT32 : INT32;
}

function readInteger(scalar: ScalarName, json: unknown): bigint | number {
  const { min, max, wanted } = rangeOf(scalar);
  const value = wholeNumber(json);
  if (value === undefined || value < min || value > max) return wrong(json, "", wanted);
  return scalar.endsWith("64") ? value : Number(value);
}

/** A number beyond 2^53 may have been rounded before it came here, which its text or a bigint cannot. */
function wholeNumber(json: unknown): bigint | undefined {
  if (typeof json === "bigint") return json;
  if (typeof json === "string") return integerOf(json);
  return Number.isSafeInteger(json) ? BigInt(json as number) : undefined;
}

/** An enum's number, as JSON may have it beside its names. @throws WrongValue with `wanted` when it is not one. */
export function readEnumNumber(json: unknown, wanted: string): number {
  const { min, max } = INT32;
  const value = typeof json === "string" ? undefined : wholeNumber(json);
  return value === undefined || value < min || value > max ? wrong(json, "", wanted) : Number(value);
}
