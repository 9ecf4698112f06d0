/**
 * A clock in a test's hand: time passes when the test says so, and chance is what it says.
 */
import type { Clock } from "../../src/transport/client/clock.js";

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

/** Time that stands still until {@link FakeClock.pass}. */
export class FakeClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<Timer>();
  /** What `random` gives. */
  chance = 0.5;
  /** How far the clock on the wall is ahead: how long the machine has slept. */
  sleptMs = 0;

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return this.#nowMs + this.sleptMs;
  }

  random(): number {
    return this.chance;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(ms, 0), run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How long until something happens; `Infinity` when nothing will. */
  get nextInMs(): number {
    return Math.min(...[...this.#timers].map(({ atMs }) => atMs - this.#nowMs));
  }

  /** Lets time pass, and happen what was to happen, in order. */
  pass(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#timers.delete(next);
      this.#nowMs = next.atMs;
      next.run();
    }
    this.#nowMs = endMs;
  }

  #next(endMs: number): Timer | undefined {
    const due = [...this.#timers].filter(({ atMs }) => atMs <= endMs);
    return due.toSorted((one, other) => one.atMs - other.atMs)[0];
  }
}
