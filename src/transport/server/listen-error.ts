/**
 * Why a server cannot listen, in words.
 *
 * Laws: a socket file is never removed here: it may be another server's that starts or runs.
 */
import { connect } from "node:net";
import type { Address } from "../address.js";

const REASONS: ReadonlyMap<string, string> = new Map([
  ["EADDRINUSE", "the address is in use"],
  ["EACCES", "permission denied"],
  ["EADDRNOTAVAIL", "the address does not belong to this machine"],
  ["ENOTFOUND", "the host name is unknown"],
]);

/** The error that `listen()` rejects with; its `code` is the system's. */
export async function listenError(text: string, address: Address, cause: NodeJS.ErrnoException): Promise<Error> {
  const code = cause.code ?? "unknown error";
  const left = code === "EADDRINUSE" && address.kind === "unix" && (await isLeftOver(address.path));
  const reason = left
    ? `${address.path} is left over from a server that was killed, and nobody listens on it: remove the file`
    : (REASONS.get(code) ?? cause.message);
  return Object.assign(new Error(`Cannot listen on ${text}: ${reason} (${code})`, { cause }), { code });
}

/** Whether a socket file has no server: a kernel refuses the connection at once. */
function isLeftOver(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code === "ECONNREFUSED"));
  });
}
