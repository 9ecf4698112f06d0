/**
 * Events, counted: each connection when it closes, and all of them at the end.
 *
 * Laws: what is kept of a connection goes with it.
 */
import { Statistics } from "./statistics.js";
import type { Hear, WireEvent } from "./wire-event.js";

/** Counts what is heard: each connection when it closes, and all of them at the end. */
export class Tally {
  readonly #tell: Hear;
  readonly #total = new Statistics();
  readonly #connections = new Map<number, Statistics>();

  /** `tell` gets what was counted, as events. */
  constructor(tell: Hear) {
    this.#tell = tell;
  }

  /** Takes the next event. */
  hear(event: WireEvent): void {
    if (event.kind === "opened") this.#connections.set(event.connection, new Statistics());
    if (event.kind === "closed") this.#onClosed(event.connection, event.atMs);
    if (event.kind !== "bytes" && event.kind !== "frame" && event.kind !== "call-ended") return;
    count(this.#total, event);
    const one = this.#connections.get(event.connection);
    if (one !== undefined) count(one, event);
  }

  /** There is nothing more to come. */
  end(atMs: number): void {
    this.#tell({ kind: "counted", atMs, connection: undefined, counts: this.#total.counts() });
  }

  #onClosed(connection: number, atMs: number): void {
    const one = this.#connections.get(connection);
    if (one === undefined) return;
    this.#connections.delete(connection);
    this.#tell({ kind: "counted", atMs, connection, counts: one.counts() });
  }
}

function count(statistics: Statistics, event: WireEvent): void {
  if (event.kind === "bytes") statistics.addBytes(event.from, event.chunk.length);
  if (event.kind === "frame") statistics.addFrame(event.seen.from);
  if (event.kind === "call-ended") statistics.addCall(event.call);
}
