/**
 * What protobufjs cannot parse or would drop, put into words that it understands, and its names put back.
 *
 * Spec: protobuf.dev, "Protocol Buffers Language Specification" (proto2, proto3, editions).
 * Laws: lines stay where they are; strings and comments are not touched; a text that needs nothing is returned as it is.
 */
import type protobuf from "protobufjs";

/** protobufjs drops whatever is called `__proto__`; it has this name there. */
const PROTO = "__proto__";
const STAND_IN = "__proto__barewire__";

/** `text` with strings and comments replaced by spaces, so that what is left are tokens, at their places. */
export function blankText(text: string): string {
  return text.replace(/\/\/.*|\/\*[\s\S]*?(?:\*\/|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?/g, (one) =>
    one.replace(/[^\n]/g, " "),
  );
}

/** The text for protobufjs. */
export function toParserText(text: string): string {
  const wantsNames = text.includes(PROTO);
  const wantsGroups = text.includes("group");
  const wantsBraces = /<(?!\s*\w+\s*,)/.test(text);
  if (!wantsNames && !wantsGroups && !wantsBraces) return text;
  const chars = [...text].length === text.length ? [...text] : text.split("");
  const tokens = blankText(text);
  if (wantsBraces) curlyBraces(tokens, chars);
  if (wantsGroups) dropGroupOptions(tokens, chars);
  if (wantsNames)
    for (const { index } of tokens.matchAll(/\b__proto__\b/g))
      chars[index + PROTO.length - 1] = STAND_IN.slice(PROTO.length - 1);
  return chars.join("");
}

/** Message values of options may stand between `<` and `>`. */
function curlyBraces(tokens: string, chars: string[]): void {
  const open: boolean[] = [];
  for (const { 0: token, index } of tokens.matchAll(/\bmap\s*<(?=\s*\w+\s*,)|<|>/g)) {
    const isMap = token === ">" ? open.pop() !== false : token !== "<";
    if (token !== ">") open.push(isMap);
    if (!isMap) chars[index] = token === ">" ? "}" : "{";
  }
}

/** A group's field options stand before its fields. None of them changes what is on the wire. */
function dropGroupOptions(tokens: string, chars: string[]): void {
  for (const { 0: token, index } of tokens.matchAll(/\bgroup\s+\w+\s*=\s*\w+\s*\[[^\]]*\](?=\s*\{)/g)) {
    for (let i = index + token.indexOf("["); i < index + token.length; i++) if (chars[i] !== "\n") chars[i] = " ";
  }
}

/** A name as the `.proto` has it. */
export function originalName(name: string): string {
  return name.includes(STAND_IN) ? name.replaceAll(STAND_IN, PROTO) : name;
}

/** The full name of a declaration as the `.proto` has it, without a leading dot. */
export function fullNameOf(object: protobuf.ReflectionObject): string {
  return originalName(object.fullName.replace(/^\./, ""));
}
