/**
 * `barewire call`: one RPC of any of the four kinds, with requests and responses in JSON.
 *
 * Laws: stdout has the responses and nothing else, each as soon as it came; the exit code is the status of the call; what the
 * command line gets wrong is told before anything is called, as far as it can be known before.
 */
import type { Method, Schema, Service } from "../index.js";
import { quoted } from "../services/peer-text.js";
import { AnyTypes } from "./any-types.js";
import { asMistake, mistake } from "./mistakes.js";
import { CallReport } from "./call-report.js";
import { unknownName } from "./describe/unknown-name.js";
import { type CallOrder, OneCall } from "./one-call.js";
import { checkInclude } from "./question.js";
import {
  FULL_NAME,
  namesFiles,
  SCHEMA_OPTIONS,
  type SchemaFlags,
  schemaHelp,
  schemaOfFiles,
  schemaOfServer,
  type SchemaSource,
  writeProtoset,
} from "./schema-source.js";
import { TARGET_OPTIONS, type TargetFlags, targetHelp, withTarget } from "./target.js";
import { parseCommand, suggestion } from "./usage-error.js";

export const callHelp = `usage: barewire call ADDR SERVICE/METHOD [options]

Calls a method of the server at ADDR (host:port or unix:path) and prints what it answers. How the service is declared, the server's
reflection tells, or files do.

  -d, --data JSON      the request, in protobuf's JSON; @FILE reads it from a file, @- from standard input. For methods that take a
                       stream: any number of values one behind another, each of which is sent as soon as it is complete.
                       Without it an empty request is sent, and no request where the method takes a stream
  --format json|text   how responses are printed; default json
  --compact            … on one line each
  --emit-defaults      … with fields that have their default value
  --allow-unknown      pass over names in the request that mean no field
  --compression NAME   send requests in gzip or deflate
  -v, --verbose        tell on stderr of headers, trailers and times
${schemaHelp}
${targetHelp}
  --help               this text

Exit code: the status of the call, 0 for OK and 1 to 16 for the others (14: nobody answers, 4: --max-time has passed); 64 for a
mistake in the command line or in a request; 130 when Ctrl-C has cancelled the call.`;

const CALL_OPTIONS = {
  data: { type: "string", short: "d" },
  format: { type: "string" },
  compact: { type: "boolean" },
  "emit-defaults": { type: "boolean" },
  "allow-unknown": { type: "boolean" },
  compression: { type: "string" },
  verbose: { type: "boolean", short: "v" },
  ...SCHEMA_OPTIONS,
  ...TARGET_OPTIONS,
} as const;

/** A command line that can be followed. */
interface Order extends CallOrder {
  readonly address: string;
  readonly serviceName: string;
  readonly methodName: string;
  readonly isVerbose: boolean;
  readonly flags: SchemaFlags & TargetFlags;
}

/** Runs the command; resolves to the exit code. @throws UsageError */
export async function call(args: readonly string[]): Promise<number> {
  const order = asMistake(() => parseOrder(args));
  const fromFiles = namesFiles(order.flags) ? schemaOfFiles(order.flags) : undefined;
  const report = order.isVerbose ? new CallReport() : undefined;
  return await withTarget(order.address, order.flags, async (target) => {
    const source = fromFiles ?? schemaOfServer(target);
    try {
      const [schema, service, method] = await findMethod(order, source);
      writeProtoset(order.flags, schema);
      source.close();
      return await new OneCall(order, target, service, method, new AnyTypes(source, schema), report).run();
    } finally {
      source.close();
    }
  });
}

function parseOrder(args: readonly string[]): Order {
  const { values, positionals } = parseCommand(args, CALL_OPTIONS);
  const [address, name, ...more] = positionals;
  if (address === undefined || name === undefined) {
    throw mistake("call wants the address of a server (host:port or unix:path) and SERVICE/METHOD");
  }
  if (more.length > 0) throw mistake(`call takes an address and one method: ${quoted(more.join(" "))} is too much`);
  checkInclude(values);
  return {
    address,
    ...methodNames(name),
    data: values.data,
    format: oneOf("--format", values.format, ["json", "text"]) ?? "json",
    isCompact: values.compact === true,
    emitDefaults: values["emit-defaults"] === true,
    ignoreUnknown: values["allow-unknown"] === true,
    compression: oneOf("--compression", values.compression, ["gzip", "deflate", "identity"]),
    authority: values.authority,
    isVerbose: values.verbose === true,
    flags: values,
  };
}

function oneOf<T extends string>(flag: string, value: string | undefined, known: readonly T[]): T | undefined {
  const found = known.find((one) => one === value);
  if (value === undefined || found !== undefined) return found;
  const names = known.join(", ").replace(/, (\w+)$/, " or $1");
  throw mistake(`${flag} must be ${names}: current value is ${quoted(value)}${suggestion(value, known)}`);
}

/** `pkg.Service/Method`, with a slash in front as well, or with a dot in place of the one between. */
function methodNames(name: string): { readonly serviceName: string; readonly methodName: string } {
  const [, serviceName = "", methodName = ""] = /^\/?(.*)[/.](.*)$/s.exec(name) ?? [];
  if (FULL_NAME.test(serviceName) && /^[A-Za-z_]\w*$/.test(methodName)) return { serviceName, methodName };
  throw mistake(
    `a method must be SERVICE/METHOD, such as routeguide.RouteGuide/GetFeature: current value is ${quoted(name)}`,
  );
}

async function findMethod(
  { serviceName, methodName }: Order,
  source: SchemaSource,
): Promise<readonly [Schema, Service, Method]> {
  const schema = await source.schemaOf(serviceName);
  if (schema?.serviceNames.includes(serviceName) !== true) throw await unknownName("service", serviceName, source);
  const service = schema.service(serviceName);
  const methods = Object.values(service.methods);
  const method = methods.find(({ name }) => name === methodName);
  if (method !== undefined) return [schema, service, method];
  const names = methods.map(({ name }) => name);
  const rest = names.length === 0 ? "; it has none" : `; it has ${names.slice(0, 8).join(", ")}`;
  const hint = suggestion(methodName, names) || rest;
  throw mistake(`there is no method ${quoted(methodName)} in ${serviceName}${hint}`);
}
