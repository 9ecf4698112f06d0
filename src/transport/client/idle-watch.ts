/**
 * Notices that a channel has had no calls for long.
 *
 * Spec: connectivity-semantics-and-api.md (IDLE); gRFC A62 (30 minutes).
 * Laws: calls pay nothing for it: it looks now and then.
 */
import type { Clock } from "./clock.js";

/** It looks so many times within the timeout, which is met that exactly. */
const LOOKS = 10;

/** What is looked at. */
export interface Busy {
  /** Whether a call runs or waits. */
  readonly isBusy: boolean;
  /** Changes with every call. */
  readonly callsSoFar: number;
}

/** The idle timeout of one channel. */
export class IdleWatch {
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #busy: Busy;
  readonly #expired: () => void;
  #lastBusyMs = 0;
  #callsSoFar = -1;
  #stop: (() => void) | undefined;

  constructor(timeoutMs: number, clock: Clock, busy: Busy, expired: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#busy = busy;
    this.#expired = expired;
  }

  /** Begins to count, or begins anew. */
  start(): void {
    this.#lastBusyMs = this.#clock.now();
    if (this.#stop === undefined && this.#timeoutMs < Infinity) this.#lookLater();
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #lookLater(): void {
    this.#stop = this.#clock.after(this.#timeoutMs / LOOKS, () => {
      this.#stop = undefined;
      this.#look();
    });
  }

  #look(): void {
    const { isBusy, callsSoFar } = this.#busy;
    if (isBusy || callsSoFar !== this.#callsSoFar) this.#lastBusyMs = this.#clock.now();
    this.#callsSoFar = callsSoFar;
    if (this.#clock.now() - this.#lastBusyMs >= this.#timeoutMs) this.#expired();
    else this.#lookLater();
  }
}
