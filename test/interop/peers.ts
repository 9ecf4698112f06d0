/**
 * The peers of an interop run: how each is started, and which of the cases it has.
 *
 * Laws: what a peer cannot do is said with its reason, and nothing is left out in silence.
 */
import { CASES } from "./cases.js";
import { bufCurl, COMMAND_CASES, grpcurl, runCommandCase } from "./command-clients.js";
import { COMPRESSED_CASES } from "./compressed-cases.js";
import { mustRun, ownProgram, type Program } from "./program.js";
import { LARGE_RESPONSE, TEST_PROTO } from "./service.js";
import { SOAK_CASES } from "./soak-cases.js";

/** Where the programs are: the lines of `peers.sh`. */
export type Brought = ReadonlyMap<string, string>;

/** The test CA and the server certificate that it signed. */
export interface Tls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** A name that the certificate is for. */
  readonly name: string;
}

/** A server that a client is to call; without `tls` in plaintext. */
export interface Where {
  readonly port: number;
  readonly tls: Tls | undefined;
}

/** A client of another library. */
export interface TheirClient {
  readonly name: string;
  /** The names of `peers.sh` that it needs. */
  readonly needs: readonly string[];
  readonly cases: readonly string[];
  /** Why it has no other cases. */
  readonly lacks: string;
  run(brought: Brought, where: Where, name: string): Promise<void>;
}

/** A server of another library. */
export interface TheirServer {
  readonly name: string;
  readonly needs: readonly string[];
  /** The cases it cannot serve. */
  readonly without: readonly string[];
  /** Why not. */
  readonly lacks: string;
  program(brought: Brought, port: number, tls: Tls | undefined): Program;
}

const BASIC = Object.keys(CASES);
/** Every case of our client against a good server. */
export const ALL_CASES: readonly string[] = [...BASIC, ...Object.keys(COMPRESSED_CASES), ...Object.keys(SOAK_CASES)];

/** The official flags, which all clients have in common. */
export function clientFlags({ port, tls }: Where, name: string): string[] {
  const flags = [`--server_host=127.0.0.1`, `--server_port=${port}`, `--test_case=${name}`];
  if (tls !== undefined) flags.push("--use_tls=true", "--use_test_ca=true", `--server_host_override=${tls.name}`);
  return flags;
}

export function serverFlags(port: number, tls: Tls | undefined): string[] {
  const flags = [`--port=${port}`];
  if (tls !== undefined) flags.push("--use_tls=true", `--tls_cert_file=${tls.cert}`, `--tls_key_file=${tls.key}`);
  return flags;
}

function caFlag(tls: Tls | undefined): string[] {
  return tls === undefined ? [] : [`--ca_file=${tls.ca}`];
}

export function path(brought: Brought, key: string): string {
  const value = brought.get(key);
  if (value === undefined) throw new Error(`peers.sh did not say where ${key} is`);
  return value;
}

const NO_FLAG_SEEN = "its library does not show whether a message came compressed";

export const THEIR_CLIENTS: readonly TheirClient[] = [
  {
    name: "grpc-go",
    needs: ["go"],
    cases: [...BASIC, "rpc_soak", "channel_soak"],
    lacks: "its client has no cases on compression and no long_lived_channel",
    run: async (brought, where, name) => {
      await mustRun({
        command: path(brought, "go.client"),
        args: [...clientFlags(where, name), ...caFlag(where.tls)],
      });
    },
  },
  {
    name: "ruby",
    needs: ["ruby"],
    cases: [
      ...BASIC.filter((name) => name !== "special_status_message"),
      "client_compressed_unary",
      "client_compressed_streaming",
    ],
    lacks: "its client has no special_status_message, no server_compressed cases and no soak",
    run: async (brought, where, name) => {
      await mustRun({ command: "ruby", args: [path(brought, "ruby.client"), ...clientFlags(where, name)] });
    },
  },
  {
    name: "python",
    needs: ["python"],
    cases: [...BASIC, "client_compressed_unary", "server_compressed_unary", "server_compressed_streaming"],
    lacks: "grpcio compresses a call, not a message of a stream",
    run: async (brought, where, name) => {
      const args = ["test/interop/python/client.py", ...clientFlags(where, name), ...caFlag(where.tls)];
      await mustRun({ command: path(brought, "python"), args });
    },
  },
  {
    name: "grpc-js",
    needs: ["grpc-js"],
    cases: [...BASIC, "client_compressed_unary", "server_compressed_unary", "server_compressed_streaming"],
    lacks: "grpc-js compresses all messages of a channel or none",
    run: async (_brought, where, name) => {
      const flags = [...clientFlags(where, name), ...caFlag(where.tls)];
      await mustRun(ownProgram("test/interop/grpc-js/client.ts", flags));
    },
  },
  {
    name: "buf curl",
    needs: ["buf"],
    cases: Object.keys(COMMAND_CASES),
    lacks: "a command makes one call and waits for its end",
    run: (brought, where, name) => runCommandCase(bufCurl(path(brought, "buf")), where, name),
  },
  {
    name: "grpcurl",
    needs: ["grpcurl"],
    cases: Object.keys(COMMAND_CASES),
    lacks: "a command makes one call and waits for its end",
    run: (brought, where, name) => runCommandCase(grpcurl(path(brought, "grpcurl")), where, name),
  },
  {
    name: "ghz",
    needs: ["ghz"],
    cases: ["concurrent_large_unary"],
    lacks: "it makes load, of one kind of call",
    run: (brought, where) => concurrentCalls(path(brought, "ghz"), where),
  },
];

const CONCURRENT_CALLS = 1000;

/** "Client performs 1000 large_unary tests in parallel on the same channel." */
async function concurrentCalls(ghz: string, { port, tls }: Where): Promise<void> {
  const { stdout } = await mustRun({
    command: ghz,
    args: [
      ...(tls === undefined ? ["--insecure"] : ["--cacert", tls.ca, "--cname", tls.name]),
      ...["--proto", TEST_PROTO, "--call", "grpc.testing.TestService.UnaryCall"],
      ...["-n", String(CONCURRENT_CALLS), "-c", String(CONCURRENT_CALLS), "--connections", "1", "-O", "json"],
      ...["-d", JSON.stringify({ responseSize: LARGE_RESPONSE }), `127.0.0.1:${port}`],
    ],
  });
  const { statusCodeDistribution } = JSON.parse(stdout) as { statusCodeDistribution: Record<string, number> };
  if (statusCodeDistribution["OK"] !== CONCURRENT_CALLS) {
    throw new Error(`of ${CONCURRENT_CALLS} calls ended ${JSON.stringify(statusCodeDistribution)}`);
  }
}

const CLIENT_COMPRESSED = ["client_compressed_unary", "client_compressed_streaming"];
const SERVER_COMPRESSED = ["server_compressed_unary", "server_compressed_streaming"];

export const THEIR_SERVERS: readonly TheirServer[] = [
  {
    name: "grpc-go",
    needs: ["go"],
    without: [...CLIENT_COMPRESSED, ...SERVER_COMPRESSED, "compressed_requests"],
    lacks: "its server is built without gzip",
    program: (brought, port, tls) => ({ command: path(brought, "go.server"), args: serverFlags(port, tls) }),
  },
  {
    name: "ruby",
    needs: ["ruby"],
    without: [...CLIENT_COMPRESSED, ...SERVER_COMPRESSED, "concurrent_large_unary"],
    lacks: "its server looks at neither expect_compressed nor response_compressed, and has threads for 30 calls",
    // It has the very certificates of the other peers, and no flags for them.
    program: (brought, port, tls) => ({
      command: "ruby",
      args: [path(brought, "ruby.server"), `--port=${port}`, ...(tls === undefined ? [] : ["--use_tls=true"])],
    }),
  },
  {
    name: "python",
    needs: ["python"],
    without: CLIENT_COMPRESSED,
    lacks: NO_FLAG_SEEN,
    program: (brought, port, tls) => ({
      command: path(brought, "python"),
      args: ["test/interop/python/server.py", ...serverFlags(port, tls)],
    }),
  },
  {
    name: "grpc-js",
    needs: ["grpc-js"],
    without: [...CLIENT_COMPRESSED, ...SERVER_COMPRESSED],
    lacks: `${NO_FLAG_SEEN}, and its server does not compress`,
    program: (_brought, port, tls) => ownProgram("test/interop/grpc-js/server.ts", serverFlags(port, tls)),
  },
];
