/**
 * Dialing: the byte stream to an address, directly, through a proxy, or by a function of the user's.
 */
import { connect } from "node:net";
import { Duplex } from "node:stream";
import type { Address } from "../../address.js";
import { carrierOf, type Carrier } from "../../carrier.js";
import type { Dial } from "../../dial.js";
import { PairedEnd } from "../../duplex-pair.js";
import { connectTls, type DialTls } from "./channel-tls.js";
import { openTunnel } from "./proxy-connect.js";
import type { Proxy } from "./proxy-connect.js";

/** A peer gets this long to close its side of a connection that this side has closed, all its calls being over. */
const LAST_READ_MS = 500;

/** Where to, and which way. */
export interface DialOptions {
  readonly address: Address;
  /** Encrypts, inside of a tunnel as well. */
  readonly tls: DialTls | undefined;
  /** Asked for a tunnel to the address. */
  readonly proxy: Proxy | undefined;
  /** Opens the stream in our place; then there is no proxy. */
  readonly by: Dial | undefined;
}

/**
 * Opens the way to an address. `begin` gets the stream that HTTP/2 is spoken on: at once, when it may not be connected yet, or
 * once a proxy has opened its tunnel. What is returned ends the attempt when it is destroyed before that.
 */
export function dial({ address, tls, proxy, by }: DialOptions, begin: (stream: Carrier) => void): Carrier {
  if (by !== undefined) {
    const carrier = lastRead(dialBy(by, address, tls));
    begin(carrier);
    return carrier;
  }
  if (proxy !== undefined && address.kind === "tcp") {
    const { host, port } = address;
    const opened = (tunnel: Carrier): void =>
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
function lastRead<S extends Carrier>(socket: S): S {
  socket.once("finish", () => {
    const timer = setTimeout(() => socket.destroy(), LAST_READ_MS).unref();
    socket.once("close", () => clearTimeout(timer));
  });
  return socket;
}

function dialBy(by: Dial, address: Address, tls: DialTls | undefined): Carrier {
  try {
    const stream: unknown = by(address);
    if (!(stream instanceof Duplex)) {
      throw new TypeError(`dial must return a duplex stream, but returned ${typeof stream}`);
    }
    const carrier = carrierOf(stream);
    if (tls === undefined) return carrier;
    // What becomes of it is told by the TLS socket above it, which would leave what is no socket behind.
    carrier.on("error", () => undefined);
    return connectTls({ socket: carrier }, tls).once("close", () => carrier.destroy());
  } catch (error) {
    return failed(error);
  }
}

/** A connection that fails, once there is somebody to hear of it. */
function failed(error: unknown): Carrier {
  const [carrier] = PairedEnd.pair();
  setImmediate(() => carrier.destroy(error instanceof Error ? error : new Error(`dial failed: ${String(error)}`)));
  return carrier;
}
