/**
 * What one policy of a channel sees of it, and what is cleaned up behind it.
 *
 * Laws: a policy that has been replaced can do nothing any more, whatever it has kept; one that throws fails calls, not the
 * process.
 */
import type { Address } from "../../address.js";
import { Code, StatusError } from "../../../codec/status.js";
import type { Balancer, BalancerHost, BalancingPolicy, HealthWatch, Picker, PolicySubchannel } from "./balancer.js";
import type { ConnectivityState } from "../connectivity.js";
import type { Endpoint } from "../naming/resolver.js";
import type { Clock } from "../clock.js";
import { SubchannelHandle, type SubchannelPool } from "./subchannel-pool.js";

type PolicyState = Exclude<ConnectivityState, "SHUTDOWN">;

/** The channel, which has policies. */
export interface PolicyOwner {
  readonly pool: SubchannelPool;
  readonly clock: Clock;
  resolveAgain(): void;
  /** The service that servers are asked about. */
  readonly healthService: string | undefined;
  /** Asks a server for its health, if it is to be asked. */
  watchHealth(handle: SubchannelHandle, changed: () => void): HealthWatch | undefined;
  /** A policy has thrown. */
  warn(warning: Error): void;
}

/** A policy at work. */
export class RunningPolicy implements BalancerHost {
  readonly policy: BalancingPolicy;
  readonly #owner: PolicyOwner;
  readonly #changed: () => void;
  #balancer: Balancer | undefined;
  readonly #handles = new Set<SubchannelHandle>();
  readonly #timers = new Set<() => void>();
  #isClosed = false;
  /** What it said last. */
  state: PolicyState = "CONNECTING";
  picker: Picker | undefined;

  /** `changed` hears when it has a new state or picker. */
  constructor(policy: BalancingPolicy, owner: PolicyOwner, changed: () => void) {
    this.policy = policy;
    this.#owner = owner;
    this.#changed = changed;
  }

  subchannel(address: Address, changed: () => void): PolicySubchannel {
    if (this.#isClosed) throw new Error("Cannot have a subchannel as the policy is closed");
    const handle: SubchannelHandle = this.#owner.pool.handle(
      address,
      () => this.#guarded(changed),
      () => this.#handles.delete(handle),
    );
    this.#handles.add(handle);
    return handle;
  }

  update(state: PolicyState, picker: Picker): void {
    if (this.#isClosed) return;
    this.state = state;
    this.picker = picker;
    this.#changed();
  }

  get healthService(): string | undefined {
    return this.#owner.healthService;
  }

  watchHealth(subchannel: PolicySubchannel, changed: () => void): HealthWatch | undefined {
    if (this.#isClosed || !(subchannel instanceof SubchannelHandle)) return undefined;
    return this.#owner.watchHealth(subchannel, () => this.#guarded(changed));
  }

  resolveAgain(): void {
    if (!this.#isClosed) this.#owner.resolveAgain();
  }

  after(ms: number, run: () => void): () => void {
    const stop = this.#owner.clock.after(ms, () => {
      this.#timers.delete(stop);
      this.#guarded(run);
    });
    this.#timers.add(stop);
    return () => {
      this.#timers.delete(stop);
      stop();
    };
  }

  now(): number {
    return this.#owner.clock.now();
  }

  random(): number {
    return this.#owner.clock.random();
  }

  /** Tells the policy what there is. */
  endpoints(endpoints: readonly Endpoint[], config: unknown): void {
    this.#guarded(() => {
      this.#balancer ??= this.policy.create(this);
      this.#balancer.update(endpoints, config);
    });
  }

  connect(): void {
    this.#guarded(() => this.#balancer?.connect());
  }

  close(): void {
    if (this.#isClosed) return;
    this.#guarded(() => this.#balancer?.close());
    this.#isClosed = true;
    for (const stop of this.#timers) stop();
    this.#timers.clear();
    for (const handle of this.#handles) handle.release();
  }

  #guarded<T>(run: () => T): T | undefined {
    if (this.#isClosed) return undefined;
    try {
      return run();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const text = `the balancing policy ${JSON.stringify(this.policy.name)} failed`;
      this.#owner.warn(new Error(`${text}: ${reason}`, { cause }));
      const error = (): StatusError => new StatusError(Code.INTERNAL, text, { hint: reason, cause });
      this.update("TRANSIENT_FAILURE", { pick: () => ({ kind: "fail", error }) });
      return undefined;
    }
  }
}
