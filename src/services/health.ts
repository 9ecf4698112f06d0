/**
 * Health: whether the server, and each of its services, takes calls; asked for by load balancers and orchestrators.
 *
 * Spec: health-checking.md; gRFC A90 (List), A17 (what clients make of Watch).
 * Laws: a watcher gets the status at once and every change that it has time for, never the same one twice; nothing is kept for
 * a watcher whose stream has ended; once shut down, everything is NOT_SERVING until resumed.
 */
import { Code, type Implementation, type Service, StatusError } from "../core.js";
import type { Health } from "./gen/health.js";
import { quoted } from "./peer-text.js";

export {
  Health,
  type HealthCheckRequest,
  type HealthCheckRequestInit,
  type HealthCheckResponse,
  type HealthCheckResponseInit,
  type HealthListRequest,
  type HealthListRequestInit,
  type HealthListResponse,
  type HealthListResponseInit,
} from "./gen/health.js";

/** What can be said of a service. */
export type ServingStatus = "SERVING" | "NOT_SERVING" | "UNKNOWN";

/** "… may respond with a RESOURCE_EXHAUSTED": gRFC A90 names 100. */
const MAX_LISTED = 100;
/** Names beyond this are kept for nobody: a watcher of a service that is not known is as cheap as its stream. */
const MAX_NAME_CHARS = 1024;

const STATUSES: ReadonlySet<unknown> = new Set<ServingStatus>(["SERVING", "NOT_SERVING", "UNKNOWN"]);

/** One stream of Watch. */
interface Watcher {
  /** Has it look at the status again. */
  wake: () => void;
}

/**
 * The statuses of a server's services, and the service that tells them. The name `""` stands for the server as a whole, which is
 * SERVING from the start. `new Server()` of `barewire` has one, as `server.health`; for that of `barewire/core`:
 * `server.add(Health, statuses.handlers())`.
 */
export class HealthStatuses {
  readonly #statuses = new Map<string, ServingStatus>([["", "SERVING"]]);
  readonly #watchers = new Map<string, Set<Watcher>>();
  #isShutDown = false;
  #isDraining = false;

  /**
   * Says how a service is: by its full name, its descriptor, or `""` for the server as a whole. Changes nothing after
   * {@link shutdown}, but a name that is new is NOT_SERVING from then on.
   *
   * @throws TypeError when `status` is none of the three.
   */
  set(service: string | Service, status: ServingStatus): void {
    const name = nameOf(service);
    if (!STATUSES.has(status)) {
      throw new TypeError(
        `Cannot set the health of "${name}" as it must be SERVING, NOT_SERVING or UNKNOWN: current value is ${String(status)}`,
      );
    }
    this.#change(name, this.#isShutDown ? "NOT_SERVING" : status);
  }

  /** What was said of a service last, or `undefined` when nothing was. */
  get(service: string | Service): ServingStatus | undefined {
    return this.#statuses.get(nameOf(service));
  }

  /** Forgets a service: asked for it, the server knows it no longer. */
  delete(service: string | Service): void {
    const name = nameOf(service);
    if (this.#statuses.delete(name)) this.#wake(name);
  }

  /** Makes everything NOT_SERVING, and leaves it so: calls are still taken, but clients go elsewhere. */
  shutdown(): void {
    this.#isShutDown = true;
    for (const name of this.#statuses.keys()) this.#change(name, "NOT_SERVING");
  }

  /** Makes everything SERVING again after {@link shutdown}. */
  resume(): void {
    this.#isShutDown = false;
    for (const name of this.#statuses.keys()) this.#change(name, "SERVING");
  }

  /**
   * The server closes: as {@link shutdown}, and every Watch ends UNAVAILABLE when it has been told, as it would never end by
   * itself. To be called before clients are told to go: `new Server({ onDrain: () => statuses.drain() })`.
   */
  drain(): void {
    this.#isDraining = true;
    this.shutdown();
    for (const name of this.#watchers.keys()) this.#wake(name);
  }

  /** How many streams of Watch are open. */
  get watcherCount(): number {
    let count = 0;
    for (const watchers of this.#watchers.values()) count += watchers.size;
    return count;
  }

  /** What answers for {@link Health}. */
  handlers(): Implementation<Health> {
    return {
      check: ({ service }) => {
        const status = this.#statuses.get(service);
        if (status === undefined) throw new StatusError(Code.NOT_FOUND, `unknown service ${quoted(service)}`);
        return { status };
      },
      list: () => {
        if (this.#statuses.size > MAX_LISTED) {
          throw new StatusError(
            Code.RESOURCE_EXHAUSTED,
            `at most ${MAX_LISTED} services can be listed: there are ${this.#statuses.size}`,
          );
        }
        return { statuses: new Map([...this.#statuses].map(([name, status]) => [name, { status }])) };
      },
      watch: ({ service }, call) => this.#watch(service, call.signal),
    };
  }

  async *#watch(service: string, signal: AbortSignal): AsyncGenerator<{ status: ServingStatus | "SERVICE_UNKNOWN" }> {
    if (service.length > MAX_NAME_CHARS && !this.#statuses.has(service)) {
      throw new StatusError(Code.INVALID_ARGUMENT, `a service's name has at most ${MAX_NAME_CHARS} characters`);
    }
    const watcher: Watcher = { wake: ignore };
    const onAbort = (): void => watcher.wake();
    signal.addEventListener("abort", onAbort);
    this.#add(service, watcher);
    try {
      let told: string | undefined;
      while (!signal.aborted) {
        const status = this.#statuses.get(service) ?? "SERVICE_UNKNOWN";
        if (status !== told) {
          told = status;
          yield { status };
          // It may have changed while that was sent.
          continue;
        }
        if (this.#isDraining) throw new StatusError(Code.UNAVAILABLE, "the server is shutting down");
        await new Promise<void>((resolve) => (watcher.wake = resolve));
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#remove(service, watcher);
    }
  }

  #change(name: string, status: ServingStatus): void {
    if (this.#statuses.get(name) === status) return;
    this.#statuses.set(name, status);
    this.#wake(name);
  }

  #wake(name: string): void {
    for (const watcher of this.#watchers.get(name) ?? []) watcher.wake();
  }

  #add(name: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(name);
    if (watchers === undefined) this.#watchers.set(name, new Set([watcher]));
    else watchers.add(watcher);
  }

  #remove(name: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(name);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#watchers.delete(name);
  }
}

function nameOf(service: string | Service): string {
  return typeof service === "string" ? service : service.typeName;
}

function ignore(): void {}
