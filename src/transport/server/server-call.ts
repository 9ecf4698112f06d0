/**
 * One RPC on the server: from the accepted stream to the trailers.
 *
 * Spec: PROTOCOL-HTTP2.md, "Responses", "Errors", "Early Server Closure"; statuscodes.md.
 * Laws: the status is decided once; nothing is sent after it; whatever the client does, no exception leaves this file;
 * what was not asked for (signal, metadata, a timer) is not made.
 */
import { constants, type ServerHttp2Stream } from "node:http2";
import { listsCoding } from "../../codec/compression.js";
import { Metadata } from "../../codec/metadata.js";
import { sendsOneRequest, type Method } from "../../codec/method.js";
import { Code, StatusError, type Status } from "../../codec/status.js";
import type { Peer } from "../call.js";
import type { Codings, SendCoding } from "../codings.js";
import { EndListeners } from "../end-listeners.js";
import type { CallChanges, CallEnd, Interceptable, Reply } from "../intercept.js";
import { MessageSink, type SendLimits, type SinkOwner } from "../message-sink.js";
import { MessageStream, type MessageStreamOwner, type ReceiveLimits } from "../message-stream.js";
import type { CallScope, ParentCall } from "../propagation.js";
import { Cancellation } from "./cancellation.js";
import type { HandlerCall } from "./handler-call.js";
import { OneRequest, type RequestTaker } from "./one-request.js";
import { METADATA_NOT_SENT, ResponseBlocks } from "./response-blocks.js";
import type { RequestFacts } from "./request-facts.js";

const OK: Status = Object.freeze({ code: Code.OK, message: "" });

/** What a handler's own exception looks like from outside: its text may hold what no client should see. */
const HANDLER_FAILED = "the handler failed";

/** The session above: what it must hear from a call. */
export interface ServerCallOwner {
  readonly peer: Peer;
  readonly limits: ReceiveLimits;
  readonly sendLimits: SendLimits;
  readonly codings: Codings;
  /** The largest header list the client takes, in bytes. */
  readonly maxPeerHeaderListBytes: number;
  /** A chunk of so many bytes has come. */
  chunkArrived(bytes: number): void;
  /** The status is decided. */
  callEnded(call: ServerCall, status: Status): void;
  /** Whether the client has been sent any header block. */
  responded: boolean;
  /** The stream is gone. */
  streamClosed(): void;
  /** The handler will do nothing more for this call. */
  handlerReturned(call: ServerCall): void;
  /** An exception that says nothing to the client. */
  callFailed(error: unknown, call: ServerCall): void;
}

/** One RPC in flight. Handlers see it as {@link HandlerCall}, interceptors as `Call`. */
export class ServerCall implements HandlerCall, Interceptable, ParentCall, MessageStreamOwner, SinkOwner, RequestTaker {
  readonly method: Method;
  readonly requests: MessageStream<unknown>;
  readonly responses: MessageSink<unknown>;
  readonly #owner: ServerCallOwner;
  readonly #stream: ServerHttp2Stream;
  readonly #rawHeaders: readonly string[];
  readonly #blocks: ResponseBlocks;
  /** The codings the client takes, as a list. */
  readonly #accepted: string | undefined;
  #metadata: Metadata | undefined;
  readonly #cancellation: Cancellation;
  #oneRequest: OneRequest | undefined;
  #start: ((request: unknown) => void) | undefined;
  #requestEnded = false;
  #status: Status | undefined;
  #handlerReturned = false;
  /** What interceptors have put in place of the requests. */
  #messages: AsyncIterable<unknown> | undefined;
  #endListeners: EndListeners | undefined;
  #error: StatusError | undefined;
  /** When the first interceptor ran, on the clock of `performance.now()`; set by those who need it. */
  startedAt = 0;
  /** What is around the handler, if calls made inside it inherit from this one. */
  scope: CallScope | undefined;

  constructor(
    owner: ServerCallOwner,
    stream: ServerHttp2Stream,
    method: Method,
    rawHeaders: readonly string[],
    { contentType, timeoutMs, coding, accepted }: RequestFacts,
  ) {
    this.#owner = owner;
    this.#stream = stream;
    this.method = method;
    this.#rawHeaders = rawHeaders;
    this.#accepted = accepted;
    this.#blocks = new ResponseBlocks(owner, stream, method, contentType);
    this.requests = new MessageStream(method.request, sendsOneRequest(method.kind), owner.limits, this);
    this.requests.attach(stream);
    this.responses = new MessageSink(method.response, owner.sendLimits, this);
    this.responses.attach(stream);
    if (coding !== undefined) this.requests.codedIn(coding, owner.codings);
    if (owner.codings.send !== undefined) this.#compressIn(owner.codings.send);
    this.#cancellation = new Cancellation((error) => this.cut(error));
    if (timeoutMs !== undefined) this.#cancellation.endIn(timeoutMs);
    stream.on("data", (chunk: Buffer) => {
      owner.chunkArrived(chunk.length);
      this.requests.push(chunk);
    });
    stream.on("end", () => this.#onEnd());
    stream.on("drain", () => this.responses.drained());
    stream.on("wantTrailers", () => this.#sendTrailers());
    stream.on("aborted", () => this.#onClose());
    stream.on("close", () => {
      this.#onClose();
      owner.streamClosed();
    });
  }

  get side(): "server" {
    return "server";
  }

  get metadata(): Metadata {
    return (this.#metadata ??= Metadata.fromRawHeaders(this.#rawHeaders));
  }

  /** `host` is what HTTP/1 called it, and counts where `:authority` is missing. nghttp2 resets requests without either, or with two. */
  get authority(): string {
    return fieldOf(this.#rawHeaders, ":authority") ?? fieldOf(this.#rawHeaders, "host") ?? "";
  }

  get headers(): Metadata {
    return this.#blocks.headers;
  }

  get trailers(): Metadata {
    return this.#blocks.trailers;
  }

  get peer(): Peer {
    return this.#owner.peer;
  }

  get deadline(): Date | undefined {
    return this.#cancellation.deadline;
  }

  get remainingMs(): number | undefined {
    return this.#cancellation.remainingMs;
  }

  get messages(): AsyncIterable<unknown> {
    return this.#messages ?? this.requests;
  }

  get signal(): AbortSignal {
    return this.#cancellation.signal;
  }

  /** Why the call is over before it was answered. */
  get cancelled(): StatusError | undefined {
    return this.#cancellation.reason;
  }

  onEnd(listener: (end: CallEnd) => void): void {
    this.#endListeners ??= new EndListeners((error) => this.#owner.callFailed(error, this));
    this.#endListeners.add(listener);
  }

  adopt({ metadata, deadline, signal, messages }: CallChanges): void {
    if (this.#status !== undefined) return;
    if (metadata !== undefined) this.#metadata = metadata;
    if (deadline !== undefined) this.#cancellation.endIn(Math.max(deadline.getTime() - Date.now(), 0));
    if (signal !== undefined) this.#cancellation.endWith(signal);
    if (messages !== undefined && messages !== this.messages) this.#messages = messages;
  }

  /** Takes what interceptors have made of the reply, as far as it can still be said. */
  adoptReply({ headers, trailers }: Reply): void {
    if (headers !== this.#blocks.headers) this.#blocks.headers = headers;
    if (trailers !== this.#blocks.trailers) this.#blocks.trailers = trailers;
  }

  /** A coding that the client has not listed must not be used: messages are plain then. Source: compression.md. */
  #compressIn(coding: SendCoding | undefined): void {
    const accepted = this.#accepted;
    const taken = coding !== undefined && accepted !== undefined && listsCoding(accepted, coding.compressor.name);
    this.responses.coding = taken ? coding : undefined;
  }

  get compression(): string {
    return this.responses.coding?.compressor.name ?? "identity";
  }

  set compression(name: string) {
    const coding = this.#owner.codings.sendingIn(name);
    if (this.#blocks.sent || this.responses.sent > 0) {
      throw new Error(`Cannot set the compression of ${this.method.path} as its headers or a message have been sent`);
    }
    this.#compressIn(coding);
  }

  get compress(): boolean {
    return this.responses.compress ?? true;
  }

  set compress(compress: boolean) {
    this.responses.compress = compress;
  }

  get requestCompressed(): boolean {
    return this.requests.compressed;
  }

  /** Runs `start` with the one request message, once it is known to be the only one. */
  whenRequested(start: (request: unknown) => void): void {
    this.#start = start;
    this.expectRequest(this);
  }

  /** Gives `taker` the one request message, once it is known to be the only one. */
  expectRequest(taker: RequestTaker): void {
    if (this.cancelled !== undefined) {
      taker.missed(this.cancelled);
      return;
    }
    this.#oneRequest = new OneRequest(this.requests, taker);
    if (this.#requestEnded) this.#oneRequest.complete();
  }

  taken(request: unknown): void {
    this.#start?.(request);
  }

  missed(error: StatusError): void {
    this.#returned();
    // What cancelled the call decides its status by itself.
    if (this.cancelled === undefined) this.#finishWithError(error);
  }

  #onEnd(): void {
    // 'end' comes with an abort, too: only without one has the client said that its requests are complete.
    if (this.#stream.aborted || this.#requestEnded) return;
    this.#requestEnded = true;
    this.requests.end();
    this.#oneRequest?.complete();
  }

  sendHeaders(): void {
    if (this.#status === undefined && !this.#stream.destroyed && !this.#stream.closed) this.beforeFirstWrite();
  }

  beforeFirstWrite(): void {
    if (this.#blocks.sent) return;
    try {
      this.#blocks.sendHeaders(this.responses.coding?.compressor.name);
    } catch (error) {
      this.#refusedByNode(error);
    }
  }

  /** Node refuses some names when they repeat (`authorization`, `date`): the call ends INTERNAL without that metadata. */
  #refusedByNode(error: unknown): void {
    if (this.#stream.destroyed || this.#stream.closed) return;
    const status = METADATA_NOT_SENT;
    this.#owner.callFailed(error, this);
    this.#blocks.sendBare(status);
    this.#resetUnlessHalfClosed();
    this.responses.close();
    if (this.#status === undefined) {
      this.#cancel(new StatusError(status.code, status.message));
      this.#status = status;
      this.requests.discard();
      this.#tellEnd(status);
    } else {
      this.#status = status;
    }
  }

  /** The one response of a unary or client-streaming handler. */
  reply(message: unknown): void {
    if (message === undefined || message === null) {
      this.handlerFailed(new TypeError(`${this.method.path} must return a message: it returned ${String(message)}`));
      return;
    }
    try {
      this.responses.sendOnly(message);
    } catch (error) {
      this.handlerFailed(error);
      return;
    }
    this.handlerDone();
  }

  /** The handler has answered. */
  handlerDone(): void {
    this.#returned();
    this.#finish(OK);
  }

  /** The handler threw. A `StatusError` is the status; anything else is reported, and UNKNOWN to the client. */
  handlerFailed(error: unknown): void {
    this.#returned();
    if (error instanceof StatusError) {
      this.#finishWithError(error);
      return;
    }
    const causedByCancel = this.cancelled !== undefined && isAbortError(error);
    if (!causedByCancel) this.#owner.callFailed(error, this);
    // statuscodes.md: "response serialisation failure" is INTERNAL, an exception that is no status is UNKNOWN.
    const notEncoded = error !== undefined && error === this.responses.encodeError;
    this.#finish(
      notEncoded
        ? { code: Code.INTERNAL, message: `cannot encode ${this.method.response.typeName}` }
        : { code: Code.UNKNOWN, message: HANDLER_FAILED },
    );
  }

  #finishWithError(error: StatusError): void {
    if (this.#status !== undefined) return;
    this.#error = error;
    // What another server told us in its trailers is not ours to pass on, unless rethrown by StatusError.forward.
    if (error.origin === "local") {
      if (error.trailers !== undefined) this.trailers.merge(error.trailers);
      if (error.details.length > 0) this.#blocks.details = error.details;
    }
    this.#finish({ code: error.code, message: error.rawMessage });
  }

  #finish(status: Status): void {
    if (this.#status !== undefined) return;
    this.#status = status;
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) {
      this.responses.close();
    } else if (status.code !== Code.OK && this.#nothingSent) {
      this.#sendTrailersOnly(status);
    } else {
      this.beforeFirstWrite();
      // What is being compressed is still sent, and the trailers behind it.
      this.responses.end();
    }
    this.requests.discard();
    this.#tellEnd(this.#status);
  }

  get #nothingSent(): boolean {
    return !this.#blocks.sent && this.responses.sent === 0 && !this.#blocks.hasHeaders;
  }

  #sendTrailersOnly(status: Status): void {
    try {
      this.#blocks.sendTrailersOnly(status, (error) => this.#owner.callFailed(error, this));
    } catch (error) {
      this.#refusedByNode(error);
    }
    this.#cancellation.clear();
    this.#resetUnlessHalfClosed();
    this.responses.close();
  }

  #tellEnd(status: Status): void {
    this.scope?.ended(this.cancelled);
    this.#owner.callEnded(this, status);
    if (this.#endListeners === undefined) return;
    const error = status.code === Code.OK ? undefined : (this.#error ?? new StatusError(status.code, status.message));
    const durationMs = performance.now() - this.startedAt;
    const { received } = this.requests;
    this.#endListeners.tell({
      status,
      error,
      trailers: this.trailers,
      durationMs,
      sent: this.responses.sent,
      received,
    });
  }

  #sendTrailers(): void {
    this.#cancellation.clear();
    if (this.#stream.destroyed || this.#stream.closed) return;
    this.#blocks.sendTrailers(this.#status ?? OK, (error) => this.#owner.callFailed(error, this));
    if (!this.#stream.destroyed) this.#resetUnlessHalfClosed();
  }

  /**
   * "When trailers are sent before the client's END_STREAM, follow with RST_STREAM(NO_ERROR)". Sent in the same turn the
   * reset would overtake the trailers and drop them, so it waits for the next.
   */
  #resetUnlessHalfClosed(): void {
    if (this.#requestEnded) return;
    setImmediate(() => {
      if (!this.#requestEnded && !this.#stream.destroyed) this.#stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  receiveFailed(error: StatusError): void {
    this.#cancel(error);
    this.#finishWithError(error);
  }

  receiveAbandoned(): void {
    // Leaving the request loop only stops reading: the call goes on.
    this.requests.discard();
  }

  receiveDrained(): void {
    // A server decides the status; it waits for nobody to have read it.
  }

  receiveResumed(): void {
    // What ends a call on a server ends its requests, too, read or not.
  }

  sendOverflow(): void {
    // Nobody sends by hand on a server: what a handler yields waits for room.
  }

  /** A message that the handler has given away already cannot be sent. */
  sendFailed(error: Error): void {
    this.#owner.callFailed(error, this);
    const status = { code: Code.INTERNAL, message: `cannot encode ${this.method.response.typeName}` };
    if (this.#status === undefined) {
      this.#cancel(new StatusError(status.code, status.message));
      this.#finish(status);
    } else {
      this.#status = status;
      this.#blocks.details = undefined;
    }
  }

  /** Ends the call from this side: with a status where it can be sent at once, else with RST_STREAM(CANCEL). */
  cut(error: StatusError): void {
    const stream = this.#stream;
    const stuck = stream.writableLength > 0;
    if (this.#status === undefined) this.responses.dropWaiting();
    this.#cancel(error);
    if (stuck && !stream.destroyed && !stream.closed) stream.close(constants.NGHTTP2_CANCEL);
    this.#finishWithError(error);
  }

  #onClose(): void {
    this.#cancellation.clear();
    if (this.#status === undefined) {
      const error = new StatusError(Code.CANCELLED, "the client cancelled the call or went away");
      this.#cancel(error);
      this.#finishWithError(error);
    }
    this.responses.close();
  }

  #cancel(error: StatusError): void {
    if (this.cancelled !== undefined || this.#status !== undefined) return;
    this.#cancellation.reason = error;
    this.#oneRequest?.drop(error);
    this.requests.abort(error);
    this.#cancellation.tell();
  }

  #returned(): void {
    if (this.#handlerReturned) return;
    this.#handlerReturned = true;
    this.#owner.handlerReturned(this);
  }
}

/** The first value of a name in a raw header list. */
function fieldOf(rawHeaders: readonly string[], name: string): string | undefined {
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i] === name) return rawHeaders[i + 1];
  return undefined;
}

function isAbortError(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
