/**
 * Two sockets of the system's that are connected with each other, as `socketpair` makes them, which Node does not have.
 *
 * Laws: nobody else gets an end of it: who connects meanwhile is known by its port, and refused; what listens for it is gone when it is
 * there, or cannot be.
 */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

const LOOPBACK = "127.0.0.1";

/** A pair. The far end may stay open for one direction alone, and is not read yet. @throws Error when there is no loopback to be had. */
export async function socketPair(): Promise<readonly [near: Socket, far: Socket]> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
  try {
    server.listen({ host: LOOPBACK, port: 0, exclusive: true });
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const near = connect({ host: LOOPBACK, port, noDelay: true }).on("error", ignore);
    const accepted: Socket[] = [];
    server.on("connection", (socket: Socket) => accepted.push(socket.on("error", ignore)));
    try {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      await once(near, "connect", { signal });
      while (!accepted.some((socket) => isOf(near, socket))) await once(server, "connection", { signal });
    } catch (error) {
      for (const socket of [near, ...accepted]) socket.destroy();
      throw error;
    }
    const strangers = accepted.filter((socket) => !isOf(near, socket));
    for (const socket of strangers) socket.destroy();
    const [far] = accepted.filter((socket) => isOf(near, socket));
    return [near, far as Socket];
  } finally {
    server.close();
  }
}

/** A system that is out of descriptors takes a connection, drops it, and says nothing. */
const PATIENCE_MS = 5000;

function isOf(near: Socket, far: Socket): boolean {
  return far.remotePort === near.localPort && far.remoteAddress === near.localAddress;
}

function ignore(): void {}
