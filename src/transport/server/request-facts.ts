/**
 * What the header block of a request says of its call, once it has been accepted.
 *
 * Spec: PROTOCOL-HTTP2.md, "Requests".
 */

/** What a request's header block says of the call. */
export interface RequestFacts {
  /** The response's content-type: the request's own. */
  readonly contentType: string;
  readonly timeoutMs: number | undefined;
  /** What `grpc-encoding` says, when it is more than `identity`: a coding that is known here. */
  readonly coding: string | undefined;
  /** What `grpc-accept-encoding` says: the codings a response may use. */
  readonly accepted: string | undefined;
}
