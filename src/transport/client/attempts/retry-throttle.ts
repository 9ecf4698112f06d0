/**
 * The retry throttle of one server name: a server in trouble gets no more calls than it has.
 *
 * Spec: gRFC A6, "Throttling Retry Attempts and Hedged RPCs".
 * Laws: there are never less than no tokens and never more than at first; what the server never took does not count.
 */
import type { RetryThrottling } from "../settings/method-settings.js";

/** "Digits after the third decimal place are ignored": tokens are counted in thousandths, which add up exactly. */
const UNITS = 1000;

/** The tokens of one server name, shared by all calls of a channel. */
export class RetryThrottle {
  readonly #maxUnits: number;
  readonly #gainUnits: number;
  #units: number;

  constructor({ maxTokens, tokenRatio }: RetryThrottling) {
    this.#maxUnits = Math.round(maxTokens * UNITS);
    // What is left behind the third decimal may be due to the number's binary form: 0.29 * 1000 is 289.99999999999994.
    this.#gainUnits = Math.floor(Number((tokenRatio * UNITS).toPrecision(12)));
    this.#units = this.#maxUnits;
  }

  /** How many there are. */
  get tokens(): number {
    return this.#units / UNITS;
  }

  /** "Retries … will be disabled while token_count is less than or equal to half of maxTokens." */
  get allows(): boolean {
    return this.#units * 2 > this.#maxUnits;
  }

  /** An attempt failed in a way that its policy names, or the server wants no more of it. */
  failed(): void {
    this.#units = Math.max(this.#units - UNITS, 0);
  }

  succeeded(): void {
    this.#units = Math.min(this.#units + this.#gainUnits, this.#maxUnits);
  }
}
