/**
 * One endpoint of a policy that has several: found as pick_first does, and used while its server is well.
 *
 * Spec: gRFC A61 (pick_first for each endpoint), A17 (health), A50 (ejection).
 * Laws: an endpoint that is lost is connected again at once; one that has failed counts as failing until it is ready.
 */
import type { Code } from "../../../codec/status.js";
import type { BalancerHost, CompletePick, HealthWatch, Picker, PolicySubchannel } from "./balancer.js";
import type { ConnectFailure } from "../connecting/connect-failure.js";
import type { ConnectivityState } from "../connectivity.js";
import { PickFirst } from "./pick-first.js";
import type { Endpoint } from "../naming/resolver.js";

const IN_ORDER = Object.freeze({ shuffleAddressList: false });

/** Hears how the streams of one endpoint end. */
export interface StreamCounter {
  ended(code: Code | undefined): void;
}

/** An endpoint with its connection. */
export class EndpointChild {
  endpoint: Endpoint;
  readonly #host: BalancerHost;
  readonly #changed: (child: EndpointChild) => void;
  readonly #counter: StreamCounter | undefined;
  readonly #pickFirst: PickFirst;
  #state: ConnectivityState = "CONNECTING";
  #health: HealthWatch | undefined;
  #pick: CompletePick | undefined;
  /** Why it gets no calls although it is connected. */
  #ejected: ConnectFailure | undefined;

  constructor(
    endpoint: Endpoint,
    host: BalancerHost,
    changed: (child: EndpointChild) => void,
    counter?: StreamCounter,
  ) {
    this.endpoint = endpoint;
    this.#host = host;
    this.#changed = changed;
    this.#counter = counter;
    this.#pickFirst = new PickFirst({
      // Without health: one server is used whatever it says of itself, unless there is another.
      subchannel: (address, onChange) => host.subchannel(address, onChange),
      update: (state, picker) => this.#updated(state, picker),
      resolveAgain: () => host.resolveAgain(),
      after: (ms, run) => host.after(ms, run),
      now: () => host.now(),
      random: () => host.random(),
    });
  }

  /** Connects, or takes the endpoint's addresses as they are now. */
  update(endpoint: Endpoint): void {
    this.endpoint = endpoint;
    this.#pickFirst.update([endpoint], IN_ORDER);
    if (this.#host.healthService !== this.#health?.service) this.#askForHealth();
  }

  /** As the policy sees it. */
  get state(): ConnectivityState {
    if (this.#state !== "READY") return this.#state;
    if (this.#ejected !== undefined) return "TRANSIENT_FAILURE";
    return this.#health?.state ?? "READY";
  }

  /** The subchannel that is connected. */
  get subchannel(): PolicySubchannel | undefined {
    return this.#pickFirst.selected;
  }

  /** What a picker says to send a call here. */
  get pick(): CompletePick | undefined {
    return this.#pick;
  }

  get failures(): readonly ConnectFailure[] {
    const failure = this.#state === "READY" ? (this.#ejected ?? this.#health?.failure) : undefined;
    return failure === undefined ? this.#pickFirst.failures : [failure];
  }

  get isEjected(): boolean {
    return this.#ejected !== undefined;
  }

  /** Takes it out of use with a reason, or back in. */
  eject(reason: ConnectFailure | undefined): void {
    this.#ejected = reason;
    this.#changed(this);
  }

  #askForHealth(): void {
    this.#health?.stop();
    const { selected } = this.#pickFirst;
    this.#health = selected === undefined ? undefined : this.#host.watchHealth?.(selected, () => this.#changed(this));
  }

  close(): void {
    this.#health?.stop();
    this.#pickFirst.close();
  }

  #updated(state: ConnectivityState, _picker: Picker): void {
    this.#state = state;
    const { selected } = this.#pickFirst;
    this.#pick = selected === undefined ? undefined : completePick(selected, this.#counter);
    this.#askForHealth();
    if (state === "IDLE") this.#pickFirst.connect();
    else this.#changed(this);
  }
}

function completePick(subchannel: PolicySubchannel, counter: StreamCounter | undefined): CompletePick {
  if (counter === undefined) return { kind: "complete", subchannel };
  return { kind: "complete", subchannel, ended: (code) => counter.ended(code) };
}
