/**
 * The authority: the name under which a server is asked, `:authority` on the wire.
 *
 * Spec: client_channel_specification.md; RFC 3986 §3.2 (host and port).
 */
import type { Address } from "../../address.js";

/** "The authority is the target"; a unix socket and a target without a host are this machine. */
export function defaultAuthority(target: string, address: Address): string {
  return address.kind === "unix" ? "localhost" : serverNameOf(target);
}

/** "The authority is the target's path", percent-encoded; a path without a host is this machine. */
export function serverNameOf(path: string): string {
  return path.startsWith(":") ? `localhost${path}` : percentEncoded(path);
}

/** RFC 3986 §3.2: what may not stand in an authority becomes `%` and two digits; escapes that are there stay. */
function percentEncoded(path: string): string {
  return path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@[\]%]+/g, (text) =>
    [...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
}

/** The host of an authority: without port and without the brackets around an IPv6 address. */
export function hostOf(authority: string): string {
  const host = /^\[([^\]]*)\]/.exec(authority)?.[1] ?? authority.replace(/:\d*$/, "");
  try {
    return decodeURIComponent(host);
  } catch {
    return host;
  }
}

/** @throws TypeError for what cannot stand in `:authority`. */
export function checkAuthority(authority: unknown): void {
  if (authority === undefined || (typeof authority === "string" && /^[\x21-\x7e]+$/.test(authority))) return;
  const shown = typeof authority === "string" ? JSON.stringify(authority.slice(0, 64)) : typeof authority;
  throw new TypeError(
    `Cannot use option authority as it must be printable ASCII without spaces: current value is ${shown}`,
  );
}
