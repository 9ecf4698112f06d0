/**
 * Type tests: what a client's methods take and give follows from the descriptor. `npm run types` checks this file; it never
 * runs.
 */
import {
  type BidiStreamingCall,
  type CallFacts,
  type Channel,
  type Client,
  type ClientStreamingCall,
  type DynamicCall,
  loadProto,
  type Metadata,
  type ServerStreamingCall,
  type Status,
  type UnaryCall,
} from "../../src/index.js";
import {
  type Feature,
  type PointInit,
  RouteGuide,
  type RouteNote,
  type RouteNoteInit,
  type RouteSummary,
} from "../../src/services/gen/route_guide.js";
import { sameType } from "./same-type.js";

declare const channel: Channel;
declare const guide: Client<typeof RouteGuide>;
declare const points: PointInit[];

export function theClientOfAService(): void {
  sameType<Client<typeof RouteGuide>>()(channel.client(RouteGuide), true);
  // @ts-expect-error there is no such method
  void guide.getFeatures;
  // @ts-expect-error a client's methods are not to be replaced
  guide.getFeature = () => guide.getFeature({});
}

export async function unary(): Promise<void> {
  const call = guide.getFeature({ latitude: 1 }, { timeoutMs: 500 });
  sameType<UnaryCall<Feature>>()(call, true);
  sameType<Feature>()(await call, true);
  sameType<Promise<Feature | undefined>>()(
    call.catch(() => undefined),
    true,
  );
  // @ts-expect-error the field is a number
  void guide.getFeature({ latitude: "1" });
  // @ts-expect-error there is no such field
  void guide.getFeature({ lattitude: 1 });
  // @ts-expect-error a request is needed
  void guide.getFeature();
  // @ts-expect-error one message, not many
  void guide.getFeature(points);
  // @ts-expect-error the response has no such field
  void (await call).latitude;
  // @ts-expect-error one response is not iterated
  void call[Symbol.asyncIterator];
  // @ts-expect-error nothing is left to send
  void call.send({});
}

export async function serverStreaming(): Promise<void> {
  const call = guide.listFeatures({ lo: { latitude: 1 }, hi: undefined });
  sameType<ServerStreamingCall<Feature>>()(call, true);
  for await (const feature of call) sameType<Feature>()(feature, true);
  sameType<Feature | undefined>()(await call.receive(), true);
  // @ts-expect-error a call with many messages is no promise
  void call.then;
  // @ts-expect-error nor has it a promise's other methods
  void call.catch;
  // @ts-expect-error nothing is left to send
  void call.closeSend;
  // @ts-expect-error the field is a message
  void guide.listFeatures({ lo: 1 });
}

export async function clientStreaming(): Promise<void> {
  const given = guide.recordRoute(points);
  sameType<UnaryCall<RouteSummary>>()(given, true);
  sameType<RouteSummary>()(await given, true);
  async function* later(): AsyncGenerator<PointInit> {
    yield* points;
  }
  void guide.recordRoute(later(), { signal: AbortSignal.timeout(1000) });

  const byHand = guide.recordRoute();
  sameType<ClientStreamingCall<PointInit, RouteSummary>>()(byHand, true);
  sameType<Promise<void> | undefined>()(byHand.send({ latitude: 1 }), true);
  sameType<RouteSummary>()(await byHand.finish(), true);
  // @ts-expect-error sent by hand, it is no promise: `finish()` is
  void byHand.then;
  // @ts-expect-error one response is not received one by one
  void byHand.receive;
  // @ts-expect-error a note is not a point
  void byHand.send({ message: "hello" });
  // @ts-expect-error many messages, not one
  void guide.recordRoute({ latitude: 1 });
  // @ts-expect-error many points, not many notes
  void guide.recordRoute([{ message: "hello" }]);
}

export async function bidiStreaming(): Promise<void> {
  const chat = guide.routeChat({ metadata: { "x-user": "me" } });
  sameType<BidiStreamingCall<RouteNoteInit, RouteNote>>()(chat, true);
  await chat.send({ message: "hello" });
  await chat.send({ message: "hello" }, { compress: false });
  // @ts-expect-error a message is compressed or not; the coding is the call's
  await chat.send({ message: "hello" }, { compress: "gzip" });
  sameType<boolean>()(chat.responseCompressed, true);
  chat.closeSend();
  for await (const note of chat) sameType<RouteNote>()(note, true);
  sameType<BidiStreamingCall<RouteNoteInit, RouteNote>>()(guide.routeChat([{ message: "hello" }]), true);
  // @ts-expect-error a call with many messages is no promise
  void chat.then;
  // @ts-expect-error a call with many responses has no single one
  void chat.finish;
  // @ts-expect-error the field is text
  void chat.send({ message: 5 });
}

export async function theFactsOfACall(call: CallFacts): Promise<void> {
  sameType<Metadata>()(await call.headers, true);
  sameType<Metadata>()(await call.trailers, true);
  sameType<Status>()(await call.status, true);
  sameType<string | undefined>()((await call.headers).get("x-text"), true);
  sameType<Uint8Array | undefined>()((await call.headers).get("x-bytes-bin"), true);
  // @ts-expect-error a status is told, not set
  (await call.status).code = 5;
}

export function callOptions(): void {
  void guide.getFeature({}, { deadline: new Date(), signal: new AbortController().signal, metadata: [["a", "1"]] });
  // @ts-expect-error there is no such option
  void guide.getFeature({}, { timeout: 500 });
  // @ts-expect-error a deadline is a point in time
  void guide.getFeature({}, { deadline: 500 });
  // @ts-expect-error metadata is text or bytes
  void guide.getFeature({}, { metadata: { a: 1 } });
}

export function metadata(headers: Metadata): void {
  headers.append("x-text", "1").append("x-bytes-bin", Uint8Array.of(1));
  // @ts-expect-error a -bin name takes bytes
  headers.append("x-bytes-bin", "1");
  // @ts-expect-error any other name takes text
  headers.append("x-text", Uint8Array.of(1));
  sameType<Uint8Array[]>()(headers.getAll("x-bytes-bin"), true);
  const name: string = "x-text";
  sameType<string | Uint8Array | undefined>()(headers.get(name), true);
}

/** A service loaded at run time: what a call has follows from its kind, which the caller knows. */
export function dynamicService(): void {
  const call = channel.client(loadProto("any.proto").service("any.Service"))["one"]?.({ text: "a" });
  sameType<DynamicCall | undefined>()(call, true);
}
