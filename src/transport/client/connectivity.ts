/**
 * Connectivity: the five states of a channel and of its parts, and how one waits for them to change.
 *
 * Spec: connectivity-semantics-and-api.md; client_channel_specification.md (Subchannel Connectivity).
 * Laws: SHUTDOWN is the end; whoever listens is told that something changed, not every state in between.
 */

/**
 * What a channel can be: not connected and not trying (`IDLE`), trying, ready for calls, in trouble and waiting to try again,
 * closed.
 */
export type ConnectivityState = "IDLE" | "CONNECTING" | "READY" | "TRANSIENT_FAILURE" | "SHUTDOWN";

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
    if (state === this.#state || this.#state === "SHUTDOWN") return;
    const direct: readonly ConnectivityState[] = CHANNEL_TRANSITIONS[this.#state];
    if (!direct.includes(state)) this.set(this.#state === "IDLE" ? "CONNECTING" : "IDLE");
    this.#state = state;
    for (const watcher of this.#watchers) watcher();
  }

  /** Calls `watcher` on every change, until the function it returns is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}
