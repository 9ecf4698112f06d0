/**
 * Service configs: what the owner of a service asks of its clients, in the JSON that all gRPC libraries read.
 *
 * Spec: service_config.md; service_config.proto; gRFC A21 (errors), A24 (balancing), A6 (retries), A17 (health).
 * Laws: one known value that is wrong makes the whole config invalid, and the error names it; what is not known is passed over.
 */
import { cannotUse, fieldOf, listIn, maybe, objectIn, refused, shown, textIn, type Field } from "./field-reader.js";
import { readMethodConfigs, readRetryThrottling } from "./method-config.js";
import type { RetryThrottling } from "./method-settings.js";
import type { SettingsByName } from "./method-table.js";

/** The policy that spreads calls, and what it is told. */
export interface BalancingChoice {
  /** Its name, such as `"round_robin"`. */
  readonly policy: string;
  /** What its reader made of its config. */
  readonly settings: unknown;
}

/** A config that has been read. */
export interface ServiceConfig {
  /** `undefined`: the config leaves it to the channel. */
  readonly balancing: BalancingChoice | undefined;
  readonly methods: SettingsByName;
  readonly retryThrottling: RetryThrottling | undefined;
  /** The service whose health is watched; `""` is the server as a whole, `undefined` watches nothing. */
  readonly healthServiceName: string | undefined;
}

/** A policy, as far as a config is concerned. */
interface ConfigReader {
  /** What it makes of its config in JSON, `{}` where there is none. @throws Error for one that it cannot use. */
  parseConfig(json: Readonly<Record<string, unknown>>): unknown;
}

/** The policies there are, by name. */
export type KnownPolicies = ReadonlyMap<string, ConfigReader>;

/** A service config says a few lines for each method: one of megabytes is none. */
const MAX_TEXT_CHARS = 1024 * 1024;

/** What counts where nobody says anything. */
export const EMPTY_SERVICE_CONFIG: ServiceConfig = Object.freeze({
  balancing: undefined,
  methods: new Map(),
  retryThrottling: undefined,
  healthServiceName: undefined,
});

/**
 * Reads a service config, as text or as an object. `of` is where it comes from, for the error.
 *
 * @throws TypeError that names what is wrong by its path, such as `methodConfig[1].retryPolicy.maxAttempts`.
 */
export function readServiceConfig(json: unknown, policies: KnownPolicies, of = "the service config"): ServiceConfig {
  const root: Field = { value: typeof json === "string" ? parsed(json, of) : json, path: "", of };
  objectIn(root);
  return {
    balancing: readBalancing(root, policies),
    methods: maybe(fieldOf(root, "methodConfig"), readMethodConfigs) ?? EMPTY_SERVICE_CONFIG.methods,
    retryThrottling: maybe(fieldOf(root, "retryThrottling"), readRetryThrottling),
    healthServiceName: maybe(fieldOf(root, "healthCheckConfig"), (health) =>
      maybe(fieldOf(health, "serviceName"), textIn),
    ),
  };
}

/** JSON from a text. */
export function parsed(text: string, of: string): unknown {
  if (text.length > MAX_TEXT_CHARS) {
    throw new TypeError(
      `Cannot use ${of} as it must be shorter than ${MAX_TEXT_CHARS} characters: it has ${text.length}`,
    );
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not the parser's own words, which differ from version to version and repeat what was read.
    throw new TypeError(`Cannot use ${of} as it must be JSON: current value is ${shown(text)}`);
  }
}

/** "loadBalancingConfig … overrides loadBalancingPolicy", which is deprecated and knows names alone. */
function readBalancing(root: Field, policies: KnownPolicies): BalancingChoice | undefined {
  const list = fieldOf(root, "loadBalancingConfig");
  const entries = maybe(list, listIn) ?? [];
  if (entries.length > 0) return firstKnown(list, entries, policies);
  const field = fieldOf(root, "loadBalancingPolicy");
  const policy = maybe(field, textIn)?.toLowerCase() ?? "";
  if (policy === "" || policy === "load_balancing_policy_unspecified") return undefined;
  if (!policies.has(policy)) throw refused(field, `the name of a known policy (${names(policies)})`);
  return settingsOf(policy, { value: {}, path: field.path, of: field.of }, policies);
}

/** "The client must iterate over the list, and use the first policy that it supports." */
function firstKnown(list: Field, entries: readonly Field[], policies: KnownPolicies): BalancingChoice {
  const unknown: string[] = [];
  for (const entry of entries) {
    const keys = Object.keys(objectIn(entry));
    const [policy] = keys;
    if (policy === undefined || keys.length > 1) {
      throw new TypeError(`${cannotUse(entry)} must have one key, the name of a policy: it has ${keys.length}`);
    }
    if (policies.has(policy)) return settingsOf(policy, fieldOf(entry, policy), policies);
    unknown.push(policy);
  }
  const named = `it names ${shown(unknown.join(", "))}`;
  throw new TypeError(`${cannotUse(list)} must name a policy that is known (${names(policies)}): ${named}`);
}

function settingsOf(policy: string, config: Field, policies: KnownPolicies): BalancingChoice {
  const object = config.value === undefined ? {} : objectIn(config);
  try {
    return { policy, settings: policies.get(policy)?.parseConfig(object) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`${cannotUse(config)} is refused by the policy: ${reason}`, { cause });
  }
}

function names(policies: KnownPolicies): string {
  return [...policies.keys()].join(", ");
}
