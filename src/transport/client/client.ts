/**
 * Clients: the four shapes in which a method is called.
 *
 * Laws: this file and `server/handler.ts` alone know the four kinds; an object is a promise only where one message comes back
 * and nothing is left to send; no call raises `unhandledRejection`, however it is ignored.
 */
import { Metadata } from "../../codec/metadata.js";
import type { DynamicMessage, Method, MethodKind, Service } from "../../codec/method.js";
import { Code, StatusError, type Status } from "../../codec/status.js";
import { sendAll } from "../message-sink.js";
import type { CallOptions } from "./call-options.js";
import { ClientCall, type ClientCallOwner } from "./client-call.js";

/** What every call tells. The promises never reject, and are made when they are first asked for. */
export interface CallFacts {
  /** The metadata that came before the messages; empty when the call ended without. */
  readonly headers: Promise<Metadata>;
  /** The metadata that came with the status. */
  readonly trailers: Promise<Metadata>;
  /** How the call ended; known once the last message has been taken. */
  readonly status: Promise<Status>;
  /** Cancels the call: CANCELLED here, RST_STREAM(CANCEL) to the server. Does nothing once the call has ended. */
  cancel(): void;
}

/** A call with one response and nothing left to send: a promise of that response. */
export interface UnaryCall<Res> extends Promise<Res>, CallFacts {}

/** A call with many responses: iterate it once, or `receive` one by one. Leaving the loop cancels. */
export interface ServerStreamingCall<Res> extends AsyncIterable<Res>, CallFacts {
  /** The next message, or `undefined` after the last. @throws StatusError when the call failed. */
  receive(): Promise<Res | undefined>;
}

/** The sending side of a call whose requests are sent by hand. */
export interface RequestSender<ReqInit> {
  /**
   * Sends a message. It is encoded before this returns; the promise, if there is one, says when there is room for more.
   *
   * @throws TypeError when the message cannot be encoded (the call stays usable), Error after `closeSend`.
   */
  send(message: ReqInit): Promise<void> | undefined;
  /** Says that no more requests come. */
  closeSend(): void;
}

/** A client-streaming call whose requests are sent by hand. */
export interface ClientStreamingCall<ReqInit, Res> extends RequestSender<ReqInit>, CallFacts {
  /** Says that no more requests come, and waits for the response. @throws StatusError when the call failed. */
  finish(): Promise<Res>;
}

/** A bidirectional call. `send` and `closeSend` are for calls started without an iterable of requests. */
export interface BidiStreamingCall<ReqInit, Res> extends ServerStreamingCall<Res>, RequestSender<ReqInit> {}

type Requests<T> = Iterable<T> | AsyncIterable<T>;

interface ClientMethodOfKind<ReqInit, Res> {
  unary: (request: ReqInit, options?: CallOptions) => UnaryCall<Res>;
  serverStreaming: (request: ReqInit, options?: CallOptions) => ServerStreamingCall<Res>;
  clientStreaming: {
    (requests: Requests<ReqInit>, options?: CallOptions): UnaryCall<Res>;
    (options?: CallOptions): ClientStreamingCall<ReqInit, Res>;
  };
  bidiStreaming: {
    (requests: Requests<ReqInit>, options?: CallOptions): BidiStreamingCall<ReqInit, Res>;
    (options?: CallOptions): BidiStreamingCall<ReqInit, Res>;
  };
}

/** The function that calls a method, by its kind. */
export type ClientMethod<M extends Method> =
  M extends Method<infer Kind, infer _Req, infer ReqInit, infer Res, infer _ResInit>
    ? MethodKind extends Kind
      ? (input?: unknown, options?: CallOptions) => DynamicCall
      : ClientMethodOfKind<ReqInit, Res>[Kind]
    : never;

/**
 * A call of a method that is known at run time only, from `loadProto`. It has what its kind has, which its caller knows, and not
 * the rest.
 */
export type DynamicCall = UnaryCall<DynamicMessage> &
  ClientStreamingCall<DynamicMessage, DynamicMessage> &
  BidiStreamingCall<DynamicMessage, DynamicMessage>;

/** The methods of a service as functions. */
export type Client<S extends Service> = {
  readonly [Name in keyof S["methods"]]: ClientMethod<S["methods"][Name]>;
};

/** Makes the functions that call a service's methods. */
export function createClient<S extends Service>(service: S, owner: ClientCallOwner): Client<S> {
  const client: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, method] of Object.entries(service.methods)) client[name] = CALL[method.kind](method, owner);
  return Object.freeze(client) as Client<S>;
}

type Caller = (first?: unknown, second?: unknown) => unknown;

const CALL: Readonly<Record<MethodKind, (method: Method, owner: ClientCallOwner) => Caller>> = {
  unary: (method, owner) => (request, options) =>
    new OneResponseCall(owner, method, options, (call) => {
      call.requests.sendOnly(request);
      call.start();
    }),
  serverStreaming: (method, owner) => (request, options) => {
    const call = newCall(owner, method, options);
    try {
      call.requests.sendOnly(request);
      call.start();
    } catch (error) {
      // A request over the limit is a status like any other; one of the wrong type is the caller's mistake.
      if (!(error instanceof StatusError)) throw error;
      call.fail(error);
    }
    return new ManyResponsesCall(call);
  },
  clientStreaming: (method, owner) => (first, second) => {
    if (isIterable(first)) {
      return new OneResponseCall(owner, method, second, (call) => {
        call.start();
        sendRequests(call, first);
      });
    }
    const call = newCall(owner, method, optionsBeforeNothing(method, first, second));
    const byHand = new ByHandCall(call);
    call.start();
    return byHand;
  },
  bidiStreaming: (method, owner) => (first, second) => {
    const requests = isIterable(first) ? first : undefined;
    const call = newCall(owner, method, requests === undefined ? optionsBeforeNothing(method, first, second) : second);
    call.start();
    if (requests === undefined) return new BidiCall(call, true);
    sendRequests(call, requests);
    return new BidiCall(call, false);
  },
};

function newCall(owner: ClientCallOwner, method: Method, options: unknown): ClientCall {
  return new ClientCall(owner, method, options as CallOptions | undefined);
}

function optionsBeforeNothing(method: Method, options: unknown, second: unknown): unknown {
  if (second === undefined) return options;
  throw new TypeError(
    `Cannot call ${method.path} as its requests must be iterable: current value is ${typeof options}`,
  );
}

function isIterable(value: unknown): value is Requests<unknown> {
  return typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

function sendRequests(call: ClientCall, requests: Requests<unknown>): void {
  sendAll(requests, call.requests).then(
    () => call.requests.end(),
    (error: unknown) => {
      if (!call.requests.closed) call.requestsFailed(error);
    },
  );
}

function settle(call: ClientCall, resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
  const { error } = call.outcome;
  if (error === undefined) resolve(call.response);
  else reject(error);
}

/** A promise of the one response. Its own `then` notes that somebody listens. */
class OneResponseCall extends Promise<unknown> implements UnaryCall<unknown> {
  #call: ClientCall | undefined;

  /** What `then` and `catch` return are ordinary promises. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  constructor(owner: ClientCallOwner, method: Method, options: unknown, begin: (call: ClientCall) => void) {
    let resolve: (value: unknown) => void = ignore;
    let reject: (error: unknown) => void = ignore;
    super((onResponse, onFailure) => {
      resolve = onResponse;
      reject = onFailure;
    });
    // With a handler of its own, an ignored failure is not an unhandled rejection.
    super.then(undefined, ignore);
    try {
      const call = newCall(owner, method, options);
      this.#call = call;
      call.onFinished = () => settle(call, resolve, reject);
      begin(call);
    } catch (error) {
      reject(error);
      this.#call?.fail(
        error instanceof StatusError
          ? error
          : new StatusError(Code.INTERNAL, error instanceof Error ? error.message : String(error), { cause: error }),
      );
    }
  }

  override then<A = unknown, B = never>(
    onFulfilled?: ((value: unknown) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    if (this.#call !== undefined) this.#call.observed = true;
    return super.then(onFulfilled, onRejected);
  }

  get headers(): Promise<Metadata> {
    return this.#call?.outcome.headers ?? Promise.resolve(new Metadata());
  }

  get trailers(): Promise<Metadata> {
    return this.#call?.outcome.trailers ?? Promise.resolve(new Metadata());
  }

  get status(): Promise<Status> {
    if (this.#call !== undefined) this.#call.observed = true;
    return this.#call?.outcome.status ?? Promise.resolve({ code: Code.INTERNAL, message: "the call was not started" });
  }

  cancel(): void {
    this.#call?.cancel();
  }
}

/** The facts of a call that is not a promise. */
class CallHandle implements CallFacts {
  protected readonly call: ClientCall;

  constructor(call: ClientCall) {
    this.call = call;
  }

  get headers(): Promise<Metadata> {
    return this.call.outcome.headers;
  }

  get trailers(): Promise<Metadata> {
    return this.call.outcome.trailers;
  }

  get status(): Promise<Status> {
    this.call.observed = true;
    return this.call.outcome.status;
  }

  cancel(): void {
    this.call.cancel();
  }
}

class ManyResponsesCall extends CallHandle implements ServerStreamingCall<unknown> {
  #iterated = false;

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    if (this.#iterated) throw new TypeError(`Cannot iterate the call to ${this.call.method.path} a second time`);
    this.#iterated = true;
    return this.call.responses;
  }

  receive(): Promise<unknown> {
    const message = this.#receive();
    // Dropped, its failure is not an unhandled rejection; awaited, it is the caller's.
    message.catch(ignore);
    return message;
  }

  async #receive(): Promise<unknown> {
    const step = await this.call.responses.next();
    if (step.done !== true) return step.value;
    const { error } = this.call.outcome;
    if (error !== undefined) throw error;
    return undefined;
  }
}

/** Sending by hand, for the two kinds that can. */
function sendByHand(call: ClientCall, message: unknown): Promise<void> | undefined {
  if (call.requests.closedByCaller) throw new Error(`Cannot send to ${call.method.path} after closeSend()`);
  return call.requests.send(message);
}

class BidiCall extends ManyResponsesCall implements BidiStreamingCall<unknown, unknown> {
  readonly #byHand: boolean;

  constructor(call: ClientCall, byHand: boolean) {
    super(call);
    this.#byHand = byHand;
  }

  send(message: unknown): Promise<void> | undefined {
    this.#checkByHand("send");
    return sendByHand(this.call, message);
  }

  closeSend(): void {
    this.#checkByHand("closeSend");
    this.call.requests.end();
  }

  #checkByHand(name: string): void {
    if (this.#byHand) return;
    throw new Error(`Cannot ${name}() to ${this.call.method.path} as its requests come from the iterable it was given`);
  }
}

class ByHandCall extends CallHandle implements ClientStreamingCall<unknown, unknown> {
  readonly #response: Promise<unknown>;

  constructor(call: ClientCall) {
    super(call);
    this.#response = new Promise((resolve, reject) => {
      call.onFinished = () => settle(call, resolve, reject);
    });
    this.#response.catch(ignore);
  }

  send(message: unknown): Promise<void> | undefined {
    return sendByHand(this.call, message);
  }

  closeSend(): void {
    this.call.requests.end();
  }

  finish(): Promise<unknown> {
    this.call.observed = true;
    this.call.requests.end();
    return this.#response;
  }
}

function ignore(): void {}
