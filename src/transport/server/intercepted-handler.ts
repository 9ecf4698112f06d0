/**
 * Handlers behind interceptors: what `next()` means on the server, for each of the four kinds.
 *
 * Spec: gRFC L112 (server interceptors run for registered methods only).
 * Laws: the chain begins with the request's headers; a handler's messages that nobody touched are sent as if there were no
 * interceptors; all that runs for a call runs inside the context in which `next()` was called.
 */
import { AsyncResource } from "node:async_hooks";
import { sendsOneRequest, sendsOneResponse, type Method } from "../../codec/method.js";
import { callThrough, checkReply, type Interceptor, type Reply } from "../intercept.js";
import { isIterable, MessagesOf, OneMessage, onlyMessage, unwrapped } from "../messages.js";
import { runInside, scopeFor } from "../propagation.js";
import { sendAll } from "../send-all.js";
import type { HandlerCall } from "./handler-call.js";
import type { ServerCall } from "./server-call.js";

/** A handler of any kind. */
export type AnyHandler = (input: unknown, call: HandlerCall) => unknown;

/** What runs one call through `interceptors` to `handler`. */
export function interceptedServe(
  method: Method,
  handler: AnyHandler,
  interceptors: readonly Interceptor[],
): (call: ServerCall) => void {
  const reply = sendsOneResponse(method.kind) ? replyOne : replyMany;
  const run = (call: ServerCall): void => {
    call.startedAt = performance.now();
    reply(call, handler, interceptors).catch((error: unknown) => call.handlerFailed(error));
  };
  return (call) => {
    const scope = scopeFor(call);
    call.scope = scope;
    if (scope === undefined) run(call);
    else runInside(scope, () => run(call));
  };
}

async function replyOne(call: ServerCall, handler: AnyHandler, interceptors: readonly Interceptor[]): Promise<void> {
  const reply = await callThrough(interceptors, call, async () => {
    const message = await handler(await inputOf(call), call);
    return replyOf(call, new OneMessage(message));
  });
  checkReply(reply, call.method);
  call.adoptReply(reply);
  call.reply(await onlyMessage(reply.messages, call.method.response));
}

async function replyMany(call: ServerCall, handler: AnyHandler, interceptors: readonly Interceptor[]): Promise<void> {
  let context: AsyncResource | undefined;
  let given: MessagesOf<unknown> | undefined;
  const reply = await callThrough(interceptors, call, async () => {
    const input = await inputOf(call);
    // A generator runs where it is stepped, which must be where its handler was called.
    context = new AsyncResource("barewire.call");
    const messages = await handler(input, call);
    if (isIterable(messages)) return replyOf(call, (given = new MessagesOf(messages)));
    throw new TypeError(`${call.method.path} must return an iterable of messages: it returned ${typeof messages}`);
  });
  checkReply(reply, call.method);
  call.adoptReply(reply);
  if (given !== undefined && reply.messages !== given) call.onEnd(() => given?.close());
  const send = (): Promise<void> => sendAll(unwrapped(reply.messages), call.responses);
  await (context === undefined ? send() : context.runInAsyncScope(send));
  call.handlerDone();
}

function replyOf(call: ServerCall, messages: AsyncIterable<unknown>): Reply {
  return { headers: call.headers, messages, trailers: call.trailers };
}

/** What the handler is given: the one request, or all of them. @throws StatusError when the call is over already. */
async function inputOf(call: ServerCall): Promise<unknown> {
  if (call.cancelled !== undefined) throw call.cancelled;
  const { messages, method } = call;
  if (!sendsOneRequest(method.kind)) return messages === call.requests ? messages : iteratorOf(messages);
  if (messages !== call.requests) return onlyMessage(messages, method.request);
  return new Promise((taken, missed) => call.expectRequest({ taken, missed }));
}

/** Handlers may step their requests by hand. */
function iteratorOf(messages: AsyncIterable<unknown>): AsyncIterable<unknown> {
  return typeof (messages as Partial<AsyncIterator<unknown>>).next === "function" ? messages : stepped(messages);
}

async function* stepped(messages: AsyncIterable<unknown>): AsyncGenerator {
  yield* messages;
}
