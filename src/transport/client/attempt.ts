/**
 * One attempt at an RPC: one HTTP/2 stream, from its header block to the moment it is known how it ended.
 *
 * Spec: PROTOCOL-HTTP2.md, "Responses", "Errors"; RFC 9113 §8.1, §8.7; gRFC A6 (transparent retries).
 * Laws: an attempt ends once, however many events the stream has left; one that was left says nothing more; whatever the server
 * does, no exception and no unhandled event leaves this file.
 */
import { constants, type ClientHttp2Stream, type IncomingHttpHeaders } from "node:http2";
import { addAbortSignal } from "node:stream";
import { headerListBytes, type HeaderFields } from "../../codec/header-block.js";
import type { Metadata } from "../../codec/metadata.js";
import { Code, StatusError, type Status } from "../../codec/status.js";
import type { Connection } from "./connection.js";
import type { Lease } from "./placement.js";
import { readResponse, readTrailers, type ResponseBlock } from "./response-block.js";
import { endOfStream, type StreamEnd } from "./stream-error.js";

/** The call above: what it must hear from its attempt. */
export interface AttemptOwner {
  /** The largest header list taken from a server, in bytes. */
  readonly maxHeaderListBytes: number;
  /** What the server's `grpc-accept-encoding` says, in whatever kind of answer. */
  codingsLearnt(accepted: string): void;
  headersArrived(metadata: Metadata, coding: string | undefined): void;
  chunkArrived(chunk: Buffer): void;
  /** The status is known, but messages before it may still be in the stream: {@link AttemptOwner.peerFinished} comes then. */
  trailersArrived(): void;
  /** The server's answer cannot be taken any further: the call must end with `error`. */
  answerRefused(error: StatusError): void;
  /** The server has said how the call ended, and everything before that has arrived. */
  peerFinished(status: Status, trailers: Metadata): void;
  /** The stream is gone without a status. */
  streamLost(end: StreamEnd): void;
  drained(): void;
}

/** A status with the metadata beside it. */
interface Told {
  readonly status: Status;
  readonly trailers: Metadata;
}

/** One stream of a session with the lease that allowed it. */
export class Attempt {
  readonly connection: Connection;
  readonly #owner: AttemptOwner;
  readonly #lease: Lease;
  /** What its connection had been heard of when the stream was opened. */
  readonly #heardBefore: number;
  #stream: ClientHttp2Stream | undefined;
  #headersTooLarge = false;
  #told: Told | undefined;
  /** The call above knows how the stream ended. */
  #ended = false;
  #over = false;

  constructor(owner: AttemptOwner, lease: Lease) {
    this.#owner = owner;
    this.#lease = lease;
    this.connection = lease.connection;
    this.#heardBefore = lease.connection.heard;
  }

  /** Whether the server has said how the call ended. */
  get told(): boolean {
    return this.#told !== undefined;
  }

  /** Whether nothing at all came of the connection since the stream was opened. */
  get silent(): boolean {
    return this.#stream !== undefined && this.connection.heard === this.#heardBefore;
  }

  /** Opens the stream. @throws what Node throws: the session has ended, or it refuses the headers. */
  open(fields: HeaderFields): ClientHttp2Stream {
    const stream = this.connection.session.request(fields, { endStream: false });
    this.#stream = stream;
    // The raw header list, which alone keeps repeated names apart, is the third argument; the types know two.
    type BlockListener = (headers: IncomingHttpHeaders, flags: number, rawHeaders: readonly string[]) => void;
    const onResponse: BlockListener = (headers, flags, raw) => {
      this.connection.heard++;
      const accepted = headers["grpc-accept-encoding"];
      if (accepted !== undefined) this.#owner.codingsLearnt(String(accepted));
      const endsStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      if (this.#isTooLarge(raw)) return;
      this.#onBlock(readResponse(headers, raw, endsStream));
      if (endsStream) this.#finishIfTold();
    };
    const onTrailers: BlockListener = (headers, _flags, raw) => {
      if (this.#isTooLarge(raw)) return;
      this.#onBlock(readTrailers(headers, raw));
      if (!this.#over) this.#owner.trailersArrived();
    };
    stream.on("response", onResponse as (headers: IncomingHttpHeaders, flags: number) => void);
    stream.on("trailers", onTrailers as (headers: IncomingHttpHeaders, flags: number) => void);
    stream.on("data", (chunk: Buffer) => {
      this.connection.heard++;
      if (!this.#over) this.#owner.chunkArrived(chunk);
    });
    stream.on("end", () => this.#onEnd());
    stream.on("drain", () => {
      if (!this.#over) this.#owner.drained();
    });
    // Every failure of a stream also closes it, which is what is acted upon; `frameError` tells one of them apart.
    stream.on("error", ignore);
    stream.on("frameError", (_type, code) => {
      this.#headersTooLarge ||= code === constants.NGHTTP2_FRAME_SIZE_ERROR;
    });
    stream.on("close", () => this.#onClose());
    return stream;
  }

  /**
   * Whether a block is over the limit, which ends the call before anything of it is read: HPACK makes megabytes of a small
   * block. A server is held to our SETTINGS once it has acknowledged them; until then its headers are measured here.
   */
  #isTooLarge(raw: readonly string[]): boolean {
    if (this.#over || this.connection.acknowledged) return false;
    const limit = this.#owner.maxHeaderListBytes;
    if (headerListBytes(raw) <= limit) return false;
    const text = `the response headers are larger than the limit of ${limit} bytes`;
    this.#owner.answerRefused(new StatusError(Code.RESOURCE_EXHAUSTED, text));
    return true;
  }

  #onBlock(block: ResponseBlock): void {
    if (this.#over) return;
    if (block.kind === "refused") {
      // The block decides the status; the rest of the stream is of no use.
      const { status, origin } = block;
      this.#owner.answerRefused(new StatusError(status.code, status.message, { origin }));
    } else if (block.kind === "headers") {
      this.#owner.headersArrived(block.metadata, block.coding);
    } else {
      this.#told = { status: block.status, trailers: block.metadata };
    }
  }

  #onEnd(): void {
    if (this.#told !== undefined) this.#finishIfTold();
    // The end also comes with a reset or a lost connection, which 'close' tells in a moment; and sometimes alone.
    else if (!this.#over) setImmediate(() => this.#lost());
  }

  #onClose(): void {
    // A stream that was closed before its end may have taken messages with it: then it was not OK, whatever was said.
    const complete = this.#told?.status.code !== Code.OK || this.#stream?.readableEnded === true;
    if (complete) this.#finishIfTold();
    this.#lost();
  }

  #finishIfTold(): void {
    if (this.#over || this.#ended || this.#told === undefined) return;
    this.#ended = true;
    this.#owner.peerFinished(this.#told.status, this.#told.trailers);
  }

  #lost(): void {
    if (this.#over || this.#ended) return;
    this.#ended = true;
    const stream = this.#stream as ClientHttp2Stream;
    this.#owner.streamLost(endOfStream(stream, this.connection, this.#headersTooLarge));
  }

  /** Nothing was heard for as long as the call ran: whoever gave the place should look after its connection. */
  suspect(): void {
    this.#lease.suspect();
  }

  /** Says that the session is gone: nobody else should get it. */
  retire(): void {
    this.#lease.retire();
  }

  /**
   * The call has no more use for this attempt: makes sure the stream ends on the wire, and gives its place back. `cancel` says
   * that the server has not finished, `code` how the attempt ended, if that says something of the server. Does nothing the second
   * time.
   */
  leave(cancel: boolean, code?: Code): void {
    if (this.#over) return;
    this.#over = true;
    const stream = this.#stream;
    if (stream !== undefined && !stream.destroyed) {
      if (cancel) {
        // The one way to send a clean RST_STREAM(CANCEL): close(CANCEL) would half-close first, as if the requests were
        // complete, and destroy() would say NO_ERROR.
        addAbortSignal(AbortSignal.abort(), stream);
      } else if (stream.writableLength > 0) {
        // RST_STREAM(NO_ERROR); close(NO_ERROR) would wait for the request to be sent, which may be never. In the next turn, as
        // in this one nghttp2 may be reading: of all codes Node puts off only CANCEL then, and frees the stream below it.
        setImmediate(() => stream.destroy());
      } else if (!stream.writableEnded) {
        stream.end();
      }
    }
    this.#lease.release(code);
  }
}

function ignore(): void {}
