/**
 * The suite's own messages: what it tells the programs under test, and what they answer.
 *
 * Spec: connectconformance, `proto/connectrpc/conformance/v1/{client_compat,server_compat,service}.proto`.
 * Laws: the `.proto` files stay where the suite is installed and are loaded from there; only the fields that gRPC needs are
 * named here.
 */
import { join } from "node:path";
import { loadProto, type DynamicMessage, type MessageType, type Schema, type Service } from "../../../src/index.js";

const PACKAGE = "connectrpc.conformance.v1";

/** `google.protobuf.Any`. */
export interface PackedMessage {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** All values of one metadata name; those of a `-bin` name as base64. */
export interface Header {
  readonly name: string;
  readonly value: readonly string[];
}

/** A status that is not OK. `code` is gRPC's own number. */
export interface RpcError {
  readonly code: number;
  readonly message: string | undefined;
  readonly details: readonly PackedMessage[];
}

/** A certificate and its key, as PEM. */
export interface Credentials {
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
}

/** When a call is to be cancelled, if it is. */
export type CancelTiming =
  | { readonly case: "beforeCloseSend"; readonly value: unknown }
  | { readonly case: "afterCloseSendMs" | "afterNumResponses"; readonly value: number }
  | { readonly case: undefined };

/** One call that the client under test is to make. */
export interface ClientCompatRequest {
  readonly testName: string;
  readonly compression: number;
  readonly host: string;
  readonly port: number;
  readonly serverTlsCert: Uint8Array;
  readonly clientTlsCreds: Credentials | undefined;
  readonly messageReceiveLimit: number;
  readonly method: string | undefined;
  readonly streamType: number;
  readonly requestHeaders: readonly Header[];
  readonly requestMessages: readonly PackedMessage[];
  readonly timeoutMs: number | undefined;
  readonly requestDelayMs: number;
  readonly cancel: { readonly cancelTiming: CancelTiming } | undefined;
}

/** What became of a call. */
export interface ClientResponseResult {
  readonly responseHeaders: readonly Header[];
  readonly payloads: readonly DynamicMessage[];
  readonly error: RpcError | undefined;
  readonly responseTrailers: readonly Header[];
  readonly numUnsentRequests: number;
}

/** The answer to a {@link ClientCompatRequest}; `error` when the call could not be made at all. */
export interface ClientCompatResponse {
  readonly testName: string;
  readonly result:
    | { readonly case: "response"; readonly value: ClientResponseResult }
    | { readonly case: "error"; readonly value: { readonly message: string } };
}

/** How the server under test is to be started. */
export interface ServerCompatRequest {
  readonly useTls: boolean;
  readonly clientTlsCert: Uint8Array;
  readonly messageReceiveLimit: number;
  readonly serverCreds: Credentials | undefined;
}

/** Where it listens. */
export interface ServerCompatResponse {
  readonly host: string;
  readonly port: number;
  readonly pemCert: Uint8Array;
}

/** The numbers of `StreamType`. */
export const StreamType = Object.freeze({ FULL_DUPLEX_BIDI_STREAM: 5 } as const);

/** Loads the messages and the service from the suite's directory `protos`, the one that `connectrpc/` is in. */
export function loadContract(protos: string): Schema {
  const files = ["service", "client_compat", "server_compat"].map((name) =>
    join(protos, "connectrpc", "conformance", "v1", `${name}.proto`),
  );
  return loadProto(files, { includeDirs: [protos] });
}

/** The service that every test calls. */
export function conformanceService(contract: Schema): Service {
  return contract.service(`${PACKAGE}.ConformanceService`);
}

/** A message type of the suite by its short name. */
export function contractMessage<T = DynamicMessage>(contract: Schema, name: string): MessageType<T> {
  return contract.message<T>(`${PACKAGE}.${name}`);
}

/** Packs a message as `google.protobuf.Any`. */
export function packed<T>(type: MessageType<unknown, T>, message: T): PackedMessage {
  return { typeUrl: `type.googleapis.com/${type.typeName}`, value: type.encode(message) };
}

/** @throws TypeError when what was packed is not of the type wanted. */
export function unpacked<T>(type: MessageType<T, never>, { typeUrl, value }: PackedMessage): T {
  const typeName = typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
  if (typeName === type.typeName) return type.decode(value);
  throw new TypeError(`Cannot unpack ${typeName} as it must be ${type.typeName}`);
}
