/**
 * A subchannel: one address, its state, and the HTTP/2 sessions to it.
 *
 * Spec: client_channel_specification.md (Subchannel); connection-backoff.md; gRFC A105; RFC 9113 §5.1.2, §6.8.
 * Laws: a session is used only after the peer's SETTINGS; none is used after a GOAWAY; no more streams are opened than the
 * peer allows; there is one attempt to connect at a time, and none before its backoff is over.
 */
import type { FailedAttempt } from "../../../codec/failure-report.js";
import type { Address } from "../../address.js";
import type { Dial } from "../../dial.js";
import type { TapPoint } from "../../tap.js";
import { runOutside } from "../../propagation.js";
import { reasonOf } from "../../tls.js";
import { Backoff } from "./backoff.js";
import type { DialTls } from "./channel-tls.js";
import type { Clock } from "../clock.js";
import { connect, wantsCalm, type ConnectionOwner } from "./connect.js";
import { closedEarly, type ConnectFailure } from "./connect-failure.js";
import type { Connection } from "./connection.js";
import type { ConnectivityState } from "../connectivity.js";
import { KeepaliveTimer } from "./keepalive-timer.js";
import { StreamLease, type Lease, type Lessor, type StreamCount } from "./lease.js";
import { DEFAULT_CHANNEL_LIMITS, type ChannelLimits } from "../limits.js";
import type { Routes } from "./proxy-connect.js";
import { obstacleTo } from "./obstacle.js";
import { SignsOfLife } from "./signs-of-life.js";

/**
 * A session is replaced when it has opened this many streams. Its ids end at 2^31 - 1 and only odd ones are a client's; a
 * quarter of them is left for the calls that run at that time.
 */
export const MAX_STREAMS_OF_A_SESSION = 0.75 * 2 ** 30;

/**
 * States of a subchannel, and the ones each may go to. Source: client_channel_specification.md. READY goes to TRANSIENT_FAILURE
 * when the server hung up at once without having taken a call: to connect again at once would repeat that for ever.
 */
export const TRANSITIONS = Object.freeze({
  IDLE: ["CONNECTING", "SHUTDOWN"],
  CONNECTING: ["READY", "TRANSIENT_FAILURE", "SHUTDOWN"],
  READY: ["IDLE", "TRANSIENT_FAILURE", "SHUTDOWN"],
  TRANSIENT_FAILURE: ["IDLE", "SHUTDOWN"],
  SHUTDOWN: [],
} as const satisfies Record<ConnectivityState, readonly ConnectivityState[]>);

/** What all subchannels of a channel have in common. */
export interface SubchannelOptions {
  readonly limits: ChannelLimits;
  readonly clock: Clock;
  readonly tls?: DialTls | undefined;
  /** Opens its connections, instead of sockets of ours. */
  readonly dial?: Dial | undefined;
  /** Who is shown what passes. */
  readonly tap?: TapPoint | undefined;
  /** The proxy on the way to an address. */
  readonly routes?: Routes | undefined;
  /** After how long a silence keepalive asks. Grows when a server says that it is asked too often. */
  readonly keepalive: { timeMs: number };
  /** Whether keepalive asks while there is no call. */
  readonly keepaliveWithoutCalls?: boolean | undefined;
}

/** Whoever has the subchannel. */
export interface SubchannelOwner {
  /** Its state is another. */
  stateChanged(): void;
  /** A call that found no room may find some now. */
  roomMade(): void;
  /** It is shut down, and its last connection is gone. */
  gone(): void;
  /** Something that no call can be told. */
  warn(warning: Error): void;
}

/** One address. */
export class Subchannel implements ConnectionOwner, Lessor {
  readonly address: Address;
  readonly #options: SubchannelOptions;
  readonly #owner: SubchannelOwner;
  readonly #backoff: Backoff;
  readonly #signsOfLife: SignsOfLife;
  #state: ConnectivityState = "IDLE";
  #failure: ConnectFailure | undefined;
  /** Those that take calls. */
  #sessions: readonly Connection[] = [];
  #connecting: Connection | undefined;
  /** Nothing came of the last attempt: the next one has to wait. */
  #inTrouble = false;
  /** All that are open, those that only finish their calls as well. */
  readonly #open = new Set<Connection>();
  #stopBackoff: (() => void) | undefined;

  constructor(address: Address, options: SubchannelOptions, owner: SubchannelOwner) {
    this.address = address;
    this.#options = options;
    this.#owner = owner;
    const { initialBackoffMs, maxBackoffMs } = options.limits;
    this.#backoff = new Backoff({ initialMs: initialBackoffMs, maxMs: maxBackoffMs }, options.clock);
    this.#signsOfLife = new SignsOfLife({ alive: () => owner.roomMade(), retire: (one) => this.retire(one) });
  }

  get state(): ConnectivityState {
    return this.#state;
  }

  /** Why the last attempt to connect failed. */
  get failure(): ConnectFailure | undefined {
    return this.#failure;
  }

  /** Why a call has no place here; `undefined` where nothing is in its way. */
  get obstacle(): FailedAttempt | undefined {
    if (this.hasRoom) return undefined;
    return obstacleTo(this.address, this.#sessions[0], this.#failure, this.#connecting);
  }

  get connections(): Iterable<Connection> {
    return this.#open;
  }

  get hasRoom(): boolean {
    for (const one of this.#sessions) if (one.hasRoom) return true;
    return false;
  }

  /** Streams of calls that run now. */
  get openCalls(): number {
    let calls = 0;
    for (const { openStreams, backgroundStreams } of this.#open) calls += openStreams - backgroundStreams;
    return calls;
  }

  /** A session with room, if there is one right now. Who finds none hears of `roomMade`, if the state stays READY. */
  take(count?: StreamCount, background = false): Lease | undefined {
    const [only] = this.#sessions;
    if (only?.hasRoom === true && this.#sessions.length === this.#options.limits.connectionsPerAddress) {
      const best = this.#sessions.length === 1 ? only : leastUsed(this.#sessions);
      return this.#lease(best ?? only, count, background);
    }
    this.#tend();
    const best = leastUsed(this.#sessions);
    return best === undefined ? undefined : this.#lease(best, count, background);
  }

  #lease(connection: Connection, count: StreamCount | undefined, background: boolean): Lease {
    connection.openStreams++;
    if (background) connection.backgroundStreams++;
    else if (connection.openStreams - connection.backgroundStreams === 1) {
      connection.session.ref();
      connection.keepalive?.callStarted();
    }
    if (++connection.streams >= MAX_STREAMS_OF_A_SESSION) this.retire(connection);
    count?.started?.();
    return new StreamLease(this, connection, count, background);
  }

  /** A stream is over. */
  released(connection: Connection, background: boolean): void {
    connection.openStreams--;
    if (background) connection.backgroundStreams--;
    if (!connection.isDestroyed) {
      if (!connection.hasCalls) connection.session.unref();
      if (connection.openStreams === 0 && connection.retired) connection.closeSoon();
    }
    this.#owner.roomMade();
  }

  /** Looks after what {@link take} could not use: sessions that are gone, in doubt, full, or too few. */
  #tend(): void {
    for (const one of this.#sessions) {
      // Its 'close' comes a moment later, and Node 24 takes requests until then.
      if (one.isDestroyed) this.retire(one);
      else if (one.suspected) this.#signsOfLife.want(one);
    }
    const { connectionsPerAddress, maxConnectionsPerAddress } = this.#options.limits;
    const { length } = this.#sessions;
    const wanted = length < connectionsPerAddress || (length < maxConnectionsPerAddress && this.#isFull());
    const mayDial = !this.#inTrouble || this.#backoff.remainingMs === 0;
    if (this.#state === "READY" && wanted && mayDial) this.#dial();
  }

  /** A server that takes no streams at all would take none on another connection either. */
  #isFull(): boolean {
    return this.#sessions.every(({ openStreams, maxStreams }) => openStreams >= maxStreams && maxStreams > 0);
  }

  /** Connects, if it is IDLE. */
  connect(): void {
    if (this.#state !== "IDLE") return;
    this.#transition("CONNECTING");
    // Before dialing, which may fail at once.
    this.#owner.stateChanged();
    this.#dial();
  }

  #dial(): void {
    if (this.#connecting !== undefined || this.#state === "SHUTDOWN") return;
    const { tls, limits, clock, routes, dial: by, tap } = this.#options;
    if (!this.#inTrouble) this.#backoff.reset();
    this.#backoff.attempt();
    // "max(time to its backoff deadline, 20 s)"; who asks for less than 20 s means it.
    const { connectTimeoutMs } = limits;
    const isDefault = connectTimeoutMs === DEFAULT_CHANNEL_LIMITS.connectTimeoutMs;
    const timeoutMs = isDefault ? Math.max(connectTimeoutMs, this.#backoff.remainingMs) : connectTimeoutMs;
    try {
      const { address } = this;
      // The call that needs it first must not be what the connection happens in.
      const connection = runOutside(() =>
        connect({ address, tls, proxy: routes?.(address), by, tap, limits, clock, timeoutMs }, this),
      );
      connection.dueMs = clock.now() + this.#backoff.remainingMs;
      this.#connecting = connection;
      this.#open.add(connection);
    } catch (cause) {
      const { address } = this;
      this.#failed({ address, phase: "tcp", text: "cannot connect to the server", hint: reasonOf(cause), cause });
    }
  }

  /** Ends the waiting after a failure. The delays that follow go on from where they were. */
  resetBackoff(): void {
    if (this.#state === "TRANSIENT_FAILURE") this.#idle();
  }

  #transition(state: ConnectivityState): void {
    const legal: readonly ConnectivityState[] = TRANSITIONS[this.#state];
    if (!legal.includes(state)) throw new Error(`a subchannel cannot go from ${this.#state} to ${state}`);
    this.#state = state;
  }

  /** "READY only after the peer's SETTINGS": a TCP connection alone proves nothing. */
  settingsArrived(connection: Connection): void {
    if (this.#connecting !== connection) {
      this.#owner.roomMade();
      return;
    }
    // One that was given up meanwhile is about to close.
    if (connection.retired) return;
    this.#connecting = undefined;
    this.#inTrouble = false;
    this.#sessions = [...this.#sessions, connection];
    this.#keepAlive(connection);
    this.#failure = undefined;
    if (this.#state === "CONNECTING") {
      this.#transition("READY");
      this.#owner.stateChanged();
    } else {
      this.#owner.roomMade();
    }
    if (this.#sessions.length < this.#options.limits.connectionsPerAddress && this.#state === "READY") this.#dial();
  }

  goawayArrived(connection: Connection): void {
    if (wantsCalm(connection)) this.#calmDown();
    this.retire(connection);
  }

  #keepAlive(connection: Connection): void {
    const { keepalive, limits, keepaliveWithoutCalls = false } = this.#options;
    const { timeMs } = keepalive;
    if (timeMs === Infinity) return;
    const policy = { timeMs, timeoutMs: limits.keepaliveTimeoutMs, withoutCalls: keepaliveWithoutCalls };
    connection.keepalive = new KeepaliveTimer(policy, connection);
  }

  /** gRFC A8: on `too_many_pings` "the client should … double the keepalive time", for the connections to come. */
  #calmDown(): void {
    const { keepalive } = this.#options;
    keepalive.timeMs *= 2;
    const now = keepalive.timeMs === Infinity ? "off" : `${keepalive.timeMs} ms from now on`;
    this.#owner.warn(new Error(`the server closed a connection as it was pinged too often: keepalive is ${now}`));
  }

  /** Takes a connection out of use; its calls may finish. */
  retire(connection: Connection): void {
    connection.retire();
    if (this.#connecting === connection) {
      this.#connecting = undefined;
      this.#failed(this.#failureOf(connection));
    } else if (this.#sessions.includes(connection)) {
      this.#sessions = this.#sessions.filter((one) => one !== connection);
      this.#lost(connection);
    }
  }

  /** An attempt to connect came to nothing. */
  #failed(failure: ConnectFailure): void {
    this.#failure = failure;
    this.#inTrouble = true;
    if (this.#state === "CONNECTING") this.#backOff();
    else this.#wakeWaiting();
  }

  /** Calls may wait for a further connection: they ask again once it may be made. */
  #wakeWaiting(): void {
    if (this.#state !== "READY") return;
    this.#stopBackoff?.();
    const waitMs = this.#inTrouble ? this.#backoff.remainingMs : 0;
    this.#stopBackoff = this.#options.clock.after(waitMs, () => this.#owner.roomMade());
  }

  #lost(connection: Connection): void {
    // One that took no call at all, and left before the next attempt is due, is no better than one that never was.
    this.#inTrouble = connection.streams === 0 && this.#options.clock.now() < connection.dueMs;
    if (this.#inTrouble) this.#failure = this.#failureOf(connection);
    if (this.#state !== "READY") return;
    if (this.#sessions.length > 0) this.#wakeWaiting();
    else if (this.#inTrouble) this.#backOff();
    else this.#idle();
  }

  #idle(): void {
    this.#stopBackoff?.();
    this.#transition("IDLE");
    this.#owner.stateChanged();
  }

  #backOff(): void {
    this.#transition("TRANSIENT_FAILURE");
    this.#stopBackoff?.();
    this.#stopBackoff = this.#options.clock.after(this.#backoff.remainingMs, () => this.#idle());
    this.#owner.stateChanged();
  }

  #failureOf(connection: Connection): ConnectFailure {
    const { address } = this;
    const { phase, socket, lost = "it gave no reason" } = connection;
    return { address, phase, ...(connection.failure ?? closedEarly(this.#options.tls, socket, lost)) };
  }

  /**
   * Hears from a call that nothing came of a connection for as long as it ran. New calls wait until the peer has given a sign
   * of life; without one the connection is dropped.
   */
  suspect(connection: Connection): void {
    this.#signsOfLife.suspect(connection);
  }

  /** The process has been frozen for long: the peer may be gone, and is asked before its connection is used again. */
  doubt(connection: Connection): void {
    connection.suspected ||= this.#sessions.includes(connection);
  }

  connectionClosed(connection: Connection): void {
    this.retire(connection);
    this.#open.delete(connection);
    if (this.#state === "SHUTDOWN" && this.#open.size === 0) this.#owner.gone();
  }

  /** Ends: no more calls; those that run may finish. */
  shutDown(): void {
    if (this.#state === "SHUTDOWN") return;
    this.#transition("SHUTDOWN");
    this.#stopBackoff?.();
    this.#sessions = [];
    this.#connecting = undefined;
    for (const connection of this.#open) {
      connection.retire();
      if (!connection.isReady) {
        connection.drop("the channel was closed");
        continue;
      }
      // A call that ran is still owed its answer; the process stays until it has it.
      if (connection.openStreams === 0 && !connection.isDestroyed) connection.session.ref();
      connection.closeSoon();
    }
    if (this.#open.size === 0) this.#owner.gone();
  }

  /** Drops every connection. */
  destroy(): void {
    this.shutDown();
    for (const connection of this.#open) connection.drop("the channel was destroyed");
  }
}

function leastUsed(sessions: readonly Connection[]): Connection | undefined {
  let best: Connection | undefined;
  for (const one of sessions) {
    if (one.hasRoom && (best === undefined || one.openStreams < best.openStreams)) best = one;
  }
  return best;
}
