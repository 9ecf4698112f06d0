/**
 * A channel: the client's virtual connection to a target.
 *
 * Spec: connectivity-semantics-and-api.md; naming.md.
 * Laws: nothing is connected before the first call; a call finds a connection or the reason why there is none.
 */
import type { Method, Service } from "../../codec/method.js";
import { StatusError } from "../../codec/status.js";
import { Codings, PeerCodings, type CompressionOptions } from "../codings.js";
import type { Dial } from "../dial.js";
import { interceptorsFrom, type Interceptor } from "../intercept.js";
import { checkCallback, checkFlag, checkOptions, numbersFrom } from "../options.js";
import { startPropagation } from "../propagation.js";
import { checkTap, type Tap, type TapPoint } from "../tap.js";
import type { CallCredentials } from "./call-credentials.js";
import { checkAuthority } from "./connecting/authority.js";
import { dialTlsOf, type ChannelTls, type DialTls } from "./connecting/channel-tls.js";
import type { ClientCallOwner } from "./client-call.js";
import type { Client } from "./calls.js";
import { createClient } from "./client.js";
import { CallClock, SYSTEM_CLOCK } from "./clock.js";
import { checkWaitOptions, type ConnectivityState, type WaitOptions } from "./connectivity.js";
import type { BalancingPolicy } from "./balancing/balancer.js";
import {
  CHANNEL_LIMIT_MAXIMA,
  CHANNEL_LIMIT_MINIMA,
  DEFAULT_CHANNEL_LIMITS,
  keepaliveTimeFrom,
  type ChannelLimits,
} from "./limits.js";
import { namingOf, NAMING_OPTIONS, type NamingOptions } from "./naming/naming.js";
import { chosenPolicy, policiesWith, type BalancingOption } from "./balancing/policies.js";
import { RetryBudget } from "./attempts/retry-buffer.js";
import { Router } from "./router.js";
import { configOf } from "./config-in-force.js";
import { SETTINGS_OPTIONS, type SettingsOptions } from "./settings/settings-options.js";
import type { Target } from "./naming/target.js";

/** What a channel can be told. Every limit of {@link ChannelLimits} is an option as well. */
export interface ChannelOptions extends Partial<ChannelLimits>, NamingOptions, SettingsOptions {
  /**
   * `true` or more encrypts; the server's certificate is always verified. `false` says that plaintext is meant: it is the
   * default to loopback addresses and unix sockets only, any other host needs the word.
   */
  readonly tls?: boolean | ChannelTls | undefined;
  /**
   * Opens the byte stream of every connection, instead of a socket of the channel's own: a tunnel, a stream in the same process, a
   * socket with options. It is given what the resolver has found, and no proxy is asked. What it returns belongs to the channel. An
   * exception, or a stream that fails, is a failed connection.
   */
  readonly dial?: Dial | undefined;
  /** Is shown every byte of its connections, as `inspector()` of `barewire/inspect` prints them. Default: nobody is, and nothing is spent on it. */
  readonly tap?: Tap | undefined;
  /** What `:authority` says instead of the target; with TLS, its host is what the server's certificate must be for. */
  readonly authority?: string | undefined;
  /** Which codings responses may use, and in which requests are sent. Default: gzip and deflate are taken, none is sent. */
  readonly compression?: CompressionOptions | undefined;
  /** Says who is calling, in metadata that is made for every attempt. Not sent in plaintext: such a call is UNAUTHENTICATED. */
  readonly credentials?: CallCredentials | undefined;
  /** Sends credentials in plaintext all the same, where the network keeps them private. Default `false`. */
  readonly credentialsInPlaintext?: boolean | undefined;
  /**
   * How calls are spread over the servers behind the target: `"pick_first"` (default) sends all to the first that can be reached.
   * An object has a config as well: `{ policy: "pick_first", shuffleAddressList: true }`.
   */
  readonly balancing?: BalancingOption | undefined;
  /** Balancing policies of one's own, for option `balancing` and for service configs. */
  readonly policies?: readonly BalancingPolicy[] | undefined;
  /**
   * `false` asks no server for its health, whatever the service config says. Default `true`: where its `healthCheckConfig` names a
   * service and calls are spread over several servers, those that are not SERVING get none (gRFC A17).
   */
  readonly healthChecks?: boolean | undefined;
  /** Whether keepalive asks for signs of life while there is no call, too. Default `false`: most servers do not permit it. */
  readonly keepaliveWithoutCalls?: boolean | undefined;
  /** Functions around every call, the first of them outermost. Retries happen inside them. Default: none. */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /**
   * Whether a call made inside a handler ends with the handler's call: at its deadline, and when it is cancelled. Default `true`.
   * `false` for all channels of a process saves what it costs to know inside which call one is: see docs/propagation.md.
   */
  readonly propagate?: boolean | undefined;
  /**
   * `false` follows no retry or hedging policy, wherever it comes from. A call that no server took is sent again all the same, as
   * no handler can have seen it.
   */
  readonly retry?: boolean | undefined;
  /**
   * Whether the errors of calls say where in the application the call was made, in `stack` and when they are printed. Default
   * `false`, as it costs each call some microseconds to keep that; and nothing is kept while `Error.stackTraceLimit` is 0.
   */
  readonly callSites?: boolean | undefined;
  /**
   * Hears of failed calls that nobody awaits, and of servers that complain of too many PINGs. Default: one line and the stack on
   * stderr. `path` is the method's, or the target.
   */
  readonly onError?: ((error: unknown, path: string) => void) | undefined;
}

/** What one client of a channel can be told. */
export interface ClientOptions {
  /** Functions around the calls of this client, inside the channel's own. Default: none. */
  readonly interceptors?: readonly Interceptor[] | undefined;
}

/** A client's way to one target. */
export class Channel {
  /** The target as it was given; addresses of a list with commas between them. */
  readonly target: string;
  readonly #router: Router;
  readonly #onError: (error: unknown, path: string) => void;
  readonly #callOwner: ClientCallOwner;
  readonly #callClock = new CallClock();
  readonly #interceptors: readonly Interceptor[];
  #tappedMethods: Map<string, Method> | undefined;

  /**
   * `target` is a name, `"host:port"`, which is looked up in the DNS; `"ipv4:…"` or `"ipv6:…"` with addresses, `"unix:path"`, a list
   * of addresses, or what one of the option `resolvers` knows. See docs/targets.md.
   *
   * @throws TypeError when it is none of them, for an option that does not exist or cannot be used, and for a host that is not
   * this machine when `tls` does not say what is meant.
   */
  constructor(target: string | readonly string[], options: ChannelOptions = {}) {
    checkOptions("Channel", options, [
      "tls",
      "dial",
      "tap",
      "authority",
      "compression",
      "credentials",
      "credentialsInPlaintext",
      "balancing",
      "policies",
      "healthChecks",
      "keepaliveWithoutCalls",
      "retry",
      "interceptors",
      "propagate",
      "callSites",
      "onError",
      ...NAMING_OPTIONS,
      ...SETTINGS_OPTIONS,
      ...Object.keys(DEFAULT_CHANNEL_LIMITS),
    ]);
    const naming = namingOf(target, options, Math.random());
    checkAuthority(options.authority);
    const authority = options.authority ?? naming.target.serverName;
    const tls = tlsFor(naming.target, options.tls, authority);
    checkCallback("onError", options.onError);
    checkCallback("dial", options.dial);
    checkTap(options.tap);
    checkFlag("retry", options.retry);
    checkFlag("healthChecks", options.healthChecks);
    checkFlag("keepaliveWithoutCalls", options.keepaliveWithoutCalls);
    checkCallback("credentials", options.credentials);
    checkFlag("credentialsInPlaintext", options.credentialsInPlaintext);
    checkFlag("propagate", options.propagate);
    checkFlag("callSites", options.callSites);
    this.#interceptors = interceptorsFrom(options.interceptors);
    const propagate = options.propagate !== false;
    if (propagate) startPropagation();
    this.target = naming.target.text;
    const asked = numbersFrom(DEFAULT_CHANNEL_LIMITS, options, CHANNEL_LIMIT_MAXIMA, CHANNEL_LIMIT_MINIMA);
    const limits = { ...asked, keepaliveTimeMs: keepaliveTimeFrom(asked.keepaliveTimeMs) };
    this.#onError = options.onError ?? printError;
    const { keepaliveWithoutCalls } = options;
    const warn = (warning: Error): void => this.#report(warning, this.target);
    const policies = policiesWith(options.policies);
    const config = configOf(options, policies);
    this.#router = new Router({
      limits,
      clock: SYSTEM_CLOCK,
      tls,
      dial: options.dial,
      tap: options.tap === undefined ? undefined : this.#tapPoint(options.tap),
      keepalive: { timeMs: limits.keepaliveTimeMs },
      keepaliveWithoutCalls,
      ...naming,
      policies,
      balancing: chosenPolicy(options.balancing, policies),
      config,
      healthChecks: options.healthChecks ?? true,
      callOwner: () => this.#callOwner,
      warn,
    });
    this.#callOwner = {
      limits,
      codings: new Codings("Channel", options.compression),
      peerCodings: new PeerCodings(),
      authority,
      scheme: tls === undefined ? "http" : "https",
      credentials: options.credentials,
      mayCarryCredentials: tls !== undefined || options.credentialsInPlaintext === true,
      placement: this.#router.queue,
      settings: (method) => config.settingsOf(method.path),
      get throttle() {
        return config.throttle;
      },
      retry: options.retry,
      retryClock: this.#callClock,
      retryBudget: new RetryBudget(limits.maxChannelRetryBufferBytes),
      propagate,
      target: this.target,
      callSites: options.callSites,
      callUnobserved: (error, path) => this.#report(error, path),
    };
  }

  /** Only a channel with a tap keeps in mind what its clients can call. */
  #tapPoint(tap: Tap): TapPoint {
    const methods = (this.#tappedMethods = new Map<string, Method>());
    const failed = (error: unknown): void => this.#report(error, "tap");
    return { tap, side: "client", methodOf: (path) => methods.get(path), failed };
  }

  /** What the channel is at the moment: `"IDLE"` until there is a call, or {@link Channel.connect}. */
  get state(): ConnectivityState {
    return this.#router.connectivity.state;
  }

  /**
   * Connects if the channel is idle, ends the waiting between attempts if it is in trouble, and counts the time without calls anew.
   * Does nothing once it is closed. What becomes of it, {@link Channel.waitForStateChange} tells.
   */
  connect(): void {
    this.#router.connectNow();
  }

  /**
   * Waits until the state is another than `from`: `true`, at once if it is already. `false` when the time is up or the signal is
   * aborted. A state that did not last may be missed, the last one never. Does not connect, and does not keep the process alive.
   *
   * @throws TypeError for options that cannot be used.
   */
  waitForStateChange(from: ConnectivityState, options: WaitOptions = {}): Promise<boolean> {
    checkWaitOptions(options);
    return this.#router.connectivity.changeFrom(from, options, this.#router.clock);
  }

  /** The state now, then each as it changes, until SHUTDOWN or `signal`. One that did not last may be left out. */
  async *states(signal?: AbortSignal): AsyncGenerator<ConnectivityState, void, undefined> {
    for (let seen = this.state; ; seen = this.state) {
      yield seen;
      if (seen === "SHUTDOWN" || !(await this.waitForStateChange(seen, { signal }))) return;
    }
  }

  /** The methods of a service as functions. Cheap; connects nothing. @throws TypeError for an option that cannot be used. */
  client<S extends Service>(service: S, options: ClientOptions = {}): Client<S> {
    checkOptions("client", options, ["interceptors"]);
    const interceptors = [...this.#interceptors, ...interceptorsFrom(options.interceptors)];
    for (const method of this.#tappedMethods === undefined ? [] : Object.values(service.methods)) {
      this.#tappedMethods?.set(method.path, method);
    }
    return createClient(service, this.#callOwner, interceptors);
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
    const closed = this.#router.close();
    this.#callClock.hurry();
    return closed;
  }

  /** Closes now: running calls fail UNAVAILABLE. */
  destroy(): Promise<void> {
    const closed = this.#router.destroy();
    this.#callClock.hurry();
    return closed;
  }

  /** {@link Channel.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** What the option says; to other machines it must say something. */
function tlsFor(target: Target, option: unknown, authority: string): DialTls | undefined {
  if (option === true || (typeof option === "object" && option !== null && !Array.isArray(option))) {
    return dialTlsOf(option, authority);
  }
  if (option === false || (option === undefined && target.isLocal)) return undefined;
  if (option !== undefined) {
    const shown = option === null ? "null" : Array.isArray(option) ? "an array" : typeof option;
    throw new TypeError(`Cannot use option tls as it must be true, false or an object: current value is ${shown}`);
  }
  throw new TypeError(
    `Cannot make a Channel to ${target.text} as it must be said whether the connection is encrypted: pass "tls: true" for TLS, ` +
      `or "tls: false" for plaintext on purpose`,
  );
}

function printError(error: unknown, path: string): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const what = error instanceof StatusError ? `${path} failed and nobody awaited it` : path;
  process.stderr.write(`barewire: ${what}: ${text}\n`);
}
