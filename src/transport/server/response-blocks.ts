/**
 * The header blocks of one response: headers, trailers, or the one block that is both.
 *
 * Spec: PROTOCOL-HTTP2.md, "Responses"; statuscodes.md.
 * Laws: a block that is larger than the client takes is not sent; metadata that Node refuses costs the call, not the process.
 */
import type { ServerHttp2Stream } from "node:http2";
import { fieldsBytes, responseHeaders, trailers, trailersOnly, type HeaderFields } from "../../codec/header-block.js";
import { Metadata } from "../../codec/metadata.js";
import type { Method } from "../../codec/method.js";
import { Code, type Status } from "../../codec/status.js";
import type { StatusDetail } from "../../codec/status-detail.js";
import type { Codings } from "../codings.js";
import { ENDING_RESPONSE, STREAMED_RESPONSE } from "./respond-options.js";
import { statusBlock } from "./status-trailers.js";

/** What the client is told in place of metadata that cannot be sent. */
export const METADATA_NOT_SENT: Status = Object.freeze({
  code: Code.INTERNAL,
  message: "the response metadata could not be sent",
});

/** The session above, as far as a response needs it. */
export interface ResponseOwner {
  readonly codings: Codings;
  readonly maxPeerHeaderListBytes: number;
  responded: boolean;
}

/** The blocks of one response. */
export class ResponseBlocks {
  readonly #owner: ResponseOwner;
  readonly #stream: ServerHttp2Stream;
  readonly #method: Method;
  readonly #contentType: string;
  #headers: Metadata | undefined;
  #trailers: Metadata | undefined;

  /** Whether a first block was made; with it the client knows the headers. */
  sent = false;
  /** What the error that made the status says beside it. */
  details: readonly StatusDetail[] | undefined;

  constructor(owner: ResponseOwner, stream: ServerHttp2Stream, method: Method, contentType: string) {
    this.#owner = owner;
    this.#stream = stream;
    this.#method = method;
    this.#contentType = contentType;
  }

  get headers(): Metadata {
    return (this.#headers ??= new Metadata());
  }

  set headers(headers: Metadata) {
    this.#headers = headers;
  }

  get trailers(): Metadata {
    return (this.#trailers ??= new Metadata());
  }

  set trailers(metadata: Metadata) {
    this.#trailers = metadata;
  }

  /** Whether the application has said anything in the headers. */
  get hasHeaders(): boolean {
    return (this.#headers?.size ?? 0) > 0;
  }

  /** Sends the headers. @throws what Node throws, and RangeError for more than the client takes. */
  sendHeaders(coding: string | undefined): void {
    const { accepted } = this.#owner.codings;
    const metadata = this.#headers;
    this.#respond(responseHeaders({ contentType: this.#contentType, coding, accepted, metadata }), false);
  }

  /** Sends the one block of a response without messages. @throws as {@link sendHeaders} does. */
  sendTrailersOnly(status: Status, report: (error: Error) => void): void {
    const build = (last: Status, metadata: Metadata | undefined): HeaderFields =>
      trailersOnly(this.#contentType, last, metadata);
    this.#respond(this.#lastBlock(status, build, report), true);
  }

  /** Sends a block with a status and nothing of the application's. @throws what Node throws. */
  sendBare(status: Status): void {
    this.#stream.respond(trailersOnly(this.#contentType, status, undefined), ENDING_RESPONSE);
  }

  /** Sends the trailers. What cannot be sent is reported, and INTERNAL to the client. */
  sendTrailers(status: Status, report: (error: Error) => void): void {
    try {
      const fields = this.#lastBlock(status, trailers, report);
      this.#checkSize(fields);
      this.#stream.sendTrailers(fields);
    } catch (error) {
      report(error as Error);
      if (this.#stream.destroyed) return;
      this.#stream.sendTrailers(trailers(METADATA_NOT_SENT, undefined));
    }
  }

  #respond(fields: HeaderFields, endStream: boolean): void {
    this.sent = true;
    this.#owner.responded = true;
    this.#checkSize(fields);
    this.#stream.respond(fields, endStream ? ENDING_RESPONSE : STREAMED_RESPONSE);
  }

  /** A client that is sent more than it takes may drop the whole connection, and all its other calls. */
  #checkSize(fields: HeaderFields): void {
    if (this.#headers === undefined && this.#trailers === undefined) return;
    const limit = this.#owner.maxPeerHeaderListBytes;
    const bytes = fieldsBytes(fields);
    if (bytes > limit) {
      throw new RangeError(
        `the response metadata of ${this.#method.path} is ${bytes} bytes, the client takes ${limit}`,
      );
    }
  }

  #lastBlock(status: Status, build: typeof trailers, report: (error: Error) => void): HeaderFields {
    const metadata = this.#trailers;
    const { details } = this;
    if (metadata === undefined && details === undefined) return build(status, undefined);
    const maxBytes = this.#owner.maxPeerHeaderListBytes;
    return statusBlock({ status, metadata, details, maxBytes, build, report });
  }
}
