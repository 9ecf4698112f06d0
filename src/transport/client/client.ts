/**
 * Clients: the four shapes in which a method is called.
 *
 * Laws: this file and `server/handler.ts` alone know the four kinds; an object is a promise only where one message comes back
 * and nothing is left to send; no call raises `unhandledRejection`, however it is ignored.
 */
import { Metadata } from "../../codec/metadata.js";
import { checkService, type Method, type MethodKind, type Service } from "../../codec/method.js";
import { Code, StatusError, type Status } from "../../codec/status.js";
import { announced } from "../diagnostics.js";
import type { Interceptor } from "../intercept.js";
import { isIterable } from "../messages.js";
import type { MessageSink } from "../message-sink.js";
import type { AttemptFacts } from "./attempts/attempt-facts.js";
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
import { keepingCallSite } from "./call-site.js";
import { ClientCall, type ClientCallOwner } from "./client-call.js";
import { InterceptedCall } from "./intercepted-call.js";
import { sendRequests } from "./attempts/send-requests.js";

/** What the calls of one client have in common. */
interface Caller {
  readonly owner: ClientCallOwner;
  readonly interceptors: readonly Interceptor[];
}

/** One RPC in flight, with interceptors around it or without. */
type OpenCall = ClientCall | InterceptedCall;

/** Makes the functions that call a service's methods. */
export function createClient<S extends Service>(
  service: S,
  owner: ClientCallOwner,
  interceptors: readonly Interceptor[],
): Client<S> {
  checkService(service, "make a client of this");
  const client: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  const caller = { owner, interceptors };
  for (const [name, method] of Object.entries(service.methods)) {
    const call = CALL[method.kind](method, caller);
    client[name] = owner.callSites === true ? keepingCallSite(call) : call;
  }
  return Object.freeze(client) as Client<S>;
}

type MethodFunction = (first?: unknown, second?: unknown) => unknown;

const CALL: Readonly<Record<MethodKind, (method: Method, caller: Caller) => MethodFunction>> = {
  unary: (method, caller) => (request, options) =>
    new OneResponseCall(caller, method, options, (call) => startOne(call, request)),
  serverStreaming: (method, caller) => (request, options) => {
    const call = newCall(caller, method, options);
    try {
      startOne(call, request);
    } catch (error) {
      // A request over the limit is a status like any other; one of the wrong type is the caller's mistake.
      if (!(error instanceof StatusError)) throw error;
      call.fail(error);
    }
    return new ManyResponsesCall(call);
  },
  clientStreaming: (method, caller) => (first, second) => {
    if (isIterable(first)) {
      return new OneResponseCall(caller, method, second, (call) => startMany(call, first));
    }
    const call = newCall(caller, method, optionsBeforeNothing(method, first, second));
    const byHand = new ByHandCall(call);
    startByHand(call);
    return byHand;
  },
  bidiStreaming: (method, caller) => (first, second) => {
    if (isIterable(first)) {
      const call = newCall(caller, method, second);
      startMany(call, first);
      return new BidiCall(call, false);
    }
    const call = newCall(caller, method, optionsBeforeNothing(method, first, second));
    startByHand(call);
    return new BidiCall(call, true);
  },
};

function newCall({ owner, interceptors }: Caller, method: Method, options: unknown): OpenCall {
  const around = announced("client", interceptors);
  if (around.length === 0) return new ClientCall(owner, method, options as CallOptions | undefined);
  return new InterceptedCall(owner, method, options as CallOptions | undefined, around);
}

/** @throws what the sink throws: the request cannot be encoded, or is over the limit. */
function startOne(call: OpenCall, request: unknown): void {
  // The sink of an intercepted call is that of the network as long as nothing is sent by hand.
  (call.requests as MessageSink<unknown>).sendOnly(request);
  if (call instanceof InterceptedCall) call.startOne(request);
  else call.start();
}

function startMany(call: OpenCall, requests: Requests<unknown>): void {
  if (call instanceof InterceptedCall) {
    call.startMany(requests);
    return;
  }
  call.start();
  sendRequests(call, requests);
}

function startByHand(call: OpenCall): void {
  if (call instanceof InterceptedCall) call.startByHand();
  else call.start();
}

function optionsBeforeNothing(method: Method, options: unknown, second: unknown): unknown {
  if (second === undefined) return options;
  throw new TypeError(
    `Cannot call ${method.path} as its requests must be iterable: current value is ${typeof options}`,
  );
}

function headersOf(call: OpenCall): Promise<Metadata> {
  return call instanceof InterceptedCall ? call.headers : call.outcome.headers;
}

function settle(call: OpenCall, resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
  const { error } = call.outcome;
  if (error === undefined) resolve(call.response);
  else reject(error);
}

/** A promise of the one response. Its own `then` notes that somebody listens. */
class OneResponseCall extends Promise<unknown> implements UnaryCall<unknown> {
  #call: OpenCall | undefined;

  /** What `then` and `catch` return are ordinary promises. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  constructor(caller: Caller, method: Method, options: unknown, begin: (call: OpenCall) => void) {
    let resolve: (value: unknown) => void = ignore;
    let reject: (error: unknown) => void = ignore;
    super((onResponse, onFailure) => {
      resolve = onResponse;
      reject = onFailure;
    });
    // With a handler of its own, an ignored failure is not an unhandled rejection.
    super.then(undefined, ignore);
    try {
      const call = newCall(caller, method, options);
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
    return this.#call === undefined ? Promise.resolve(new Metadata()) : headersOf(this.#call);
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
  protected readonly call: OpenCall;

  constructor(call: OpenCall) {
    this.call = call;
  }

  get headers(): Promise<Metadata> {
    return headersOf(this.call);
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
function sendByHand(call: OpenCall, message: unknown, options?: SendOptions): Promise<void> | undefined {
  if (call.requests.closedByCaller) throw new Error(`Cannot send to ${call.method.path} after closeSend()`);
  return call.requests.send(message, options?.compress);
}

class BidiCall extends ManyResponsesCall implements BidiStreamingCall<unknown, unknown> {
  readonly #byHand: boolean;

  constructor(call: OpenCall, byHand: boolean) {
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

  constructor(call: OpenCall) {
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
