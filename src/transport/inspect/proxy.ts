/**
 * A TCP proxy: takes connections, opens one to the remote for each, and shows what passes between them.
 *
 * Spec: RFC 9293 §3.6 (a connection's two directions end apart).
 * Laws: bytes pass unchanged and in their order, unless faults are asked for; what goes wrong with one side goes wrong with the other in
 * the same way; it holds no more than its sockets and its delay do.
 */
import { createConnection, createServer, type AddressInfo, type Server, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { formatAddress, formatHostPort, parseAddress, type Address } from "../address.js";
import { PairedEnd } from "../duplex-pair.js";
import type { Side } from "./conversation.js";
import type { ArmedFault, FaultScript } from "./faults/fault-script.js";
import { joinWithFaults } from "./faults/faulty-wire.js";
import { dialWithTls, listenWithTls, type ProxyTls } from "./proxy-tls.js";
import { Relay } from "./relay.js";
import type { Broken } from "./wire-event.js";

/** Hears of a proxy's connections, which are numbered from 1. */
export interface ProxyListener {
  /** A client has connected: from where, and to which address of ours. */
  accepted(connection: number, peer: string, local: string): void;
  /** A client has not become a connection, as its TLS handshake failed. */
  handshakeFailed(peer: string, error: Error): void;
  /** The remote has taken the connection. */
  connected(connection: number, remote: string): void;
  /** The remote could not be reached; the client's connection is cut. */
  unreachable(connection: number, error: Error): void;
  /** Bytes that `from` sent. A promise has its next ones wait. */
  bytes(connection: number, from: Side, chunk: Buffer): Promise<void> | undefined;
  /** `from` has said that no more comes. */
  halfClosed(connection: number, from: Side): void;
  /** A fault comes on purpose, upon a call or upon all of the connection. */
  faulted(connection: number, fault: ArmedFault, call: { readonly streamId: number } | undefined): void;
  /** Both sides are gone; `error` says what broke it, and on which side, if anything did. */
  closed(connection: number, broken: Broken | undefined): void;
}

/** What a {@link Proxy} can be told. */
export interface ProxyOptions {
  /** Where connections are passed on to: `host:port` or `unix:path`. */
  readonly remote: string;
  /** By how much everything comes later in each direction, in milliseconds. Default 0. */
  readonly delayMs?: number | undefined;
  /** How many bytes a second pass to the remote. Default: as many as come. */
  readonly upBytesPerSecond?: number | undefined;
  /** How many bytes a second pass from it. Default: as many as come. */
  readonly downBytesPerSecond?: number | undefined;
  /** What is to go wrong on purpose. What is heard of then is what the client's side of the proxy sees. */
  readonly faults?: FaultScript | undefined;
  /** TLS on both sides. Default: bytes pass as they are. */
  readonly tls?: ProxyTls | undefined;
}

/** More are refused: whoever looks at that many looks at none. */
const MAX_CONNECTIONS = 1000;

/** Listens, and passes on. */
export class Proxy {
  readonly #options: ProxyOptions;
  readonly #remote: Address;
  readonly #listener: ProxyListener;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #count = 0;

  /** @throws TypeError when `remote` is no address. */
  constructor(options: ProxyOptions, listener: ProxyListener) {
    this.#options = options;
    this.#remote = parseAddress(options.remote);
    this.#listener = listener;
    this.#server = options.tls === undefined ? this.#plainServer() : this.#tlsServer(options.tls);
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** The remote, as it is written down. */
  get remote(): string {
    return formatAddress(this.#remote);
  }

  /** Listens; resolves to `host:port`. Port 0 is any free one. Rejects when that cannot be. */
  listen(host: string, port: number): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject);
        const place = this.#server.address() as AddressInfo;
        resolve(formatHostPort(place.address, place.port));
      });
    });
  }

  /** Takes no more connections and cuts those there are. Resolves when all that is to be told of them has been told. */
  async close(): Promise<void> {
    const gone = [...this.#sockets].map((socket) => whenGone(socket));
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
    await Promise.all(gone);
  }

  #plainServer(): Server {
    return createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) =>
      this.#onConnection(socket),
    );
  }

  #tlsServer(tls: ProxyTls): Server {
    const server = listenWithTls(tls);
    // Those that have not shaken hands yet are to be cut as well.
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on("secureConnection", (socket) => this.#onConnection(socket));
    server.on("tlsClientError", (error, socket) => this.#listener.handshakeFailed(peerOf(socket), error));
    return server;
  }

  #onConnection(client: Socket): void {
    const number = ++this.#count;
    this.#sockets.add(client);
    this.#listener.accepted(number, peerOf(client), localOf(client));
    const refusal = this.#options.faults?.refusal();
    if (refusal !== undefined) {
      this.#refuse(number, client, refusal);
      return;
    }
    const remote = this.#dial();
    this.#sockets.add(remote);
    const unreachable = (error: Error): void => this.#giveUp(number, client, remote, error);
    // Somebody who leaves before the remote has answered is not to be waited for.
    const left = (): void => void remote.destroy(new Error("the client has gone"));
    client.once("error", left);
    remote.once("error", unreachable);
    remote.once(remote instanceof TLSSocket ? "secureConnect" : "connect", () => {
      remote.off("error", unreachable);
      client.off("error", left);
      this.#listener.connected(number, this.remote);
      this.#join(number, client, this.#withFaults(number, remote));
    });
  }

  #giveUp(number: number, client: Socket, remote: Socket, error: Error): void {
    this.#sockets.delete(remote);
    this.#listener.unreachable(number, error);
    this.#cut(number, client);
  }

  /** As near to a refused connection as one gets that has been made already. */
  #refuse(number: number, client: Socket, refusal: ArmedFault): void {
    this.#listener.faulted(number, refusal, undefined);
    this.#cut(number, client);
  }

  #cut(number: number, client: Socket): void {
    const gone = (): void => {
      this.#sockets.delete(client);
      this.#listener.closed(number, undefined);
    };
    client.on("error", () => undefined);
    if (client.closed) gone();
    else cut(client.once("close", gone));
  }

  #dial(): Socket {
    const remote = this.#remote;
    const { tls } = this.#options;
    if (tls !== undefined) return dialWithTls(remote, tls);
    return remote.kind === "tcp"
      ? createConnection({ host: remote.host, port: remote.port, allowHalfOpen: true, noDelay: true })
      : createConnection({ path: remote.path, allowHalfOpen: true });
  }

  /** What stands for the remote: itself, or where faults come upon what it says. */
  #withFaults(number: number, remote: Socket): Socket | PairedEnd {
    const { faults } = this.#options;
    if (faults === undefined) return remote;
    const [near, far] = PairedEnd.pair();
    joinWithFaults(far, remote, faults, (armed, call) => this.#listener.faulted(number, armed, call));
    remote.once("close", () => this.#sockets.delete(remote));
    return near;
  }

  #join(number: number, client: Socket, remote: Socket | PairedEnd): void {
    const { delayMs = 0, upBytesPerSecond, downBytesPerSecond } = this.#options;
    const hears = (from: Side) => ({
      chunk: (chunk: Buffer) => this.#listener.bytes(number, from, chunk),
      end: () => this.#listener.halfClosed(number, from),
    });
    const up = new Relay(client, remote, { delayMs, bytesPerSecond: upBytesPerSecond }, hears("client"));
    const down = new Relay(remote, client, { delayMs, bytesPerSecond: downBytesPerSecond }, hears("server"));
    let broken: Broken | undefined;
    let open = 2;
    const watch = (from: Side, socket: Socket | PairedEnd, relay: Relay, other: Socket | PairedEnd): void => {
      socket.on("error", (error) => (broken ??= { from, error }));
      socket.once("close", () => {
        if (socket instanceof Socket) this.#sockets.delete(socket);
        relay.stop();
        if (--open === 0) this.#listener.closed(number, broken);
        else if (socket.errored !== null) cut(other);
        // Whoever ended in order has its last bytes still on their way.
        else if (!socket.readableEnded) other.destroy();
      });
    };
    watch("client", client, down, remote);
    watch("server", remote, up, client);
    client.resume();
  }
}

function whenGone(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

/** As bluntly as can be: below TLS there is no reset to be had. */
function cut(socket: Socket | PairedEnd): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

function peerOf(socket: Socket): string {
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined ? "somebody who has gone" : formatHostPort(remoteAddress, remotePort ?? 0);
}

function localOf(socket: Socket): string {
  return socket.localAddress === undefined ? "" : formatHostPort(socket.localAddress, socket.localPort ?? 0);
}
