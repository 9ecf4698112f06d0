/**
 * One call on the client, as its application has it: from the options to the status. How often it is sent is its attempts' business.
 *
 * Spec: PROTOCOL-HTTP2.md, "Client Cancellation"; statuscodes.md; status_ordering.md.
 * Laws: only a received `grpc-status: 0` is OK; a cancelled call never looks complete to the server; once the status is told it
 * does not change.
 */
import type { FailedAttempt } from "../../codec/failure-report.js";
import { Metadata } from "../../codec/metadata.js";
import { sendsOneResponse, type Method } from "../../codec/method.js";
import { Code, StatusError, type Status } from "../../codec/status.js";
import type { Peer } from "../call.js";
import { Deadline, deadlineFrom, nearerOf } from "../deadline.js";
import type { CallChanges } from "../intercept.js";
import { MessageSink, type SinkOwner } from "../message-sink.js";
import { MessageStream, type MessageStreamOwner } from "../message-stream.js";
import { parentCall } from "../propagation.js";
import { errorOf, type AttemptEnd } from "./attempts/attempt-end.js";
import type { AttemptFacts } from "./attempts/attempt-facts.js";
import type { AttemptChannel, AttemptedCall, Attempts, Policies } from "./attempts/attempted-call.js";
import type { CallCredentials } from "./call-credentials.js";
import { CallGuard, type Guarded } from "./call-guard.js";
import { currentCallSite, type CallSite } from "./call-site.js";
import { checkCallOptions, type CallOptions } from "./call-options.js";
import { explain, explainsItself, timeSpentIn } from "./explain.js";
import { Hedges } from "./attempts/hedges.js";
import { receiveLimitsOf, sendLimitsOf } from "./limits.js";
import type { MethodSettings } from "./settings/method-settings.js";
import { Outcome } from "./outcome.js";
import { Retries } from "./attempts/retries.js";

const NO_SIGNALS: readonly AbortSignal[] = Object.freeze([]);

/** The channel above, as far as a call needs it. */
export interface ClientCallOwner extends AttemptChannel {
  readonly credentials: CallCredentials | undefined;
  /** What the calls of a method are told; `undefined` for nothing. Without this no method has settings. */
  readonly settings?: ((method: Method) => MethodSettings | undefined) | undefined;
  /** Whether policies are followed. Default: yes. */
  readonly retry?: boolean | undefined;
  /** What the channel was made for, for errors. */
  readonly target?: string | undefined;
  /** Whether it is kept where calls are made. */
  readonly callSites?: boolean | undefined;
  /** Whether calls made inside a handler end with the handler's call. */
  readonly propagate: boolean;
  /** The call failed and nobody will hear of it. */
  callUnobserved(error: unknown, path: string): void;
}

const NO_POLICY: Policies = Object.freeze({});

/** One RPC in flight. The four kinds of `client.ts` are faces of it. */
export class ClientCall<Req = unknown, Res = unknown> implements MessageStreamOwner, SinkOwner, AttemptedCall, Guarded {
  readonly channel: ClientCallOwner;
  readonly method: Method;
  metadata: Metadata | undefined;
  readonly credentials: readonly CallCredentials[] | undefined;
  readonly authority: string | undefined;
  deadline: Deadline | undefined;
  waitForReady: boolean;
  readonly requests: MessageSink<Req>;
  readonly responses: MessageStream<Res>;
  readonly outcome = new Outcome();
  #attempts: Attempts;
  /** What cancels the call: the caller's signal, that of the handler it is made in, and what interceptors added. */
  #signals: readonly AbortSignal[] = NO_SIGNALS;
  /** Without deadline and signals there is none. */
  #guard: CallGuard | undefined;
  /** Whether deadline and signals are watched although the call has not been started. */
  #held = false;
  readonly #options: CallOptions | undefined;
  /** What was known of the method when the call began, or when it found its first place. */
  #settings: MethodSettings | undefined;
  #settled = false;
  /** How long after the call's begin the response's headers came; only known where there is a deadline. */
  #headersMs: number | undefined;
  /** Where the application made the call, if that is kept. */
  readonly site: CallSite | undefined;

  /** The one response of a unary or client-streaming call that ended OK. */
  response: Res | undefined;
  /** Whether somebody will hear of a failure. */
  observed = false;
  /** Called once, when the status is decided. */
  onFinished: (() => void) | undefined;

  /** @throws TypeError for an option that does not exist or has a wrong value. */
  constructor(
    channel: ClientCallOwner,
    method: Method<never, Req, Req, Res, Res> | Method,
    options: CallOptions | undefined,
  ) {
    this.channel = channel;
    this.method = method;
    if (channel.callSites === true) this.site = currentCallSite();
    const settings = channel.settings?.(method);
    this.#options = options;
    this.#settings = settings;
    if (options !== undefined) {
      checkCallOptions(options);
      this.authority = options.authority;
      this.metadata = options.metadata === undefined ? undefined : new Metadata(options.metadata);
      if (options.signal !== undefined) this.#signals = [options.signal];
    }
    this.waitForReady = options?.waitForReady ?? settings?.waitForReady ?? false;
    this.credentials = credentialsOf(channel, options);
    if (options !== undefined || settings?.timeoutMs !== undefined) {
      this.deadline = deadlineFrom(options ?? {}, settings?.timeoutMs);
    }
    if (channel.propagate && options?.propagate !== false) this.#inherit();
    if (this.deadline !== undefined || this.#signals.length > 0) {
      this.#guard = new CallGuard(this, this.deadline, this.#signals);
    }
    this.requests = new MessageSink(method.request, sendLimitsOf(channel.limits, settings), this);
    const name = options?.compression;
    const coding = name === undefined ? channel.codings.send : channel.codings.sendingIn(name);
    if (coding !== undefined && channel.peerCodings.take(coding.compressor.name)) this.requests.coding = coding;
    this.responses = new MessageStream(
      method.response,
      sendsOneResponse(method.kind),
      receiveLimitsOf(channel.limits, settings),
      this,
    ) as MessageStream<Res>;
    const { retry, hedging } = this.#policies;
    this.#attempts = hedging === undefined ? new Retries(this, retry) : new Hedges(this, hedging);
  }

  /** Takes over what ends the handler's call inside which this one is made. */
  #inherit(): void {
    const parent = parentCall();
    if (parent === undefined) return;
    this.deadline = nearerOf(this.deadline, parent.remainingMs);
    this.#signals = [...this.#signals, parent.signal];
  }

  get #policies(): Policies {
    return (this.channel.retry === false ? undefined : this.#settings) ?? NO_POLICY;
  }

  get #isOver(): boolean {
    return this.outcome.decided;
  }

  settle(waitedMs: number): Policies | undefined {
    if (this.#settled || this.#isOver) return undefined;
    this.#settled = true;
    const settings = this.channel.settings?.(this.method);
    if (settings === this.#settings) return undefined;
    this.#settings = settings;
    this.waitForReady = this.#options?.waitForReady ?? settings?.waitForReady ?? false;
    this.requests.limitTo(sendLimitsOf(this.channel.limits, settings));
    this.responses.limitTo(receiveLimitsOf(this.channel.limits, settings));
    if (settings?.timeoutMs !== undefined) this.#limitTime(new Deadline(settings.timeoutMs, waitedMs));
    return this.#isOver ? undefined : this.#policies;
  }

  /** There is another deadline, which counts if it is the nearer one. */
  #limitTime(deadline: Deadline): void {
    if (deadline.remainingMs >= (this.deadline?.remainingMs ?? Infinity)) return;
    this.#guard?.disarm();
    this.deadline = deadline;
    this.#guard = new CallGuard(this, deadline, this.#signals);
    if (!this.#guard.strike()) this.#guard.arm();
  }

  follow(attempts: Attempts): void {
    this.#attempts = attempts;
  }

  /** What is known of the attempts there were. */
  get attempts(): readonly AttemptFacts[] {
    return this.#attempts.facts;
  }

  /** Who is at the other end of the attempt there is, if it has begun. */
  get peer(): Peer | undefined {
    return this.#attempts.peer;
  }

  get signals(): readonly AbortSignal[] {
    return this.#signals;
  }

  /** The metadata, to be changed before the call is started. */
  makeMetadata(): Metadata {
    return (this.metadata ??= new Metadata());
  }

  /** Watches deadline and signals from now on, for a call that is started later. */
  hold(): void {
    this.#held = true;
    if (this.#guard?.strike() === false) this.#guard.arm();
  }

  /** Takes what interceptors pass on, before the call is started. */
  adopt({ metadata, deadline, signal }: CallChanges): void {
    if (this.outcome.decided) return;
    this.#guard?.disarm();
    if (metadata !== undefined) this.metadata = metadata;
    if (deadline !== undefined) this.deadline = deadlineFrom({ deadline });
    if (signal !== undefined) this.#signals = [...this.#signals, signal];
    this.#guard = new CallGuard(this, this.deadline, this.#signals);
    this.hold();
  }

  /** Sets the call going. Nothing is sent for one that is cancelled or late already. */
  start(): void {
    if (this.outcome.decided || this.#guard?.strike() === true) return;
    if (!this.#held) this.#guard?.arm();
    this.#attempts.begin();
  }

  aborted({ reason }: AbortSignal): void {
    this.observed = true;
    this.fail(abortError(reason));
  }

  headersArrived(metadata: Metadata, coding: string | undefined): void {
    if (this.outcome.decided) return;
    if (coding !== undefined) this.responses.codedIn(coding, this.channel.codings);
    this.#headersMs = this.deadline?.elapsedMs;
    this.outcome.headersArrived(metadata);
  }

  attemptEnded(end: AttemptEnd): void {
    if (this.outcome.decided) return;
    const { status, trailers } = end;
    this.outcome.peerTrailers = trailers;
    if (status.code !== Code.OK) this.#failAs(end);
    else if (sendsOneResponse(this.method.kind)) {
      const opening = this.responses.openOne();
      if (opening === undefined) this.#takeResponse();
      else void opening.then(() => this.#takeResponse());
    } else {
      this.#end(undefined, false);
    }
  }

  #failAs(end: AttemptEnd): void {
    const { status, trailers } = end;
    // "CANCELLED while the local deadline has passed is DEADLINE_EXCEEDED": both clocks run out at once.
    if (status.code === Code.CANCELLED && trailers === undefined && (this.deadline?.remainingMs ?? 1) <= 0) {
      this.deadlineExceeded();
      return;
    }
    this.#end(errorOf(end), end.open === true);
  }

  #takeResponse(): void {
    if (this.outcome.decided) return;
    try {
      this.response = this.responses.takeOne();
      this.#end(undefined, false);
    } catch (error) {
      this.#end(error as StatusError, false);
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
    if (!this.outcome.decided) this.#end(error, true);
    else {
      this.#explain(error);
      this.outcome.decide(error);
    }
  }

  /** What is known of the call goes into its error, while it is known. */
  #explain(error: StatusError): void {
    const { elapsedMs = 0 } = this.deadline ?? {};
    const isLate = error.code === Code.DEADLINE_EXCEEDED && error.origin === "local";
    const spent = isLate ? timeSpentIn(elapsedMs, this.#attempts.timeMarks(elapsedMs), this.#headersMs) : undefined;
    explain(error, this, () => this.#failuresFor(error), spent);
  }

  #failuresFor(error: StatusError): readonly FailedAttempt[] {
    if (explainsItself(error) && this.#attempts.facts.length < 2) return [];
    if (error.code !== Code.DEADLINE_EXCEEDED) return this.#attempts.failures(error.rawMessage);
    return this.#attempts.failures(this.outcome.hasHeaders ? "the response is not complete" : "no response yet");
  }

  get target(): string | undefined {
    return this.channel.target;
  }

  /** Cancels: the server is told, and whoever waits gets CANCELLED. */
  cancel(): void {
    this.observed = true;
    this.fail(new StatusError(Code.CANCELLED, "the call was cancelled"));
  }

  /** `cancel` says that the server has not finished. */
  #end(error: StatusError | undefined, cancel: boolean): void {
    if (this.outcome.decided) return;
    if (error !== undefined) this.#explain(error);
    this.outcome.decide(error);
    this.#attempts.leave(cancel, error?.code === Code.CANCELLED ? undefined : (error?.code ?? Code.OK));
    this.responses.end(error);
    // A side of one message is never pulled: what came before an error goes with it.
    if (!this.responses.hasMessage || sendsOneResponse(this.method.kind)) this.receiveDrained();
    if (!this.outcome.told && !this.outcome.awaited) this.#guard?.relax();
    this.onFinished?.();
    if (error !== undefined) setImmediate(() => this.#reportUnobserved(error));
    // Last, as it runs the application's code: its iterator's return().
    this.requests.close();
  }

  #reportUnobserved(error: StatusError): void {
    if (!this.observed && !this.responses.pulled) this.channel.callUnobserved(error, this.method.path);
  }

  deadlineExceeded(): void {
    this.#attempts.suspectSilent();
    const ms = Math.round((this.deadline?.timeoutMs ?? 0) * 1000) / 1000;
    const doing = this.outcome.hasHeaders ? "receiving messages" : this.#attempts.phase;
    const text =
      ms > 0 ? `the deadline of ${ms} ms passed while ${doing}` : "the deadline had passed when the call was started";
    this.fail(new StatusError(Code.DEADLINE_EXCEEDED, text));
  }

  beforeFirstWrite(): void {
    // The headers of a request went out when its stream was opened.
  }

  sendOverflow(queuedBytes: number): void {
    const limit = this.channel.limits.maxQueuedBytes;
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
    this.fail(requestsError(cause, this.requests.encodeError));
  }

  receiveFailed(error: StatusError): void {
    // An OK that came but was not told yet gives way: the messages before it turned out to be broken.
    this.#replaceOrEnd(error);
    if (!this.responses.hasMessage) this.receiveDrained();
  }

  receiveAbandoned(): void {
    if (!this.outcome.decided && !this.#attempts.told) {
      this.cancel();
      return;
    }
    this.responses.discard();
    this.receiveDrained();
  }

  /** Every message has been taken: the status may be told, and nothing can change it any more. */
  receiveDrained(): void {
    if (this.outcome.tell()) this.#guard?.disarm();
  }

  receiveResumed(): void {
    if (this.#guard?.lax === true && !this.outcome.told) this.#guard.strike();
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
    if (this.#guard?.lax !== true || this.outcome.told) return;
    this.#guard.lax = false;
    if (!this.#guard.strike()) this.#guard.arm();
  }
}

function credentialsOf(
  channel: ClientCallOwner,
  options: CallOptions | undefined,
): readonly CallCredentials[] | undefined {
  if (channel.credentials === undefined && options?.credentials === undefined) return undefined;
  return [channel.credentials, options?.credentials].filter((one) => one !== undefined);
}

/** What a call ends in whose request iterable threw `cause`, which may be that a message could not be encoded. */
function requestsError(cause: unknown, encodeError: unknown): StatusError {
  if (cause instanceof StatusError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (cause !== undefined && cause === encodeError) return new StatusError(Code.INTERNAL, reason, { cause });
  return new StatusError(Code.CANCELLED, `the request iterable threw: ${reason}`, { cause });
}

/** What the abort of a signal ends a call with. The signal of a handler's call says itself why that is over. */
function abortError(cause: unknown): StatusError {
  if (cause instanceof StatusError && cause.code === Code.DEADLINE_EXCEEDED) {
    return new StatusError(cause.code, "the deadline of the call that this one was made for has passed", { cause });
  }
  return new StatusError(Code.CANCELLED, "the call was cancelled by its signal", { cause });
}
