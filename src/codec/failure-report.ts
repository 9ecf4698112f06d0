/**
 * What is known of a client's call that failed, beside its status: of which call, what was tried, where the time went.
 *
 * Laws: it stays on this side: nothing of it is ever sent; the first to say something of an error is right, so that an error that
 * is passed on keeps telling of the call it came from.
 */

/**
 * How far an attempt had come: finding the address, the TCP connection, the proxy's tunnel, the TLS handshake, the server's first
 * SETTINGS, its health; or the call's own stream.
 */
export type AttemptPhase = "dns" | "tcp" | "proxy" | "tls" | "settings" | "health" | "stream";

/** One try that came to nothing: to connect, or to have the call answered on a connection. */
export interface FailedAttempt {
  /** Where; `undefined` where no address was known. */
  readonly address: string | undefined;
  readonly phase: AttemptPhase;
  /** Why it came to nothing, in one sentence. */
  readonly reason: string;
  /** More of it, and what may help. */
  readonly hint?: string | undefined;
  /** The status it ended in, where it had come as far as a stream. */
  readonly code?: number | undefined;
  /** The name of the HTTP/2 error code that ended it, such as `"REFUSED_STREAM"`. RFC 9113 §7. */
  readonly http2Code?: string | undefined;
  /** With which frame that code came: for the one stream, or for the whole connection. */
  readonly http2Frame?: "RST_STREAM" | "GOAWAY" | undefined;
  /** How long it took, in milliseconds, where somebody looked at the clock. */
  readonly durationMs?: number | undefined;
}

/** What a call did with a part of its time. */
export interface TimeSpent {
  readonly doing: string;
  readonly ms: number;
}

/** What is known of the call. */
export interface FailureReport {
  readonly hint?: string | undefined;
  /** The path of the method: `/package.Service/Method`. */
  readonly method?: string | undefined;
  /** What the channel was made for. */
  readonly target?: string | undefined;
  readonly attempts?: readonly FailedAttempt[] | undefined;
  readonly timeSpent?: readonly TimeSpent[] | undefined;
  /** The lines of the stack that made the call, if they were kept. */
  readonly callSite?: string | undefined;
}

const NOTHING: FailureReport = Object.freeze({});
const REPORTS = new WeakMap<Error, FailureReport>();

/** What is known of the call that `error` came from. */
export function reportOf(error: Error): FailureReport {
  return REPORTS.get(error) ?? NOTHING;
}

/** Says more of an error, unless it tells of another call already. */
export function report(error: Error, more: FailureReport): void {
  const known = REPORTS.get(error);
  if (known?.method === undefined) REPORTS.set(error, known === undefined ? more : { ...known, ...more });
}
