/**
 * Handlers: the four shapes in which a user implements a method, and how each is run.
 *
 * Laws: this file and `client/client.ts` alone know the four kinds; a handler may answer with a value or a promise, with
 * any iterable or a promise of one; the shape is chosen once, when the service is added.
 */
import type { DynamicMessage, Method, MethodKind, Service } from "../../codec/method.js";
import { nearestName } from "../../codec/nearest-name.js";
import type { Interceptor } from "../intercept.js";
import { isIterable } from "../messages.js";
import { runInside, scopeFor } from "../propagation.js";
import { sendAll } from "../send-all.js";
import type { HandlerCall } from "./handler-call.js";
import { interceptedServe, type AnyHandler } from "./intercepted-handler.js";
import type { ServerCall } from "./server-call.js";

type Awaitable<T> = T | PromiseLike<T>;
/** Many messages: an array, a generator, an async generator, a stream: whatever can be iterated. */
export type MessageSource<T> = Iterable<T> | AsyncIterable<T>;

/** The function that implements a method, by its kind. */
export type Handler<M extends Method> =
  M extends Method<infer Kind, infer Req, infer _ReqInit, infer _Res, infer ResInit>
    ? MethodKind extends Kind
      ? DynamicHandler
      : HandlerOfKind<Req, ResInit>[Kind]
    : never;

/**
 * The handler of a method that is known at run time only, from `loadProto`: its kind, which its author knows, says whether it
 * gets a message or many, and what it returns.
 */
export type DynamicHandler = (
  input: DynamicMessage & AsyncIterableIterator<DynamicMessage>,
  call: HandlerCall,
) => unknown;

interface HandlerOfKind<Req, ResInit> {
  unary: (request: Req, call: HandlerCall) => Awaitable<ResInit>;
  serverStreaming: (request: Req, call: HandlerCall) => Awaitable<MessageSource<ResInit>>;
  clientStreaming: (requests: AsyncIterableIterator<Req>, call: HandlerCall) => Awaitable<ResInit>;
  bidiStreaming: (requests: AsyncIterableIterator<Req>, call: HandlerCall) => Awaitable<MessageSource<ResInit>>;
}

/** The handlers of a service by local name. A method left out answers UNIMPLEMENTED. */
export type Implementation<S extends Service> = {
  readonly [Name in keyof S["methods"]]?: Handler<S["methods"][Name]>;
};

/** Runs one call; the call itself takes care of everything that goes wrong. */
export type Serve = (call: ServerCall) => void;

/** A method with what runs it. */
export interface Registered {
  readonly method: Method;
  readonly serve: Serve;
}

/** Whether a property comes from `Object.prototype`, or is the `constructor` that every class has. */
function isInherited(implementation: object, name: string): boolean {
  if (Object.hasOwn(implementation, name)) return false;
  return (
    name === "constructor" ||
    (implementation as Record<string, unknown>)[name] === (Object.prototype as unknown as Record<string, unknown>)[name]
  );
}

/** Binds an implementation's handlers to the service's methods. `this` inside a handler is the implementation. */
export function registerHandlers(
  service: Service,
  implementation: object,
  interceptors: readonly Interceptor[],
): Registered[] {
  const handlers = implementation as Record<string, unknown>;
  return Object.values(service.methods).flatMap((method): Registered[] => {
    const handler = handlers[method.localName];
    // What every object inherits, such as `constructor`, implements nothing.
    if (handler === undefined || isInherited(implementation, method.localName)) return [];
    if (typeof handler !== "function") {
      throw new TypeError(
        `Cannot add ${service.typeName} as ${method.localName} must be a function: current value is ${typeof handler}`,
      );
    }
    const bound = (handler as AnyHandler).bind(implementation);
    const serve = interceptors.length > 0 ? interceptedServe(method, bound, interceptors) : SERVE[method.kind](bound);
    return [{ method, serve }];
  });
}

/**
 * Checks that every property of a plain object is a method of the service. An instance of a class may have others.
 *
 * @throws TypeError naming the property and the nearest method.
 */
export function checkNames(service: Service, implementation: object): void {
  const prototype: unknown = Object.getPrototypeOf(implementation);
  if (prototype !== Object.prototype && prototype !== null) return;
  const names = Object.keys(service.methods);
  for (const name of Object.keys(implementation)) {
    if (Object.hasOwn(service.methods, name)) continue;
    const nearest = nearestName(name, names);
    const hint = nearest === undefined ? `; its methods are ${names.join(", ")}` : `; did you mean "${nearest}"?`;
    throw new TypeError(`Cannot add ${service.typeName} as it has no method "${name}"${hint}`);
  }
}

const SERVE: Readonly<Record<MethodKind, (handler: AnyHandler) => Serve>> = {
  unary: (handler) => (call) => {
    call.whenRequested((request) => inside(call, () => replyOne(call, () => handler(request, call))));
  },
  serverStreaming: (handler) => (call) => {
    call.whenRequested((request) => inside(call, () => void replyMany(call, () => handler(request, call))));
  },
  clientStreaming: (handler) => (call) => inside(call, () => replyOne(call, () => handler(call.requests, call))),
  bidiStreaming: (handler) => (call) => inside(call, () => void replyMany(call, () => handler(call.requests, call))),
};

/** Runs what calls the handler, so that calls made in it inherit from this one: if there can be any. */
export function inside(call: ServerCall, run: () => void): void {
  const scope = scopeFor(call);
  if (scope === undefined) {
    run();
    return;
  }
  call.scope = scope;
  runInside(scope, run);
}

function replyOne(call: ServerCall, run: () => unknown): void {
  let result: unknown;
  let later: boolean;
  try {
    result = run();
    later = isPromiseLike(result);
  } catch (error) {
    call.handlerFailed(error);
    return;
  }
  if (!later) {
    call.reply(result);
    return;
  }
  // A promise is taken as it is, and what only looks like one cannot throw here.
  Promise.resolve(result).then(
    (message) => call.reply(message),
    (error: unknown) => call.handlerFailed(error),
  );
}

async function replyMany(call: ServerCall, run: () => unknown): Promise<void> {
  try {
    let messages = run();
    if (isPromiseLike(messages)) messages = await messages;
    if (!isIterable(messages)) {
      throw new TypeError(`${call.method.path} must return an iterable of messages: it returned ${typeof messages}`);
    }
    await sendAll(messages, call.responses);
    call.handlerDone();
  } catch (error) {
    call.handlerFailed(error);
  }
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
