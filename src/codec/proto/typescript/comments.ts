/**
 * Comments of a `.proto`, as documentation of what is generated from it.
 *
 * Laws: a comment stays a comment: nothing in it ends it.
 */

/** The lines of a documentation comment, or none when there is nothing to say. Paragraphs that are empty are left out. */
export function docLines(indent: string, ...paragraphs: readonly (string | null | undefined)[]): string[] {
  const said = paragraphs.filter((one): one is string => typeof one === "string" && one.trim() !== "");
  if (said.length === 0) return [];
  const lines = said.flatMap((one, i) => [...(i > 0 ? [""] : []), ...textLines(one)]);
  const only = lines.length === 1 ? `${indent}/** ${lines[0]} */` : undefined;
  if (only !== undefined && only.length <= 120) return [only];
  return [`${indent}/**`, ...lines.map((line) => `${indent} *${line === "" ? "" : ` ${line}`}`), `${indent} */`];
}

function textLines(comment: string): string[] {
  return comment
    .trim()
    .split(/\r\n|[\n\r\u2028\u2029]/)
    .map((line) => line.trimEnd().replaceAll("*/", "*\\/"));
}

/** A text as one template literal whose value is the text, byte for byte. */
export function templateLiteral(text: string): string {
  const escaped = text.replace(/\\|`|\$\{/g, (one) => `\\${one}`).replace(/\r/g, "\\r");
  return `\`${escaped.replaceAll("\0", "\\x00").replaceAll("\ufeff", "\\ufeff")}\``;
}
