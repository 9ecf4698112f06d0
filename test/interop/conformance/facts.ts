/**
 * Metadata and errors, between the suite's messages and barewire's own.
 *
 * Spec: connectconformance, `service.proto` (Header, Error); google.rpc.Status for the details.
 * Laws: values keep their order; details travel in `grpc-status-details-bin`, as gRPC libraries send them.
 */
import { Code, loadProto, StatusError, type Metadata } from "../../../src/index.js";
import type { Header, PackedMessage, RpcError } from "./contract.js";

const DETAILS = "grpc-status-details-bin";

interface RpcStatus {
  readonly code: number;
  readonly message: string;
  readonly details: readonly PackedMessage[];
}

const rpcStatus = loadProto({
  "rpc-status.proto": `
    syntax = "proto3";
    import "google/protobuf/any.proto";
    message Status {
      int32 code = 1;
      string message = 2;
      repeated google.protobuf.Any details = 3;
    }
  `,
}).message<RpcStatus>("Status");

/** Adds what the suite wants sent to `metadata`. */
export function appendHeaders(metadata: Metadata, headers: readonly Header[]): Metadata {
  for (const { name, value } of headers) {
    for (const one of value) metadata.append(name, name.endsWith("-bin") ? Buffer.from(one, "base64") : one);
  }
  return metadata;
}

/** What came, as the suite wants to hear of it. */
export function headersOf(metadata: Metadata): Header[] {
  return [...metadata.keys()].map((name) => ({ name, value: metadata.getAll(name).map(textOf) }));
}

function textOf(value: string | Uint8Array): string {
  return typeof value === "string" ? value : Buffer.from(value).toString("base64").replace(/=+$/, "");
}

/** The error a handler throws, with one more detail if there is one. */
export function statusErrorOf(error: RpcError, detail: PackedMessage | undefined): StatusError {
  const message = error.message ?? "";
  const details = detail === undefined ? error.details : [...error.details, detail];
  const trailers =
    details.length === 0 ? undefined : { [DETAILS]: rpcStatus.encode({ code: error.code, message, details }) };
  return new StatusError(error.code as Code, message, { trailers });
}

/** What a call threw, as the suite wants to hear of it. */
export function rpcErrorOf(error: unknown): RpcError {
  if (!(error instanceof StatusError)) return { code: Code.UNKNOWN, message: String(error), details: [] };
  const bytes = error.trailers?.get(DETAILS);
  const details = bytes === undefined ? [] : rpcStatus.decode(bytes).details;
  return { code: error.code, message: error.rawMessage, details };
}
