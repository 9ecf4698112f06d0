/**
 * What the error of a failed call is told of the call: which it was, what was tried, where the time went, who made it.
 *
 * Laws: made when a call fails, and of nothing that a call keeps for it; the status that a server sent at the first attempt
 * explains itself, and so does a call that its application gave up.
 */
import { Code, type StatusError } from "../../codec/status.js";
import { report, reportOf, type FailedAttempt, type TimeSpent } from "../../codec/failure-report.js";
import { applicationFrames } from "../../codec/failure-text.js";
import type { AttemptEnd } from "./attempts/attempt-end.js";
import type { CallSite } from "./call-site.js";
import type { Placement } from "./balancing/placement.js";

/** A call that has failed. */
export interface FailedCall {
  readonly method: { readonly path: string };
  readonly target: string | undefined;
  readonly site: CallSite | undefined;
}

/** Tells `error` which call it ends. `attempts` and `timeSpent` are asked only where they belong into it. */
export function explain(
  error: StatusError,
  { method, target, site }: FailedCall,
  attempts?: () => readonly FailedAttempt[],
  timeSpent?: readonly TimeSpent[],
): void {
  const known = reportOf(error);
  // It is another call's, and passed on.
  if (known.method !== undefined) return;
  const callSite = site?.stack;
  report(error, {
    hint: known.hint,
    method: method.path,
    target,
    attempts: known.attempts ?? attempts?.(),
    timeSpent,
    callSite,
  });
  // Of a stack that begins in a socket's event, no line says anything to whoever made the call.
  if (callSite === undefined || applicationFrames(error.stack).length > 0) return;
  const lines = callSite.split("\n").filter((line) => /^\s+at /.test(line));
  error.stack = [`${error.name}: ${error.message}`, ...lines].join("\n");
}

/** What an attempt knows of itself. */
export interface AttemptTrace {
  readonly end: AttemptEnd | undefined;
  readonly address: string | undefined;
  readonly hasStream: boolean;
  readonly durationMs: number | undefined;
  readonly placement: Placement;
}

/** What an attempt tried in vain. `why` is what ends one that has not ended by itself. */
export function failuresOf(trace: AttemptTrace, why: string): readonly FailedAttempt[] {
  const { end, address, hasStream, durationMs, placement } = trace;
  if (end?.error !== undefined) return reportOf(end.error).attempts ?? [];
  if (end === undefined && !hasStream) return placement.obstacles?.() ?? [];
  const reason = end?.status.message ?? why;
  const shown = reason === "" ? "the server said no more than the code" : reason;
  return [
    { address, phase: "stream", reason: shown, hint: end?.hint, code: end?.status.code, ...end?.http2, durationMs },
  ];
}

/** Whether an error says by itself what there is to say: a server's own status, or the application's own doing. */
export function explainsItself({ code, origin, trailers, hint }: StatusError): boolean {
  return origin === "remote" ? trailers !== undefined && hint === undefined : code === Code.CANCELLED;
}

/** How the time of a call was spent: `connectingMs` of it for a place, and until `headersMs` for an answer. */
export interface TimeMarks {
  readonly earlierMs: number;
  readonly connectingMs: number;
}

/** The parts of `elapsedMs`; those that took no time are left out. */
export function timeSpentIn(
  elapsedMs: number,
  { earlierMs, connectingMs }: TimeMarks,
  headersMs: number | undefined,
): readonly TimeSpent[] {
  const begunMs = Math.min(earlierMs + connectingMs, elapsedMs);
  const answeredMs = Math.min(Math.max(headersMs ?? elapsedMs, begunMs), elapsedMs);
  return [
    { doing: "earlier attempts", ms: Math.min(earlierMs, elapsedMs) },
    { doing: "waiting for a connection", ms: begunMs - Math.min(earlierMs, elapsedMs) },
    { doing: "waiting for the response", ms: answeredMs - begunMs },
    { doing: "receiving", ms: elapsedMs - answeredMs },
  ].filter(({ ms }) => ms >= 0.05);
}
