/**
 * Dialing: the socket to an address.
 */
import { connect, type Socket } from "node:net";
import type { Address } from "../address.js";

/** A peer gets this long to close its side of a connection that this side has closed, all its calls being over. */
const LAST_READ_MS = 500;

/** Opens the socket. It may not be connected yet. */
export function dial(address: Address): Socket {
  const socket =
    address.kind === "unix"
      ? connect({ path: address.path })
      : connect({ host: address.host === "" ? "localhost" : address.host, port: address.port, noDelay: true });
  // A session that has closed waits for its peer to close as well: one that never does would keep the socket for ever.
  socket.once("finish", () => setTimeout(() => socket.destroy(), LAST_READ_MS).unref());
  return socket;
}
