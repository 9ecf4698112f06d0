/**
 * Which calls are shown: by their method, their status, their stream and their metadata.
 *
 * Laws: what is not known yet is neither yes nor no; no pattern of a person makes a stranger's text expensive to compare.
 */
import type { HeaderField } from "../../codec/http2/hpack.js";
import { Code, codeName } from "../../codec/status.js";
import type { SeenCall } from "./call-watch.js";
import { endingName } from "./statistics.js";

/** What a person asks for, as it is written. Of several of a kind one is enough; of several kinds each has to agree. */
export interface CallFilterInit {
  /** The end of a path, from a `/` or `.` on: `GetFeature`, `RouteGuide/*`; `*` stands for any text, case does not matter. */
  readonly methods?: readonly string[] | undefined;
  /** Names or numbers of statuses; `failed` is all but OK, `reset` and `lost` are those without one. */
  readonly statuses?: readonly string[] | undefined;
  /** Streams; 0 is what is about the connection itself. */
  readonly streams?: readonly number[] | undefined;
  /** `name` or `name: value`, in the request's headers, the response's or its trailers; `*` stands for any text in a value. */
  readonly metadata?: readonly string[] | undefined;
}

/** Whether something fits; `undefined` while it is open. */
export type Verdict = boolean | undefined;

type Criterion = (call: SeenCall) => Verdict;

/** What a status may be called beside its name. */
const ENDINGS: readonly string[] = ["failed", "reset", "lost", "none"];

/** Says which calls are shown. */
export class CallFilter {
  readonly #criteria: readonly Criterion[];
  readonly #streams: ReadonlySet<number> | undefined;
  readonly #isByStreamAlone: boolean;

  /** @throws TypeError when something of `init` means nothing. */
  constructor({ methods = [], statuses = [], streams = [], metadata = [] }: CallFilterInit) {
    const byMethod = methods.map(methodCriterion);
    const byStatus = statuses.map(statusCriterion);
    const byMetadata = metadata.map(metadataCriterion);
    this.#criteria = [byMethod, byStatus, byMetadata].filter((some) => some.length > 0).map(anyOf);
    this.#streams = streams.length === 0 ? undefined : new Set(streams);
    this.#isByStreamAlone = this.#criteria.length === 0;
  }

  /** Whether every call is shown. */
  get showsAll(): boolean {
    return this.#isByStreamAlone && this.#streams === undefined;
  }

  /** Whether a call is shown. When it has ended it is no longer open. */
  verdict(call: SeenCall): Verdict {
    if (this.#streams?.has(call.streamId) === false) return false;
    const verdicts = this.#criteria.map((criterion) => criterion(call));
    if (verdicts.includes(false)) return false;
    return verdicts.includes(undefined) ? undefined : true;
  }

  /** Whether something is shown that belongs to a stream and to no call that is known, or with stream 0 to the connection. */
  showsStray(streamId: number): boolean {
    return this.#isByStreamAlone && this.#streams?.has(streamId) !== false;
  }
}

function anyOf(some: readonly Criterion[]): Criterion {
  return (call) => {
    const verdicts = some.map((criterion) => criterion(call));
    if (verdicts.includes(true)) return true;
    return verdicts.includes(undefined) ? undefined : false;
  };
}

function methodCriterion(pattern: string): Criterion {
  if (pattern === "") throw new TypeError("Cannot filter by method as it must be some text: current value is empty");
  const matches = matcher(pattern, "/.");
  return ({ path }) => matches(path);
}

function statusCriterion(text: string): Criterion {
  const wanted = statusName(text);
  return ({ ending, endedAtMs }) => {
    if (endedAtMs === undefined) return undefined;
    const name = endingName(ending);
    if (wanted === "failed") return name !== "OK";
    return name === (wanted === "none" ? "no status" : wanted);
  };
}

function statusName(text: string): string {
  if (/^\d{1,2}$/.test(text) && Object.values(Code).some((code) => code === Number(text)))
    return codeName(Number(text));
  const upper = text.toUpperCase().replaceAll("-", "_");
  if (Object.hasOwn(Code, upper)) return upper;
  if (ENDINGS.includes(text.toLowerCase())) return text.toLowerCase();
  const wanted = `the name or number of a status, or one of ${ENDINGS.join(", ")}`;
  throw new TypeError(`Cannot filter by status as it must be ${wanted}: current value is ${JSON.stringify(text)}`);
}

function metadataCriterion(text: string): Criterion {
  const colon = text.indexOf(":", 1);
  const name = (colon === -1 ? text : text.slice(0, colon)).trim().toLowerCase();
  const matches = matcher(colon === -1 ? "*" : text.slice(colon + 1).trim());
  if (!/^:?[\x21-\x39\x3b-\x7e]+$/.test(name)) {
    throw new TypeError(
      `Cannot filter by metadata as it must be "name" or "name: value": current value is ${JSON.stringify(text)}`,
    );
  }
  const isIn = (fields: readonly HeaderField[] | undefined): boolean =>
    fields?.some((field) => field.name === name && matches(field.value)) === true;
  return ({ request, response, ending, endedAtMs }) => {
    const trailers = ending !== undefined && "trailers" in ending ? ending.trailers : undefined;
    if (isIn(request.headers) || isIn(response.headers) || isIn(trailers)) return true;
    return endedAtMs === undefined ? undefined : false;
  };
}

/**
 * Compares a text, or with `borders` what follows one of these somewhere in it, too. `*` stands for any text; case does not matter. Each
 * part is looked for once, from the left.
 */
function matcher(pattern: string, borders = ""): (text: string) => boolean {
  const [first = "", ...others] = pattern.toLowerCase().split("*");
  const last = others.pop();
  return (text) => {
    const lower = text.toLowerCase();
    if (last === undefined) return lower.endsWith(first) && mayBegin(lower, lower.length - first.length, borders);
    let at = firstPlace(lower, first, borders);
    if (at === undefined) return false;
    at += first.length;
    for (const part of others) {
      const found = lower.indexOf(part, at);
      if (found === -1) return false;
      at = found + part.length;
    }
    return lower.length - last.length >= at && lower.endsWith(last);
  };
}

function mayBegin(text: string, at: number, borders: string): boolean {
  return at === 0 || borders.includes(text[at - 1] ?? "-");
}

function firstPlace(text: string, first: string, borders: string): number | undefined {
  if (text.startsWith(first)) return 0;
  if (borders === "") return undefined;
  for (let at = text.indexOf(first, 1); at !== -1; at = text.indexOf(first, at + 1)) {
    if (mayBegin(text, at, borders)) return at;
  }
  return undefined;
}
