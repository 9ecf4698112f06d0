/**
 * The interop server on @grpc/grpc-js: `node --import tsx test/interop/grpc-js/server.ts --port=10000`.
 *
 * Spec: grpc/grpc, doc/interop-test-descriptions.md, "Server".
 */
import { readFileSync } from "node:fs";
import { ServerCredentials } from "@grpc/grpc-js";
import {
  type GrpcJsBehaviour,
  GrpcJsError,
  type GrpcJsMessage,
  type GrpcJsServed,
  grpcJsMetadata,
  grpcJsServiceOfFile,
  serveGrpcJs,
} from "../../support/grpc-js-peer.js";
import { booleanFlag, type Flags, numberFlag, parseFlags, wantedFlag } from "../flags.js";
import { ECHO_INITIAL, ECHO_TRAILING, TEST_PROTO, zeros } from "../service.js";

interface Status {
  readonly code: number;
  readonly message: string;
}

const BEHAVIOURS: Readonly<Record<string, GrpcJsBehaviour>> = {
  EmptyCall: async function* () {
    yield {};
  },
  UnaryCall: async function* (requests, call) {
    echoMetadata(call);
    for await (const request of requests) {
      echoStatus(request);
      yield { payload: zeros(Number(request["responseSize"])) };
    }
  },
  StreamingInputCall: async function* (requests) {
    let aggregatedPayloadSize = 0;
    for await (const { payload } of requests) aggregatedPayloadSize += (payload as { body: Uint8Array }).body.length;
    yield { aggregatedPayloadSize };
  },
  StreamingOutputCall: answers,
  FullDuplexCall: answers,
};

async function* answers(requests: AsyncIterable<GrpcJsMessage>, call: GrpcJsServed): AsyncGenerator<GrpcJsMessage> {
  echoMetadata(call);
  for await (const request of requests) {
    echoStatus(request);
    for (const { size } of request["responseParameters"] as { size: number }[]) yield { payload: zeros(size) };
  }
}

function echoStatus({ responseStatus }: GrpcJsMessage): void {
  const status = responseStatus as Status | null | undefined;
  if (status !== null && status !== undefined && status.code !== 0) throw new GrpcJsError(status.code, status.message);
}

function echoMetadata({ metadata, trailers, sendMetadata }: GrpcJsServed): void {
  const initial = metadata.get(ECHO_INITIAL);
  if (initial.length > 0) sendMetadata(grpcJsMetadata(initial.map((value) => [ECHO_INITIAL, value])));
  for (const value of metadata.get(ECHO_TRAILING)) trailers.add(ECHO_TRAILING, value);
}

function credentialsOf(flags: Flags): ServerCredentials {
  if (!booleanFlag(flags, "use_tls")) return ServerCredentials.createInsecure();
  const pair = {
    cert_chain: readFileSync(wantedFlag(flags, "tls_cert_file")),
    private_key: readFileSync(wantedFlag(flags, "tls_key_file")),
  };
  return ServerCredentials.createSsl(null, [pair]);
}

const flags = parseFlags(process.argv.slice(2), ["port", "use_tls", "tls_cert_file", "tls_key_file"]);
const server = await serveGrpcJs(
  grpcJsServiceOfFile(TEST_PROTO, "grpc.testing.TestService"),
  BEHAVIOURS,
  credentialsOf(flags),
  numberFlag(flags, "port", 10_000),
);
process.once("SIGTERM", () => void server.close());
