/**
 * A stranger's text on its way to a terminal or a log.
 *
 * Spec: ECMA-48 (C0 and C1 control codes); Unicode UAX #9 (marks that reorder a line).
 * Laws: nothing that is printed moves a cursor, reorders a line or begins one; what is long is cut, and says so.
 */

const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** The most that is shown of one text, in characters. */
const MAX_CHARACTERS = 1024;

/** `text` on one line, with what could drive a terminal escaped, and cut to `maxCharacters`. */
export function safeText(text: string, maxCharacters = MAX_CHARACTERS): string {
  const escaped = text.slice(0, maxCharacters).replace(UNSAFE, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return text.length > maxCharacters ? `${escaped}… (${text.length} characters)` : escaped;
}

/** JSON with the same characters escaped, which it may hold as they are; they only ever stand in strings. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
