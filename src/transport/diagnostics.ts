/**
 * Events of calls and connections on `node:diagnostics_channel`, for tools that watch a process from outside.
 *
 * Laws: nothing is made when nobody subscribes; who subscribes in the middle of a call hears nothing of it; the same `call` object
 * comes with all events of a call. Not the five channels of `TracingChannel`: those are about a function that returns.
 */
import { channel } from "node:diagnostics_channel";
import type { Peer } from "./call.js";
import type { Call, CallEnd, Interceptor } from "./intercept.js";

/** What `barewire:client:call:start` and `barewire:server:call:start` say. */
export interface CallStartEvent {
  readonly call: Call;
}

/** What `barewire:client:call:end` and `barewire:server:call:end` say. */
export interface CallEndEvent {
  readonly call: Call;
  readonly end: CallEnd;
}

/**
 * What `barewire:client:connection:open`, `barewire:server:connection:open` and the two with `close` say. A client's connection is open
 * when the server's SETTINGS have come; both events come with the same object.
 */
export interface ConnectionEvent {
  readonly peer: Peer;
}

type Side = Call["side"];

const CALL_START = { client: channel("barewire:client:call:start"), server: channel("barewire:server:call:start") };
const CALL_END = { client: channel("barewire:client:call:end"), server: channel("barewire:server:call:end") };
const CONNECTION_OPEN = {
  client: channel("barewire:client:connection:open"),
  server: channel("barewire:server:connection:open"),
};
const CONNECTION_CLOSE = {
  client: channel("barewire:client:connection:close"),
  server: channel("barewire:server:connection:close"),
};

/** The interceptors of a call, with the one that tells of it if anybody listens. */
export function announced(side: Side, interceptors: readonly Interceptor[]): readonly Interceptor[] {
  return watched(side) ? [announceAndGoOn, ...interceptors] : interceptors;
}

/** Whether anybody listens to calls. */
export function watched(side: Side): boolean {
  return CALL_START[side].hasSubscribers || CALL_END[side].hasSubscribers;
}

/** Tells that a call begins, and when it ends. */
export function announce(call: Call): void {
  CALL_START[call.side].publish({ call } satisfies CallStartEvent);
  call.onEnd((end) => CALL_END[call.side].publish({ call, end } satisfies CallEndEvent));
}

const announceAndGoOn: Interceptor = (call, next) => {
  announce(call);
  return next();
};

/** Tells that a connection is open. What is returned tells that it has closed; `undefined` when nobody listens. */
export function announceConnection(side: Side, peer: () => Peer): (() => void) | undefined {
  if (!CONNECTION_OPEN[side].hasSubscribers && !CONNECTION_CLOSE[side].hasSubscribers) return undefined;
  const event: ConnectionEvent = { peer: peer() };
  CONNECTION_OPEN[side].publish(event);
  return () => CONNECTION_CLOSE[side].publish(event);
}
