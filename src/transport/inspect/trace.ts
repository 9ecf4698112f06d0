/**
 * What a proxy's connections are used for, as events.
 *
 * Laws: who is not to be told anything costs nothing but the copying; what is kept of a connection goes with it.
 */
import { ConnectionWatch, type ConnectionWatchOptions } from "./connection-watch.js";
import type { Side } from "./conversation.js";
import type { ArmedFault } from "./faults/fault-script.js";
import type { ProxyListener } from "./proxy.js";
import { type Broken, eventClock, type Hear } from "./wire-event.js";

/** How a {@link Trace} looks. */
export interface TraceOptions extends ConnectionWatchOptions {
  /** A promise to wait for before more is read, when those who hear cannot keep up. */
  readonly room?: (() => Promise<void> | undefined) | undefined;
  /** A clock: see {@link Hear}'s events. Default: the system's. */
  readonly now?: (() => number) | undefined;
}

/** Watches each connection of a proxy. */
export class Trace implements ProxyListener {
  readonly #hear: Hear;
  readonly #options: TraceOptions;
  readonly #now: () => number;
  readonly #connections = new Map<number, ConnectionWatch>();

  constructor(hear: Hear, options: TraceOptions = {}) {
    this.#hear = hear;
    this.#options = options;
    this.#now = options.now ?? eventClock;
  }

  accepted(connection: number, peer: string, local: string): void {
    const watch = new ConnectionWatch(connection, this.#hear, this.#options);
    this.#connections.set(connection, watch);
    watch.opened(this.#now(), peer, local);
  }

  handshakeFailed(peer: string, error: Error): void {
    this.#hear({ kind: "handshake-failed", atMs: this.#now(), peer, error });
  }

  connected(connection: number, remote: string): void {
    this.#connections.get(connection)?.connected(this.#now(), remote);
  }

  unreachable(connection: number, error: Error): void {
    this.#connections.get(connection)?.unreachable(this.#now(), error);
  }

  bytes(connection: number, from: Side, chunk: Buffer): Promise<void> | undefined {
    this.#connections.get(connection)?.push(from, chunk, this.#now());
    return this.#options.room?.();
  }

  halfClosed(connection: number, from: Side): void {
    this.#connections.get(connection)?.halfClosed(from, this.#now());
  }

  faulted(connection: number, fault: ArmedFault, call: { readonly streamId: number } | undefined): void {
    this.#connections.get(connection)?.faulted(this.#now(), fault.text, call?.streamId);
  }

  closed(connection: number, broken: Broken | undefined): void {
    const watch = this.#connections.get(connection);
    this.#connections.delete(connection);
    watch?.closed(this.#now(), broken);
  }
}
