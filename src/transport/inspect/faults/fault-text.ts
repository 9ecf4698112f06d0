/**
 * Faults in words: `reset after 3 messages`, `status=UNAVAILABLE twice on SayHello`, `delay 200ms ±50ms`, `goaway then 200ms`.
 *
 * Laws: one place reads them, for tests and commands alike; the words are those of {@link FaultInit}; an error quotes the text, says
 * what was expected, and shows how it would be right.
 */
import { ERROR_CODES } from "../../../codec/http2/frame.js";
import { nearestName } from "../../../codec/nearest-name.js";
import { FAULT_KINDS, faultFrom, type Fault, type FaultInit, type FaultKind } from "./fault.js";

/** What can be written, for a command's `--help` and for errors. */
export const FAULT_GRAMMAR = `reset [CODE] | goaway [CODE] [then DURATION] | drop | truncate | freeze | refuse | stall
status=CODE ["text"] [with NAME=VALUE] | delay DURATION [±DURATION]
  [after N requests|responses|messages|calls] [before headers|trailers] [now] [on METHOD] [once|twice|N times]`;

/** A word, a quoted text, a duration, or the sign between two of them. */
const TOKEN = /"(?:[^"\\]|\\.)*"|±|\+-|\d+(?:\.\d+)?\s*(?:ms|s|min)\b|[^\s"±]+/g;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000 };

/** What "after 3 …" counts. Without a direction, messages are those that the client waits for. */
const COUNTED: ReadonlyMap<string, "afterRequests" | "afterResponses" | "afterCalls"> = new Map([
  ["request", "afterRequests"],
  ["response", "afterResponses"],
  ["message", "afterResponses"],
  ["call", "afterCalls"],
]);

/** The draft of a {@link FaultInit}: what has been read of it so far. */
type Draft = Record<string, unknown>;

/** A fault from words or an object. @throws TypeError when it cannot be meant. */
export function readFault(fault: string | FaultInit): Fault {
  return faultFrom(typeof fault === "string" ? parseFault(fault) : fault);
}

/** Reads a fault in words. @throws TypeError that says what was expected where. */
export function parseFault(text: string): FaultInit {
  return new FaultParser(text).parse();
}

class FaultParser {
  readonly #text: string;
  readonly #tokens: readonly string[];
  #at = 0;
  readonly #draft: Draft = {};
  readonly #trailers: (readonly [name: string, value: string])[] = [];

  constructor(text: string) {
    this.#text = text;
    this.#tokens = text.match(TOKEN) ?? [];
  }

  parse(): FaultInit {
    const kind = this.#kind();
    this.#draft["kind"] = kind;
    if (kind === "delay") this.#set("delayMs", this.#duration("how long"));
    for (let word = this.#next(); word !== undefined; word = this.#next()) this.#clause(kind, word);
    return this.#draft as unknown as FaultInit;
  }

  #kind(): FaultKind {
    const word = this.#next() ?? "";
    const [name = "", code] = word.toLowerCase().split("=");
    if (!Object.hasOwn(FAULT_KINDS, name)) throw this.#wrong("a fault", word, Object.keys(FAULT_KINDS));
    if (name === "status") this.#set("code", statusCode(code ?? this.#next() ?? ""));
    else if (code !== undefined) throw this.#wrong(`no "=" behind "${name}"`, word);
    return name as FaultKind;
  }

  #clause(kind: FaultKind, token: string): void {
    const word = token.toLowerCase();
    if (word === "after") this.#after();
    else if (word === "before") this.#set("before", this.#oneOf("what it comes before", ["headers", "trailers"]));
    else if (word === "on") this.#set("on", this.#next() ?? this.#fail("a method behind on"));
    else if (word === "now") this.#set("now", true);
    else if (word === "once") this.#set("times", 1);
    else if (word === "twice") this.#set("times", 2);
    else if (/^\d+$/.test(word)) this.#times(Number(word));
    else if (word === "then" && kind === "goaway") this.#set("graceMs", this.#duration("how long"));
    else if ((word === "±" || word === "+-") && kind === "delay")
      this.#set("jitterMs", this.#duration("how much more or less"));
    else if (word === "with" && kind === "status") this.#trailer();
    else if (token.startsWith(`"`) && kind === "status") this.#set("message", this.#unquoted(token));
    else if (kind === "reset" || kind === "goaway") this.#errorCode(token);
    else throw this.#wrong("after, before, on, now, once, twice or times", token);
  }

  /** `with grpc-retry-pushback-ms=200`, or `with reason="as you like it"`; again for more. */
  #trailer(): void {
    const token = this.#next() ?? "";
    const [, name, value = ""] = /^([^="]+)=(.*)$/s.exec(token) ?? [];
    if (name === undefined) throw this.#wrong("NAME=VALUE behind with", token);
    const isQuoted = value === "" && this.#tokens[this.#at]?.startsWith(`"`) === true;
    this.#trailers.push([name, isQuoted ? this.#unquoted(this.#next() ?? "") : value]);
    this.#draft["metadata"] = this.#trailers;
  }

  #after(): void {
    const first = this.#next() ?? this.#fail("what it comes after");
    const second = this.#next() ?? this.#fail("what it comes after");
    const [count, noun] = /^\d+$/.test(first) ? [first, second] : [second, first];
    const counted = COUNTED.get(noun.toLowerCase().replace(/s$/, ""));
    if (counted === undefined)
      throw this.#wrong("what is counted", noun, ["requests", "responses", "messages", "calls"]);
    if (!/^\d+$/.test(count)) throw this.#wrong("a number behind after", count);
    this.#set(counted, Number(count));
  }

  #times(times: number): void {
    this.#oneOf("times behind a number", ["times", "time"]);
    this.#set("times", times);
  }

  #errorCode(token: string): void {
    const code = token.toUpperCase();
    if (!ERROR_CODES.some((one) => one === code)) throw this.#wrong("an error code of HTTP/2", token, ERROR_CODES);
    this.#set("code", code);
  }

  #oneOf(what: string, words: readonly string[]): string {
    const word = (this.#next() ?? "").toLowerCase();
    if (!words.includes(word)) throw this.#wrong(what, word, words);
    return word;
  }

  #duration(what: string): number {
    const token = this.#next() ?? "";
    const match = /^(\d+(?:\.\d+)?)\s*(ms|s|min)$/.exec(token);
    const unitMs = UNIT_MS[match?.[2] ?? ""];
    if (match === null || unitMs === undefined) throw this.#wrong(`${what}, such as 200ms`, token);
    return Number(match[1]) * unitMs;
  }

  #unquoted(token: string): string {
    try {
      return JSON.parse(token) as string;
    } catch {
      throw this.#wrong("a text as JSON writes it", token);
    }
  }

  #next(): string | undefined {
    return this.#tokens[this.#at++];
  }

  #set(name: string, value: unknown): void {
    if (Object.hasOwn(this.#draft, name))
      throw this.#wrong("each thing to be said once", this.#tokens[this.#at - 1] ?? "");
    this.#draft[name] = value;
  }

  #fail(wanted: string): never {
    throw this.#wrong(wanted, "");
  }

  #wrong(wanted: string, token: string, known: readonly string[] = []): TypeError {
    const nearest = nearestName(token, known);
    const list = known.length > 0 && known.length < 12 ? ` (${known.join(", ")})` : "";
    const hint = nearest === undefined ? "" : `; did you mean "${nearest}"?`;
    const found = token === "" ? "the end" : JSON.stringify(token.slice(0, 64));
    const text = JSON.stringify(this.#text.slice(0, 256));
    return new TypeError(`Cannot read the fault ${text} as it must have ${wanted}${list}: found ${found}${hint}`);
  }
}

/** Its name, or its number. Whether there is such a code is seen where objects are checked. */
function statusCode(word: string): string | number {
  return /^\d+$/.test(word) ? Number(word) : word.toUpperCase();
}
