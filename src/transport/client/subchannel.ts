/**
 * A subchannel: one address, one HTTP/2 session at a time, and the calls that wait for it.
 *
 * Spec: connectivity-semantics-and-api.md; connection-backoff.md (the connect deadline); RFC 9113 §3.4, §5.1.2, §6.8.
 * Laws: a session is used only after the peer's SETTINGS; none is used after a GOAWAY; no more streams are opened than the
 * peer allows; a session without calls does not keep the process alive.
 */
import { connect, constants, type Settings } from "node:http2";
import { TLSSocket } from "node:tls";
import { MAX_BLOCK_BYTES } from "../../codec/header-block.js";
import { Code, StatusError } from "../../codec/status.js";
import { formatAddress, type Address } from "../address.js";
import { FIELD_OPTIONS } from "../field-options.js";
import { reasonOf } from "../tls.js";
import type { DialTls } from "./channel-tls.js";
import { closedEarly, connectFailure, noteCertificate, withoutHttp2 } from "./connect-failure.js";
import { Connection } from "./connection.js";
import { dial } from "./dial.js";
import { KeepaliveTimer } from "./keepalive-timer.js";
import type { ChannelLimits } from "./limits.js";
import type { Lease, Placement, Wish } from "./placement.js";

/** How long a peer that seems dead has to answer a PING, while calls wait for it. */
const SIGN_OF_LIFE_MS = 2000;

/**
 * A session is replaced when it has opened this many streams. Its ids end at 2^31 - 1 and only odd ones are a client's; a
 * quarter of them is left for the calls that run at that time.
 */
export const MAX_STREAMS_OF_A_SESSION = 0.75 * 2 ** 30;

/** States of a subchannel, and the ones each may go to. Source: connectivity-semantics-and-api.md. */
export const TRANSITIONS = Object.freeze({
  IDLE: ["CONNECTING", "SHUTDOWN"],
  CONNECTING: ["READY", "IDLE", "SHUTDOWN"],
  READY: ["IDLE", "SHUTDOWN"],
  SHUTDOWN: [],
} as const);

export type SubchannelState = keyof typeof TRANSITIONS;

/** What a subchannel is made of, besides its address and limits. */
export interface SubchannelOptions {
  readonly tls?: DialTls | undefined;
  /** Whether keepalive asks while there is no call. */
  readonly keepaliveWithoutCalls?: boolean | undefined;
  /** Hears what nobody's call can be told. */
  readonly warn?: ((warning: Error) => void) | undefined;
}

/** One address. */
export class Subchannel implements Placement {
  readonly #address: Address;
  readonly #shownAddress: string;
  readonly #limits: ChannelLimits;
  readonly #tls: DialTls | undefined;
  readonly #options: SubchannelOptions;
  /** Grows when the server says that it is asked too often. */
  #keepaliveTimeMs: number;
  #state: SubchannelState = "IDLE";
  /** The connection being made or in use. */
  #connection: Connection | undefined;
  readonly #waiting = new Set<Wish>();
  readonly #connections = new Set<Connection>();
  #gone: (() => void) | undefined;

  constructor(address: Address, limits: ChannelLimits, options: SubchannelOptions = {}) {
    this.#address = address;
    this.#shownAddress = formatAddress(address);
    this.#limits = limits;
    this.#tls = options.tls;
    this.#options = options;
    this.#keepaliveTimeMs = limits.keepaliveTimeMs;
  }

  get state(): SubchannelState {
    return this.#state;
  }

  /** A session with room, if there is one right now. */
  take(): Lease | undefined {
    const connection = this.#connection;
    // Its 'close' comes a moment later, and Node 24 takes requests until then.
    if (connection?.session.destroyed === true) this.retire(connection);
    if (connection === undefined || this.#state !== "READY" || this.#waiting.size > 0) return undefined;
    return connection.hasRoom ? this.#lease(connection) : undefined;
  }

  /** Waits for a session with room, connecting if there is none. {@link forget} takes the wish back. */
  wait(waiting: Wish): void {
    if (this.#state === "SHUTDOWN") {
      waiting.failed(new StatusError(Code.UNAVAILABLE, "the channel is closed"), true);
      return;
    }
    this.#waiting.add(waiting);
    if (this.#state === "IDLE") this.#connect();
    else this.#connection?.session.ref();
  }

  forget(waiting: Wish): void {
    if (this.#waiting.delete(waiting) && this.#connection !== undefined) this.#unrefIdle(this.#connection);
  }

  #lease(connection: Connection): Lease {
    if (connection.openStreams++ === 0) {
      connection.session.ref();
      connection.keepalive?.callStarted();
    }
    if (++connection.streams >= MAX_STREAMS_OF_A_SESSION) this.retire(connection);
    let released = false;
    return {
      connection,
      address: this.#shownAddress,
      release: () => {
        if (released) return;
        released = true;
        if (--connection.openStreams === 0 && !connection.session.destroyed) {
          if (connection !== this.#connection) connection.session.close();
          else this.#unrefIdle(connection);
        }
        this.#serveWaiting();
      },
      retire: () => this.retire(connection),
      suspect: () => this.suspect(connection),
    };
  }

  #serveWaiting(): void {
    for (const waiting of this.#waiting) {
      const connection = this.#connection;
      if (this.#state !== "READY" || connection === undefined || !connection.hasRoom) return;
      this.#waiting.delete(waiting);
      waiting.ready(this.#lease(connection));
    }
  }

  #transition(state: SubchannelState): void {
    const legal: readonly SubchannelState[] = TRANSITIONS[this.#state];
    if (!legal.includes(state)) throw new Error(`a subchannel cannot go from ${this.#state} to ${state}`);
    this.#state = state;
  }

  #connect(): void {
    this.#transition("CONNECTING");
    // The URL only names the scheme: the socket is ours, and each request carries its own authority.
    const socket = dial(this.#address, this.#tls);
    if (socket instanceof TLSSocket) {
      noteCertificate(socket);
      // Before the session hears that the socket is secure, and sends its preface.
      socket.once("secureConnect", () => {
        connection.failure = withoutHttp2(socket);
        if (connection.failure === undefined) return;
        session.destroy();
        socket.destroy();
      });
    }
    const session = connect("http://localhost", {
      createConnection: () => socket,
      settings: this.#settings(),
      maxHeaderListPairs: this.#limits.maxHeaderPairs,
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
      maxSendHeaderBlockLength: Number.MAX_SAFE_INTEGER,
      ...FIELD_OPTIONS,
    });
    const connection = new Connection(session, socket);
    this.#connection = connection;
    this.#connections.add(connection);
    const timer = setTimeout(() => {
      const why = `no HTTP/2 SETTINGS within ${this.#limits.connectTimeoutMs} ms`;
      connection.failure ??= { text: "cannot connect to the server", hint: connection.lost ?? why };
      connection.drop(why);
    }, this.#limits.connectTimeoutMs);
    timer.unref();
    session.once("connect", () => {
      if (!session.destroyed) session.setLocalWindowSize(this.#limits.connectionWindowBytes);
    });
    session.on("remoteSettings", (settings) => {
      clearTimeout(timer);
      this.#onSettings(connection, settings);
    });
    session.on("localSettings", () => (connection.acknowledged = true));
    session.on("goaway", (code, lastStreamId, data?: Uint8Array) => {
      const text = data === undefined ? "" : Buffer.from(data.subarray(0, 64)).toString("latin1");
      connection.goaway = { code, lastStreamId, text };
      this.retire(connection);
      if (code === constants.NGHTTP2_ENHANCE_YOUR_CALM && text === "too_many_pings") this.#calmDown();
    });
    session.on("error", (error: NodeJS.ErrnoException) => {
      connection.failure ??= connectFailure(error, socket, this.#tls);
      connection.lost ??= reasonOf(error);
    });
    // A session whose TLS has broken would wait for ever for its last bytes to leave.
    socket.on("error", () => socket.destroy());
    session.on("close", () => {
      clearTimeout(timer);
      connection.keepalive?.stop();
      this.#onClosed(connection);
    });
  }

  #settings(): Settings {
    return {
      enablePush: false,
      initialWindowSize: this.#limits.streamWindowBytes,
      maxHeaderListSize: this.#limits.maxHeaderListBytes,
    };
  }

  /** "READY only after the peer's SETTINGS": a TCP connection alone proves nothing. */
  #onSettings(connection: Connection, settings: Settings): void {
    connection.maxStreams = settings.maxConcurrentStreams ?? Infinity;
    connection.maxPeerHeaderListBytes = Math.min(settings.maxHeaderListSize ?? Infinity, MAX_BLOCK_BYTES);
    if (this.#connection !== connection) return;
    if (this.#state === "CONNECTING") this.#transition("READY");
    this.#keepAlive(connection);
    this.#serveWaiting();
    this.#unrefIdle(connection);
  }

  #keepAlive(connection: Connection): void {
    if (this.#keepaliveTimeMs === Infinity || connection.keepalive !== undefined) return;
    const policy = {
      timeMs: this.#keepaliveTimeMs,
      timeoutMs: this.#limits.keepaliveTimeoutMs,
      withoutCalls: this.#options.keepaliveWithoutCalls === true,
    };
    connection.keepalive = new KeepaliveTimer(policy, connection);
  }

  /** gRFC A8: on `too_many_pings` "the client should … double the keepalive time", for the connections to come. */
  #calmDown(): void {
    this.#keepaliveTimeMs *= 2;
    const now = this.#keepaliveTimeMs === Infinity ? "off" : `${this.#keepaliveTimeMs} ms from now on`;
    this.#options.warn?.(new Error(`the server closed a connection as it was pinged too often: keepalive is ${now}`));
  }

  /** Only calls keep the process alive: those with a stream, and those that wait for one. */
  #unrefIdle({ openStreams, session }: Connection): void {
    if (openStreams === 0 && this.#waiting.size === 0 && !session.destroyed) session.unref();
  }

  /** Takes a connection out of use; its calls may finish. Whoever waited for it fails if it never was ready. */
  retire(connection: Connection): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    const wasReady = this.#state === "READY";
    this.#transition("IDLE");
    // One that took no call at all would be followed by the same again, as fast as the network is.
    if (!wasReady || connection.streams === 0) this.#failWaiting(connection);
    else if (this.#waiting.size > 0) this.#connect();
  }

  /**
   * Hears from a call that nothing came of a connection for as long as it ran. New calls wait until the peer has given a sign
   * of life; without one the connection is dropped.
   */
  suspect(connection: Connection): void {
    if (connection.suspected || connection.session.destroyed || !connection.mayProbe) return;
    connection.suspected = true;
    connection.probe(SIGN_OF_LIFE_MS, (alive) => {
      connection.suspected = false;
      if (alive) this.#serveWaiting();
      else connection.drop(`no answer to a PING within ${SIGN_OF_LIFE_MS} ms`);
    });
  }

  #onClosed(connection: Connection): void {
    this.#connections.delete(connection);
    this.retire(connection);
    if (this.#connections.size === 0) this.#gone?.();
  }

  #failWaiting(connection: Connection): void {
    const { text, hint: reason } =
      connection.failure ?? closedEarly(this.#tls, connection.socket, connection.lost ?? "it gave no reason");
    // Where the server is stays out of the status: a handler that passes it on would tell its own client.
    const hint = `${this.#shownAddress}: ${reason}`;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const one of waiting) one.failed(new StatusError(Code.UNAVAILABLE, text, { hint }));
  }

  /** Ends: waiting calls fail now, running ones may finish. Resolves when the last connection is gone. */
  async close(): Promise<void> {
    if (this.#state !== "SHUTDOWN") this.#transition("SHUTDOWN");
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const one of waiting) one.failed(new StatusError(Code.UNAVAILABLE, "the channel is closed"), true);
    this.#connection = undefined;
    if (this.#connections.size === 0) return;
    const before = this.#gone;
    const gone = new Promise<void>((resolve) => {
      this.#gone = () => {
        before?.();
        resolve();
      };
    });
    for (const { session, openStreams } of this.#connections) {
      // A call that ran is still owed its answer; the process stays until it has it.
      if (openStreams === 0) session.ref();
      if (session.connecting) session.destroy();
      else session.close();
    }
    await gone;
  }

  /** Drops every connection. */
  destroy(): void {
    for (const connection of this.#connections) connection.drop("the channel was destroyed");
  }
}
