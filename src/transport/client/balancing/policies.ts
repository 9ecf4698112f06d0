/**
 * The balancing policies of a channel by their names, and the option that chooses one.
 *
 * Spec: load-balancing.md; gRFC A24 (policies by name).
 */
import { nearestName } from "../../../codec/nearest-name.js";
import type { BalancingPolicy } from "./balancer.js";
import { outlierPolicy } from "./outlier-policy.js";
import { PICK_FIRST } from "./pick-first.js";
import { LEAST_REQUEST, LEAST_REQUEST_EXPERIMENTAL, ROUND_ROBIN, WEIGHTED_ROUND_ROBIN } from "./spreading.js";

/** Policies by the name that a service config calls them. */
export type PolicyRegistry = ReadonlyMap<string, BalancingPolicy>;

/** A policy by its name, with or without a config: `{ policy: "pick_first", shuffleAddressList: true }`. */
export type BalancingOption =
  | BuiltInPolicy
  | (string & {})
  | { readonly policy: "pick_first"; readonly shuffleAddressList?: boolean }
  | { readonly policy: "round_robin" | "weighted_round_robin" }
  | { readonly policy: "least_request"; readonly choiceCount?: number }
  | { readonly policy: string & {}; readonly [field: string]: unknown };

/** The policies that every channel has. */
export type BuiltInPolicy =
  "pick_first" | "round_robin" | "weighted_round_robin" | "least_request" | "outlier_detection";

/** A policy with its config read. */
export interface ChosenPolicy {
  readonly policy: BalancingPolicy;
  readonly config: unknown;
}

const BUILT_IN: readonly BalancingPolicy[] = [
  PICK_FIRST,
  ROUND_ROBIN,
  WEIGHTED_ROUND_ROBIN,
  LEAST_REQUEST,
  LEAST_REQUEST_EXPERIMENTAL,
];
/** And what gRFC A50 calls it. */
const OUTLIER_DETECTION = ["outlier_detection", "outlier_detection_experimental"];

/**
 * The policies of barewire and those of the application's own, which may take the name of one of ours.
 *
 * @throws TypeError for what is no policy.
 */
export function policiesWith(own: readonly unknown[] = []): PolicyRegistry {
  const registry = new Map(BUILT_IN.map((policy) => [policy.name, policy]));
  for (const name of OUTLIER_DETECTION) registry.set(name, outlierPolicy(name, registry));
  for (const policy of own) {
    if (!isPolicy(policy)) {
      throw new TypeError("Cannot use option policies as each must have a name, parseConfig and create");
    }
    registry.set(policy.name, policy);
  }
  return registry;
}

function isPolicy(value: unknown): value is BalancingPolicy {
  if (typeof value !== "object" || value === null) return false;
  const policy = value as Partial<BalancingPolicy>;
  const hasName = typeof policy.name === "string" && policy.name !== "";
  return hasName && typeof policy.parseConfig === "function" && typeof policy.create === "function";
}

/** @throws TypeError for a policy that does not exist, or a config that is not one of its. */
export function chosenPolicy(option: BalancingOption | undefined, registry: PolicyRegistry): ChosenPolicy {
  const { policy: name = option ?? "pick_first", ...json } = typeof option === "object" ? option : {};
  const policy = typeof name === "string" ? registry.get(name) : undefined;
  if (policy === undefined) throw unknownPolicy(name, registry);
  try {
    return { policy, config: policy.parseConfig(json) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`Cannot use option balancing as ${policy.name} refuses its config: ${reason}`, { cause });
  }
}

function unknownPolicy(name: unknown, registry: PolicyRegistry): TypeError {
  const names = [...registry.keys()];
  const shown = typeof name === "string" ? JSON.stringify(name.slice(0, 64)) : typeof name;
  const nearest = typeof name === "string" ? nearestName(name, names) : undefined;
  const hint = nearest === undefined ? "" : `; did you mean "${nearest}"?`;
  return new TypeError(
    `Cannot use option balancing as it must name one of ${names.join(", ")}: current value is ${shown}${hint}`,
  );
}
