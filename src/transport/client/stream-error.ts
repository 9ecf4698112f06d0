/**
 * What it means when a stream ends without a `grpc-status`.
 *
 * Spec: PROTOCOL-HTTP2.md, "Errors" (the table of HTTP/2 codes); RFC 9113 §6.8, §7.
 */
import { constants, type ClientHttp2Stream } from "node:http2";
import { Code, type Status } from "../../codec/status.js";
import type { Connection, Goaway } from "./connection.js";

/** HTTP/2 error codes by number: their names, and what a call that was reset with them ends in. RFC 9113 §7. */
const RESETS: readonly (readonly [name: string, code: Code])[] = [
  ["NO_ERROR", Code.INTERNAL],
  ["PROTOCOL_ERROR", Code.INTERNAL],
  ["INTERNAL_ERROR", Code.INTERNAL],
  ["FLOW_CONTROL_ERROR", Code.INTERNAL],
  ["SETTINGS_TIMEOUT", Code.INTERNAL],
  ["STREAM_CLOSED", Code.INTERNAL],
  ["FRAME_SIZE_ERROR", Code.INTERNAL],
  ["REFUSED_STREAM", Code.UNAVAILABLE],
  ["CANCEL", Code.CANCELLED],
  ["COMPRESSION_ERROR", Code.INTERNAL],
  ["CONNECT_ERROR", Code.INTERNAL],
  ["ENHANCE_YOUR_CALM", Code.RESOURCE_EXHAUSTED],
  ["INADEQUATE_SECURITY", Code.PERMISSION_DENIED],
  ["HTTP_1_1_REQUIRED", Code.INTERNAL],
];

/** The name of an HTTP/2 error code. */
function errorName(code: number): string {
  return RESETS[code]?.[0] ?? `error code ${code}`;
}

/** The status of a call whose stream ended without one. `headersTooLarge`: Node refused to send our own header block. */
export function statusOfReset(
  stream: ClientHttp2Stream,
  connection: Connection,
  headersTooLarge: boolean,
): { readonly status: Status; readonly origin: "local" | "remote" } {
  const { goaway, session } = connection;
  if (headersTooLarge) {
    return local(Code.INTERNAL, "the request headers are too large to be sent");
  }
  if (goaway !== undefined && (stream.id === undefined || stream.id > goaway.lastStreamId)) {
    return remote(Code.UNAVAILABLE, `the server did not take the call: GOAWAY ${describeGoaway(goaway)}`);
  }
  // A GOAWAY with an error code makes Node reset every stream with that code, which says nothing about the call.
  if (goaway !== undefined && goaway.code !== constants.NGHTTP2_NO_ERROR) {
    return remote(Code.UNAVAILABLE, `the server closed the connection: GOAWAY ${describeGoaway(goaway)}`);
  }
  if (session.destroyed) {
    return local(Code.UNAVAILABLE, `the connection was lost: ${connection.lost ?? "closed by the server"}`);
  }
  const reset = stream.rstCode ?? 0;
  if (reset === constants.NGHTTP2_NO_ERROR) {
    return local(Code.INTERNAL, "protocol error: the server ended the stream without a status");
  }
  const code = RESETS[reset]?.[1] ?? Code.INTERNAL;
  return remote(code, `the server reset the stream with ${errorName(reset)}`);
}

function local(code: Code, message: string): { status: Status; origin: "local" } {
  return { status: { code, message }, origin: "local" };
}

function remote(code: Code, message: string): { status: Status; origin: "remote" } {
  return { status: { code, message }, origin: "remote" };
}

function describeGoaway(goaway: Goaway): string {
  const text = goaway.text.replace(/[^\x20-\x7e]/g, "?");
  return text === "" ? errorName(goaway.code) : `${errorName(goaway.code)} "${text}"`;
}
