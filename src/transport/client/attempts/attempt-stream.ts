/**
 * The stream of one attempt: one HTTP/2 stream, from its header block to the moment it is known how it ended.
 *
 * Spec: PROTOCOL-HTTP2.md, "Responses", "Errors"; RFC 9113 §8.1, §8.7.
 * Laws: a stream ends once, however many events it has left; one that was left says nothing more; whatever the server does, no
 * exception and no unhandled event leaves this file.
 */
import { constants, type ClientHttp2Stream, type IncomingHttpHeaders } from "node:http2";
import { addAbortSignal } from "node:stream";
import { headerListBytes, type HeaderFields } from "../../../codec/header-block.js";
import type { Metadata } from "../../../codec/metadata.js";
import { Code, StatusError } from "../../../codec/status.js";
import type { AttemptEnd } from "./attempt-end.js";
import type { AttemptedCall } from "./attempted-call.js";
import type { Connection } from "../connecting/connection.js";
import { readResponse, readTrailers, type ResponseBlock } from "./response-block.js";
import { endOfStream } from "./stream-error.js";

/** The attempt above: what it must hear from its stream. */
export interface AttemptStreamOwner {
  /** Takes the messages, and says what may come. */
  readonly call: AttemptedCall;
  headersArrived(metadata: Metadata, coding: string | undefined): void;
  /** The server's answer cannot be taken any further: the call must end with `error`. */
  refused(error: StatusError): void;
  /** It is over, and everything before its status has arrived. */
  streamEnded(end: AttemptEnd): void;
  drained(): void;
}

/** One stream of a session. */
export class AttemptStream {
  readonly connection: Connection;
  readonly stream: ClientHttp2Stream;
  readonly #owner: AttemptStreamOwner;
  /** What its connection had been heard of when the stream was opened. */
  readonly #heardBefore: number;
  #headersTooLarge = false;
  #told: AttemptEnd | undefined;
  /** The headers of the answer have been read. */
  #answered = false;
  /** What came before they were: see {@link AttemptStream.#onData}. */
  #early: Buffer[] | undefined;
  /** The attempt above knows how the stream ended. */
  #ended = false;
  #over = false;

  /** Opens the stream. @throws what Node throws: the session has ended, or it refuses the headers. */
  constructor(owner: AttemptStreamOwner, connection: Connection, fields: HeaderFields) {
    this.#owner = owner;
    this.connection = connection;
    this.#heardBefore = connection.heard;
    this.stream = connection.session.request(fields, { endStream: false });
    this.#listen(this.stream);
  }

  /** Whether the server has said how the call ended. */
  get told(): boolean {
    return this.#told !== undefined;
  }

  /** Whether nothing at all came of the connection since the stream was opened. */
  get silent(): boolean {
    return this.connection.heard === this.#heardBefore;
  }

  #listen(stream: ClientHttp2Stream): void {
    // The raw header list, which alone keeps repeated names apart, is the third argument; the types know two.
    type BlockListener = (headers: IncomingHttpHeaders, flags: number, rawHeaders: readonly string[]) => void;
    const onResponse: BlockListener = (headers, flags, raw) => this.#onResponse(headers, flags, raw);
    const onTrailers: BlockListener = (headers, _flags, raw) => {
      if (this.#isTooLarge(raw)) return;
      this.#onBlock(readTrailers(headers, raw));
      // Unread messages may still be in the stream: they are taken in, and the status counts from their end on.
      if (!this.#over) this.#owner.call.responses.readToEnd();
    };
    stream.on("response", onResponse as (headers: IncomingHttpHeaders, flags: number) => void);
    stream.on("trailers", onTrailers as (headers: IncomingHttpHeaders, flags: number) => void);
    stream.on("data", (chunk: Buffer) => this.#onData(chunk));
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
  }

  /**
   * Node tells of headers in a tick of their own. On a socket that is before the DATA behind them is read; on a stream of JavaScript's
   * (option `dial`) it is after all of a chunk has been.
   */
  #onData(chunk: Buffer): void {
    this.connection.chunkArrived(chunk.length);
    if (this.#over) return;
    if (this.#answered) this.#owner.call.responses.push(chunk);
    else (this.#early ??= []).push(chunk);
  }

  #onResponse(headers: IncomingHttpHeaders, flags: number, raw: readonly string[]): void {
    this.connection.heard++;
    const accepted = headers["grpc-accept-encoding"];
    if (accepted !== undefined) this.#owner.call.channel.peerCodings.learn(String(accepted));
    const endsStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    if (this.#isTooLarge(raw)) return;
    this.#onBlock(readResponse(headers, raw, endsStream));
    this.#answered = true;
    for (const chunk of this.#early ?? []) if (!this.#over) this.#owner.call.responses.push(chunk);
    this.#early = undefined;
    if (endsStream) this.#endIfTold();
  }

  /**
   * Whether a block is over the limit, which ends the call before anything of it is read: HPACK makes megabytes of a small
   * block. A server is held to our SETTINGS once it has acknowledged them; until then its headers are measured here.
   */
  #isTooLarge(raw: readonly string[]): boolean {
    if (this.#over || this.connection.acknowledged) return false;
    const limit = this.#owner.call.channel.limits.maxHeaderListBytes;
    if (headerListBytes(raw) <= limit) return false;
    const text = `the response headers are larger than the limit of ${limit} bytes`;
    this.#owner.refused(
      new StatusError(Code.RESOURCE_EXHAUSTED, text, { hint: "option maxHeaderListBytes is that limit" }),
    );
    return true;
  }

  #onBlock(block: ResponseBlock): void {
    if (this.#over) return;
    if (block.kind === "refused") {
      // The block decides the status; the rest of the stream is of no use.
      const { status, origin, hint } = block;
      if (origin === "remote") this.#end({ status, origin, hint, open: true });
      else this.#owner.refused(new StatusError(status.code, status.message));
    } else if (block.kind === "headers") {
      this.#owner.headersArrived(block.metadata, block.coding);
    } else {
      this.#told = { status: block.status, origin: "remote", trailers: block.metadata, hint: block.hint };
    }
  }

  #onEnd(): void {
    if (this.#told !== undefined) this.#end(this.#told);
    // The end also comes with a reset or a lost connection, which 'close' tells in a moment; and sometimes alone.
    else if (!this.#over) setImmediate(() => this.#lost());
  }

  #onClose(): void {
    // A stream that was closed before its end may have taken messages with it: then it was not OK, whatever was said.
    if (this.#told?.status.code !== Code.OK || this.stream.readableEnded) this.#endIfTold();
    this.#lost();
  }

  #endIfTold(): void {
    if (this.#told !== undefined) this.#end(this.#told);
  }

  #lost(): void {
    if (!this.#over && !this.#ended) this.#end(endOfStream(this.stream, this.connection, this.#headersTooLarge));
  }

  #end(end: AttemptEnd): void {
    if (this.#over || this.#ended) return;
    this.#ended = true;
    this.#owner.streamEnded(end);
  }

  /**
   * Nobody wants to hear of the stream any more: makes sure that it ends on the wire. `cancel` says that the server has not
   * finished. Only once.
   */
  leave(cancel: boolean): void {
    this.#over = true;
    const { stream } = this;
    if (stream.destroyed) return;
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
}

function ignore(): void {}
