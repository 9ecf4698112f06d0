/**
 * The tokens of a `.proto` text, with the comments around them and where each stands.
 *
 * Spec: protobuf.dev, "Protocol Buffers Language Specification", "Lexical Elements"; descriptor.proto, SourceCodeInfo.Location.
 * Laws: lines and columns count from 0, a tab goes to the next multiple of 8; a text that is no tokens is an error with its
 * place.
 */
import { ProtoError } from "./proto-error.js";

/** One token. */
export interface Token {
  readonly kind: "name" | "integer" | "float" | "string" | "symbol" | "end";
  /** As it stands in the text, quotes included. */
  readonly text: string;
  /** Where its first character is in the text. */
  readonly at: number;
  readonly line: number;
  readonly column: number;
  /** Behind its last character, which is in the same line. */
  readonly endColumn: number;
}

/** The comments between two tokens, by what they belong to. */
export interface Comments {
  /** Belongs to what came before. */
  readonly trailing: string | undefined;
  /** Belong to nothing: each is followed by an empty line. */
  readonly detached: readonly string[];
  /** Belongs to what comes next. */
  readonly leading: string | undefined;
}

const SPACE = /[ \t\r\v\f]*/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const FLOAT = /(?:[0-9]+\.[0-9]*(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)[fF]?/y;
const INTEGER = /0[xX][0-9a-fA-F]+|[0-9]+/y;
const STRING = /"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'/y;

/** Closing brackets: no comment before them belongs to them. */
const CLOSING = new Set(["}", "]", ")"]);

/** Walks through the tokens of one text. */
export class Tokens {
  /** The token to be looked at; of kind `"end"` behind the last one. */
  current: Token = { kind: "symbol", text: "", at: 0, line: -1, column: 0, endColumn: 0 };
  /** The token before {@link current}. */
  previous: Token = this.current;
  readonly #text: string;
  #at = 0;
  #line = 0;
  #column = 0;

  constructor(text: string) {
    this.#text = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }

  /** Goes to the next token; comments on the way are dropped. */
  next(): void {
    for (;;) {
      this.#skip(SPACE);
      if (this.#takeNewline()) continue;
      if (this.#takeComment() === undefined) break;
    }
    this.#takeToken();
  }

  /** Goes to the next token and says what comments there were on the way. */
  nextWithComments(): Comments {
    const hasPrevious = this.current.text !== "";
    const collected = new CommentCollector(hasPrevious);
    const startLine = hasPrevious ? this.#line : -1;
    let trailingEndLine = -1;
    if (hasPrevious) {
      this.#skip(SPACE);
      const kind = this.#collect(collected);
      if (kind !== undefined) {
        // What stands on lines below is not this one's continuation.
        collected.isBesidePrevious = true;
        if (kind === "block") {
          trailingEndLine = this.#line;
          this.#skip(SPACE);
        }
        collected.flush();
      } else if (!this.#takeNewline()) {
        this.#takeToken();
        return collected.end();
      }
    }
    for (;;) {
      this.#skip(SPACE);
      const kind = this.#collect(collected);
      if (kind === "block") {
        this.#skip(SPACE);
        this.#takeNewline();
      }
      if (kind !== undefined) continue;
      if (this.#takeNewline()) {
        collected.flush();
        collected.leavePrevious();
        continue;
      }
      this.#takeToken();
      if (this.current.kind === "end" || CLOSING.has(this.current.text)) collected.flush();
      else if (this.current.line === startLine || this.current.line === trailingEndLine) collected.detachOnly();
      return collected.end();
    }
  }

  #collect(collected: CommentCollector): "line" | "block" | undefined {
    const comment = this.#takeComment();
    if (comment === undefined) return undefined;
    if (comment.kind === "block") collected.flush();
    collected.add(comment.text, comment.kind);
    return comment.kind;
  }

  #takeComment(): { readonly kind: "line" | "block"; readonly text: string } | undefined {
    if (this.#text.startsWith("//", this.#at)) {
      const end = this.#text.indexOf("\n", this.#at);
      const from = this.#at + 2;
      this.#advance((end < 0 ? this.#text.length : end + 1) - this.#at);
      return { kind: "line", text: this.#text.slice(from, this.#at) };
    }
    if (!this.#text.startsWith("/*", this.#at)) return undefined;
    const end = this.#text.indexOf("*/", this.#at + 2);
    if (end < 0) throw new ProtoError("expected the end of the comment, found the end of the file", this.#at);
    const inner = this.#text.slice(this.#at + 2, end);
    this.#advance(end + 2 - this.#at);
    // Of a line within it, the white space before and one asterisk are decoration.
    return { kind: "block", text: inner.replace(/\n[ \t\r\v\f]*\*?/g, "\n") };
  }

  #takeNewline(): boolean {
    if (this.#text[this.#at] !== "\n") return false;
    this.#advance(1);
    return true;
  }

  #takeToken(): void {
    this.previous = this.current;
    const from = this.#at;
    const { line, column } = { line: this.#line, column: this.#column };
    const kind = this.#takeKind();
    this.current = { kind, text: this.#text.slice(from, this.#at), at: from, line, column, endColumn: this.#column };
  }

  #takeKind(): Token["kind"] {
    if (this.#at >= this.#text.length) return "end";
    if (this.#skip(NAME)) return "name";
    if (this.#skip(FLOAT)) return "float";
    if (this.#skip(INTEGER)) return "integer";
    if (this.#skip(STRING)) return "string";
    const char = this.#text[this.#at] as string;
    if (char === '"' || char === "'") {
      throw new ProtoError("expected the end of the string, found the end of the line or file", this.#at);
    }
    this.#advance(1);
    return "symbol";
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const length = pattern.exec(this.#text)?.[0].length ?? 0;
    this.#advance(length);
    return length > 0;
  }

  #advance(length: number): void {
    const end = this.#at + length;
    for (; this.#at < end; this.#at++) {
      const char = this.#text[this.#at];
      if (char === "\n") {
        this.#line++;
        this.#column = 0;
      } else if (char === "\t") this.#column += 8 - (this.#column % 8);
      else this.#column++;
    }
  }

  /** An error at the current token. */
  error(message: string): ProtoError {
    return new ProtoError(message, this.current.at);
  }
}

/** Gathers lines of comments and decides to whom they belong. */
class CommentCollector {
  /** Whether the comment being gathered stands in the line of the token before it. */
  isBesidePrevious = false;
  #canGoToPrevious: boolean;
  #text: string | undefined;
  #kind: "line" | "block" = "line";
  #trailing: string | undefined;
  #detached: string[] = [];
  #flushed = 0;

  constructor(hasPrevious: boolean) {
    this.#canGoToPrevious = hasPrevious;
  }

  /** Lines of `//` one below another are one comment, a block is always one of its own. */
  add(text: string, kind: "line" | "block"): void {
    if (this.#text !== undefined && this.#kind !== kind) this.flush();
    this.#text = (this.#text ?? "") + text;
    this.#kind = kind;
  }

  /** The comment being gathered is complete, and is not the one before the next token. */
  flush(): void {
    if (this.#text === undefined) return;
    this.#flushed++;
    if (this.#canGoToPrevious) {
      this.#trailing = this.#text;
      this.#canGoToPrevious = false;
    } else this.#detached.push(this.#text);
    this.#text = undefined;
  }

  /** An empty line: what follows no longer belongs to the token before. */
  leavePrevious(): void {
    this.#canGoToPrevious = false;
  }

  /** The next token is in the same line, so that a single comment might belong to either side: then it belongs to none. */
  detachOnly(): void {
    if (this.#flushed + (this.#text === undefined ? 0 : 1) !== 1) return;
    if (this.isBesidePrevious && this.#trailing !== undefined) {
      this.#detached.unshift(this.#trailing);
      this.#trailing = undefined;
    }
    this.flush();
  }

  end(): Comments {
    return { trailing: this.#trailing, detached: this.#detached, leading: this.#text };
  }
}
