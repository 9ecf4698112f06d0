/**
 * The config that a channel follows: the resolver's, the one it was made with, or none.
 *
 * Spec: gRFC A21 (service config error handling); client_channel_specification.md.
 * Laws: what was accepted once stays until something better comes; a new config is for new calls.
 */
import { readMethodOptions, readRetryThrottlingOption } from "./settings/method-options.js";
import type { MethodSettings, RetryThrottling } from "./settings/method-settings.js";
import { MethodTable, type SettingsByName } from "./settings/method-table.js";
import { RetryThrottle } from "./attempts/retry-throttle.js";
import {
  EMPTY_SERVICE_CONFIG,
  readServiceConfig,
  type KnownPolicies,
  type ServiceConfig,
} from "./settings/service-config.js";
import type { SettingsOptions } from "./settings/settings-options.js";

/** The config of a channel that is made with these options. @throws TypeError that names what is wrong by its path. */
export function configOf(options: SettingsOptions, policies: KnownPolicies): ConfigInForce {
  const { methods, retryThrottling, serviceConfig } = options;
  return new ConfigInForce({
    policies,
    methods: readMethodOptions(methods),
    retryThrottling: readRetryThrottlingOption(retryThrottling),
    defaultConfig:
      serviceConfig === undefined ? undefined : readServiceConfig(serviceConfig, policies, "option serviceConfig"),
  });
}

/** What a channel was made with. */
export interface ConfigOptions {
  readonly policies: KnownPolicies;
  /** Its own settings of methods. They come before those of any config. */
  readonly methods: SettingsByName;
  readonly retryThrottling: RetryThrottling | undefined;
  /** What counts where the resolver has no config. */
  readonly defaultConfig: ServiceConfig | undefined;
}

/** The config of one channel, as it changes. */
export class ConfigInForce {
  readonly #options: ConfigOptions;
  #config: ServiceConfig;
  #methods: MethodTable;
  #throttle: RetryThrottle | undefined;
  /** Whether the resolver has given something that counts, be it nothing. */
  #isAccepted = false;
  #lastGiven: unknown;
  #refused: Error | undefined;

  constructor(options: ConfigOptions) {
    this.#options = options;
    this.#config = options.defaultConfig ?? EMPTY_SERVICE_CONFIG;
    this.#methods = new MethodTable(options.methods, this.#config.methods);
    this.#throttle = throttleOf(this.retryThrottling);
  }

  get config(): ServiceConfig {
    return this.#config;
  }

  /** What was wrong with the last one that the resolver gave. */
  get refused(): Error | undefined {
    return this.#refused;
  }

  /** The settings of a method by its path, `/package.Service/Method`. */
  settingsOf(path: string): MethodSettings {
    return this.#methods.get(path);
  }

  get retryThrottling(): RetryThrottling | undefined {
    return this.#options.retryThrottling ?? this.#config.retryThrottling;
  }

  /** What counts the failures of the server, if anything bounds its retries. */
  get throttle(): RetryThrottle | undefined {
    return this.#throttle;
  }

  /**
   * Takes what the resolver gave: a config as text or as an object, `undefined` for none, an `Error` for one that could not be had.
   * `false` when the channel has nothing to go by: then {@link refused} says why.
   */
  resolved(given: unknown): boolean {
    // A text that is the same says nothing new; an object may have been changed meanwhile.
    if (this.#isAccepted && given === this.#lastGiven && typeof given !== "object") return true;
    this.#refused = undefined;
    try {
      this.#accept(this.#read(given));
      this.#lastGiven = given;
      return true;
    } catch (error) {
      this.#refused = error instanceof Error ? error : new Error(String(error));
    }
    // "Keep the previous one; without one, the default; without a default, fail."
    return this.#isAccepted || this.#options.defaultConfig !== undefined;
  }

  #read(given: unknown): ServiceConfig {
    if (given instanceof Error) throw given;
    if (given === undefined) return this.#options.defaultConfig ?? EMPTY_SERVICE_CONFIG;
    return readServiceConfig(given, this.#options.policies);
  }

  #accept(config: ServiceConfig): void {
    this.#isAccepted = true;
    if (config === this.#config) return;
    const before = this.retryThrottling;
    this.#config = config;
    // The same throttling goes on where it is: a server in trouble is not out of it because it was looked up again.
    if (!isSame(before, this.retryThrottling)) this.#throttle = throttleOf(this.retryThrottling);
    this.#methods = new MethodTable(this.#options.methods, config.methods);
  }
}

function throttleOf(throttling: RetryThrottling | undefined): RetryThrottle | undefined {
  return throttling === undefined ? undefined : new RetryThrottle(throttling);
}

function isSame(a: RetryThrottling | undefined, b: RetryThrottling | undefined): boolean {
  return a?.maxTokens === b?.maxTokens && a?.tokenRatio === b?.tokenRatio;
}
