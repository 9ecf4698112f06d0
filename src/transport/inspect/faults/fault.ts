/**
 * A fault: something that goes wrong on a connection on purpose, on which calls, at which point of them, and how often.
 *
 * Laws: the one description of it, whether it was written as an object or as words; one that cannot be meant is refused by name.
 */
import { ERROR_CODES } from "../../../codec/http2/frame.js";
import type { ErrorCodeName } from "../../../codec/http2/write-frame.js";
import { Metadata, type MetadataInit } from "../../../codec/metadata.js";
import { nearestName } from "../../../codec/nearest-name.js";
import { Code, isCode, type CodeName } from "../../../codec/status.js";
import { MAX_TIMER_MS } from "../../options.js";

/** On which calls, when, how often. A fault that names no point comes at the beginning of a call, unless it says otherwise. */
export interface FaultWhen {
  /** Only calls of this method, service or path: `"SayHello"`, `"greet.Greeter"`, `"greet.Greeter/SayHello"`, or a method's descriptor. */
  readonly on?: string | { readonly path: string } | undefined;
  /** Once so many messages of a call have come to the server. */
  readonly afterRequests?: number | undefined;
  /** Once so many messages of a call have come to the client. */
  readonly afterResponses?: number | undefined;
  /** When the server answers, in place of its `"headers"`, or of the `"trailers"` that end the call. */
  readonly before?: "headers" | "trailers" | undefined;
  /** Calls (those of `on`) that pass unharmed before the first one that does not. Default 0. */
  readonly afterCalls?: number | undefined;
  /** At once: on the calls that run and the connections that are open, and never again. */
  readonly now?: boolean | undefined;
  /** How often. Default: always. */
  readonly times?: number | undefined;
}

/** What goes wrong. */
export type FaultInit = FaultWhen &
  (
    | {
        /** The call is reset: RST_STREAM. */
        readonly kind: "reset";
        /** Default `INTERNAL_ERROR`. */
        readonly code?: ErrorCodeName | undefined;
      }
    | {
        /** The call ends with a status, as if a proxy had answered. */
        readonly kind: "status";
        readonly code: CodeName | Code;
        /** Default: it says that it was on purpose. */
        readonly message?: string | undefined;
        /** Trailers beside it, such as `grpc-retry-pushback-ms`. */
        readonly metadata?: MetadataInit | undefined;
      }
    | {
        /** The answer comes later. Default: before its headers. */
        readonly kind: "delay";
        readonly delayMs: number;
        /** At most so much more or less, by chance. Default 0. */
        readonly jitterMs?: number | undefined;
      }
    | {
        /** The answer never comes. Default: none of it. */
        readonly kind: "stall";
      }
    | {
        /** The server says GOAWAY: it takes no more calls on this connection, also not the one that set it off at its beginning. */
        readonly kind: "goaway";
        /** Default `NO_ERROR`. */
        readonly code?: ErrorCodeName | undefined;
        /** After so long the connection is lost, whatever still runs. Default: never. */
        readonly graceMs?: number | undefined;
      }
    | {
        /** The connection is lost, as if a machine had died. */
        readonly kind: "drop";
      }
    | {
        /** The connection ends in the middle of the answer's next frame. */
        readonly kind: "truncate";
      }
    | {
        /** The connection stays and nothing passes any more, in either direction. */
        readonly kind: "freeze";
      }
    | {
        /** A connection is not even made. */
        readonly kind: "refuse";
      }
  );

/** What can go wrong. */
export type FaultKind = FaultInit["kind"];

/** The point of a call at which a fault comes. */
export type FaultPoint =
  | { readonly at: "start" }
  | { readonly at: "requests"; readonly count: number }
  | { readonly at: "responses"; readonly count: number }
  | { readonly at: "headers" }
  | { readonly at: "trailers" };

/** A fault with everything filled in. */
export interface Fault {
  readonly init: FaultInit;
  readonly kind: FaultKind;
  readonly point: FaultPoint;
  readonly now: boolean;
  readonly afterCalls: number;
  readonly times: number;
  /** Whether it is meant for calls of a path. */
  concerns(path: string): boolean;
}

const WHEN = ["on", "afterRequests", "afterResponses", "before", "afterCalls", "now", "times"];

/** What each kind has of its own, besides {@link FaultWhen}. */
export const FAULT_KINDS: Readonly<Record<FaultKind, readonly string[]>> = Object.freeze({
  reset: ["code"],
  status: ["code", "message", "metadata"],
  delay: ["delayMs", "jitterMs"],
  stall: [],
  goaway: ["code", "graceMs"],
  drop: [],
  truncate: [],
  freeze: [],
  refuse: [],
});

/** These concern an answer: without a point of their own they wait for it. */
const OF_THE_ANSWER: readonly FaultKind[] = ["delay", "stall", "truncate"];

/**
 * A fault as it is carried out.
 *
 * @throws TypeError that names the part that cannot be meant.
 */
export function faultFrom(init: FaultInit): Fault {
  if (typeof init !== "object" || init === null) throw wrong("it", "words or an object", init);
  const { kind } = init;
  const own = Object.hasOwn(FAULT_KINDS, kind) ? FAULT_KINDS[kind] : undefined;
  if (own === undefined) throw wrong("kind", `one of ${Object.keys(FAULT_KINDS).join(", ")}`, kind);
  checkNames(kind, Object.keys(init), [...WHEN, ...own]);
  checkNumbers(init);
  checkCodes(init);
  const point = pointOf(init);
  if (kind === "refuse" && (point.at !== "start" || init.on !== undefined || init.now === true)) {
    throw new TypeError(
      `Cannot use the fault as there is no call yet when a connection is refused: leave out "on" and the point`,
    );
  }
  return {
    init,
    kind,
    point,
    now: init.now === true,
    afterCalls: init.afterCalls ?? 0,
    times: init.now === true ? 1 : (init.times ?? Infinity),
    concerns: concernsOf(init.on),
  };
}

function checkNames(kind: FaultKind, names: readonly string[], known: readonly string[]): void {
  for (const name of names) {
    if (name === "kind" || known.includes(name)) continue;
    const nearest = nearestName(name, known);
    const hint = nearest === undefined ? "" : `; did you mean "${nearest}"?`;
    throw new TypeError(`Cannot use the fault as "${kind}" has no "${name}"${hint}`);
  }
}

function checkNumbers(init: FaultInit): void {
  const { afterRequests, afterResponses, afterCalls, times } = init;
  const counts = { afterRequests, afterResponses, afterCalls, times };
  for (const [name, value] of Object.entries(counts)) {
    if (value === undefined || (Number.isInteger(value) && value >= (name === "afterCalls" ? 0 : 1))) continue;
    if (name === "times" && value === Infinity) continue;
    throw wrong(name, `a whole number, ${name === "afterCalls" ? 0 : 1} or more`, value);
  }
  const { delayMs, jitterMs, graceMs } = init as { delayMs?: unknown; jitterMs?: unknown; graceMs?: unknown };
  for (const [name, value] of Object.entries({ delayMs, jitterMs, graceMs })) {
    if (value === undefined && !(name === "delayMs" && init.kind === "delay")) continue;
    if (typeof value === "number" && value >= 0 && value <= MAX_TIMER_MS) continue;
    throw wrong(name, `a number of milliseconds, at most ${MAX_TIMER_MS}`, value);
  }
}

function checkCodes(init: FaultInit): void {
  if (init.kind === "status") {
    if (statusCodeOf(init.code) === undefined) {
      throw wrong("code", "a status code other than OK, such as UNAVAILABLE", init.code);
    }
    // What cannot be sent is refused here, and not when a call needs it.
    void new Metadata(init.metadata);
  }
  if (
    (init.kind === "reset" || init.kind === "goaway") &&
    init.code !== undefined &&
    !ERROR_CODES.includes(init.code)
  ) {
    throw wrong("code", "an error code of HTTP/2, such as CANCEL or REFUSED_STREAM", init.code);
  }
}

/** The number of a status code given as either; `undefined` where it is none that a call can fail with. */
export function statusCodeOf(code: unknown): Code | undefined {
  const number = typeof code === "string" && Object.hasOwn(Code, code) ? Code[code as CodeName] : code;
  return isCode(number) && number !== Code.OK ? number : undefined;
}

function pointOf(init: FaultInit): FaultPoint {
  const { afterRequests, afterResponses, before, now } = init;
  const given = [afterRequests, afterResponses, before, now === true ? true : undefined].filter(
    (one) => one !== undefined,
  );
  if (given.length > 1) {
    throw new TypeError("Cannot use the fault as it must have one point: afterRequests, afterResponses, before or now");
  }
  if (before !== undefined && before !== "headers" && before !== "trailers")
    throw wrong("before", `"headers" or "trailers"`, before);
  if (afterRequests !== undefined) return { at: "requests", count: afterRequests };
  if (afterResponses !== undefined) return { at: "responses", count: afterResponses };
  if (before !== undefined) return { at: before };
  return { at: OF_THE_ANSWER.includes(init.kind) ? "headers" : "start" };
}

function concernsOf(on: FaultInit["on"]): (path: string) => boolean {
  if (on === undefined) return () => true;
  const name = typeof on === "object" && on !== null ? on.path : on;
  if (typeof name !== "string" || name === "") throw wrong("on", "a method, a service or a path", on);
  const wanted = name.replace(/^\//, "");
  return (path) => {
    const [service = "", method = ""] = path.slice(1).split("/");
    return wanted === `${service}/${method}` || wanted === service || wanted === method || wanted === localName(method);
  };
}

/** As clients call it. */
function localName(method: string): string {
  return method.charAt(0).toLowerCase() + method.slice(1);
}

function wrong(name: string, wanted: string, value: unknown): TypeError {
  const shown =
    typeof value === "string"
      ? JSON.stringify(value.slice(0, 64))
      : typeof value === "number" || value === null
        ? String(value)
        : typeof value;
  return new TypeError(`Cannot use the fault as ${name} must be ${wanted}: current value is ${shown}`);
}
