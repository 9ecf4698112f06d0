/**
 * Addresses as users write them: `host:port`, `[v6]:port`, `unix:path`.
 *
 * Spec: naming.md (the `unix:` scheme, the port behind the last colon, brackets around IPv6).
 */

/** Where to listen or to connect. */
export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/**
 * Reads an address. `defaultPort` is taken when there is none.
 *
 * @throws TypeError when the text is not an address; the text says what was wanted.
 */
export function parseAddress(text: string, defaultPort?: number): Address {
  if (typeof text !== "string" || text === "") throw invalid(text);
  if (text.startsWith("unix:")) {
    const path = text.startsWith("unix://") ? text.slice("unix://".length) : text.slice("unix:".length);
    if (path === "" || path === "/") throw invalid(text);
    return { kind: "unix", path };
  }
  const match = /^(?:\[([0-9a-fA-F:.%a-z]+)\]|([^:[\]/\s]*))(?::(\d{1,5}))?$/.exec(text);
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (match === null || port === undefined || port > 65_535) throw invalid(text);
  const host = match[1] ?? match[2] ?? "";
  if (host === "" && match[3] === undefined) throw invalid(text);
  return { kind: "tcp", host, port };
}

function invalid(text: unknown): TypeError {
  const shown = typeof text === "string" ? JSON.stringify(text.slice(0, 128)) : typeof text;
  return new TypeError(
    `Cannot read the address as it must be "host:port", "[IPv6]:port" or "unix:path": current value is ${shown}`,
  );
}

/** Writes an address in the form {@link parseAddress} reads. */
export function formatAddress(address: Address): string {
  return address.kind === "unix" ? `unix:${address.path}` : formatHostPort(address.host, address.port);
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether an address never leaves this machine. */
export function isLoopback(address: Address): boolean {
  if (address.kind === "unix") return true;
  const host = address.host.toLowerCase();
  return (
    host === "" ||
    host === "localhost" ||
    host.endsWith(".localhost") ||
    host === "::1" ||
    /^127(?:\.\d{1,3}){3}$/.test(host)
  );
}
