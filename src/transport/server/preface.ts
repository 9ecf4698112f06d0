/**
 * The time a new connection has for its preface.
 *
 * Spec: RFC 9113 §3.4: "the client connection preface … MUST be followed by a SETTINGS frame".
 */
import type { ServerHttp2Session } from "node:http2";

/** Drops a session whose client has not sent its SETTINGS within `timeoutMs`. */
export function expectPreface(session: ServerHttp2Session, timeoutMs: number): void {
  const timer = setTimeout(() => session.destroy(), timeoutMs);
  const settled = (): void => clearTimeout(timer);
  session.once("remoteSettings", settled);
  session.once("close", settled);
}
