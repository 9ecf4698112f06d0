/**
 * The server of `barewire`: that of `barewire/core`, with health and reflection.
 *
 * Laws: both are ordinary services, added first; neither costs a call of another service anything.
 */
import {
  type Implementation,
  Server as CoreServer,
  type ServerOptions as CoreOptions,
  type Service,
  type ServiceOptions,
} from "../core.js";
import { Health, HealthStatuses } from "./health.js";
import { addReflection, ServerReflection, ServerReflectionV1alpha } from "./reflection.js";

/** What a server can be told. */
export interface ServerOptions extends CoreOptions {
  /** Whether `grpc.health.v1.Health` is served. Default `true`. */
  readonly health?: boolean | undefined;
  /** Whether `grpc.reflection` (v1 and v1alpha) is served: it shows every service's contract to who can call it. Default `true`. */
  readonly reflection?: boolean | undefined;
}

/** What the server may have by itself, and the options that switch it off. */
const BUILT_IN: ReadonlyMap<string, "health" | "reflection"> = new Map([
  [Health.typeName, "health"],
  [ServerReflection.typeName, "reflection"],
  [ServerReflectionV1alpha.typeName, "reflection"],
]);

/** A gRPC server. */
export class Server extends CoreServer {
  /**
   * How each service is, as `grpc.health.v1.Health` tells it: SERVING once added, and NOT_SERVING from the beginning of
   * {@link close} on. `server.health.set("pkg.Service", "NOT_SERVING")`; the name `""` is the server as a whole.
   */
  readonly health: HealthStatuses;

  /** @throws TypeError for an option that does not exist or is not in range. */
  constructor(options: ServerOptions = {}) {
    const { health = true, reflection = true, ...core } = Object(options) as ServerOptions;
    const { onDrain } = core;
    const statuses = new HealthStatuses();
    const drain = (): void => {
      statuses.drain();
      onDrain?.();
    };
    // What is no object, and no function, is for the server below to refuse.
    const isUsable = typeof options === "object" && (onDrain === undefined || typeof onDrain === "function");
    super(isUsable ? { ...core, onDrain: drain } : options);
    this.health = statuses;
    if (flag("health", health)) this.add(Health, statuses.handlers());
    if (flag("reflection", reflection)) addReflection(this);
  }

  /**
   * Answers for a service. Methods that `implementation` leaves out answer UNIMPLEMENTED. It is SERVING, unless something else was
   * said in {@link health} before.
   *
   * @throws TypeError when a handler is not a function, has a name the service does not know, or the service is there already.
   */
  override add<S extends Service>(service: S, implementation: Implementation<S>, options?: ServiceOptions): this {
    const option = BUILT_IN.get(service?.typeName);
    if (option !== undefined && this.services.some(({ typeName }) => typeName === service.typeName)) {
      const advice = `make it with { ${option}: false } to add another`;
      throw new TypeError(`Cannot add ${service.typeName} as the server has it already: ${advice}`);
    }
    super.add(service, implementation, options);
    if (this.health.get(service) === undefined) this.health.set(service, "SERVING");
    return this;
  }
}

function flag(name: "health" | "reflection", value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new TypeError(`Cannot make a Server as ${name} must be true or false: current value is ${String(value)}`);
}
