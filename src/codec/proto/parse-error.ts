/**
 * What is wrong with a `.proto` file, and where: the parser's complaints in words that say what was expected.
 *
 * Laws: the place is `file:line:column` as far as it is known, and never a guess: a column is told where the line has the
 * token once.
 */
import { blankText, originalName } from "./dialect.js";

/** What the parser calls what it wanted. */
const WANTED: ReadonlyMap<string, string> = new Map([
  ["name", "a name"],
  ["type name", "a name"],
  ["service name", "a name"],
  ["type", "a type"],
  ["reference", "a type"],
  ["id", "a number"],
  ["integer", "a whole number"],
  ["number", "a number"],
  ["value", "a value"],
  ["string", "the end of the string"],
  ["comment", "the end of the comment"],
  ["edition", "an edition such as 2023"],
  ["syntax", "proto2 or proto3"],
]);

/** A place in a file. */
export interface Spot {
  /** The file's path, or its name where it has none. */
  readonly file: string;
  readonly line: number | undefined;
  readonly column: number | undefined;
}

/** `"a.proto:3:9"`, as far as it is known. */
export function formatSpot({ file, line, column }: Spot): string {
  return [file, line, line === undefined ? undefined : column].filter((part) => part !== undefined).join(":");
}

/** The first place of `pattern` among the tokens of `text`; its first group, if it has one, is where the column points. */
export function findSpot(file: string, text: string, pattern: RegExp): Spot {
  const found = pattern.exec(blankText(text));
  if (found === null) return { file, line: undefined, column: undefined };
  const at = found.index + (found[1] === undefined ? 0 : found[0].indexOf(found[1]));
  const before = text.slice(0, at).split("\n");
  return { file, line: before.length, column: (before.at(-1) ?? "").length + 1 };
}

/** The place and the reason in what the parser threw. */
export function explainParseError(file: string, text: string, message: string): string {
  const [, said, lineText] = /^([\s\S]*?)(?: \((?:[^()]*, )?line ([0-9]+)\))?$/.exec(originalName(message)) ?? [];
  const line = lineText === undefined ? undefined : Number(lineText);
  const [, what = "token", token = "", expected] =
    /^illegal ([a-z ]+?)(?: '([\s\S]*?)'(?:, '(.*)' expected)?)?$/.exec(said ?? "") ?? [];
  if (said === undefined || !said.startsWith("illegal "))
    return `${formatSpot({ file, line, column: undefined })}: ${said}`;
  const column = line === undefined || token === "" ? undefined : columnOf(text, line, token);
  return `${formatSpot({ file, line, column })}: ${reason(what, token, expected)}`;
}

function reason(what: string, token: string, expected: string | undefined): string {
  const found =
    token === "null" || what === "end of input" ? "the end of the file" : JSON.stringify(token.slice(0, 64));
  if (expected !== undefined) return `expected ${JSON.stringify(expected)}, found ${found}`;
  if (what === "string" || what === "comment") return `expected ${WANTED.get(what)}, found the end of the line or file`;
  const wanted = WANTED.get(what);
  if (wanted !== undefined && found !== "the end of the file") return `expected ${wanted}, found ${found}`;
  if (token === "required") return 'found "required", which only proto2 has';
  return `did not expect ${found}${what === "token" || what === "end of input" ? "" : ` as ${what}`}`;
}

function columnOf(text: string, line: number, token: string): number | undefined {
  const tokens = blankText(text).split("\n")[line - 1] ?? "";
  const word = token.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const whole = /^\w/.test(token) ? new RegExp(`(?<![\\w.])${word}(?![\\w])`, "g") : new RegExp(word, "g");
  const places = [...tokens.matchAll(whole)];
  return places.length === 1 ? (places[0]?.index ?? 0) + 1 : undefined;
}
