/**
 * Dialing: the socket to an address.
 */
import { connect, type Socket } from "node:net";
import type { Address } from "../address.js";
import { connectTls, type DialTls } from "./channel-tls.js";

/** A peer gets this long to close its side of a connection that this side has closed, all its calls being over. */
const LAST_READ_MS = 500;

/** Opens the socket, encrypted with `tls`. It may not be connected yet. */
export function dial(address: Address, tls?: DialTls): Socket {
  const where =
    address.kind === "unix"
      ? { path: address.path }
      : { host: address.host === "" ? "localhost" : address.host, port: address.port };
  const socket = tls === undefined ? connect({ ...where, noDelay: true }) : connectTls(where, tls);
  // A session that has closed waits for its peer to close as well: one that never does would keep the socket for ever.
  socket.once("finish", () => {
    const timer = setTimeout(() => socket.destroy(), LAST_READ_MS).unref();
    socket.once("close", () => clearTimeout(timer));
  });
  return socket;
}
