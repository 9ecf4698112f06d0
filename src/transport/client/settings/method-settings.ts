/**
 * Method settings: what all calls of a method are told, from the channel's options or from a service config.
 *
 * Spec: service_config.proto (MethodConfig); gRFC A6 (retries and hedging).
 */
import type { Code } from "../../../codec/status.js";

/** When a failed call is tried again. */
export interface RetryPolicy {
  /** How often at most, the first time included: 2 or more. Counts above the channel's limit count as the limit. */
  readonly maxAttempts: number;
  /** The delay before the first retry, in milliseconds, give or take a fifth. */
  readonly initialBackoffMs: number;
  /** What no delay is longer than, in milliseconds. */
  readonly maxBackoffMs: number;
  /** Each delay is this many times the one before. */
  readonly backoffMultiplier: number;
  /** The codes after which a call is tried again. */
  readonly retryableCodes: readonly Code[];
}

/** When a call is sent more than once, without waiting for a failure. Whoever answers first is taken. */
export interface HedgingPolicy {
  /** How often at most, the first time included: 2 or more. Counts above the channel's limit count as the limit. */
  readonly maxAttempts: number;
  /** How long to wait for an answer before the next one is sent, in milliseconds. 0 sends all at once. */
  readonly hedgingDelayMs: number;
  /** The codes that do not end the call, but send the next one at once. */
  readonly nonFatalCodes: readonly Code[];
}

/** How many retries a server that is in trouble gets. One count for all methods. */
export interface RetryThrottling {
  /** The tokens there are at first and at most: more than 0, up to 1000. There are no retries at half of them or less. */
  readonly maxTokens: number;
  /** What a success gives back; a failure takes one. More than 0; three decimals count. */
  readonly tokenRatio: number;
}

/** What the calls of one method are told. Options of a call win, and of two limits or deadlines the nearer one. */
export interface MethodSettings {
  /** Whether calls wait while no server can be reached, instead of failing UNAVAILABLE at once. */
  readonly waitForReady?: boolean | undefined;
  /** How long a call may take, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** The longest request message, in bytes. */
  readonly maxSendBytes?: number | undefined;
  /** The longest response message, in bytes. */
  readonly maxReceiveBytes?: number | undefined;
  /** Excludes `hedging`. */
  readonly retry?: RetryPolicy | undefined;
  /** Excludes `retry`. */
  readonly hedging?: HedgingPolicy | undefined;
}
