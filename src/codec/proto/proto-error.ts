/**
 * What is wrong with a `.proto` text, and where.
 *
 * Laws: a place is `file:line:column`, both counted from 1 as editors do; where a text is not known, the file alone.
 */
import type { FileDescriptorProto } from "./descriptor-model.js";

/** An error at a place of a text. Its message says what was expected, and what is there. */
export class ProtoError extends Error {
  /** How many characters stand before the place. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** The part of a declaration that is wrong. */
export type DeclarationPart = "name" | "number" | "type" | "extendee" | "input" | "output";

/** An error of what a file declares. `declaration` is its descriptor, whose place is known if it came from a text. */
export class DeclarationError extends Error {
  readonly file: FileDescriptorProto;
  readonly declaration: object;
  readonly part: DeclarationPart;

  constructor(message: string, file: FileDescriptorProto, declaration: object, part: DeclarationPart = "name") {
    super(message);
    this.file = file;
    this.declaration = declaration;
    this.part = part;
  }
}

/** `"a.proto:3:9"`. */
export function formatPlace(file: string, text: string, at: number): string {
  const before = text.slice(0, at).split("\n");
  return `${file}:${before.length}:${(before.at(-1) ?? "").length + 1}`;
}
