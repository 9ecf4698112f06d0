/**
 * The clock of a channel's retries: when the next attempts are due, and the chance that spreads them.
 *
 * Laws: a call that waits to be tried again keeps the process alive, as any call does; no delay is too long for a timer; a
 * channel that closes lets nobody wait.
 */
import { MAX_TIMER_MS } from "../../options.js";

/** Time, and chance: everything that a test wants to hold in its hand. */
export interface RetryClock {
  /** Milliseconds since some moment, never backwards. */
  now(): number;
  /** Calls `run` after so many milliseconds, unless the function it returns is called before. */
  after(ms: number, run: () => void): () => void;
  /** A number from 0 up to, and not including, 1. */
  random(): number;
}

/** The one that channels have. */
export class RetryTimers implements RetryClock {
  /** What is to be done, by its timer. */
  readonly #waiting = new Map<NodeJS.Timeout, () => void>();

  now(): number {
    return performance.now();
  }

  random(): number {
    return Math.random();
  }

  after(ms: number, run: () => void): () => void {
    const due = (): void => {
      this.#waiting.delete(timer);
      run();
    };
    const timer = setTimeout(due, Math.min(Math.ceil(ms), MAX_TIMER_MS));
    this.#waiting.set(timer, due);
    return () => {
      clearTimeout(timer);
      this.#waiting.delete(timer);
    };
  }

  /** Everything that waits is due now: the attempts will hear that the channel is closed. */
  hurry(): void {
    // What one of them adds comes next, what it takes back does not.
    for (const [timer, due] of this.#waiting) {
      clearTimeout(timer);
      due();
    }
  }
}
