/**
 * A module of handlers: what it exports, and which service each export implements.
 *
 * Laws: the shapes are objects of methods by the service's name, one object as the default export, methods as exports, and
 * classes and functions that make such an object; what fits nothing is told with what was wanted and the nearest name.
 */
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Barewire from "../index.js";
import type { Schema, Server, Service } from "../index.js";
import { quoted } from "../services/peer-text.js";
import { explainLoadFailure } from "./load-failure.js";
import { suggestion, UsageError } from "./usage-error.js";

/** What a function or a class that makes handlers is given. */
export interface HandlersContext {
  /** Everything that `import "barewire"` has. */
  readonly barewire: typeof Barewire;
  /** What the `.proto` files declare. */
  readonly schema: Schema;
  /** The server, before it listens: for the health of a service, or services of one's own. */
  readonly server: Server;
}

/** The handlers of one service, and what to call the place they came from. */
export interface FoundHandlers {
  readonly service: Service;
  readonly implementation: object;
  readonly from: string;
}

/** The name and the value of an export that a module has for somebody to use. */
type Offer = readonly [name: string, value: unknown];

/** Imports a module and says what it implements. @throws UsageError */
export async function readHandlers(
  file: string,
  services: readonly Service[],
  context: HandlersContext,
): Promise<FoundHandlers[]> {
  const { fallback, offers } = sortExports(await load(file));
  const reader = new HandlersReader(file, services, context);
  const before = context.server.services.length;
  if (fallback !== undefined) await reader.readDefault(fallback);
  await reader.readNamed(offers);
  // A function may have added a service of its own.
  if (reader.found.length === 0 && context.server.services.length === before) throw reader.nothing(offers, fallback);
  return reader.found;
}

async function load(file: string): Promise<object> {
  try {
    return (await import(pathToFileURL(resolve(file)).href)) as object;
  } catch (error) {
    throw new UsageError(`--handlers ${quoted(file)} cannot be loaded: ${explainLoadFailure(error)}`, { cause: error });
  }
}

/** The default export and the others. A CommonJS module comes as its `module.exports`, by that name and by several others. */
function sortExports(namespace: object): { fallback: unknown; offers: Offer[] } {
  const own = (namespace as { default?: unknown }).default;
  const compiled = typeof own === "object" && own !== null && "__esModule" in own;
  const exports = Object.entries(compiled ? own : namespace);
  const fallback = exports.find(([name]) => name === "default")?.[1];
  const again = typeof fallback === "object" && fallback !== null ? new Set(Object.values(fallback)) : new Set();
  const offers = exports.filter(
    ([name, value]) => !["default", "module.exports", "__esModule"].includes(name) && !again.has(value),
  );
  return { fallback, offers };
}

class HandlersReader {
  readonly found: FoundHandlers[] = [];
  readonly #file: string;
  readonly #services: readonly Service[];
  readonly #context: HandlersContext;

  constructor(file: string, services: readonly Service[], context: HandlersContext) {
    this.#file = file;
    this.#services = services;
    this.#context = context;
  }

  /** The default export: handlers of one service, or of several by their names. */
  async readDefault(value: unknown): Promise<void> {
    const made = await this.#make(value, "the default export");
    // A function that has added its services itself has nothing to give.
    if (made === undefined && typeof value === "function") return;
    const handlers = this.#mustBeObject(made, "the default export");
    const entries = Object.entries(handlers);
    if (entries.length > 0 && entries.every(([name]) => this.#named(name).length > 0 && !this.#isMethod(name))) {
      for (const entry of entries) await this.#addNamed(entry);
    } else {
      this.#add(this.#implementedBy(handlers, "the default export"), handlers);
    }
  }

  /** The other exports: handlers by the name of their service, or methods as they stand. */
  async readNamed(offers: readonly Offer[]): Promise<void> {
    const methods = offers.filter(([name, value]) => isPlainFunction(value) && this.#isMethod(name));
    const named = offers.filter((offer) => !methods.includes(offer) && this.#named(offer[0]).length > 0);
    for (const offer of named) await this.#addNamed(offer);
    if (methods.length > 0) {
      const handlers = Object.fromEntries(methods);
      this.#add(this.#implementedBy(handlers, "the exported functions"), handlers);
    }
    for (const offer of offers) if (!methods.includes(offer) && !named.includes(offer)) this.#checkUnused(offer);
  }

  async #addNamed([name, value]: Offer): Promise<void> {
    const [service, other] = this.#named(name);
    if (service === undefined) return;
    if (other !== undefined) {
      const names = this.#named(name).map(({ typeName }) => typeName);
      throw this.#fault(`${name} is the name of ${list(names)}: export { … as "${names[0]}" }`);
    }
    this.#add(service, this.#mustBeObject(await this.#make(value, name), name));
  }

  #add(service: Service, implementation: object): void {
    if (this.found.some((one) => one.service === service))
      throw this.#fault(`it has handlers of ${service.typeName} twice`);
    this.found.push({ service, implementation, from: basename(this.#file) });
  }

  /** What a class or a function makes; any other value as it is. */
  async #make(value: unknown, what: string): Promise<unknown> {
    if (typeof value !== "function") return value;
    try {
      if (isClass(value)) return Reflect.construct(value, [this.#context]);
      return (await Reflect.apply(value, undefined, [this.#context])) as unknown;
    } catch (error) {
      throw this.#fault(`${what} failed: ${explainLoadFailure(error)}`, error);
    }
  }

  #mustBeObject(value: unknown, what: string): object {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
    const came = value === null ? "null" : Array.isArray(value) ? "a list" : typeof value;
    throw this.#fault(`${what} must be an object of handlers, or a class or function that makes one: it is ${came}`);
  }

  /** The one service that has all these methods. */
  #implementedBy(handlers: object, what: string): Service {
    const [only, ...more] = this.#services;
    // What is wrong in its handlers is for the server to say.
    if (only !== undefined && more.length === 0) return only;
    const names = methodNames(handlers);
    const fitting = this.#services.filter(({ methods }) => names.length > 0 && names.every((name) => name in methods));
    if (fitting.length === 1 && fitting[0] !== undefined) return fitting[0];
    const shown = names.length === 0 ? "no method" : list(names);
    if (fitting.length > 1) {
      const them = list(fitting.map(({ typeName }) => typeName));
      throw this.#fault(`${what} fits ${them}, as each has ${shown}: ${this.#howToName(fitting)}`);
    }
    const nearest = names.flatMap((name) => this.#nearestMethod(name)).at(0) ?? `: ${this.#howToName(this.#services)}`;
    throw this.#fault(`no service has ${shown}, which ${what} has${nearest}`);
  }

  #nearestMethod(name: string): string[] {
    if (this.#isMethod(name)) return [];
    const nearest = suggestion(name, this.#methodNames());
    return nearest === "" ? [] : [nearest];
  }

  #howToName(services: readonly Service[]): string {
    return `export handlers by the service's name, as in export const ${shortName(services[0])} = { … }`;
  }

  /** What is exported for others than us is none of our business, unless it was meant for us. */
  #checkUnused([name, value]: Offer): void {
    if (typeof value !== "function" && (typeof value !== "object" || value === null)) return;
    const taken = new Set(
      this.found.flatMap(({ service, implementation }) => [service, ...methodNames(implementation)]),
    );
    const free = this.#services.filter((service) => !taken.has(service)).map((service) => shortName(service));
    const methods = this.#methodNames().filter((method) => !taken.has(method));
    const nearest = suggestion(name, isPlainFunction(value) ? [...free, ...methods] : free);
    if (nearest !== "") throw this.#fault(`there is no service or method ${quoted(name)}${nearest}`);
  }

  /** The services that an export's name means: `Greeter`, `greeter`, or the full name. */
  #named(name: string): Service[] {
    return this.#services.filter(
      (service) => name === service.typeName || name === shortName(service) || name === lowered(shortName(service)),
    );
  }

  #isMethod(name: string): boolean {
    return this.#services.some(({ methods }) => Object.hasOwn(methods, name));
  }

  #methodNames(): string[] {
    return [...new Set(this.#services.flatMap(({ methods }) => Object.keys(methods)))];
  }

  /** The error of a module that implements nothing. */
  nothing(offers: readonly Offer[], fallback: unknown): UsageError {
    const names = [...(fallback === undefined ? [] : ["default"]), ...offers.map(([name]) => name)];
    const came = names.length === 0 ? "it exports nothing" : `it exports ${list(names)}`;
    const [service] = this.#services;
    const method = Object.keys(service?.methods ?? {})[0] ?? "method";
    const wanted = `export const ${shortName(service)} = { ${method}(request, call) { … } }`;
    return this.#fault(`it implements no service: ${came}; wanted is, for one, ${wanted}`);
  }

  #fault(text: string, cause?: unknown): UsageError {
    return new UsageError(`--handlers ${quoted(this.#file)}: ${text}`, { cause });
  }
}

/** Names of what may be methods: an object's own, and for an instance those of its class. */
export function methodNames(handlers: object): string[] {
  const names = new Set(Object.keys(handlers));
  let at = Object.getPrototypeOf(handlers) as object | null;
  for (; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null) {
    for (const name of Object.getOwnPropertyNames(at)) if (name !== "constructor") names.add(name);
  }
  return [...names].filter((name) => typeof (handlers as Record<string, unknown>)[name] === "function");
}

function isClass(value: unknown): value is new (context: HandlersContext) => object {
  return typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));
}

function isPlainFunction(value: unknown): boolean {
  return typeof value === "function" && !isClass(value);
}

function shortName(service: Service | undefined): string {
  return service?.typeName.split(".").at(-1) ?? "Service";
}

function lowered(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function list(names: readonly string[]): string {
  const shown = names.length > 8 ? [...names.slice(0, 7), `${names.length - 7} more`] : names;
  return shown.join(", ").replace(/, ([^,]+)$/, " and $1");
}
