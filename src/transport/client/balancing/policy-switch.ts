/**
 * The policy of a channel, and the one that is to take its place.
 *
 * Spec: client_channel_specification.md (Graceful Switch).
 * Laws: while the present policy has servers, a new one takes over only once it has found out whether it has any.
 */
import { QUEUE_PICKER, type BalancingPolicy, type Picker } from "./balancer.js";
import type { ConnectivityState } from "../connectivity.js";
import { RunningPolicy, type PolicyOwner } from "./policy-host.js";
import type { Endpoint } from "../naming/resolver.js";

/** The channel above. */
export interface PolicySwitchOwner extends PolicyOwner {
  /** Calls are asked of this picker from now on. */
  picked(state: Exclude<ConnectivityState, "SHUTDOWN">, picker: Picker): void;
}

/** One policy, or two for a while. */
export class PolicySwitch {
  readonly #owner: PolicySwitchOwner;
  #current: RunningPolicy | undefined;
  #next: RunningPolicy | undefined;

  constructor(owner: PolicySwitchOwner) {
    this.#owner = owner;
  }

  /** Whether there is any. */
  get isRunning(): boolean {
    return this.#current !== undefined;
  }

  /** What there is to balance over, and how. */
  update(policy: BalancingPolicy, config: unknown, endpoints: readonly Endpoint[]): void {
    let running = this.#next ?? this.#current;
    if (running?.policy.name !== policy.name) {
      this.#next?.close();
      running = new RunningPolicy(policy, this.#owner, () => this.#changed());
      if (this.#current === undefined) this.#current = running;
      else this.#next = running;
    }
    running.endpoints(endpoints, config);
    if (running === this.#next) this.#changed();
  }

  connect(): void {
    this.#current?.connect();
    this.#next?.connect();
  }

  close(): void {
    this.#next?.close();
    this.#current?.close();
    this.#next = undefined;
    this.#current = undefined;
  }

  #changed(): void {
    const next = this.#next;
    if (next !== undefined && (this.#current?.state !== "READY" || next.state !== "CONNECTING")) {
      this.#next = undefined;
      const before = this.#current;
      this.#current = next;
      this.#tell();
      before?.close();
    } else {
      this.#tell();
    }
  }

  #tell(): void {
    const { state = "CONNECTING", picker = QUEUE_PICKER } = this.#current ?? {};
    this.#owner.picked(state, picker);
  }
}
