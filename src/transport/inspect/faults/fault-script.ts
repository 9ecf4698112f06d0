/**
 * The faults of a test or a command: which are armed, for which calls, and how often each has come.
 *
 * Laws: faults come in the order in which they were added; one that has come as often as it was to is out of the way.
 */
import type { Fault, FaultKind } from "./fault.js";

/** A fault that was added. */
export class ArmedFault {
  readonly fault: Fault;
  /** It, as it was written; "" when it was not in words. */
  readonly text: string;
  /** How often it has come. */
  fired = 0;
  #calls = 0;
  #removed = false;

  constructor(fault: Fault, text = "") {
    this.fault = fault;
    this.text = text;
  }

  /** Whether it may still come. */
  get armed(): boolean {
    return !this.#removed && this.fired < this.fault.times;
  }

  remove(): void {
    this.#removed = true;
  }

  /** A call (or for `refuse`, a connection) begins: whether it is one that this may come upon. */
  meets(path: string): boolean {
    if (!this.armed || this.fault.now || !this.fault.concerns(path)) return false;
    return ++this.#calls > this.fault.afterCalls;
  }
}

/** What has to be told of a fault that comes at once. */
export interface FaultTarget {
  faultNow(armed: ArmedFault): void;
}

/** All of them, and the connections they come upon. */
export class FaultScript {
  #faults: ArmedFault[] = [];
  readonly #targets = new Set<FaultTarget>();

  add(fault: Fault, text?: string): ArmedFault {
    const armed = new ArmedFault(fault, text);
    this.#faults = [...this.#faults.filter((one) => one.armed), armed];
    if (fault.now) {
      for (const target of this.#targets) target.faultNow(armed);
      armed.remove();
    }
    return armed;
  }

  /** Nothing goes wrong any more; what has gone wrong stays so. */
  clear(): void {
    for (const armed of this.#faults) armed.remove();
    this.#faults = [];
  }

  /** Those that may come upon a call that begins. */
  meeting(path: string): ArmedFault[] {
    return this.#faults.filter(({ fault }) => fault.kind !== REFUSE).filter((armed) => armed.meets(path));
  }

  /** What refuses a connection that is about to be made, if anything does. */
  refusal(): ArmedFault | undefined {
    const refusal = this.#faults.filter(({ fault }) => fault.kind === REFUSE).find((armed) => armed.meets(""));
    if (refusal !== undefined) refusal.fired++;
    return refusal;
  }

  /** A connection that faults may come upon, until the function it returns is called. */
  watch(target: FaultTarget): () => void {
    this.#targets.add(target);
    return () => void this.#targets.delete(target);
  }
}

const REFUSE: FaultKind = "refuse";
