/**
 * Notices that the process, or the whole machine, has stood still for a while: connections may have died meanwhile without a word.
 *
 * Spec: our own; gRFC A8 (how often a server may be asked).
 * Laws: nothing is sent: a connection that has been silent for long is only doubted, and asked for a sign of life before it is used.
 */
import type { Clock } from "../clock.js";
import type { Connection } from "./connection.js";

/** How often it looks, in milliseconds. */
const LOOK_MS = 10_000;
/** A look that is so much later than it should be was not late by itself, in milliseconds. */
const FREEZE_MS = 5000;
/** After a freeze, a connection is doubted from which nothing came for so long, in milliseconds. */
const SILENCE_MS = 30_000;

/** Whoever has connections. */
export interface FreezeOwner {
  /** All that are open. */
  openConnections(): Iterable<Connection>;
  /** The process was frozen, and of this one nothing was heard for long. */
  doubt(connection: Connection): void;
}

/** What was seen of a connection. */
interface Seen {
  bytesRead: number;
  /** When that was more than before, on the wall. */
  heardAtMs: number;
}

/** Looks after the connections of a channel. */
export class FreezeWatch {
  readonly #clock: Clock;
  readonly #owner: FreezeOwner;
  readonly #seen = new WeakMap<Connection, Seen>();
  #lookedAtMs = 0;
  #stop: (() => void) | undefined;

  constructor(clock: Clock, owner: FreezeOwner) {
    this.#clock = clock;
    this.#owner = owner;
  }

  start(): void {
    if (this.#stop === undefined) this.#lookLater();
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #lookLater(): void {
    // The wall's clock, as the other one stands still while the machine sleeps.
    this.#lookedAtMs = this.#clock.wall();
    this.#stop = this.#clock.after(LOOK_MS, () => this.#look());
  }

  #look(): void {
    const now = this.#clock.wall();
    const wasFrozen = now - this.#lookedAtMs - LOOK_MS > FREEZE_MS;
    for (const connection of this.#owner.openConnections()) {
      const heardAtMs = this.#noteBytes(connection);
      if (wasFrozen && now - heardAtMs >= SILENCE_MS) this.#owner.doubt(connection);
    }
    this.#lookLater();
  }

  /** When something was heard of a connection last, as far as looks can tell. */
  #noteBytes(connection: Connection): number {
    const { bytesRead } = connection;
    const seen = this.#seen.get(connection) ?? { bytesRead: -1, heardAtMs: this.#lookedAtMs };
    // What is new was read before the freeze or behind it: at the last look it was not there yet.
    if (bytesRead !== seen.bytesRead) Object.assign(seen, { bytesRead, heardAtMs: this.#lookedAtMs });
    this.#seen.set(connection, seen);
    return seen.heardAtMs;
  }
}
