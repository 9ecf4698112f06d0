/**
 * What it means when a stream ends without a `grpc-status`.
 *
 * Spec: PROTOCOL-HTTP2.md, "Errors" (the table of HTTP/2 codes); RFC 9113 §6.8, §7, §8.7.
 */
import { constants, type ClientHttp2Stream } from "node:http2";
import { Code } from "../../../codec/status.js";
import type { AttemptEnd } from "./attempt-end.js";
import type { Connection, Goaway } from "../connecting/connection.js";

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

/** What a code says of what happened, for whoever reads the error. */
const HINTS: Readonly<Record<string, string>> = {
  PROTOCOL_ERROR: "the server found the request against HTTP/2, or this side found the answer so",
  INTERNAL_ERROR: "the server or a proxy failed while it answered: its log may say why",
  REFUSED_STREAM: "the server did not begin with it: it has too many calls, or is about to stop",
  CANCEL: "the server or a proxy gave it up, as proxies do after a time of their own",
  ENHANCE_YOUR_CALM: "the server is asked for more than it permits: calls, headers or PINGs",
  FRAME_SIZE_ERROR: "a frame or a header block was larger than the peer takes",
  HTTP_1_1_REQUIRED: "the server wants HTTP/1.1 there, which gRPC cannot use",
};

/** The name of an HTTP/2 error code. */
function errorName(code: number): string {
  return RESETS[code]?.[0] ?? `error code ${code}`;
}

/** What the end of a stream without a status means. `headersTooLarge`: Node refused to send our own header block. */
export function endOfStream(stream: ClientHttp2Stream, connection: Connection, headersTooLarge: boolean): AttemptEnd {
  const { goaway, session } = connection;
  if (headersTooLarge) {
    return { ...local(Code.INTERNAL, "the request headers are too large to be sent"), final: true };
  }
  if (goaway !== undefined && (stream.id === undefined || stream.id > goaway.lastStreamId)) {
    const text = `the server did not take the call: GOAWAY ${describeGoaway(goaway)}`;
    // RFC 9113 §6.8: streams above the last id "might not have been processed" and are safe to send again.
    const end = goneAway(remote(Code.UNAVAILABLE, text), goaway);
    return { ...end, unprocessed: stream.id === undefined ? "never sent" : "refused" };
  }
  // A GOAWAY with an error code makes Node reset every stream with that code, which says nothing about the call.
  if (goaway !== undefined && goaway.code !== constants.NGHTTP2_NO_ERROR) {
    const text = `the server closed the connection: GOAWAY ${describeGoaway(goaway)}`;
    return goneAway(remote(Code.UNAVAILABLE, text), goaway);
  }
  if (session.destroyed || stream.id === undefined) {
    const end = local(Code.UNAVAILABLE, `the connection was lost: ${connection.lost ?? "closed by the server"}`);
    return stream.id === undefined ? { ...end, unprocessed: "never sent" } : end;
  }
  const reset = stream.rstCode ?? 0;
  if (reset === constants.NGHTTP2_NO_ERROR) {
    return local(Code.INTERNAL, "protocol error: the server ended the stream without a status");
  }
  const name = errorName(reset);
  const end: AttemptEnd = {
    ...remote(RESETS[reset]?.[1] ?? Code.INTERNAL, `the server reset the stream with ${name}`),
    hint: HINTS[name],
    http2: { http2Code: name, http2Frame: "RST_STREAM" },
  };
  // RFC 9113 §8.7: REFUSED_STREAM says that "no processing had been performed".
  return reset === constants.NGHTTP2_REFUSED_STREAM ? { ...end, unprocessed: "refused" } : end;
}

/** The end of an attempt that found its session gone before it could begin. */
export function sessionGone(connection: Connection): AttemptEnd {
  const { goaway } = connection;
  const end =
    goaway === undefined
      ? local(Code.UNAVAILABLE, `the connection was lost: ${connection.lost ?? "closed by the server"}`)
      : goneAway(
          remote(Code.UNAVAILABLE, `the server closes the connection: GOAWAY ${describeGoaway(goaway)}`),
          goaway,
        );
  return { ...end, unprocessed: "never sent" };
}

function goneAway(end: AttemptEnd, { code }: Goaway): AttemptEnd {
  const name = errorName(code);
  return { ...end, hint: HINTS[name], http2: { http2Code: name, http2Frame: "GOAWAY" } };
}

function local(code: Code, message: string): AttemptEnd {
  return { status: { code, message }, origin: "local", unprocessed: undefined };
}

function remote(code: Code, message: string): AttemptEnd {
  return { status: { code, message }, origin: "remote", unprocessed: undefined };
}

function describeGoaway(goaway: Goaway): string {
  const text = goaway.text.replace(/[^\x20-\x7e]/g, "?");
  return text === "" ? errorName(goaway.code) : `${errorName(goaway.code)} "${text}"`;
}
