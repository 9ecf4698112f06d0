/**
 * Deadlines: a point in time for one call, kept on a clock that does not jump.
 *
 * Spec: PROTOCOL-HTTP2.md, "Timeout"; statuscodes.md, DEADLINE_EXCEEDED.
 * Laws: a deadline never fires early, however far away it is, and its timer never keeps the process alive.
 */

import { MAX_TIMER_MS } from "./options.js";

/** A point in time, with a timer that can be armed once. */
export class Deadline {
  /** On the clock of `performance.now()`, in milliseconds. */
  readonly #expiresAt: number;
  #timer: NodeJS.Timeout | undefined;

  /** The duration the deadline was made from, in milliseconds. */
  readonly timeoutMs: number;

  /** `passedMs` of it have passed already. */
  constructor(timeoutMs: number, passedMs = 0) {
    this.timeoutMs = timeoutMs;
    this.#expiresAt = performance.now() + timeoutMs - passedMs;
  }

  /** Milliseconds left; zero or less when the deadline has passed. */
  get remainingMs(): number {
    return this.#expiresAt - performance.now();
  }

  /** Milliseconds since it was set. */
  get elapsedMs(): number {
    return this.timeoutMs - this.remainingMs;
  }

  /** The point in time on the calendar. */
  get date(): Date {
    return new Date(Math.min(Date.now() + this.remainingMs, 8.64e15));
  }

  /** Calls `onExpired` once the deadline has passed, unless {@link clear} comes first. */
  arm(onExpired: () => void): void {
    const wait = (): void => {
      const left = this.remainingMs;
      if (left <= 0) {
        this.#timer = undefined;
        onExpired();
        return;
      }
      this.#timer = setTimeout(wait, Math.min(Math.ceil(left), MAX_TIMER_MS));
      this.#timer.unref();
    };
    this.#timer = setTimeout(wait, Math.min(Math.max(Math.ceil(this.remainingMs), 0), MAX_TIMER_MS));
    this.#timer.unref();
  }

  /** Disarms the timer. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** The nearer of a deadline and of the one that is `remainingMs` away, if there is any. */
export function nearerOf(deadline: Deadline | undefined, remainingMs: number | undefined): Deadline | undefined {
  if (remainingMs === undefined || (deadline !== undefined && deadline.remainingMs <= remainingMs)) return deadline;
  return new Deadline(remainingMs);
}

/**
 * The deadline from a call's options, or `undefined` for none; the nearer one when both are given. `limitMs` is the longest
 * timeout whatever they say.
 *
 * @throws TypeError when `timeoutMs` is not a number or `deadline` is not a valid `Date`.
 */
export function deadlineFrom(
  options: { readonly timeoutMs?: number | undefined; readonly deadline?: Date | undefined },
  limitMs = Infinity,
): Deadline | undefined {
  const { timeoutMs, deadline } = options;
  let remaining = limitMs;
  if (timeoutMs !== undefined) {
    if (typeof timeoutMs !== "number" || Number.isNaN(timeoutMs)) {
      throw new TypeError(
        `Cannot start the call as timeoutMs must be a number of milliseconds: current value is ${String(timeoutMs)}`,
      );
    }
    remaining = Math.min(remaining, timeoutMs);
  }
  if (deadline !== undefined) {
    if (!(deadline instanceof Date) || Number.isNaN(deadline.getTime())) {
      throw new TypeError(
        `Cannot start the call as deadline must be a valid Date: current value is ${String(deadline)}`,
      );
    }
    remaining = Math.min(remaining, deadline.getTime() - Date.now());
  }
  return remaining === Infinity ? undefined : new Deadline(remaining);
}
