/**
 * One RPC on the client: from the options to the status, over one attempt, or two when the server did not take the first.
 *
 * Spec: PROTOCOL-HTTP2.md, "Requests", "Client Cancellation"; statuscodes.md; gRFC A6 (transparent retries).
 * Laws: only a received `grpc-status: 0` is OK; a cancelled call never looks complete to the server; a call is sent again only
 * when no handler can have seen anything of it.
 */
import { sensitiveHeaders } from "node:http2";
import { fieldsBytes, requestHeaders, type HeaderFields } from "../../codec/header-block.js";
import { Metadata } from "../../codec/metadata.js";
import { sendsOneResponse, type Method } from "../../codec/method.js";
import { decodeStatusDetails, STATUS_DETAILS } from "../../codec/proto/status-details.js";
import { Code, StatusError, type Status } from "../../codec/status.js";
import type { StatusDetail } from "../../codec/status-detail.js";
import type { Peer } from "../call.js";
import type { Codings, PeerCodings } from "../codings.js";
import type { SinkStream } from "../compressing-queue.js";
import { deadlineFrom, nearerOf, type Deadline } from "../deadline.js";
import type { CallChanges } from "../intercept.js";
import { MessageSink, type SinkOwner } from "../message-sink.js";
import { MessageStream, type MessageStreamOwner } from "../message-stream.js";
import { parentCall } from "../propagation.js";
import { Attempt, type AttemptOwner } from "./attempt.js";
import { metadataFrom, plaintextError, type CallCredentials } from "./call-credentials.js";
import { checkCallOptions, type CallOptions } from "./call-options.js";
import { coversAuthority } from "./channel-tls.js";
import type { Connection } from "./connection.js";
import type { ChannelLimits } from "./limits.js";
import { Outcome } from "./outcome.js";
import type { Lease, Placement, Wish } from "./placement.js";
import { RetryBuffer } from "./retry-buffer.js";
import type { StreamEnd } from "./stream-error.js";
import { unwatchSignal, watchSignal, type SignalWatcher } from "./signal-watch.js";

const NO_SIGNALS: readonly AbortSignal[] = Object.freeze([]);

/** The channel above, as far as a call needs it. */
export interface ClientCallOwner {
  readonly limits: ChannelLimits;
  readonly authority: string;
  readonly codings: Codings;
  /** What its server has said of codings. */
  readonly peerCodings: PeerCodings;
  readonly scheme: "http" | "https";
  readonly credentials: CallCredentials | undefined;
  /** Whether credentials may be sent over its connections. */
  readonly mayCarryCredentials: boolean;
  readonly placement: Placement;
  /** Whether calls made inside a handler end with the handler's call. */
  readonly propagate: boolean;
  /** The call failed and nobody will hear of it. */
  callUnobserved(error: unknown, path: string): void;
}

/** What a request's own headers stay below, long paths and authorities included. */
const SMALL_BLOCK_BYTES = 1024;

/** Metadata that HPACK must not remember, so that it cannot be guessed from the size of later requests. RFC 7541 §7.1. */
const SENSITIVE = ["authorization", "cookie"];

/** One RPC in flight. The four kinds of `client.ts` are faces of it. */
export class ClientCall<Req = unknown, Res = unknown>
  implements MessageStreamOwner, SinkOwner, Wish, AttemptOwner, SignalWatcher
{
  readonly method: Method;
  readonly waitForReady: boolean;
  readonly requests: MessageSink<Req>;
  readonly responses: MessageStream<Res>;
  readonly outcome = new Outcome();
  readonly #owner: ClientCallOwner;
  #metadata: Metadata | undefined;
  /** What the credentials said for this attempt. */
  #proof: Metadata | undefined;
  /** Asked before every attempt; `undefined` for none, which is nearly always so. */
  readonly #credentials: readonly CallCredentials[] | undefined;
  /** The call's own, in place of the channel's. */
  readonly #authority: string | undefined;
  #deadline: Deadline | undefined;
  /** What cancels the call: the caller's signal, that of the handler it is made in, and what interceptors added. */
  #signals: readonly AbortSignal[] = NO_SIGNALS;
  /** Whether deadline and signals are watched although the call has not been started. */
  #held = false;
  /** Whether deadline and signal have been let go of before the status was told. */
  #unguarded = false;
  #attempt: Attempt | undefined;
  #sent: RetryBuffer | undefined;
  /** Whether the call was sent again already after a server had refused it. */
  #retried = false;

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
    this.waitForReady = options?.waitForReady ?? false;
    if (options !== undefined) {
      checkCallOptions(options);
      this.#deadline = deadlineFrom(options);
      if (options.signal !== undefined) this.#signals = [options.signal];
      this.#authority = options.authority;
      this.#metadata = options.metadata === undefined ? undefined : new Metadata(options.metadata);
    }
    if (owner.propagate && options?.propagate !== false) this.#inherit();
    if (owner.credentials !== undefined || options?.credentials !== undefined) {
      this.#credentials = [owner.credentials, options?.credentials].filter((one) => one !== undefined);
    }
    this.requests = new MessageSink(method.request, owner.limits, this);
    const name = options?.compression;
    const coding = name === undefined ? owner.codings.send : owner.codings.sendingIn(name);
    if (coding !== undefined && owner.peerCodings.take(coding.compressor.name)) this.requests.coding = coding;
    this.responses = new MessageStream(
      method.response,
      sendsOneResponse(method.kind),
      owner.limits,
      this,
    ) as MessageStream<Res>;
  }

  /** Takes over what ends the handler's call inside which this one is made. */
  #inherit(): void {
    const parent = parentCall();
    if (parent === undefined) return;
    this.#deadline = nearerOf(this.#deadline, parent.remainingMs);
    this.#signals = [...this.#signals, parent.signal];
  }

  /** Watches deadline and signals from now on, for a call that is started later. */
  hold(): void {
    this.#held = true;
    if (!this.#isOver()) this.#guard();
  }

  /** Sets the call going. Nothing is sent for one that is cancelled or late already. */
  start(): void {
    if (this.outcome.decided || this.#isOver()) return;
    if (!this.#held) this.#guard();
    this.#begin();
  }

  /** Takes what interceptors pass on, before the call is started. */
  adopt({ metadata, deadline, signal }: CallChanges): void {
    if (this.outcome.decided) return;
    this.#unguard();
    if (metadata !== undefined) this.#metadata = metadata;
    if (deadline !== undefined) this.#deadline = deadlineFrom({ deadline });
    if (signal !== undefined) this.#signals = [...this.#signals, signal];
    this.hold();
  }

  /** What goes out with the request, the credentials' part excepted. */
  get metadata(): Metadata | undefined {
    return this.#metadata;
  }

  /** The same, to be changed before the call is started. */
  makeMetadata(): Metadata {
    return (this.#metadata ??= new Metadata());
  }

  get deadline(): Deadline | undefined {
    return this.#deadline;
  }

  get signals(): readonly AbortSignal[] {
    return this.#signals;
  }

  /** Who is at the other end of the attempt there is, if it has begun. */
  get peer(): Peer | undefined {
    return this.#attempt?.connection.peer;
  }

  /** Begins an attempt, for which credentials are asked anew. */
  #begin(): void {
    if (this.#credentials === undefined) this.#takeSession();
    else if (this.#owner.mayCarryCredentials) void this.#authenticate(this.#credentials);
    else this.fail(plaintextError());
  }

  async #authenticate(credentials: readonly CallCredentials[]): Promise<void> {
    try {
      this.#proof = await metadataFrom(credentials, this.method, this.#authority ?? this.#owner.authority);
      if (!this.outcome.decided) this.#takeSession();
    } catch (error) {
      this.fail(error as StatusError);
    }
  }

  #takeSession(): void {
    const { placement } = this.#owner;
    const lease = placement.take(this);
    if (lease !== undefined) this.ready(lease);
    else placement.wait(this);
  }

  /** Whether the signal or the deadline has ended the call already. */
  #isOver(): boolean {
    const aborted = this.#signals.find((signal) => signal.aborted);
    if (aborted !== undefined) this.aborted(aborted);
    else if (this.#deadline !== undefined && this.#deadline.remainingMs <= 0) this.#deadlineExceeded();
    else return false;
    return true;
  }

  #guard(): void {
    for (const signal of this.#signals) watchSignal(signal, this);
    this.#deadline?.arm(() => this.#deadlineExceeded());
  }

  #unguard(): void {
    for (const signal of this.#signals) unwatchSignal(signal, this);
    this.#deadline?.clear();
  }

  aborted({ reason }: AbortSignal): void {
    this.observed = true;
    this.fail(abortError(reason));
  }

  failed(error: StatusError): void {
    this.fail(error);
  }

  get maxHeaderListBytes(): number {
    return this.#owner.limits.maxHeaderListBytes;
  }

  /** A session has room: the stream is opened and what has gathered is sent. */
  ready(lease: Lease): void {
    const attempt = new Attempt(this, lease);
    this.#attempt = attempt;
    const { session } = lease.connection;
    // Asked here, as Node tells it in two ways: `request()` throws, or from 24 on returns a stream that fails.
    if (session.destroyed || session.closed) {
      this.#tryAgain(attempt);
      return;
    }
    const timeoutMs = this.#deadline?.remainingMs;
    if (timeoutMs !== undefined && timeoutMs <= 0) {
      this.#deadlineExceeded();
      return;
    }
    if (this.#authority !== undefined && !coversAuthority(lease.connection.socket, this.#authority)) {
      this.fail(new StatusError(Code.UNAVAILABLE, "the server's certificate is not for the authority of the call"));
      return;
    }
    const { scheme, codings } = this.#owner;
    const { path } = this.method;
    const metadata = this.#proof === undefined ? this.#metadata : new Metadata(this.#metadata).merge(this.#proof);
    const headers = requestHeaders({
      scheme,
      authority: this.#authority ?? this.#owner.authority,
      path,
      timeoutMs,
      metadata,
      coding: this.requests.coding?.compressor.name,
      accepted: codings.accepted,
    });
    // Without metadata a block is too large only for a server that takes next to nothing: it need not be measured.
    const mayBeLarge = metadata !== undefined || lease.connection.maxPeerHeaderListBytes < SMALL_BLOCK_BYTES;
    if (mayBeLarge && !this.#fits(headers, lease.connection)) return;
    const fields = metadata === undefined ? headers : { ...headers, [sensitiveHeaders]: SENSITIVE };
    try {
      const stream = attempt.open(fields);
      this.responses.attach(stream);
      this.#send(stream);
    } catch (error) {
      this.#notSendable(error);
    }
  }

  /** Sends what has gathered: what an earlier attempt has sent already, or what waits for the first. */
  #send(stream: SinkStream): void {
    if (this.#sent !== undefined) {
      if (this.#sent.attach(stream)) this.requests.drained();
      return;
    }
    this.#sent = new RetryBuffer(this.#owner.limits.maxRetryBufferBytes);
    this.#sent.attach(stream);
    this.requests.attach(this.#sent);
  }

  /** A server that is sent more than it takes may drop the whole connection, and all its other calls. */
  #fits(headers: HeaderFields, { maxPeerHeaderListBytes }: Connection): boolean {
    const bytes = fieldsBytes(headers);
    if (bytes <= maxPeerHeaderListBytes) return true;
    const text = `the request headers are ${bytes} bytes, the server takes ${maxPeerHeaderListBytes}`;
    this.fail(new StatusError(Code.INTERNAL, text));
    return false;
  }

  /** Node refuses the metadata. */
  #notSendable(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.fail(new StatusError(Code.INTERNAL, `the request headers cannot be sent: ${reason}`, { cause: error }));
  }

  /** Gives the attempt up and waits for a session that takes the call. */
  #tryAgain(attempt: Attempt): void {
    const { session } = attempt.connection;
    this.#attempt = undefined;
    this.#sent?.detach();
    // In this order: the place given back goes to the next call that waits, which must not get the same session.
    if (session.destroyed || session.closed) attempt.retire();
    attempt.leave(true, Code.UNAVAILABLE);
    this.#begin();
  }

  codingsLearnt(accepted: string): void {
    this.#owner.peerCodings.learn(accepted);
  }

  headersArrived(metadata: Metadata, coding: string | undefined): void {
    if (this.outcome.decided) return;
    this.#sent?.commit();
    if (coding !== undefined) this.responses.codedIn(coding, this.#owner.codings);
    this.outcome.headersArrived(metadata);
  }

  chunkArrived(chunk: Buffer): void {
    this.responses.push(chunk);
  }

  trailersArrived(): void {
    // Unread messages may still be in the stream: they are taken in, and the status counts from their end on.
    this.responses.readToEnd();
  }

  answerRefused(error: StatusError): void {
    this.fail(error);
  }

  drained(): void {
    this.requests.drained();
  }

  streamLost({ status, origin, unprocessed }: StreamEnd): void {
    if (this.outcome.decided) return;
    const attempt = this.#attempt as Attempt;
    if (unprocessed !== undefined && this.#mayTryAgain(unprocessed)) {
      this.#retried ||= unprocessed === "refused";
      this.#tryAgain(attempt);
    }
    // "CANCELLED while the local deadline has passed is DEADLINE_EXCEEDED": both clocks run out at once.
    else if (status.code === Code.CANCELLED && (this.#deadline?.remainingMs ?? 1) <= 0) this.#deadlineExceeded();
    else this.#end(new StatusError(status.code, status.message, { origin }), "by peer");
  }

  /** gRFC A6: a call that never left is tried again freely, one that the server refused is tried again once. */
  #mayTryAgain(unprocessed: "never sent" | "refused"): boolean {
    if (this.#sent?.replayable === false || this.outcome.hasHeaders) return false;
    return unprocessed === "never sent" || !this.#retried;
  }

  peerFinished(status: Status, trailers: Metadata): void {
    if (this.outcome.decided) return;
    this.outcome.peerTrailers = trailers;
    if (status.code !== Code.OK) {
      const details = detailsIn(trailers, status);
      this.#end(new StatusError(status.code, status.message, { origin: "remote", trailers, details }), "by peer");
    } else if (sendsOneResponse(this.method.kind)) {
      const opening = this.responses.openOne();
      if (opening === undefined) this.#takeResponse();
      else void opening.then(() => this.#takeResponse());
    } else {
      this.#end(undefined, "by peer");
    }
  }

  #takeResponse(): void {
    if (this.outcome.decided) return;
    try {
      this.response = this.responses.takeOne();
      this.#end(undefined, "by peer");
    } catch (error) {
      this.#end(error as StatusError, "by peer");
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
    this.#owner.placement.forget(this);
    const givenUp = decided === "here" && error?.code === Code.CANCELLED;
    this.#attempt?.leave(decided === "here", givenUp ? undefined : (error?.code ?? Code.OK));
    this.responses.end(error);
    // A side of one message is never pulled: what came before an error goes with it.
    if (!this.responses.hasMessage || sendsOneResponse(this.method.kind)) this.receiveDrained();
    this.#unguardUnread();
    this.onFinished?.();
    if (error !== undefined) setImmediate(() => this.#reportUnobserved(error));
    // Last, as it runs the application's code: its iterator's return().
    this.requests.close();
  }

  #reportUnobserved(error: StatusError): void {
    if (!this.observed && !this.responses.pulled) this.#owner.callUnobserved(error, this.method.path);
  }

  #deadlineExceeded(): void {
    const attempt = this.#attempt;
    if (attempt?.silent === true) attempt.suspect();
    const ms = Math.round((this.#deadline?.timeoutMs ?? 0) * 1000) / 1000;
    const text =
      ms > 0
        ? `the deadline of ${ms} ms passed while ${this.#phase()}`
        : "the deadline had passed when the call was started";
    this.fail(new StatusError(Code.DEADLINE_EXCEEDED, text));
  }

  #phase(): string {
    if (this.#attempt === undefined) return "waiting for a connection";
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

  sendFailed(error: Error): void {
    this.fail(new StatusError(Code.INTERNAL, error.message, { cause: error }));
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
    if (!this.outcome.decided && this.#attempt?.told !== true) {
      this.cancel();
      return;
    }
    this.responses.discard();
    this.receiveDrained();
  }

  /** Every message has been taken: the status may be told, and nothing can change it any more. */
  receiveDrained(): void {
    if (this.outcome.tell()) this.#unguard();
  }

  /**
   * Messages wait that nobody may ever take: neither a long-lived signal nor a far deadline shall keep them. Both still count
   * when somebody asks for the rest.
   */
  #unguardUnread(): void {
    if (this.outcome.told || this.outcome.awaited) return;
    this.#unguarded = true;
    this.#unguard();
  }

  receiveResumed(): void {
    if (this.#unguarded && !this.outcome.told) this.#isOver();
  }

  /** What came with the status, once that is told. */
  get trailers(): Promise<Metadata> {
    this.#guardAgain();
    return this.outcome.trailers;
  }

  /** How the call ended, once it is told. */
  get status(): Promise<Status> {
    this.#guardAgain();
    return this.outcome.status;
  }

  /** From now on somebody waits, who must hear when the time is up. */
  #guardAgain(): void {
    if (!this.#unguarded || this.outcome.told) return;
    this.#unguarded = false;
    if (!this.#isOver()) this.#guard();
  }
}

/** What the abort of a signal ends a call with. The signal of a handler's call says itself why that is over. */
function abortError(cause: unknown): StatusError {
  if (cause instanceof StatusError && cause.code === Code.DEADLINE_EXCEEDED) {
    return new StatusError(cause.code, "the deadline of the call that this one was made for has passed", { cause });
  }
  return new StatusError(Code.CANCELLED, "the call was cancelled by its signal", { cause });
}

function detailsIn(trailers: Metadata, { code }: Status): readonly StatusDetail[] | undefined {
  if (!trailers.has(STATUS_DETAILS)) return undefined;
  const [bytes, ...more] = trailers.getAll(STATUS_DETAILS);
  return bytes === undefined || more.length > 0 ? undefined : decodeStatusDetails(bytes, code);
}
