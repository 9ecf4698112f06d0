/**
 * Dispatch: from a request's header block to the method it asks for, or to the answer that refuses it.
 *
 * Spec: PROTOCOL-HTTP2.md, "Requests"; statuscodes.md (UNIMPLEMENTED); compression.md (unsupported coding).
 * Laws: pure: reads headers, returns a decision; no handler runs for a request that breaks a rule.
 */
import type { IncomingHttpHeaders } from "node:http2";
import { grpcSubtype, trailersOnly, type HeaderFields } from "../../codec/header-block.js";
import { malformedBinaryHeader } from "../../codec/metadata.js";
import { Code, type Status } from "../../codec/status.js";
import { parseTimeout } from "../../codec/timeout.js";
import type { Codings } from "../codings.js";
import type { Registered } from "./handler.js";
import type { RequestFacts } from "./request-facts.js";

/** A request that may run. */
export interface Accepted extends RequestFacts {
  readonly registered: Registered;
}

/** A request that is answered at once: the whole block to respond with, and the status it says. */
export interface Refused {
  readonly refusal: HeaderFields;
  readonly status: Status;
}

/** What the application's peer said, cut to a length that is safe in a status or a log. */
const MAX_ECHO = 256;

/** Decides what becomes of a request. `codings` are those it may use, `lookup` finds a method by its path. */
export function dispatch(
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
  codings: Codings,
  lookup: (path: string) => Registered | Status,
): Accepted | Refused {
  if (headers[":method"] !== "POST") return refuseMethod(headers[":method"]);
  const contentType = headers["content-type"];
  const subtype = grpcSubtype(contentType);
  if (contentType === undefined || subtype === undefined) return refuseContentType(contentType);
  if (subtype !== "" && subtype !== "proto") {
    return refuse(Code.UNIMPLEMENTED, `content-subtype "${echo(subtype)}" is not supported; supported: proto`);
  }
  const found = lookup(headers[":path"] ?? "");
  if ("code" in found) return refuse(found.code, found.message);
  const said = headers["grpc-encoding"] as string | undefined;
  const coding = said === "identity" ? undefined : said;
  // Decided now: whether any message is compressed is not known yet, and a client must learn what it may use.
  if (coding !== undefined && codings.find(coding) === undefined) return refuseCoding(coding, codings);
  const timeout = headers["grpc-timeout"];
  const timeoutMs = timeout === undefined ? undefined : parseTimeout(String(timeout));
  if (timeout !== undefined && timeoutMs === undefined) {
    return refuse(
      Code.INTERNAL,
      `Cannot parse grpc-timeout as it must be 1 to 8 digits and a unit (H M S m u n): current value is "${echo(String(timeout))}"`,
    );
  }
  const malformed = malformedBinaryHeader(rawHeaders);
  if (malformed !== undefined) {
    return refuse(Code.INTERNAL, `Cannot parse metadata "${echo(malformed)}" as its value must be base64`);
  }
  if (timeoutMs === 0) return refuse(Code.DEADLINE_EXCEEDED, "the deadline had passed when the request arrived");
  return {
    registered: found,
    contentType: subtype === "" ? "application/grpc" : "application/grpc+proto",
    timeoutMs,
    coding,
    accepted: headers["grpc-accept-encoding"] as string | undefined,
  };
}

function refuse(code: Code, message: string): Refused {
  const status = { code, message };
  return { refusal: trailersOnly("application/grpc", status, undefined), status };
}

/** gRPC requests are POST; anything else gets HTTP's own answer, with a gRPC status for clients that look. */
function refuseMethod(method: unknown): Refused {
  const refused = refuse(Code.INTERNAL, `HTTP method must be POST, got ${echo(String(method))}`);
  refused.refusal[":status"] = 405;
  refused.refusal["allow"] = "POST";
  return refused;
}

/** "If Content-Type does not begin with "application/grpc", gRPC servers SHOULD respond with HTTP status of 415". */
function refuseContentType(contentType: string | undefined): Refused {
  const shown = contentType === undefined ? "none" : `"${echo(contentType)}"`;
  return {
    refusal: { ":status": 415, "content-type": "text/plain" },
    status: { code: Code.UNKNOWN, message: `HTTP 415: content-type must be application/grpc, got ${shown}` },
  };
}

function refuseCoding(coding: string, { accepted }: Codings): Refused {
  const refused = refuse(
    Code.UNIMPLEMENTED,
    `grpc-encoding "${echo(coding)}" is not supported; supported: ${accepted.replaceAll(",", ", ")}`,
  );
  refused.refusal["grpc-accept-encoding"] = accepted;
  return refused;
}

/** A peer's text as it may be repeated: cut, with everything but printable ASCII escaped. */
export function echo(text: string): string {
  const cut = text.length > MAX_ECHO ? `${text.slice(0, MAX_ECHO)}…` : text;
  return cut.replace(/[^\x20-\x7e…]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
