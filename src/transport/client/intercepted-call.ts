/**
 * One RPC on the client behind interceptors: what the application is given in place of the call on the network.
 *
 * Spec: gRFC L5 (client interceptors).
 * Laws: the application sees the reply that comes out of the chain, and nothing before it; a chain that passes the network's own
 * reply on costs nothing per message; cancellation and deadline end the call wherever the chain may stand: it has the rest of the
 * turn to answer them in its own way.
 */
import { Metadata } from "../../codec/metadata.js";
import { sendsOneRequest, sendsOneResponse, type Method } from "../../codec/method.js";
import { Code, StatusError, type Status } from "../../codec/status.js";
import type { Peer } from "../call.js";
import { Deadline } from "../deadline.js";
import { EndListeners } from "../end-listeners.js";
import {
  callThrough,
  checkReply,
  type CallChanges,
  type CallEnd,
  type Interceptable,
  type Interceptor,
  type Reply,
} from "../intercept.js";
import type { MessageSink } from "../message-sink.js";
import { MessagesOf, OneMessage, onlyMessage } from "../messages.js";
import type { AttemptFacts } from "./attempts/attempt-facts.js";
import type { CallOptions } from "./call-options.js";
import type { Requests } from "./calls.js";
import { ClientCall, type ClientCallOwner } from "./client-call.js";
import { explain } from "./explain.js";
import { HandSent } from "./hand-sent.js";
import { InterceptedResponses, type InterceptedResponsesOwner } from "./intercepted-responses.js";
import { NetworkReply } from "./attempts/network-reply.js";
import { Outcome } from "./outcome.js";
import { sendRequests } from "./attempts/send-requests.js";
import { unwatchSignal, watchSignal, type SignalWatcher } from "./signal-watch.js";

const OK: Status = Object.freeze({ code: Code.OK, message: "" });

/** One RPC in flight. Interceptors see it as `Call`; the faces of `client.ts` see what they see of a {@link ClientCall}. */
export class InterceptedCall implements Interceptable, InterceptedResponsesOwner, SignalWatcher {
  readonly method: Method;
  /** Where messages go that are sent by hand, or the one message there is. */
  requests: MessageSink<unknown> | HandSent;
  readonly #owner: ClientCallOwner;
  readonly #interceptors: readonly Interceptor[];
  readonly #network: ClientCall;
  readonly #reply: NetworkReply;
  #responses: InterceptedResponses | undefined;
  readonly #outcome = new Outcome();
  readonly #startedAt = performance.now();
  /** What the application gave, and what interceptors have made of it. */
  #given: AsyncIterable<unknown> = NOTHING;
  #messages: AsyncIterable<unknown> = NOTHING;
  #endListeners: EndListeners | undefined;
  #abort: AbortController | undefined;
  /** Deadline and signals, for what the chain does when the network's call has ended. */
  #deadline: Deadline | undefined;
  #guarded = false;
  /** The chain has passed on the network's own reply: that call's end is the end. */
  #through = false;
  #settled = false;
  #sent = false;
  #ended = false;

  /** The one response of a unary or client-streaming call that ended OK. */
  response: unknown;
  /** Whether somebody will hear of a failure. */
  observed = false;
  /** Called once, when the status is decided. */
  onFinished: (() => void) | undefined;

  /** @throws TypeError for an option that does not exist or has a wrong value. */
  constructor(
    owner: ClientCallOwner,
    method: Method,
    options: CallOptions | undefined,
    interceptors: readonly Interceptor[],
  ) {
    this.#owner = owner;
    this.method = method;
    this.#interceptors = interceptors;
    const network = new ClientCall(owner, method, options);
    // Whether anybody hears of a failure is known here.
    network.observed = true;
    network.onFinished = () => this.#networkFinished();
    this.#network = network;
    this.#reply = new NetworkReply(network);
    this.requests = network.requests;
  }

  /** The one response of a call that has one is not iterated. */
  get responses(): InterceptedResponses {
    return (this.#responses ??= new InterceptedResponses(this, this.#network.responses));
  }

  get side(): "client" {
    return "client";
  }

  get metadata(): Metadata {
    return this.#network.makeMetadata();
  }

  get deadline(): Date | undefined {
    return this.#network.deadline?.date;
  }

  get peer(): Peer | undefined {
    return this.#network.peer;
  }

  /** What is known of the attempts there were. */
  get attempts(): readonly AttemptFacts[] {
    return this.#network.attempts;
  }

  get messages(): AsyncIterable<unknown> {
    return this.#messages;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      const { error } = this.outcome;
      if (error !== undefined) this.#abort.abort(error);
    }
    return this.#abort.signal;
  }

  onEnd(listener: (end: CallEnd) => void): void {
    this.#endListeners ??= new EndListeners((error) => this.#owner.callUnobserved(error, this.method.path));
    this.#endListeners.add(listener);
  }

  adopt(changes: CallChanges): void {
    const { metadata, deadline, messages } = changes;
    const signal = changes.signal === this.#abort?.signal ? undefined : changes.signal;
    if (metadata !== undefined || deadline !== undefined || signal !== undefined) {
      this.#network.adopt({ metadata, deadline, signal });
    }
    if (messages !== undefined) this.#messages = messages;
  }

  get outcome(): Outcome {
    return this.#through ? this.#network.outcome : this.#outcome;
  }

  /** The reply's headers. A unary reply is whole: who asks for its headers before gets those of the network. */
  get headers(): Promise<Metadata> {
    const network = this.#network.outcome;
    if (this.method.kind === "unary" && !this.#settled && !this.#ended) {
      void this.#copyHeaders(network);
    }
    return this.outcome.headers;
  }

  async #copyHeaders(network: Outcome): Promise<void> {
    const headers = await network.headers;
    if (network.hasHeaders && !this.#outcome.hasHeaders) this.#outcome.headersArrived(headers);
  }

  get trailers(): Promise<Metadata> {
    return this.#through ? this.#network.trailers : this.#lookForEnd(this.#outcome.trailers);
  }

  get status(): Promise<Status> {
    return this.#through ? this.#network.status : this.#lookForEnd(this.#outcome.status);
  }

  get endAwaited(): boolean {
    return this.#outcome.awaited;
  }

  #lookForEnd<T>(end: Promise<T>): Promise<T> {
    this.#responses?.lookForEnd();
    return end;
  }

  /** Sets a call with one request going, which its sink has taken already. */
  startOne(request: unknown): void {
    this.#start(new OneMessage(request));
  }

  /** Sets a call going whose requests come from an iterable. */
  startMany(requests: Requests<unknown>): void {
    this.#start(new MessagesOf(requests));
  }

  /** Sets a call going whose requests are sent by hand. */
  startByHand(): void {
    const sent = new HandSent(this.method.request, this.#owner.limits, {
      sendOverflow: (bytes) => this.#network.sendOverflow(bytes),
    });
    this.requests = sent;
    this.#start(sent);
  }

  #start(messages: AsyncIterable<unknown>): void {
    this.#given = messages;
    this.#messages = messages;
    this.#network.hold();
    void this.#runChain();
  }

  async #runChain(): Promise<void> {
    try {
      const reply: unknown = await callThrough(this.#interceptors, this, () => this.#send());
      checkReply(reply, this.method);
      this.#settle(reply);
    } catch (error) {
      this.#settled = true;
      this.#end(statusErrorFrom(error, this.method));
    }
  }

  /** Behind the last interceptor: the network. */
  #send(): Promise<Reply> {
    const network = this.#network;
    const { error } = network.outcome;
    if (error !== undefined) return Promise.reject(error);
    this.#sent = true;
    const reply = this.#reply.begin();
    const touched = this.#messages !== this.#given;
    if (touched) this.#sendTouched();
    else if (this.#given instanceof HandSent) {
      this.requests = network.requests;
      this.#given.forward(network.requests);
    }
    network.start();
    if (!touched && this.#given instanceof MessagesOf) sendRequests(network, this.#given.source);
    return reply;
  }

  #sendTouched(): void {
    const network = this.#network;
    if (!sendsOneRequest(this.method.kind)) {
      sendRequests(network, this.#messages);
      return;
    }
    network.requests.restart();
    onlyMessage(this.#messages, this.method.request).then(
      (message) => this.#sendOnly(message),
      (error: unknown) => network.requestsFailed(error),
    );
  }

  #sendOnly(message: unknown): void {
    try {
      this.#network.requests.sendOnly(message);
    } catch (error) {
      this.#network.requestsFailed(error);
    }
  }

  /** The chain has a reply. */
  #settle(reply: Reply): void {
    this.#settled = true;
    this.#unguard();
    if (this.#ended) return;
    if (this.#reply.isSame(reply)) {
      this.#passThrough(reply);
      return;
    }
    this.#outcome.headersArrived(reply.headers);
    if (!sendsOneResponse(this.method.kind)) {
      this.#outcome.peerTrailers = reply.trailers;
      this.responses.takeFrom(reply.messages);
      return;
    }
    void this.#takeOnly(reply);
  }

  /** The one response of an interceptor's reply. */
  async #takeOnly({ messages, trailers }: Reply): Promise<void> {
    this.pulling();
    try {
      this.response = await onlyMessage(messages, this.method.response);
      this.#outcome.peerTrailers = trailers;
      this.#end(undefined);
    } catch (error) {
      this.#end(statusErrorFrom(error, this.method));
    }
  }

  #passThrough({ headers }: Reply): void {
    const network = this.#network;
    this.#outcome.headersArrived(headers);
    this.#through = true;
    if (this.#outcome.awaited) void network.status.then(() => this.#copyOutcome());
    if (network.outcome.decided) this.#endThrough();
    if (!sendsOneResponse(this.method.kind)) this.responses.passThrough();
  }

  /** For whoever asked how the call ends before it was known that the network says so. */
  #copyOutcome(): void {
    const { peerTrailers, error } = this.#network.outcome;
    this.#outcome.peerTrailers = peerTrailers;
    this.#outcome.decide(error);
    this.#outcome.tell();
  }

  #networkFinished(): void {
    const { error } = this.#network.outcome;
    if (error !== undefined && isEndedHere(error)) {
      this.observed ||= this.#network.signals.some(({ aborted }) => aborted);
      this.#abort?.abort(error);
    }
    this.#reply.finished();
    if (this.#given instanceof MessagesOf && this.#given !== this.#messages) this.#given.close();
    if (this.#through) this.#endThrough();
    else if (!this.#settled) this.pulling();
  }

  #endThrough(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.response = this.#network.response;
    this.#tellEnd(this.#network.outcome.error);
  }

  /** Somebody waits for the chain. When the network's call has ended, cancellation and deadline are watched here. */
  pulling(): void {
    const { decided, error } = this.#network.outcome;
    if (this.#ended || !decided) return;
    // What ended before it was sent was not ended by a server.
    if (error !== undefined && (!this.#sent || isEndedHere(error))) setImmediate(() => this.#end(error));
    else this.#guard();
  }

  pulled(): void {
    this.#unguard();
  }

  #guard(): void {
    if (this.#guarded) return;
    this.#guarded = true;
    for (const signal of this.#network.signals) watchSignal(signal, this);
    const left = this.#network.deadline?.remainingMs;
    if (left === undefined) return;
    this.#deadline = new Deadline(left);
    this.#deadline.arm(() =>
      this.#end(new StatusError(Code.DEADLINE_EXCEEDED, "the deadline passed in an interceptor")),
    );
  }

  #unguard(): void {
    if (!this.#guarded) return;
    this.#guarded = false;
    for (const signal of this.#network.signals) unwatchSignal(signal, this);
    this.#deadline?.clear();
  }

  aborted({ reason }: AbortSignal): void {
    this.observed = true;
    this.#end(new StatusError(Code.CANCELLED, "the call was cancelled by its signal", { cause: reason }));
  }

  sourceEnded(error?: unknown): void {
    this.#end(error === undefined ? undefined : statusErrorFrom(error, this.method));
  }

  left(): void {
    void this.#network.responses.return();
    const { decided, error } = this.#network.outcome;
    this.observed = true;
    // As without interceptors: once the server has said how the call ended, leaving changes nothing.
    if (decided) this.#end(error);
    else this.cancel();
  }

  /** Ends the call by this side's decision. Does nothing once it has ended. */
  fail(error: StatusError): void {
    if (this.#through) this.#network.fail(error);
    else this.#end(error);
  }

  /** Cancels: the server is told, and whoever waits gets CANCELLED. */
  cancel(): void {
    this.observed = true;
    if (this.#through) this.#network.cancel();
    else this.#end(new StatusError(Code.CANCELLED, "the call was cancelled"));
  }

  /** Ends the call with what the chain has made of it. What the network still has to say is not wanted any more. */
  #end(error: StatusError | undefined): void {
    if (this.#ended || this.#through) return;
    this.#ended = true;
    this.#unguard();
    if (error !== undefined) {
      explain(error, this.#network);
      this.#outcome.peerTrailers = error.trailers;
      this.#abort?.abort(error);
    }
    this.#outcome.decide(error);
    this.#outcome.tell();
    this.#leaveNetwork(error);
    if (!sendsOneResponse(this.method.kind)) this.responses.end(error);
    if (this.#given instanceof HandSent) this.#given.close();
    this.#tellEnd(error);
  }

  #leaveNetwork(error: StatusError | undefined): void {
    const network = this.#network;
    if (!network.outcome.decided) network.fail(error ?? new StatusError(Code.CANCELLED, "an interceptor has answered"));
    else if (!network.outcome.told) void network.responses.return();
  }

  #tellEnd(error: StatusError | undefined): void {
    if (this.#endListeners !== undefined) {
      const status = error === undefined ? OK : { code: error.code, message: error.rawMessage };
      const trailers = this.outcome.peerTrailers ?? new Metadata();
      const durationMs = performance.now() - this.#startedAt;
      const { requests, responses } = this.#network;
      this.#endListeners.tell({
        status,
        error,
        trailers,
        durationMs,
        sent: requests.sent,
        received: responses.arrived,
      });
    }
    this.onFinished?.();
    if (error !== undefined) setImmediate(() => this.#reportUnobserved(error));
  }

  #reportUnobserved(error: StatusError): void {
    if (!this.observed && this.#responses?.pulled !== true) this.#owner.callUnobserved(error, this.method.path);
  }
}

const NOTHING = new MessagesOf<unknown>([]);

/** Whether this side ended the call: nobody needs to wait for what a chain makes of it. */
function isEndedHere({ code, origin }: StatusError): boolean {
  return origin === "local" && (code === Code.CANCELLED || code === Code.DEADLINE_EXCEEDED);
}

/** What an interceptor throws that is no status is its author's mistake: INTERNAL, with the exception as the cause. */
function statusErrorFrom(error: unknown, { path }: Method): StatusError {
  if (error instanceof StatusError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new StatusError(Code.INTERNAL, `an interceptor of ${path} failed: ${reason}`, { cause: error });
}
