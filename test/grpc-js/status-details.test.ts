/**
 * Details of errors between @grpc/grpc-js and us. It passes the trailer on as bytes, which protobufjs alone takes apart and
 * makes here.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import protobuf from "protobufjs";
import { Channel, Code, durationFromMs, StatusError, type StatusDetail } from "../../src/index.js";
import { withEcho } from "../support/echo-served.js";
import { Echo, ECHO_PROTO } from "../support/echo-service.js";
import { behaveAs } from "../support/echo-ways.js";
import {
  GrpcJsClient,
  GrpcJsError,
  grpcJsMetadata,
  grpcJsServiceOfText,
  serveGrpcJs,
} from "../support/grpc-js-peer.js";

const service = grpcJsServiceOfText(ECHO_PROTO, "barewire.test.Echo");
const NAME = "grpc-status-details-bin";
const METHODS = ["Unary", "ServerStreaming", "ClientStreaming", "BidiStreaming"];

const { root } = protobuf.parse(`syntax = "proto3"; package theirs;
message Any { string type_url = 1; bytes value = 2; }
message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
message BadRequest { message FieldViolation { string field = 1; string description = 2; } repeated FieldViolation field_violations = 1; }
message RetryInfo { message Duration { int64 seconds = 1; int32 nanos = 2; } Duration retry_delay = 1; }`);
const Status = root.lookupType("theirs.Status");
const BadRequest = root.lookupType("theirs.BadRequest");
const RetryInfo = root.lookupType("theirs.RetryInfo");

const DETAILS: readonly StatusDetail[] = [
  {
    typeName: "google.rpc.BadRequest",
    message: {
      fieldViolations: [{ field: "text", description: "too long ☺", reason: "", localizedMessage: undefined }],
    },
  },
  { typeName: "google.rpc.RetryInfo", message: { retryDelay: durationFromMs(1500) } },
  { typeUrl: "type.googleapis.com/theirs.Own", value: Uint8Array.of(1, 2, 3) },
];

test("R46 a grpc-js client gets the details that our handler threw, in all four kinds", async () => {
  const failing = behaveAs(async function* () {
    throw new StatusError(Code.INVALID_ARGUMENT, "bad ☺", { details: DETAILS });
  });
  await withEcho(failing, async ({ port }) => {
    const client = new GrpcJsClient(service, port);
    for (const method of METHODS) {
      const { status } = await client.call(method, [{}]);
      assert.deepEqual([status.code, status.details], [3, "bad ☺"]);
      const [bytes] = status.metadata.get(NAME);
      const { code, message, details } = Status.decode(bytes as Buffer) as unknown as {
        code: number;
        message: string;
        details: { typeUrl: string; value: Uint8Array }[];
      };
      assert.deepEqual([code, message], [3, "bad ☺"]);
      assert.deepEqual(
        details.map(({ typeUrl }) => typeUrl),
        ["google.rpc.BadRequest", "google.rpc.RetryInfo", "theirs.Own"].map((name) => `type.googleapis.com/${name}`),
      );
      const [badRequest, retryInfo, own] = details.map(({ value }) => value) as [Uint8Array, Uint8Array, Uint8Array];
      assert.deepEqual(BadRequest.decode(badRequest).toJSON(), {
        fieldViolations: [{ field: "text", description: "too long ☺" }],
      });
      assert.deepEqual(RetryInfo.decode(retryInfo).toJSON(), { retryDelay: { seconds: "1", nanos: 500_000_000 } });
      assert.deepEqual([...own], [1, 2, 3]);
    }
    client.close();
  });
});

test("R46 our client gets the details that a grpc-js handler sent, in all four kinds", async () => {
  const any = (typeUrl: string, value: Uint8Array): object => ({ typeUrl, value });
  const bytes = Status.encode({
    code: 3,
    message: "bad ☺",
    details: [
      any(
        "type.googleapis.com/google.rpc.BadRequest",
        BadRequest.encode({ fieldViolations: [{ field: "text", description: "too long ☺" }] }).finish(),
      ),
      any(
        "type.googleapis.com/google.rpc.RetryInfo",
        RetryInfo.encode({ retryDelay: { seconds: 1, nanos: 500_000_000 } }).finish(),
      ),
      any("type.googleapis.com/theirs.Own", Uint8Array.of(1, 2, 3)),
    ],
  }).finish();
  async function* failing(): AsyncGenerator<never> {
    throw new GrpcJsError(3, "bad ☺", grpcJsMetadata([[NAME, bytes]]));
  }
  const server = await serveGrpcJs(service, Object.fromEntries(METHODS.map((name) => [name, failing])));
  const channel = new Channel(`127.0.0.1:${server.port}`);
  const client = channel.client(Echo);
  try {
    for (const call of [
      () => client.unary({}),
      () => client.serverStreaming({}).receive(),
      () => client.clientStreaming([{}]),
      () => client.bidiStreaming([{}]).receive(),
    ]) {
      await assert.rejects(
        async () => call(),
        (error) => {
          assert.ok(error instanceof StatusError);
          assert.deepEqual([error.code, error.rawMessage], [Code.INVALID_ARGUMENT, "bad ☺"]);
          assert.deepEqual(error.details, DETAILS);
          return true;
        },
      );
    }
  } finally {
    await channel.destroy();
    await server.close();
  }
});
