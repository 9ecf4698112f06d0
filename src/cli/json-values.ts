/**
 * JSON values one after another, in text that arrives in pieces: each is given out as soon as it is complete.
 *
 * Spec: RFC 8259.
 * Laws: only where a value ends is found out here, whether it is JSON is for the parser; at most one value is held, and that is
 * bounded.
 */

/** The text of one value. */
export interface JsonText {
  readonly text: string;
  /** Which value of the input it is, from 1. */
  readonly number: number;
  /** Where in the input it begins, from 1. */
  readonly line: number;
  readonly column: number;
}

/** Servers take messages of 4 MiB nearly everywhere. */
const MAX_CHARS = 64 * 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;

/** Finds where values end. */
export class JsonValues {
  /** What came of the value that is not complete yet. */
  readonly #pieces: string[] = [];
  #chars = 0;
  /** What kind of value is not complete: between brackets, a string by itself, or what ends at a space. */
  #open: "nested" | "string" | "word" | undefined;
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  #line = 1;
  #column = 1;
  #number = 0;
  #start = { line: 1, column: 1 };

  /** Takes the next piece; gives the values that it completes. @throws RangeError when one is too long. */
  push(piece: string): JsonText[] {
    const complete: JsonText[] = [];
    let from = 0;
    for (let i = 0; i < piece.length; i++) {
      const code = piece.charCodeAt(i);
      if (this.#open === "word" && (isSpace(code) || isOpening(code) || code === QUOTE)) {
        complete.push(this.#take(piece.slice(from, i)));
      }
      if (this.#open !== undefined) this.#follow(code);
      else {
        from = i;
        if (!isSpace(code)) this.#begin(code);
      }
      this.#advance(code);
      if (this.#isWhole()) complete.push(this.#take(piece.slice(from, i + 1)));
    }
    if (this.#open !== undefined) this.#keep(piece.slice(from));
    return complete;
  }

  /** Says that nothing more comes; gives what is left, complete or not. */
  end(): JsonText[] {
    return this.#open === undefined ? [] : [this.#take("")];
  }

  #begin(code: number): void {
    this.#start = { line: this.#line, column: this.#column };
    this.#open = isOpening(code) ? "nested" : code === QUOTE ? "string" : "word";
    this.#depth = this.#open === "nested" ? 1 : 0;
    this.#inString = this.#open === "string";
  }

  #follow(code: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (this.#inString && code === BACKSLASH) this.#isEscaped = true;
    else if (code === QUOTE) this.#inString = !this.#inString;
    else if (!this.#inString && isOpening(code)) this.#depth++;
    else if (!this.#inString && isClosing(code)) this.#depth--;
  }

  #isWhole(): boolean {
    return this.#open !== undefined && this.#open !== "word" && this.#depth === 0 && !this.#inString;
  }

  #advance(code: number): void {
    if (code === LINE_FEED) {
      this.#line++;
      this.#column = 1;
    } else {
      this.#column++;
    }
  }

  #keep(piece: string): void {
    this.#chars += piece.length;
    if (this.#chars > MAX_CHARS) {
      throw new RangeError(`the value at line ${this.#start.line} has more than ${MAX_CHARS} characters`);
    }
    this.#pieces.push(piece);
  }

  #take(rest: string): JsonText {
    this.#keep(rest);
    const text = this.#pieces.join("");
    this.#pieces.length = 0;
    this.#chars = 0;
    this.#open = undefined;
    return { text, number: ++this.#number, ...this.#start };
  }
}

/** Also what stands in front of files that some programs write: a byte order mark. */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09 || code === 0xfeff;
}

function isOpening(code: number): boolean {
  return code === 0x7b || code === 0x5b;
}

function isClosing(code: number): boolean {
  return code === 0x7d || code === 0x5d;
}
