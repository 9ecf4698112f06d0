/**
 * Where `barewire serve` listens: the flags that say it, and the sentence for a place where nobody can.
 *
 * Laws: what keeps a server from listening is one sentence, with what to do about it where that is known.
 */
import { resolve as resolvePath } from "node:path";
import type { Server } from "../index.js";
import { quoted } from "../services/peer-text.js";
import { parseWholeNumber, UsageError } from "./usage-error.js";

export const DEFAULT_PORT = 50051;
export const DEFAULT_HOST = "127.0.0.1";
/** The room for a path in a socket's address, less the zero behind it. Node cuts a longer one without a word. */
const MAX_SOCKET_PATH_BYTES = process.platform === "linux" ? 107 : 103;

/** The flags, as they were given. */
export interface PlaceFlags {
  readonly port?: string | undefined;
  readonly host?: string | undefined;
  readonly unix?: string | undefined;
}

/** Where to listen, in the form `Server.listen` takes. @throws UsageError */
export function parsePlace({ port, host, unix }: PlaceFlags): string {
  if (unix !== undefined) {
    const other = port === undefined ? (host === undefined ? undefined : "--host") : "--port";
    if (other !== undefined) throw new UsageError(`--unix takes the place of --host and --port: ${other} is too much`);
    if (unix === "") throw new UsageError("--unix must be a path: it is empty");
    const path = resolvePath(unix);
    const bytes = Buffer.byteLength(path);
    if (bytes <= MAX_SOCKET_PATH_BYTES) return `unix:${path}`;
    throw new UsageError(
      `--unix must be a path of ${MAX_SOCKET_PATH_BYTES} bytes at most: ${quoted(path)} has ${bytes}`,
    );
  }
  const wholePort = parseWholeNumber("--port", port ?? String(DEFAULT_PORT), 0, 65_535);
  if (host === "") throw new UsageError("--host must be an address or a name: it is empty");
  return joinHostPort(host ?? DEFAULT_HOST, wholePort);
}

/** A host that has colons is an IPv6 address, which stands in brackets before a port. */
function joinHostPort(host: string, port: number): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Listens, and says at which address. @throws UsageError */
export async function listenAt(server: Server, wanted: string): Promise<string> {
  try {
    return (await server.listen(wanted)).address;
  } catch (error) {
    const fault = wanted.startsWith("unix:") ? unixListenFault(error) : listenFault(error, LISTEN_FAULTS);
    throw new UsageError(`cannot listen on ${wanted}: ${fault}`, { cause: error });
  }
}

const LISTEN_FAULTS: ReadonlyMap<unknown, string> = new Map([
  ["EADDRINUSE", "the port is taken; take another with --port N, or --port 0 for any free one"],
  ["EADDRNOTAVAIL", "this machine does not have that address; see --host"],
  ["ENOTFOUND", "the host is not known; see --host"],
  ["EAI_AGAIN", "the host is not known; see --host"],
  ["EACCES", "it is not allowed; ports below 1024 often need special rights"],
]);

const UNIX_LISTEN_FAULTS: ReadonlyMap<unknown, string> = new Map([
  ["EADDRINUSE", "something is there already: a server that listens, or another file"],
  ["EACCES", "the directory is not there, or may not be written to"],
]);

function unixListenFault(error: unknown): string {
  const isLeftOver = error instanceof Error && error.message.includes("left over");
  if (isLeftOver) return "the socket of a server that was killed is still there, and nobody listens on it: remove it";
  return listenFault(error, UNIX_LISTEN_FAULTS);
}

function listenFault(error: unknown, faults: ReadonlyMap<unknown, string>): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    const fault = "code" in at ? faults.get(at.code) : undefined;
    if (fault !== undefined) return fault;
  }
  return error instanceof Error ? error.message : String(error);
}
