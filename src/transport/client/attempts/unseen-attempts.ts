/**
 * Attempts that no server took: when they may be repeated at once, without a policy and without counting.
 *
 * Spec: gRFC A6, "Transparent Retries".
 * Laws: no call goes round for ever, whatever servers and networks do.
 */

/**
 * How often one call finds its session gone before anything of it has left. The document has no limit; each time has cost a
 * connection, and beyond this something else is wrong, which the error should say.
 */
export const MAX_NEVER_SENT = 10;

/** Those of one call. */
export class UnseenAttempts {
  #neverSent = 0;
  #refused = false;

  /** "If the RPC never leaves the client … retried immediately"; "if … refused, the RPC is immediately retried once". */
  mayRepeat(how: "never sent" | "refused"): boolean {
    if (how === "never sent") return this.#neverSent++ < MAX_NEVER_SENT;
    const first = !this.#refused;
    this.#refused = true;
    return first;
  }
}
