/**
 * Where in the application a call is made, for the errors of channels that keep it.
 *
 * Laws: costs nothing where it was not asked for; nothing is kept while `Error.stackTraceLimit` is 0.
 */

/** A stack, not yet text. */
export interface CallSite {
  readonly stack?: string;
}

let current: CallSite | undefined;

/** The place of the call that is being made right now. */
export function currentCallSite(): CallSite | undefined {
  return current;
}

/** The same function, which keeps where it is called from while it runs. */
export function keepingCallSite<Args extends unknown[], Result>(
  call: (...args: Args) => Result,
): (...args: Args) => Result {
  return function called(...args) {
    const before = current;
    current = capture(called);
    try {
      return call(...args);
    } finally {
      current = before;
    }
  };
}

function capture(above: (...args: never[]) => unknown): CallSite | undefined {
  if (!(Error.stackTraceLimit > 0)) return undefined;
  const site: CallSite = {};
  Error.captureStackTrace(site, above);
  return site;
}
