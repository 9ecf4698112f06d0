/**
 * JSON as text: a parser that loses nothing the JSON mapping needs, and a printer whose output is safe on a terminal.
 *
 * Spec: RFC 8259; protobuf.dev, "ProtoJSON Format" (int64 as numbers, duplicate names).
 * Laws: a whole number beyond 2^53 becomes a bigint, never a rounded one; a name stands once in an object; recursion is
 * bounded, whatever the text; what is printed holds no control character.
 */

/** What JSON can say. */
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** How deep arrays and objects may be nested: a message and the list it is in are two levels. */
const MAX_JSON_DEPTH = 250;

/** Sets an own property, also for the name `__proto__`, which would set the prototype instead. */
export function setOwn(object: object, name: string, value: unknown): void {
  if (name !== "__proto__") (object as Record<string, unknown>)[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

/**
 * The value in `text`: what `JSON.parse` gives, but a `bigint` for a whole number that a `number` would round.
 *
 * @throws SyntaxError naming line and column when it is not JSON, has a name twice in one object, or is nested more
 * than 250 deep.
 */
export function parseJson(text: string): unknown {
  return new JsonParser(text).only();
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const WORDS: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };

class JsonParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  only(): unknown {
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail("the end of the text");
    return value;
  }

  #value(depth: number): unknown {
    if (depth > MAX_JSON_DEPTH) this.#fail(`arrays and objects nested at most ${MAX_JSON_DEPTH} deep`);
    this.#skipSpace();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return this.#string();
      default:
        return this.#numberOrWord();
    }
  }

  #object(depth: number): unknown {
    const object: Record<string, unknown> = {};
    this.#at++;
    if (this.#takes("}")) return object;
    do {
      this.#skipSpace();
      const start = this.#at;
      if (this.#text[start] !== '"') this.#fail('a name in double quotes, or "}"');
      const name = this.#string();
      if (Object.hasOwn(object, name)) {
        this.#at = start;
        this.#fail("a name that the object does not have already");
      }
      if (!this.#takes(":")) this.#fail('":"');
      setOwn(object, name, this.#value(depth + 1));
    } while (this.#takes(","));
    if (!this.#takes("}")) this.#fail('"," or "}"');
    return object;
  }

  #array(depth: number): unknown {
    const items: unknown[] = [];
    this.#at++;
    if (this.#takes("]")) return items;
    do items.push(this.#value(depth + 1));
    while (this.#takes(","));
    if (!this.#takes("]")) this.#fail('"," or "]"');
    return items;
  }

  #string(): string {
    const end = this.#endOfString();
    try {
      // What stands between the quotes is left to the engine's own parser.
      const text = JSON.parse(this.#text.slice(this.#at, end)) as string;
      this.#at = end;
      return text;
    } catch {
      return this.#fail("a string that ends, without control characters and with the escapes of JSON");
    }
  }

  #endOfString(): number {
    let quote = this.#at;
    let escapes: number;
    do {
      quote = this.#text.indexOf('"', quote + 1);
      for (escapes = 0; quote > 0 && this.#text[quote - escapes - 1] === "\\"; escapes++);
    } while (escapes % 2 === 1);
    return quote < 0 ? this.#text.length : quote + 1;
  }

  #numberOrWord(): unknown {
    const number = this.#match(NUMBER);
    if (number !== undefined) return numberOf(number[0]);
    const word = this.#match(WORD);
    return word === undefined ? this.#fail("a value") : WORDS[word[0]];
  }

  #takes(char: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    this.#match(SPACE);
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match;
  }

  #fail(wanted: string): never {
    const lines = this.#text.slice(0, this.#at).split("\n");
    const column = (lines.at(-1) as string).length + 1;
    const rest = this.#text.slice(this.#at, this.#at + 24);
    const came = rest === "" ? "the text ends" : `it is ${quoteJson(rest)}`;
    throw new SyntaxError(`Cannot parse JSON at line ${lines.length}, column ${column}: wanted ${wanted}, but ${came}`);
  }
}

function numberOf(text: string): number | bigint {
  const number = Number(text);
  if (Number.isSafeInteger(number) || !Number.isInteger(number)) return number;
  return integerOf(text) ?? number;
}

/** No integer of protobuf has more digits. */
const MAX_DIGITS = 20;
const PARTS = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/;

/** Whether a text is a number as JSON writes it. */
export function isJsonNumber(text: string): boolean {
  return PARTS.test(text);
}

/**
 * The whole number that a text such as `"12"`, `"1e3"` or `"2.50e1"` stands for; `undefined` when it is not one, or has
 * more than 20 digits. No text makes it build a larger one on the way.
 */
export function integerOf(text: string): bigint | undefined {
  const parts = PARTS.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = parts;
  const leading = (whole + fraction).replace(/^0+/, "");
  if (leading === "") return 0n;
  const digits = leading.replace(/0+$/, "");
  const zeros = Number(exponent) - fraction.length + (leading.length - digits.length);
  if (zeros < 0 || digits.length + zeros > MAX_DIGITS) return undefined;
  const magnitude = BigInt(digits + "0".repeat(zeros));
  return sign === "-" ? -magnitude : magnitude;
}

/** C0 is escaped by JSON itself; DEL and C1 drive terminals too, and the others reorder or break lines. */
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A text as a JSON string, with every control character escaped. */
export function quoteJson(text: string): string {
  return JSON.stringify(text).replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The text of a value; `indent` spaces for each level, 0 for one line. `-0` keeps its sign. */
export function formatJson(value: JsonValue, indent: number): string {
  return formatValue(value, indent === 0 ? "" : " ".repeat(indent), indent === 0 ? "" : "\n");
}

function formatValue(value: JsonValue, indent: string, newline: string): string {
  if (typeof value === "string") return quoteJson(value);
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : String(value);
  const inner = newline + indent;
  const items = isList(value)
    ? value.map((item) => formatValue(item, indent, inner))
    : Object.keys(value).map((name) => {
        const colon = newline === "" ? ":" : ": ";
        return quoteJson(name) + colon + formatValue(value[name] as JsonValue, indent, inner);
      });
  const [open, close] = isList(value) ? "[]" : "{}";
  return items.length === 0 ? `${open}${close}` : `${open}${inner}${items.join(`,${inner}`)}${newline}${close}`;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
