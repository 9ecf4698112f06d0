/**
 * What can end a call on the server before it is answered: its deadline, signals of interceptors, and whoever cancels it.
 *
 * Spec: PROTOCOL-HTTP2.md, "Timeout"; statuscodes.md, DEADLINE_EXCEEDED.
 * Laws: it happens once; the signal is made when it is first asked for, a timer when there is a deadline.
 */
import { Code, StatusError } from "../../codec/status.js";
import { Deadline } from "../deadline.js";

/** What ends one call early. */
export class Cancellation {
  readonly #end: (error: StatusError) => void;
  #deadline: Deadline | undefined;
  #abort: AbortController | undefined;
  #listened: { readonly signal: AbortSignal; readonly onAbort: () => void }[] | undefined;

  /** Why the call is over before it was answered. */
  reason: StatusError | undefined;

  /** `end` ends the call. */
  constructor(end: (error: StatusError) => void) {
    this.#end = end;
  }

  get deadline(): Date | undefined {
    return this.#deadline?.date;
  }

  get remainingMs(): number | undefined {
    return this.#deadline?.remainingMs;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.reason !== undefined) this.#abort.abort(this.reason);
    }
    return this.#abort.signal;
  }

  /** Ends the call after a time, unless it ends sooner anyway. */
  endIn(timeoutMs: number): void {
    const before = this.#deadline;
    if (before !== undefined && before.remainingMs <= timeoutMs) return;
    before?.clear();
    const deadline = new Deadline(timeoutMs);
    this.#deadline = deadline;
    deadline.arm(() => {
      const ms = Math.round(deadline.timeoutMs * 1000) / 1000;
      this.#end(new StatusError(Code.DEADLINE_EXCEEDED, `the deadline of ${ms} ms has passed`));
    });
  }

  /** Ends the call when `signal` is aborted. */
  endWith(signal: AbortSignal): void {
    if (signal === this.#abort?.signal) return;
    const onAbort = (): void => {
      const reason: unknown = signal.reason;
      const text = "the call was cancelled on the server";
      this.#end(reason instanceof StatusError ? reason : new StatusError(Code.CANCELLED, text, { cause: reason }));
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    (this.#listened ??= []).push({ signal, onAbort });
  }

  /** The call is over before it was answered: whoever asked hears why. */
  tell(): void {
    this.#abort?.abort(this.reason);
  }

  /** Lets go of timer and signals. */
  clear(): void {
    this.#deadline?.clear();
    if (this.#listened === undefined) return;
    for (const { signal, onAbort } of this.#listened) signal.removeEventListener("abort", onAbort);
    this.#listened = undefined;
  }
}
