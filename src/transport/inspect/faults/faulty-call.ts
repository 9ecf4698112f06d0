/**
 * One call on a connection that faults come upon: which of them it may meet, and how far it has got.
 *
 * Laws: what the server says is held in order while it is delayed, and is nobody's once the call is over.
 */
import type { ArmedFault } from "./fault-script.js";
import type { FaultPoint } from "./fault.js";
import { MessageCount } from "./message-count.js";

export class FaultyCall {
  readonly streamId: number;
  readonly path: string;
  readonly requests = new MessageCount();
  readonly responses = new MessageCount();
  /** The server has heard of it. */
  atServer = false;
  /** The client has sent everything. */
  requestsEnded = false;
  /** The client has the headers of the answer. */
  answered = false;
  /** The client has all of the answer. */
  ended = false;
  /** Nothing more of the answer is passed on. */
  stalled = false;
  /** What comes after the delay, in order. */
  held: (() => void)[] | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #faults: readonly ArmedFault[];

  constructor(streamId: number, path: string, faults: readonly ArmedFault[]) {
    this.streamId = streamId;
    this.path = path;
    this.#faults = faults;
  }

  /** The faults that come at a point, in their order. */
  at(point: FaultPoint["at"], count = 0): ArmedFault[] {
    return this.#faults.filter(({ armed, fault }) => {
      const { point: own } = fault;
      return armed && own.at === point && (!("count" in own) || own.count === count);
    });
  }

  /** The next message, counted from the beginning, behind which a fault comes. */
  stopAfter(point: "requests" | "responses", count: number): number {
    const stops = this.#faults.flatMap(({ armed, fault }) =>
      armed && fault.point.at === point && fault.point.count > count ? [fault.point.count] : [],
    );
    return Math.min(Infinity, ...stops);
  }

  /** Holds the answer from now on. */
  hold(delayMs: number): void {
    if (this.held !== undefined) return;
    this.held = [];
    this.#timer = setTimeout(() => this.#release(), delayMs);
  }

  #release(): void {
    const held = this.held ?? [];
    this.held = undefined;
    // One of them may be what the next delay comes before.
    for (let step = held.shift(); step !== undefined; step = held.shift()) {
      step();
      const again = this.held as (() => void)[] | undefined;
      if (again === undefined) continue;
      again.push(...held);
      return;
    }
  }

  /** It is over, whatever was still to come. */
  end(): void {
    clearTimeout(this.#timer);
    this.held = undefined;
    this.stalled = true;
  }
}
