/**
 * The limits of a server: what one client may make it hold or do. All of them are on by default.
 *
 * Source: docs/rules.md; RFC 9113 §10.5 ("Denial-of-Service Considerations").
 */
import type { ReceiveLimits } from "../message-stream.js";
import { MAX_SETTING, MAX_TIMER_MS, MAX_WINDOW_BYTES } from "../options.js";

/** Every limit, each an option of `Server`. */
export interface ServerLimits extends ReceiveLimits {
  /** The longest request message, in bytes. Default 4 MiB, as in every gRPC library. Over it: RESOURCE_EXHAUSTED. */
  readonly maxReceiveBytes: number;
  /** The most sub-messages, strings and bytes values in one request. Default 250,000. Over it: RESOURCE_EXHAUSTED. */
  readonly maxMessageValues: number;
  /** The longest response message, in bytes. Default no limit. Over it: RESOURCE_EXHAUSTED. */
  readonly maxSendBytes: number;
  /** Streams one connection may have open. Default 250. Over it the stream is refused, and a client may try again. */
  readonly maxConcurrentStreams: number;
  /**
   * Handlers that may run for one connection, those included whose stream the client has reset. Default 500: a stream limit
   * alone lets a client that opens and resets run any number. Over it: refused, and the connection is closed.
   */
  readonly maxRunningHandlers: number;
  /** The largest request header list, in bytes as RFC 9113 §6.5.2 counts them. Default 16 KiB. Over it: a reset. */
  readonly maxHeaderListBytes: number;
  /** Bytes one call may have in flight towards the server. Default 256 KiB. */
  readonly streamWindowBytes: number;
  /**
   * Bytes all calls of one connection together may have in flight towards the server, at most. Default 1 MiB. A connection begins with 65,535
   * (RFC 9113 §6.9.2) and gets more as the network proves to carry it. More than 1 MiB is of use where much goes far in one direction; before
   * Node 26, two peers that both send more at once than the kernels between them hold wait for each other for ever.
   */
  readonly connectionWindowBytes: number;
  /**
   * How long a new connection may take until its first SETTINGS have come, in milliseconds, the TLS handshake included (which
   * has half of it). Default 20,000, from 100: a stranger can open connections and say nothing on them. After it: closed.
   */
  readonly handshakeTimeoutMs: number;
  /**
   * After how many milliseconds of silence a client is asked for a sign of life, up to an eighth later; 0 asks never. Default 2
   * hours (keepalive.md); on Node 20, whose sessions can go deaf, one minute if that is less.
   */
  readonly keepaliveTimeMs: number;
  /** How long it may take to give one, in milliseconds, before the connection is dropped. Default 20,000, from 10. */
  readonly keepaliveTimeoutMs: number;
  /**
   * The least time between two PINGs of a client, in milliseconds. Default 5 minutes (gRFC A8); 2 hours while it has no call,
   * unless `permitKeepaliveWithoutCalls`. One that sends more than two too early is told so and loses its connection.
   */
  readonly permitKeepaliveTimeMs: number;
  /** Connections there may be at a time. Default 10,000. One more is accepted and closed at once. */
  readonly maxConnections: number;
  /** How long a connection may be without a call, in milliseconds. Default no limit (gRFC A9). Then it is drained. */
  readonly maxConnectionIdleMs: number;
  /**
   * How old a connection may become, in milliseconds, give or take a tenth. Default no limit (gRFC A9). Then it is drained:
   * clients connect again, and find the servers that have come since.
   */
  readonly maxConnectionAgeMs: number;
  /** How long calls may outlast that, in milliseconds. Default no limit. Then they end UNAVAILABLE. */
  readonly maxConnectionAgeGraceMs: number;
}

export const DEFAULT_SERVER_LIMITS: ServerLimits = Object.freeze({
  maxReceiveBytes: 4 * 1024 * 1024,
  maxMessageValues: 250_000,
  maxSendBytes: Infinity,
  maxConcurrentStreams: 250,
  maxRunningHandlers: 500,
  maxHeaderListBytes: 16 * 1024,
  streamWindowBytes: 256 * 1024,
  connectionWindowBytes: 1024 * 1024,
  handshakeTimeoutMs: 20_000,
  keepaliveTimeMs: 2 * 60 * 60 * 1000,
  keepaliveTimeoutMs: 20_000,
  permitKeepaliveTimeMs: 5 * 60 * 1000,
  maxConnections: 10_000,
  maxConnectionIdleMs: Infinity,
  maxConnectionAgeMs: Infinity,
  maxConnectionAgeGraceMs: Infinity,
});

/** A connection that is closed sooner than it can be used would be of no use. */
const MIN_CONNECTION_MS = 100;

/** What an option must be at least, where that is not 0: with less no call would ever be answered. */
export const SERVER_LIMIT_MINIMA = Object.freeze({
  maxConnections: 1,
  maxConcurrentStreams: 1,
  maxRunningHandlers: 1,
  streamWindowBytes: 1,
  handshakeTimeoutMs: 100,
  keepaliveTimeoutMs: 10,
  maxConnectionIdleMs: MIN_CONNECTION_MS,
  maxConnectionAgeMs: MIN_CONNECTION_MS,
});

/** What HTTP/2 and timers allow at most. */
export const SERVER_LIMIT_MAXIMA = Object.freeze({
  maxConcurrentStreams: MAX_SETTING,
  maxHeaderListBytes: MAX_SETTING,
  streamWindowBytes: MAX_WINDOW_BYTES,
  connectionWindowBytes: MAX_WINDOW_BYTES,
  handshakeTimeoutMs: MAX_TIMER_MS,
  keepaliveTimeMs: MAX_TIMER_MS,
  keepaliveTimeoutMs: MAX_TIMER_MS,
});
