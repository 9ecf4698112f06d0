/**
 * Addresses as users write them: `host:port`, `[v6]:port`, `unix:path`, `unix-abstract:name`.
 *
 * Spec: naming.md (the `unix:` and `unix-abstract:` schemes, the port behind the last colon, brackets around IPv6).
 */

/** Where to listen or to connect. */
export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** An abstract one begins with a NUL. */
  | { readonly kind: "unix"; readonly path: string };

/** What a socket's path may have, in bytes: what the system's `sun_path` holds, with a zero at its end. */
const MAX_SOCKET_PATH_BYTES = process.platform === "linux" ? 107 : 103;

/**
 * Reads an address. `defaultPort` is taken when there is none.
 *
 * @throws TypeError when the text is not an address; the text says what was wanted.
 */
export function parseAddress(text: string, defaultPort?: number): Address {
  if (typeof text !== "string" || text === "") throw invalid(text);
  if (text.startsWith("unix:")) return unixAddress(text, text.slice("unix:".length));
  if (text.startsWith("unix-abstract:")) return abstractAddress(text, text.slice("unix-abstract:".length));
  const match = /^(?:\[([0-9a-fA-F:.%a-z]+)\]|([^:[\]/\s]*))(?::(\d{1,5}))?$/.exec(text);
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (match === null || port === undefined || port > 65_535) throw invalid(text);
  const host = match[1] ?? match[2] ?? "";
  if (host === "" && match[3] === undefined) throw invalid(text);
  return { kind: "tcp", host, port };
}

/** `unix:path`, `unix:/path` and `unix:///path`. The path is taken as it is written, without escapes. */
function unixAddress(text: string, rest: string): Address {
  const path = rest.startsWith("//") ? rest.slice(2) : rest;
  if (path === "" || path === "/" || path.includes("\0") || (path !== rest && !path.startsWith("/")))
    throw invalid(text);
  return { kind: "unix", path: checkedPath(path) };
}

/** "The underlying path is prepended with a NUL." A name in a space of its own, without a file; Linux alone has it. */
function abstractAddress(text: string, name: string): Address {
  if (name === "" || name.includes("\0")) throw invalid(text);
  if (process.platform !== "linux") {
    throw new TypeError(
      `Cannot use the address ${JSON.stringify(text.slice(0, 128))} as this system has no such sockets`,
    );
  }
  return { kind: "unix", path: checkedPath(`\0${name}`) };
}

/** Node 20 cuts a longer one off, and is then at another path than was asked for. */
function checkedPath(path: string): string {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_SOCKET_PATH_BYTES) return path;
  throw new TypeError(
    `Cannot use ${JSON.stringify(path.slice(0, 128))} as the path of a unix socket as it must have ` +
      `${MAX_SOCKET_PATH_BYTES} bytes at most: it has ${bytes}`,
  );
}

function invalid(text: unknown): TypeError {
  const shown = typeof text === "string" ? JSON.stringify(text.slice(0, 128)) : typeof text;
  return new TypeError(
    `Cannot read the address as it must be "host:port", "[IPv6]:port" or "unix:path": current value is ${shown}`,
  );
}

/** Writes an address in the form {@link parseAddress} reads. */
export function formatAddress(address: Address): string {
  if (address.kind === "tcp") return formatHostPort(address.host, address.port);
  return address.path.startsWith("\0") ? `unix-abstract:${address.path.slice(1)}` : `unix:${address.path}`;
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
