/**
 * The interop cases: what a client does, and what must come back.
 *
 * Spec: grpc/grpc, doc/interop-test-descriptions.md, "Client".
 * Laws: written with the public API alone; a case resolves when everything was as the document asks, and else rejects saying
 * what was wanted and what came.
 */
import assert from "node:assert/strict";
import { type CallFacts, type Channel, Code, codeName, type Metadata, StatusError } from "../../src/index.js";
import {
  AGGREGATED_SIZE,
  ECHO_INITIAL,
  ECHO_INITIAL_VALUE,
  ECHO_TRAILING,
  ECHO_TRAILING_VALUE,
  type Init,
  LARGE_REQUEST,
  LARGE_RESPONSE,
  type OutputRequest,
  type OutputResponse,
  type Payload,
  REQUEST_SIZES,
  RESPONSE_SIZES,
  type SimpleRequest,
  SPECIAL_STATUS_MESSAGE,
  STATUS_MESSAGE,
  TestService,
  UnimplementedService,
  zeros,
} from "./service.js";

export type Case = (channel: Channel) => Promise<void>;

/** What `large_unary` asks for, and most cases with it. */
export const LARGE: Init<SimpleRequest> = { responseSize: LARGE_RESPONSE, payload: zeros(LARGE_REQUEST) };

export const CASES: Readonly<Record<string, Case>> = {
  empty_unary: async (channel) => {
    assert.deepEqual(await channel.client(TestService).emptyCall({}), {});
  },
  large_unary: largeUnary,
  client_streaming: async (channel) => {
    const requests = REQUEST_SIZES.map((size) => ({ payload: zeros(size) }));
    const { aggregatedPayloadSize } = await channel.client(TestService).streamingInputCall(requests);
    assert.equal(aggregatedPayloadSize, AGGREGATED_SIZE);
  },
  server_streaming: async (channel) => {
    const request = { responseParameters: RESPONSE_SIZES.map((size) => ({ size })) };
    const sizes: number[] = [];
    for await (const { payload } of channel.client(TestService).streamingOutputCall(request))
      sizes.push(sizeOf(payload));
    assert.deepEqual(sizes, RESPONSE_SIZES);
  },
  ping_pong: pingPong,
  empty_stream: async (channel) => {
    const call = channel.client(TestService).fullDuplexCall();
    call.closeSend();
    assert.equal(await call.receive(), undefined);
    await wantStatus(call, Code.OK);
  },
  custom_metadata: customMetadata,
  status_code_and_message: async (channel) => {
    const { unaryCall, fullDuplexCall } = channel.client(TestService);
    const responseStatus = { code: Code.UNKNOWN, message: STATUS_MESSAGE };
    await wantStatus(unaryCall({ responseStatus }), Code.UNKNOWN, STATUS_MESSAGE);
    const call = fullDuplexCall([{ responseStatus }]);
    await assert.rejects(call.receive(), StatusError);
    await wantStatus(call, Code.UNKNOWN, STATUS_MESSAGE);
  },
  special_status_message: async (channel) => {
    const responseStatus = { code: Code.UNKNOWN, message: SPECIAL_STATUS_MESSAGE };
    await wantStatus(channel.client(TestService).unaryCall({ responseStatus }), Code.UNKNOWN, SPECIAL_STATUS_MESSAGE);
  },
  unimplemented_method: (channel) => wantStatus(channel.client(TestService).unimplementedCall({}), Code.UNIMPLEMENTED),
  unimplemented_service: (channel) =>
    wantStatus(channel.client(UnimplementedService).unimplementedCall({}), Code.UNIMPLEMENTED),
  cancel_after_begin: async (channel) => {
    const call = channel.client(TestService).streamingInputCall();
    call.cancel();
    await assert.rejects(call.finish(), StatusError);
    await wantStatus(call, Code.CANCELLED);
  },
  cancel_after_first_response: async (channel) => {
    const call = channel.client(TestService).fullDuplexCall();
    await call.send(ping(0));
    wantSize((await call.receive())?.payload, RESPONSE_SIZES[0]);
    call.cancel();
    await assert.rejects(call.receive(), StatusError);
    await wantStatus(call, Code.CANCELLED);
  },
  timeout_on_sleeping_server: async (channel) => {
    const call = channel.client(TestService).fullDuplexCall({ timeoutMs: 1 });
    // The deadline may have passed before this is sent: then it goes nowhere.
    void call.send({ payload: zeros(REQUEST_SIZES[0] ?? 0) });
    await assert.rejects(call.receive(), StatusError);
    await wantStatus(call, Code.DEADLINE_EXCEEDED);
  },
};

/** `large_unary`: also what the soak cases and the negative HTTP/2 ones are made of. */
export async function largeUnary(channel: Channel): Promise<void> {
  const { payload } = await channel.client(TestService).unaryCall(LARGE);
  wantZeros(payload, LARGE_RESPONSE);
}

async function pingPong(channel: Channel): Promise<void> {
  const call = channel.client(TestService).fullDuplexCall();
  for (const [i, size] of RESPONSE_SIZES.entries()) {
    await call.send(ping(i));
    wantSize((await call.receive())?.payload, size);
  }
  call.closeSend();
  assert.equal(await call.receive(), undefined);
  await wantStatus(call, Code.OK);
}

function ping(i: number): Init<OutputRequest> {
  return { responseParameters: [{ size: RESPONSE_SIZES[i] ?? 0 }], payload: zeros(REQUEST_SIZES[i] ?? 0) };
}

async function customMetadata(channel: Channel): Promise<void> {
  const { unaryCall, fullDuplexCall } = channel.client(TestService);
  const metadata = { [ECHO_INITIAL]: ECHO_INITIAL_VALUE, [ECHO_TRAILING]: ECHO_TRAILING_VALUE };
  const unary = unaryCall(LARGE, { metadata });
  await unary;
  wantEcho(await unary.headers, await unary.trailers);
  const request = { responseParameters: [{ size: LARGE_RESPONSE }], payload: zeros(LARGE_REQUEST) };
  const duplex = fullDuplexCall([request], { metadata });
  const responses: OutputResponse[] = [];
  for await (const response of duplex) responses.push(response);
  assert.equal(responses.length, 1);
  wantEcho(await duplex.headers, await duplex.trailers);
}

function wantEcho(headers: Metadata, trailers: Metadata): void {
  assert.deepEqual(headers.getAll(ECHO_INITIAL), [ECHO_INITIAL_VALUE]);
  assert.deepEqual(
    trailers.getAll(ECHO_TRAILING).map((value) => Uint8Array.from(value)),
    [ECHO_TRAILING_VALUE],
  );
}

/** Waits for the end of a call, which must be this one. */
export async function wantStatus(call: CallFacts, code: Code, message?: string): Promise<void> {
  const status = await call.status;
  assert.equal(codeName(status.code), codeName(code), status.message);
  if (message !== undefined) assert.equal(status.message, message);
}

function sizeOf(payload: Payload | undefined): number {
  return payload?.body.length ?? 0;
}

export function wantSize(payload: Payload | undefined, size: number | undefined): void {
  assert.equal(sizeOf(payload), size, "the payload has as many bytes as were asked for");
}

export function wantZeros(payload: Payload | undefined, size: number): void {
  wantSize(payload, size);
  assert.ok(Buffer.alloc(size).equals(payload?.body ?? Buffer.alloc(0)), "the payload is zeros");
}
