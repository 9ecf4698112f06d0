/**
 * `npm run interop`: every client against our server, our client against every server, in plaintext and over TLS. With
 * `-- --only go` the pairs whose line has one of the words: `go`, `python client`, `TLS`.
 *
 * Laws: a peer that is missing is named and fails the run, and so does a case that fails; what was started is stopped.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { runClient } from "./client.js";
import { CORPORA, type Corpus, DOCUMENTED } from "./corpus.js";
import { compareWithProtoc } from "./descriptor-cases.js";
import { HTTP2_CASES } from "./http2-cases.js";
import { startHttp2Server } from "./http2-server.js";
import {
  ALL_CASES,
  type Brought,
  clientFlags,
  path,
  serverFlags,
  THEIR_CLIENTS,
  THEIR_SERVERS,
  type Tls,
} from "./peers.js";
import { ownProgram, type Program, startServerProgram, stopAll } from "./program.js";
import { CALL_CASES, GRPCURL_CASES, PYTHON_CASES } from "./reflection-cases.js";
import type { Version } from "./reflection-server.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** A name that the test certificate is for: `*.test.google.fr`. */
const TEST_NAME = "foo.test.google.fr";
const CASE_MS = 60_000;
/** A thousand symbols, each asked for by a process of its own. */
const SLOW_CASE_MS = 300_000;
const TRANSPORTS = ["plaintext", "TLS"] as const;
type Transport = (typeof TRANSPORTS)[number];

/** A client and a server, and the cases they have in common. */
interface Pair {
  readonly name: string;
  /** What the table has above its column. */
  readonly title: readonly [client: string, server: string];
  readonly needs: readonly string[];
  readonly cases: readonly string[];
  readonly lacks?: string;
  readonly transports: readonly Transport[];
  /** The table that its column is in. Default: that of the official cases. */
  readonly table?: "reflection" | "descriptors";
  /** How long a case may take. Default: {@link CASE_MS}. */
  readonly caseMs?: number;
  /** The server of the pair; none for one that each case starts itself. */
  readonly server?: (brought: Brought, port: number, tls: Tls | undefined) => Program;
  run(brought: Brought, port: number, tls: Tls | undefined, name: string): Promise<void>;
}

const OURS = "barewire";
/** What the reason of a failure begins with, when the peer could not be had. */
const MISSING = "missing";

const PAIRS: readonly Pair[] = [
  ...THEIR_CLIENTS.map(({ name, needs, cases, lacks, run }): Pair => ({
    name: `${name} client, our server`,
    title: [name, OURS],
    needs,
    cases,
    lacks,
    transports: TRANSPORTS,
    server: ourServer,
    run: (brought, port, tls, one) => run(brought, { port, tls }, one),
  })),
  {
    name: "our client, our server",
    title: [OURS, OURS],
    needs: [],
    cases: ALL_CASES,
    transports: TRANSPORTS,
    server: ourServer,
    run: ourClient,
  },
  ...THEIR_SERVERS.map(({ name, needs, without, lacks, program }): Pair => ({
    name: `our client, ${name} server`,
    title: [OURS, name],
    needs,
    cases: ALL_CASES.filter((one) => !without.includes(one)),
    lacks,
    transports: TRANSPORTS,
    server: program,
    run: ourClient,
  })),
  {
    name: "our client, bad server",
    title: [OURS, "bad"],
    needs: [],
    cases: Object.keys(HTTP2_CASES),
    // "The server will run on a port": the cases are about frames, and there are no others under TLS.
    transports: ["plaintext"],
    run: async (_brought, _port, _tls, name) => {
      const server = await startHttp2Server(name);
      try {
        await runClient(clientFlags({ port: server.port, tls: undefined }, name));
        server.verify();
      } finally {
        await server.close();
      }
    },
  },
  ...CORPORA.flatMap((corpus) => [
    reflectionPair("grpcurl", corpus, "v1"),
    reflectionPair("grpcurl", corpus, "v1alpha"),
  ]),
  // The client of grpcio-reflection knows the older version only.
  ...CORPORA.map((corpus) => reflectionPair("python", corpus, "v1alpha")),
  ...CORPORA.map((corpus): Pair => {
    const away = corpus.relative.map((file) => `${file} imports beside itself, which protoc does not`);
    return {
      name: `protoc, our descriptors of ${corpus.name}`,
      title: ["protoc", corpus.name],
      needs: ["python"],
      cases: corpus.files,
      ...(away.length === 0 ? {} : { lacks: away.join("; ") }),
      transports: ["plaintext"],
      table: "descriptors",
      run: (brought, _port, _tls, file) => compareWithProtoc(path(brought, "python"), corpus, file),
    };
  }),
];

/** A client that has nothing but reflection, and our server with one version of it. */
function reflectionPair(client: "grpcurl" | "python", corpus: Corpus, version: Version): Pair {
  const calls = corpus === DOCUMENTED ? CALL_CASES : {};
  const cases = client === "python" ? PYTHON_CASES : { ...GRPCURL_CASES, ...calls };
  return {
    name: `${client} reflection ${version}, our server of ${corpus.name}`,
    title: [client, `${version} ${corpus.name}`],
    needs: client === "python" ? ["python"] : ["grpcurl", "buf", "python"],
    cases: Object.keys(cases),
    transports: ["plaintext"],
    table: "reflection",
    caseMs: SLOW_CASE_MS,
    server: (_brought, port) =>
      ownProgram("test/interop/reflection-server.ts", [
        `--port=${port}`,
        `--services=${corpus.name}`,
        `--reflection=${version}`,
      ]),
    run: async (brought, port, _tls, name) => {
      const tools = {
        grpcurl: brought.get("grpcurl") ?? "",
        buf: brought.get("buf") ?? "",
        python: path(brought, "python"),
      };
      await cases[name]?.({ port, corpus, version }, tools);
    },
  };
}

function ourServer(_brought: Brought, port: number, tls: Tls | undefined): Program {
  return ownProgram("test/interop/server.ts", serverFlags(port, tls));
}

/** In this process, which saves a start for every case. */
function ourClient(_brought: Brought, port: number, tls: Tls | undefined, name: string): Promise<void> {
  const ca = tls === undefined ? [] : [`--ca_file=${tls.ca}`];
  return runClient([...clientFlags({ port, tls }, name), ...ca]);
}

/** Runs `peers.sh`, showing what it does. */
async function bring(names: readonly string[]): Promise<Brought> {
  const brought = new Map<string, string>();
  if (names.length === 0) return brought;
  const child = spawn(join(root, "test/interop/peers.sh"), names, { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  for await (const line of createInterface({ input: child.stdout })) {
    const [key = "", value = ""] = line.split("\t");
    brought.set(key, value);
  }
  await closed;
  return brought;
}

interface Result {
  readonly pair: Pair;
  readonly transport: Transport;
  /** By case: nothing for a success, the reason for a failure. */
  readonly cases: ReadonlyMap<string, string | undefined>;
}

async function runPair(pair: Pair, transport: Transport, brought: Brought): Promise<Result> {
  const cases = new Map<string, string | undefined>();
  const missing = needsOf(pair, transport).filter((name) => brought.has(`missing.${name}`));
  if (missing.length > 0) {
    for (const name of pair.cases) cases.set(name, `${MISSING}: ${missing.join(", ")}`);
    return { pair, transport, cases };
  }
  const tls = transport === "TLS" ? testTls(brought) : undefined;
  try {
    const start = pair.server;
    const server = start === undefined ? undefined : await startServerProgram((port) => start(brought, port, tls));
    try {
      for (const name of pair.cases) {
        cases.set(name, await reasonOf(withGuard(pair.run(brought, server?.port ?? 0, tls, name), pair.caseMs)));
      }
    } finally {
      await server?.stop();
    }
  } catch (error) {
    for (const name of pair.cases) if (!cases.has(name)) cases.set(name, describe(error));
  }
  return { pair, transport, cases };
}

/** What `peers.sh` must bring for a pair. */
function needsOf({ needs, server }: Pair, transport: Transport): readonly string[] {
  return transport === "TLS" && server !== undefined ? ["testdata", ...needs] : needs;
}

function testTls(brought: Brought): Tls {
  const folder = path(brought, "testdata");
  return {
    ca: join(folder, "ca.pem"),
    cert: join(folder, "server1.pem"),
    key: join(folder, "server1.key"),
    name: TEST_NAME,
  };
}

function withGuard(run: Promise<void>, caseMs = CASE_MS): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const guard = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done in ${caseMs / 1000} s`)), caseMs);
  });
  return Promise.race([run, guard]).finally(() => clearTimeout(timer));
}

function reasonOf(run: Promise<void>): Promise<string | undefined> {
  return run.then(() => undefined, describe);
}

function describe(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, " ").trim().slice(0, 600);
}

/** A row for each case, a column for each pair. */
function table(results: readonly Result[]): string {
  const names = [...new Set(results.flatMap(({ pair }) => pair.cases))];
  const columns = results.map(({ pair, cases }) => [...pair.title, ...names.map((name) => cell(cases, name))]);
  const all = [["client", "server", ...names], ...columns];
  const widths = all.map((column) => Math.max(...column.map((text) => text.length)));
  const rows = (all[0] ?? []).map((_, i) =>
    all.map((column, j) => (column[i] ?? "").padEnd(widths[j] ?? 0)).join("  "),
  );
  return rows.map((row) => row.trimEnd()).join("\n");
}

function cell(cases: Result["cases"], name: string): string {
  if (!cases.has(name)) return "-";
  const reason = cases.get(name);
  if (reason === undefined) return "ok";
  return reason.startsWith(MISSING) ? MISSING : "FAILED";
}

function report(results: readonly Result[], brought: Brought): number {
  for (const transport of TRANSPORTS) {
    for (const kind of [undefined, "reflection", "descriptors"] as const) {
      const some = results.filter((result) => result.transport === transport && result.pair.table === kind);
      if (some.length > 0) print(`\n${kind ?? transport}\n\n${table(some)}`);
    }
  }
  print(`\n"-" is a case that one of the two does not have:`);
  for (const { name, lacks } of new Set(results.map(({ pair }) => pair)))
    if (lacks !== undefined) print(`  ${name}: ${lacks}`);
  const missing = [...brought].filter(([key]) => key.startsWith("missing."));
  for (const [key, why] of missing) print(`\nMISSING ${key.slice("missing.".length)}: ${why}`);
  const failed = results.flatMap(failures);
  for (const { where, names, reason } of failed) print(`\nFAILED ${where}: ${names.join(", ")}\n  ${reason}`);
  const count = failed.reduce((sum, { names }) => sum + names.length, 0);
  const ran = results.reduce((sum, { cases }) => sum + cases.size, 0);
  print(`\n${ran} cases ran, ${count} failed, ${missing.length} peers are missing`);
  return count > 0 || missing.length > 0 ? 1 : 0;
}

interface Failure {
  readonly where: string;
  readonly names: string[];
  readonly reason: string;
}

/** The failures of a pair, those of one reason together. */
function failures({ pair, transport, cases }: Result): Failure[] {
  const byReason = new Map<string, Failure>();
  for (const [name, reason] of cases) {
    if (reason === undefined) continue;
    const failure = byReason.get(reason) ?? { where: `${pair.name}, ${transport}`, names: [], reason };
    byReason.set(reason, failure);
    failure.names.push(name);
  }
  return [...byReason.values()];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function main(args: readonly string[]): Promise<number> {
  const [flag, ...words] = args.flatMap((arg) => arg.split("="));
  if (flag !== undefined && (flag !== "--only" || words.length === 0)) {
    throw new Error(
      `usage: npm run interop -- [--only word ...]: the words are of ${PAIRS.map(({ name }) => name).join("; ")}`,
    );
  }
  const runs = TRANSPORTS.flatMap((transport) =>
    PAIRS.filter(({ transports }) => transports.includes(transport)).map((pair) => ({ pair, transport })),
  ).filter(
    ({ pair, transport }) => words.length === 0 || words.some((word) => `${pair.name}, ${transport}`.includes(word)),
  );
  if (runs.length === 0) throw new Error(`no pair has ${words.join(" or ")} in its line`);
  const brought = await bring([...new Set(runs.flatMap(({ pair, transport }) => needsOf(pair, transport)))]);
  for (const [key, version] of brought)
    if (key.endsWith(".version")) print(`${key.replace(".version", "")} ${version}`);
  const results: Result[] = [];
  for (const { pair, transport } of runs) {
    const result = await runPair(pair, transport, brought);
    results.push(result);
    const failed = [...result.cases.values()].filter((reason) => reason !== undefined).length;
    print(`${pair.name}, ${transport}: ${result.cases.size} cases, ${failed} failed`);
  }
  return report(results, brought);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void stopAll().finally(() => process.exit(1)));
}
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${describe(error)}\n`);
  process.exitCode = 1;
} finally {
  await stopAll();
}
