/**
 * The inside of a channel on a test's clock, with a resolver of the test's own and raw servers behind it.
 */
import { Code, type StatusError } from "../../src/codec/status.js";
import { ConfigInForce } from "../../src/transport/client/config-in-force.js";
import type { ConnectivityState } from "../../src/transport/client/connectivity.js";
import { DEFAULT_CHANNEL_LIMITS, type ChannelLimits } from "../../src/transport/client/limits.js";
import type { Lease, Wish } from "../../src/transport/client/balancing/placement.js";
import { chosenPolicy, policiesWith, type BalancingOption } from "../../src/transport/client/balancing/policies.js";
import type { BalancingPolicy } from "../../src/transport/client/balancing/balancer.js";
import type { Resolution, Resolver } from "../../src/transport/client/naming/resolver.js";
import { Router } from "../../src/transport/client/router.js";
import { FakeClock } from "./fake-clock.js";
import { CALL } from "./fake-host.js";
import { RawServer, type PeerOptions } from "./peer.js";

export interface RoutedOptions {
  readonly limits?: Partial<ChannelLimits>;
  readonly balancing?: BalancingOption;
  readonly policies?: readonly BalancingPolicy[];
  readonly resolver?: Resolver;
  readonly peer?: PeerOptions;
  /** How many servers. Default 1. */
  readonly servers?: number;
}

/** A call that has not begun: it has a lease, or waits, or has failed. */
export class WishedCall implements Wish {
  readonly method = CALL.method;
  readonly metadata = undefined;
  readonly waitForReady: boolean;
  lease: Lease | undefined;
  error: StatusError | undefined;
  isFinal: boolean | undefined;
  readonly settled: Promise<void>;
  #settle: () => void = () => undefined;

  constructor(waitForReady: boolean) {
    this.waitForReady = waitForReady;
    this.settled = new Promise((resolve) => (this.#settle = resolve));
  }

  ready(lease: Lease): void {
    this.lease = lease;
    this.#settle();
  }

  failed(error: StatusError, isFinal?: boolean): void {
    this.error = error;
    this.isFinal = isFinal;
    this.#settle();
  }

  /** `"waits"`, `"ready"`, or the name of the code it failed with. */
  get fate(): string {
    if (this.lease !== undefined) return "ready";
    if (this.error === undefined) return "waits";
    return Object.entries(Code).find(([, code]) => code === this.error?.code)?.[0] ?? "?";
  }
}

/** What a test has. */
export class Routed {
  readonly clock = new FakeClock();
  readonly servers: readonly RawServer[];
  readonly router: Router;
  readonly warnings: Error[] = [];
  /** Every state there was. */
  readonly states: ConnectivityState[] = ["IDLE"];
  /** What the resolver says. */
  resolution: Resolution;
  asked = 0;
  #isOver = false;

  constructor(servers: readonly RawServer[], options: RoutedOptions) {
    this.servers = servers;
    this.resolution = { endpoints: servers.map(({ port }) => `127.0.0.1:${port}`) };
    const registry = policiesWith(options.policies);
    const resolver: Resolver = (target, signal) => {
      this.asked++;
      return options.resolver?.(target, signal) ?? this.resolution;
    };
    const methods = new Map();
    this.router = new Router({
      limits: { ...DEFAULT_CHANNEL_LIMITS, ...options.limits },
      clock: this.clock,
      keepalive: { timeMs: Infinity },
      resolver,
      target: { text: "test:///x", scheme: "test", authority: "", path: "x", defaultPort: 443 },
      policies: registry,
      balancing: chosenPolicy(options.balancing, registry),
      config: new ConfigInForce({ policies: registry, methods, retryThrottling: undefined, defaultConfig: undefined }),
      healthChecks: true,
      callOwner: () => {
        throw new Error("no calls here");
      },
      warn: (warning) => this.warnings.push(warning),
    });
    void this.#watch();
  }

  async #watch(): Promise<void> {
    while (!this.#isOver && this.router.connectivity.state !== "SHUTDOWN") {
      const { state } = this.router.connectivity;
      await this.router.connectivity.changeFrom(state, {}, this.clock);
      this.states.push(this.router.connectivity.state);
    }
  }

  get state(): ConnectivityState {
    return this.router.connectivity.state;
  }

  /** Waits for a state. */
  async at(state: ConnectivityState): Promise<void> {
    while (this.state !== state) await this.router.connectivity.changeFrom(this.state, {}, this.clock);
  }

  /** Asks for a place, as a call does. */
  call(waitForReady = false): WishedCall {
    const call = new WishedCall(waitForReady);
    const lease = this.router.queue.take(call);
    if (lease === undefined) this.router.queue.wait(call);
    else call.ready(lease);
    return call;
  }

  async close(): Promise<void> {
    this.#isOver = true;
    const closed = this.router.destroy();
    await Promise.all(this.servers.map((server) => server.close()));
    await closed;
  }
}

/** Runs `use`; everything is closed afterwards. */
export async function routed(options: RoutedOptions, use: (routed: Routed) => Promise<void>): Promise<void> {
  const servers = await Promise.all(Array.from({ length: options.servers ?? 1 }, () => RawServer.listen(options.peer)));
  const one = new Routed(servers, options);
  try {
    await use(one);
  } finally {
    await one.close();
  }
}

/** Some turns of the loop, for what is not to happen. */
export async function turns(count = 10): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
