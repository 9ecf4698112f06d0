/**
 * Connectivity: the five states of a channel and of its parts, and how one waits for them to change.
 *
 * Spec: connectivity-semantics-and-api.md; client_channel_specification.md (Subchannel Connectivity).
 * Laws: SHUTDOWN is the end; whoever listens is told that something changed, not every state in between.
 */
import type { Clock } from "./clock.js";

/**
 * What a channel can be: not connected and not trying (`IDLE`), trying, ready for calls, in trouble and waiting to try again,
 * closed.
 */
export type ConnectivityState = "IDLE" | "CONNECTING" | "READY" | "TRANSIENT_FAILURE" | "SHUTDOWN";

/** How long to wait for something. Default: for ever. */
export interface WaitOptions {
  /** In milliseconds. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** States of a channel, and the ones each may go to. Source: connectivity-semantics-and-api.md. */
export const CHANNEL_TRANSITIONS = Object.freeze({
  IDLE: ["CONNECTING", "SHUTDOWN"],
  CONNECTING: ["READY", "TRANSIENT_FAILURE", "IDLE", "SHUTDOWN"],
  READY: ["IDLE", "TRANSIENT_FAILURE", "SHUTDOWN"],
  TRANSIENT_FAILURE: ["CONNECTING", "READY", "IDLE", "SHUTDOWN"],
  SHUTDOWN: [],
} as const satisfies Record<ConnectivityState, readonly ConnectivityState[]>);

/** The state of a channel, and those who wait for another one. */
export class Connectivity {
  #state: ConnectivityState = "IDLE";
  readonly #watchers = new Set<() => void>();

  get state(): ConnectivityState {
    return this.#state;
  }

  /** Goes to a state; by way of another one, where there is no direct way. */
  set(state: ConnectivityState): void {
    for (const step of wayTo(this.#state, state)) {
      this.#state = step;
      for (const watcher of this.#watchers) watcher();
    }
  }

  /**
   * Waits until the state is not `from` (any more): `true`. `false` when the time is up or the signal is aborted first. Keeps no
   * process alive.
   */
  changeFrom(from: ConnectivityState, { timeoutMs, signal }: WaitOptions, clock: Clock): Promise<boolean> {
    if (this.#state !== from) return Promise.resolve(true);
    if (signal?.aborted === true || (timeoutMs !== undefined && timeoutMs <= 0)) return Promise.resolve(false);
    return new Promise((resolve) => {
      const finish = (): void => {
        this.#watchers.delete(finish);
        stopTimer?.();
        signal?.removeEventListener("abort", finish);
        resolve(this.#state !== from);
      };
      const stopTimer = timeoutMs === undefined || timeoutMs === Infinity ? undefined : clock.after(timeoutMs, finish);
      this.#watchers.add(finish);
      signal?.addEventListener("abort", finish);
    });
  }
}

/** The states on the way from one to another; none when there is no way. */
export function wayTo(from: ConnectivityState, to: ConnectivityState): readonly ConnectivityState[] {
  if (from === to || from === "SHUTDOWN") return [];
  const direct: readonly ConnectivityState[] = CHANNEL_TRANSITIONS[from];
  return direct.includes(to) ? [to] : [from === "IDLE" ? "CONNECTING" : "IDLE", to];
}

/** @throws TypeError for what is neither a time nor a signal. */
export function checkWaitOptions({ timeoutMs, signal }: WaitOptions): void {
  if (timeoutMs !== undefined && !(timeoutMs >= 0)) {
    throw new TypeError(
      `Cannot wait as timeoutMs must be a number of milliseconds, 0 or more: current value is ${String(timeoutMs)}`,
    );
  }
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new TypeError(`Cannot wait as signal must be an AbortSignal: current value is ${typeof signal}`);
}
