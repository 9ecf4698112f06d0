/**
 * Settings of methods as options of a channel: `methods` and `retryThrottling`, checked like a service config, but typed.
 *
 * Spec: service_config.proto (MethodConfig); gRFC A6; docs/service-config.md.
 * Laws: what is not known is refused; what was given is copied, so that it may be changed afterwards.
 */
import type { Code } from "../../../codec/status.js";
import {
  cannotUse,
  checkNames,
  fieldOf,
  flagIn,
  listIn,
  maybe,
  numberIn,
  objectIn,
  refused,
  shown,
  wholeIn,
  type Field,
} from "./field-reader.js";
import { MAX_THROTTLING_TOKENS, readCode, thousandths } from "./method-config.js";
import type { HedgingPolicy, MethodSettings, RetryPolicy, RetryThrottling } from "./method-settings.js";
import { methodKey, type SettingsByName } from "./method-table.js";

/**
 * Settings by method: `"package.Service/Method"`, `"package.Service"` for what it has no entry for, `""` for the rest. An entry
 * counts as a whole, and nothing of the less specific ones.
 */
export type MethodOptions = Readonly<Record<string, MethodSettings>>;

const SETTINGS = ["waitForReady", "timeoutMs", "maxSendBytes", "maxReceiveBytes", "retry", "hedging"];
const RETRY = ["maxAttempts", "initialBackoffMs", "maxBackoffMs", "backoffMultiplier", "retryableCodes"];
const HEDGING = ["maxAttempts", "hedgingDelayMs", "nonFatalCodes"];
const THROTTLING = ["maxTokens", "tokenRatio"];

/**
 * Reads the option `methods`.
 *
 * @throws TypeError that names what is wrong by its path, such as `methods["order.Orders"].retry.maxAttempts`.
 */
export function readMethodOptions(methods: unknown): SettingsByName {
  const settings = new Map<string, MethodSettings>();
  if (methods === undefined) return settings;
  const root: Field = { value: methods, path: "methods", of: "the options" };
  for (const [name, value] of Object.entries(objectIn(root))) {
    if (value === undefined) continue;
    const key = keyOf(name, root);
    if (settings.has(key)) throw new TypeError(`${cannotUse(root)} has ${shown(name)} twice`);
    settings.set(key, readSettings({ value, path: `methods[${shown(name)}]`, of: root.of }));
  }
  return settings;
}

/** @throws TypeError that names what is wrong by its path. */
export function readRetryThrottlingOption(throttling: unknown): RetryThrottling | undefined {
  if (throttling === undefined) return undefined;
  const root: Field = { value: throttling, path: "retryThrottling", of: "the options" };
  checkNames(root, THROTTLING);
  const ratio = fieldOf(root, "tokenRatio");
  return {
    maxTokens: wholeIn(fieldOf(root, "maxTokens"), { from: 1, to: MAX_THROTTLING_TOKENS }),
    tokenRatio: thousandths(ratio, numberIn(ratio, { above: 0 })),
  };
}

/** A method's path, as it is on the wire and in errors, is taken as well. */
function keyOf(name: string, of: Field): string {
  const match = /^\/?([^/]+)(?:\/([^/]+))?$/.exec(name);
  if (name === "") return "";
  if (match !== null) return methodKey(match[1] as string, match[2] ?? "");
  throw new TypeError(
    `${cannotUse(of)} must have names like "package.Service/Method", "package.Service" or "": it has ${shown(name)}`,
  );
}

function readSettings(entry: Field): MethodSettings {
  checkNames(entry, SETTINGS);
  const retry = maybe(fieldOf(entry, "retry"), readRetry);
  const hedging = maybe(fieldOf(entry, "hedging"), readHedging);
  if (retry !== undefined && hedging !== undefined) {
    throw new TypeError(`${cannotUse(entry)} has both retry and hedging: there may be one of them`);
  }
  return {
    waitForReady: maybe(fieldOf(entry, "waitForReady"), flagIn),
    timeoutMs: maybe(fieldOf(entry, "timeoutMs"), limitIn),
    maxSendBytes: maybe(fieldOf(entry, "maxSendBytes"), limitIn),
    maxReceiveBytes: maybe(fieldOf(entry, "maxReceiveBytes"), limitIn),
    retry,
    hedging,
  };
}

/** `Infinity` says "no limit", as in the options of a channel. */
function limitIn(field: Field): number {
  return field.value === Infinity ? Infinity : numberIn(field, { from: 0 });
}

function readRetry(policy: Field): RetryPolicy {
  checkNames(policy, RETRY);
  const codes = fieldOf(policy, "retryableCodes");
  const retryableCodes = maybe(codes, readCodes) ?? [];
  if (retryableCodes.length === 0) throw refused(codes, "a list of at least one status code");
  return {
    maxAttempts: wholeIn(fieldOf(policy, "maxAttempts"), { from: 2 }),
    initialBackoffMs: numberIn(fieldOf(policy, "initialBackoffMs"), { above: 0 }),
    maxBackoffMs: numberIn(fieldOf(policy, "maxBackoffMs"), { above: 0 }),
    backoffMultiplier: numberIn(fieldOf(policy, "backoffMultiplier"), { above: 0 }),
    retryableCodes,
  };
}

function readHedging(policy: Field): HedgingPolicy {
  checkNames(policy, HEDGING);
  return {
    maxAttempts: wholeIn(fieldOf(policy, "maxAttempts"), { from: 2 }),
    hedgingDelayMs: maybe(fieldOf(policy, "hedgingDelayMs"), (delay) => numberIn(delay, { from: 0 })) ?? 0,
    nonFatalCodes: maybe(fieldOf(policy, "nonFatalCodes"), readCodes) ?? [],
  };
}

function readCodes(codes: Field): readonly Code[] {
  return listIn(codes).map(readCode);
}
