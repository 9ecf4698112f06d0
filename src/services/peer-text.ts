/**
 * A peer's text, made fit to be repeated in an error or a log.
 *
 * Laws: at most 256 bytes of UTF-8, never half a character; nothing in it can move a terminal's cursor.
 */

/** The most of a peer's text that is repeated, in bytes of UTF-8. */
const MAX_BYTES = 256;

/** Control characters (C0, DEL, C1), line and paragraph separators, and the marks that reverse the writing direction. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** `text` in double quotes, cut to 256 bytes with what is unsafe to print escaped. */
export function quoted(text: string): string {
  const kept = cut(text);
  const escaped = kept.replace(/["\\]/g, "\\$&").replace(UNSAFE, escapeCharacter);
  return kept.length === text.length ? `"${escaped}"` : `"${escaped}"… (${text.length} characters)`;
}

function cut(text: string): string {
  // A character takes three bytes at most for each unit of its length, so this much is always enough to look at.
  let kept = "";
  let bytes = 0;
  for (const character of text.slice(0, MAX_BYTES)) {
    bytes += Buffer.byteLength(character);
    if (bytes > MAX_BYTES) break;
    kept += character;
  }
  return kept;
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
