/**
 * The interop client: `npm run interop:client -- --server_host=localhost --server_port=10000 --test_case=large_unary`.
 *
 * Spec: grpc/grpc, doc/interop-test-descriptions.md, "Client".
 * Laws: written with the public API alone; its flags are the official ones; certificates are never left unchecked.
 */
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { pathToFileURL } from "node:url";
import { Channel, type ChannelOptions } from "../../src/index.js";
import { CASES } from "./cases.js";
import { COMPRESSED_CASES } from "./compressed-cases.js";
import { booleanFlag, type Flags, numberFlag, parseFlags, wantedFlag } from "./flags.js";
import { HTTP2_CASES } from "./http2-cases.js";
import { DEFAULT_SOAK, type Soak, SOAK_CASES } from "./soak-cases.js";

const FLAGS = [
  "server_host",
  "server_host_override",
  "server_port",
  "test_case",
  "use_tls",
  "use_test_ca",
  "ca_file",
  "soak_iterations",
  "soak_max_failures",
  "soak_per_iteration_max_acceptable_latency_ms",
  "soak_min_time_ms_between_rpcs",
  "soak_overall_timeout_seconds",
] as const;

const ONE_CHANNEL_CASES = { ...CASES, ...COMPRESSED_CASES, ...HTTP2_CASES };

/** Every case there is. */
export const CASE_NAMES: readonly string[] = [...Object.keys(ONE_CHANNEL_CASES), ...Object.keys(SOAK_CASES)];

/** Runs the case that the flags name. @throws whatever went wrong in it. */
export async function runClient(args: readonly string[]): Promise<void> {
  const flags = parseFlags(args, FLAGS);
  const name = wantedFlag(flags, "test_case");
  const connect = connector(flags);
  const soakCase = Object.hasOwn(SOAK_CASES, name) ? SOAK_CASES[name] : undefined;
  if (soakCase !== undefined) return soakCase(connect, soakOf(flags));
  const one = Object.hasOwn(ONE_CHANNEL_CASES, name) ? ONE_CHANNEL_CASES[name] : undefined;
  if (one === undefined) {
    throw new Error(`there is no test case ${JSON.stringify(name)}; there are ${CASE_NAMES.join(", ")}`);
  }
  const channel = connect();
  try {
    await one(channel);
  } finally {
    await channel.destroy();
  }
}

/** Makes channels as the flags describe them. Without `--use_test_ca` the roots are those of Node. */
function connector(flags: Flags): () => Channel {
  const target = `${wantedFlag(flags, "server_host")}:${wantedFlag(flags, "server_port")}`;
  const options: ChannelOptions = { tls: tlsOf(flags), authority: flags.get("server_host_override") };
  return () => new Channel(target, options);
}

function tlsOf(flags: Flags): ChannelOptions["tls"] {
  if (!booleanFlag(flags, "use_tls")) return false;
  return booleanFlag(flags, "use_test_ca") ? { ca: readFileSync(wantedFlag(flags, "ca_file")) } : true;
}

function soakOf(flags: Flags): Soak {
  return {
    iterations: numberFlag(flags, "soak_iterations", DEFAULT_SOAK.iterations),
    maxFailures: numberFlag(flags, "soak_max_failures", DEFAULT_SOAK.maxFailures),
    maxLatencyMs: numberFlag(flags, "soak_per_iteration_max_acceptable_latency_ms", DEFAULT_SOAK.maxLatencyMs),
    minTimeBetweenMs: numberFlag(flags, "soak_min_time_ms_between_rpcs", DEFAULT_SOAK.minTimeBetweenMs),
    overallTimeoutMs: 1000 * numberFlag(flags, "soak_overall_timeout_seconds", DEFAULT_SOAK.overallTimeoutMs / 1000),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  runClient(process.argv.slice(2)).then(
    () => process.stdout.write("OK\n"),
    (error: unknown) => {
      process.stderr.write(`interop client: ${error instanceof Error ? error.message : inspect(error)}\n`);
      process.exitCode = 1;
    },
  );
}
