/**
 * A tap: who is shown the bytes of a connection as HTTP/2 has them, inside of TLS.
 *
 * Laws: a floor above hands it down as a value; where there is none, nothing is made, asked or copied; it only looks, and one that
 * throws is not shown any more of that connection.
 */
import type { Duplex } from "node:stream";
import type { MessageType } from "../codec/method.js";

/** An end of a connection. */
export type TapSide = "client" | "server";

/** The types of a method's messages. */
export interface TappedMethod {
  readonly request: MessageType;
  readonly response: MessageType;
}

/** What a {@link Tap} is told of a connection before it begins. */
export interface TappedEnd {
  /** Which end this process has. */
  readonly side: TapSide;
  /** The types of a method by its path, where this end knows it. */
  methodOf(path: string): TappedMethod | undefined;
}

/** Hears of one connection. */
export interface TapListener {
  /** There is a way to the other end. Addresses are `host:port`, or say what else it is. */
  opened(local: string, remote: string): void;
  /** Bytes that `from` sent, which must not be written to. A promise has its next ones wait. */
  bytes(from: TapSide, chunk: Uint8Array): Promise<void> | undefined;
  /** `from` has said that no more comes. */
  halfClosed(from: TapSide): void;
  /** It is gone, also where it never was opened. `error` is what broke it, if anything did. */
  closed(error: Error | undefined): void;
}

/** Looks at connections: what a server or a channel may be given, such as `inspector()` of `barewire/inspect`. */
export interface Tap {
  /** A connection is about to be made: what hears of it, or `undefined` when nobody wants to. */
  connection(end: TappedEnd): TapListener | undefined;
}

/** A tap of one server or channel, with what it needs of it. */
export interface TapPoint extends TappedEnd {
  readonly tap: Tap;
  /** Hears what the tap throws. */
  failed(error: unknown): void;
}

/** @throws TypeError when it cannot be one. */
export function checkTap(tap: unknown): void {
  if (tap === undefined) return;
  if (typeof tap === "object" && tap !== null && typeof (tap as Partial<Tap>).connection === "function") return;
  throw new TypeError("Cannot use option tap as it must have a function connection, as what inspector() returns has");
}

/** What hears of a connection at a point, guarded; `undefined` when nobody does. */
export function listenAtTap(point: TapPoint): TapListener | undefined {
  let listener: TapListener | undefined;
  const fail = (error: unknown): void => {
    listener = undefined;
    point.failed(error);
  };
  const guarded = <Result>(call: () => Result): Result | undefined => {
    try {
      return call();
    } catch (error) {
      fail(error);
      return undefined;
    }
  };
  listener = guarded(() => point.tap.connection({ side: point.side, methodOf: (path) => point.methodOf(path) }));
  if (listener === undefined) return undefined;
  // Whatever it returns although its type says otherwise: only a promise is waited for, and one that fails is heard.
  const settled = (result: unknown): Promise<void> | undefined =>
    result instanceof Promise ? (result as Promise<void>).catch(fail) : undefined;
  return {
    opened: (local, remote) => void settled(guarded(() => listener?.opened(local, remote))),
    bytes: (from, chunk) => settled(guarded(() => listener?.bytes(from, chunk))),
    halfClosed: (from) => void settled(guarded(() => listener?.halfClosed(from))),
    closed: (error) => void settled(guarded(() => listener?.closed(error))),
  };
}

/** The two ends of a stream, as far as it knows them. */
export function endsOf(stream: Duplex): { readonly local: string; readonly remote: string } {
  const { localAddress, localPort, remoteAddress, remotePort } = stream as Partial<
    Record<"localAddress" | "remoteAddress", string> & Record<"localPort" | "remotePort", number>
  >;
  return { local: endOf(localAddress, localPort), remote: endOf(remoteAddress, remotePort) };
}

function endOf(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return "a local stream";
  return address.includes(":") ? `[${address}]:${port ?? 0}` : `${address}:${port ?? 0}`;
}
