/**
 * The interop cases between our client and our server, and between our client and a server that misbehaves: what
 * `npm run interop` asks of every pair, of the one pair that needs nothing installed.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Authority } from "../support/certificates.js";
import { CASES } from "./cases.js";
import { runClient } from "./client.js";
import { COMPRESSED_CASES } from "./compressed-cases.js";
import { HTTP2_CASES } from "./http2-cases.js";
import { BEHAVIOURS, startHttp2Server } from "./http2-server.js";
import { parseServerFlags, startServer } from "./server.js";
import { SOAK_CASES } from "./soak-cases.js";

function clientArgs(port: number, name: string): string[] {
  return ["--server_host=127.0.0.1", `--server_port=${port}`, "--test_case", name];
}

/** The rules that a case proves, where it proves one. */
const PROVES: Readonly<Record<string, string>> = {
  concurrent_large_unary: "R151 ",
  data_frame_padding: "R49 ",
  empty_unary: "R50 ",
  goaway: "R152 ",
  max_streams: "R162 ",
  no_df_padding_sanity_test: "R48 ",
  ping_pong: "R146 ",
  rst_after_data: "R87 ",
  rst_after_header: "R87 ",
  rst_during_data: "R87 ",
  special_status_message: "R65 R66 ",
  unimplemented_method: "R25 ",
  unimplemented_service: "R25 ",
};

const folder = mkdtempSync(join(tmpdir(), "barewire-interop-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The flags of both sides for TLS, with certificates that are good for one name only. */
function tlsFlags(): { readonly server: readonly string[]; readonly client: readonly string[] } {
  const authority = new Authority();
  const { cert, key } = authority.issue({ names: ["foo.test.google.fr"] });
  const [caFile, certFile, keyFile] = ["ca.pem", "server.pem", "server.key"].map((file) => join(folder, file));
  for (const [file, text] of [
    [caFile, authority.cert],
    [certFile, cert],
    [keyFile, key],
  ] as const)
    writeFileSync(String(file), text);
  return {
    server: ["--use_tls", "true", `--tls_cert_file=${certFile}`, `--tls_key_file=${keyFile}`],
    client: [
      "--use_tls=true",
      "--use_test_ca=true",
      `--ca_file=${caFile}`,
      "--server_host_override=foo.test.google.fr",
    ],
  };
}

const TRANSPORTS = { plaintext: { server: [], client: [] }, TLS: tlsFlags() } as const;

for (const [transport, flags] of Object.entries(TRANSPORTS)) {
  describe(`our client and our server, ${transport}`, () => {
    for (const name of Object.keys({ ...CASES, ...COMPRESSED_CASES, ...SOAK_CASES })) {
      test(`${PROVES[name] ?? ""}${name}`, async () => {
        const { server, listening } = await startServer(parseServerFlags(["--port=0", ...flags.server]), "127.0.0.1");
        const soak = name in SOAK_CASES ? ["--soak_iterations=3"] : [];
        try {
          await runClient([...clientArgs(listening.port, name), ...flags.client, ...soak]);
        } finally {
          await server.close({ graceMs: 0 });
        }
      });
    }
  });
}

describe("our client and a server that misbehaves", () => {
  test("there is a behaviour for every case", () => {
    assert.deepEqual(Object.keys(BEHAVIOURS), Object.keys(HTTP2_CASES));
  });

  for (const name of Object.keys(HTTP2_CASES)) {
    test(`${PROVES[name] ?? ""}${name}`, async () => {
      const server = await startHttp2Server(name);
      try {
        await runClient(clientArgs(server.port, name));
        server.verify();
      } finally {
        await server.close();
      }
    });
  }
});
