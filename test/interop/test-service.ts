/**
 * What the interop server answers: `grpc.testing.TestService`, written with the public API.
 *
 * Spec: grpc/grpc, doc/interop-test-descriptions.md, "Server".
 * Laws: a stranger who asks for more than can be made gets INVALID_ARGUMENT; UnimplementedCall is left out on purpose.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Code, type HandlerCall, type Implementation, StatusError } from "../../src/index.js";
import {
  type BoolValue,
  ECHO_INITIAL,
  ECHO_TRAILING,
  type EchoStatus,
  type Init,
  type OutputRequest,
  type OutputResponse,
  type Payload,
  type ResponseParameters,
  type TestServiceType,
  zeros,
} from "./service.js";

const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
const COMPRESSABLE = 0;

export const testService: Implementation<TestServiceType> = {
  emptyCall: () => ({}),

  unaryCall(request, call) {
    echoMetadata(call);
    checkCompressed(request.expectCompressed, call);
    echoStatus(request.responseStatus);
    if (request.responseCompressed?.value === true) call.compression = "gzip";
    return { payload: payloadOf(request.responseType, request.responseSize) };
  },

  async *streamingOutputCall(request, call) {
    echoMetadata(call);
    yield* answers(request, call);
  },

  async streamingInputCall(requests, call) {
    echoMetadata(call);
    let aggregatedPayloadSize = 0;
    for await (const { payload, expectCompressed } of requests) {
      checkCompressed(expectCompressed, call);
      aggregatedPayloadSize += payload?.body.length ?? 0;
    }
    return { aggregatedPayloadSize };
  },

  async *fullDuplexCall(requests, call) {
    echoMetadata(call);
    for await (const request of requests) yield* answers(request, call);
  },

  /** Takes all requests before it answers the first. */
  async *halfDuplexCall(requests, call) {
    echoMetadata(call);
    const all: OutputRequest[] = [];
    for await (const request of requests) all.push(request);
    for (const request of all) yield* answers(request, call);
  },
};

async function* answers(request: OutputRequest, call: HandlerCall): AsyncGenerator<Init<OutputResponse>> {
  echoStatus(request.responseStatus);
  // The coding is said once, before the first message; which messages are in it is said for each.
  if (request.responseParameters.some(({ compressed }) => compressed?.value === true)) call.compression = "gzip";
  for (const parameters of request.responseParameters) yield await answer(request.responseType, parameters, call);
}

async function answer(
  type: number,
  { size, intervalUs, compressed }: ResponseParameters,
  call: HandlerCall,
): Promise<Init<OutputResponse>> {
  if (intervalUs > 0) await delay(intervalUs / 1000, undefined, { signal: call.signal });
  call.compress = compressed?.value ?? false;
  return { payload: payloadOf(type, size) };
}

function payloadOf(type: number, size: number): Payload {
  if (type !== COMPRESSABLE) {
    throw new StatusError(Code.INVALID_ARGUMENT, `response_type must be COMPRESSABLE (0): current value is ${type}`);
  }
  if (size < 0 || size > MAX_RESPONSE_BYTES) {
    throw new StatusError(
      Code.INVALID_ARGUMENT,
      `the size of a response must be 0 to ${MAX_RESPONSE_BYTES}: current value is ${size}`,
    );
  }
  return zeros(size);
}

/** "Echo Status": OK is the default and says nothing. */
function echoStatus(status: EchoStatus | undefined): void {
  if (status !== undefined && status.code !== Code.OK) throw new StatusError(status.code as Code, status.message);
}

/** "Echo Metadata": the one goes back before the messages, the other behind them. */
function echoMetadata(call: HandlerCall): void {
  for (const value of call.metadata.getAll(ECHO_INITIAL)) call.headers.append(ECHO_INITIAL, value);
  for (const value of call.metadata.getAll(ECHO_TRAILING)) call.trailers.append(ECHO_TRAILING, value);
}

/** "CompressedRequest": a message that should have been compressed and was not fails the call; so does the opposite. */
function checkCompressed(expected: BoolValue | undefined, call: HandlerCall): void {
  if (expected === undefined || expected.value === call.requestCompressed) return;
  throw new StatusError(
    Code.INVALID_ARGUMENT,
    `expect_compressed is ${expected.value}, but the message came ${call.requestCompressed ? "compressed" : "uncompressed"}`,
  );
}
