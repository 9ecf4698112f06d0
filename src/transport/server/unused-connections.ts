/**
 * The connections of a listener that never had a call: TCP health checkers, handshakes that stay half open, clients that have only
 * connected.
 *
 * Laws: nothing that was sent to them is worth waiting for, so a listener that closes drops them; one that has had a call is left alone.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** A session, as far as it matters here. */
interface Used {
  readonly hadCalls: boolean;
}

export class UnusedConnections {
  /** What carries each session: a socket, or the TLS socket above it. */
  readonly #carriers = new Map<Duplex, Used>();
  /** Sockets whose TLS handshake is not over, by who is at the other end: Node does not tell which of them a TLS socket is made of. */
  readonly #handshaking = new Map<string, Duplex>();
  #newest: Duplex | undefined;

  /** A connection has come in, or its TLS is ready: the session of the same turn is made on it. */
  carrier(carrier: Duplex): void {
    this.#newest = carrier;
    process.nextTick(() => (this.#newest = undefined));
    this.#handshaking.delete(keyOf(carrier));
  }

  /** A connection has come in that has its TLS handshake before it. */
  handshake(socket: Duplex): void {
    const key = keyOf(socket);
    if (key === "") return;
    this.#handshaking.set(key, socket);
    socket.once("close", () => {
      if (this.#handshaking.get(key) === socket) this.#handshaking.delete(key);
    });
  }

  session(session: Used): void {
    const carrier = this.#newest;
    this.#newest = undefined;
    if (carrier === undefined) return;
    this.#carriers.set(carrier, session);
    carrier.once("close", () => this.#carriers.delete(carrier));
  }

  /** Drops them all. */
  drop(): void {
    for (const [carrier, { hadCalls }] of this.#carriers) if (!hadCalls) carrier.destroy();
    for (const socket of this.#handshaking.values()) socket.destroy();
  }
}

/** Empty for what is no TCP socket. */
function keyOf(socket: Duplex): string {
  const { remoteAddress, remotePort } = socket as Partial<Pick<Socket, "remoteAddress" | "remotePort">>;
  return remotePort === undefined ? "" : `${remoteAddress} ${remotePort}`;
}
