/**
 * The comments of a file by what they belong to, for generated documentation.
 *
 * Spec: descriptor.proto, SourceCodeInfo.Location.
 */
import type { FileDescriptorProto } from "./descriptor-model.js";

/** By the path of a declaration, joined with commas. */
export type CommentsByPath = ReadonlyMap<string, string>;

/** What stands above a declaration, or else behind it, without what makes it a comment. */
export function commentsOf({ sourceCodeInfo }: FileDescriptorProto): CommentsByPath {
  const found = new Map<string, string>();
  for (const { path, leadingComments, trailingComments } of sourceCodeInfo?.location ?? []) {
    const text = textOf(leadingComments ?? trailingComments ?? "");
    if (text !== "") found.set(path.join(), text);
  }
  return found;
}

/** A line begins behind one space; of a block that is framed in asterisks the outermost are decoration too. */
function textOf(comment: string): string {
  return comment
    .replace(/^\*+(?=\s)/, "")
    .split("\n")
    .map((line) => line.replace(/^[ \t]/, "").trimEnd())
    .join("\n")
    .trim();
}
