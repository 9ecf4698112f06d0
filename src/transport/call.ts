/**
 * One RPC in flight, as interceptors on both sides see it: messages in, messages out, metadata at both ends.
 *
 * Spec: PROTOCOL-SEMANTICS.md, "Calls"; DESIGN of this library: docs/reading-guide.md.
 */
import type { Metadata } from "../codec/metadata.js";
import type { Method } from "../codec/method.js";

/** Who is at the other end of a connection. */
export interface Peer {
  /** `"127.0.0.1:50051"`, `"[::1]:50051"`, or `"unix:/path"`. */
  readonly address: string;
}

/** What goes in. */
export interface Call<Req = unknown> {
  readonly method: Method;
  /** The request's metadata. */
  readonly metadata: Metadata;
  /** When the call must be over; `undefined` for never. */
  readonly deadline: Date | undefined;
  /** Aborted when the call is cancelled or past its deadline; the reason is a `StatusError`. */
  readonly signal: AbortSignal;
  /** The other end. On a client it is `undefined`, as no connection has been chosen yet. */
  readonly peer: Peer | undefined;
  /** The request messages; exactly one for the kinds that send one. */
  readonly messages: Iterable<Req> | AsyncIterable<Req>;
}

/** What comes out. */
export interface Reply<Res = unknown> {
  readonly headers: Metadata;
  /** The response messages; iterating throws the `StatusError` when the call ends in one. */
  readonly messages: Iterable<Res> | AsyncIterable<Res>;
  /** Filled when `messages` has ended. */
  readonly trailers: Metadata;
}

/**
 * Wraps every call of a server or channel. `next` runs the rest and may be called once; a `StatusError` thrown instead of
 * calling it ends the call.
 */
export type Interceptor = (call: Call, next: (call: Call) => Promise<Reply>) => Promise<Reply>;
