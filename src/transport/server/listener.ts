/**
 * One place where a server takes connections: an HTTP/2 server of Node's, with its sockets and sessions.
 *
 * Spec: RFC 9113 §3.3, §6.8; gRFC L109 and L111 (one address given up by itself), L114 (sockets from elsewhere).
 * Laws: no byte of a client ends the process; closing drains first, then cuts, and always comes to an end.
 */
import type { EventEmitter } from "node:events";
import {
  constants,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import { Server as NetServer, type AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { formatAddress, formatHostPort, parseAddress, type Address } from "../address.js";
import { carrierOf, type Carrier } from "../carrier.js";
import { FIELD_OPTIONS } from "../field-options.js";
import { checkOptions, MAX_TIMER_MS, numbersFrom } from "../options.js";
import type { ServerLimits } from "./limits.js";
import { listenError } from "./listen-error.js";
import { expectPreface } from "./preface.js";
import {
  guardHandshakes,
  isSecure,
  listenerTls,
  serverContext,
  showsBadCertificate,
  type ServerTls,
} from "./server-tls.js";
import { ServerSession, type SessionOwner } from "./session.js";
import { peerOf } from "../peer.js";
import type { TapPoint } from "../tap.js";
import { throughTap } from "../tapped-socket.js";
import { UnusedConnections } from "./unused-connections.js";

/** Where a server listens. */
export interface Listening {
  /** `"127.0.0.1:50051"`, `"[::1]:50051"` or `"unix:path"`: what a channel takes as its target. */
  readonly address: string;
  /** 0 for a unix socket. */
  readonly port: number;
  /**
   * Gives up this address alone: no new connections or calls here; running calls have `graceMs` to end, then they end
   * UNAVAILABLE and their handlers' signals fire. Resolves when every connection of this address is gone. The server's other
   * addresses go on. Called again with a shorter grace, it cuts earlier. Connections that never had a call are not waited for.
   *
   * @throws TypeError for an option that does not exist or is not in range.
   */
  close(options?: CloseOptions): Promise<void>;
  /** {@link Listening.close} with its defaults, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What closing can be told. */
export interface CloseOptions {
  /** How long running calls may take to end by themselves, in milliseconds. Default 10,000. 0 cuts at once. */
  readonly graceMs?: number | undefined;
}

/** The server above, as far as a listener needs it. */
export interface ListenerOwner extends SessionOwner {
  /** Who is shown what passes. */
  readonly tap: TapPoint | undefined;
  /** Whether there may be one connection more. Where there may not, the owner tells of it. */
  admits(socket: Duplex): boolean;
  /** Every connection is gone, and no more will come. */
  listenerClosed(listener: Listener): void;
}

const DEFAULT_GRACE_MS = 10_000;
/** A client gets this long to take what was sent to it and to close its side, once this side has closed. */
const LAST_READ_MS = 20_000;
/** A connection that never had a call gets this long to close when the listener does. */
const UNUSED_MS = 500;
/** After the cut, the last statuses get this long to leave before the connections are dropped. */
const LAST_WRITE_MS = 200;

/** Header blocks of 2,000 fields are taken; Node's own limit of 128 is below what some proxies add. */
const MAX_HEADER_PAIRS = 2000;

/**
 * How many calls of a connection clients may reset at once, and how many more each second, before Node drops it with a GOAWAY
 * (RFC 9113 §10.5). Node's own 1,000 and 33 are less than what a busy client with deadlines needs. What a reset call goes on
 * costing is bounded by `maxRunningHandlers`; these bound what opening and resetting costs. Before Node 22.10 they are not options.
 */
const RESET_LIMITS = Object.freeze({ streamResetBurst: 20_000, streamResetRate: 10_000 });

/** What takes connections, at one address or from the application. */
export class Listener implements Listening {
  address = "";
  port = 0;
  readonly #owner: ListenerOwner;
  readonly #http2: Http2Server | Http2SecureServer;
  readonly #sockets = new Set<Duplex>();
  readonly #sessions = new Set<ServerSession>();
  readonly #unused = new UnusedConnections();
  /** What is below the stand-in that a session is just being made on. */
  #tapped: Carrier | undefined;
  #stopped: Promise<unknown> | undefined;
  #closed: Promise<void> | undefined;
  #allGone: (() => void) | undefined;

  constructor(owner: ListenerOwner, tls: ServerTls | undefined) {
    this.#owner = owner;
    this.#http2 = createHttp2(owner.limits, tls);
    const isTls = isSecure(this.#http2);
    if (owner.tap !== undefined) this.#tapInto(isTls ? "secureConnection" : "connection", owner.tap);
    // Before Node's own listeners, which make the session in the same turn.
    this.#http2.prependListener("connection", (socket: Duplex) =>
      isTls ? this.#unused.handshake(socket) : this.#unused.carrier(socket),
    );
    this.#http2.prependListener("secureConnection", (socket: Duplex) => this.#unused.carrier(socket));
    this.#http2.on("connection", (socket: Duplex) => this.#onConnection(socket));
    this.#http2.on("secureConnection", closeAfterLastRead);
    this.#http2.on("session", (session) => this.#onSession(session));
    // A peer that speaks no HTTP/2, or breaks its rules, loses its connection: nothing for the application to do.
    this.#http2.on("sessionError", ignore);
  }

  /** How many connections there are, those in their handshake included. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Starts listening at an address. @throws Error as `Server.listen` does. */
  async bind(text: string): Promise<void> {
    const where = parseAddress(text);
    const http2 = this.#http2;
    const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      http2.once("error", resolve);
      http2.listen(listenOptions(where), () => resolve(undefined));
    });
    if (failure !== undefined) throw await listenError(text, where, failure);
    http2.removeAllListeners("error");
    http2.on("error", (error) => this.#owner.callFailed(error, text));
    const bound: AddressInfo | string | null = http2.address();
    if (where.kind === "unix" || bound === null || typeof bound === "string") {
      this.address = formatAddress(where);
    } else {
      this.address = formatHostPort(bound.address, bound.port);
      this.port = bound.port;
    }
  }

  /** Takes a connection that was made elsewhere, as if it had come in here. */
  accept(socket: Duplex): void {
    this.#http2.emit("connection", carrierOf(socket));
  }

  /** Handshakes from now on use it. */
  useTls(tls: ServerTls): void {
    if (isSecure(this.#http2)) this.#http2.setSecureContext(serverContext(tls));
  }

  /** Has Node make its sessions on stand-ins for its sockets. */
  #tapInto(event: "connection" | "secureConnection", point: TapPoint): void {
    const http2: EventEmitter = this.#http2;
    const [makeSession] = http2.listeners(event);
    if (makeSession === undefined) throw new Error(`a server of node:http2 has no listener for "${event}"`);
    http2.off(event, makeSession as (socket: Duplex) => void);
    http2.on(event, (socket: Carrier & { readonly alpnProtocol?: unknown }) => {
      // Who has not agreed on HTTP/2 gets no session.
      const hasSession = event === "connection" || socket.alpnProtocol === "h2";
      throughTap(socket, hasSession ? point : undefined, (carrier) => {
        this.#tapped = socket;
        this.#unused.carrier(socket);
        makeSession.call(http2, carrier);
        this.#tapped = undefined;
      });
    });
  }

  #onConnection(socket: Duplex): void {
    socket.on("error", ignore);
    if (!this.#owner.admits(socket)) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    closeAfterLastRead(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#checkAllGone();
    });
  }

  #onSession(session: ServerHttp2Session): void {
    session.on("error", ignore);
    const socket = this.#tapped ?? session.socket;
    if (showsBadCertificate(socket)) {
      session.destroy(new Error("a client certificate is no good"), constants.NGHTTP2_INADEQUATE_SECURITY);
      return;
    }
    const { handshakeTimeoutMs } = this.#owner.limits;
    // With TLS, its handshake had the other half.
    expectPreface(session, isSecure(this.#http2) ? handshakeTimeoutMs / 2 : handshakeTimeoutMs);
    const own = new ServerSession(this.#owner, session, peerOf(socket));
    this.#unused.session(own);
    this.#sessions.add(own);
    session.on("close", () => {
      this.#sessions.delete(own);
      this.#checkAllGone();
    });
    if (this.#closed !== undefined) own.drain();
  }

  #checkAllGone(): void {
    if (this.#sockets.size === 0 && this.#sessions.size === 0) this.#allGone?.();
  }

  /** Takes no new connections; those there are go on. Resolves when they are gone. */
  stop(): Promise<unknown> {
    // Not the HTTP/2 server's own `close`: from Node 24 on that sends its sessions a GOAWAY, which is for `drain` to do.
    return (this.#stopped ??= this.#http2.listening
      ? new Promise((resolve) => NetServer.prototype.close.call(this.#http2, resolve))
      : Promise.resolve());
  }

  async close(options: CloseOptions = {}): Promise<void> {
    const graceMs = graceMsFrom(options);
    this.#closed ??= this.#drain();
    const timer = setTimeout(() => this.#cut(), Math.min(graceMs, MAX_TIMER_MS));
    try {
      await this.#closed;
    } finally {
      clearTimeout(timer);
    }
  }

  async #drain(): Promise<void> {
    const stopped = this.stop();
    for (const session of this.#sessions) session.drain();
    const allGone = new Promise<void>((resolve) => {
      this.#allGone = resolve;
      this.#checkAllGone();
    });
    const timer = setTimeout(() => this.#unused.drop(), UNUSED_MS).unref();
    await allGone;
    clearTimeout(timer);
    await stopped;
    this.#owner.listenerClosed(this);
  }

  #cut(): void {
    for (const session of this.#sessions) session.cut();
    setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, LAST_WRITE_MS);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** @throws TypeError for an option that does not exist or is not in range. */
export function graceMsFrom(options: CloseOptions): number {
  checkOptions("close() call", options, ["graceMs"]);
  return numbersFrom({ graceMs: DEFAULT_GRACE_MS }, options).graceMs;
}

function createHttp2(limits: ServerLimits, tls: ServerTls | undefined): Http2Server | Http2SecureServer {
  const options = {
    settings: {
      maxConcurrentStreams: limits.maxConcurrentStreams,
      initialWindowSize: limits.streamWindowBytes,
      maxHeaderListSize: limits.maxHeaderListBytes,
    },
    maxHeaderListPairs: MAX_HEADER_PAIRS,
    // Node's own memory cap (10 MB) refuses new streams under load; our limits count the same bytes by call.
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
    maxSendHeaderBlockLength: Number.MAX_SAFE_INTEGER,
    ...FIELD_OPTIONS,
    ...RESET_LIMITS,
  };
  if (tls === undefined) return createServer(options);
  const server = createSecureServer({ ...options, ...listenerTls(tls, limits.handshakeTimeoutMs) });
  guardHandshakes(server);
  return server;
}

function listenOptions(address: Address): { host?: string; port: number } | { path: string } {
  if (address.kind === "unix") return { path: address.path };
  return address.host === "" ? { port: address.port } : { host: address.host, port: address.port };
}

/** A closed session waits for the peer to close too, and `destroy()` has no effect by then: so the socket gets a timer. */
function closeAfterLastRead(socket: Duplex): void {
  socket.once("finish", () => {
    const timer = setTimeout(() => socket.destroy(), LAST_READ_MS).unref();
    // It would hold the socket, and with it the session and the whole server.
    socket.once("close", () => clearTimeout(timer));
  });
}

function ignore(): void {}
