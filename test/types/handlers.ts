/**
 * Type tests: what a handler gets and must return follows from its method. `npm run types` checks this file; it never runs.
 */
import {
  type Handler,
  type HandlerCall,
  type Implementation,
  loadProto,
  type MessageType,
  type Metadata,
  type Method,
  type Peer,
  Server,
  type Service,
} from "../../src/index.js";
import { type Feature, type Point, RouteGuide, type RouteNote } from "../../src/services/gen/route_guide.js";
import { sameType } from "./same-type.js";

declare const server: Server;

/** What is received and what may be given are different types, so that the tests see which one is used where. */
interface Request {
  id: bigint;
}
interface RequestInit {
  id?: bigint | number;
}
interface Response {
  names: readonly string[];
}
interface ResponseInit {
  names?: Iterable<string>;
}
type Of<Kind extends "unary" | "serverStreaming" | "clientStreaming" | "bidiStreaming"> = Method<
  Kind,
  Request,
  RequestInit,
  Response,
  ResponseInit
>;
type HandMade = Service<{
  one: Of<"unary">;
  list: Of<"serverStreaming">;
  collect: Of<"clientStreaming">;
  chat: Of<"bidiStreaming">;
}>;
declare const HandMade: HandMade;

export function everyShapeOfHandler(): void {
  server.add(RouteGuide, {
    getFeature: (point) => ({ name: "here", location: point }),
    *listFeatures() {
      yield { name: "one" };
      yield {};
    },
    async recordRoute(points) {
      let pointCount = 0;
      for await (const _ of points) pointCount++;
      return { pointCount };
    },
    async *routeChat(notes) {
      for await (const note of notes) yield note;
    },
  });
  server.add(RouteGuide, {
    getFeature: async () => ({}),
    listFeatures: () => [{ name: "an array" }],
    recordRoute: () => ({}),
    routeChat: async () => new Set<RouteNote>(),
  });
  server.add(RouteGuide, {});
}

export function whatHandlersGet(): void {
  server.add(RouteGuide, {
    getFeature(point, call) {
      sameType<Point>()(point, true);
      sameType<HandlerCall>()(call, true);
      sameType<Metadata>()(call.metadata, true);
      sameType<AbortSignal>()(call.signal, true);
      sameType<boolean>()(call.requestCompressed, true);
      call.compression = "identity";
      call.compress = false;
      // @ts-expect-error what the client did is not to be changed
      call.requestCompressed = false;
      sameType<Date | undefined>()(call.deadline, true);
      sameType<Peer>()(call.peer, true);
      return {};
    },
    async recordRoute(points) {
      for await (const point of points) sameType<Point>()(point, true);
      return {};
    },
  });
  server.add(HandMade, {
    // What is received is the message as it is read, not what may be given for one.
    one(request) {
      sameType<bigint>()(request.id, true);
      // What may be given is wider than what is received.
      return { names: new Set(["a"]) };
    },
  });
}

export function whatHandlersMayNot(): void {
  // @ts-expect-error a unary handler gets one message, not many
  server.add(RouteGuide, { getFeature: async (points: AsyncIterable<Point>) => (await Array.fromAsync(points))[0] });
  // @ts-expect-error a client-streaming handler gets many messages, not one
  server.add(RouteGuide, { recordRoute: (point: Point) => ({ pointCount: point.latitude }) });
  // @ts-expect-error a unary handler gets the method's request
  server.add(RouteGuide, { getFeature: (note: RouteNote) => ({ name: note.message }) });
  // @ts-expect-error a unary handler returns the method's response
  server.add(RouteGuide, { getFeature: () => ({ name: 5 }) });
  // @ts-expect-error a unary handler returns a message
  server.add(RouteGuide, { getFeature: () => undefined });
  // @ts-expect-error a streaming handler returns an iterable, not one message
  server.add(RouteGuide, { listFeatures: () => ({ name: "one" }) });
  server.add(RouteGuide, {
    // @ts-expect-error a streaming handler yields the method's responses
    *listFeatures() {
      yield { message: "a note" };
    },
  });
  // @ts-expect-error there is no such method
  server.add(RouteGuide, { getFeatures: () => ({}) });
  // @ts-expect-error a handler is a function
  server.add(RouteGuide, { getFeature: {} });
  server.add(RouteGuide, {
    getFeature: (point, call) => {
      // @ts-expect-error what came is not to be replaced
      call.metadata = call.trailers;
      // @ts-expect-error there is no such field
      void point.height;
      return {};
    },
  });
  // @ts-expect-error a service is a descriptor, not a name
  server.add("routeguide.RouteGuide", {});
}

export function namedTypes(): void {
  const handler: Handler<(typeof RouteGuide)["methods"]["getFeature"]> = (point: Point) => ({ location: point });
  const implementation: Implementation<typeof RouteGuide> = { getFeature: handler };
  server.add(RouteGuide, implementation);
}

/** An instance of a class, with a state and methods of its own beside the handlers. */
export class Guide implements Implementation<typeof RouteGuide> {
  readonly #known = new Map<number, Feature>();

  getFeature({ latitude }: Point): Feature {
    return this.#known.get(latitude) ?? { name: "", location: undefined };
  }

  learn(feature: Feature): void {
    this.#known.set(feature.location?.latitude ?? 0, feature);
  }
}

/** Anything that can encode and decode is a message type. */
export function ownCodec(): void {
  interface Sum {
    readonly n: number;
  }
  const json: MessageType<Sum> = {
    typeName: "own.Json",
    encode: (message) => Buffer.from(JSON.stringify(message)),
    decode: (bytes) => ({ n: bytes.length }),
  };
  const method: Method<"unary", Sum, Sum, Sum, Sum> = {
    kind: "unary",
    name: "Add",
    localName: "add",
    path: "/own.Own/Add",
    request: json,
    response: json,
  };
  const Own = { typeName: "own.Own", methods: { add: method } };
  server.add(Own, { add: ({ n }) => ({ n: n + 1 }) });
  // @ts-expect-error its response has a number
  server.add(Own, { add: () => ({ n: "1" }) });
}

/** A service loaded at run time takes any handler: its types are not known. */
export function dynamicService(): void {
  const dynamic = loadProto("any.proto").service("any.Service");
  server.add(dynamic, {
    one: (message) => ({ text: message["text"] }),
    *many(message) {
      yield message;
    },
  });
}

export function serverOptions(): void {
  void new Server({ maxReceiveBytes: 1 << 20, onError: (_error: unknown, _path: string) => undefined });
  // @ts-expect-error there is no such option
  void new Server({ maxRecieveBytes: 1 << 20 });
  // @ts-expect-error a limit is a number
  void new Server({ maxConcurrentStreams: "250" });
}
