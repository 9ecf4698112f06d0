/**
 * A stranger's text on its way to a terminal.
 *
 * Spec: ECMA-48 (C0 and C1 control codes); Unicode UAX #9 (marks that reorder a line).
 * Laws: nothing that is printed moves a cursor, reorders a line or begins one.
 */

/** Control characters but the line feed, separators of lines and paragraphs, marks of the writing direction, byte order mark. */
const UNSAFE = /(?!\n)[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** `text` of any number of lines, with what could drive a terminal escaped. */
export function printableLines(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

/** `text` on one line: line feeds are escaped as well. */
export function printable(text: string): string {
  return printableLines(text).replaceAll("\n", String.raw`\n`);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
