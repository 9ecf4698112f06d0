/**
 * A clock that a test holds in its hand: nothing is due until the test says so, and chance is what it says.
 */
import type { RetryClock } from "../../src/transport/client/attempts/retry-clock.js";

interface Timer {
  readonly ms: number;
  readonly run: () => void;
}

/** Time and chance of a channel's retries. */
export class FakeClock implements RetryClock {
  #timers: Timer[] = [];
  #now = 0;
  #waiting: (() => void) | undefined;
  /** What {@link random} gives. One half is no jitter. */
  chance = 0.5;
  /** Every delay that was asked for. */
  readonly delays: number[] = [];

  now(): number {
    return this.#now;
  }

  random(): number {
    return this.chance;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { ms, run };
    this.#timers.push(timer);
    this.delays.push(ms);
    this.#waiting?.();
    this.#waiting = undefined;
    return () => void (this.#timers = this.#timers.filter((one) => one !== timer));
  }

  /** How many timers run. */
  get pending(): number {
    return this.#timers.length;
  }

  /** The delay of the timer that runs, once there is one. */
  async waiting(): Promise<number> {
    while (this.#timers.length === 0) await new Promise<void>((resolve) => (this.#waiting = resolve));
    return (this.#timers[0] as Timer).ms;
  }

  /** Lets the time of the timer that runs pass; says how long that was. */
  async fire(): Promise<number> {
    await this.waiting();
    const { ms, run } = this.#timers.shift() as Timer;
    this.#now += ms;
    run();
    return ms;
  }
}
