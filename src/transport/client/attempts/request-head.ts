/**
 * The header block of one attempt, made for the connection it goes out on.
 *
 * Spec: PROTOCOL-HTTP2.md, "Requests"; RFC 9113 §6.5.2 (SETTINGS_MAX_HEADER_LIST_SIZE); RFC 7541 §7.1; gRFC A6.
 * Laws: what the server would not take is not sent: it may drop the whole connection, and all its other calls.
 */
import { sensitiveHeaders } from "node:http2";
import { fieldsBytes, requestHeaders, type HeaderFields } from "../../../codec/header-block.js";
import type { Metadata } from "../../../codec/metadata.js";
import { Code, StatusError } from "../../../codec/status.js";
import type { AttemptedCall } from "./attempted-call.js";
import { coversAuthority } from "../connecting/channel-tls.js";
import type { Connection } from "../connecting/connection.js";

/** What a request's own headers stay below, long paths and authorities included. */
const SMALL_BLOCK_BYTES = 1024;

/** Metadata that HPACK must not remember, so that it cannot be guessed from the size of later requests. RFC 7541 §7.1. */
const SENSITIVE = ["authorization", "cookie"];

/** What differs from attempt to attempt. */
export interface AttemptHead {
  /** What is left of the deadline, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** The call's, with what its credentials said this time. */
  readonly metadata: Metadata | undefined;
  readonly previousAttempts: number;
}

/** The fields, or why they cannot be sent on this connection. */
export function requestFields(
  call: AttemptedCall,
  connection: Connection,
  { timeoutMs, metadata, previousAttempts }: AttemptHead,
): HeaderFields | StatusError {
  const { channel, authority } = call;
  if (authority !== undefined && !coversAuthority(connection.socket, authority)) {
    return new StatusError(Code.UNAVAILABLE, "the server's certificate is not for the authority of the call");
  }
  const headers = requestHeaders({
    scheme: channel.scheme,
    authority: authority ?? channel.authority,
    path: call.method.path,
    timeoutMs,
    metadata,
    coding: call.requests.coding?.compressor.name,
    accepted: channel.codings.accepted,
    previousAttempts,
  });
  const { maxPeerHeaderListBytes } = connection;
  // Without metadata a block is too large only for a server that takes next to nothing: it need not be measured.
  if (metadata !== undefined || maxPeerHeaderListBytes < SMALL_BLOCK_BYTES) {
    const bytes = fieldsBytes(headers);
    if (bytes > maxPeerHeaderListBytes) {
      const text = `the request headers are ${bytes} bytes, the server takes ${maxPeerHeaderListBytes}`;
      return new StatusError(Code.INTERNAL, text);
    }
  }
  return metadata === undefined ? headers : { ...headers, [sensitiveHeaders]: SENSITIVE };
}
