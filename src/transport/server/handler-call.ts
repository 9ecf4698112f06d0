/**
 * What a handler is told about its call, and can tell the client besides messages.
 */
import type { Metadata } from "../../codec/metadata.js";
import type { Method } from "../../codec/method.js";
import type { Peer } from "../call.js";

/** What a handler knows of its call. */
export interface HandlerCall {
  readonly method: Method;
  /** The metadata the client sent. */
  readonly metadata: Metadata;
  /** When the client stops waiting; `undefined` for never. */
  readonly deadline: Date | undefined;
  /** Aborted when the client cancels or vanishes, at the deadline and at a forced shutdown; the reason is a `StatusError`. */
  readonly signal: AbortSignal;
  readonly peer: Peer;
  /** Metadata to be sent before the first message. */
  readonly headers: Metadata;
  /** Metadata to be sent with the status. */
  readonly trailers: Metadata;
  /** Sends {@link HandlerCall.headers} now instead of with the first message. Does nothing the second time. */
  sendHeaders(): void;
}
