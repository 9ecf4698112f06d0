/**
 * One RPC on the client: from the options to the status, over one HTTP/2 stream.
 *
 * Spec: PROTOCOL-HTTP2.md, "Requests", "Responses", "Errors", "Client Cancellation"; statuscodes.md; RFC 9113 §8.1, §8.7.
 * Laws: only a received `grpc-status: 0` is OK; a cancelled call never looks complete to the server; whatever the server
 * does, no exception and no unhandled event leaves this file.
 */
import { constants, sensitiveHeaders, type ClientHttp2Stream, type IncomingHttpHeaders } from "node:http2";
import { addAbortSignal } from "node:stream";
import { fieldsBytes, headerListBytes, requestHeaders, type HeaderFields } from "../../codec/header-block.js";
import { Metadata } from "../../codec/metadata.js";
import { sendsOneResponse, type Method } from "../../codec/method.js";
import { Code, StatusError, type Status } from "../../codec/status.js";
import { deadlineFrom, type Deadline } from "../deadline.js";
import { MessageSink, type SinkOwner } from "../message-sink.js";
import { MessageStream, type MessageStreamOwner } from "../message-stream.js";
import { checkCallOptions, type CallOptions } from "./call-options.js";
import type { Connection } from "./connection.js";
import type { ChannelLimits } from "./limits.js";
import { Outcome } from "./outcome.js";
import { readResponse, readTrailers, type ResponseBlock } from "./response-block.js";
import { statusOfReset } from "./stream-error.js";
import type { Lease, Subchannel, Waiting } from "./subchannel.js";

/** The channel above, as far as a call needs it. */
export interface ClientCallOwner {
  readonly limits: ChannelLimits;
  readonly authority: string;
  readonly subchannel: Subchannel;
  /** The call failed and nobody will hear of it. */
  callUnobserved(error: unknown, path: string): void;
}

/** What a request's own headers stay below, long paths and authorities included. */
const SMALL_BLOCK_BYTES = 1024;

/** Metadata that HPACK must not remember, so that it cannot be guessed from the size of later requests. RFC 7541 §7.1. */
const SENSITIVE = ["authorization", "cookie"];

/** One RPC in flight. The four kinds of `client.ts` are faces of it. */
export class ClientCall<Req = unknown, Res = unknown> implements MessageStreamOwner, SinkOwner, Waiting {
  readonly method: Method;
  readonly requests: MessageSink<Req>;
  readonly responses: MessageStream<Res>;
  readonly outcome = new Outcome();
  readonly #owner: ClientCallOwner;
  readonly #metadata: Metadata | undefined;
  readonly #deadline: Deadline | undefined;
  readonly #signal: AbortSignal | undefined;
  #onAbort: (() => void) | undefined;
  #lease: Lease | undefined;
  #connection: Connection | undefined;
  #stream: ClientHttp2Stream | undefined;
  /** What its connection had been heard of when the stream was opened. */
  #heardBefore = 0;
  #headersTooLarge = false;
  /** What the peer's trailers say; it becomes the status when the messages before it have arrived. */
  #peerStatus: Status | undefined;

  /** The one response of a unary or client-streaming call that ended OK. */
  response: Res | undefined;
  /** Whether somebody will hear of a failure. */
  observed = false;
  /** Called once, when the status is decided. */
  onFinished: (() => void) | undefined;

  /** @throws TypeError for an option that does not exist or has a wrong value. */
  constructor(
    owner: ClientCallOwner,
    method: Method<never, Req, Req, Res, Res> | Method,
    options: CallOptions | undefined,
  ) {
    this.#owner = owner;
    this.method = method;
    if (options !== undefined) {
      checkCallOptions(options);
      this.#deadline = deadlineFrom(options);
      this.#signal = options.signal;
      this.#metadata = options.metadata === undefined ? undefined : new Metadata(options.metadata);
    }
    this.requests = new MessageSink(method.request, owner.limits, this);
    this.responses = new MessageStream(
      method.response,
      sendsOneResponse(method.kind),
      owner.limits,
      this,
    ) as MessageStream<Res>;
  }

  /** Sets the call going. Nothing is sent for one that is cancelled or late already. */
  start(): void {
    const { subchannel } = this.#owner;
    if (this.#signal !== undefined && !this.#watch(this.#signal)) return;
    if (this.#deadline !== undefined) {
      if (this.#deadline.remainingMs <= 0) {
        this.#deadlineExceeded();
        return;
      }
      this.#deadline.arm(() => this.#deadlineExceeded());
    }
    const lease = subchannel.take();
    if (lease !== undefined) this.ready(lease);
    else subchannel.wait(this);
  }

  #watch(signal: AbortSignal): boolean {
    if (signal.aborted) {
      this.#cancelledBy(signal);
      return false;
    }
    this.#onAbort = () => this.#cancelledBy(signal);
    signal.addEventListener("abort", this.#onAbort, { once: true });
    return true;
  }

  #cancelledBy(signal: AbortSignal): void {
    this.observed = true;
    this.fail(new StatusError(Code.CANCELLED, "the call was cancelled by its signal", { cause: signal.reason }));
  }

  failed(error: StatusError): void {
    this.fail(error);
  }

  /** A session has room: the stream is opened and what has gathered is sent. */
  ready(lease: Lease): void {
    this.#lease = lease;
    this.#connection = lease.connection;
    this.#heardBefore = lease.connection.heard;
    const timeoutMs = this.#deadline?.remainingMs;
    if (timeoutMs !== undefined && timeoutMs <= 0) {
      this.#deadlineExceeded();
      return;
    }
    const { authority } = this.#owner;
    const { path } = this.method;
    const headers = requestHeaders({ scheme: "http", authority, path, timeoutMs, metadata: this.#metadata });
    // Without metadata a block is too large only for a server that takes next to nothing: it need not be measured.
    const mayBeLarge = this.#metadata !== undefined || lease.connection.maxPeerHeaderListBytes < SMALL_BLOCK_BYTES;
    if (mayBeLarge && !this.#fits(headers, lease.connection)) return;
    let stream: ClientHttp2Stream;
    try {
      const fields = this.#metadata === undefined ? headers : { ...headers, [sensitiveHeaders]: SENSITIVE };
      stream = lease.connection.session.request(fields, { endStream: false });
    } catch (error) {
      this.#notOpened(lease, error);
      return;
    }
    this.#listen(stream, lease.connection);
    this.responses.attach(stream);
    this.requests.attach(stream);
  }

  /** A server that is sent more than it takes may drop the whole connection, and all its other calls. */
  #fits(headers: HeaderFields, { maxPeerHeaderListBytes }: Connection): boolean {
    const bytes = fieldsBytes(headers);
    if (bytes <= maxPeerHeaderListBytes) return true;
    const text = `the request headers are ${bytes} bytes, the server takes ${maxPeerHeaderListBytes}`;
    this.fail(new StatusError(Code.INTERNAL, text));
    return false;
  }

  /** The session ended a moment ago (nothing was sent: wait for another one), or Node refuses the metadata. */
  #notOpened(lease: Lease, error: unknown): void {
    this.#lease = undefined;
    const { session } = lease.connection;
    const ended = session.destroyed || session.closed;
    // In this order: the place given back goes to the next call that waits, which must not get the same session.
    if (ended) this.#owner.subchannel.retire(lease.connection);
    lease.release();
    if (ended) {
      this.#owner.subchannel.wait(this);
      return;
    }
    const reason = error instanceof Error ? error.message : String(error);
    this.fail(new StatusError(Code.INTERNAL, `the request headers cannot be sent: ${reason}`, { cause: error }));
  }

  #listen(stream: ClientHttp2Stream, connection: Connection): void {
    this.#stream = stream;
    // The raw header list, which alone keeps repeated names apart, is the third argument; the types know two.
    type BlockListener = (headers: IncomingHttpHeaders, flags: number, rawHeaders: readonly string[]) => void;
    const onResponse: BlockListener = (headers, flags, raw) => {
      connection.heard++;
      const endsStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      if (this.#isTooLarge(raw)) return;
      this.#onBlock(readResponse(headers, raw, endsStream));
      if (endsStream && this.#peerStatus !== undefined) this.#finishByPeer(this.#peerStatus);
    };
    const onTrailers: BlockListener = (headers, _flags, raw) => {
      if (this.#isTooLarge(raw)) return;
      // Unread messages may still be in the stream: the status counts from 'end' on.
      this.#onBlock(readTrailers(headers, raw));
      this.responses.readToEnd();
    };
    stream.on("response", onResponse as (headers: IncomingHttpHeaders, flags: number) => void);
    stream.on("trailers", onTrailers as (headers: IncomingHttpHeaders, flags: number) => void);
    stream.on("data", (chunk: Buffer) => {
      connection.heard++;
      this.responses.push(chunk);
    });
    stream.on("end", () => this.#onEnd());
    stream.on("drain", () => this.requests.drained());
    // Every failure of a stream also closes it, which is what is acted upon; `frameError` tells one of them apart.
    stream.on("error", ignore);
    stream.on("frameError", (_type, code) => {
      this.#headersTooLarge ||= code === constants.NGHTTP2_FRAME_SIZE_ERROR;
    });
    stream.on("close", () => this.#onClose());
  }

  /**
   * Whether a block is over the limit, which ends the call before anything of it is read: HPACK makes megabytes of a small
   * block. A server is held to our SETTINGS once it has acknowledged them; until then its headers are measured here.
   */
  #isTooLarge(raw: readonly string[]): boolean {
    if (this.#connection?.acknowledged !== false) return false;
    const limit = this.#owner.limits.maxHeaderListBytes;
    if (headerListBytes(raw) <= limit) return false;
    this.fail(
      new StatusError(Code.RESOURCE_EXHAUSTED, `the response headers are larger than the limit of ${limit} bytes`),
    );
    return true;
  }

  #onBlock(block: ResponseBlock): void {
    if (this.outcome.decided) return;
    if (block.kind === "refused") {
      // The block decides the status; the rest of the stream is of no use.
      this.fail(new StatusError(block.status.code, block.status.message, { origin: block.origin }));
    } else if (block.kind === "headers") {
      this.responses.coding = block.coding;
      this.outcome.headersArrived(block.metadata);
    } else {
      this.outcome.peerTrailers = block.metadata;
      this.#peerStatus = block.status;
    }
  }

  #onEnd(): void {
    if (this.#peerStatus !== undefined) this.#finishByPeer(this.#peerStatus);
    // The end also comes with a reset or a lost connection, which 'close' tells in a moment; and sometimes alone.
    else if (!this.outcome.decided) setImmediate(() => this.#endedWithoutStatus());
  }

  #onClose(): void {
    // A stream that was closed before its end may have taken messages with it: then it was not OK, whatever was said.
    const complete = this.#peerStatus?.code !== Code.OK || this.#stream?.readableEnded === true;
    if (this.#peerStatus !== undefined && complete) this.#finishByPeer(this.#peerStatus);
    else this.#endedWithoutStatus();
  }

  #endedWithoutStatus(): void {
    if (this.outcome.decided) return;
    const stream = this.#stream as ClientHttp2Stream;
    const { status, origin } = statusOfReset(stream, this.#connection as Connection, this.#headersTooLarge);
    // "CANCELLED while the local deadline has passed is DEADLINE_EXCEEDED": both clocks run out at once.
    if (status.code === Code.CANCELLED && (this.#deadline?.remainingMs ?? 1) <= 0) this.#deadlineExceeded();
    else this.#end(new StatusError(status.code, status.message, { origin }), "by peer");
  }

  #finishByPeer(status: Status): void {
    if (this.outcome.decided) return;
    if (status.code !== Code.OK) {
      const trailers = this.outcome.peerTrailers;
      this.#end(new StatusError(status.code, status.message, { origin: "remote", trailers }), "by peer");
    } else if (sendsOneResponse(this.method.kind)) {
      try {
        this.response = this.responses.takeOne();
        this.#end(undefined, "by peer");
      } catch (error) {
        this.#end(error as StatusError, "by peer");
      }
    } else {
      this.#end(undefined, "by peer");
    }
  }

  /**
   * Ends the call by this side's decision. Messages not yet taken are dropped, and a status that came but was not told yet
   * gives way. Does nothing once the call has ended.
   */
  fail(error: StatusError): void {
    if (this.outcome.told) return;
    // "Build the status locally, using nothing from the trailers": what the peer said goes with its status.
    this.outcome.peerTrailers = undefined;
    this.#replaceOrEnd(error);
    this.responses.abort(error);
    this.receiveDrained();
  }

  #replaceOrEnd(error: StatusError): void {
    if (this.outcome.decided) this.outcome.decide(error);
    else this.#end(error, "here");
  }

  /** Cancels: the server is told, and whoever waits gets CANCELLED. */
  cancel(): void {
    this.observed = true;
    this.fail(new StatusError(Code.CANCELLED, "the call was cancelled"));
  }

  #end(error: StatusError | undefined, decided: "here" | "by peer"): void {
    if (this.outcome.decided) return;
    this.outcome.decide(error);
    this.#owner.subchannel.forget(this);
    this.#leaveStream(decided === "here");
    this.responses.end(error);
    // A side of one message is never pulled: what came before an error goes with it.
    if (!this.responses.hasMessage || sendsOneResponse(this.method.kind)) this.receiveDrained();
    this.onFinished?.();
    if (error !== undefined) setImmediate(() => this.#reportUnobserved(error));
    // Last, as it runs the application's code: its iterator's return().
    this.requests.close();
  }

  /** Makes sure the stream ends on the wire, and gives its place back. */
  #leaveStream(cancel: boolean): void {
    const stream = this.#stream;
    if (stream !== undefined && !stream.destroyed) {
      if (cancel) {
        // The one way to send a clean RST_STREAM(CANCEL): close(CANCEL) would half-close first, as if the requests were
        // complete, and destroy() would say NO_ERROR.
        addAbortSignal(AbortSignal.abort(), stream);
      } else if (stream.writableLength > 0) {
        // RST_STREAM(NO_ERROR); close(NO_ERROR) would wait for the request to be sent, which may be never.
        stream.destroy();
      } else if (!stream.writableEnded) {
        stream.end();
      }
    }
    this.#lease?.release();
    this.#lease = undefined;
  }

  #reportUnobserved(error: StatusError): void {
    if (!this.observed && !this.responses.pulled) this.#owner.callUnobserved(error, this.method.path);
  }

  #deadlineExceeded(): void {
    const connection = this.#connection;
    if (this.#stream !== undefined && connection?.heard === this.#heardBefore) {
      this.#owner.subchannel.suspect(connection);
    }
    const ms = Math.round((this.#deadline?.timeoutMs ?? 0) * 1000) / 1000;
    const text =
      ms > 0
        ? `the deadline of ${ms} ms passed while ${this.#phase()}`
        : "the deadline had passed when the call was started";
    this.fail(new StatusError(Code.DEADLINE_EXCEEDED, text));
  }

  #phase(): string {
    if (this.#stream === undefined) return "waiting for a connection";
    return this.outcome.hasHeaders ? "receiving messages" : "waiting for the response";
  }

  beforeFirstWrite(): void {
    // The headers of a request went out when its stream was opened.
  }

  sendOverflow(queuedBytes: number): void {
    const limit = this.#owner.limits.maxQueuedBytes;
    this.fail(
      new StatusError(
        Code.RESOURCE_EXHAUSTED,
        `${queuedBytes} bytes of messages wait to be sent, more than the limit of ${limit}: await what send() returns`,
      ),
    );
  }

  /** The application's request iterable failed: the call cannot be completed. */
  requestsFailed(cause: unknown): void {
    if (cause instanceof StatusError) {
      this.fail(cause);
      return;
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    const notEncoded = cause !== undefined && cause === this.requests.encodeError;
    this.fail(
      notEncoded
        ? new StatusError(Code.INTERNAL, reason, { cause })
        : new StatusError(Code.CANCELLED, `the request iterable threw: ${reason}`, { cause }),
    );
  }

  receiveFailed(error: StatusError): void {
    // An OK that came but was not told yet gives way: the messages before it turned out to be broken.
    this.#replaceOrEnd(error);
    if (!this.responses.hasMessage) this.receiveDrained();
  }

  receiveAbandoned(): void {
    if (!this.outcome.decided && this.#peerStatus === undefined) {
      this.cancel();
      return;
    }
    this.responses.discard();
    this.receiveDrained();
  }

  /** Every message has been taken: the status may be told, and nothing can change it any more. */
  receiveDrained(): void {
    if (!this.outcome.tell()) return;
    this.#deadline?.clear();
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}

function ignore(): void {}
