/**
 * The clock of a channel: the time that passes, and what is to happen later.
 *
 * Laws: no timer keeps the process alive; no delay is too long for a timer.
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

/** The one that everybody has. */
export const SYSTEM_CLOCK: Clock = Object.freeze({
  now: () => performance.now(),
  wall: Date.now,
  after: startTimer,
  random: Math.random,
});

function startTimer(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.min(Math.max(Math.ceil(ms), 0), MAX_TIMER_MS)).unref();
  return () => clearTimeout(timer);
}
