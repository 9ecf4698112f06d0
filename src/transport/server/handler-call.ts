/**
 * What a handler is told about its call, and can tell the client besides messages.
 */
import type { Metadata } from "../../codec/metadata.js";
import type { Method } from "../../codec/method.js";
import type { Peer } from "../call.js";

/** What a handler knows of its call. */
export interface HandlerCall {
  readonly method: Method;
  /** The host, with its port, that the client says it wants: `:authority`, or `host` from a client that sends only that. */
  readonly authority: string;
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
  /**
   * The coding of the responses: the server's `compression.send` or what is set here, or `"identity"` for none, which is so when
   * the client does not take that coding. Setting it throws a TypeError for a name the server does not know, and an Error once
   * the headers or a message have been sent.
   */
  compression: string;
  /**
   * Whether responses are compressed, from the next one on. Default true, which leaves those plain that are shorter than the
   * server's `compression.minBytes`; set to true, it compresses these, too. Empty ones always stay plain.
   */
  compress: boolean;
  /** Whether the request given out last came compressed. */
  readonly requestCompressed: boolean;
  /** Sends {@link HandlerCall.headers} now instead of with the first message. Does nothing the second time. */
  sendHeaders(): void;
}
