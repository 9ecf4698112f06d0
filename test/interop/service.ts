/**
 * `grpc.testing.TestService`, the contract of the interop cases, with its types.
 *
 * Spec: grpc/grpc, doc/interop-test-descriptions.md.
 */
import { fileURLToPath } from "node:url";
import { loadProto, type MessageType, type Method, type Service } from "../../src/index.js";

/** The contract on disk, for the clients that read it themselves. */
export const TEST_PROTO = fileURLToPath(new URL("proto/test.proto", import.meta.url));

export type Empty = Record<string, never>;

export interface BoolValue {
  value: boolean;
}

export interface Payload {
  type: number;
  body: Uint8Array;
}

export interface EchoStatus {
  code: number;
  message: string;
}

export interface SimpleRequest {
  responseType: number;
  responseSize: number;
  payload: Payload | undefined;
  responseCompressed: BoolValue | undefined;
  responseStatus: EchoStatus | undefined;
  expectCompressed: BoolValue | undefined;
}

export interface SimpleResponse {
  payload: Payload | undefined;
}

export interface InputRequest {
  payload: Payload | undefined;
  expectCompressed: BoolValue | undefined;
}

export interface InputResponse {
  aggregatedPayloadSize: number;
}

export interface ResponseParameters {
  size: number;
  intervalUs: number;
  compressed: BoolValue | undefined;
}

export interface OutputRequest {
  responseType: number;
  responseParameters: ResponseParameters[];
  payload: Payload | undefined;
  responseStatus: EchoStatus | undefined;
}

export interface OutputResponse {
  payload: Payload | undefined;
}

/** What may be given for a message: any of its fields. */
export type Init<T> = T extends Uint8Array
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Init<Item>[]
    : T extends object
      ? { readonly [Name in keyof T]?: Init<T[Name]> | undefined }
      : T;

type TestMethod<Kind extends Method["kind"], Req, Res> = Method<Kind, Req, Init<Req>, Res, Init<Res>>;

export type TestServiceType = Service<{
  emptyCall: TestMethod<"unary", Empty, Empty>;
  unaryCall: TestMethod<"unary", SimpleRequest, SimpleResponse>;
  streamingOutputCall: TestMethod<"serverStreaming", OutputRequest, OutputResponse>;
  streamingInputCall: TestMethod<"clientStreaming", InputRequest, InputResponse>;
  fullDuplexCall: TestMethod<"bidiStreaming", OutputRequest, OutputResponse>;
  halfDuplexCall: TestMethod<"bidiStreaming", OutputRequest, OutputResponse>;
  unimplementedCall: TestMethod<"unary", Empty, Empty>;
}>;

export type UnimplementedServiceType = Service<{ unimplementedCall: TestMethod<"unary", Empty, Empty> }>;

const schema = loadProto(TEST_PROTO);

export const TestService: TestServiceType = schema.service<TestServiceType>("grpc.testing.TestService");
export const UnimplementedService: UnimplementedServiceType = schema.service<UnimplementedServiceType>(
  "grpc.testing.UnimplementedService",
);
export const SimpleRequestType: MessageType<SimpleRequest, Init<SimpleRequest>> = schema.message(
  "grpc.testing.SimpleRequest",
);
export const SimpleResponseType: MessageType<SimpleResponse, Init<SimpleResponse>> = schema.message(
  "grpc.testing.SimpleResponse",
);

/** The sizes that the cases are made of, in bytes. */
export const LARGE_REQUEST = 271_828;
export const LARGE_RESPONSE = 314_159;
export const REQUEST_SIZES: readonly number[] = [27_182, 8, 1828, 45_904];
export const RESPONSE_SIZES: readonly number[] = [31_415, 9, 2653, 58_979];
/** The sum of {@link REQUEST_SIZES}. */
export const AGGREGATED_SIZE = 74_922;

export const ECHO_INITIAL = "x-grpc-test-echo-initial";
export const ECHO_INITIAL_VALUE = "test_initial_metadata_value";
export const ECHO_TRAILING = "x-grpc-test-echo-trailing-bin";
export const ECHO_TRAILING_VALUE: Uint8Array = Uint8Array.of(0xab, 0xab, 0xab);

export const STATUS_MESSAGE = "test status message";
export const SPECIAL_STATUS_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";

/** A payload of as many zeros. */
export function zeros(size: number): Payload {
  return { type: 0, body: new Uint8Array(size) };
}
