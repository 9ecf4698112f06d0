/**
 * What a response's header blocks say: that messages follow, how the call ended, or that this is no gRPC.
 *
 * Spec: PROTOCOL-HTTP2.md, "Responses"; http-grpc-status-mapping.md.
 * Laws: pure: reads headers, returns a decision; a `grpc-status` counts only where the stream ends with it.
 */
import type { IncomingHttpHeaders } from "node:http2";
import { grpcSubtype, parseStatus, statusOfHttp } from "../../codec/header-block.js";
import { malformedBinaryHeader, Metadata } from "../../codec/metadata.js";
import { Code, type Status } from "../../codec/status.js";

/** The meaning of one block. */
export type ResponseBlock =
  | { readonly kind: "headers"; readonly metadata: Metadata; readonly coding: string | undefined }
  | { readonly kind: "end"; readonly metadata: Metadata; readonly status: Status }
  | {
      readonly kind: "refused";
      readonly status: Status;
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
    return ended(headers, rawHeaders, isGrpc ? NO_STATUS : statusOfHttp(httpStatus, contentType));
  }
  if (!isGrpc) {
    const said = httpStatus === 200 ? undefined : statusIn(headers);
    // An OK that does not end the stream is none.
    const status = said === undefined || said.code === Code.OK ? statusOfHttp(httpStatus, contentType) : said;
    return { kind: "refused", status, origin: "remote" };
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

const NO_STATUS: Status = Object.freeze({ code: Code.UNKNOWN, message: "the response ended without a grpc-status" });

function ended(headers: IncomingHttpHeaders, rawHeaders: readonly string[], otherwise: Status): ResponseBlock {
  const status = statusIn(headers) ?? otherwise;
  return checkBinary(rawHeaders) ?? { kind: "end", metadata: Metadata.fromRawHeaders(rawHeaders), status };
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
