/**
 * Backoff: how long to wait before trying again what has failed.
 *
 * Spec: connection-backoff.md.
 * Laws: the wait counts from the beginning of an attempt; only a success makes it short again.
 */
import type { Clock } from "../clock.js";

/** The shape of the delays. */
export interface BackoffPolicy {
  /** The first delay, in milliseconds. */
  readonly initialMs: number;
  /** What none is longer than, give or take the jitter, in milliseconds. */
  readonly maxMs: number;
}

/** "MULTIPLIER = 1.6, JITTER = 0.2". */
const MULTIPLIER = 1.6;
const JITTER = 0.2;

/** The delays between the attempts at one thing. */
export class Backoff {
  readonly #policy: BackoffPolicy;
  readonly #clock: Clock;
  /** The delay that the next attempt begins with; 0 before the first. */
  #delayMs = 0;
  #deadlineMs = -Infinity;

  constructor(policy: BackoffPolicy, clock: Clock) {
    this.#policy = policy;
    this.#clock = clock;
  }

  /** An attempt begins: the next one may not begin before {@link Backoff.remainingMs} have passed. */
  attempt(): void {
    const { initialMs, maxMs } = this.#policy;
    const first = this.#delayMs === 0;
    this.#delayMs = Math.min(first ? initialMs : this.#delayMs * MULTIPLIER, maxMs);
    const jitter = first ? 0 : this.#delayMs * JITTER * (2 * this.#clock.random() - 1);
    this.#deadlineMs = this.#clock.now() + this.#delayMs + jitter;
  }

  /** How long to wait before another attempt, in milliseconds. */
  get remainingMs(): number {
    return Math.max(this.#deadlineMs - this.#clock.now(), 0);
  }

  /** It worked: the next attempt may begin at once, and its delay is the first one again. */
  reset(): void {
    this.#delayMs = 0;
    this.#deadlineMs = -Infinity;
  }
}
