/**
 * Policies that keep a connection to every endpoint and choose among those that are ready. What they have in common is here; what
 * sets them apart is one function.
 *
 * Spec: client_channel_specification.md (round_robin); gRFC A61.
 * Laws: endpoints of the old list that are on the new one keep their connections; ready if any endpoint is, else connecting if
 * any is, else failing.
 */
import {
  failingPicker,
  QUEUE_PICKER,
  type Balancer,
  type BalancerHost,
  type BalancingPolicy,
  type Pick,
  type PickCall,
  type Picker,
  type PolicySubchannel,
} from "./balancer.js";
import type { ConnectFailure } from "../connecting/connect-failure.js";
import { EndpointChild, type StreamCounter } from "./endpoint-child.js";
import type { Endpoint } from "../naming/resolver.js";

/** An endpoint that takes calls. */
export interface ReadyEndpoint {
  readonly endpoint: Endpoint;
  /** Its connection: whether it has room, and how many calls run there. */
  readonly subchannel: PolicySubchannel;
}

/** Chooses for one call; `undefined` lets it wait. One without room is chosen as a last resort only: the call waits there. */
export type Choose = (call: PickCall) => ReadyEndpoint | undefined;

/** What sets such a policy apart. */
export interface EndpointPolicyOptions<Config> {
  readonly name: string;
  /** Default: whatever stands there is passed over. @throws Error that names the field that is wrong. */
  parseConfig?(json: Readonly<Record<string, unknown>>): Config;
  /** Called whenever other endpoints are ready, one at least. `random` gives a number from 0 up to, and not including, 1. */
  choose(ready: readonly ReadyEndpoint[], config: Config, random: () => number): Choose;
}

/** Such a policy at work. */
export class EndpointBalancer<Config> implements Balancer<Config> {
  readonly #options: EndpointPolicyOptions<Config>;
  readonly #host: BalancerHost;
  readonly #counterOf: ((key: string) => StreamCounter) | undefined;
  readonly #children = new Map<string, EndpointChild>();
  #config: Config | undefined;
  #ready: readonly EndpointChild[] = [];
  #latest: EndpointChild | undefined;
  #isUpdating = false;

  /** `counterOf` has the streams of each endpoint counted, by its key. */
  constructor(options: EndpointPolicyOptions<Config>, host: BalancerHost, counterOf?: (key: string) => StreamCounter) {
    this.#options = options;
    this.#host = host;
    this.#counterOf = counterOf;
  }

  /** Every endpoint by its key. */
  get children(): ReadonlyMap<string, EndpointChild> {
    return this.#children;
  }

  update(endpoints: readonly Endpoint[], config: Config): void {
    this.#config = config;
    this.#isUpdating = true;
    const byKey = new Map(endpoints.map((endpoint) => [keyOf(endpoint), endpoint]));
    const gone = [...this.#children].filter(([key]) => !byKey.has(key));
    for (const [key] of gone) this.#children.delete(key);
    for (const [key, endpoint] of byKey) this.#childOf(key, endpoint).update(endpoint);
    this.#isUpdating = false;
    this.#ready = [];
    this.#refresh();
    // Only now: calls must not be sent there any more.
    for (const [, child] of gone) child.close();
  }

  #childOf(key: string, endpoint: Endpoint): EndpointChild {
    let child = this.#children.get(key);
    if (child === undefined) {
      child = new EndpointChild(endpoint, this.#host, (one) => this.#changed(one), this.#counterOf?.(key));
      this.#children.set(key, child);
    }
    return child;
  }

  /** All endpoints are connected, or being connected, at all times. */
  connect(): void {}

  close(): void {
    for (const child of this.#children.values()) child.close();
    this.#children.clear();
  }

  #changed(child: EndpointChild): void {
    if (child.state === "TRANSIENT_FAILURE") this.#latest = child;
    if (!this.#isUpdating) this.#refresh();
  }

  #refresh(): void {
    const children = [...this.#children.values()];
    const ready = children.filter(({ state, pick }) => state === "READY" && pick !== undefined);
    if (ready.length > 0) this.#useReady(ready);
    else {
      this.#ready = [];
      const isTrying = children.some(({ state }) => state === "CONNECTING" || state === "IDLE");
      if (isTrying) this.#host.update("CONNECTING", QUEUE_PICKER);
      else this.#host.update("TRANSIENT_FAILURE", this.#failingPicker(children));
    }
  }

  #useReady(ready: readonly EndpointChild[]): void {
    // A new picker begins anew: there is one only when it knows other endpoints.
    if (ready.length === this.#ready.length && ready.every((child, at) => child === this.#ready[at])) return;
    this.#ready = ready;
    this.#host.update("READY", this.#readyPicker(ready));
  }

  #readyPicker(children: readonly EndpointChild[]): Picker {
    const ready = children.map((child) => new ReadyChild(child));
    const choose = this.#options.choose(ready, this.#config as Config, () => this.#host.random());
    return {
      pick: (call): Pick => {
        const chosen = choose(call);
        return (chosen instanceof ReadyChild ? chosen.pick : undefined) ?? QUEUE_PICKER.pick(call);
      },
    };
  }

  #failingPicker(children: readonly EndpointChild[]): Picker {
    const latest = this.#latest?.failures ?? [];
    const all = new Set<ConnectFailure>([...latest, ...children.flatMap(({ failures }) => failures)]);
    const [last] = all;
    return last === undefined ? QUEUE_PICKER : failingPicker(last, [...all]);
  }
}

/** "The order of an endpoint's addresses does not matter." */
function keyOf({ addresses }: Endpoint): string {
  return addresses
    .map((address) => JSON.stringify(address))
    .toSorted()
    .join();
}

class ReadyChild implements ReadyEndpoint {
  readonly #child: EndpointChild;
  readonly subchannel: PolicySubchannel;

  constructor(child: EndpointChild) {
    this.#child = child;
    this.subchannel = child.subchannel as PolicySubchannel;
  }

  get endpoint(): Endpoint {
    return this.#child.endpoint;
  }

  get pick(): Pick | undefined {
    return this.#child.pick;
  }
}

/** What each policy was made of, for those that put something around it. */
const OPTIONS_OF = new WeakMap<object, EndpointPolicyOptions<unknown>>();

/**
 * Makes a policy that keeps a connection to every endpoint out of one function that chooses among those that are ready.
 *
 * @throws TypeError for what is no name or no function.
 */
export function endpointPolicy<Config = unknown>(options: EndpointPolicyOptions<Config>): BalancingPolicy<Config> {
  const { name } = options;
  if (typeof name !== "string" || name === "" || typeof options.choose !== "function") {
    throw new TypeError("Cannot make a balancing policy as it must have a name and choose, a function");
  }
  const policy: BalancingPolicy<Config> = Object.freeze({
    name,
    parseConfig: (json: Readonly<Record<string, unknown>>) => options.parseConfig?.(json) ?? (json as Config),
    create: (host: BalancerHost) => new EndpointBalancer(options, host),
  });
  OPTIONS_OF.set(policy, options);
  return policy;
}

/** What {@link endpointPolicy} made a policy of; `undefined` for any other policy. */
export function endpointPolicyOptions(policy: BalancingPolicy): EndpointPolicyOptions<unknown> | undefined {
  return OPTIONS_OF.get(policy);
}
