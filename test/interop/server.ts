/**
 * The interop server: `npm run interop:server -- --port=10000`.
 *
 * Spec: grpc/grpc, doc/interop-test-descriptions.md, "Server".
 * Laws: written with the public API alone; its flags are the official ones.
 */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { type Listening, Server } from "../../src/index.js";
import { booleanFlag, type Flags, numberFlag, parseFlags, wantedFlag } from "./flags.js";
import { TestService } from "./service.js";
import { testService } from "./test-service.js";

const FLAGS = ["port", "use_tls", "tls_cert_file", "tls_key_file"] as const;

/** @throws Error for what is no flag of the server. */
export function parseServerFlags(args: readonly string[]): Flags {
  return parseFlags(args, FLAGS);
}

/** The server as its flags describe it, listening. Without `tls_cert_file` and `tls_key_file` there is no TLS to be had. */
export async function startServer(flags: Flags, host: string): Promise<{ server: Server; listening: Listening }> {
  const server = new Server(booleanFlag(flags, "use_tls") ? { tls: certificateOf(flags) } : {});
  server.add(TestService, testService);
  return { server, listening: await server.listen(`${host}:${numberFlag(flags, "port", 10_000)}`) };
}

function certificateOf(flags: Flags): { cert: Buffer; key: Buffer } {
  return {
    cert: readFileSync(wantedFlag(flags, "tls_cert_file")),
    key: readFileSync(wantedFlag(flags, "tls_key_file")),
  };
}

async function main(args: readonly string[]): Promise<void> {
  const { server, listening } = await startServer(parseServerFlags(args), "0.0.0.0");
  process.stdout.write(`listening on ${listening.address}\n`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void server.close({ graceMs: 1000 }));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`interop server: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
}
