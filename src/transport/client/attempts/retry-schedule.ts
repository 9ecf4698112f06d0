/**
 * The schedule of one call's retries: how many are left, and how long to wait before each.
 *
 * Spec: gRFC A6, "Exponential Backoff", "Pushback".
 * Laws: pure but for the chance it is given; the first attempt counts as one.
 */
import type { Code } from "../../../codec/status.js";
import type { RetryPolicy } from "../settings/method-settings.js";

/** "random(0.8, 1.2)" */
const JITTER = 0.2;

/** What is left of the retries of one call. */
export class RetrySchedule {
  readonly #policy: RetryPolicy;
  readonly #random: () => number;
  #left: number;
  #backoffMs: number;

  /** `maxAttempts` is the channel's limit: "values greater than 5 are treated as 5". */
  constructor(policy: RetryPolicy, maxAttempts: number, random: () => number) {
    this.#policy = policy;
    this.#random = random;
    this.#left = Math.min(policy.maxAttempts, maxAttempts) - 1;
    this.#backoffMs = policy.initialBackoffMs;
  }

  /** Whether an attempt that ends in this code is to be followed by another. */
  covers(code: Code): boolean {
    return this.#policy.retryableCodes.includes(code);
  }

  /** How long to wait before the next attempt, in milliseconds; `undefined` when there is none. Takes it off those left. */
  next(pushback: number | "never" | undefined): number | undefined {
    if (this.#left <= 0 || pushback === "never") return undefined;
    this.#left--;
    const { initialBackoffMs, maxBackoffMs, backoffMultiplier } = this.#policy;
    if (pushback !== undefined) {
      // "The client … will restart the backoff at initialBackoff" after it, and waits for as long as it was told, exactly.
      this.#backoffMs = initialBackoffMs;
      return pushback;
    }
    const delayMs = Math.min(this.#backoffMs, maxBackoffMs);
    this.#backoffMs = delayMs * backoffMultiplier;
    return delayMs * (1 - JITTER + 2 * JITTER * this.#random());
  }
}
