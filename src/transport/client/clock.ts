/**
 * The clock of a channel: the time that passes, and what is to happen later.
 *
 * Laws: no timer keeps the process alive but those of a clock that says so; no delay is too long for a timer; a channel that
 * closes lets nobody wait.
 */
import { MAX_TIMER_MS } from "../options.js";

/** Time, and chance: everything that a test wants to hold in its hand. */
export interface Clock {
  /** Milliseconds since some moment, never backwards. */
  now(): number;
  /** What a clock on the wall shows, in milliseconds: unlike {@link Clock.now}, it goes on while the machine sleeps. */
  wall(): number;
  /** Calls `run` after so many milliseconds, unless the function it returns is called before. */
  after(ms: number, run: () => void): () => void;
  /** A number from 0 up to, and not including, 1. */
  random(): number;
}

const SYSTEM = { now: () => performance.now(), wall: () => Date.now(), random: () => Math.random() } as const;

/** The one that everybody has: its timers keep no process alive. */
export const SYSTEM_CLOCK: Clock = Object.freeze({
  ...SYSTEM,
  after(ms: number, run: () => void) {
    const timer = startTimer(ms, run).unref();
    return () => clearTimeout(timer);
  },
});

/** The same for calls: what waits for one of its timers keeps the process alive, as any call does. */
export class CallClock implements Clock {
  readonly now = SYSTEM.now;
  readonly wall = SYSTEM.wall;
  readonly random = SYSTEM.random;
  /** What is to be done, by its timer. */
  readonly #waiting = new Map<NodeJS.Timeout, () => void>();

  after(ms: number, run: () => void): () => void {
    const due = (): void => {
      this.#waiting.delete(timer);
      run();
    };
    const timer = startTimer(ms, due);
    this.#waiting.set(timer, due);
    return () => {
      clearTimeout(timer);
      this.#waiting.delete(timer);
    };
  }

  /** Everything that waits is due now: the calls will hear that the channel is closed. */
  hurry(): void {
    // What one of them adds comes next, what it takes back does not.
    for (const [timer, due] of this.#waiting) {
      clearTimeout(timer);
      due();
    }
  }
}

function startTimer(ms: number, run: () => void): NodeJS.Timeout {
  return setTimeout(run, Math.min(Math.max(Math.ceil(ms), 0), MAX_TIMER_MS));
}
