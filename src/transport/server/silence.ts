/**
 * Silence: when a client was last heard of, and whether it is still there.
 *
 * Spec: keepalive.md.
 * Laws: any byte is a sign of life, and costs nothing to notice; one timer, which never keeps the process alive and ends with the
 * session. Node's own `session.setTimeout` stays armed when its session has closed, and holds it until it fires.
 */
import type { ServerHttp2Session } from "node:http2";
import { probe, silenceMs } from "../keepalive.js";

/** The times of it. */
export interface SilenceLimits {
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
}

/** So often a silence is looked at while it lasts: it is asked about an eighth too late at most. */
const LOOKS = 8;

/** Asks a client that has been silent for long for a sign of life, and drops it when none comes. With a time of 0 it is never asked. */
export function watchSilence(session: ServerHttp2Session, limits: SilenceLimits): void {
  const lookMs = Math.ceil(silenceMs(limits.keepaliveTimeMs) / LOOKS);
  if (lookMs === 0) return;
  let timer: NodeJS.Timeout | undefined;
  let bytes = 0;
  let looks = 0;
  const wait = (): void => {
    timer = setTimeout(look, lookMs).unref();
  };
  const look = (): void => {
    if (session.destroyed) return;
    const { bytesRead } = session.socket;
    looks = bytesRead === bytes ? looks + 1 : 0;
    bytes = bytesRead;
    if (looks < LOOKS) wait();
    else probe(session, limits.keepaliveTimeoutMs, answered);
  };
  const answered = (alive: boolean): void => {
    looks = 0;
    if (session.destroyed) return;
    if (alive) wait();
    else session.destroy();
  };
  wait();
  session.once("close", () => clearTimeout(timer));
}
