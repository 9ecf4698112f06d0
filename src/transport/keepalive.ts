/**
 * Keepalive: whether there is still somebody at the other end of a silent connection.
 *
 * Spec: keepalive.md; RFC 9113 §6.7 (PING).
 * Laws: asked for by a PING, answered by its acknowledgement and nothing else; one answer, always, and no timer left behind.
 */
import type { Http2Session } from "node:http2";

/**
 * On Node 20 a session whose peer breaks certain rules (DATA before HEADERS, a header block that is not HPACK) goes deaf: it
 * sends a GOAWAY, reads nothing more, not even the end of its socket, and tells nobody. There, silence is asked about sooner.
 */
const SESSIONS_GO_DEAF = process.versions.node.startsWith("20.");
const SUSPICIOUS_SILENCE_MS = 60_000;

/** After how long a silence to ask, when `keepaliveTimeMs` is what was asked for. */
export function silenceMs(keepaliveTimeMs: number): number {
  return SESSIONS_GO_DEAF ? Math.min(keepaliveTimeMs, SUSPICIOUS_SILENCE_MS) : keepaliveTimeMs;
}

/** A timer that fires this much too late was not late by itself: the process did something else, or nothing. */
const HELD_UP_MS = 100;

/**
 * Sends a PING; tells `answered` whether its acknowledgement came within `timeoutMs`. A process that was held up meanwhile has
 * not listened: the time starts over then, once.
 */
export function probe(session: Http2Session, timeoutMs: number, answered: (alive: boolean) => void): void {
  let waiting = true;
  let timer: NodeJS.Timeout | undefined;
  const tell = (alive: boolean): void => {
    if (!waiting) return;
    waiting = false;
    clearTimeout(timer);
    answered(alive);
  };
  const wait = (startOver: boolean): void => {
    const due = performance.now() + timeoutMs;
    const onTime = (): void => {
      if (startOver && performance.now() - due > HELD_UP_MS) wait(false);
      // Timers run before what has come is read: the answer may be there.
      else setImmediate(() => tell(false));
    };
    timer = setTimeout(onTime, timeoutMs).unref();
  };
  wait(true);
  try {
    // `false` says that ten PINGs wait for their answers already.
    if (!session.ping((error) => tell(error === null))) tell(false);
  } catch {
    tell(false);
  }
}
