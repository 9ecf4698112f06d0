/**
 * Method configs: the settings of methods in the JSON of a service config.
 *
 * Spec: service_config.proto (MethodConfig); gRFC A6, "Validation of retryPolicy", "Validation of hedgingPolicy".
 * Laws: of what is known every value is checked; what is not known is passed over.
 */
import { Code, codeName, isCode } from "../../../codec/status.js";
import {
  cannotUse,
  fieldOf,
  flagIn,
  jsonDurationMsIn,
  jsonNumberIn,
  jsonWholeIn,
  listIn,
  maybe,
  refused,
  textIn,
  type Field,
} from "./field-reader.js";
import type { HedgingPolicy, MethodSettings, RetryPolicy, RetryThrottling } from "./method-settings.js";
import { methodKey } from "./method-table.js";

/** "Values greater than 1000 are invalid." gRFC A6. */
export const MAX_THROTTLING_TOKENS = 1000;
/** "Digits after the third decimal place are ignored." gRFC A6. */
const RATIO_STEPS = 1000;

/** The settings of all methods that are named, by {@link methodKey}. */
export function readMethodConfigs(configs: Field): ReadonlyMap<string, MethodSettings> {
  const settings = new Map<string, MethodSettings>();
  for (const config of listIn(configs)) {
    const own = readSettings(config);
    for (const name of maybe(fieldOf(config, "name"), listIn) ?? []) {
      const key = readName(name);
      if (settings.has(key)) throw new TypeError(`${cannotUse(name)} names what an earlier entry names`);
      settings.set(key, own);
    }
  }
  return settings;
}

/** "If the method is empty, it is the default of the service; if the service is empty too, the default of all." */
function readName(name: Field): string {
  const service = maybe(fieldOf(name, "service"), textIn) ?? "";
  const method = maybe(fieldOf(name, "method"), textIn) ?? "";
  if (service === "" && method !== "") throw new TypeError(`${cannotUse(name)} has a method and no service`);
  if (method.includes("/")) throw refused(fieldOf(name, "method"), 'a method name without "/"');
  return methodKey(service, method);
}

function readSettings(config: Field): MethodSettings {
  const retry = maybe(fieldOf(config, "retryPolicy"), readRetryPolicy);
  const hedging = maybe(fieldOf(config, "hedgingPolicy"), readHedgingPolicy);
  if (retry !== undefined && hedging !== undefined) {
    throw new TypeError(`${cannotUse(config)} has both a retryPolicy and a hedgingPolicy: there may be one of them`);
  }
  return {
    waitForReady: maybe(fieldOf(config, "waitForReady"), flagIn),
    timeoutMs: maybe(fieldOf(config, "timeout"), jsonDurationMsIn),
    maxSendBytes: maybe(fieldOf(config, "maxRequestMessageBytes"), jsonWholeIn),
    maxReceiveBytes: maybe(fieldOf(config, "maxResponseMessageBytes"), jsonWholeIn),
    retry,
    hedging,
  };
}

function readRetryPolicy(policy: Field): RetryPolicy {
  const retryableCodes = readCodes(fieldOf(policy, "retryableStatusCodes"));
  return {
    maxAttempts: jsonWholeIn(fieldOf(policy, "maxAttempts"), { from: 2 }),
    initialBackoffMs: jsonDurationMsIn(fieldOf(policy, "initialBackoff"), 0),
    maxBackoffMs: jsonDurationMsIn(fieldOf(policy, "maxBackoff"), 0),
    backoffMultiplier: jsonNumberIn(fieldOf(policy, "backoffMultiplier"), { above: 0 }),
    retryableCodes,
  };
}

function readHedgingPolicy(policy: Field): HedgingPolicy {
  return {
    maxAttempts: jsonWholeIn(fieldOf(policy, "maxAttempts"), { from: 2 }),
    hedgingDelayMs: maybe(fieldOf(policy, "hedgingDelay"), jsonDurationMsIn) ?? 0,
    nonFatalCodes: maybe(fieldOf(policy, "nonFatalStatusCodes"), listIn)?.map(readCode) ?? [],
  };
}

function readCodes(codes: Field): readonly Code[] {
  const list = maybe(codes, listIn) ?? [];
  if (list.length === 0) throw refused(codes, "a list of at least one status code");
  return list.map(readCode);
}

/** "Integers or case-insensitive names." */
export function readCode(field: Field): Code {
  const { value } = field;
  const code: unknown = typeof value === "string" ? CODES.get(value.toUpperCase()) : value;
  // A call that is OK has not failed: whoever lists it means something else.
  if (isCode(code) && code !== Code.OK) return code;
  throw refused(field, 'the number or the name of a status code other than OK, such as "UNAVAILABLE"');
}

const CODES: ReadonlyMap<string, Code> = new Map(Object.values(Code).map((code) => [codeName(code), code]));

/** The budget of retries in a service config. */
export function readRetryThrottling(throttling: Field): RetryThrottling {
  const ratio = fieldOf(throttling, "tokenRatio");
  return {
    maxTokens: jsonWholeIn(fieldOf(throttling, "maxTokens"), { from: 1, to: MAX_THROTTLING_TOKENS }),
    tokenRatio: thousandths(ratio, jsonNumberIn(ratio, { above: 0 })),
  };
}

/** Three decimals of a ratio. @throws TypeError when they leave nothing. */
export function thousandths(field: Field, ratio: number): number {
  // 1.001 * 1000 is a hair below 1001.
  const kept = Math.floor(ratio * RATIO_STEPS + 1e-6) / RATIO_STEPS;
  if (kept > 0) return kept;
  throw refused(field, "0.001 or more, as three decimals count");
}
