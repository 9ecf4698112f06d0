/**
 * pick_first, the policy when nothing is said: the first address that can be reached gets all calls.
 *
 * Spec: gRFC A61 (Happy Eyeballs, and staying in failure until it is over), A62 (shuffling).
 * Laws: one connection at the end, whatever it took to get it; a lost one is replaced only when there are calls.
 */
import type { Address } from "../../address.js";
import { addressesInOrder, shuffled } from "./address-order.js";
import {
  failingPicker,
  QUEUE_PICKER,
  type Balancer,
  type BalancerHost,
  type BalancingPolicy,
  type CompletePick,
  type Picker,
  type PolicySubchannel,
} from "./balancer.js";
import type { ConnectFailure } from "../connecting/connect-failure.js";
import { fieldOf, flagIn, maybe } from "../settings/field-reader.js";
import type { Endpoint } from "../naming/resolver.js";

/** What pick_first can be told. */
export interface PickFirstConfig {
  /** Whether each channel tries the servers in an order of its own, so that they share the load of many channels. */
  readonly shuffleAddressList: boolean;
}

/** "Connection Attempt Delay": how long one address has before the next is tried beside it. gRFC A61, RFC 8305 §8. */
const NEXT_ADDRESS_MS = 250;

/** An address that is tried, or was chosen. */
interface Candidate {
  readonly subchannel: PolicySubchannel;
  /** In this pass it was begun with, or was connecting anyhow. */
  started: boolean;
  /** In this pass it has failed, or was in backoff anyhow. */
  failed: boolean;
}

/** The policy at work: for a channel, or for one endpoint of a policy with several. */
export class PickFirst implements Balancer<PickFirstConfig> {
  readonly #host: BalancerHost;
  #addresses: readonly Address[] = [];
  /**
   * `trying`: the first pass over the addresses goes on. `failing`: all have failed, and each is tried again when its own backoff
   * is over. `ready`: one candidate is left, which gets the calls. `idle`: it was lost.
   */
  #phase: "new" | "trying" | "failing" | "ready" | "idle" = "new";
  #candidates: readonly Candidate[] = [];
  /** "Sticky": every address has failed, and none was ready since. */
  #isSticky = false;
  #failures = 0;
  #lastFailure: ConnectFailure | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(host: BalancerHost) {
    this.#host = host;
  }

  /** The subchannel that is ready for calls. */
  get selected(): PolicySubchannel | undefined {
    return this.#phase === "ready" ? this.#candidates[0]?.subchannel : undefined;
  }

  /** Why its addresses could not be reached, the latest first. */
  get failures(): readonly ConnectFailure[] {
    const all = this.#candidates.flatMap(({ subchannel }) => subchannel.failure ?? []);
    const last = this.#lastFailure ?? all[0];
    return last === undefined ? all : [last, ...all.filter((one) => one !== last)];
  }

  update(endpoints: readonly Endpoint[], { shuffleAddressList }: PickFirstConfig): void {
    const list = shuffleAddressList ? shuffled(endpoints, () => this.#host.random()) : endpoints;
    const before = JSON.stringify(this.#addresses);
    this.#addresses = addressesInOrder(list);
    if (this.#phase === "idle" || JSON.stringify(this.#addresses) === before) return;
    // "A new list that has the selected address keeps the connection."
    const { selected } = this;
    if (selected === undefined || !this.#addresses.some((one) => isSame(one, selected.address))) this.#try();
  }

  connect(): void {
    if (this.#phase === "idle") this.#try();
  }

  close(): void {
    this.#stopTimer?.();
    for (const { subchannel } of this.#candidates) subchannel.release();
    this.#candidates = [];
  }

  /** Begins a pass over the addresses. */
  #try(): void {
    this.#stopTimer?.();
    this.#phase = "trying";
    this.#failures = 0;
    const before = this.#candidates;
    this.#candidates = this.#addresses.map((address) => this.#candidate(address));
    // Only now, as an address on both lists keeps its backoff.
    for (const { subchannel } of before) subchannel.release();
    const ready = this.#candidates.find(({ subchannel }) => subchannel.state === "READY");
    if (ready !== undefined) {
      this.#select(ready);
      return;
    }
    if (!this.#isSticky) this.#host.update("CONNECTING", QUEUE_PICKER);
    if (this.#phase === "trying") this.#startNext();
  }

  #candidate(address: Address): Candidate {
    const candidate: Candidate = {
      subchannel: this.#host.subchannel(address, () => this.#changed(candidate)),
      started: false,
      failed: false,
    };
    return candidate;
  }

  /** Tries the next address; those before it go on. */
  #startNext(): void {
    this.#stopTimer?.();
    const next = this.#candidates.find(({ started }) => !started);
    if (next === undefined) {
      if (this.#candidates.every(({ failed }) => failed)) this.#fail();
      return;
    }
    next.started = true;
    if (next.subchannel.state === "TRANSIENT_FAILURE") {
      this.#noteFailure(next);
      this.#startNext();
      return;
    }
    this.#stopTimer = this.#host.after(NEXT_ADDRESS_MS, () => this.#startNext());
    next.subchannel.connect();
  }

  #noteFailure(candidate: Candidate): void {
    candidate.failed = true;
    this.#lastFailure = candidate.subchannel.failure ?? this.#lastFailure;
  }

  #changed(candidate: Candidate): void {
    const { state } = candidate.subchannel;
    if (this.#phase === "ready") {
      if (state !== "READY") this.#lost(candidate);
    } else if (state === "READY") {
      this.#select(candidate);
    } else if (this.#phase === "trying") {
      if (state === "TRANSIENT_FAILURE" && candidate.started) this.#failed(candidate);
    } else if (this.#phase === "failing") {
      this.#changedInFailure(candidate);
    }
  }

  #failed(candidate: Candidate): void {
    this.#noteFailure(candidate);
    const lastStarted = this.#candidates.findLast(({ started }) => started);
    if (candidate === lastStarted || this.#candidates.every(({ failed }) => failed)) this.#startNext();
  }

  #changedInFailure(candidate: Candidate): void {
    const { subchannel } = candidate;
    if (subchannel.state === "IDLE") {
      subchannel.connect();
    } else if (subchannel.state === "TRANSIENT_FAILURE") {
      this.#noteFailure(candidate);
      this.#host.update("TRANSIENT_FAILURE", this.#failingPicker());
      if (++this.#failures % this.#candidates.length === 0) this.#host.resolveAgain();
    }
  }

  #fail(): void {
    this.#phase = "failing";
    this.#isSticky = true;
    this.#host.update("TRANSIENT_FAILURE", this.#failingPicker());
    this.#host.resolveAgain();
    for (const { subchannel } of this.#candidates) if (subchannel.state === "IDLE") subchannel.connect();
  }

  #failingPicker(): Picker {
    const { failures } = this;
    return failures[0] === undefined ? QUEUE_PICKER : failingPicker(failures[0], failures);
  }

  #select(chosen: Candidate): void {
    this.#stopTimer?.();
    this.#phase = "ready";
    this.#isSticky = false;
    const { subchannel } = chosen;
    const others = this.#candidates.filter((one) => one !== chosen);
    this.#candidates = [chosen];
    const complete: CompletePick = { kind: "complete", subchannel };
    this.#host.update("READY", { pick: () => complete });
    for (const one of others) one.subchannel.release();
  }

  #lost({ subchannel }: Candidate): void {
    this.#lastFailure = subchannel.failure;
    this.#phase = "idle";
    // One that hung up at once: whether another address does better is found out now, as calls are likely to wait.
    if (subchannel.state === "TRANSIENT_FAILURE") this.#try();
    else this.#host.update("IDLE", QUEUE_PICKER);
    this.#host.resolveAgain();
  }
}

function isSame(one: Address, other: Address): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** pick_first, as it is registered. */
export const PICK_FIRST: BalancingPolicy<PickFirstConfig> = Object.freeze({
  name: "pick_first",
  parseConfig: readPickFirstConfig,
  create: (host: BalancerHost) => new PickFirst(host),
});

function readPickFirstConfig(json: Readonly<Record<string, unknown>>): PickFirstConfig {
  const root = { value: json, path: "", of: "the config of pick_first" };
  return { shuffleAddressList: maybe(fieldOf(root, "shuffleAddressList"), flagIn) ?? false };
}
