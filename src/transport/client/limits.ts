/**
 * The limits of a channel: what one server may make it hold. All of them are on by default.
 *
 * Source: docs/rules.md; RFC 9113 §10.5.
 */
import type { SendLimits } from "../message-sink.js";
import type { ReceiveLimits } from "../message-stream.js";
import { MAX_SETTING, MAX_TIMER_MS, MAX_WINDOW_BYTES } from "../options.js";
import type { MethodSettings } from "./settings/method-settings.js";

/** Every limit, each an option of `Channel`. */
export interface ChannelLimits extends ReceiveLimits, SendLimits {
  /** The longest response message, in bytes. Default 4 MiB, as in every gRPC library. Over it: RESOURCE_EXHAUSTED. */
  readonly maxReceiveBytes: number;
  /** The most sub-messages, strings and bytes values in one response. Default 250,000. Over it: RESOURCE_EXHAUSTED. */
  readonly maxMessageValues: number;
  /** The longest request message, in bytes. Default no limit. Over it: RESOURCE_EXHAUSTED, and it is not sent. */
  readonly maxSendBytes: number;
  /** Bytes of messages that may wait in one call whose sends are not awaited. Default 4 MiB. Over it: RESOURCE_EXHAUSTED. */
  readonly maxQueuedBytes: number;
  /**
   * Bytes of requests that one call keeps until the server's headers come, to send them again when the server did not take the
   * call. Default 1 MiB, as in grpc-java. A call that sent more than that fails UNAVAILABLE instead; 0 tries no call again.
   */
  readonly maxRetryBufferBytes: number;
  /** Bytes of requests that all calls of a channel together keep for that. Default 16 MiB, as in grpc-java. */
  readonly maxChannelRetryBufferBytes: number;
  /**
   * How often at most a call is sent, whatever its policy says. Default 5 (gRFC A6). Calls that no server took do not count.
   */
  readonly maxAttempts: number;
  /** The largest response header list, in bytes. Default 16 KiB. */
  readonly maxHeaderListBytes: number;
  /** The most header fields in one block. Default 2,000. */
  readonly maxHeaderPairs: number;
  /** Bytes one call may have in flight towards this process. Default 256 KiB. */
  readonly streamWindowBytes: number;
  /**
   * Bytes all calls of one connection together may have in flight towards this process, at most. Default 1 MiB. A connection begins with 65,535
   * (RFC 9113 §6.9.2) and gets more as the network proves to carry it. More than 1 MiB is of use where much goes far in one direction; before
   * Node 26, two peers that both send more at once than the kernels between them hold wait for each other for ever.
   */
  readonly connectionWindowBytes: number;
  /**
   * How long connecting may take, TCP, TLS and the peer's SETTINGS together, in milliseconds. Default 20,000, or as long as the
   * delay between attempts has become, where that is longer (connection-backoff.md). From 1.
   */
  readonly connectTimeoutMs: number;
  /**
   * The delay before a server that could not be reached is tried again, in milliseconds, counted from the beginning of the
   * attempt. It grows by 1.6 each time, give or take a fifth. Default 1,000 (connection-backoff.md), from 100.
   */
  readonly initialBackoffMs: number;
  /** What that delay does not grow beyond, in milliseconds. Default 120,000 (connection-backoff.md), from 100. */
  readonly maxBackoffMs: number;
  /** How many connections there are to one address as soon as there are calls. Default 1; calls go to the one with the fewest. */
  readonly connectionsPerAddress: number;
  /**
   * How many connections there may be to one address. A further one is made when those there are have as many calls as the
   * server allows on each, its MAX_CONCURRENT_STREAMS; calls wait when none may be made. Default 1 (gRFC A105). 1 to 100.
   */
  readonly maxConnectionsPerAddress: number;
  /**
   * After how long without a call the channel closes its connections and goes IDLE, in milliseconds. Default 1,800,000, half an
   * hour (gRFC A62); `Infinity` never; from 1,000.
   */
  readonly idleTimeoutMs: number;
  /**
   * How much time there is at least between two looks at what is behind a name, in milliseconds. Another look is taken when a
   * connection is lost or cannot be made. Default 30,000, as in grpc-go; from 1,000.
   */
  readonly minResolutionIntervalMs: number;
  /**
   * After how long another look is taken in any case, in milliseconds, give or take a fifth: so that new servers behind a name
   * get calls while the others are well. Default `Infinity`, never; from 1,000.
   */
  readonly resolutionPeriodMs: number;
  /**
   * After how many milliseconds without a byte from the server a connection that has calls is asked for a sign of life. Default
   * never (gRFC A8); less than 10,000 counts as that. Servers drop clients that ask too often: see their `permitKeepaliveTimeMs`.
   */
  readonly keepaliveTimeMs: number;
  /** How long it may take to give one, in milliseconds, before the calls fail UNAVAILABLE. Default 20,000, from 10. */
  readonly keepaliveTimeoutMs: number;
}

export const DEFAULT_CHANNEL_LIMITS: ChannelLimits = Object.freeze({
  maxReceiveBytes: 4 * 1024 * 1024,
  maxMessageValues: 250_000,
  maxSendBytes: Infinity,
  maxQueuedBytes: 4 * 1024 * 1024,
  maxRetryBufferBytes: 1024 * 1024,
  maxChannelRetryBufferBytes: 16 * 1024 * 1024,
  maxAttempts: 5,
  maxHeaderListBytes: 16 * 1024,
  maxHeaderPairs: 2000,
  streamWindowBytes: 256 * 1024,
  connectionWindowBytes: 1024 * 1024,
  connectTimeoutMs: 20_000,
  initialBackoffMs: 1000,
  maxBackoffMs: 120_000,
  connectionsPerAddress: 1,
  maxConnectionsPerAddress: 1,
  idleTimeoutMs: 30 * 60_000,
  minResolutionIntervalMs: 30_000,
  resolutionPeriodMs: Infinity,
  keepaliveTimeMs: Infinity,
  keepaliveTimeoutMs: 20_000,
});

/** The limits of what one call sends: "the smaller of the two" (service_config.proto). */
export function sendLimitsOf(limits: ChannelLimits, settings: MethodSettings | undefined): SendLimits {
  const bytes = settings?.maxSendBytes;
  if (bytes === undefined || bytes >= limits.maxSendBytes) return limits;
  return { maxSendBytes: bytes, maxQueuedBytes: limits.maxQueuedBytes };
}

/** The limits of what one call receives. */
export function receiveLimitsOf(limits: ChannelLimits, settings: MethodSettings | undefined): ReceiveLimits {
  const bytes = settings?.maxReceiveBytes;
  if (bytes === undefined || bytes >= limits.maxReceiveBytes) return limits;
  return { maxReceiveBytes: bytes, maxMessageValues: limits.maxMessageValues };
}

/** What a shorter keepalive time is raised to, in milliseconds. gRFC A8. */
export const MIN_KEEPALIVE_TIME_MS = 10_000;

/** What HTTP/2, Node and timers allow at most; and so many attempts that nobody can mean more. */
export const CHANNEL_LIMIT_MAXIMA = Object.freeze({
  maxAttempts: 1000,
  maxHeaderListBytes: MAX_SETTING,
  maxHeaderPairs: MAX_SETTING,
  streamWindowBytes: MAX_WINDOW_BYTES,
  connectionWindowBytes: MAX_WINDOW_BYTES,
  connectTimeoutMs: MAX_TIMER_MS,
  keepaliveTimeoutMs: MAX_TIMER_MS,
  initialBackoffMs: MAX_TIMER_MS,
  maxBackoffMs: MAX_TIMER_MS,
  connectionsPerAddress: 100,
  maxConnectionsPerAddress: 100,
});

/** What would expire at once, ask too often, or send nothing, with less. */
export const CHANNEL_LIMIT_MINIMA = Object.freeze({
  maxAttempts: 1,
  connectTimeoutMs: 1,
  keepaliveTimeoutMs: 10,
  initialBackoffMs: 100,
  maxBackoffMs: 100,
  connectionsPerAddress: 1,
  maxConnectionsPerAddress: 1,
  idleTimeoutMs: 1000,
  minResolutionIntervalMs: 1000,
  resolutionPeriodMs: 1000,
});

/** The keepalive time that is used when this is asked for, in milliseconds. */
export function keepaliveTimeFrom(askedMs: number): number {
  return Math.max(askedMs, MIN_KEEPALIVE_TIME_MS);
}
