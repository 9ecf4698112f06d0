/**
 * The clock of retries: when the next attempt is due, and the chance that spreads them.
 *
 * Laws: a call that waits to be tried again keeps the process alive, as any call does; no delay is too long for a timer.
 */
import { MAX_TIMER_MS } from "../options.js";

/** Time, and chance: everything that a test wants to hold in its hand. */
export interface RetryClock {
  /** Milliseconds since some moment, never backwards. */
  now(): number;
  /** Calls `run` after so many milliseconds, unless the function it returns is called before. */
  after(ms: number, run: () => void): () => void;
  /** A number from 0 up to, and not including, 1. */
  random(): number;
}

/** The one that everybody has. */
export const RETRY_CLOCK: RetryClock = Object.freeze({
  now: () => performance.now(),
  after: startTimer,
  random: Math.random,
});

function startTimer(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.min(Math.ceil(ms), MAX_TIMER_MS));
  return () => clearTimeout(timer);
}
