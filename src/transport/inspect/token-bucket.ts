/**
 * A token bucket: how many bytes may pass now, at so many a second.
 *
 * Laws: over any time no more passes than the rate allows and a tenth of a second's worth beside it; a slow rate still moves.
 */

/** How much may come at once after a pause, in seconds of the rate. */
const BURST_SECONDS = 0.1;

/** Meters the bytes of one direction. */
export class TokenBucket {
  readonly #bytesPerMs: number;
  readonly #burstBytes: number;
  #tokens: number;
  #atMs: number;

  /** `bytesPerSecond` is above 0; `nowMs` is the time of a clock in milliseconds. */
  constructor(bytesPerSecond: number, nowMs: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#burstBytes = Math.max(1, Math.floor(bytesPerSecond * BURST_SECONDS));
    this.#tokens = this.#burstBytes;
    this.#atMs = nowMs;
  }

  /** Takes what may pass of `bytes` now; 0 when it is to wait. */
  take(bytes: number, nowMs: number): number {
    this.#tokens = Math.min(this.#burstBytes, this.#tokens + (nowMs - this.#atMs) * this.#bytesPerMs);
    this.#atMs = nowMs;
    // Nothing is cut into smaller pieces than it must be: what does not fit waits for a whole burst.
    if (this.#tokens < Math.min(bytes, this.#burstBytes)) return 0;
    const taken = Math.min(bytes, Math.floor(this.#tokens));
    this.#tokens -= taken;
    return taken;
  }

  /** How long to wait, in milliseconds, before something of `bytes` may pass. */
  msUntil(bytes: number): number {
    return Math.max(0, (Math.min(bytes, this.#burstBytes) - this.#tokens) / this.#bytesPerMs);
  }
}
