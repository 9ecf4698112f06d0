/**
 * What a channel is told about the calls of its methods, as options.
 *
 * Spec: service_config.proto; gRFC A21; docs/service-config.md.
 */
import type { MethodOptions } from "./method-options.js";
import type { RetryThrottling } from "./method-settings.js";

/** What all calls of methods are told. */
export interface SettingsOptions {
  /**
   * Settings by method: `"package.Service/Method"`, `"package.Service"`, `""` for everything else. The most specific entry counts,
   * as a whole. Options of a call come before them, and they before a service config; of timeouts and limits the smallest counts.
   */
  readonly methods?: MethodOptions | undefined;
  /** How many retries a server in trouble gets, whatever a service config says. Default: what that says, else no bound. */
  readonly retryThrottling?: RetryThrottling | undefined;
  /**
   * The service config that counts where the resolver has none: JSON as text, or as an object. One with a known field that is
   * wrong is refused when the channel is made. Default none.
   */
  readonly serviceConfig?: string | object | undefined;
}

/** The names of {@link SettingsOptions}. */
export const SETTINGS_OPTIONS: readonly string[] = ["methods", "retryThrottling", "serviceConfig"];
