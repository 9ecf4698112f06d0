/**
 * The interop client on @grpc/grpc-js: `node --import tsx test/interop/grpc-js/client.ts --server_port=10000 --test_case=…`.
 *
 * Spec: grpc/grpc, doc/interop-test-descriptions.md, "Client".
 */
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { readFileSync } from "node:fs";
import { type ChannelOptions, compressionAlgorithms, credentials, status as Code } from "@grpc/grpc-js";
import {
  GrpcJsClient,
  type GrpcJsMessage,
  grpcJsMetadata,
  type GrpcJsOutcome,
  grpcJsServiceOfFile,
} from "../../support/grpc-js-peer.js";
import { booleanFlag, type Flags, numberFlag, parseFlags, wantedFlag } from "../flags.js";
import {
  AGGREGATED_SIZE,
  ECHO_INITIAL,
  ECHO_INITIAL_VALUE,
  ECHO_TRAILING,
  ECHO_TRAILING_VALUE,
  LARGE_REQUEST,
  LARGE_RESPONSE,
  REQUEST_SIZES,
  RESPONSE_SIZES,
  SPECIAL_STATUS_MESSAGE,
  STATUS_MESSAGE,
  TEST_PROTO,
  zeros,
} from "../service.js";

type Connect = (service: string, options?: ChannelOptions) => GrpcJsClient;

const LARGE: GrpcJsMessage = { responseSize: LARGE_RESPONSE, payload: zeros(LARGE_REQUEST) };
const PINGS: readonly GrpcJsMessage[] = RESPONSE_SIZES.map((size, i) => ({
  responseParameters: [{ size }],
  payload: zeros(REQUEST_SIZES[i] ?? 0),
}));
const METADATA = grpcJsMetadata([
  [ECHO_INITIAL, ECHO_INITIAL_VALUE],
  [ECHO_TRAILING, ECHO_TRAILING_VALUE],
]);

const CASES: Readonly<Record<string, (connect: Connect) => Promise<void>>> = {
  empty_unary: async (connect) => wantSuccess(await connect("TestService").call("EmptyCall", [{}]), []),
  large_unary: largeUnary,
  client_streaming: async (connect) => {
    const requests = REQUEST_SIZES.map((size) => ({ payload: zeros(size) }));
    const { status, messages } = await connect("TestService").call("StreamingInputCall", requests);
    assert.equal(status.code, Code.OK, status.details);
    assert.deepEqual(messages, [{ aggregatedPayloadSize: AGGREGATED_SIZE }]);
  },
  server_streaming: async (connect) => {
    const request = { responseParameters: RESPONSE_SIZES.map((size) => ({ size })) };
    wantSuccess(await connect("TestService").call("StreamingOutputCall", [request]), RESPONSE_SIZES);
  },
  ping_pong: async (connect) => {
    const pongs = new EventEmitter();
    const pings = async function* (): AsyncGenerator<GrpcJsMessage> {
      for (const ping of PINGS) {
        const pong = once(pongs, "pong");
        yield ping;
        await pong;
      }
    };
    const call = connect("TestService").start("FullDuplexCall", pings(), { onMessage: () => pongs.emit("pong") });
    wantSuccess(await call.outcome, RESPONSE_SIZES);
  },
  empty_stream: async (connect) => wantSuccess(await connect("TestService").call("FullDuplexCall", []), []),
  custom_metadata: async (connect) => {
    const client = connect("TestService");
    wantEcho(await client.call("UnaryCall", [LARGE], { metadata: METADATA }));
    wantEcho(await client.call("FullDuplexCall", PINGS, { metadata: METADATA }));
  },
  status_code_and_message: async (connect) => {
    for (const method of ["UnaryCall", "FullDuplexCall"]) await statusMessage(connect, method, STATUS_MESSAGE);
  },
  special_status_message: (connect) => statusMessage(connect, "UnaryCall", SPECIAL_STATUS_MESSAGE),
  unimplemented_method: (connect) => unimplemented(connect, "TestService"),
  unimplemented_service: (connect) => unimplemented(connect, "UnimplementedService"),
  cancel_after_begin: async (connect) => {
    const call = connect("TestService").start("StreamingInputCall", neverEnding([]));
    call.cancel();
    wantFailure(await call.outcome, Code.CANCELLED);
  },
  cancel_after_first_response: async (connect) => {
    const call = connect("TestService").start("FullDuplexCall", neverEnding(PINGS.slice(0, 1)));
    await call.answered;
    call.cancel();
    wantFailure(await call.outcome, Code.CANCELLED);
  },
  timeout_on_sleeping_server: async (connect) => {
    const requests = neverEnding([{ payload: zeros(REQUEST_SIZES[0] ?? 0) }]);
    const call = connect("TestService").start("FullDuplexCall", requests, { deadline: Date.now() + 1 });
    wantFailure(await call.outcome, Code.DEADLINE_EXCEEDED);
  },
  client_compressed_unary: async (connect) => {
    const [plain, gzip] = [connect("TestService"), connect("TestService", COMPRESSED)];
    const expecting = (value: boolean): GrpcJsMessage[] => [{ ...LARGE, expectCompressed: { value } }];
    wantFailure(await plain.call("UnaryCall", expecting(true)), Code.INVALID_ARGUMENT);
    wantSuccess(await gzip.call("UnaryCall", expecting(true)), [LARGE_RESPONSE]);
    wantSuccess(await plain.call("UnaryCall", expecting(false)), [LARGE_RESPONSE]);
  },
  // The flag of a message is not shown; that the message is read is what this client can say.
  server_compressed_unary: async (connect) => {
    for (const value of [true, false]) {
      const request = { ...LARGE, responseCompressed: { value } };
      wantSuccess(await connect("TestService").call("UnaryCall", [request]), [LARGE_RESPONSE]);
    }
  },
  server_compressed_streaming: async (connect) => {
    const responseParameters = [
      { size: 31_415, compressed: { value: true } },
      { size: 92_653, compressed: { value: false } },
    ];
    wantSuccess(await connect("TestService").call("StreamingOutputCall", [{ responseParameters }]), [31_415, 92_653]);
  },
};

const COMPRESSED: ChannelOptions = { "grpc.default_compression_algorithm": compressionAlgorithms.gzip };

async function largeUnary(connect: Connect): Promise<void> {
  wantSuccess(await connect("TestService").call("UnaryCall", [LARGE]), [LARGE_RESPONSE]);
}

async function statusMessage(connect: Connect, method: string, message: string): Promise<void> {
  const outcome = await connect("TestService").call(method, [{ responseStatus: { code: Code.UNKNOWN, message } }]);
  wantFailure(outcome, Code.UNKNOWN);
  assert.equal(outcome.status.details, message);
}

async function unimplemented(connect: Connect, service: string): Promise<void> {
  wantFailure(await connect(service).call("UnimplementedCall", [{}]), Code.UNIMPLEMENTED);
}

async function* neverEnding(requests: readonly GrpcJsMessage[]): AsyncGenerator<GrpcJsMessage> {
  yield* requests;
  await new Promise(() => undefined);
}

/** A success, with payloads of these sizes. */
function wantSuccess({ status, messages }: GrpcJsOutcome, sizes: readonly number[]): void {
  assert.equal(status.code, Code.OK, status.details);
  const payloads = messages.map(({ payload }) => payload as { body: Uint8Array } | null | undefined);
  assert.deepEqual(
    payloads.flatMap((payload) => payload?.body.length ?? []),
    sizes,
  );
}

function wantFailure({ status }: GrpcJsOutcome, code: Code): void {
  assert.equal(Code[status.code], Code[code], status.details);
}

function wantEcho({ status, headers }: GrpcJsOutcome): void {
  assert.equal(status.code, Code.OK, status.details);
  assert.deepEqual(headers?.get(ECHO_INITIAL), [ECHO_INITIAL_VALUE]);
  assert.deepEqual(status.metadata.get(ECHO_TRAILING), [Buffer.from(ECHO_TRAILING_VALUE)]);
}

function connector(flags: Flags, opened: GrpcJsClient[]): Connect {
  const tls = booleanFlag(flags, "use_tls");
  const ca = booleanFlag(flags, "use_test_ca") ? readFileSync(wantedFlag(flags, "ca_file")) : null;
  const override = flags.get("server_host_override");
  const named: ChannelOptions = override === undefined ? {} : { "grpc.ssl_target_name_override": override };
  return (service, options = {}) => {
    const client = new GrpcJsClient(
      grpcJsServiceOfFile(TEST_PROTO, `grpc.testing.${service}`),
      numberFlag(flags, "server_port", 10_000),
      { ...named, ...options },
      tls ? credentials.createSsl(ca) : credentials.createInsecure(),
    );
    opened.push(client);
    return client;
  };
}

async function main(args: readonly string[]): Promise<void> {
  const names = [
    "server_host",
    "server_host_override",
    "server_port",
    "test_case",
    "use_tls",
    "use_test_ca",
    "ca_file",
  ];
  const flags = parseFlags(args, names);
  const name = wantedFlag(flags, "test_case");
  const run = Object.hasOwn(CASES, name) ? CASES[name] : undefined;
  if (run === undefined) throw new Error(`there is no test case ${JSON.stringify(name)}`);
  const opened: GrpcJsClient[] = [];
  try {
    await run(connector(flags, opened));
  } finally {
    for (const client of opened) client.close();
  }
}

await main(process.argv.slice(2));
