/**
 * Clients: the four shapes in which a method is called.
 *
 * Laws: this file and `server/handler.ts` alone know the four kinds; an object is a promise only where one message comes back
 * and nothing is left to send; no call raises `unhandledRejection`, however it is ignored.
 */
import { Metadata } from "../../codec/metadata.js";
import { checkService, type Method, type MethodKind, type Service } from "../../codec/method.js";
import { Code, StatusError, type Status } from "../../codec/status.js";
import { sendAll } from "../send-all.js";
import type { AttemptFacts } from "./attempt-facts.js";
import type { CallOptions } from "./call-options.js";
import type {
  BidiStreamingCall,
  CallFacts,
  Client,
  ClientStreamingCall,
  Requests,
  SendOptions,
  ServerStreamingCall,
  UnaryCall,
} from "./calls.js";
import { ClientCall, type ClientCallOwner } from "./client-call.js";

/** Makes the functions that call a service's methods. */
export function createClient<S extends Service>(service: S, owner: ClientCallOwner): Client<S> {
  checkService(service, "make a client of this");
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
    return this.#call?.trailers ?? Promise.resolve(new Metadata());
  }

  get status(): Promise<Status> {
    if (this.#call !== undefined) this.#call.observed = true;
    return this.#call?.status ?? Promise.resolve({ code: Code.INTERNAL, message: "the call was not started" });
  }

  get responseCompressed(): boolean {
    return this.#call?.responses.compressed ?? false;
  }

  get attempts(): readonly AttemptFacts[] {
    return this.#call?.attempts ?? [];
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
    return this.call.trailers;
  }

  get status(): Promise<Status> {
    this.call.observed = true;
    return this.call.status;
  }

  get responseCompressed(): boolean {
    return this.call.responses.compressed;
  }

  get attempts(): readonly AttemptFacts[] {
    return this.call.attempts;
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
function sendByHand(call: ClientCall, message: unknown, options?: SendOptions): Promise<void> | undefined {
  if (call.requests.closedByCaller) throw new Error(`Cannot send to ${call.method.path} after closeSend()`);
  return call.requests.send(message, options?.compress);
}

class BidiCall extends ManyResponsesCall implements BidiStreamingCall<unknown, unknown> {
  readonly #byHand: boolean;

  constructor(call: ClientCall, byHand: boolean) {
    super(call);
    this.#byHand = byHand;
  }

  send(message: unknown, options?: SendOptions): Promise<void> | undefined {
    this.#checkByHand("send");
    return sendByHand(this.call, message, options);
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

  send(message: unknown, options?: SendOptions): Promise<void> | undefined {
    return sendByHand(this.call, message, options);
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
