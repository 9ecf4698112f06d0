/**
 * The inside of a channel: finds out where the servers are, has them balanced, and lets calls wait for one.
 *
 * Spec: client_channel_specification.md; connectivity-semantics-and-api.md; naming.md.
 * Laws: nothing is resolved and nothing connected before there is a call or a request to connect; what was known stays in use
 * when nothing newer can be had.
 */
import type { FailedAttempt } from "../../codec/failure-report.js";
import { runOutside } from "../propagation.js";
import { failingPicker, QUEUE_PICKER, type HealthWatch, type Picker } from "./balancing/balancer.js";
import { ClientHealth } from "./client-health.js";
import type { ClientCallOwner } from "./client-call.js";
import type { Clock } from "./clock.js";
import { failedAttempt, MAX_TOLD, type ConnectFailure } from "./connecting/connect-failure.js";
import { Connectivity, type ConnectivityState } from "./connectivity.js";
import { FreezeWatch } from "./connecting/freeze-watch.js";
import { IdleWatch, type Busy } from "./idle-watch.js";
import { PickQueue } from "./balancing/pick-queue.js";
import type { ConfigInForce } from "./config-in-force.js";
import type { ChosenPolicy, PolicyRegistry } from "./balancing/policies.js";
import { PolicySwitch, type PolicySwitchOwner } from "./balancing/policy-switch.js";
import { ResolverRun, type ResolverOwner } from "./naming/resolver-run.js";
import type { Endpoint, Resolver, ResolverTarget } from "./naming/resolver.js";
import type { Subchannel, SubchannelOptions } from "./connecting/subchannel.js";
import { SubchannelPool, type SubchannelHandle, type PoolOwner } from "./balancing/subchannel-pool.js";

/** What a channel's inside is made of. */
export interface RouterOptions extends SubchannelOptions {
  readonly resolver: Resolver;
  readonly target: ResolverTarget;
  readonly policies: PolicyRegistry;
  /** How calls are spread, unless the service config says it. */
  readonly balancing: ChosenPolicy;
  readonly config: ConfigInForce;
  /** Whether servers are asked for their health where the service config wants that. */
  readonly healthChecks: boolean;
  /** What calls of the channel's own are made with. */
  readonly callOwner: () => ClientCallOwner;
  /** Hears what nobody's call can be told. */
  readonly warn: (warning: Error) => void;
}

/** The inside of one channel. */
export class Router implements PoolOwner, PolicySwitchOwner, ResolverOwner, Busy {
  readonly #options: RouterOptions;
  readonly clock: Clock;
  readonly connectivity = new Connectivity();
  readonly queue = new PickQueue(
    () => this.#wanted(),
    () => this.#obstacles(),
  );
  readonly pool: SubchannelPool;
  readonly #policies = new PolicySwitch(this);
  readonly #idleWatch: IdleWatch;
  readonly #freezeWatch: FreezeWatch;
  #resolving: ResolverRun | undefined;
  /** Why the last question where the servers are came to nothing. */
  #unresolved: ConnectFailure | undefined;
  #complaint: string | undefined;
  #hasHealthWarning = false;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.pool = new SubchannelPool(options, this);
    this.#idleWatch = new IdleWatch(options.limits.idleTimeoutMs, options.clock, this, () => this.#goIdle());
    this.#freezeWatch = new FreezeWatch(options.clock, this.pool);
  }

  /** Leaves IDLE, if that is where it is; and counts the time without calls anew. */
  connect(): void {
    if (this.connectivity.state === "SHUTDOWN") return;
    this.#idleWatch.start();
    if (this.connectivity.state === "IDLE") this.#wake();
  }

  /** Connects, and tries what is in trouble again without waiting. */
  connectNow(): void {
    this.connect();
    this.#resolving?.askNow();
    for (const subchannel of this.pool.all) subchannel.resetBackoff();
  }

  /** What calls wait for: each address that is not ready, or the name. */
  #obstacles(): readonly FailedAttempt[] {
    const obstacles: FailedAttempt[] = [];
    for (const subchannel of this.pool.all) {
      if (subchannel.obstacle !== undefined) obstacles.push(subchannel.obstacle);
      if (obstacles.length === MAX_TOLD) break;
    }
    if (obstacles.length > 0) return obstacles;
    if (this.#unresolved !== undefined) return [failedAttempt(this.#unresolved)];
    if (this.connectivity.state !== "CONNECTING") return [];
    return [{ address: undefined, phase: "dns", reason: "the resolver has not answered yet" }];
  }

  #wanted(): void {
    if (this.connectivity.state === "IDLE") this.connect();
  }

  #wake(): void {
    if (this.#resolving !== undefined) {
      this.#policies.connect();
      return;
    }
    const { resolver, target, limits, clock } = this.#options;
    this.connectivity.set("CONNECTING");
    this.#freezeWatch.start();
    this.#resolving = new ResolverRun(resolver, target, limits, clock, this);
    // What a resolver does is not done for the call that needed it first.
    runOutside(() => this.#resolving?.start());
  }

  resolved(endpoints: readonly Endpoint[], serviceConfig: unknown): boolean {
    const { config } = this.#options;
    if (!config.resolved(serviceConfig)) {
      this.unresolved(badConfig(config.refused), false);
      return false;
    }
    this.#complain(config.refused);
    this.#unresolved = undefined;
    const { policy, config: settings } = this.#chosen();
    this.#policies.update(policy, settings, endpoints);
    return true;
  }

  /** "The service config overrides the policy that the application chose." */
  #chosen(): ChosenPolicy {
    const { config, policies, balancing } = this.#options;
    const asked = config.config.balancing;
    const policy = asked === undefined ? undefined : policies.get(asked.policy);
    return asked === undefined || policy === undefined ? balancing : { policy, config: asked.settings };
  }

  /** A config that was refused while there is another one: nobody's call hears of it. */
  #complain(refused: Error | undefined): void {
    if (refused !== undefined && refused.message !== this.#complaint) this.warn(refused);
    this.#complaint = refused?.message;
  }

  unresolved(failure: ConnectFailure, isEmpty: boolean): void {
    this.#unresolved = failure;
    if (isEmpty) this.#policies.close();
    if (!this.#policies.isRunning) this.picked("TRANSIENT_FAILURE", failingPicker(failure));
  }

  get healthService(): string | undefined {
    const { healthChecks, config } = this.#options;
    return healthChecks ? config.config.healthServiceName : undefined;
  }

  watchHealth(handle: SubchannelHandle, changed: () => void): HealthWatch | undefined {
    const service = this.healthService;
    if (service === undefined) return undefined;
    const callOwner = this.#options.callOwner();
    const warn = (warning: Error): void => {
      // Every server of the kind would say it, whenever it is connected.
      if (!this.#hasHealthWarning) this.warn(warning);
      this.#hasHealthWarning = true;
    };
    return new ClientHealth({ handle, service, callOwner, clock: this.clock, changed, warn });
  }

  resolveAgain(): void {
    this.#resolving?.askAgain();
  }

  picked(state: Exclude<ConnectivityState, "SHUTDOWN">, picker: Picker): void {
    if (this.connectivity.state === "SHUTDOWN") return;
    this.connectivity.set(state);
    this.queue.setPicker(picker);
    if (state === "IDLE" && this.queue.size > 0) this.#wanted();
  }

  roomMade(at: Subchannel): void {
    this.queue.roomMade(at);
  }

  warn(warning: Error): void {
    this.#options.warn(warning);
  }

  get isBusy(): boolean {
    if (this.queue.size > 0) return true;
    for (const { openCalls } of this.pool.all) if (openCalls > 0) return true;
    return false;
  }

  get callsSoFar(): number {
    return this.queue.taken;
  }

  /** "Drop the policy, the connections and the resolver." */
  #goIdle(): void {
    this.#stop();
    this.connectivity.set("IDLE");
  }

  #stop(): void {
    this.#idleWatch.stop();
    this.#freezeWatch.stop();
    this.#resolving?.stop();
    this.#resolving = undefined;
    this.#policies.close();
    this.queue.setPicker(QUEUE_PICKER);
  }

  /** Ends: waiting calls fail now, running ones may finish. Resolves when the last connection is gone. */
  async close(): Promise<void> {
    this.#stop();
    this.connectivity.set("SHUTDOWN");
    this.queue.close();
    await this.pool.close();
  }

  /** Drops every connection. */
  async destroy(): Promise<void> {
    const closed = this.close();
    this.pool.destroy();
    await closed;
  }
}

function badConfig(cause: Error | undefined): ConnectFailure {
  const hint = cause?.message ?? "it gave no reason";
  return { address: undefined, phase: "dns", text: "the service config of the target cannot be used", hint, cause };
}
