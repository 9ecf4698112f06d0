/**
 * A clock in a test's hand: time passes when the test says so, and chance is what it says.
 */
import type { Clock } from "../../src/transport/client/clock.js";

interface Timer {
  readonly atMs: number;
  readonly delayMs: number;
  readonly run: () => void;
}

/** Time that stands still until {@link FakeClock.pass} or {@link FakeClock.fire}. */
export class FakeClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<Timer>();
  #started: (() => void) | undefined;
  /** What `random` gives. One half is no jitter. */
  chance = 0.5;
  /** How far the clock on the wall is ahead: how long the machine has slept. */
  sleptMs = 0;
  /** Every delay that was asked for. */
  readonly delays: number[] = [];

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
    const timer = { atMs: this.#nowMs + Math.max(ms, 0), delayMs: ms, run };
    this.#timers.add(timer);
    this.delays.push(ms);
    this.#started?.();
    this.#started = undefined;
    return () => this.#timers.delete(timer);
  }

  /** How many timers run. */
  get pending(): number {
    return this.#timers.size;
  }

  /** How long until something happens; `Infinity` when nothing will. */
  get nextInMs(): number {
    return Math.min(...[...this.#timers].map(({ atMs }) => atMs - this.#nowMs));
  }

  /** Lets time pass, and happen what was to happen, in order. */
  pass(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) this.#run(next);
    this.#nowMs = endMs;
  }

  /** The delay of the timer that is due first, once there is one. */
  async waiting(): Promise<number> {
    return (await this.#first()).delayMs;
  }

  /** Lets time pass until the first timer is due, once there is one; says how long its delay was. */
  async fire(): Promise<number> {
    const first = await this.#first();
    this.#run(first);
    return first.delayMs;
  }

  async #first(): Promise<Timer> {
    for (;;) {
      const next = this.#next(Infinity);
      if (next !== undefined) return next;
      await new Promise<void>((resolve) => (this.#started = resolve));
    }
  }

  #run(timer: Timer): void {
    this.#timers.delete(timer);
    this.#nowMs = timer.atMs;
    timer.run();
  }

  #next(endMs: number): Timer | undefined {
    const due = [...this.#timers].filter(({ atMs }) => atMs <= endMs);
    return due.toSorted((one, other) => one.atMs - other.atMs)[0];
  }
}
