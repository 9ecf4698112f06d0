/**
 * Calls under a policy, with servers that misbehave and a clock that stands still, for the length of one test.
 */
import assert from "node:assert/strict";
import { Code, type Client, type Service, type StatusError } from "../../src/core.js";
import { Codings, PeerCodings } from "../../src/transport/codings.js";
import type { ClientCallOwner } from "../../src/transport/client/client-call.js";
import { createClient } from "../../src/transport/client/client.js";
import { DEFAULT_CHANNEL_LIMITS, type ChannelLimits } from "../../src/transport/client/limits.js";
import type {
  HedgingPolicy,
  MethodSettings,
  RetryPolicy,
} from "../../src/transport/client/settings/method-settings.js";
import type { Lease, Placement, Wish } from "../../src/transport/client/balancing/placement.js";
import { RetryBudget } from "../../src/transport/client/attempts/retry-buffer.js";
import type { RetryThrottle } from "../../src/transport/client/attempts/retry-throttle.js";
import { CallClock, type Clock, SYSTEM_CLOCK } from "../../src/transport/client/clock.js";
import { namingOf } from "../../src/transport/client/naming/naming.js";
import { chosenPolicy, policiesWith } from "../../src/transport/client/balancing/policies.js";
import { Router } from "../../src/transport/client/router.js";
import { configOf } from "../../src/transport/client/config-in-force.js";
import { FakeClock } from "./fake-clock.js";
import type { Field } from "./http2-hpack.js";
import { RawServer, type PeerOptions, type ServerPeer } from "./peer.js";
import { Wire } from "./peer-service.js";

/** Three attempts, 100 ms before the second, 200 ms before the third. */
export const RETRY: RetryPolicy = {
  maxAttempts: 3,
  initialBackoffMs: 100,
  maxBackoffMs: 1000,
  backoffMultiplier: 2,
  retryableCodes: [Code.UNAVAILABLE],
};

/** Three attempts, 50 ms apart. */
export const HEDGING: HedgingPolicy = {
  maxAttempts: 3,
  hedgingDelayMs: 50,
  nonFatalCodes: [Code.UNAVAILABLE],
};

/** The inside of a channel to one server. */
function routerTo(port: number, limits: ChannelLimits): Router {
  const policies = policiesWith();
  return new Router({
    ...namingOf(`127.0.0.1:${port}`, {}, 0, {}),
    limits,
    clock: SYSTEM_CLOCK,
    keepalive: { timeMs: limits.keepaliveTimeMs },
    policies,
    balancing: chosenPolicy(undefined, policies),
    config: configOf({}, policies),
    healthChecks: false,
    callOwner: () => assert.fail("no health is asked for"),
    warn: (warning) => assert.fail(warning),
  });
}

/** Places of one channel for each server, which attempts get in turn; it notes what comes back with them. */
export class Turns implements Placement {
  readonly #routers: readonly Router[];
  #next = 0;
  /** How often a place was asked for. */
  asked = 0;
  /** The codes that places were given back with. */
  readonly released: (Code | undefined)[] = [];
  /** What the next ones that ask get instead of a place. */
  readonly failures: { error: StatusError; final?: boolean }[] = [];
  /** The wishes that were asked for. */
  readonly wishes: Wish[] = [];

  constructor(routers: readonly Router[]) {
    this.#routers = routers;
  }

  take(wish: Wish): Lease | undefined {
    this.asked++;
    this.wishes.push(wish);
    if (this.failures.length > 0) return undefined;
    const lease = (this.#routers[this.#next] as Router).queue.take(wish);
    if (lease === undefined) return undefined;
    this.#turn();
    return this.#noted(lease);
  }

  wait(wish: Wish): void {
    const failure = this.failures.shift();
    if (failure !== undefined) {
      wish.failed(failure.error, failure.final);
      return;
    }
    const { queue } = this.#routers[this.#next] as Router;
    this.#turn();
    const { method, metadata, waitForReady } = wish;
    const stand: Wish = {
      ...{ method, metadata, waitForReady },
      ready: (lease: Lease) => wish.ready(this.#noted(lease)),
      failed: (error: StatusError, final?: boolean) => wish.failed(error, final),
    };
    this.#waiting.set(wish, () => queue.forget(stand));
    queue.wait(stand);
  }

  readonly #waiting = new Map<Wish, () => void>();

  forget(wish: Wish): void {
    this.#waiting.get(wish)?.();
    this.#waiting.delete(wish);
  }

  #turn(): void {
    this.#next = (this.#next + 1) % this.#routers.length;
  }

  #noted(lease: Lease): Lease {
    let released = false;
    return {
      connection: lease.connection,
      address: lease.address,
      retire: () => lease.retire(),
      suspect: () => lease.suspect(),
      release: (code) => {
        if (!released) this.released.push(code);
        released = true;
        lease.release(code);
      },
    };
  }
}

export interface Policed {
  readonly servers: readonly RawServer[];
  readonly server: RawServer;
  readonly client: Client<typeof Wire>;
  readonly clock: FakeClock;
  readonly turns: Turns;
  readonly budget: RetryBudget;
}

export interface PolicedOptions {
  readonly settings?: MethodSettings;
  readonly throttle?: RetryThrottle;
  readonly limits?: Partial<ChannelLimits>;
  readonly owner?: Partial<ClientCallOwner>;
  readonly servers?: number;
  readonly peer?: PeerOptions;
}

/** What calls ask for, without a channel around it. */
export function ownerOf(placement: Placement, clock: Clock, options: PolicedOptions): ClientCallOwner {
  const limits = { ...DEFAULT_CHANNEL_LIMITS, ...options.limits };
  return {
    limits,
    authority: "policed.test",
    codings: new Codings("Channel", undefined),
    peerCodings: new PeerCodings(),
    scheme: "http",
    credentials: undefined,
    mayCarryCredentials: true,
    propagate: true,
    placement,
    settings: () => options.settings,
    throttle: options.throttle,
    retryBudget: new RetryBudget(limits.maxChannelRetryBufferBytes),
    retryClock: clock,
    callUnobserved: (error) => assert.fail(`nobody observed ${String(error)}`),
    ...options.owner,
  };
}

/** Runs `use`; afterwards no call keeps anything to be sent again, and no timer runs. */
export async function policed(options: PolicedOptions, use: (policed: Policed) => Promise<void>): Promise<void> {
  const limits = { ...DEFAULT_CHANNEL_LIMITS, ...options.limits };
  const servers = await Promise.all(Array.from({ length: options.servers ?? 1 }, () => RawServer.listen(options.peer)));
  const routers = servers.map(({ port }) => routerTo(port, limits));
  const clock = new FakeClock();
  const turns = new Turns(routers);
  const owner = ownerOf(turns, clock, options);
  const budget = owner.retryBudget;
  const client = createClient(Wire, owner, []);
  try {
    await use({ servers, server: servers[0] as RawServer, client, clock, turns, budget });
    assert.equal(clock.pending, 0, "a timer still runs");
    assert.equal(budget.bytes, 0, "something is still kept to be sent again");
  } finally {
    const closed = routers.map((one) => one.destroy());
    await Promise.all(servers.map((one) => one.close()));
    await Promise.all(closed);
  }
}

/** The same with a server that is there already, whatever it is, and the clock of channels. `close` does what a channel's does. */
export async function policedAt<S extends Service>(
  service: S,
  port: number,
  settings: MethodSettings,
  use: (client: Client<S>, close: () => void) => Promise<void>,
): Promise<void> {
  const callClock = new CallClock();
  const router = routerTo(port, DEFAULT_CHANNEL_LIMITS);
  const owner = ownerOf(router.queue, callClock, { settings });
  try {
    await use(createClient(service, owner, []), () => {
      void router.close();
      callClock.hurry();
    });
    assert.equal(owner.retryBudget.bytes, 0, "something is still kept to be sent again");
  } finally {
    await router.destroy();
  }
}

/** Ends a call with a status and nothing before it. */
export function failWith(connection: ServerPeer, streamId: number, code: Code, ...more: readonly Field[]): void {
  const fields: Field[] = [
    [":status", "200"],
    ["content-type", "application/grpc"],
    ["grpc-status", String(code)],
    ["grpc-message", `failure on ${streamId}`],
    ...more,
  ];
  connection.headers(streamId, fields, { endStream: true });
}
