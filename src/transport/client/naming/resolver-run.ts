/**
 * Runs a resolver for a channel: asks it, asks again when there is reason to, and takes whatever it answers.
 *
 * Spec: client_channel_specification.md (Name Resolvers); connection-backoff.md (delays after a failure).
 * Laws: one question at a time; never more often than the interval allows; a resolver that throws, hangs or answers nonsense is a
 * failure with a reason, and is asked again after a backoff.
 */
import { DEFAULT_PORT } from "./target.js";
import { parseAddress, type Address } from "../../address.js";
import { Backoff } from "../connecting/backoff.js";
import type { Clock } from "../clock.js";
import type { ConnectFailure } from "../connecting/connect-failure.js";
import type { Endpoint, EndpointInit, Resolution, Resolver, ResolverTarget } from "./resolver.js";

/** How long a resolver may take for its first answer, in milliseconds. */
const TIMEOUT_MS = 30_000;
/** The jitter of the period: so that not all clients ask at the same time. */
const JITTER = 0.2;

/** How often is asked. */
export interface ResolutionLimits {
  readonly minResolutionIntervalMs: number;
  readonly resolutionPeriodMs: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
}

/** The channel above. */
export interface ResolverOwner {
  /** What was found, one endpoint at least. `false`: it is of no use, and must be asked for again. */
  resolved(endpoints: readonly Endpoint[], serviceConfig: unknown): boolean;
  /** Nothing could be found out, or there is nothing. `isEmpty`: there is nothing, for certain. */
  unresolved(failure: ConnectFailure, isEmpty: boolean): void;
}

/** One resolver at work. */
export class ResolverRun {
  readonly #resolver: Resolver;
  readonly #target: ResolverTarget;
  readonly #limits: ResolutionLimits;
  readonly #clock: Clock;
  readonly #owner: ResolverOwner;
  readonly #backoff: Backoff;
  /** The question that is being asked. */
  #asking: AbortController | undefined;
  /** When the last answer came. */
  #answeredMs = -Infinity;
  #isStopped = false;
  #stopTimer: (() => void) | undefined;
  #stopTimeout: (() => void) | undefined;

  constructor(
    resolver: Resolver,
    target: ResolverTarget,
    limits: ResolutionLimits,
    clock: Clock,
    owner: ResolverOwner,
  ) {
    this.#resolver = resolver;
    this.#target = target;
    this.#limits = limits;
    this.#clock = clock;
    this.#owner = owner;
    this.#backoff = new Backoff({ initialMs: limits.initialBackoffMs, maxMs: limits.maxBackoffMs }, clock);
  }

  /** Asks for the first time. */
  start(): void {
    this.#ask();
  }

  /** Asks again, as soon as the interval allows. */
  askAgain(): void {
    if (this.#isStopped || this.#asking !== undefined || this.#backoff.remainingMs > 0) return;
    const waitMs = this.#answeredMs + this.#limits.minResolutionIntervalMs - this.#clock.now();
    if (waitMs <= 0) this.#ask();
    else this.#askIn(waitMs);
  }

  /** If the last question failed, asks again without waiting for the backoff. */
  askNow(): void {
    if (!this.#isStopped && this.#asking === undefined && this.#backoff.remainingMs > 0) this.#ask();
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopTimer?.();
    this.#stopTimeout?.();
    this.#asking?.abort(new Error("nobody wants the answer any more"));
  }

  #askIn(ms: number): void {
    this.#stopTimer?.();
    this.#stopTimer = this.#clock.after(ms, () => {
      if (this.#asking === undefined) this.#ask();
    });
  }

  #ask(): void {
    this.#stopTimer?.();
    this.#backoff.attempt();
    const asking = new AbortController();
    this.#asking = asking;
    this.#stopTimeout = this.#clock.after(TIMEOUT_MS, () => {
      const error = new Error(`the resolver gave no answer within ${TIMEOUT_MS} ms`);
      this.#unless(asking, () => this.#failed(error));
      asking.abort(error);
    });
    try {
      const answer: unknown = this.#resolver(this.#target, asking.signal);
      if (isAsyncIterable(answer)) void this.#follow(answer, asking);
      else if (isPromiseLike(answer)) void this.#await(answer, asking);
      else this.#answered(answer, asking);
    } catch (error) {
      this.#unless(asking, () => this.#failed(error));
    }
  }

  async #await(answer: PromiseLike<unknown>, asking: AbortController): Promise<void> {
    try {
      const resolution = await answer;
      this.#unless(asking, () => this.#answered(resolution, asking));
    } catch (error) {
      this.#unless(asking, () => this.#failed(error));
    }
  }

  /** Takes one answer after the other, until there are no more: the last one stays. */
  async #follow(answers: AsyncIterable<unknown>, asking: AbortController): Promise<void> {
    try {
      let isAnswered = false;
      for await (const resolution of answers) {
        if (this.#asking !== asking || this.#isStopped) return;
        isAnswered = true;
        this.#stopTimeout?.();
        this.#take(resolution);
      }
      this.#unless(asking, () => {
        if (isAnswered) this.#settled();
        else this.#failed(new Error("the resolver ended without an answer"));
      });
    } catch (error) {
      this.#unless(asking, () => this.#failed(error));
    }
  }

  /** Runs `then` unless the question has been given up. */
  #unless(asking: AbortController, then: () => void): void {
    if (this.#asking === asking && !this.#isStopped) then();
  }

  #answered(resolution: unknown, asking: AbortController): void {
    if (this.#take(resolution)) this.#unless(asking, () => this.#settled());
    else this.#retry();
  }

  /** Says whether there was something to take. */
  #take(resolution: unknown): boolean {
    const { endpoints, serviceConfig } = readResolution(resolution);
    this.#answeredMs = this.#clock.now();
    if (endpoints.length === 0) {
      this.#owner.unresolved(failureOf(new Error("the resolver found no address")), true);
      return false;
    }
    return this.#owner.resolved(endpoints, serviceConfig);
  }

  /** The question is answered; the next one comes by period, if at all. */
  #settled(): void {
    this.#stopTimeout?.();
    this.#asking = undefined;
    this.#backoff.reset();
    const { resolutionPeriodMs } = this.#limits;
    if (resolutionPeriodMs === Infinity) return;
    this.#askIn(resolutionPeriodMs * (1 + JITTER * (2 * this.#clock.random() - 1)));
  }

  #failed(error: unknown): void {
    this.#owner.unresolved(failureOf(error), false);
    this.#retry();
  }

  #retry(): void {
    this.#stopTimeout?.();
    this.#asking = undefined;
    if (!this.#isStopped) this.#askIn(this.#backoff.remainingMs);
  }
}

function failureOf(cause: unknown): ConnectFailure {
  const hint = cause instanceof Error ? cause.message : String(cause);
  return { address: undefined, phase: "dns", text: "the server's name could not be resolved", hint, cause };
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Takes an answer apart. @throws TypeError when it is none. */
function readResolution(value: unknown): { endpoints: Endpoint[]; serviceConfig: unknown } {
  const { endpoints, serviceConfig } = (value ?? {}) as Partial<Resolution>;
  if (!Array.isArray(endpoints)) {
    throw new TypeError(
      `Cannot use what the resolver gave as it must be an object with endpoints, an array: current value is ${shown(value)}`,
    );
  }
  return { endpoints: endpoints.map(readEndpoint), serviceConfig };
}

function readEndpoint(init: EndpointInit): Endpoint {
  if (!isEndpoint(init)) return { addresses: [readAddress(init)] };
  const { addresses, weight, attributes } = init;
  if (!Array.isArray(addresses) || addresses.length === 0) {
    throw new TypeError(
      `Cannot use an endpoint as it must have an address at least: current value is ${shown(addresses)}`,
    );
  }
  if (weight !== undefined && !(weight > 0 && weight < Infinity)) {
    throw new TypeError(`Cannot use an endpoint's weight as it must be more than 0: current value is ${shown(weight)}`);
  }
  return { addresses: addresses.map(readAddress), weight, attributes };
}

function isEndpoint(init: unknown): init is Exclude<EndpointInit, string | Address> {
  return typeof init === "object" && init !== null && "addresses" in init;
}

function readAddress(init: unknown): Address {
  if (typeof init === "string") return parseAddress(init, DEFAULT_PORT);
  const { kind, host, port, path } = (init ?? {}) as Record<string, unknown>;
  if (kind === "unix" && typeof path === "string" && path !== "") return { kind, path };
  const isPort = typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65_536;
  if (kind === "tcp" && typeof host === "string" && isPort) return { kind, host, port };
  throw new TypeError(
    `Cannot use an endpoint's address as it must be "host:port", "unix:path", { kind: "tcp", host, port } or ` +
      `{ kind: "unix", path }: current value is ${shown(init)}`,
  );
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return value === null || typeof value === "number" ? String(value) : typeof value;
}
