/**
 * The settings of every method: from the channel's options and from the service config that is in force.
 *
 * Spec: service_config.proto (MethodConfig.name); gRFC A6; docs/service-config.md.
 * Laws: the most specific entry counts as a whole; a method is resolved once, then it is one look into a map.
 */
import type { MethodSettings } from "./method-settings.js";

/** How many methods are remembered: an application has as many as its schemas, unless it makes names up. */
const MAX_RESOLVED = 10_000;

const NO_SETTINGS: MethodSettings = Object.freeze({});

/** Settings by {@link methodKey}. */
export type SettingsByName = ReadonlyMap<string, MethodSettings>;

/** The key of a method (its path), of all methods of a service (without a method), or of all (without a service). */
export function methodKey(service: string, method: string): string {
  return service === "" ? "" : `/${service}/${method}`;
}

/** The settings of the methods of one channel, under one service config. */
export class MethodTable {
  readonly #options: SettingsByName;
  readonly #config: SettingsByName;
  readonly #resolved = new Map<string, MethodSettings>();

  /** `options` are the application's own, `config` are those of a service config. */
  constructor(options: SettingsByName, config: SettingsByName) {
    this.#options = options;
    this.#config = config;
  }

  /** The settings of a method by its path, `/package.Service/Method`. */
  get(path: string): MethodSettings {
    const known = this.#resolved.get(path);
    if (known !== undefined) return known;
    const settings = joined(mostSpecific(this.#options, path), mostSpecific(this.#config, path));
    if (this.#resolved.size < MAX_RESOLVED) this.#resolved.set(path, settings);
    return settings;
  }
}

/** "First the method, then its service, then the default." One entry counts, and nothing of the less specific ones. */
function mostSpecific(settings: SettingsByName, path: string): MethodSettings | undefined {
  if (settings.size === 0) return undefined;
  const service = path.slice(0, path.lastIndexOf("/") + 1);
  return settings.get(path) ?? settings.get(service) ?? settings.get("");
}

/** Options come first; of two limits the smaller one counts, and retries and hedging are one choice. */
function joined(options: MethodSettings | undefined, config: MethodSettings | undefined): MethodSettings {
  if (options === undefined || config === undefined) return options ?? config ?? NO_SETTINGS;
  const repeats = options.retry ?? options.hedging;
  const { retry, hedging } = repeats === undefined ? config : options;
  return {
    waitForReady: options.waitForReady ?? config.waitForReady,
    timeoutMs: smaller(options.timeoutMs, config.timeoutMs),
    maxSendBytes: smaller(options.maxSendBytes, config.maxSendBytes),
    maxReceiveBytes: smaller(options.maxReceiveBytes, config.maxReceiveBytes),
    retry,
    hedging,
  };
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
