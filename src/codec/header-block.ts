/**
 * Header blocks: the one builder and the one reader for each of the four there are in a call.
 *
 * Spec: PROTOCOL-HTTP2.md, "Requests", "Responses", "User Agents"; http-grpc-status-mapping.md; RFC 9113 §8.
 * Laws: a block is built here and nowhere else; only a received `grpc-status` yields OK.
 */
import type { Metadata } from "./metadata.js";
import { Code, decodeStatusMessage, encodeStatusMessage, isCode, type Status } from "./status.js";
import { formatTimeout } from "./timeout.js";

/** The version of this library, as `user-agent` tells it. A test holds it equal to package.json's. */
export const VERSION = "0.1.0";

const CONTENT_TYPE = "application/grpc";
const USER_AGENT = `grpc-node-barewire/${VERSION}`;

/** Header fields in the form `node:http2` takes: a list of values becomes one field each. */
export type HeaderFields = Record<string, string | string[] | number>;

/** What a request's header block is made of. */
export interface RequestHead {
  readonly scheme: "http" | "https";
  readonly authority: string;
  readonly path: string;
  /** The time left, in milliseconds; `undefined` for none. */
  readonly timeoutMs: number | undefined;
  readonly metadata: Metadata | undefined;
  /** The coding of the messages that are compressed; `undefined` when none are. */
  readonly coding: string | undefined;
  /** The codings the response may use, as a list. */
  readonly accepted: string;
  /** How many attempts at the call were made before. */
  readonly previousAttempts?: number | undefined;
}

/** gRFC A6, "Exposed Retry Metadata". */
const PREVIOUS_ATTEMPTS = "grpc-previous-rpc-attempts";

/** "Request-Headers → Call-Definition *Custom-Metadata", with `grpc-timeout` first behind the pseudo-headers. */
export function requestHeaders(head: RequestHead): HeaderFields {
  const headers: HeaderFields = {
    ":method": "POST",
    ":scheme": head.scheme,
    ":path": head.path,
    ":authority": head.authority,
  };
  if (head.timeoutMs !== undefined) headers["grpc-timeout"] = formatTimeout(head.timeoutMs);
  headers["te"] = "trailers";
  headers["content-type"] = CONTENT_TYPE;
  if (head.coding !== undefined) headers["grpc-encoding"] = head.coding;
  headers["grpc-accept-encoding"] = head.accepted;
  headers["user-agent"] = USER_AGENT;
  if (head.metadata !== undefined) {
    head.metadata.writeTo(headers);
    // What an application was told by its own client says nothing of this call.
    if (PREVIOUS_ATTEMPTS in headers) delete headers[PREVIOUS_ATTEMPTS];
    // An application's own product goes in front, so that there is one value and the library stays visible.
    if (headers["user-agent"] !== USER_AGENT)
      headers["user-agent"] = `${String(headers["user-agent"])} ${USER_AGENT}`.trimStart();
  }
  const { previousAttempts = 0 } = head;
  if (previousAttempts > 0) headers[PREVIOUS_ATTEMPTS] = String(previousAttempts);
  return headers;
}

/** What a response's header block is made of. */
export interface ResponseHead {
  readonly contentType: string;
  /** The coding of the messages that are compressed; `undefined` when none are. */
  readonly coding: string | undefined;
  /** The codings requests may use, as a list. */
  readonly accepted: string;
  readonly metadata: Metadata | undefined;
}

/** "Response-Headers → HTTP-Status [Message-Encoding] [Message-Accept-Encoding] Content-Type *Custom-Metadata" */
export function responseHeaders({ contentType, coding, accepted, metadata }: ResponseHead): HeaderFields {
  const headers: HeaderFields = { ":status": 200, "content-type": contentType };
  if (coding !== undefined) headers["grpc-encoding"] = coding;
  headers["grpc-accept-encoding"] = accepted;
  metadata?.writeTo(headers);
  return headers;
}

/** "Trailers → Status [Status-Message] *Custom-Metadata" */
export function trailers(status: Status, metadata: Metadata | undefined): HeaderFields {
  const headers: HeaderFields = {};
  metadata?.writeTo(headers);
  return writeStatus(headers, status);
}

/** "Trailers-Only → HTTP-Status Content-Type Trailers" */
export function trailersOnly(contentType: string, status: Status, metadata: Metadata | undefined): HeaderFields {
  const headers: HeaderFields = { ":status": 200, "content-type": contentType };
  metadata?.writeTo(headers);
  return writeStatus(headers, status);
}

function writeStatus(headers: HeaderFields, status: Status): HeaderFields {
  headers["grpc-status"] = String(status.code);
  // Beside status 0 strict peers accept neither a text nor the details of an error; and an empty text says nothing.
  if (status.code === Code.OK) {
    if (STATUS_DETAILS in headers) delete headers[STATUS_DETAILS];
  } else if (status.message !== "") {
    headers["grpc-message"] = cutMessage(encodeStatusMessage(status.message));
  }
  return headers;
}

/** What an application may put into trailers, to say more about an error: gRFC L44. */
const STATUS_DETAILS = "grpc-status-details-bin";

/** A longer text would be refused by peers together with the status, or with the whole connection. */
const MAX_MESSAGE_BYTES = 8192;

/** A status's text as the peer will read it: cut, and without lone surrogates. */
export function decodedMessage(message: string): string {
  return decodeStatusMessage(cutMessage(encodeStatusMessage(message)));
}

function cutMessage(encoded: string): string {
  if (encoded.length <= MAX_MESSAGE_BYTES) return encoded;
  // Not in the middle of an escape; half a character that is left becomes U+FFFD at the reader.
  return encoded.slice(0, MAX_MESSAGE_BYTES).replace(/%[0-9A-F]?$/, "");
}

/** Whether a `content-type` is gRPC's, and with which subtype: `""` for none, `undefined` when it is not gRPC. */
export function grpcSubtype(contentType: string | undefined): string | undefined {
  const match = /^application\/grpc(?:\+([^;\s]+))?\s*(?:;.*)?$/i.exec(contentType ?? "");
  return match === null ? undefined : (match[1] ?? "").toLowerCase();
}

/** The status in a block of trailers or a Trailers-Only block, or `undefined` when it holds no `grpc-status`. */
export function parseStatus(grpcStatus: string | undefined, grpcMessage: string | undefined): Status | undefined {
  if (grpcStatus === undefined) return undefined;
  const message = grpcMessage === undefined ? "" : decodeStatusMessage(grpcMessage);
  const code = /^[0-9]{1,9}$/.test(grpcStatus) ? Number(grpcStatus) : Number.NaN;
  if (isCode(code)) return { code, message };
  const said = `peer sent grpc-status ${JSON.stringify(grpcStatus.slice(0, 64))}, which is no status code`;
  return { code: Code.UNKNOWN, message: message === "" ? said : `${said}: ${message}` };
}

/** http-grpc-status-mapping.md; every status that is not listed is UNKNOWN. */
const CODE_OF_HTTP_STATUS: ReadonlyMap<number, Code> = new Map<number, Code>([
  [400, Code.INTERNAL],
  [401, Code.UNAUTHENTICATED],
  [403, Code.PERMISSION_DENIED],
  [404, Code.UNIMPLEMENTED],
  [429, Code.UNAVAILABLE],
  [502, Code.UNAVAILABLE],
  [503, Code.UNAVAILABLE],
  [504, Code.UNAVAILABLE],
]);

/** The size of a header list as HTTP/2 counts it: names and values, and 32 bytes for each field. RFC 9113 §6.5.2. */
export function headerListBytes(rawHeaders: readonly string[]): number {
  let bytes = (rawHeaders.length / 2) * 32;
  for (const text of rawHeaders) bytes += text.length;
  return bytes;
}

/** The largest header list that common HTTP/2 implementations take, whatever their SETTINGS say. */
export const MAX_BLOCK_BYTES = 65_536;

/** The size of a block to be sent, counted as {@link headerListBytes} does. */
export function fieldsBytes(fields: HeaderFields): number {
  let bytes = 0;
  for (const name of Object.keys(fields)) {
    const value = fields[name] as string | string[] | number;
    if (Array.isArray(value)) for (const one of value) bytes += name.length + one.length + 32;
    else bytes += name.length + String(value).length + 32;
  }
  return bytes;
}

/** What a response that is not gRPC means. `contentType` is a peer's text and is cut in the message. */
export function statusOfHttp(httpStatus: number, contentType: string | undefined): Status {
  const code = CODE_OF_HTTP_STATUS.get(httpStatus) ?? Code.UNKNOWN;
  const type =
    contentType === undefined ? "no content-type" : `content-type ${JSON.stringify(contentType.slice(0, 128))}`;
  return { code, message: `peer answered HTTP status ${httpStatus} with ${type} instead of gRPC` };
}
