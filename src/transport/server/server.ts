/**
 * The server: what listens, and which services it answers for.
 *
 * Spec: PROTOCOL-HTTP2.md; RFC 9113 §3.3, §6.8.
 * Laws: no byte of a client and no exception of a handler ends the process; closing drains first, then cuts, and always
 * comes to an end.
 */
import {
  constants,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { checkService, type Service } from "../../codec/method.js";
import { Code, type Status } from "../../codec/status.js";
import { formatHostPort, parseAddress, type Address } from "../address.js";
import { Codings, type CompressionOptions } from "../codings.js";
import { checkCallback, checkFlag, checkOptions, MAX_TIMER_MS, numbersFrom } from "../options.js";
import { FIELD_OPTIONS } from "../field-options.js";
import { echo } from "./dispatch.js";
import { checkNames, registerHandlers, type Implementation, type Registered } from "./handler.js";
import { DEFAULT_SERVER_LIMITS, SERVER_LIMIT_MAXIMA, SERVER_LIMIT_MINIMA, type ServerLimits } from "./limits.js";
import { listenError } from "./listen-error.js";
import { expectPreface } from "./preface.js";
import {
  checkSameDemand,
  guardHandshakes,
  isSecure,
  listenerTls,
  serverContext,
  showsBadCertificate,
  type ServerTls,
} from "./server-tls.js";
import { ServerSession, type EndedCall, type SessionOwner } from "./session.js";

/** Where a server listens. `port` is 0 for a unix socket. */
export interface Listening {
  readonly address: string;
  readonly port: number;
}

/** What a server can be told. Every limit of {@link ServerLimits} is an option as well. */
export interface ServerOptions extends Partial<ServerLimits> {
  /** Which codings requests may use, and in which responses are sent. Default: gzip and deflate are taken, none is sent. */
  readonly compression?: CompressionOptions | undefined;
  /** Encrypts every connection of this server. Default: plaintext. {@link Server.updateTls} replaces it. */
  readonly tls?: ServerTls | undefined;
  /**
   * Hears every exception that is not a status: from handlers, and from these callbacks. Default: one line and the stack on
   * stderr. `path` is the method's.
   */
  readonly onError?: ((error: unknown, path: string) => void) | undefined;
  /** Whether a client without calls may send PINGs as often as one that has some. Default `false` (gRFC A8). */
  readonly permitKeepaliveWithoutCalls?: boolean | undefined;
  /** Hears how every call ended, for logs and counters. Default: nobody listens and nothing is measured. */
  readonly onCallEnd?: ((ended: EndedCall) => void) | undefined;
}

/** What {@link Server.close} can be told. */
export interface CloseOptions {
  /** How long running calls may take to end by themselves, in milliseconds. Default 10,000. 0 cuts at once. */
  readonly graceMs?: number | undefined;
}

const DEFAULT_GRACE_MS = 10_000;
/** A client gets this long to take what was sent to it and to close its side, once this side has closed. */
const LAST_READ_MS = 20_000;
const REFUSAL_TOLD_MS = 60_000;
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

/** A gRPC server. */
export class Server {
  readonly #limits: ServerLimits;
  readonly #onError: (error: unknown, path: string) => void;
  readonly #sessionOwner: SessionOwner;
  readonly #methods = new Map<string, Registered>();
  readonly #services = new Map<string, Service>();
  readonly #listeners = new Set<Http2Server | Http2SecureServer>();
  #tls: ServerTls | undefined;
  readonly #sessions = new Set<ServerSession>();
  readonly #sockets = new Set<Socket>();
  /** Until when nobody is told of refused connections. */
  #refusalToldUntil = 0;
  #closed: Promise<void> | undefined;
  #noSessions: (() => void) | undefined;

  /** @throws TypeError for an option that does not exist or is not in range. */
  constructor(options: ServerOptions = {}) {
    checkOptions("Server", options, [
      "tls",
      "compression",
      "onError",
      "onCallEnd",
      "permitKeepaliveWithoutCalls",
      ...Object.keys(DEFAULT_SERVER_LIMITS),
    ]);
    checkCallback("onError", options.onError);
    checkCallback("onCallEnd", options.onCallEnd);
    checkFlag("permitKeepaliveWithoutCalls", options.permitKeepaliveWithoutCalls);
    if (options.tls !== undefined) serverContext(options.tls);
    this.#tls = options.tls;
    this.#limits = numbersFrom(DEFAULT_SERVER_LIMITS, options, SERVER_LIMIT_MAXIMA, SERVER_LIMIT_MINIMA);
    this.#onError = options.onError ?? printError;
    this.#sessionOwner = {
      limits: this.#limits,
      permitKeepaliveWithoutCalls: options.permitKeepaliveWithoutCalls === true,
      codings: new Codings("Server", options.compression),
      onCallEnd: options.onCallEnd,
      lookup: (path) => this.#lookup(path),
      callFailed: (error, path) => this.#report(error, path),
    };
  }

  /**
   * Answers for a service. Methods that `implementation` leaves out answer UNIMPLEMENTED.
   *
   * @throws TypeError when a handler is not a function, has a name the service does not know, or the service is there already.
   */
  add<S extends Service>(service: S, implementation: Implementation<S>): this {
    checkService(service, "add this");
    if (typeof implementation !== "object" || implementation === null) {
      throw new TypeError(`Cannot add ${service.typeName} as its implementation must be an object of handlers`);
    }
    if (this.#services.has(service.typeName)) {
      throw new TypeError(`Cannot add ${service.typeName} as it has been added already`);
    }
    checkNames(service, implementation);
    const registered = registerHandlers(service, implementation);
    this.#services.set(service.typeName, service);
    for (const one of registered) this.#methods.set(one.method.path, one);
    return this;
  }

  /** The services added, in that order. */
  get services(): readonly Service[] {
    return [...this.#services.values()];
  }

  /** The method at a `:path`, or the status that says why there is none. */
  #lookup(path: string): Registered | Status {
    const registered = this.#methods.get(path);
    if (registered !== undefined) return registered;
    const slash = path.lastIndexOf("/");
    const typeName = path.slice(1, slash);
    if (slash < 1 || !path.startsWith("/")) return unimplemented(`malformed method path "${echo(path)}"`);
    const service = this.#services.get(typeName);
    if (service === undefined) return unimplemented(`unknown service "${echo(typeName)}"`);
    const known = Object.values(service.methods).some((method) => method.path === path);
    const name = `"${echo(path.slice(slash + 1))}" of service "${service.typeName}"`;
    return unimplemented(known ? `method ${name} is not implemented` : `unknown method ${name}`);
  }

  /**
   * Starts listening on `"host:port"` (port 0 picks a free one), `"[v6]:port"` or `"unix:path"`. May be called for several.
   *
   * The file of a unix socket goes with the server. One that a killed server has left is not removed, but named.
   *
   * @throws Error when the address is taken or does not exist; its `code` is the system's. TypeError when it is no address.
   */
  async listen(address: string): Promise<Listening> {
    const where = parseAddress(address);
    if (this.#closed !== undefined) throw new Error("Cannot listen as the server is closed");
    const listener = this.#createListener();
    const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      listener.once("error", resolve);
      listener.listen(listenOptions(where), () => resolve(undefined));
    });
    if (failure !== undefined) throw await listenError(address, where, failure);
    listener.removeAllListeners("error");
    listener.on("error", (error) => this.#report(error, address));
    if (this.#closed !== undefined) {
      listener.close();
      throw new Error(`Cannot listen on ${address} as the server was closed meanwhile`);
    }
    this.#listeners.add(listener);
    // It may have been replaced since the listener was made.
    if (this.#tls !== undefined) useTls(listener, this.#tls);
    return listeningAt(listener.address(), where);
  }

  /**
   * Replaces certificate, key and client authorities: handshakes from now on use them, connections there are go on as they are.
   *
   * @throws TypeError when something of it cannot be used, which then changes nothing; when the server was made without `tls`;
   * and when clients would be asked for a certificate where they were not, or the other way round.
   */
  updateTls(tls: ServerTls): void {
    serverContext(tls);
    checkSameDemand(this.#tls, tls);
    for (const listener of this.#listeners) useTls(listener, tls);
    this.#tls = tls;
  }

  #createListener(): Http2Server | Http2SecureServer {
    const limits = this.#limits;
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
    const listener =
      this.#tls === undefined
        ? createServer(options)
        : createSecureServer({ ...options, ...listenerTls(this.#tls, limits.handshakeTimeoutMs) });
    if (isSecure(listener)) guardHandshakes(listener);
    listener.on("connection", (socket: Socket) => this.#onConnection(socket));
    listener.on("secureConnection", closeAfterLastRead);
    listener.on("session", (session) => this.#onSession(session));
    // A peer that speaks no HTTP/2, or breaks its rules, loses its connection: nothing for the application to do.
    listener.on("sessionError", () => undefined);
    return listener;
  }

  #onConnection(socket: Socket): void {
    if (this.#sockets.size >= this.#limits.maxConnections) {
      this.#refuseConnection(socket);
      return;
    }
    this.#sockets.add(socket);
    socket.on("error", ignore);
    closeAfterLastRead(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  /** Told once a minute at most, as a flood of connections must not become a flood of log lines. */
  #refuseConnection(socket: Socket): void {
    socket.on("error", ignore);
    socket.destroy();
    const now = performance.now();
    if (now < this.#refusalToldUntil) return;
    this.#refusalToldUntil = now + REFUSAL_TOLD_MS;
    const { maxConnections } = this.#limits;
    const address = formatHostPort(socket.localAddress ?? "unix", socket.localPort ?? 0);
    this.#report(new Error(`connections are refused: there are ${maxConnections} of them already`), address);
  }

  /** With TLS, its handshake had the other half. */
  get #prefaceTimeoutMs(): number {
    const { handshakeTimeoutMs } = this.#limits;
    return this.#tls === undefined ? handshakeTimeoutMs : handshakeTimeoutMs / 2;
  }

  #onSession(session: ServerHttp2Session): void {
    session.on("error", ignore);
    if (showsBadCertificate(session)) {
      session.destroy(new Error("a client certificate is no good"), constants.NGHTTP2_INADEQUATE_SECURITY);
      return;
    }
    expectPreface(session, this.#prefaceTimeoutMs);
    const own = new ServerSession(this.#sessionOwner, session);
    this.#sessions.add(own);
    session.on("close", () => {
      this.#sessions.delete(own);
      if (this.#sessions.size === 0) this.#noSessions?.();
    });
    if (this.#closed !== undefined) own.drain();
  }

  #report(error: unknown, path: string): void {
    try {
      this.#onError(error, path);
    } catch (second) {
      printError(second, path);
    }
  }

  /**
   * Stops: no new connections or calls; running calls have `graceMs` to end, then they end UNAVAILABLE and their handlers'
   * signals fire. Resolves when every connection is gone. Called again with a shorter grace, it cuts earlier.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    checkOptions("close() call", options, ["graceMs"]);
    const { graceMs } = numbersFrom({ graceMs: DEFAULT_GRACE_MS }, options);
    this.#closed ??= this.#drain();
    const timer = setTimeout(() => this.#cut(), Math.min(graceMs, MAX_TIMER_MS));
    try {
      await this.#closed;
    } finally {
      clearTimeout(timer);
    }
  }

  async #drain(): Promise<void> {
    const stopped = [...this.#listeners].map((listener) => new Promise((resolve) => listener.close(resolve)));
    const idle = new Promise<void>((resolve) => {
      this.#noSessions = resolve;
      if (this.#sessions.size === 0) resolve();
    });
    for (const session of this.#sessions) session.drain();
    await idle;
    await Promise.all(stopped);
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

function unimplemented(message: string): Status {
  return { code: Code.UNIMPLEMENTED, message };
}

function listenOptions(address: Address): { host?: string; port: number } | { path: string } {
  if (address.kind === "unix") return { path: address.path };
  return address.host === "" ? { port: address.port } : { host: address.host, port: address.port };
}

function listeningAt(bound: string | AddressInfo | null, asked: Address): Listening {
  if (bound === null || typeof bound === "string") {
    return { address: `unix:${asked.kind === "unix" ? asked.path : ""}`, port: 0 };
  }
  return { address: formatHostPort(bound.address, bound.port), port: bound.port };
}

function useTls(listener: Http2Server | Http2SecureServer, tls: ServerTls): void {
  if (isSecure(listener)) listener.setSecureContext(serverContext(tls));
}

/** A closed session waits for the peer to close too, and `destroy()` has no effect by then: so the socket gets a timer. */
function closeAfterLastRead(socket: Socket): void {
  socket.once("finish", () => {
    const timer = setTimeout(() => socket.destroy(), LAST_READ_MS).unref();
    // It would hold the socket, and with it the session and the whole server.
    socket.once("close", () => clearTimeout(timer));
  });
}

function ignore(): void {}

function printError(error: unknown, path: string): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`barewire: ${path} failed: ${text}\n`);
}
