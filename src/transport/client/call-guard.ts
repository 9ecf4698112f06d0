/**
 * What ends a call from outside: its deadline and its signals.
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

/** Deadline and signals of one call. */
export class CallGuard {
  readonly #call: Guarded;
  readonly #deadline: Deadline | undefined;
  readonly #signals: readonly AbortSignal[];

  /** Whether both have been let go of before the status was told. */
  lax = false;

  constructor(call: Guarded, deadline: Deadline | undefined, signals: readonly AbortSignal[]) {
    this.#call = call;
    this.#deadline = deadline;
    this.#signals = signals;
  }

  /** Ends the call if the signal or the deadline already has; says so. */
  strike(): boolean {
    const aborted = this.#signals.find((signal) => signal.aborted);
    if (aborted !== undefined) this.#call.aborted(aborted);
    else if (this.#deadline !== undefined && this.#deadline.remainingMs <= 0) this.#call.deadlineExceeded();
    else return false;
    return true;
  }

  arm(): void {
    this.lax = false;
    for (const signal of this.#signals) watchSignal(signal, this.#call);
    this.#deadline?.arm(() => this.#call.deadlineExceeded());
  }

  disarm(): void {
    for (const signal of this.#signals) unwatchSignal(signal, this.#call);
    this.#deadline?.clear();
  }

  /** Messages wait that nobody may ever take: neither a long-lived signal nor a far deadline shall keep them. */
  relax(): void {
    this.lax = true;
    this.disarm();
  }
}
