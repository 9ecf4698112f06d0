/**
 * `barewire serve`: a server with the three example services, or with services of one's own from `.proto` files and modules of
 * handlers, and one line on stdout for every call.
 *
 * Laws: SIGINT and SIGTERM drain and end with exit code 0, a second one cuts at once; a server outlives the reader of its
 * log, and certificate files that are no good when SIGHUP has them read again; what keeps it from starting is told on
 * stderr, in one sentence unless it is an exception of somebody's handlers, with exit code 1.
 */
import { codeName, type EndedCall, Server } from "../index.js";
import { quoted } from "../services/peer-text.js";
import { inspector } from "../transport/inspect/inspector.js";
import { addCustomServices, type CustomFlags } from "./custom-services.js";
import { drainWhenTold, END_SIGNALS, GRACE_MS } from "./end-of-serving.js";
import { readExamples } from "./example-services.js";
import { filesToWatch } from "./files-to-watch.js";
import { DEFAULT_HOST, DEFAULT_PORT, listenAt, parsePlace } from "./listen-place.js";
import { print } from "./print.js";
import { openServerCertificate, type ServerCertificate } from "./server-certificate.js";
import { supervise } from "./supervise.js";
import { findSupervision, type Supervision } from "./supervision.js";
import { customThingsToTry, thingsToTry } from "./things-to-try.js";
import { loaderArgs } from "./typescript-handlers.js";
import { parseCommand, UsageError } from "./usage-error.js";
import { parseWorkers, serveByWorkers } from "./workers.js";

export const serveHelp = `usage: barewire serve [options]
       barewire serve --proto F --handlers M [options]

Without --proto it serves three examples: RouteGuide, OrderManagement and StreamService.

  --proto F          a .proto file with services of your own; may be given several times
  --handlers M       a module that exports their handlers: a .js file, or .ts where Node runs it or tsx is installed;
                     may be given several times
  -I, --include DIR  where .proto files and their imports are looked up; may be given several times
  --watch            start again when one of these files, or what they import, changes

  --port N           the port to listen at; default ${DEFAULT_PORT}; 0 takes a free one
  --host H           the address to listen at; default ${DEFAULT_HOST}
  --unix PATH        a unix socket to listen at, in place of host and port
  --tls              TLS, with a certificate for this machine alone that is made at the start and thrown away at the end
  --cert-file C      … or with this certificate (PEM, the chain behind it)
  --key-file K       … and its key (PEM, not encrypted)
  --client-ca-file A clients must show a certificate that one of these authorities has signed (PEM)
  --json-db-file F   the places the example RouteGuide knows, as a JSON array of
                     {"location": {"latitude": E7, "longitude": E7}, "name": "…"}; default the bundled ones
  --batch-size N     how many orders the example processOrders combines before it ships; default 3
  --workers N        N processes that share the port, each with connections of its own; 0 for one a core. Each has its own
                     handlers: what they keep in memory is not shared
  --accept-split-state
                     says that this is wanted of the examples, too: every worker has orders and notes of its own
  --quiet            no line for every call
  --trace            every frame, message and call as barewire trace prints them, inside of TLS
  --help             this text

For a service Greeter with the methods Greet and Chat, a module of handlers exports one of these:

  export const Greeter = { greet(request, call) { … }, async *chat(requests, call) { … } };    or greeter
  export default { greet … };                       where the methods say which service is meant
  export function greet(request, call) { … }        and so on, method by method
  export class Greeter { greet … }                  made once
  export default ({ barewire, schema, server }) => ({ greet … });    or a function, which may be async

A line of the log: time, peer, method, status, duration, messages received/sent.
A worker that dies is replaced; with more than 5 within a minute the server ends with exit code 1.
SIGINT (Ctrl-C) or SIGTERM lets running calls end, ${GRACE_MS / 1000} s at most; a second one cuts them.
SIGHUP reads the files of --cert-file, --key-file and --client-ca-file again; connections that are open stay.`;

const OPTIONS = {
  proto: { type: "string", multiple: true },
  handlers: { type: "string", multiple: true },
  include: { type: "string", short: "I", multiple: true },
  watch: { type: "boolean" },
  port: { type: "string" },
  host: { type: "string" },
  unix: { type: "string" },
  tls: { type: "boolean" },
  "cert-file": { type: "string" },
  "key-file": { type: "string" },
  "client-ca-file": { type: "string" },
  "json-db-file": { type: "string" },
  "batch-size": { type: "string" },
  workers: { type: "string" },
  "accept-split-state": { type: "boolean" },
  quiet: { type: "boolean" },
  trace: { type: "boolean" },
} as const;

type Flags = ReturnType<typeof parseCommand<typeof OPTIONS>>["values"];

/** Adds what is to be served, and gives the lines to print once it listens at `address`. */
type Services = (
  server: Server,
) => Promise<(address: string, certificate: ServerCertificate | undefined) => readonly string[]>;

/** Runs the command until a signal ends it; resolves to the exit code, and ends the process soon after. @throws UsageError */
export async function serve(args: readonly string[]): Promise<number> {
  try {
    return await serveUntilTold(args);
  } finally {
    // Handlers may have timers and connections of their own, and nobody tells them that the server is gone.
    setTimeout(() => process.exit(), LINGER_MS).unref();
  }
}

const LINGER_MS = 500;

/** The same, for who has more to do in this process. */
export async function serveUntilTold(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommand(args, OPTIONS);
  if (positionals.length > 0) throw tooMuch(positionals[0] ?? "");
  const place = parsePlace(values);
  const custom = parseCustom(values);
  const workers = parseWorkers(values, custom === undefined);
  const supervision = findSupervision();
  if (supervision === undefined) {
    const execArgs = custom === undefined ? [] : loaderArgs(custom.handlers);
    if (workers !== undefined) return await runWorkers({ values, args, place, count: workers, execArgs });
    const files = custom !== undefined && values.watch === true ? () => filesToWatch(custom) : undefined;
    if (execArgs.length > 0 || files !== undefined) {
      return await supervise({ args: ["serve", ...args], execArgs, files });
    }
  }
  const services =
    custom === undefined ? exampleServices(values) : customServices(custom, supervision?.isAgain === true);
  try {
    return await run({ values, place: supervision?.place ?? place, services, supervision });
  } finally {
    supervision?.leave();
  }
}

function tooMuch(word: string): UsageError {
  const flag = word.endsWith(".proto") ? "--proto" : /\.[mc]?[jt]s$/.test(word) ? "--handlers" : undefined;
  const hint = flag === undefined ? "" : ` (each file has a flag of its own: ${flag} ${word})`;
  return new UsageError(`serve takes only flags: ${quoted(word)} is too much${hint}`);
}

/** The flags about services of one's own; `undefined` when there are none. @throws UsageError */
function parseCustom(values: Flags): CustomFlags | undefined {
  const { proto = [], handlers = [], include = [] } = values;
  if (proto.length === 0 && handlers.length === 0) {
    const stray = include.length > 0 ? "--include" : values.watch === true ? "--watch" : undefined;
    if (stray !== undefined)
      throw new UsageError(`${stray} is for services of your own: say --proto and --handlers as well`);
    return undefined;
  }
  if (handlers.length === 0)
    throw new UsageError("--proto wants --handlers as well: the module that answers (see --help)");
  if (proto.length === 0) throw new UsageError("--handlers wants --proto as well: the file that declares the services");
  const empty = [...proto, ...handlers, ...include].includes("");
  if (empty) throw new UsageError("--proto, --handlers and --include must be paths: one is empty");
  for (const name of ["json-db-file", "batch-size"] as const) {
    if (values[name] !== undefined)
      throw new UsageError(`--${name} is for the example services: it does not go with --proto`);
  }
  return { proto, handlers, include };
}

interface RunWorkers {
  readonly values: Flags;
  readonly args: readonly string[];
  readonly place: string;
  readonly count: number;
  readonly execArgs: readonly string[];
}

async function runWorkers({ values, args, place, count, execArgs }: RunWorkers): Promise<number> {
  // One for all of them, made here: what is no good is told once.
  const certificate = openServerCertificate(values);
  process.once("exit", () => certificate?.remove());
  const hasFilesToRead = certificate?.isThrowAway === false;
  return await serveByWorkers({ count, args, execArgs, place, made: certificate?.paths, hasFilesToRead });
}

interface Run {
  readonly values: Flags;
  readonly place: string;
  readonly services: Services;
  readonly supervision?: Supervision | undefined;
}

/** Serves until it is told to end. */
async function run({ values, place, services, supervision }: Run): Promise<number> {
  const certificate = openServerCertificate(values, supervision?.made);
  // However the process ends, the key does not stay behind.
  process.once("exit", () => certificate?.remove());
  const server = new Server({
    ...(values.quiet === true ? {} : { onCallEnd: (ended) => print(formatCall(ended, new Date())) }),
    ...(certificate === undefined ? {} : { tls: certificate.tls }),
    ...(values.trace === true ? { tap: inspector({ output: process.stdout, hexBytes: 0 }) } : {}),
  });
  const describe = await services(server);
  const address = await listenAt(server, place);
  // Before the first line: who reads that may send a signal at once.
  const hasFiles = certificate?.isThrowAway === false;
  const endsOnHangUp = !hasFiles && (certificate !== undefined || supervision !== undefined);
  const stopped = drainWhenTold(server, {
    signals: endsOnHangUp ? [...END_SIGNALS, "SIGHUP"] : END_SIGNALS,
    supervision,
    onHangUp: hasFiles ? () => reread(server, certificate, supervision?.speaks !== false) : undefined,
  });
  const pid = supervision === undefined ? process.pid : process.ppid;
  const lines = [...announcement(address, certificate, pid), ...describe(address, certificate)];
  supervision?.tellListening(address, lines);
  if (supervision?.isWorker !== true) for (const line of lines) print(line);
  await stopped;
  return 0;
}

function announcement(address: string, certificate: ServerCertificate | undefined, pid: number): string[] {
  const lines = [`listening on ${address}`];
  if (certificate !== undefined) lines.push(certificate.describe());
  else if (!/^(127\.|\[::1\]|localhost:|unix:)/.test(address)) lines.push("reachable from other machines, unencrypted");
  if (certificate?.isThrowAway === false) lines.push(`kill -HUP ${pid} has its files read again`);
  return lines;
}

/** The three examples. @throws UsageError */
function exampleServices(values: Flags): Services {
  const add = readExamples(values);
  return (server) => {
    add(server);
    return Promise.resolve(thingsToTry);
  };
}

/** What the flags name. Who has it started again need not be told once more what to try. */
function customServices(custom: CustomFlags, isAgain: boolean): Services {
  return async (server) => {
    const { services, lines } = await addCustomServices(server, custom);
    return (address, certificate) => [...lines, ...(isAgain ? [] : customThingsToTry(address, services, certificate))];
  };
}

/** One line of the log. The path is a peer's text, but the server has cut and escaped it. */
export function formatCall(ended: EndedCall, endedAt: Date): string {
  const time = endedAt.toISOString().slice(11);
  const messages = `${ended.received}/${ended.sent}`;
  return `${time} ${ended.peer} ${ended.path} ${codeName(ended.code)} ${ended.durationMs.toFixed(1)} ms ${messages}`;
}

function reread(server: Server, certificate: ServerCertificate, speaks: boolean): void {
  try {
    certificate.reread((tls) => server.updateTls(tls));
    if (speaks) print(`SIGHUP: ${certificate.describe()}`);
  } catch (error) {
    if (!speaks) return;
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`barewire: SIGHUP: the certificate stays as it is: ${reason}\n`);
  }
}
