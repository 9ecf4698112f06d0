/**
 * A channel: the client's virtual connection to a target.
 *
 * Spec: connectivity-semantics-and-api.md; naming.md.
 * Laws: nothing is connected before the first call; a call finds a connection or the reason why there is none.
 */
import type { Service } from "../../codec/method.js";
import { StatusError } from "../../codec/status.js";
import { isLoopback, parseAddress, type Address } from "../address.js";
import { Codings, PeerCodings, type CompressionOptions } from "../codings.js";
import { checkCallback, checkFlag, checkOptions, numbersFrom } from "../options.js";
import type { CallCredentials } from "./call-credentials.js";
import { checkAuthority, defaultAuthority } from "./authority.js";
import { dialTlsOf, type ChannelTls, type DialTls } from "./channel-tls.js";
import type { ClientCallOwner } from "./client-call.js";
import type { Client } from "./calls.js";
import { createClient } from "./client.js";
import {
  CHANNEL_LIMIT_MAXIMA,
  CHANNEL_LIMIT_MINIMA,
  DEFAULT_CHANNEL_LIMITS,
  keepaliveTimeFrom,
  type ChannelLimits,
} from "./limits.js";
import { RetryBudget } from "./retry-buffer.js";
import { RetryTimers } from "./retry-clock.js";
import { Subchannel } from "./subchannel.js";

/** What a channel can be told. Every limit of {@link ChannelLimits} is an option as well. */
export interface ChannelOptions extends Partial<ChannelLimits> {
  /**
   * `true` or more encrypts; the server's certificate is always verified. `false` says that plaintext is meant: it is the
   * default to loopback addresses and unix sockets only, any other host needs the word.
   */
  readonly tls?: boolean | ChannelTls | undefined;
  /** What `:authority` says instead of the target; with TLS, its host is what the server's certificate must be for. */
  readonly authority?: string | undefined;
  /** Which codings responses may use, and in which requests are sent. Default: gzip and deflate are taken, none is sent. */
  readonly compression?: CompressionOptions | undefined;
  /** Says who is calling, in metadata that is made for every attempt. Not sent in plaintext: such a call is UNAUTHENTICATED. */
  readonly credentials?: CallCredentials | undefined;
  /** Sends credentials in plaintext all the same, where the network keeps them private. Default `false`. */
  readonly credentialsInPlaintext?: boolean | undefined;
  /** Whether keepalive asks for signs of life while there is no call, too. Default `false`: most servers do not permit it. */
  readonly keepaliveWithoutCalls?: boolean | undefined;
  /**
   * `false` follows no retry or hedging policy, wherever it comes from. A call that no server took is sent again all the same, as
   * no handler can have seen it.
   */
  readonly retry?: boolean | undefined;
  /**
   * Hears of failed calls that nobody awaits, and of servers that complain of too many PINGs. Default: one line and the stack on
   * stderr. `path` is the method's, or the target.
   */
  readonly onError?: ((error: unknown, path: string) => void) | undefined;
}

/** "Port defaults to 443" (naming.md). */
const DEFAULT_PORT = 443;

/** A client's way to one target. */
export class Channel {
  /** The target as it was given. */
  readonly target: string;
  readonly #subchannel: Subchannel;
  readonly #onError: (error: unknown, path: string) => void;
  readonly #callOwner: ClientCallOwner;
  readonly #retryTimers = new RetryTimers();

  /**
   * `target` is `"host:port"`, `"[v6]:port"` or `"unix:path"`.
   *
   * @throws TypeError when it is none of them, for an option that does not exist or cannot be used, and for a host that is not
   * this machine when `tls` does not say what is meant.
   */
  constructor(target: string, options: ChannelOptions = {}) {
    checkOptions("Channel", options, [
      "tls",
      "authority",
      "compression",
      "credentials",
      "credentialsInPlaintext",
      "keepaliveWithoutCalls",
      "retry",
      "onError",
      ...Object.keys(DEFAULT_CHANNEL_LIMITS),
    ]);
    const address = parseAddress(target, DEFAULT_PORT);
    checkAuthority(options.authority);
    const authority = options.authority ?? defaultAuthority(target, address);
    const tls = tlsFor(target, address, options.tls, authority);
    checkCallback("onError", options.onError);
    checkFlag("retry", options.retry);
    checkFlag("keepaliveWithoutCalls", options.keepaliveWithoutCalls);
    checkCallback("credentials", options.credentials);
    checkFlag("credentialsInPlaintext", options.credentialsInPlaintext);
    this.target = target;
    const asked = numbersFrom(DEFAULT_CHANNEL_LIMITS, options, CHANNEL_LIMIT_MAXIMA, CHANNEL_LIMIT_MINIMA);
    const limits = { ...asked, keepaliveTimeMs: keepaliveTimeFrom(asked.keepaliveTimeMs) };
    this.#onError = options.onError ?? printError;
    const { keepaliveWithoutCalls } = options;
    const warn = (warning: Error): void => this.#report(warning, target);
    this.#subchannel = new Subchannel(address, limits, { tls, keepaliveWithoutCalls, warn });
    this.#callOwner = {
      limits,
      codings: new Codings("Channel", options.compression),
      peerCodings: new PeerCodings(),
      authority,
      scheme: tls === undefined ? "http" : "https",
      credentials: options.credentials,
      mayCarryCredentials: tls !== undefined || options.credentialsInPlaintext === true,
      placement: this.#subchannel,
      retry: options.retry,
      retryClock: this.#retryTimers,
      retryBudget: new RetryBudget(limits.maxChannelRetryBufferBytes),
      callUnobserved: (error, path) => this.#report(error, path),
    };
  }

  /** The methods of a service as functions. Cheap; connects nothing. */
  client<S extends Service>(service: S): Client<S> {
    return createClient(service, this.#callOwner);
  }

  #report(error: unknown, path: string): void {
    try {
      this.#onError(error, path);
    } catch (second) {
      printError(second, path);
    }
  }

  /** Takes no new calls (they fail UNAVAILABLE); running ones may finish. Resolves when every connection is gone. */
  close(): Promise<void> {
    const closed = this.#subchannel.close();
    this.#retryTimers.hurry();
    return closed;
  }

  /** Closes now: running calls fail UNAVAILABLE. */
  async destroy(): Promise<void> {
    const closed = this.close();
    this.#subchannel.destroy();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** What the option says; to other machines it must say something. */
function tlsFor(target: string, address: Address, option: unknown, authority: string): DialTls | undefined {
  if (option === true || (typeof option === "object" && option !== null && !Array.isArray(option))) {
    return dialTlsOf(option, authority);
  }
  if (option === false || (option === undefined && isLoopback(address))) return undefined;
  if (option !== undefined) {
    const shown = option === null ? "null" : Array.isArray(option) ? "an array" : typeof option;
    throw new TypeError(`Cannot use option tls as it must be true, false or an object: current value is ${shown}`);
  }
  throw new TypeError(
    `Cannot make a Channel to ${target} as it must be said whether the connection is encrypted: pass "tls: true" for TLS, ` +
      `or "tls: false" for plaintext on purpose`,
  );
}

function printError(error: unknown, path: string): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const what = error instanceof StatusError ? `${path} failed and nobody awaited it` : path;
  process.stderr.write(`barewire: ${what}: ${text}\n`);
}
