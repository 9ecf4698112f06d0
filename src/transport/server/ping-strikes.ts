/**
 * Which PINGs of a client are too many.
 *
 * Spec: gRFC A8, "Server Enforcement".
 * Laws: pure: the time is told, nothing is sent; the first PING of a connection is always permitted; whatever the server sends
 * wipes the strikes out.
 */

/** How often a client may send PINGs. */
export interface PingPolicy {
  /** The least time between two PINGs, in milliseconds. */
  readonly permitKeepaliveTimeMs: number;
  /** Whether a client without an open call may send them as often as one that has some. */
  readonly permitKeepaliveWithoutCalls: boolean;
}

/** "If there are no outstanding streams … 2 hours": as often as TCP itself asks for a sign of life. */
const WITHOUT_CALLS_MS = 2 * 60 * 60 * 1000;
/** "MAX_PING_STRIKES": how many PINGs may come too early before the connection is closed. */
const MAX_STRIKES = 2;

/** Counts the PINGs of one connection that came too early. */
export class PingStrikes {
  readonly #policy: PingPolicy;
  #strikes = 0;
  #lastValidMs = -Infinity;

  constructor(policy: PingPolicy) {
    this.#policy = policy;
  }

  /** Takes note of a PING, on any clock, and says whether it was one too many. */
  isTooMany(nowMs: number, hasCalls: boolean): boolean {
    const { permitKeepaliveTimeMs, permitKeepaliveWithoutCalls } = this.#policy;
    const leastMs = hasCalls || permitKeepaliveWithoutCalls ? permitKeepaliveTimeMs : WITHOUT_CALLS_MS;
    if (nowMs - this.#lastValidMs >= leastMs) {
      this.#lastValidMs = nowMs;
      return false;
    }
    return ++this.#strikes > MAX_STRIKES;
  }

  /** HEADERS or DATA were sent: the count starts over, and the next PING is permitted. */
  forgive(): void {
    this.#strikes = 0;
    this.#lastValidMs = -Infinity;
  }
}
