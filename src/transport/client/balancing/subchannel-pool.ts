/**
 * The subchannels of a channel: one for each address, however many endpoints and policies have a use for it.
 *
 * Laws: an address keeps its connections and its backoff for as long as anybody has a use for it; the channel is closed only
 * once every connection is gone.
 */
import type { Address } from "../../address.js";
import type { CompletePick, PolicySubchannel } from "./balancer.js";
import type { ConnectFailure } from "../connecting/connect-failure.js";
import type { Connection } from "../connecting/connection.js";
import type { ConnectivityState } from "../connectivity.js";
import type { FreezeOwner } from "../connecting/freeze-watch.js";
import type { Lease } from "./placement.js";
import { Subchannel, type SubchannelOptions } from "../connecting/subchannel.js";

/** The channel above. */
export interface PoolOwner {
  /** Calls that found no room may find some there now. */
  roomMade(at: Subchannel): void;
  warn(warning: Error): void;
}

/** Who has a use for an address. */
interface Shared {
  readonly subchannel: Subchannel;
  readonly handles: Set<SubchannelHandle>;
}

/** All of a channel's subchannels. */
export class SubchannelPool implements FreezeOwner {
  readonly #options: SubchannelOptions;
  readonly #owner: PoolOwner;
  readonly #byAddress = new Map<string, Shared>();
  /** Those that nobody has a use for any more as well, until their connections are gone. */
  readonly #all = new Set<Subchannel>();
  readonly #closed: (() => void)[] = [];

  constructor(options: SubchannelOptions, owner: PoolOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** Every subchannel that has connections, or may have. */
  get all(): Iterable<Subchannel> {
    return this.#all;
  }

  /** A handle on the subchannel of an address. `changed` hears of its states until it is released, and `released` of that. */
  handle(address: Address, changed: () => void, released?: () => void): SubchannelHandle {
    const key = JSON.stringify(address);
    let shared = this.#byAddress.get(key);
    if (shared === undefined) {
      shared = this.#make(address);
      this.#byAddress.set(key, shared);
    }
    const { subchannel, handles } = shared;
    const handle: SubchannelHandle = new SubchannelHandle(subchannel, changed, () => {
      released?.();
      handles.delete(handle);
      if (handles.size > 0) return;
      if (this.#byAddress.get(key) === shared) this.#byAddress.delete(key);
      subchannel.shutDown();
    });
    handles.add(handle);
    return handle;
  }

  #make(address: Address): Shared {
    const handles = new Set<SubchannelHandle>();
    const subchannel: Subchannel = new Subchannel(address, this.#options, {
      stateChanged: () => {
        // Those that come meanwhile know the state already.
        const present = Array.from(handles);
        for (const handle of present) handle.changed();
      },
      roomMade: () => this.#owner.roomMade(subchannel),
      gone: () => {
        this.#all.delete(subchannel);
        if (this.#all.size === 0) for (const closed of this.#closed.splice(0)) closed();
      },
      warn: (warning) => this.#owner.warn(warning),
    });
    this.#all.add(subchannel);
    return { subchannel, handles };
  }

  *openConnections(): Iterable<Connection> {
    for (const subchannel of this.#all) yield* subchannel.connections;
  }

  doubt(connection: Connection): void {
    for (const subchannel of this.#all) subchannel.doubt(connection);
  }

  /** Lets running calls finish. Resolves when the last connection is gone. */
  async close(): Promise<void> {
    this.#byAddress.clear();
    for (const subchannel of this.#all) subchannel.shutDown();
    if (this.#all.size > 0) await new Promise<void>((resolve) => this.#closed.push(resolve));
  }

  /** Drops every connection. */
  destroy(): void {
    for (const subchannel of this.#all) subchannel.destroy();
  }
}

/** One policy's hold on a subchannel. */
export class SubchannelHandle implements PolicySubchannel {
  readonly #subchannel: Subchannel;
  readonly #changed: () => void;
  readonly #release: () => void;
  #released = false;

  constructor(subchannel: Subchannel, changed: () => void, release: () => void) {
    this.#subchannel = subchannel;
    this.#changed = changed;
    this.#release = release;
  }

  get address(): Address {
    return this.#subchannel.address;
  }

  get state(): ConnectivityState {
    return this.#subchannel.state;
  }

  get failure(): ConnectFailure | undefined {
    return this.#subchannel.failure;
  }

  get hasRoom(): boolean {
    return this.#subchannel.hasRoom;
  }

  get openCalls(): number {
    return this.#subchannel.openCalls;
  }

  connect(): void {
    if (!this.#released) this.#subchannel.connect();
  }

  /** A place there, if there is one right now. */
  take(pick: CompletePick | undefined, background = false): Lease | undefined {
    return this.#subchannel.take(pick, background);
  }

  /** The subchannel's state is another. */
  changed(): void {
    if (!this.#released) this.#changed();
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#release();
  }
}
