/**
 * Ranges of numbers, and what is reserved, as source text.
 *
 * Spec: protobuf.dev, "Protocol Buffers Language Specification" (reserved, extensions).
 * Laws: the source names the last number of a range, a descriptor the one behind it, except in enums; the largest is `max`.
 */
import type { RangeDeclaration } from "./declaration.js";
import type { DeclaringFile } from "./declared.js";

/** How the ranges of a declaration end. */
export interface RangeEnds {
  /** The last number of a range that ends, as descriptors have it, at `end`. */
  readonly lastOf: (end: number) => number;
  /** The number that is called `max`. */
  readonly max: number;
}

/** Those of fields: a descriptor names the number behind the last. */
export const FIELD_RANGES: RangeEnds = { lastOf: (end) => end - 1, max: 536_870_911 };

/** Those of enums: a descriptor names the last number. */
export const ENUM_RANGES: RangeEnds = { lastOf: (end) => end, max: 2_147_483_647 };

/** The `reserved` statements of a message or an enum. */
export function reserved(
  ranges: readonly RangeDeclaration[],
  names: readonly string[],
  file: DeclaringFile,
  ends: RangeEnds,
): string[] {
  const isIdentifier = file.syntax === "editions";
  const shown = names.map((name) => (isIdentifier && /^\w+$/.test(name) ? name : JSON.stringify(name)));
  return [
    ...(ranges.length === 0 ? [] : [`reserved ${ranges.map((range) => rangeText(range, ends)).join(", ")};`]),
    ...(shown.length === 0 ? [] : [`reserved ${shown.join(", ")};`]),
  ];
}

/** `5`, `5 to 9` or `5 to max`. */
export function rangeText({ start = 0, end = 0 }: RangeDeclaration, { lastOf, max }: RangeEnds): string {
  const last = lastOf(end);
  if (last === start) return String(start);
  return `${start} to ${last >= max ? "max" : last}`;
}
