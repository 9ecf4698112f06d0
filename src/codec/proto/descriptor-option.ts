/**
 * What stands behind an option's name in a `.proto` text: read here, understood in `descriptor-options.ts`, which knows types.
 *
 * Spec: protobuf.dev, "Language Specification", "Option"; "Text Format Language Specification".
 */
import type { Tokens } from "./descriptor-tokens.js";

/** A value as it is written. */
export type OptionValue =
  | { readonly kind: "name"; readonly text: string }
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "string"; readonly bytes: Uint8Array }
  | { readonly kind: "message"; readonly fields: readonly OptionField[] }
  | { readonly kind: "list"; readonly items: readonly OptionValue[] };

/** A part of an option's name: `deprecated`, or an extension's name, which stands in brackets. */
export interface NamePart {
  readonly text: string;
  readonly isExtension: boolean;
}

/** A field within a message that is an option's value. */
export interface OptionField extends NamePart {
  readonly value: OptionValue;
}

/** One option. */
export interface OptionStatement {
  readonly name: readonly NamePart[];
  readonly value: OptionValue;
  /** Where it begins in the text. */
  readonly at: number;
}

const MAX_DEPTH = 100;
const MAX_SHOWN_CHARS = 64;

/** Reads `name = value`. */
export function readOption(tokens: Tokens): OptionStatement {
  const { at } = tokens.current;
  const name = [readNamePart(tokens)];
  while (take(tokens, ".")) name.push(readNamePart(tokens));
  expect(tokens, "=");
  return { name, value: readValue(tokens, 0), at };
}

/** A name with dots in it, and perhaps one in front. */
export function readFullName(tokens: Tokens): string {
  let text = take(tokens, ".") ? "." : "";
  text += readName(tokens);
  while (take(tokens, ".")) text += `.${readName(tokens)}`;
  return text;
}

/** A name without dots. */
export function readName(tokens: Tokens): string {
  const { kind, text } = tokens.current;
  if (kind !== "name") throw wanted(tokens, "a name");
  tokens.next();
  return text;
}

/** One string or several one behind another, as bytes. */
export function readString(tokens: Tokens): Uint8Array {
  if (tokens.current.kind !== "string") throw wanted(tokens, "a string");
  const parts: Uint8Array[] = [];
  for (; tokens.current.kind === "string"; tokens.next()) parts.push(unescape(tokens));
  return Buffer.concat(parts);
}

/** Goes past `symbol` if it is there. */
export function take(tokens: Tokens, symbol: string): boolean {
  if (tokens.current.text !== symbol) return false;
  tokens.next();
  return true;
}

/** Goes past `symbol`. @throws Error when something else is there. */
export function expect(tokens: Tokens, symbol: string): void {
  if (!take(tokens, symbol)) throw wanted(tokens, JSON.stringify(symbol));
}

/** An error that says what should be there, and what is. */
export function wanted(tokens: Tokens, what: string): Error {
  const { kind, text } = tokens.current;
  const found = kind === "end" ? "the end of the file" : JSON.stringify(text.slice(0, MAX_SHOWN_CHARS));
  return tokens.error(`expected ${what}, found ${found}`);
}

function readNamePart(tokens: Tokens): NamePart {
  if (!take(tokens, "(")) return { text: readName(tokens), isExtension: false };
  const text = readFullName(tokens);
  expect(tokens, ")");
  return { text, isExtension: true };
}

function readValue(tokens: Tokens, depth: number): OptionValue {
  if (depth > MAX_DEPTH) throw tokens.error(`an option's value is at most ${MAX_DEPTH} deep`);
  const { kind, text } = tokens.current;
  if (kind === "string") return { kind, bytes: readString(tokens) };
  if (kind === "name") return { kind, text: readFullName(tokens) };
  if (kind === "integer" || kind === "float") {
    tokens.next();
    return { kind: "number", text };
  }
  if (take(tokens, "-")) {
    const negative = tokens.current;
    const isNumber = /^(?:integer|float)$/.test(negative.kind) || /^(?:inf|infinity|nan)$/i.test(negative.text);
    if (!isNumber) throw wanted(tokens, "a number");
    tokens.next();
    return { kind: "number", text: `-${negative.text}` };
  }
  if (take(tokens, "{")) return { kind: "message", fields: readFields(tokens, "}", depth) };
  if (take(tokens, "<")) return { kind: "message", fields: readFields(tokens, ">", depth) };
  if (take(tokens, "[")) return { kind: "list", items: readItems(tokens, depth) };
  throw wanted(tokens, "a value");
}

function readFields(tokens: Tokens, end: string, depth: number): OptionField[] {
  const fields: OptionField[] = [];
  while (!take(tokens, end)) {
    const part = readFieldName(tokens);
    const hasColon = take(tokens, ":");
    const isMessage = /^[{<[]$/.test(tokens.current.text);
    if (!hasColon && !isMessage) throw wanted(tokens, '":"');
    fields.push({ ...part, value: readValue(tokens, depth + 1) });
    if (!take(tokens, ",")) take(tokens, ";");
  }
  return fields;
}

/** A field's name, or in brackets that of an extension or the URL of what an `Any` holds. */
function readFieldName(tokens: Tokens): NamePart {
  if (!take(tokens, "[")) return { text: readName(tokens), isExtension: false };
  let text = readFullName(tokens);
  while (take(tokens, "/")) text += `/${readFullName(tokens)}`;
  expect(tokens, "]");
  return { text, isExtension: true };
}

function readItems(tokens: Tokens, depth: number): OptionValue[] {
  const items: OptionValue[] = [];
  if (take(tokens, "]")) return items;
  do items.push(readValue(tokens, depth + 1));
  while (take(tokens, ","));
  expect(tokens, "]");
  return items;
}

const ESCAPE = /\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/gsu;
const SIMPLE: Readonly<Record<string, string>> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

function unescape(tokens: Tokens): Uint8Array {
  const inner = tokens.current.text.slice(1, -1);
  if (!inner.includes("\\")) return Buffer.from(inner);
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const match of inner.matchAll(ESCAPE)) {
    const [whole, octal, hex, short, long, char] = match;
    parts.push(Buffer.from(inner.slice(at, match.index)));
    at = match.index + whole.length;
    if (octal !== undefined) parts.push(Buffer.of(Number.parseInt(octal, 8) & 0xff));
    else if (hex !== undefined) parts.push(Buffer.of(Number.parseInt(hex, 16)));
    else if (char !== undefined) parts.push(Buffer.from(SIMPLE[char] ?? char));
    else {
      const point = Number.parseInt(short ?? long ?? "", 16);
      if (point > 0x10ffff) throw tokens.error(`a string has a character that does not exist: ${whole}`);
      parts.push(Buffer.from(String.fromCodePoint(point)));
    }
  }
  parts.push(Buffer.from(inner.slice(at)));
  return Buffer.concat(parts);
}
