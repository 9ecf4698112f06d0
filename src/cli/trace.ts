/**
 * `barewire trace`: a proxy in front of a server that prints what passes through it.
 *
 * Laws: it changes nothing of what passes; what it cannot read it passes on all the same, and says so.
 */
import { quoted } from "../services/peer-text.js";
import { FaultScript } from "../transport/inspect/faults/fault-script.js";
import { FAULT_GRAMMAR, readFault } from "../transport/inspect/faults/fault-text.js";
import { Proxy, type ProxyListener } from "../transport/inspect/proxy.js";
import { Trace } from "../transport/inspect/trace.js";
import { eventClock } from "../transport/inspect/wire-event.js";
import { parseGoFlags, type GoFlagValues } from "./go-flags.js";
import { printable } from "./printable.js";
import { checkInclude } from "./question.js";
import { namesFiles } from "./schema-source.js";
import { openTraceTls, TLS_FLAGS, tlsHelp, type TraceTls } from "./trace-tls.js";
import { NO_TYPES, type TraceTypes, traceTypes } from "./trace-types.js";
import { checkViews, openViews, VIEW_FLAGS, viewHelp } from "./trace-views.js";
import { parseWholeNumber, UsageError } from "./usage-error.js";

export const traceHelp = `usage: barewire trace -r HOST:PORT [-p PORT] [options]

A proxy that passes connections on to the server at HOST:PORT, and prints what it sees: every HTTP/2 frame with its flags, headers
and bytes, every gRPC message with its fields, how every call ended. Clients connect to the proxy instead of the server. What
is no HTTP/2 is passed on unread; so is TLS, without --tls. Flags are written with one dash or two.

  -r, --remote ADDR    where connections are passed on to: host:port or unix:path
  -p, --port N         where it listens; default 0, any free port, which is printed
  -l, --listen HOST    … and at which address; default 127.0.0.1
  -t, --type TYPE      grpc (frames, messages and calls; the default) or http2 (frames alone)
  -d, --delay TIME     everything comes so much later in each direction, such as 100ms or 1.5s
  --up N               bytes a second that pass to the server (-up N as well); default 0, as many as come
  --down N             … and that come back
${viewHelp}

  --fault FAULT        what is to go wrong on purpose, such as 'reset after 3 messages'; may be given several times

${tlsHelp}

Fields have names where the server's reflection tells them, which is asked when a service is first called, or from files:
  --proto F            what the services are declared as; may be given several times
  -I, --include DIR    … where its imports are looked up
  --protoset F         … or as protoc --include_imports --descriptor_set_out and buf build write it
  --no-reflection      ask nobody
  --help               this text

A FAULT is one of these, with what stands below behind it in any order; what is shown then is what the client sees:
${indented(FAULT_GRAMMAR)}

Ctrl-C ends it, and cuts the connections. Colours are for terminals, without NO_COLOR.`;

function indented(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}

const FLAGS = {
  remote: { takes: "a value", alias: "r" },
  port: { takes: "a value", alias: "p" },
  listen: { takes: "a value", alias: "l" },
  type: { takes: "a value", alias: "t" },
  delay: { takes: "a value", alias: "d" },
  up: { takes: "a value" },
  down: { takes: "a value" },
  fault: { takes: "values" },
  ...VIEW_FLAGS,
  ...TLS_FLAGS,
  proto: { takes: "values" },
  include: { takes: "values", alias: "I" },
  protoset: { takes: "values" },
  "no-reflection": { takes: "nothing" },
} as const;

type Flags = GoFlagValues<typeof FLAGS>;

const DEFAULT_HOST = "127.0.0.1";
const MAX_DELAY_MS = 600_000;

/** Runs the command; resolves to the exit code. @throws UsageError */
export async function trace(args: readonly string[]): Promise<number> {
  const flags = parseGoFlags(args, FLAGS);
  const { remote } = flags;
  if (remote === undefined) throw new UsageError("trace wants a server to pass connections on to: -r HOST:PORT");
  checkInclude(flags);
  const showCalls = parseType(flags.type ?? "grpc") === "grpc";
  checkViews(flags, showCalls);
  const port = parseWholeNumber("--port", flags.port ?? "0", 0, 65_535);
  const pace = paceOf(flags);
  const faults = faultsOf(flags.fault ?? []);
  const tls = openTraceTls(flags);
  try {
    return await run({ flags, remote, showCalls, port, pace, faults, tls });
  } finally {
    tls?.certificate.remove();
  }
}

interface Run {
  readonly flags: Flags;
  readonly remote: string;
  readonly showCalls: boolean;
  readonly port: number;
  readonly pace: ReturnType<typeof paceOf>;
  readonly faults: FaultScript | undefined;
  readonly tls: TraceTls | undefined;
}

async function run({ flags, remote, showCalls, port, pace, faults, tls }: Run): Promise<number> {
  const types = typesFor(flags, remote, showCalls, tls);
  const { hear, end, ...how } = await openViews(flags, showCalls, types.typesOf);
  const proxy = openProxy({ remote, ...pace, faults, tls: tls?.proxy }, new Trace(hear, how));
  const address = await listenAt(proxy, flags.listen ?? DEFAULT_HOST, port);
  const certificate = tls?.certificate.describe();
  const caFile = tls?.certificate.caFile;
  hear({ kind: "listening", atMs: eventClock(), address, remote: proxy.remote, certificate, caFile });
  await told();
  await proxy.close();
  await types.close();
  await end();
  return 0;
}

function typesFor(flags: Flags, remote: string, showCalls: boolean, tls: TraceTls | undefined): TraceTypes {
  const isQuiet = flags.quiet === true && flags.record === undefined;
  const isBlind = isQuiet || !showCalls || flags["no-reflection"] === true;
  if (isBlind && !namesFiles(flags)) return NO_TYPES;
  return traceTypes(flags, remote, tls?.channel ?? { tls: false }, (why) =>
    process.stderr.write(`barewire: fields have no names: ${printable(why)}\n`),
  );
}

function openProxy(options: ConstructorParameters<typeof Proxy>[0], listener: ProxyListener): Proxy {
  try {
    return new Proxy(options, listener);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(`-r must be host:port or unix:path: current value is ${quoted(options.remote)}`, {
      cause: error,
    });
  }
}

async function listenAt(proxy: Proxy, host: string, port: number): Promise<string> {
  try {
    return await proxy.listen(host, port);
  } catch (error) {
    const why = LISTEN_FAULTS.get((error as NodeJS.ErrnoException).code) ?? (error as Error).message;
    throw new UsageError(`cannot listen on ${quoted(host)}, port ${port}: ${printable(why)}`, { cause: error });
  }
}

const LISTEN_FAULTS: ReadonlyMap<unknown, string> = new Map([
  ["EADDRINUSE", "the port is taken; without -p any free one is"],
  ["EADDRNOTAVAIL", "this machine does not have that address"],
  ["ENOTFOUND", "the host is not known"],
  ["EAI_AGAIN", "the host is not known"],
  ["EACCES", "it is not allowed; ports below 1024 often need special rights"],
]);

/** What goes wrong on purpose, if anything does. @throws UsageError */
function faultsOf(texts: readonly string[]): FaultScript | undefined {
  if (texts.length === 0) return undefined;
  const script = new FaultScript();
  for (const text of texts) script.add(faultOf(text), text);
  return script;
}

function faultOf(text: string): ReturnType<typeof readFault> {
  try {
    const fault = readFault(text);
    if (!fault.now) return fault;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(`--fault: ${printable(error.message)} (see --help)`, { cause: error });
  }
  throw new UsageError(
    `--fault ${quoted(text)}: "now" is for tests: when the proxy begins, there is nothing to come upon`,
  );
}

function parseType(type: string): "grpc" | "http2" {
  if (type === "grpc" || type === "http2") return type;
  throw new UsageError(`-t must be grpc or http2: current value is ${quoted(type)}`);
}

function paceOf(flags: Flags): { delayMs: number; upBytesPerSecond?: number; downBytesPerSecond?: number } {
  const up = parseWholeNumber("--up", flags.up ?? "0", 0, 999_999_999);
  const down = parseWholeNumber("--down", flags.down ?? "0", 0, 999_999_999);
  return {
    delayMs: flags.delay === undefined ? 0 : parseDuration("--delay", flags.delay),
    ...(up === 0 ? {} : { upBytesPerSecond: up }),
    ...(down === 0 ? {} : { downBytesPerSecond: down }),
  };
}

const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ["us", 0.001],
  ["µs", 0.001],
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
]);

/** A time as Go writes it: `100ms`, `1.5s`. @throws UsageError */
function parseDuration(flag: string, text: string): number {
  const [, number = "", unit = ""] = /^(\d{1,9}(?:\.\d{1,9})?)(us|µs|ms|s|m)$/.exec(text) ?? [];
  const ms = text === "0" ? 0 : Number(number) * (UNITS_MS.get(unit) ?? Number.NaN);
  if (ms >= 0 && ms <= MAX_DELAY_MS) return ms;
  throw new UsageError(
    `${flag} must be a time such as 100ms or 1.5s, of 10m at most: current value is ${quoted(text)}`,
  );
}

/** Resolves when the person has had enough. */
function told(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}
