/**
 * `barewire serve`: a server with the three example services, and one line on stdout for every call.
 *
 * Laws: SIGINT and SIGTERM drain and end with exit code 0, a second one cuts at once; a server outlives the reader of its
 * log, and certificate files that are no good when SIGHUP has them read again; what keeps it from starting is one sentence on
 * stderr and exit code 1.
 */
import { readFileSync } from "node:fs";
import { resolve as resolvePath } from "node:path";
import { codeName, type EndedCall, Server } from "../index.js";
import { OrderManagement } from "../services/gen/order.js";
import { StreamService } from "../services/gen/orderer.js";
import { type Feature, RouteGuide } from "../services/gen/route_guide.js";
import { orderManagement } from "../services/order-management.js";
import { parseFeatureFile } from "../services/route-guide-feature-file.js";
import { routeGuide } from "../services/route-guide.js";
import { streamService } from "../services/stream-service.js";
import { quoted } from "../services/peer-text.js";
import { openServerCertificate, type ServerCertificate } from "./server-certificate.js";
import { thingsToTry } from "./things-to-try.js";
import { parseCommand, parseWholeNumber, UsageError } from "./usage-error.js";

const DEFAULT_PORT = 50051;
const DEFAULT_HOST = "127.0.0.1";
const GRACE_MS = 10_000;
/** The room for a path in a socket's address, less the zero behind it. Node cuts a longer one without a word. */
const MAX_SOCKET_PATH_BYTES = process.platform === "linux" ? 107 : 103;

export const serveHelp = `usage: barewire serve [options]

  --port N           the port to listen at; default ${DEFAULT_PORT}; 0 takes a free one
  --host H           the address to listen at; default ${DEFAULT_HOST}
  --unix PATH        a unix socket to listen at, in place of host and port
  --tls              TLS, with a certificate for this machine alone that is made at the start and thrown away at the end
  --cert-file C      … or with this certificate (PEM, the chain behind it)
  --key-file K       … and its key (PEM, not encrypted)
  --client-ca-file A clients must show a certificate that one of these authorities has signed (PEM)
  --json-db-file F   the places RouteGuide knows, as a JSON array of
                     {"location": {"latitude": E7, "longitude": E7}, "name": "…"}; default the bundled ones
  --batch-size N     how many orders processOrders combines before it ships; default 3
  --quiet            no line for every call
  --help             this text

A line of the log: time, peer, method, status, duration, messages received/sent.
SIGINT (Ctrl-C) or SIGTERM lets running calls end, ${GRACE_MS / 1000} s at most; a second one cuts them.
SIGHUP reads the files of --cert-file, --key-file and --client-ca-file again; connections that are open stay.`;

/** Runs the command until a signal ends it; resolves to the exit code. @throws UsageError */
export async function serve(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommand(args, {
    port: { type: "string" },
    host: { type: "string" },
    unix: { type: "string" },
    tls: { type: "boolean" },
    "cert-file": { type: "string" },
    "key-file": { type: "string" },
    "client-ca-file": { type: "string" },
    "json-db-file": { type: "string" },
    "batch-size": { type: "string" },
    quiet: { type: "boolean" },
  });
  if (positionals.length > 0)
    throw new UsageError(`serve takes only flags: ${quoted(positionals[0] ?? "")} is too much`);
  const wanted = parsePlace(values);
  const batchSize = parseWholeNumber("--batch-size", values["batch-size"] ?? "3", 1, 10_000);
  const features = values["json-db-file"] === undefined ? undefined : readFeatures(values["json-db-file"]);
  const certificate = openServerCertificate(values);
  // However the process ends, the key does not stay behind.
  process.once("exit", () => certificate?.remove());

  const server = new Server({
    ...(values.quiet === true ? {} : { onCallEnd: (ended) => print(formatCall(ended, new Date())) }),
    ...(certificate === undefined ? {} : { tls: certificate.tls }),
  });
  server
    .add(RouteGuide, routeGuide({ features }))
    .add(OrderManagement, orderManagement({ batchSize }))
    .add(StreamService, streamService());
  const address = await listen(server, wanted);
  // Before the first line: who reads that may send a signal at once.
  const stopped = drainOnSignal(server, certificate?.isThrowAway === true ? [...END_SIGNALS, "SIGHUP"] : END_SIGNALS);
  if (certificate?.isThrowAway === false) rereadOnSignal(server, certificate);
  for (const line of announcement(address, certificate)) print(line);
  await stopped;
  return 0;
}

function announcement(address: string, certificate: ServerCertificate | undefined): string[] {
  const lines = [`listening on ${address}`];
  if (certificate !== undefined) lines.push(certificate.describe());
  else if (!/^(127\.|\[::1\]|localhost:|unix:)/.test(address)) lines.push("reachable from other machines, unencrypted");
  if (certificate?.isThrowAway === false) lines.push(`kill -HUP ${process.pid} has its files read again`);
  return [...lines, ...thingsToTry(address, certificate)];
}

/** Where to listen, in the form `Server.listen` takes. */
function parsePlace(values: { port?: string; host?: string; unix?: string }): string {
  const { host, unix } = values;
  if (unix !== undefined) {
    const other = values.port === undefined ? (host === undefined ? undefined : "--host") : "--port";
    if (other !== undefined) throw new UsageError(`--unix takes the place of --host and --port: ${other} is too much`);
    if (unix === "") throw new UsageError("--unix must be a path: it is empty");
    const path = resolvePath(unix);
    const bytes = Buffer.byteLength(path);
    if (bytes <= MAX_SOCKET_PATH_BYTES) return `unix:${path}`;
    throw new UsageError(
      `--unix must be a path of ${MAX_SOCKET_PATH_BYTES} bytes at most: ${quoted(path)} has ${bytes}`,
    );
  }
  const port = parseWholeNumber("--port", values.port ?? String(DEFAULT_PORT), 0, 65_535);
  if (host === "") throw new UsageError("--host must be an address or a name: it is empty");
  return joinHostPort(host ?? DEFAULT_HOST, port);
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

async function listen(server: Server, wanted: string): Promise<string> {
  try {
    return (await server.listen(wanted)).address;
  } catch (error) {
    const fault = wanted.startsWith("unix:") ? unixListenFault(error) : listenFault(error, LISTEN_FAULTS);
    throw new UsageError(`cannot listen on ${wanted}: ${fault}`, { cause: error });
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

const UNIX_LISTEN_FAULTS: ReadonlyMap<unknown, string> = new Map([
  ["EADDRINUSE", "something is there already: a server that listens, or another file"],
  ["EACCES", "the directory is not there, or may not be written to"],
]);

function unixListenFault(error: unknown): string {
  const isLeftOver = error instanceof Error && error.message.includes("left over");
  if (isLeftOver) return "the socket of a server that was killed is still there, and nobody listens on it: remove it";
  return listenFault(error, UNIX_LISTEN_FAULTS);
}

function listenFault(error: unknown, faults: ReadonlyMap<unknown, string>): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    const fault = "code" in at ? faults.get(at.code) : undefined;
    if (fault !== undefined) return fault;
  }
  return error instanceof Error ? error.message : String(error);
}

/** One line of the log. The path is a peer's text, but the server has cut and escaped it. */
function formatCall(ended: EndedCall, endedAt: Date): string {
  const time = endedAt.toISOString().slice(11);
  const messages = `${ended.received}/${ended.sent}`;
  return `${time} ${ended.peer} ${ended.path} ${codeName(ended.code)} ${ended.durationMs.toFixed(1)} ms ${messages}`;
}

const END_SIGNALS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM"];

/** Resolves when one of `signals` has come and the server is closed. */
function drainOnSignal(server: Server, signals: readonly NodeJS.Signals[]): Promise<void> {
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
    for (const signal of signals) process.on(signal, onSignal);
  });
}

function rereadOnSignal(server: Server, certificate: ServerCertificate): void {
  process.on("SIGHUP", () => {
    try {
      certificate.reread((tls) => server.updateTls(tls));
      print(`SIGHUP: ${certificate.describe()}`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      process.stderr.write(`barewire: SIGHUP: the certificate stays as it is: ${reason}\n`);
    }
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
