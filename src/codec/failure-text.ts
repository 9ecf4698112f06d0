/**
 * A failed call as text: what `console.log(error)` prints of a `StatusError`.
 *
 * Laws: what others said is cut and escaped; metadata is printed as metadata prints itself, without credentials; a stack is told
 * only as far as it leads through the application.
 */
import type { FailedAttempt, FailureReport, TimeSpent } from "./failure-report.js";
import type { Metadata } from "./metadata.js";

/** What is told of an error. */
export interface FailureFacts {
  readonly codeName: string;
  readonly rawMessage: string;
  readonly hint: string | undefined;
  readonly trailers: Metadata | undefined;
  readonly details: readonly unknown[];
  readonly cause?: unknown;
  readonly stack?: string | undefined;
}

/** Prints a value as `util.inspect` does. */
export type Inspect = (value: unknown) => string;

/** How much of another's text is repeated, in characters. */
const MAX_ECHO = 256;
/** How many attempts are told. */
const MAX_ATTEMPTS = 16;
/** How deep causes are followed. */
const MAX_CAUSES = 8;
/** Control characters, and those that turn or hide text. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const UNSAFE = /[\0-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/g;
/** A character of two halves is no lone surrogate. */
const PAIR = /[\ud800-\udbff][\udc00-\udfff]/g;

/** Where this library's own files are, as stacks name them; nothing where a bundler has made one file of everything. */
const OWN_FILES = ownFiles(import.meta.url);

function ownFiles(here: string | undefined): readonly string[] {
  const folder = /^file:.*[/](?=codec[/]failure-text\.[jt]s$)/.exec(here ?? "")?.[0];
  return folder === undefined ? [] : [folder, decodeURIComponent(new URL(folder).pathname)];
}

/** Another's text: cut, and without what a terminal would act upon. */
export function echo(text: string): string {
  const cut = text.length > MAX_ECHO ? `${text.slice(0, MAX_ECHO)}…` : text;
  const pieces = cut.split(PAIR);
  const pairs = cut.match(PAIR) ?? [];
  return pieces.map((piece, index) => piece.replace(UNSAFE, escaped) + (pairs[index] ?? "")).join("");
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The lines of a stack that are the application's; empty when there are none. */
export function applicationFrames(stack: unknown): string[] {
  if (typeof stack !== "string") return [];
  return stack
    .split("\n")
    .filter((frame) => /^\s+at /.test(frame) && !/\bnode:|<anonymous>\)?$/.test(frame))
    .filter((frame) => !OWN_FILES.some((folder) => frame.includes(folder)));
}

/** All that is known of an error, a line for each thing. */
export function failureText(error: FailureFacts, report: FailureReport, inspect: Inspect): string {
  const { attempts = [] } = report;
  const text = error.rawMessage === "" ? "" : `: ${echo(error.rawMessage)}`;
  // What the attempts say of themselves is not said twice.
  const hint = attempts.some((attempt) => attempt.hint !== undefined) ? undefined : error.hint;
  const lines = [
    `StatusError: ${error.codeName}${text}`,
    ...line("hint", hint === undefined ? undefined : echo(hint)),
    ...line("method", report.method),
    ...line("target", report.target === undefined ? undefined : echo(report.target)),
    ...attemptLines(attempts),
    ...line("time", report.timeSpent?.map(spentText).join(", ")),
    ...error.details.map((detail) => `  detail: ${indented(inspect(detail))}`),
    ...line("trailers", hasEntries(error.trailers) ? indented(inspect(error.trailers)) : undefined),
    ...siteLines(error, report),
    ...causeLines(error.cause, inspect),
  ];
  return lines.join("\n");
}

function line(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`  ${name}: ${value}`];
}

function hasEntries(trailers: Metadata | undefined): boolean {
  return trailers !== undefined && trailers.size > 0;
}

function attemptLines(attempts: readonly FailedAttempt[]): string[] {
  if (attempts.length === 0) return [];
  const lines = attempts.slice(0, MAX_ATTEMPTS).map((attempt) => `    ${attemptText(attempt)}`);
  if (attempts.length > MAX_ATTEMPTS) lines.push(`    and ${attempts.length - MAX_ATTEMPTS} more`);
  return ["  attempts:", ...lines];
}

function attemptText({ address, phase, reason, hint, durationMs }: FailedAttempt): string {
  const where = address === undefined ? "" : `${echo(address)}: `;
  const more = hint === undefined ? "" : ` (${echo(hint)})`;
  const time = durationMs === undefined ? "" : ` after ${shownMs(durationMs)}`;
  return `${where}${phase}: ${echo(reason)}${more}${time}`;
}

function spentText({ doing, ms }: TimeSpent): string {
  return `${doing} ${shownMs(ms)}`;
}

function shownMs(ms: number): string {
  return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;
}

function siteLines({ stack }: FailureFacts, { callSite, method }: FailureReport): string[] {
  const frames = applicationFrames(callSite ?? stack);
  if (frames.length > 0) return [callSite === undefined ? "  thrown at:" : "  called at:", ...frames];
  return method === undefined ? [] : ["  called at: not recorded; option callSites of the Channel keeps it"];
}

/** The errors below. Their stacks are told where they lead through the application. */
function causeLines(cause: unknown, inspect: Inspect): string[] {
  const lines: string[] = [];
  let next = cause;
  for (let depth = 0; next !== undefined && depth < MAX_CAUSES; depth++) {
    if (!(next instanceof Error)) return [...lines, `  cause: ${indented(inspect(next))}`];
    if (next.name === "StatusError") return [...lines, `  cause: ${indented(inspect(next))}`];
    lines.push(`  cause: ${echo(`${next.name}: ${next.message.trim()}`)}`, ...applicationFrames(next.stack));
    next = next.cause;
  }
  return lines;
}

function indented(text: string): string {
  return text.replaceAll("\n", "\n  ");
}
