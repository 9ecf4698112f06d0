/**
 * What protobufjs cannot parse or would drop, put into words that it understands, and its names put back.
 *
 * Spec: protobuf.dev, "Protocol Buffers Language Specification" (proto2, proto3, editions).
 * Laws: lines stay where they are; strings and comments are not touched; a text that needs nothing is returned as it is.
 */
import type protobuf from "protobufjs";

/** protobufjs drops whatever is called `__proto__`, and takes a package `constructor` for what every object has. */
const INHERITED: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));
const INHERITED_WORDS = new RegExp(`\\b(?:${[...INHERITED].join("|")})\\b`, "g");

/** They have this behind them there. */
const MARK = "__barewire__";

/** `text` with strings and comments replaced by spaces, so that what is left are tokens, at their places. */
export function blankText(text: string): string {
  return text.replace(/\/\/.*|\/\*[\s\S]*?(?:\*\/|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?/g, (one) =>
    one.replace(/[^\n]/g, " "),
  );
}

/** The text of a file of `syntax` for protobufjs. */
export function toParserText(text: string, syntax: string): string {
  let result = text;
  if (/<(?!\s*\w+\s*,)/.test(result)) result = curlyBraces(result);
  if (result.search(INHERITED_WORDS) >= 0) result = markNames(result);
  if (syntax === "proto2" && result.includes("group")) result = new GroupRewriter(result).run();
  return result;
}

function markNames(text: string): string {
  const pieces: string[] = [];
  let at = 0;
  for (const { 0: name, index } of blankText(text).matchAll(INHERITED_WORDS)) {
    pieces.push(text.slice(at, index), name, MARK);
    at = index + name.length;
  }
  return pieces.join("") + text.slice(at);
}

/** Message values of options may stand between `<` and `>`. */
function curlyBraces(text: string): string {
  const chars = text.split("");
  const open: boolean[] = [];
  for (const { 0: token, index } of blankText(text).matchAll(/\bmap\s*<(?=\s*\w+\s*,)|<|>/g)) {
    const isMap = token === ">" ? open.pop() !== false : token !== "<";
    if (token !== ">") open.push(isMap);
    if (!isMap) chars[index] = token === ">" ? "}" : "{";
  }
  return chars.join("");
}

/** A block between braces. */
interface Block {
  /** An `extend` or a `oneof`, which cannot hold messages. */
  readonly isFlat: boolean;
  /** Whether it is to follow the block around it. */
  readonly isMoved: boolean;
  readonly pieces: string[];
  /** What follows it. */
  readonly after: string[];
}

/**
 * "A group simply combines a nested message type and a field into a single declaration": written as the two, as the parser
 * takes groups with options, with oneofs or within them for errors, and names their fields as protoc does not.
 */
class GroupRewriter {
  readonly #text: string;
  readonly #outer: Block[] = [];
  #block: Block = { isFlat: false, isMoved: false, pieces: [], after: [] };

  constructor(text: string) {
    this.#text = text;
  }

  run(): string {
    const pattern =
      /\bgroup\s+(?<name>\w+)\s*=\s*(?<id>\w+)\s*(?<options>\[(?:[^[\]]|\[[^\]]{0,2000}\]){0,2000}\])?\s*\{|\b(?<flat>oneof\s+\w+|extend\s+[\w.]+)\s*\{|[{}]/g;
    let at = 0;
    for (const { 0: token, index, groups } of blankText(this.#text).matchAll(pattern)) {
      this.#block.pieces.push(this.#text.slice(at, index));
      at = index + token.length;
      const original = this.#text.slice(index, at);
      if (groups?.["name"] !== undefined) this.#openGroup(groups["name"], groups["id"] ?? "", original);
      else if (token === "}") this.#close();
      else this.#open(original, groups?.["flat"] !== undefined, false);
    }
    const rest = [this.#text.slice(at)];
    // Braces that do not match are for the parser to tell.
    return [...this.#outer, this.#block]
      .flatMap(({ pieces, after }) => [...pieces, ...after])
      .concat(rest)
      .join("");
  }

  #openGroup(name: string, id: string, original: string): void {
    const [, options] = /\[([\s\S]*)\]\s*\{$/.exec(original) ?? [];
    const features = `features.message_encoding = DELIMITED${options === undefined ? "" : `, ${options}`}`;
    const newlines = "\n".repeat(original.split("\n").length - (options ?? "").split("\n").length);
    this.#block.pieces.push(`${name} ${name.toLowerCase()} = ${id} [${features}];${newlines}`);
    this.#open(` message ${name} {`, false, this.#block.isFlat);
  }

  #open(head: string, isFlat: boolean, isMoved: boolean): void {
    this.#outer.push(this.#block);
    this.#block = { isFlat, isMoved, pieces: [head], after: [] };
  }

  #close(): void {
    const { pieces, after, isMoved } = this.#block;
    const outer = this.#outer.pop();
    if (outer === undefined) {
      pieces.push("}");
      return;
    }
    (isMoved ? outer.after : outer.pieces).push(...pieces, "}", ...after);
    this.#block = outer;
  }
}

/** A name, or a text with names, as the `.proto` has it. */
export function originalName(name: string): string {
  return name.includes(MARK) ? name.replaceAll(MARK, "") : name;
}

/** A name of the `.proto` as protobufjs has it. */
export function parserName(name: string): string {
  return INHERITED.has(name) ? name + MARK : name;
}

/** The full name of a declaration as the `.proto` has it, without a leading dot. */
export function fullNameOf(object: protobuf.ReflectionObject): string {
  return originalName(object.fullName.replace(/^\./, ""));
}
