/**
 * `barewire serve`: a server with the three example services, and one line on stdout for every call.
 *
 * Laws: SIGINT and SIGTERM drain and end with exit code 0, a second one cuts at once; a server outlives the reader of its
 * log; what keeps it from starting is one sentence on stderr and exit code 1.
 */
import { readFileSync } from "node:fs";
import { codeName, type EndedCall, Server } from "../index.js";
import { OrderManagement } from "../services/gen/order.js";
import { StreamService } from "../services/gen/orderer.js";
import { type Feature, RouteGuide } from "../services/gen/route_guide.js";
import { orderManagement } from "../services/order-management.js";
import { parseFeatureFile } from "../services/route-guide-feature-file.js";
import { routeGuide } from "../services/route-guide.js";
import { streamService } from "../services/stream-service.js";
import { quoted } from "../services/peer-text.js";
import { parseCommand, parseWholeNumber, UsageError } from "./usage-error.js";

const DEFAULT_PORT = 50051;
const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_ADDRESS = `${DEFAULT_HOST}:${DEFAULT_PORT}`;
const GRACE_MS = 10_000;

export const serveHelp = `usage: barewire serve [options]

  --port N           the port to listen at; default ${DEFAULT_PORT}; 0 takes a free one
  --host H           the address to listen at; default ${DEFAULT_HOST}
  --json-db-file F   the places RouteGuide knows, as a JSON array of
                     {"location": {"latitude": E7, "longitude": E7}, "name": "…"}; default the bundled ones
  --batch-size N     how many orders processOrders combines before it ships; default 3
  --quiet            no line for every call
  --help             this text

A line of the log: time, peer, method, status, duration, messages received/sent.
SIGINT (Ctrl-C) or SIGTERM lets running calls end, ${GRACE_MS / 1000} s at most; a second one cuts them.`;

/** Runs the command until a signal ends it; resolves to the exit code. @throws UsageError */
export async function serve(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommand(args, {
    port: { type: "string" },
    host: { type: "string" },
    "json-db-file": { type: "string" },
    "batch-size": { type: "string" },
    quiet: { type: "boolean" },
  });
  if (positionals.length > 0)
    throw new UsageError(`serve takes only flags: ${quoted(positionals[0] ?? "")} is too much`);
  const port = parseWholeNumber("--port", values.port ?? String(DEFAULT_PORT), 0, 65_535);
  const batchSize = parseWholeNumber("--batch-size", values["batch-size"] ?? "3", 1, 10_000);
  const features = values["json-db-file"] === undefined ? undefined : readFeatures(values["json-db-file"]);

  const server = new Server(
    values.quiet === true ? {} : { onCallEnd: (ended) => print(formatCall(ended, new Date())) },
  );
  server
    .add(RouteGuide, routeGuide({ features }))
    .add(OrderManagement, orderManagement({ batchSize }))
    .add(StreamService, streamService());
  if (values.host === "") throw new UsageError("--host must be an address or a name: it is empty");
  const address = await listen(server, values.host ?? DEFAULT_HOST, port);
  // Before the first line: who reads that may send a signal at once.
  const stopped = drainOnSignal(server);
  print(`listening on ${address}`);
  if (!/^(127\.|\[::1\]|localhost:)/.test(address)) print("reachable from other machines, unencrypted");
  for (const line of thingsToTry(address)) print(line);
  await stopped;
  return 0;
}

function readFeatures(file: string): Feature[] {
  try {
    return parseFeatureFile(readFileSync(file, "utf8"), file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const text = reason.includes(file) ? reason : `${file}: ${reason}`;
    throw new UsageError(`--json-db-file: ${text}`, { cause: error });
  }
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  const wanted = joinHostPort(host, port);
  try {
    return (await server.listen(wanted)).address;
  } catch (error) {
    throw new UsageError(`cannot listen on ${wanted}: ${listenFault(error)}`, { cause: error });
  }
}

/** A host that has colons is an IPv6 address, which stands in brackets before a port. */
function joinHostPort(host: string, port: number): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]:${port}` : `${host}:${port}`;
}

const LISTEN_FAULTS: ReadonlyMap<unknown, string> = new Map([
  ["EADDRINUSE", "the port is taken; take another with --port N, or --port 0 for any free one"],
  ["EADDRNOTAVAIL", "this machine does not have that address; see --host"],
  ["ENOTFOUND", "the host is not known; see --host"],
  ["EAI_AGAIN", "the host is not known; see --host"],
  ["EACCES", "it is not allowed; ports below 1024 often need special rights"],
]);

function listenFault(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    const fault = "code" in at ? LISTEN_FAULTS.get(at.code) : undefined;
    if (fault !== undefined) return fault;
  }
  return error instanceof Error ? error.message : String(error);
}

/** Commands that work as they stand, in the form that fits where this file was started from. */
function thingsToTry(address: string): string[] {
  const command = import.meta.url.includes("/node_modules/") ? "npx barewire demo" : "npm run demo --";
  // What listens on every address of the machine is reached at this one without a word about TLS.
  const reached = address.replace(/^(?:0\.0\.0\.0|\[::\]):/, "localhost:");
  const flags = reached.replace("localhost", DEFAULT_HOST) === DEFAULT_ADDRESS ? "" : ` --addr ${reached}`;
  const demos = ["route-guide", "orders", "orderer"].map((name) => `  ${command} ${name}${flags}`);
  return ["things to try in another terminal:", ...demos];
}

/** One line of the log. The path is a peer's text, but the server has cut and escaped it. */
function formatCall(ended: EndedCall, endedAt: Date): string {
  const time = endedAt.toISOString().slice(11);
  const messages = `${ended.received}/${ended.sent}`;
  return `${time} ${ended.peer} ${ended.path} ${codeName(ended.code)} ${ended.durationMs.toFixed(1)} ms ${messages}`;
}

/** Resolves when a signal has come and the server is closed. */
function drainOnSignal(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    let drainingSinceMs: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (drainingSinceMs === undefined) {
        drainingSinceMs = performance.now();
        drain(server, signal).then(resolve, reject);
      } else if (!isEcho(signal, performance.now() - drainingSinceMs)) {
        cut(server, signal).catch(reject);
      }
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}

async function drain(server: Server, signal: NodeJS.Signals): Promise<void> {
  print(`${signal}: draining, ${GRACE_MS / 1000} s at most; once more to cut`);
  await server.close({ graceMs: GRACE_MS });
  print("drained, bye");
}

async function cut(server: Server, signal: NodeJS.Signals): Promise<void> {
  print(`${signal}: cutting what still runs`);
  await server.close({ graceMs: 0 });
  // Whatever else might keep the process alive, it was told twice to go.
  process.exit(0);
}

/** Under npm one Ctrl-C comes twice: the terminal sends it to every process, and npm passes its own on. */
function isEcho(signal: NodeJS.Signals, afterMs: number): boolean {
  return signal === "SIGINT" && afterMs < 100 && process.env["npm_lifecycle_event"] !== undefined;
}

function print(line: string): void {
  if (process.stdout.writable) process.stdout.write(`${line}\n`);
}
