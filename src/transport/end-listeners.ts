/**
 * Who wants to hear how a call ended: interceptors, and whoever has subscribed to its events.
 *
 * Laws: everybody hears once, also who asks late; one who throws keeps nobody else from hearing.
 */
import type { CallEnd } from "./intercept.js";

/** The listeners of one call. Made when the first of them comes. */
export class EndListeners {
  readonly #report: (error: unknown) => void;
  #listeners: ((end: CallEnd) => void)[] = [];
  #end: CallEnd | undefined;

  /** `report` hears what a listener throws. */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /** @throws TypeError when `listener` is no function. */
  add(listener: (end: CallEnd) => void): void {
    if (typeof listener !== "function") {
      throw new TypeError(
        `Cannot listen to the end of a call as the listener must be a function: it is ${typeof listener}`,
      );
    }
    if (this.#end === undefined) this.#listeners.push(listener);
    else this.#tell(listener, this.#end);
  }

  /** Tells everybody. */
  tell(end: CallEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) this.#tell(listener, end);
  }

  #tell(listener: (end: CallEnd) => void, end: CallEnd): void {
    try {
      listener(end);
    } catch (error) {
      this.#report(error);
    }
  }
}
