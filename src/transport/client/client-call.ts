/**
 * One RPC on the client: from the options to the status, over one HTTP/2 stream.
 *
 * Spec: PROTOCOL-HTTP2.md, "Requests", "Responses", "Errors", "Client Cancellation"; statuscodes.md; RFC 9113 §8.1, §8.7.
 * Laws: the status is decided once; only a received `grpc-status: 0` is OK; a cancelled call never looks complete to the
 * server; whatever the server does, no exception and no unhandled event leaves this file.
 */
import { constants, sensitiveHeaders, type ClientHttp2Stream, type IncomingHttpHeaders } from "node:http2";
import { addAbortSignal } from "node:stream";
import {
  fieldsBytes,
  grpcSubtype,
  headerListBytes,
  parseStatus,
  requestHeaders,
  statusOfHttp,
} from "../../codec/header-block.js";
import { malformedBinaryHeader, Metadata, type MetadataInit } from "../../codec/metadata.js";
import { sendsOneResponse, type Method } from "../../codec/method.js";
import { nearestName } from "../../codec/nearest-name.js";
import { Code, StatusError, type Status } from "../../codec/status.js";
import { deadlineFrom, type Deadline } from "../deadline.js";
import { MessageSink, type SinkOwner } from "../message-sink.js";
import { MessageStream, type MessageStreamOwner } from "../message-stream.js";
import type { ChannelLimits } from "./limits.js";
import { statusOfReset } from "./stream-error.js";
import type { Connection, Lease, Subchannel, Waiting } from "./subchannel.js";

/** What one call can be told. */
export interface CallOptions {
  /** How long the call may take, in milliseconds, connecting included. Default: for ever. */
  readonly timeoutMs?: number | undefined;
  /** When the call must be over. With `timeoutMs` as well, the nearer one counts. */
  readonly deadline?: Date | undefined;
  /** Cancels the call when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Metadata for the server. */
  readonly metadata?: MetadataInit | undefined;
}

const OPTION_NAMES: readonly string[] = ["timeoutMs", "deadline", "signal", "metadata"];

/** The channel above, as far as a call needs it. */
export interface ClientCallOwner {
  readonly limits: ChannelLimits;
  readonly authority: string;
  readonly subchannel: Subchannel;
  /** The call failed and nobody will hear of it. */
  callUnobserved(error: unknown, path: string): void;
}

const OK: Status = Object.freeze({ code: Code.OK, message: "" });
const ALWAYS_SENSITIVE = ["authorization", "cookie"];

interface Promised<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

/** One RPC in flight. The four kinds of `client.ts` are faces of it. */
export class ClientCall<Req = unknown, Res = unknown> implements MessageStreamOwner, SinkOwner, Waiting {
  readonly method: Method;
  readonly requests: MessageSink<Req>;
  readonly responses: MessageStream<Res>;
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
  #headers: Metadata | undefined;
  #trailers: Metadata | undefined;
  /** What the peer's trailers say; it becomes the status when the messages before it have arrived. */
  #peerStatus: Status | undefined;
  #status: Status | undefined;
  #settled = false;
  #headersPromise: Promised<Metadata> | undefined;
  #trailersPromise: Promised<Metadata> | undefined;
  #statusPromise: Promised<Status> | undefined;

  /** Why the call failed, once it has. */
  error: StatusError | undefined;
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
      checkOptions(options);
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
    const timeoutMs = this.#deadline?.remainingMs;
    this.#heardBefore = lease.connection.heard;
    if (timeoutMs !== undefined && timeoutMs <= 0) {
      this.#deadlineExceeded();
      return;
    }
    const headers = requestHeaders({
      scheme: "http",
      authority: this.#owner.authority,
      path: this.method.path,
      timeoutMs,
      metadata: this.#metadata,
    });
    const { maxPeerHeaderListBytes } = lease.connection;
    if (this.#metadata !== undefined && fieldsBytes(headers) > maxPeerHeaderListBytes) {
      const text = `the request headers are ${fieldsBytes(headers)} bytes, the server takes ${maxPeerHeaderListBytes}`;
      this.fail(new StatusError(Code.INTERNAL, text));
      return;
    }
    let stream: ClientHttp2Stream;
    try {
      const withSecrets = this.#metadata === undefined ? headers : { ...headers, [sensitiveHeaders]: ALWAYS_SENSITIVE };
      stream = lease.connection.session.request(withSecrets, { endStream: false });
    } catch (error) {
      this.#notOpened(lease, error);
      return;
    }
    this.#listen(stream);
    this.responses.attach(stream);
    this.requests.attach(stream);
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

  #listen(stream: ClientHttp2Stream): void {
    this.#stream = stream;
    // The raw header list, which alone keeps repeated names apart, is the third argument; the types know two.
    type BlockListener = (headers: IncomingHttpHeaders, flags: number, rawHeaders: readonly string[]) => void;
    const onResponse: BlockListener = (headers, flags, raw) => this.#onResponse(headers, flags, raw);
    const onTrailers: BlockListener = (headers, _flags, raw) => this.#onTrailers(headers, raw);
    stream.on("response", onResponse as (headers: IncomingHttpHeaders, flags: number) => void);
    stream.on("trailers", onTrailers as (headers: IncomingHttpHeaders, flags: number) => void);
    const connection = this.#connection as Connection;
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

  #onResponse(headers: IncomingHttpHeaders, flags: number, raw: readonly string[]): void {
    (this.#connection as Connection).heard++;
    if (this.#status !== undefined) return;
    const httpStatus = Number(headers[":status"]);
    const contentType = headers["content-type"];
    const subtype = grpcSubtype(contentType);
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) {
      this.#onTrailersOnly(headers, raw, httpStatus === 200 && subtype !== undefined);
      return;
    }
    if (httpStatus !== 200 || subtype === undefined) {
      // "If grpc-status was provided, it must be used"; else HTTP's status says it, whatever the body may hold.
      const said = httpStatus === 200 ? undefined : readStatus(headers);
      this.#refuseResponse(said ?? statusOfHttp(httpStatus, contentType));
    } else if (subtype !== "" && subtype !== "proto") {
      const shown = JSON.stringify(subtype.slice(0, 64));
      this.#refuseResponse({
        code: Code.INTERNAL,
        message: `the response's content-subtype ${shown} is not supported`,
      });
    } else {
      this.responses.coding = headers["grpc-encoding"] as string | undefined;
      this.#acceptBlock(raw);
      this.#headers = Metadata.fromRawHeaders(raw);
      this.#headersPromise?.resolve(this.#headers);
    }
  }

  /** "Trailers-Only": everything in the block is trailing metadata. */
  #onTrailersOnly(headers: IncomingHttpHeaders, raw: readonly string[], isGrpc: boolean): void {
    const status = readStatus(headers);
    if (status === undefined && !isGrpc) {
      this.#peerStatus = statusOfHttp(Number(headers[":status"]), headers["content-type"]);
    } else {
      this.#peerStatus = status ?? { code: Code.UNKNOWN, message: "the response holds no grpc-status" };
    }
    this.#trailers = Metadata.fromRawHeaders(raw);
    this.#acceptBlock(raw);
    this.#finishByPeer(this.#peerStatus);
  }

  #onTrailers(headers: IncomingHttpHeaders, raw: readonly string[]): void {
    if (this.#status !== undefined) return;
    // Unread messages may still be in the stream: the status counts from 'end' on.
    this.#peerStatus = readStatus(headers) ?? { code: Code.UNKNOWN, message: "the trailers hold no grpc-status" };
    this.#trailers = Metadata.fromRawHeaders(raw);
    this.#acceptBlock(raw);
    this.responses.readToEnd();
  }

  #acceptBlock(raw: readonly string[]): void {
    const limit = this.#owner.limits.maxHeaderListBytes;
    if (this.#connection?.acknowledged === false && headerListBytes(raw) > limit) {
      this.#refuseResponse({
        code: Code.RESOURCE_EXHAUSTED,
        message: `the response headers are larger than the limit of ${limit} bytes`,
      });
      return;
    }
    const malformed = malformedBinaryHeader(raw);
    if (malformed === undefined) return;
    const shown = JSON.stringify(malformed.slice(0, 64));
    this.#refuseResponse({ code: Code.INTERNAL, message: `metadata ${shown} of the response is not base64` });
  }

  /** The peer answered, but not in gRPC: its own words decide the status and the rest of the stream is of no use. */
  #refuseResponse(status: Status): void {
    this.fail(new StatusError(status.code, status.message, { origin: "remote" }));
  }

  #onEnd(): void {
    if (this.#status !== undefined) return;
    if (this.#peerStatus !== undefined) this.#finishByPeer(this.#peerStatus);
    // The end also comes with a reset or a lost connection, which 'close' tells in a moment; and sometimes alone.
    else setImmediate(() => this.#endedWithoutStatus());
  }

  #onClose(): void {
    if (this.#status !== undefined) return;
    // A stream that was closed before its end may have taken messages with it: then it was not OK, whatever was said.
    const complete = this.#peerStatus?.code !== Code.OK || this.#stream?.readableEnded === true;
    if (this.#peerStatus !== undefined && complete) this.#finishByPeer(this.#peerStatus);
    else this.#endedWithoutStatus();
  }

  #endedWithoutStatus(): void {
    if (this.#status !== undefined) return;
    const stream = this.#stream as ClientHttp2Stream;
    const status = statusOfReset(stream, this.#connection as Connection, this.#headersTooLarge);
    // "CANCELLED while the local deadline has passed is DEADLINE_EXCEEDED": both clocks run out at once.
    if (status.code === Code.CANCELLED && (this.#deadline?.remainingMs ?? 1) <= 0) this.#deadlineExceeded();
    else this.#end(new StatusError(status.code, status.message, { origin: "remote" }), "by peer");
  }

  #finishByPeer(status: Status): void {
    if (this.#status !== undefined) return;
    if (status.code !== Code.OK) {
      const error = new StatusError(status.code, status.message, { origin: "remote", trailers: this.#trailers });
      this.#end(error, "by peer");
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
    if (this.#settled) return;
    this.#decideHere(error);
    this.responses.abort(error);
    this.receiveDrained();
  }

  /** Makes `error` the status, also in place of one that came from the peer and was not told yet. */
  #decideHere(error: StatusError): void {
    // "Build the status locally, using nothing from the trailers": what the peer said goes with its status.
    this.#trailers = undefined;
    if (this.#status === undefined) {
      this.#end(error, "here");
    } else {
      this.#status = { code: error.code, message: error.rawMessage };
      this.error = error;
    }
  }

  /** Cancels: the server is told, and whoever waits gets CANCELLED. */
  cancel(): void {
    this.observed = true;
    this.fail(new StatusError(Code.CANCELLED, "the call was cancelled"));
  }

  #end(error: StatusError | undefined, decided: "here" | "by peer"): void {
    if (this.#status !== undefined) return;
    this.#status = error === undefined ? OK : { code: error.code, message: error.rawMessage };
    this.error = error;
    this.#owner.subchannel.forget(this);
    this.#leaveStream(decided === "here");
    this.#headersPromise?.resolve(this.#headers ?? new Metadata());
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
    const phase =
      this.#stream === undefined
        ? "waiting for a connection"
        : this.#headers === undefined
          ? "waiting for the response"
          : "receiving messages";
    const connection = this.#connection;
    if (this.#stream !== undefined && connection?.heard === this.#heardBefore) {
      this.#owner.subchannel.suspect(connection);
    }
    const ms = Math.round((this.#deadline?.timeoutMs ?? 0) * 1000) / 1000;
    this.fail(new StatusError(Code.DEADLINE_EXCEEDED, `the deadline of ${ms} ms passed while ${phase}`));
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
    const error =
      cause !== undefined && cause === this.requests.encodeError
        ? new StatusError(Code.INTERNAL, reason, { cause })
        : new StatusError(Code.CANCELLED, `the request iterable threw: ${reason}`, { cause });
    this.fail(error);
  }

  receiveFailed(error: StatusError): void {
    if (this.#status !== undefined && !this.#settled) {
      // An OK that came but was not told yet gives way: the messages before it turned out to be broken.
      this.#status = { code: error.code, message: error.rawMessage };
      this.error = error;
    }
    this.#end(error, "here");
    if (!this.responses.hasMessage) this.receiveDrained();
  }

  receiveAbandoned(): void {
    if (this.#status === undefined && this.#peerStatus === undefined) {
      this.cancel();
      return;
    }
    this.responses.discard();
    this.receiveDrained();
  }

  /** The status may be told once the messages before it have been. */
  receiveDrained(): void {
    if (this.#settled || this.#status === undefined) return;
    this.#settled = true;
    this.#deadline?.clear();
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#trailersPromise?.resolve(this.#trailers ?? new Metadata());
    this.#statusPromise?.resolve(this.#status);
  }

  /** The response's headers; empty when the call ended without any. */
  get headers(): Promise<Metadata> {
    if (this.#headersPromise === undefined) {
      this.#headersPromise = promised();
      if (this.#headers !== undefined || this.#status !== undefined) {
        this.#headersPromise.resolve(this.#headers ?? new Metadata());
      }
    }
    return this.#headersPromise.promise;
  }

  /** The metadata that came with the status. */
  get trailers(): Promise<Metadata> {
    if (this.#trailersPromise === undefined) {
      this.#trailersPromise = promised();
      if (this.#settled) this.#trailersPromise.resolve(this.#trailers ?? new Metadata());
    }
    return this.#trailersPromise.promise;
  }

  /** How the call ended. */
  get status(): Promise<Status> {
    this.observed = true;
    if (this.#statusPromise === undefined) {
      this.#statusPromise = promised();
      if (this.#settled && this.#status !== undefined) this.#statusPromise.resolve(this.#status);
    }
    return this.#statusPromise.promise;
  }
}

function readStatus(headers: IncomingHttpHeaders): Status | undefined {
  return parseStatus(headers["grpc-status"] as string | undefined, headers["grpc-message"] as string | undefined);
}

function promised<T>(): Promised<T> {
  let resolve: (value: T) => void = ignore;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}

function checkOptions(options: CallOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot start the call as its options must be an object: current value is ${typeof options}`);
  }
  for (const name of Object.keys(options)) {
    if (OPTION_NAMES.includes(name)) continue;
    const nearest = nearestName(name, OPTION_NAMES);
    const hint = nearest === undefined ? `; there are ${OPTION_NAMES.join(", ")}` : `; did you mean "${nearest}"?`;
    throw new TypeError(`Cannot start the call as there is no option "${name}"${hint}`);
  }
}

function ignore(): void {}
