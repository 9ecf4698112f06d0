/**
 * Balancing: which server gets the next call. This file is what a policy is made of; `pick-first.ts` and `round-robin.ts` are two.
 *
 * Spec: load-balancing.md; client_channel_specification.md (LB Policies, Picker).
 * Laws: a policy decides when to connect to what, and hands the channel a picker each time that changes something; a picker
 * decides for one call, at once and without side effects on the wire; a picker never fails a call because a connection it
 * picked is gone: the channel asks again.
 */
import type { Address } from "../../address.js";
import type { Metadata } from "../../../codec/metadata.js";
import type { Method } from "../../../codec/method.js";
import type { StatusError } from "../../../codec/status.js";
import { unavailable, type ConnectFailure } from "../connecting/connect-failure.js";
import type { StreamCount } from "../connecting/lease.js";
import type { ConnectivityState } from "../connectivity.js";
import type { Endpoint } from "../naming/resolver.js";

/** A call that wants a server. */
export interface PickCall {
  readonly method: Method;
  /** What goes out with the call; `undefined` for none. */
  readonly metadata: Metadata | undefined;
}

/** What a picker says. */
export type Pick = CompletePick | { readonly kind: "queue" } | FailedPick;

/** The call goes to this server. Make one per server, not one per call: a picker is on every call's way. */
export interface CompletePick extends StreamCount {
  readonly kind: "complete";
  readonly subchannel: PolicySubchannel;
}

/** `"fail"` fails calls unless they wait for ready; `"drop"` fails these, too. */
export interface FailedPick {
  readonly kind: "fail" | "drop";
  /** Makes the error of one call. */
  error(): StatusError;
}

/** Decides, call by call. */
export interface Picker {
  /** Says where a call goes. Called for every attempt, so it must be quick. */
  pick(call: PickCall): Pick;
}

/** A server's address as a policy sees it. Its connections, backoff and limits are the channel's business. */
export interface PolicySubchannel {
  readonly address: Address;
  readonly state: ConnectivityState;
  /** Why the last attempt to connect failed. */
  readonly failure: ConnectFailure | undefined;
  /** Whether one more call would have a stream at once. */
  readonly hasRoom: boolean;
  /** How many calls run there now. */
  readonly openCalls: number;
  /** Connects, if it is IDLE; from there on it goes through CONNECTING to READY or TRANSIENT_FAILURE, and back to IDLE. */
  connect(): void;
  /** Says that the policy needs it no more. Its calls may finish. */
  release(): void;
}

/** What a server says of its own health. gRFC A17. */
export interface HealthWatch {
  /** What is asked about. */
  readonly service: string;
  /** CONNECTING until it has said anything. */
  readonly state: "CONNECTING" | "READY" | "TRANSIENT_FAILURE";
  readonly failure: ConnectFailure | undefined;
  /** Nothing more is to be heard. */
  stop(): void;
}

/** The channel, as far as a policy needs it. */
export interface BalancerHost {
  /** A subchannel to an address. `changed` hears of every change of its state until it is released. */
  subchannel(address: Address, changed: () => void): PolicySubchannel;
  /** From now on the channel is in this state, and calls are asked of this picker. */
  update(state: Exclude<ConnectivityState, "SHUTDOWN">, picker: Picker): void;
  /** The service that servers are asked about; `undefined` when nobody asks. */
  readonly healthService?: string | undefined;
  /**
   * Asks the server of a READY subchannel for its health, if the service config wants that, until `stop` of what is returned;
   * `changed` hears of every change.
   */
  watchHealth?(subchannel: PolicySubchannel, changed: () => void): HealthWatch | undefined;
  /** Asks for another look at what is behind the target. */
  resolveAgain(): void;
  /** Calls `run` after so many milliseconds, unless the function it returns is called before. Never keeps the process alive. */
  after(ms: number, run: () => void): () => void;
  /** Milliseconds since some moment, never backwards. */
  now(): number;
  /** A number from 0 up to, and not including, 1. */
  random(): number;
}

/** A policy at work in one channel. */
export interface Balancer<Config = unknown> {
  /** What there is to balance over, one endpoint at least: first when it begins, then whenever it changes. */
  update(endpoints: readonly Endpoint[], config: Config): void;
  /** The channel is asked to connect. */
  connect(): void;
  /** Releases every subchannel. Nothing is said to the host any more. */
  close(): void;
}

/** A policy, as it is registered under its name in the channel's option `policies`. */
export interface BalancingPolicy<Config = unknown> {
  /** What a service config calls it. */
  readonly name: string;
  /**
   * Reads its config as it stands in a service config's `loadBalancingConfig`, a JSON object.
   *
   * @throws Error that names the field that is wrong.
   */
  parseConfig(json: Readonly<Record<string, unknown>>): Config;
  /** Makes a balancer for a channel that begins to connect. */
  create(host: BalancerHost): Balancer<Config>;
}

/** The picker while there is nothing to pick from yet. */
export const QUEUE_PICKER: Picker = Object.freeze({ pick: () => QUEUE });
const QUEUE: Pick = Object.freeze({ kind: "queue" });

/** The picker while no server can be reached: `last` is the most recent failure, `all` has one for each address. */
export function failingPicker(last: ConnectFailure, all?: readonly ConnectFailure[]): Picker {
  const failed: FailedPick = { kind: "fail", error: () => unavailable(last, all) };
  return { pick: () => failed };
}
