/**
 * Propagation: a call that is made inside a handler ends with the call it is made for.
 *
 * Spec: grpc.io, "Deadlines" and "Cancellation" (propagation).
 * Laws: a process that never made a channel which takes part pays nothing; what has ended hands nothing down, what was cancelled
 * does; what outlives a call, such as a connection, is not made inside it.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { StatusError } from "../codec/status.js";

/** A call that others can be made for. */
export interface ParentCall {
  /** Milliseconds to its deadline; `undefined` for none. */
  readonly remainingMs: number | undefined;
  /** Aborted when it is cancelled or its time is up, with a `StatusError` as the reason. */
  readonly signal: AbortSignal;
}

/** What is around everything that happens for one call. It lets go of the call when that has ended: timers may keep it for long. */
export class CallScope {
  #call: ParentCall | undefined;
  #cancelled: StatusError | undefined;

  constructor(call: ParentCall) {
    this.#call = call;
  }

  /** What calls made from here on inherit: nothing once the call has ended, except that it was cancelled. */
  get parent(): ParentCall | undefined {
    if (this.#cancelled !== undefined) return { remainingMs: undefined, signal: AbortSignal.abort(this.#cancelled) };
    return this.#call;
  }

  /** The call has ended; `cancelled` is why, unless it was answered. */
  ended(cancelled: StatusError | undefined): void {
    this.#call = undefined;
    this.#cancelled = cancelled;
  }
}

let scopes: AsyncLocalStorage<CallScope | undefined> | undefined;

/** From now on calls are made inside others. Before, nothing is kept: on Node 20 and 22 it costs every promise of the process. */
export function startPropagation(): void {
  scopes ??= new AsyncLocalStorage();
}

/** The scope for what a call sets off, if it can matter to anybody. */
export function scopeFor(call: ParentCall): CallScope | undefined {
  return scopes === undefined ? undefined : new CallScope(call);
}

/** Runs a function, and all that it sets off, inside a scope. */
export function runInside<T>(scope: CallScope, run: () => T): T {
  return scopes === undefined ? run() : scopes.run(scope, run);
}

/** Runs a function outside of every call: what it makes lives longer than the call that happened to need it first. */
export function runOutside<T>(run: () => T): T {
  return scopes?.getStore() === undefined ? run() : scopes.run(undefined, run);
}

/** The call that this is running for, unless it has ended. */
export function parentCall(): ParentCall | undefined {
  return scopes?.getStore()?.parent;
}
