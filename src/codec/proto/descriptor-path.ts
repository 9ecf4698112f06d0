/**
 * Where in a text the parts of a file are declared, and which comments belong to which.
 *
 * Spec: descriptor.proto, SourceCodeInfo.Location.
 * Laws: only what has a comment gets a location.
 */
import type { SourceLocation } from "./descriptor-model.js";
import { wanted } from "./descriptor-option.js";
import type { Token, Tokens } from "./descriptor-tokens.js";

/** The field numbers of `descriptor.proto`, of which paths are made. */
export const Path = Object.freeze({
  file: {
    package: 2,
    dependency: 3,
    messageType: 4,
    enumType: 5,
    service: 6,
    extension: 7,
    options: 8,
    syntax: 12,
    optionDependency: 15,
  },
  message: {
    field: 2,
    nestedType: 3,
    enumType: 4,
    extensionRange: 5,
    extension: 6,
    options: 7,
    oneofDecl: 8,
    reservedRange: 9,
    reservedName: 10,
  },
  oneof: { options: 2 },
  enum: { value: 2, options: 3, reservedRange: 4, reservedName: 5 },
  service: { method: 2, options: 3 },
  method: { options: 4 },
} as const);

/** A declaration that has begun. */
export interface OpenLocation {
  /** Its path. An option's is completed when the option has been understood. */
  readonly path: number[];
  /** Goes past what ends the declaration, or begins its body, and takes the comments around. */
  end(symbol: ";" | "{"): void;
  /** Goes past the end of the body. */
  close(): void;
}

/** The locations of one file. */
export class DescriptorPaths {
  readonly locations: SourceLocation[] = [];
  readonly #tokens: Tokens;
  #leading: string | undefined;
  #detached: string[] = [];

  constructor(tokens: Tokens) {
    this.#tokens = tokens;
  }

  /** Goes to the first token. */
  start(): void {
    const { leading, detached } = this.#tokens.nextWithComments();
    this.#leading = leading;
    this.#detached = [...detached];
  }

  /** Begins a declaration at `start`, by default the current token. */
  open(path: readonly number[], start: Token = this.#tokens.current): OpenLocation {
    const location: SourceLocation = { path: [...path], span: [], leadingDetachedComments: [] };
    const setSpan = (): void => {
      const { line, endColumn } = this.#tokens.previous;
      location.span =
        line === start.line ? [line, start.column, endColumn] : [start.line, start.column, line, endColumn];
    };
    return {
      path: location.path,
      end: (symbol) => {
        this.#end(symbol, location);
        setSpan();
      },
      close: () => {
        this.#end("}", undefined);
        setSpan();
      },
    };
  }

  /** Goes past a `;` that ends nothing. */
  endWithout(): void {
    this.#end(";", undefined);
  }

  #end(symbol: ";" | "{" | "}", location: SourceLocation | undefined): void {
    if (this.#tokens.current.text !== symbol) throw wanted(this.#tokens, JSON.stringify(symbol));
    const leading = this.#leading;
    const detachedBefore = this.#detached;
    const { trailing, detached, leading: next } = this.#tokens.nextWithComments();
    this.#leading = next;
    if (location === undefined) {
      // What stands before a closing brace, and belongs to nothing in it, belongs to nothing behind it either.
      this.#detached = symbol === "}" ? [...detached] : [...detachedBefore, ...detached];
      return;
    }
    this.#detached = [...detached];
    if (leading !== undefined) location.leadingComments = leading;
    if (trailing !== undefined) location.trailingComments = trailing;
    location.leadingDetachedComments = detachedBefore;
    if (leading !== undefined || trailing !== undefined || detachedBefore.length > 0) this.locations.push(location);
  }
}
