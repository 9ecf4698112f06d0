/**
 * Call credentials: metadata that says who is calling, made anew for every attempt.
 *
 * Spec: statuscodes.md (UNAUTHENTICATED); gRFC L62 (plaintext), A54 (codes that a credential may fail with).
 * Laws: nothing of them is sent in plaintext unless that was said on purpose; a call whose credentials cannot be had is not sent.
 */
import { Metadata, type MetadataInit } from "../../codec/metadata.js";
import type { Method } from "../../codec/method.js";
import { Code, StatusError } from "../../codec/status.js";
import { permittedStatus } from "./balancing/control-plane.js";

/** What credentials are asked for. */
export interface CredentialsRequest {
  readonly method: Method;
  /** What `:authority` says. */
  readonly authority: string;
  /** The service as a URL without its method, which is the audience of many tokens: `"https://orders.example/shop.Orders"`. */
  readonly serviceUrl: string;
}

/**
 * Gives the metadata that proves who is calling, such as `{ authorization: "Bearer …" }`, or a promise of it. Called for every
 * attempt: what is expensive should be kept. A call whose credentials throw is UNAUTHENTICATED, or has the code of a
 * `StatusError`.
 */
export type CallCredentials = (request: CredentialsRequest) => MetadataInit | PromiseLike<MetadataInit>;

/** Asks every one of `credentials`, those of the channel first. @throws StatusError when one of them fails. */
export async function metadataFrom(
  credentials: readonly CallCredentials[],
  method: Method,
  authority: string,
): Promise<Metadata> {
  const service = method.path.slice(0, method.path.lastIndexOf("/"));
  const request: CredentialsRequest = { method, authority, serviceUrl: `https://${authority}${service}` };
  const metadata = new Metadata();
  try {
    for (const ask of credentials) metadata.merge(new Metadata(await ask(request)));
  } catch (cause) {
    throw credentialsError(cause);
  }
  return metadata;
}

function credentialsError(cause: unknown): StatusError {
  if (!(cause instanceof StatusError)) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new StatusError(Code.UNAUTHENTICATED, `the credentials of the call could not be had: ${reason}`, { cause });
  }
  const permitted = permittedStatus(cause, "the credentials of the call");
  // Its trailers and details came from another server: they are not this call's.
  return permitted === cause ? new StatusError(cause.code, cause.rawMessage, { cause }) : permitted;
}

/** Why credentials are not sent over this connection. */
export function plaintextError(): StatusError {
  return new StatusError(
    Code.UNAUTHENTICATED,
    "the call has credentials, which are not sent in plaintext: use tls, or say credentialsInPlaintext: true",
  );
}
