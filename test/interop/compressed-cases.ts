/**
 * The interop cases on compression: which messages are compressed is said for each, and seen from the flag of each.
 *
 * Spec: grpc/grpc, doc/interop-test-descriptions.md, "client_compressed_unary" and the three like it.
 */
import assert from "node:assert/strict";
import { type Channel, Code } from "../../src/index.js";
import { type Case, LARGE, wantSize, wantStatus, wantZeros } from "./cases.js";
import { LARGE_RESPONSE, REQUEST_SIZES, TestService, zeros } from "./service.js";

const FIRST_REQUEST = 27_182;
const SECOND_REQUEST = 45_904;
const COMPRESSED_RESPONSE = 31_415;
const PLAIN_RESPONSE = 92_653;

export const COMPRESSED_CASES: Readonly<Record<string, Case>> = {
  client_compressed_unary: clientCompressedUnary,
  server_compressed_unary: serverCompressedUnary,
  client_compressed_streaming: clientCompressedStreaming,
  server_compressed_streaming: serverCompressedStreaming,
  compressed_requests: compressedRequests,
};

async function clientCompressedUnary(channel: Channel): Promise<void> {
  const { unaryCall } = channel.client(TestService);
  const compressed = { ...LARGE, expectCompressed: { value: true } };
  await wantStatus(unaryCall(compressed), Code.INVALID_ARGUMENT);
  wantZeros((await unaryCall(compressed, { compression: "gzip" })).payload, LARGE_RESPONSE);
  wantZeros((await unaryCall({ ...LARGE, expectCompressed: { value: false } })).payload, LARGE_RESPONSE);
}

async function serverCompressedUnary(channel: Channel): Promise<void> {
  for (const value of [true, false]) {
    const call = channel.client(TestService).unaryCall({ ...LARGE, responseCompressed: { value } });
    wantZeros((await call).payload, LARGE_RESPONSE);
    assert.equal(call.responseCompressed, value, "the compressed flag is as it was asked for");
  }
}

async function clientCompressedStreaming(channel: Channel): Promise<void> {
  const { streamingInputCall } = channel.client(TestService);
  const first = { payload: zeros(FIRST_REQUEST), expectCompressed: { value: true } };
  const second = { payload: zeros(SECOND_REQUEST), expectCompressed: { value: false } };
  await wantStatus(streamingInputCall([first]), Code.INVALID_ARGUMENT);
  const call = streamingInputCall({ compression: "gzip" });
  await call.send(first);
  await call.send(second, { compress: false });
  assert.equal((await call.finish()).aggregatedPayloadSize, FIRST_REQUEST + SECOND_REQUEST);
}

async function serverCompressedStreaming(channel: Channel): Promise<void> {
  const call = channel.client(TestService).streamingOutputCall({
    responseParameters: [
      { size: COMPRESSED_RESPONSE, compressed: { value: true } },
      { size: PLAIN_RESPONSE, compressed: { value: false } },
    ],
  });
  wantSize((await call.receive())?.payload, COMPRESSED_RESPONSE);
  assert.equal(call.responseCompressed, true, "the first message is compressed");
  wantSize((await call.receive())?.payload, PLAIN_RESPONSE);
  assert.equal(call.responseCompressed, false, "the second message is not");
  assert.equal(await call.receive(), undefined);
  await wantStatus(call, Code.OK);
}

/** Not an official case: what we compress is read by servers that cannot say whether it was compressed. */
async function compressedRequests(channel: Channel): Promise<void> {
  const { unaryCall, streamingInputCall } = channel.client(TestService);
  wantZeros((await unaryCall(LARGE, { compression: "gzip" })).payload, LARGE_RESPONSE);
  const requests = REQUEST_SIZES.map((size) => ({ payload: zeros(size) }));
  const { aggregatedPayloadSize } = await streamingInputCall(requests, { compression: "gzip" });
  assert.equal(
    aggregatedPayloadSize,
    REQUEST_SIZES.reduce((sum, size) => sum + size, 0),
  );
}
