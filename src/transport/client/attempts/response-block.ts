/**
 * What a response's header blocks say: that messages follow, how the call ended, or that this is no gRPC.
 *
 * Spec: PROTOCOL-HTTP2.md, "Responses"; http-grpc-status-mapping.md.
 * Laws: pure: reads headers, returns a decision; a `grpc-status` counts only where the stream ends with it.
 */
import type { IncomingHttpHeaders } from "node:http2";
import { grpcSubtype, parseStatus, statusOfHttp } from "../../../codec/header-block.js";
import { malformedBinaryHeader, Metadata } from "../../../codec/metadata.js";
import { Code, type Status } from "../../../codec/status.js";

/** The meaning of one block. */
export type ResponseBlock =
  | { readonly kind: "headers"; readonly metadata: Metadata; readonly coding: string | undefined }
  | { readonly kind: "end"; readonly metadata: Metadata; readonly status: Status; readonly hint?: string }
  | {
      readonly kind: "refused";
      readonly status: Status;
      readonly hint?: string;
      /** Whether the peer said so, or this side found it. */
      readonly origin: "local" | "remote";
    };

/** Reads the first block of a response; `rawHeaders` is the list that keeps repeated names apart. */
export function readResponse(
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
  endsStream: boolean,
): ResponseBlock {
  const httpStatus = Number(headers[":status"]);
  const contentType = headers["content-type"];
  const subtype = grpcSubtype(contentType);
  const isGrpc = httpStatus === 200 && subtype !== undefined;
  if (endsStream) {
    // "Trailers-Only": everything in the block is trailing metadata. A `grpc-status` wins over HTTP's.
    return ended(headers, rawHeaders, isGrpc ? NO_STATUS : notGrpc(httpStatus, contentType));
  }
  if (!isGrpc) {
    const said = httpStatus === 200 ? undefined : statusIn(headers);
    // An OK that does not end the stream is none.
    const decided: Decided =
      said === undefined || said.code === Code.OK ? notGrpc(httpStatus, contentType) : { status: said };
    return { kind: "refused", ...decided, origin: "remote" };
  }
  if (subtype !== "" && subtype !== "proto") {
    const shown = JSON.stringify(subtype.slice(0, 64));
    return refused(`the response's content-subtype ${shown} is not supported`);
  }
  const coding = headers["grpc-encoding"] as string | undefined;
  return checkBinary(rawHeaders) ?? { kind: "headers", metadata: Metadata.fromRawHeaders(rawHeaders), coding };
}

/** Reads the block that ends a response. */
export function readTrailers(headers: IncomingHttpHeaders, rawHeaders: readonly string[]): ResponseBlock {
  return ended(headers, rawHeaders, NO_STATUS);
}

/** A status, and what may help where it does not say so itself. */
interface Decided {
  readonly status: Status;
  readonly hint?: string;
}

const NO_STATUS: Decided = Object.freeze({
  status: Object.freeze({ code: Code.UNKNOWN, message: "the response ended without a grpc-status" }),
});

/** What may help where something answers that is no gRPC server, by its HTTP status. */
const HTTP_HINTS: ReadonlyMap<number, string> = new Map([
  [200, "a web server: is this the port that gRPC is served on?"],
  [400, "a web server or a proxy that does not take it as gRPC"],
  [401, "a web server or a proxy asks who is calling: option credentials, or metadata authorization"],
  [403, "a web server or a proxy does not let it through"],
  [404, "a web server or a proxy knows no such path: is gRPC served on this port, and routed to?"],
  [413, "a proxy takes no request of that size"],
  [415, "a web server that does not take the content-type application/grpc"],
  [429, "a proxy limits how often it is asked"],
  [502, "a proxy did not reach the server, or did not speak HTTP/2 to it"],
  [503, "a proxy has no server that takes the call now"],
  [504, "a proxy waited too long for the server"],
]);

function notGrpc(httpStatus: number, contentType: string | undefined): Decided {
  const status = statusOfHttp(httpStatus, contentType);
  const hint = HTTP_HINTS.get(httpStatus);
  return hint === undefined ? { status } : { status, hint };
}

function ended(headers: IncomingHttpHeaders, rawHeaders: readonly string[], otherwise: Decided): ResponseBlock {
  const said = statusIn(headers);
  const decided = said === undefined ? otherwise : { status: said };
  return checkBinary(rawHeaders) ?? { kind: "end", metadata: Metadata.fromRawHeaders(rawHeaders), ...decided };
}

function statusIn(headers: IncomingHttpHeaders): Status | undefined {
  return parseStatus(headers["grpc-status"] as string | undefined, headers["grpc-message"] as string | undefined);
}

function checkBinary(rawHeaders: readonly string[]): ResponseBlock | undefined {
  const malformed = malformedBinaryHeader(rawHeaders);
  if (malformed === undefined) return undefined;
  return refused(`metadata ${JSON.stringify(malformed.slice(0, 64))} of the response is not base64`);
}

function refused(message: string): ResponseBlock {
  return { kind: "refused", status: { code: Code.INTERNAL, message }, origin: "local" };
}
