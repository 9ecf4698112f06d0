/**
 * The server: what listens, and which services it answers for.
 *
 * Spec: PROTOCOL-HTTP2.md; RFC 9113 §3.3, §6.8.
 * Laws: no exception of a handler or a callback ends the process; what is said of one connection or one address is said in
 * their own files.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { checkService, type Service } from "../../codec/method.js";
import { Code, type Status } from "../../codec/status.js";
import { formatHostPort } from "../address.js";
import { Codings, type CompressionOptions } from "../codings.js";
import { interceptorsFrom, type Interceptor } from "../intercept.js";
import { checkCallback, checkFlag, checkOptions, numbersFrom } from "../options.js";
import { checkTap, type Tap, type TapPoint } from "../tap.js";
import { echo } from "./dispatch.js";
import { checkNames, registerHandlers, type Implementation, type Registered } from "./handler.js";
import { DEFAULT_SERVER_LIMITS, SERVER_LIMIT_MAXIMA, SERVER_LIMIT_MINIMA, type ServerLimits } from "./limits.js";
import { graceMsFrom, Listener, type CloseOptions, type Listening, type ListenerOwner } from "./listener.js";
import { checkSameDemand, serverContext, type ServerTls } from "./server-tls.js";
import type { EndedCall } from "./session.js";

/** What a server can be told. Every limit of {@link ServerLimits} is an option as well. */
export interface ServerOptions extends Partial<ServerLimits> {
  /** Which codings requests may use, and in which responses are sent. Default: gzip and deflate are taken, none is sent. */
  readonly compression?: CompressionOptions | undefined;
  /** Is shown every byte of its connections, as `inspector()` of `barewire/inspect` prints them. Default: nobody is, and nothing is spent on it. */
  readonly tap?: Tap | undefined;
  /** Encrypts every connection of this server. Default: plaintext. {@link Server.updateTls} replaces it. */
  readonly tls?: ServerTls | undefined;
  /**
   * Hears every exception that is not a status: from handlers, and from these callbacks. Default: one line and the stack on
   * stderr. `path` is the method's.
   */
  readonly onError?: ((error: unknown, path: string) => void) | undefined;
  /** Whether a client without calls may send PINGs as often as one that has some. Default `false` (gRFC A8). */
  readonly permitKeepaliveWithoutCalls?: boolean | undefined;
  /** Functions around every call of a method that is implemented here, the first of them outermost. Default: none. */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /** Hears how every call ended, for logs and counters. Default: nobody listens and nothing is measured. */
  readonly onCallEnd?: ((ended: EndedCall) => void) | undefined;
  /**
   * Called once, when {@link Server.close} begins: before any client is told to go. What it sets off at once, such as a last
   * message on running calls, is sent before that.
   */
  readonly onDrain?: (() => void) | undefined;
}

/** What can be said of one service. */
export interface ServiceOptions {
  /** Functions around the calls of this service, inside the server's own. Default: none. */
  readonly interceptors?: readonly Interceptor[] | undefined;
}

/** A flood of connections must not become a flood of log lines. */
const REFUSAL_TOLD_MS = 60_000;

/** A gRPC server. */
export class Server {
  readonly #limits: ServerLimits;
  readonly #onError: (error: unknown, path: string) => void;
  readonly #onDrain: (() => void) | undefined;
  readonly #interceptors: readonly Interceptor[];
  #announced: Promise<void> | undefined;
  readonly #listenerOwner: ListenerOwner;
  readonly #methods = new Map<string, Registered>();
  readonly #services = new Map<string, Service>();
  readonly #listeners = new Set<Listener>();
  /** Takes what {@link Server.serve} is given. */
  #served: Listener | undefined;
  #tls: ServerTls | undefined;
  /** Until when nobody is told of refused connections. */
  #refusalToldUntil = 0;
  #closed = false;

  /** @throws TypeError for an option that does not exist or is not in range. */
  constructor(options: ServerOptions = {}) {
    checkOptions("Server", options, [
      "tap",
      "tls",
      "interceptors",
      "compression",
      "onError",
      "onCallEnd",
      "onDrain",
      "permitKeepaliveWithoutCalls",
      ...Object.keys(DEFAULT_SERVER_LIMITS),
    ]);
    checkCallback("onError", options.onError);
    checkCallback("onCallEnd", options.onCallEnd);
    checkCallback("onDrain", options.onDrain);
    checkFlag("permitKeepaliveWithoutCalls", options.permitKeepaliveWithoutCalls);
    checkTap(options.tap);
    if (options.tls !== undefined) serverContext(options.tls);
    this.#tls = options.tls;
    this.#limits = numbersFrom(DEFAULT_SERVER_LIMITS, options, SERVER_LIMIT_MAXIMA, SERVER_LIMIT_MINIMA);
    this.#onError = options.onError ?? printError;
    this.#onDrain = options.onDrain;
    this.#interceptors = interceptorsFrom(options.interceptors);
    this.#listenerOwner = {
      limits: this.#limits,
      permitKeepaliveWithoutCalls: options.permitKeepaliveWithoutCalls === true,
      codings: new Codings("Server", options.compression),
      onCallEnd: options.onCallEnd,
      tap: options.tap === undefined ? undefined : this.#tapPoint(options.tap),
      lookup: (path) => this.#lookup(path),
      callFailed: (error, path) => this.#report(error, path),
      admits: (socket) => this.#admits(socket),
      listenerClosed: (listener) => this.#listeners.delete(listener),
    };
  }

  /**
   * Answers for a service. Methods that `implementation` leaves out answer UNIMPLEMENTED.
   *
   * @throws TypeError when a handler is not a function, has a name the service does not know, or the service is there already; and
   * for an option that does not exist or cannot be used.
   */
  add<S extends Service>(service: S, implementation: Implementation<S>, options: ServiceOptions = {}): this {
    checkService(service, "add this");
    if (typeof implementation !== "object" || implementation === null) {
      throw new TypeError(`Cannot add ${service.typeName} as its implementation must be an object of handlers`);
    }
    if (this.#services.has(service.typeName)) {
      throw new TypeError(`Cannot add ${service.typeName} as it has been added already`);
    }
    checkNames(service, implementation);
    checkOptions("service", options, ["interceptors"]);
    const interceptors = [...this.#interceptors, ...interceptorsFrom(options.interceptors)];
    const registered = registerHandlers(service, implementation, interceptors);
    this.#services.set(service.typeName, service);
    for (const one of registered) this.#methods.set(one.method.path, one);
    return this;
  }

  /** The services added, in that order. */
  get services(): readonly Service[] {
    return [...this.#services.values()];
  }

  #tapPoint(tap: Tap): TapPoint {
    return {
      tap,
      side: "server",
      methodOf: (path) => this.#methods.get(path)?.method,
      failed: (error) => this.#report(error, "tap"),
    };
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
   * Starts listening on `"host:port"` (port 0 picks a free one), `"[v6]:port"`, `"unix:path"` (107 bytes at most) or, on Linux,
   * `"unix-abstract:name"`. May be called for several, each of which can be closed by itself.
   *
   * The file of a unix socket goes with the server. One that a killed server has left is not removed, but named.
   *
   * @throws Error when the address is taken or does not exist; its `code` is the system's. TypeError when it is no address.
   */
  async listen(address: string): Promise<Listening> {
    if (this.#closed) throw new Error("Cannot listen as the server is closed");
    const tls = this.#tls;
    const listener = new Listener(this.#listenerOwner, tls);
    await listener.bind(address);
    if (this.#closed) {
      await listener.close({ graceMs: 0 });
      throw new Error(`Cannot listen on ${address} as the server was closed meanwhile`);
    }
    this.#listeners.add(listener);
    // It may have been replaced since the listener was made.
    if (this.#tls !== undefined && this.#tls !== tls) listener.useTls(this.#tls);
    return listener;
  }

  /**
   * Serves a connection that was made elsewhere: a socket that another server accepted and nothing was read from, or any duplex
   * stream. It becomes the server's, with its limits, and its end; with `tls` the client shakes hands on it as on any other.
   *
   * @throws TypeError when it is no duplex stream. Error when the server is closed, and the stream is left as it is.
   */
  serve(socket: Duplex): void {
    if (typeof socket?.pipe !== "function" || typeof socket.write !== "function") {
      throw new TypeError("Cannot serve this as it must be a socket or another duplex stream");
    }
    if (this.#closed) throw new Error("Cannot serve a connection as the server is closed");
    if (this.#served === undefined) {
      this.#served = new Listener(this.#listenerOwner, this.#tls);
      this.#listeners.add(this.#served);
    }
    this.#served.accept(socket);
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
    for (const listener of this.#listeners) listener.useTls(tls);
    this.#tls = tls;
  }

  /** Whether there may be one connection more. That there may not is told once a minute at most. */
  #admits(socket: Duplex): boolean {
    const { maxConnections } = this.#limits;
    let connections = 0;
    for (const listener of this.#listeners) connections += listener.connections;
    if (connections < maxConnections) return true;
    const now = performance.now();
    if (now < this.#refusalToldUntil) return false;
    this.#refusalToldUntil = now + REFUSAL_TOLD_MS;
    const { localAddress, localPort } = socket as Partial<Pick<Socket, "localAddress" | "localPort">>;
    const address = formatHostPort(localAddress ?? "unix", localPort ?? 0);
    this.#report(new Error(`connections are refused: there are ${maxConnections} of them already`), address);
    return false;
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
   * signals fire. Resolves when every connection is gone; those that never had a call are not waited for. Called again with a
   * shorter grace, it cuts earlier.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    const graceMs = graceMsFrom(options);
    this.#closed = true;
    for (const listener of this.#listeners) void listener.stop();
    if (this.#onDrain !== undefined) await (this.#announced ??= this.#announceDrain(this.#onDrain));
    await Promise.all([...this.#listeners].map((listener) => listener.close({ graceMs })));
  }

  /** Messages leave at the end of a turn of the event loop: GOAWAY comes in the next one, or it would overtake them. */
  async #announceDrain(onDrain: () => void): Promise<void> {
    try {
      onDrain();
    } catch (error) {
      this.#report(error, "onDrain");
    }
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** {@link Server.close} with its defaults, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function unimplemented(message: string): Status {
  return { code: Code.UNIMPLEMENTED, message };
}

function printError(error: unknown, path: string): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`barewire: ${path} failed: ${text}\n`);
}
