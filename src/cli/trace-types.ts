/**
 * The types of the calls that `barewire trace` sees: from files, or from the reflection of the server it passes on to.
 *
 * Laws: a server is asked once about each service, for a short time; what cannot be learnt is no reason to stop: messages are shown without
 * names then; what is remembered of a stranger's paths is bounded.
 */
import { Channel, Code, Metadata, type Schema, StatusError } from "../index.js";
import type { CallTypes, TypesOf } from "../transport/inspect/message-content.js";
import type { Security } from "./client-security.js";
import {
  FULL_NAME,
  namesFiles,
  schemaOfFiles,
  schemaOfServer,
  type SchemaFlags,
  type SchemaSource,
} from "./schema-source.js";
import { UsageError } from "./usage-error.js";

/** How long the server has to tell of a service. */
const REFLECTION_TIMEOUT_MS = 2000;
const MAX_SERVICES = 1000;
/** How long a server that could not be asked is left alone. */
const AGAIN_AFTER_MS = 5000;

/** Knows types, until it is closed. */
export interface TraceTypes {
  readonly typesOf: TypesOf;
  close(): Promise<void>;
}

/** Where nobody knows any. */
export const NO_TYPES: TraceTypes = { typesOf: () => undefined, close: () => Promise.resolve() };

/** Those of the files that the flags name, or of the server. `complain` is told once why it cannot be asked. */
export function traceTypes(
  flags: SchemaFlags,
  remote: string,
  security: Security,
  complain: (why: string) => void,
): TraceTypes {
  if (namesFiles(flags)) {
    const source = schemaOfFiles(flags);
    return { typesOf: rememberedTypes(source, complain), close: () => Promise.resolve() };
  }
  const channel = new Channel(remote, { ...security, onError: () => undefined });
  const source = schemaOfServer(
    {
      address: remote,
      isTls: security.tls !== false,
      channel,
      metadata: new Metadata(),
      callOptions: {},
      failure: (error) => new UsageError(`the server's reflection: ${error.message}`, { cause: error }),
    },
    REFLECTION_TIMEOUT_MS,
  );
  const typesOf = rememberedTypes(source, complain);
  return {
    typesOf,
    close: async () => {
      source.close();
      await channel.destroy();
    },
  };
}

function rememberedTypes(source: SchemaSource, complain: (why: string) => void): TypesOf {
  const schemas = new Map<string, Promise<Schema | undefined>>();
  let hasComplained = false;
  const ask = async (service: string): Promise<Schema | undefined> => {
    try {
      return await source.schemaOf(service);
    } catch (error) {
      if (!hasComplained) complain(error instanceof Error ? error.message : String(error));
      hasComplained = true;
      // Perhaps it only begins to serve.
      if (!isFinal(error)) setTimeout(() => schemas.delete(service), AGAIN_AFTER_MS).unref();
      return undefined;
    } finally {
      // The next question may be hours away.
      source.close();
    }
  };
  let last: Promise<unknown> = Promise.resolve();
  const askInTurn = (service: string): Promise<Schema | undefined> => {
    const answer = last.then(() => ask(service));
    last = answer;
    return answer;
  };
  return async (path) => {
    const [, service, method] = /^\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
    if (service === undefined || method === undefined || !FULL_NAME.test(service)) return undefined;
    if (!schemas.has(service) && schemas.size < MAX_SERVICES) schemas.set(service, askInTurn(service));
    return callTypes(await schemas.get(service), service, method);
  };
}

/** Whether asking once more would not help: there is no reflection. */
function isFinal(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof StatusError && cause.code === Code.UNIMPLEMENTED;
}

function callTypes(schema: Schema | undefined, service: string, name: string): CallTypes | undefined {
  if (schema?.serviceNames.includes(service) !== true) return undefined;
  const method = Object.values(schema.service(service).methods).find((one) => one.name === name);
  return method === undefined ? undefined : { request: method.request, response: method.response };
}
