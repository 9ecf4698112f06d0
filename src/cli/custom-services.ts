/**
 * The services of `barewire serve --proto F --handlers F`: what the files declare, answered by what the modules export.
 *
 * Laws: a service nobody implements is served all the same, is NOT_SERVING, and is told of at the start.
 */
import { join, resolve } from "node:path";
import * as barewire from "../index.js";
import { loadProto, type Schema, type Server, type Service } from "../index.js";
import { ReflectionIndex } from "../services/reflection-index.js";
import { type FoundHandlers, readHandlers } from "./handlers-module.js";
import { shareOwnPackage } from "./own-package.js";
import { UsageError } from "./usage-error.js";

/** The flags, as they were given. */
export interface CustomFlags {
  readonly proto: readonly string[];
  readonly handlers: readonly string[];
  readonly include: readonly string[];
}

/** What was added to a server. */
export interface CustomServices {
  /** The services with handlers first. */
  readonly services: readonly Service[];
  /** Lines on who answers for what. */
  readonly lines: readonly string[];
}

/** Adds every service to `server`. @throws UsageError */
export async function addCustomServices(server: Server, flags: CustomFlags): Promise<CustomServices> {
  const schema = load(flags);
  const declared = schema.services;
  if (declared.length === 0) throw new UsageError(`--proto ${flags.proto.join(", ")}: there is no service in it`);
  shareOwnPackage();
  const found: FoundHandlers[] = [];
  for (const file of flags.handlers) {
    for (const one of await readHandlers(file, declared, { barewire, schema, server })) {
      const other = found.find(({ service }) => service === one.service);
      if (other !== undefined)
        throw new UsageError(
          `${one.service.typeName} has handlers in ${other.from} and in ${one.from}: one is too much`,
        );
      found.push(one);
    }
  }
  for (const { service, implementation, from } of found) add(server, service, implementation, from);
  const added = new Set(server.services.map(({ typeName }) => typeName));
  const without = ownServices(schema, flags).filter(({ typeName }) => !added.has(typeName));
  for (const service of without) {
    server.health.set(service, "NOT_SERVING");
    server.add(service, {});
  }
  return {
    services: [...found.map(({ service }) => service), ...without],
    lines: [...found.flatMap(describeFound), ...without.map(describeMissing)],
  };
}

function load({ proto, include }: CustomFlags): Schema {
  try {
    return loadProto(proto, { includeDirs: include });
  } catch (error) {
    throw asUsageError(error);
  }
}

function add(server: Server, service: Service, implementation: object, from: string): void {
  try {
    server.add(service, implementation);
  } catch (error) {
    throw asUsageError(error, `${from}: `);
  }
}

/** What the library refuses is told by its author's mistakes; anything else is ours. */
function asUsageError(error: unknown, before = ""): unknown {
  if (!(error instanceof Error) || !error.message.startsWith("Cannot ")) return error;
  return new UsageError(before + error.message, { cause: error });
}

/** The services that the named files declare, without those of files they import. */
function ownServices(schema: Schema, { proto, include }: CustomFlags): Service[] {
  const named = new Set(
    proto.flatMap((file) => [resolve(file), ...include.map((folder) => resolve(join(folder, file)))]),
  );
  const names = new Set(
    schema.files.filter(({ path }) => path !== undefined && named.has(path)).map(({ name }) => name),
  );
  const index = new ReflectionIndex(schema.services);
  return schema.services.filter(({ typeName }) => {
    const file = index.symbol(typeName)?.descriptor.name;
    return file === undefined || names.has(file);
  });
}

function describeFound({ service, implementation, from }: FoundHandlers): string[] {
  const names = Object.keys(service.methods);
  const missing = names.filter((name) => typeof (implementation as Record<string, unknown>)[name] !== "function");
  const lines = [`${service.typeName}: ${count(names.length - missing.length, "method")} from ${from}`];
  if (missing.length > 0) lines.push(`${service.typeName}: ${missing.join(", ")} missing, which answers UNIMPLEMENTED`);
  return lines;
}

function describeMissing({ typeName }: Service): string {
  return `${typeName}: no handlers, so that every method answers UNIMPLEMENTED`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}
