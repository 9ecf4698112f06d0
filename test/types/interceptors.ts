/**
 * Type tests: what interceptors are given and must return. `npm run types` checks this file; it never runs.
 */
import {
  type Call,
  type CallEnd,
  Channel,
  type Interceptor,
  interceptMethod,
  type Next,
  type Reply,
  Server,
} from "../../src/index.js";
import { type Feature, type PointInit, RouteGuide, type RouteNoteInit } from "../../src/services/gen/route_guide.js";
import { sameType } from "./same-type.js";

declare const server: Server;
declare const channel: Channel;

const any: Interceptor = async (call, next) => {
  sameType<Call>()(call, true);
  sameType<Next>()(next, true);
  sameType<AsyncIterable<unknown>>()(call.messages, true);
  call.onEnd((end) => sameType<CallEnd>()(end, true));
  // @ts-expect-error -- a call is changed by what is passed on
  call.deadline = new Date();
  // @ts-expect-error -- a call has no such property
  await next({ metdata: call.metadata });
  // @ts-expect-error -- an array is not an async iterable
  await next({ messages: [] });
  const reply = await next({ ...call, deadline: new Date() });
  sameType<Reply>()(reply, true);
  return { ...reply, messages: reply.messages };
};

// @ts-expect-error -- a reply has trailers
const partial: Interceptor = async (_call, next) => {
  const { headers, messages } = await next();
  return { headers, messages };
};

// @ts-expect-error -- something must be returned
const nothing: Interceptor = async (_call, next) => {
  await next();
};

const chat = interceptMethod(RouteGuide.methods.routeChat, async (call, next) => {
  for await (const note of call.messages) sameType<RouteNoteInit>()(note, true);
  return next();
});
sameType<Interceptor>()(chat, true);

interceptMethod(RouteGuide.methods.getFeature, async (call, next) => {
  for await (const point of call.messages) sameType<PointInit>()(point, true);
  const reply = await next();
  for await (const feature of reply.messages) {
    const name: string | undefined = feature.name;
    void name;
  }
  // A whole message is one that may be sent.
  async function* one(feature: Feature): AsyncGenerator<Feature> {
    yield feature;
  }
  return { ...reply, messages: one({} as Feature) };
});

// @ts-expect-error -- messages of another type
interceptMethod(RouteGuide.methods.getFeature, async (_call, next) => next({ messages: numbers() }));

async function* numbers(): AsyncGenerator<number> {
  yield 1;
}

export const servers = [new Server({ interceptors: [any, chat] })];
export const channels = [new Channel("localhost:1", { interceptors: [any, chat], propagate: false })];
channel.client(RouteGuide, { interceptors: [chat] });
server.add(RouteGuide, {}, { interceptors: [chat] });
void channel.client(RouteGuide).getFeature({}, { propagate: false });
// @ts-expect-error -- a list is wanted
servers.push(new Server({ interceptors: any }));
void [partial, nothing];
