/**
 * Where a name is declared in a source: what the guide's links to lines lead to.
 *
 * Laws: a name that is not declared exactly once in its file is an error, so that a link never leads somewhere near; a value comes
 * before a type of the same name.
 */

/** The line, from 1, on which `name` is declared: `connect`, or `Conversation.push` for a member. @throws Error */
export function lineOf(source: string, name: string): number {
  const lines = source.split("\n");
  const [first = "", member] = name.split(".");
  const isValue = lines.some((line) => topLevel(first, VALUES).test(line));
  const start = only(lines, topLevel(first, isValue ? VALUES : TYPES), name);
  if (member === undefined) return start + 1;
  const length = lines.slice(start).findIndex((line) => line.startsWith("}"));
  return start + only(lines.slice(start, start + length), memberNamed(member), name) + 1;
}

const VALUES = "(?:async )?function\\*?|(?:abstract )?class|const|let";
const TYPES = "interface|type";

function topLevel(name: string, kinds: string): RegExp {
  return new RegExp(`^(?:export )?(?:${kinds}) ${escaped(name)}(?![\\w$])`);
}

function memberNamed(name: string): RegExp {
  return new RegExp(`^ {2}(?:(?:static|async|readonly|override|get|set) |\\*)*${escaped(name)}(?=[(<:?]| =)`);
}

function escaped(name: string): string {
  return name.replaceAll("$", "\\$");
}

function only(lines: readonly string[], pattern: RegExp, name: string): number {
  const found = lines.flatMap((line, at) => (pattern.test(line) ? [at] : []));
  const [line] = found;
  if (line === undefined || found.length > 1) throw new Error(`${name} is declared ${found.length} times`);
  return line;
}
