/**
 * What ends a call from outside: its deadline and its signal.
 *
 * Laws: made only for calls that have one of them; neither is kept once a call has let go, and both still count when somebody
 * asks for the rest of it.
 */
import type { Deadline } from "../deadline.js";
import { unwatchSignal, watchSignal, type SignalWatcher } from "./signal-watch.js";

/** The call that is ended. */
export interface Guarded extends SignalWatcher {
  deadlineExceeded(): void;
}

/** Deadline and signal of one call. */
export class CallGuard {
  readonly #call: Guarded;
  readonly #deadline: Deadline | undefined;
  readonly #signal: AbortSignal | undefined;

  /** Whether both have been let go of before the status was told. */
  lax = false;

  constructor(call: Guarded, deadline: Deadline | undefined, signal: AbortSignal | undefined) {
    this.#call = call;
    this.#deadline = deadline;
    this.#signal = signal;
  }

  /** Ends the call if the signal or the deadline already has; says so. */
  strike(): boolean {
    if (this.#signal?.aborted === true) this.#call.aborted(this.#signal);
    else if (this.#deadline !== undefined && this.#deadline.remainingMs <= 0) this.#call.deadlineExceeded();
    else return false;
    return true;
  }

  arm(): void {
    this.lax = false;
    if (this.#signal !== undefined) watchSignal(this.#signal, this.#call);
    this.#deadline?.arm(() => this.#call.deadlineExceeded());
  }

  disarm(): void {
    if (this.#signal !== undefined) unwatchSignal(this.#signal, this.#call);
    this.#deadline?.clear();
  }

  /** Messages wait that nobody may ever take: neither a long-lived signal nor a far deadline shall keep them. */
  relax(): void {
    this.lax = true;
    this.disarm();
  }
}
