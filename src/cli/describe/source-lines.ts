/**
 * The lines of source text: blocks, and the comments around what they hold.
 *
 * Laws: every line of a comment stands behind slashes of its own, whoever wrote it.
 */
import type { Comments } from "./declaration.js";

/** `head { … }` */
export function block(head: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [`${head} {}`] : [`${head} {`, ...indented(lines), "}"];
}

/** One level further in. */
export function indented(lines: readonly string[]): string[] {
  return lines.map((line) => (line === "" ? line : `  ${line}`));
}

/** Members with an empty line between those of several lines and their neighbours. */
export function spaced(members: readonly string[][]): string[] {
  return members.flatMap((lines, i) => {
    const before = members[i - 1];
    return before !== undefined && (lines.length > 1 || before.length > 1) ? ["", ...lines] : lines;
  });
}

/** A declaration with its comments; `withDetached` says whether those count that belong to nothing. */
export function commented(comments: Comments | undefined, lines: readonly string[], withDetached: boolean): string[] {
  if (comments === undefined) return [...lines];
  const { leading, trailing, detached } = comments;
  return [
    ...(withDetached ? detached.flatMap((text) => [...commentLines(text), ""]) : []),
    ...(leading === undefined ? [] : commentLines(leading)),
    ...(trailing === undefined ? lines : withTrailing(lines, commentLines(trailing))),
  ];
}

/** What is called trailing stands behind the opening brace where there is one. */
function withTrailing([head = "", ...lines]: readonly string[], comment: readonly string[]): string[] {
  return lines.at(-1) === "}" ? [head, ...indented(comment), "", ...lines] : [head, ...lines, ...comment];
}

/** Separators of lines that are none to a terminal are none here either: they are escaped when printed. */
function commentLines(text: string): string[] {
  return text
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => `//${line}`);
}
