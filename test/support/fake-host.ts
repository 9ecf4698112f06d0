/**
 * A host for balancing policies, without a wire: the test says what becomes of each subchannel, and hears what the policy says.
 */
import type { Address } from "../../src/transport/address.js";
import type { BalancerHost, Picker, PolicySubchannel } from "../../src/transport/client/balancing/balancer.js";
import type { ConnectFailure } from "../../src/transport/client/connecting/connect-failure.js";
import type { ConnectivityState } from "../../src/transport/client/connectivity.js";
import { FakeClock } from "./fake-clock.js";

/** `"10.0.0.1"`, port 1, as an address. */
export function address(host: string): Address {
  return { kind: "tcp", host, port: 1 };
}

/** A subchannel that does as it is told. */
export class FakeSubchannel implements PolicySubchannel {
  readonly address: Address;
  readonly #changed: () => void;
  readonly #log: string[];
  state: ConnectivityState = "IDLE";
  failure: ConnectFailure | undefined;
  hasRoom = true;
  openCalls = 0;
  isReleased = false;

  constructor(at: Address, changed: () => void, log: string[]) {
    this.address = at;
    this.#changed = changed;
    this.#log = log;
  }

  get name(): string {
    return this.address.kind === "tcp" ? this.address.host : this.address.path;
  }

  connect(): void {
    if (this.state !== "IDLE") return;
    this.#log.push(`connect ${this.name}`);
    this.become("CONNECTING");
  }

  /** Goes to a state, and says so. */
  become(state: ConnectivityState, hint = "refused"): void {
    this.state = state;
    if (state === "TRANSIENT_FAILURE") {
      this.failure = { address: this.address, phase: "tcp", text: "cannot connect to the server", hint };
    }
    if (!this.isReleased) this.#changed();
  }

  release(): void {
    this.isReleased = true;
    this.#log.push(`release ${this.name}`);
  }
}

/** The host. */
export class FakeHost implements BalancerHost {
  readonly clock = new FakeClock();
  /** What happened, in order: states of the policy, connects, releases. */
  readonly log: string[] = [];
  readonly subchannels: FakeSubchannel[] = [];
  state: ConnectivityState = "CONNECTING";
  picker: Picker | undefined;
  resolutions = 0;

  subchannel(at: Address, changed: () => void): FakeSubchannel {
    const made = new FakeSubchannel(at, changed, this.log);
    // One subchannel for each address, as in a channel: a second handle knows what the first does.
    const before = this.subchannels.findLast(({ name, isReleased }) => name === made.name && !isReleased);
    if (before !== undefined) {
      made.state = before.state;
      made.failure = before.failure;
    }
    this.subchannels.push(made);
    return made;
  }

  /** The subchannel of a host that is in use. */
  at(host: string): FakeSubchannel {
    const found = this.subchannels.findLast(({ name, isReleased }) => name === host && !isReleased);
    if (found === undefined) throw new Error(`there is no subchannel to ${host}`);
    return found;
  }

  /** The hosts of the subchannels in use. */
  get inUse(): string[] {
    return this.subchannels.filter(({ isReleased }) => !isReleased).map(({ name }) => name);
  }

  update(state: ConnectivityState, picker: Picker): void {
    this.state = state;
    this.picker = picker;
    this.log.push(state);
  }

  resolveAgain(): void {
    this.resolutions++;
  }

  after(ms: number, run: () => void): () => void {
    return this.clock.after(ms, run);
  }

  now(): number {
    return this.clock.now();
  }

  random(): number {
    return this.clock.random();
  }

  /** Where the next call goes; `undefined` when it goes nowhere. */
  picked(): string | undefined {
    const pick = this.picker?.pick(CALL);
    return pick?.kind === "complete" ? (pick.subchannel as FakeSubchannel).name : undefined;
  }

  /** The text of the error that the next call gets. */
  failed(): string | undefined {
    const pick = this.picker?.pick(CALL);
    return pick?.kind === "fail" || pick?.kind === "drop" ? pick.error().message : undefined;
  }

  /** What was logged since it was last asked. */
  since(): string[] {
    return this.log.splice(0);
  }
}

/** A call that has nothing special. */
export const CALL = {
  method: {
    kind: "unary",
    name: "Any",
    localName: "any",
    path: "/test.Test/Any",
    request: undefined as never,
    response: undefined as never,
  },
  metadata: undefined,
} as const;
