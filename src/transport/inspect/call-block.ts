/**
 * One call as a block of lines: what passed when, and who waited for whom.
 *
 * Spec: RFC 9113 §5.2 (windows); PROTOCOL-HTTP2.md.
 * Laws: what is kept of a call is bounded however long it lasts: of a long one its beginning and its end; the silences of a call add up
 * to its duration, each put down to who ended it.
 */
import type { SeenCall } from "./call-watch.js";
import type { Side } from "./conversation.js";
import { inMs } from "./event-words.js";

/** Lines that are kept of a call's beginning, and as many of its end. */
const MAX_LINES_AT_EACH_END = 30;

/** A line of the block; what is not known yet is a promise that does not reject. */
interface Line {
  readonly atMs: number;
  readonly from: Side | undefined;
  readonly text: string | Promise<string>;
}

/** How often something was, for how long in all, and for how long at most; in milliseconds. */
interface Spell {
  count: number;
  totalMs: number;
  longestMs: number;
}

/** Lines that all blocks together may keep. */
export class LineBudget {
  #left: number;

  constructor(lines: number) {
    this.#left = lines;
  }

  /** Whether there was room for one more, which is taken. */
  take(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }

  giveBack(lines: number): void {
    this.#left += lines;
  }
}

/** What is kept of one call. */
export class CallBlock {
  readonly #call: SeenCall;
  readonly #budget: LineBudget;
  readonly #first: Line[] = [];
  /** The newest, from `#oldest` on round to it. */
  readonly #last: Line[] = [];
  #oldest = 0;
  #leftOut = 0;
  #spokenAtMs: number;
  readonly #waits: Readonly<Record<Side, Spell>> = { client: newSpell(), server: newSpell() };
  readonly #stalls: Readonly<Record<Side, Spell>> = { client: newSpell(), server: newSpell() };
  readonly #bytes: Record<Side, number> = { client: 0, server: 0 };

  constructor(call: SeenCall, budget: LineBudget) {
    this.#call = call;
    this.#budget = budget;
    this.#spokenAtMs = call.startedAtMs;
  }

  /** A line of the timeline; `from` is whose arrow it has. */
  add(atMs: number, from: Side | undefined, text: string | Promise<string>): void {
    const line = { atMs, from, text };
    if (this.#last.length === MAX_LINES_AT_EACH_END) {
      this.#last[this.#oldest] = line;
      this.#oldest = (this.#oldest + 1) % MAX_LINES_AT_EACH_END;
      this.#leftOut++;
    } else if (!this.#budget.take()) this.#leftOut++;
    else if (this.#first.length < MAX_LINES_AT_EACH_END) this.#first.push(line);
    else this.#last.push(line);
  }

  /** `from` has sent something on the call: the silence before it was a wait for `from`. */
  spoke(from: Side, atMs: number): void {
    const ms = atMs - this.#spokenAtMs;
    this.#spokenAtMs = atMs;
    if (ms > 0) addTo(this.#waits[from], ms);
  }

  /** `from` had no room on the stream for so long. */
  stalled(from: Side, ms: number): void {
    addTo(this.#stalls[from], ms);
  }

  /** A message has passed, of so many bytes. */
  message(from: Side, bytes: number): void {
    this.#bytes[from] += bytes;
  }

  /** The lines, when all that they say is known. */
  async lines(): Promise<string[]> {
    const last = [...this.#last.slice(this.#oldest), ...this.#last.slice(0, this.#oldest)];
    const leftOut = this.#leftOut === 0 ? [] : [`    … ${this.#leftOut} lines left out`];
    return [
      ...(await Promise.all(this.#first.map((line) => this.#timed(line)))),
      ...leftOut,
      ...(await Promise.all(last.map((line) => this.#timed(line)))),
      `    sent ${this.#passed("client")}, received ${this.#passed("server")}`,
      ...this.#waitLines(),
    ];
  }

  /** Its lines are not needed any more. */
  release(): void {
    this.#budget.giveBack(this.#first.length + this.#last.length);
  }

  async #timed({ atMs, from, text }: Line): Promise<string> {
    const arrow = from === undefined ? " " : from === "client" ? "→" : "←";
    return `    ${inMs(atMs - this.#call.startedAtMs).padStart(12)}  ${arrow}  ${await text}`;
  }

  #passed(from: Side): string {
    const { count } = (from === "client" ? this.#call.request : this.#call.response).messages;
    return `${counted(count, "message")} of ${counted(this.#bytes[from], "byte")}`;
  }

  #waitLines(): string[] {
    const waits = spells(this.#waits, (from) => `for the ${from}`);
    const stalls = spells(this.#stalls, (from) => `the ${from}`);
    return [
      ...(waits === "" ? [] : [`    waited ${waits}`]),
      ...(stalls === "" ? [] : [`    without room to send on the stream: ${stalls}`]),
    ];
  }
}

function newSpell(): Spell {
  return { count: 0, totalMs: 0, longestMs: 0 };
}

function addTo(spell: Spell, ms: number): void {
  spell.count++;
  spell.totalMs += ms;
  spell.longestMs = Math.max(spell.longestMs, ms);
}

function spells(both: Readonly<Record<Side, Spell>>, name: (from: Side) => string): string {
  return (["client", "server"] as const)
    .filter((from) => both[from].count > 0)
    .map((from) => `${name(from)} ${spellWords(both[from])}`)
    .join(", ");
}

function spellWords({ count, totalMs, longestMs }: Spell): string {
  return count === 1 ? inMs(totalMs) : `${inMs(totalMs)} (${count} times, longest ${inMs(longestMs)})`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
