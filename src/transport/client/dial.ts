/**
 * Dialing: the byte stream to an address, directly or through a proxy.
 */
import { connect, type Socket } from "node:net";
import type { Address } from "../address.js";
import { connectTls, type DialTls } from "./channel-tls.js";
import { openTunnel } from "./proxy-connect.js";
import type { Proxy } from "./proxy.js";

/** A peer gets this long to close its side of a connection that this side has closed, all its calls being over. */
const LAST_READ_MS = 500;

/** Where to, and which way. */
export interface DialOptions {
  readonly address: Address;
  /** Encrypts, inside of a tunnel as well. */
  readonly tls: DialTls | undefined;
  /** Asked for a tunnel to the address. */
  readonly proxy: Proxy | undefined;
}

/**
 * Opens the way to an address. `begin` gets the stream that HTTP/2 is spoken on: at once, when it may not be connected yet, or
 * once a proxy has opened its tunnel. What is returned ends the attempt when it is destroyed before that.
 */
export function dial({ address, tls, proxy }: DialOptions, begin: (stream: Socket) => void): Socket {
  if (proxy !== undefined && address.kind === "tcp") {
    const { host, port } = address;
    const opened = (tunnel: Socket): void =>
      begin(lastRead(tls === undefined ? tunnel : connectTls({ socket: tunnel }, tls)));
    return openTunnel({ proxy, host, port, opened });
  }
  const where =
    address.kind === "unix"
      ? { path: address.path }
      : { host: address.host === "" ? "localhost" : address.host, port: address.port };
  const socket = lastRead(tls === undefined ? connect({ ...where, noDelay: true }) : connectTls(where, tls));
  begin(socket);
  return socket;
}

/** A session that has closed waits for its peer to close as well: one that never does would keep the socket for ever. */
function lastRead(socket: Socket): Socket {
  return socket.once("finish", () => {
    const timer = setTimeout(() => socket.destroy(), LAST_READ_MS).unref();
    socket.once("close", () => clearTimeout(timer));
  });
}
