/**
 * Connecting: from an address to an HTTP/2 session whose peer has sent its SETTINGS.
 *
 * Spec: connection-backoff.md (the connect deadline); RFC 9113 §3.4, §6.8.
 * Laws: one deadline spans TCP, TLS and SETTINGS; whatever the peer does, no exception and no unhandled event leaves this file;
 * an idle connection does not keep the process alive.
 */
import { connect as connectSession, constants, type ClientHttp2Session } from "node:http2";
import { TLSSocket } from "node:tls";
import { MAX_BLOCK_BYTES } from "../../../codec/header-block.js";
import type { Carrier } from "../../carrier.js";
import { FIELD_OPTIONS } from "../../field-options.js";
import type { TapPoint } from "../../tap.js";
import { throughTap } from "../../tapped-socket.js";
import { reasonOf } from "../../tls.js";
import type { Clock } from "../clock.js";
import { connectFailure, noteCertificate, withoutHttp2 } from "./connect-failure.js";
import { Connection } from "./connection.js";
import { dial, type DialOptions } from "./dial.js";
import type { ChannelLimits } from "../limits.js";

/** What to connect to, and how. */
export interface ConnectOptions extends DialOptions {
  /** Who is shown what passes. */
  readonly tap: TapPoint | undefined;
  readonly limits: ChannelLimits;
  readonly clock: Clock;
  /** How long it may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** Whoever asked for a connection. */
export interface ConnectionOwner {
  /** The peer's SETTINGS have come, the first or later ones. */
  settingsArrived(connection: Connection): void;
  /** The peer wants no more streams. */
  goawayArrived(connection: Connection): void;
  connectionClosed(connection: Connection): void;
}

/** Opens a connection; its owner hears what becomes of it, never before this has returned. */
export function connect(options: ConnectOptions, owner: ConnectionOwner): Connection {
  const connection = new Connection();
  const stopTimer = startDeadline(connection, options);
  const ended = (): void => {
    stopTimer();
    connection.retire();
    connection.keepalive?.stop();
    owner.connectionClosed(connection);
  };
  let isDialled = false;
  let hasBegun = false;
  const way = dial(options, (socket) => {
    isDialled = true;
    watchSocket(connection, socket, options);
    throughTap(socket, options.tap, (carrier) => {
      hasBegun = true;
      const session = openSession(carrier, options.limits);
      connection.begun(session, socket);
      watchSession(connection, session, options, owner);
      session.on("remoteSettings", stopTimer);
      session.on("close", ended);
    });
  });
  // oxlint-disable-next-line typescript/no-unnecessary-condition -- a proxy has to open its tunnel first, a tap waits for the other end
  if (!hasBegun) {
    connection.dialled(way);
    // oxlint-disable-next-line typescript/no-unnecessary-condition -- as above
    if (!isDialled) way.once("connect", () => (connection.phase = "proxy"));
    way.on("error", (error) => noteError(connection, error, options));
    way.once("close", () => {
      if (!hasBegun) ended();
    });
  }
  return connection;
}

function openSession(socket: Carrier, limits: ChannelLimits): ClientHttp2Session {
  // The URL only names the scheme: the socket is ours, and each request carries its own authority.
  const session = connectSession("http://localhost", {
    createConnection: () => socket,
    settings: {
      enablePush: false,
      initialWindowSize: limits.streamWindowBytes,
      maxHeaderListSize: limits.maxHeaderListBytes,
    },
    maxHeaderListPairs: limits.maxHeaderPairs,
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
    maxSendHeaderBlockLength: Number.MAX_SAFE_INTEGER,
    ...FIELD_OPTIONS,
  });
  session.unref();
  return session;
}

function watchSession(
  connection: Connection,
  session: ClientHttp2Session,
  options: ConnectOptions,
  owner: ConnectionOwner,
): void {
  session.once("connect", () => connection.connected(options.limits));
  session.on("remoteSettings", (settings) => {
    connection.isReady = true;
    connection.maxStreams = settings.maxConcurrentStreams ?? Infinity;
    connection.maxPeerHeaderListBytes = Math.min(settings.maxHeaderListSize ?? Infinity, MAX_BLOCK_BYTES);
    owner.settingsArrived(connection);
  });
  session.on("localSettings", () => (connection.acknowledged = true));
  session.on("goaway", (code, lastStreamId, data?: Uint8Array) => {
    const text = data === undefined ? "" : Buffer.from(data.subarray(0, 64)).toString("latin1");
    connection.goaway = { code, lastStreamId, text };
    owner.goawayArrived(connection);
  });
  session.on("error", (error: NodeJS.ErrnoException) => noteError(connection, error, options));
}

function noteError(connection: Connection, error: NodeJS.ErrnoException, { tls }: ConnectOptions): void {
  if (error.syscall === "getaddrinfo") connection.phase = "dns";
  connection.failure ??= connectFailure(error, connection.socket, tls);
  connection.lost ??= reasonOf(error);
}

function watchSocket(connection: Connection, socket: Carrier, options: ConnectOptions): void {
  const { tls, tap } = options;
  // For as long as nothing has begun on it.
  if (tap !== undefined) connection.dialled(socket);
  const connected = (): void => {
    connection.phase = tls === undefined ? "settings" : "tls";
  };
  if (socket.connecting) socket.once("connect", connected);
  else connected();
  socket.on("error", (error) => {
    if (tap !== undefined) noteError(connection, error, options);
    // A session whose TLS has broken would wait for ever for its last bytes to leave.
    socket.destroy();
  });
  if (!(socket instanceof TLSSocket)) return;
  noteCertificate(socket);
  // Before the session hears that the socket is secure, and sends its preface.
  socket.prependOnceListener("secureConnect", () => {
    connection.phase = "settings";
    connection.failure = withoutHttp2(socket);
    if (connection.failure === undefined) return;
    if (tap === undefined) connection.session.destroy();
    socket.destroy();
  });
}

/** "MIN_CONNECT_TIMEOUT": a server that takes longer than that has to be given up, as one that hangs never says so. */
function startDeadline(connection: Connection, { timeoutMs, clock }: ConnectOptions): () => void {
  return clock.after(timeoutMs, () => {
    const why = `no HTTP/2 SETTINGS within ${Math.round(timeoutMs)} ms`;
    connection.failure ??= { text: "cannot connect to the server", hint: connection.lost ?? why };
    connection.drop(why);
  });
}

/** Whether a server says that it is asked too often. gRFC A8. */
export function wantsCalm({ goaway }: Connection): boolean {
  return goaway?.code === constants.NGHTTP2_ENHANCE_YOUR_CALM && goaway.text === "too_many_pings";
}
