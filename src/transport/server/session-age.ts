/**
 * How long a connection may last: without a call, and altogether.
 *
 * Spec: gRFC A9.
 * Laws: a limit that is not set costs nothing; one timer at a time for idleness, however many calls come and go; no timer
 * keeps the process alive.
 */
import { MAX_TIMER_MS } from "../options.js";

/** The limits, in milliseconds; none beyond what a timer takes, 22 days. */
export interface AgeLimits {
  readonly maxConnectionIdleMs: number;
  readonly maxConnectionAgeMs: number;
  readonly maxConnectionAgeGraceMs: number;
}

/** The session: what becomes of it. */
export interface AgeOwner {
  /** Has to close once its calls have ended. */
  expired(reason: "max_idle" | "max_age"): void;
  /** What still runs has to end now. */
  graceOver(): void;
}

/** "A random jitter of +/-10% will be added to spread out connection storms." */
const JITTER = 0.1;

/** Longer than this a timer cannot wait, jitter included. */
const LONGEST_MS = MAX_TIMER_MS / (1 + JITTER);

/** `ageMs` with its jitter; `random` is from 0 to 1. */
export function jittered(ageMs: number, random: number): number {
  return ageMs * (1 - JITTER + 2 * JITTER * random);
}

/** The clock of one connection. */
export class SessionAge {
  readonly #limits: AgeLimits;
  readonly #owner: AgeOwner;
  #idleSince: number | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #ageTimer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(limits: AgeLimits, owner: AgeOwner) {
    this.#limits = limits;
    this.#owner = owner;
    this.idle();
    if (limits.maxConnectionAgeMs <= LONGEST_MS) {
      const ageMs = jittered(limits.maxConnectionAgeMs, Math.random());
      this.#ageTimer = setTimeout(() => this.#aged(), ageMs).unref();
    }
  }

  /** There is no call any more, or none yet. */
  idle(): void {
    // The last calls of a connection that is gone end after it.
    if (this.#stopped || this.#limits.maxConnectionIdleMs > LONGEST_MS) return;
    this.#idleSince = performance.now();
    this.#idleTimer ??= setTimeout(() => this.#checkIdle(), this.#limits.maxConnectionIdleMs).unref();
  }

  /** There is a call. */
  busy(): void {
    this.#idleSince = undefined;
  }

  /** Calls have come and gone since the timer was set: it looks again when the time is really up. */
  #checkIdle(): void {
    this.#idleTimer = undefined;
    if (this.#idleSince === undefined) return;
    const leftMs = this.#limits.maxConnectionIdleMs - (performance.now() - this.#idleSince);
    if (leftMs > 0) this.#idleTimer = setTimeout(() => this.#checkIdle(), Math.ceil(leftMs)).unref();
    else this.#owner.expired("max_idle");
  }

  #aged(): void {
    this.#owner.expired("max_age");
    const { maxConnectionAgeGraceMs } = this.#limits;
    this.#ageTimer =
      maxConnectionAgeGraceMs > LONGEST_MS
        ? undefined
        : setTimeout(() => this.#owner.graceOver(), maxConnectionAgeGraceMs).unref();
  }

  /** The connection is gone. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#ageTimer);
    this.#idleSince = undefined;
  }
}
