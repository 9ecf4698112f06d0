/**
 * outlier_detection, a policy around another: the endpoints that fail far more than the others get no calls for a while.
 *
 * Spec: gRFC A50.
 * Laws: nothing is counted unless something is judged by it; the only endpoint of a list is never taken out.
 */
import type { Balancer, BalancerHost, BalancingPolicy } from "./balancer.js";
import type { ConnectFailure } from "../connecting/connect-failure.js";
import { EndpointBalancer, endpointPolicyOptions } from "./endpoint-policy.js";
import { cannotUse, fieldOf, listIn, maybe, objectIn, type Field } from "../settings/field-reader.js";
import { readOutlierDetection, type OutlierDetection } from "./outlier-config.js";
import { OutlierDetector } from "./outlier-detection.js";
import type { Endpoint } from "../naming/resolver.js";

/** What the policy is told. */
export interface OutlierConfig {
  readonly detection: OutlierDetection;
  readonly child: BalancingPolicy;
  readonly childConfig: unknown;
}

/** Knows the policies that may be inside. */
type Registry = ReadonlyMap<string, BalancingPolicy>;

/** The policy at work. */
class OutlierBalancer implements Balancer<OutlierConfig> {
  readonly #host: BalancerHost;
  readonly #detector: OutlierDetector;
  #child: Balancer | undefined;
  #policy: BalancingPolicy | undefined;
  #detection: OutlierDetection | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(host: BalancerHost) {
    this.#host = host;
    this.#detector = new OutlierDetector(host);
  }

  update(endpoints: readonly Endpoint[], { detection, child, childConfig }: OutlierConfig): void {
    if (this.#policy?.name !== child.name) {
      this.#child?.close();
      this.#policy = child;
      this.#child = this.#create(child);
    }
    this.#child?.update(endpoints, childConfig);
    if (this.#child instanceof EndpointBalancer) this.#detector.keep(new Set(this.#child.children.keys()));
    const isNew = JSON.stringify(detection) !== JSON.stringify(this.#detection);
    this.#detection = detection;
    if (isNew) this.#begin(detection);
  }

  #create(policy: BalancingPolicy): Balancer {
    const options = endpointPolicyOptions(policy);
    // pick_first has one server: whether others do better is nothing it could know.
    if (options === undefined) return policy.create(this.#host);
    return new EndpointBalancer(options, this.#host, (key) => this.#detector.counterOf(key));
  }

  #begin({ successRate, failurePercentage, intervalMs }: OutlierDetection): void {
    this.#stopTimer?.();
    if (successRate === undefined && failurePercentage === undefined) {
      this.#detector.pardon();
      this.#apply();
    } else {
      this.#stopTimer = this.#host.after(intervalMs, () => this.#judge());
    }
  }

  #judge(): void {
    const detection = this.#detection;
    if (detection === undefined) return;
    this.#detector.judge(detection);
    this.#apply();
    this.#stopTimer = this.#host.after(detection.intervalMs, () => this.#judge());
  }

  #apply(): void {
    if (!(this.#child instanceof EndpointBalancer)) return;
    for (const [key, child] of this.#child.children) {
      const isOut = this.#detector.isEjected(key);
      if (isOut !== child.isEjected) child.eject(isOut ? failureOf(child.endpoint) : undefined);
    }
  }

  connect(): void {
    this.#child?.connect();
  }

  close(): void {
    this.#stopTimer?.();
    this.#child?.close();
  }
}

function failureOf({ addresses }: Endpoint): ConnectFailure {
  const hint = "it gets no calls for a while, as more of them failed than elsewhere";
  return { address: addresses[0], phase: "health", text: "the servers that can be reached fail too often", hint };
}

/** The policy under a name; `registry` has what may be inside of it. */
export function outlierPolicy(name: string, registry: Registry): BalancingPolicy<OutlierConfig> {
  return Object.freeze({
    name,
    parseConfig: (json: Readonly<Record<string, unknown>>) => readConfig(name, json, registry),
    create: (host: BalancerHost) => new OutlierBalancer(host),
  });
}

function readConfig(name: string, json: Readonly<Record<string, unknown>>, registry: Registry): OutlierConfig {
  const root: Field = { value: json, path: "", of: `the config of ${name}` };
  const list = fieldOf(root, "childPolicy");
  for (const entry of maybe(list, listIn) ?? []) {
    for (const policy of Object.keys(objectIn(entry))) {
      const child = registry.get(policy);
      if (child === undefined || child.name.startsWith("outlier_detection")) continue;
      const childConfig = child.parseConfig(objectIn(fieldOf(entry, policy)));
      return { detection: readOutlierDetection(root), child, childConfig };
    }
  }
  throw new TypeError(`${cannotUse(list)} must name a policy that is known (${[...registry.keys()].join(", ")})`);
}
