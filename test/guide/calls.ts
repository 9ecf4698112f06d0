/** The calls that the guide's chapters on the wire, messages, statuses and the four kinds show. */
import assert from "node:assert/strict";
import { Code, type Implementation, Metadata, type Server, StatusError } from "../../src/index.js";
import { OrderManagement } from "../../src/services/gen/order.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import { orderManagement } from "../../src/services/order-management.js";
import { routeGuide } from "../../src/services/route-guide.js";
import { isOpening, type Line, steady } from "./steady.js";
import { type Stage, watched } from "./watched.js";

/** Where the documented clients know a place. */
const RIDGE = { latitude: 409146138, longitude: -746188906 };
const PATH = { latitude: 407838351, longitude: -746143763 };
const HEX_BYTES = 160;

function guide(server: Server): void {
  server.add(RouteGuide, routeGuide({ now: () => 0 }));
}

/** A connection opens, and GetFeature is called twice. */
export async function oneCall(): Promise<Readonly<Record<string, string>>> {
  const act = async ({ channel }: Stage): Promise<void> => {
    const client = channel.client(RouteGuide);
    await client.getFeature(RIDGE);
    await client.getFeature(RIDGE);
  };
  const hex = await watched(guide, act, { types: [RouteGuide], hexBytes: HEX_BYTES });
  return {
    opening: steady(hex, { keep: isOpening }),
    request: steady(hex, { keep: ({ stream, from }) => stream === 1 && from === "client" }),
    response: steady(hex, { keep: ({ stream, from }) => stream === 1 && from !== "client" }),
    "second-call": steady(hex, { keep: ({ stream }) => stream === 3, brief: true }).replaceAll(/^ {4}.*\n/gm, ""),
  };
}

/** Three messages in one frame, and one message in three frames. */
export async function framing(): Promise<Readonly<Record<string, string>>> {
  const points = [RIDGE, PATH, { latitude: 0, longitude: 0 }];
  const coalesced = await watched(guide, ({ channel }) => channel.client(RouteGuide).recordRoute(points), {
    types: [RouteGuide],
    hexBytes: 64,
  });
  const long = await watched(
    (server) => server.add(OrderManagement, orderManagement()),
    ({ channel }) => channel.client(OrderManagement).addOrder({ id: "7", description: "x".repeat(40_000) }),
    { types: [OrderManagement], hexBytes: 16 },
  );
  return {
    coalesced: steady(coalesced, { keep: isRequestData }),
    split: steady(long, { keep: isRequestData }),
  };
}

function isRequestData({ from, text }: Line): boolean {
  return from === "client" && /^DATA| message \d/.test(text);
}

/** Metadata both ways, and the places where a status stands. */
export async function statuses(): Promise<Readonly<Record<string, string>>> {
  const act = async ({ channel }: Stage): Promise<void> => {
    const client = channel.client(RouteGuide);
    const metadata = new Metadata({ "asked-by": "Ada", authorization: "Bearer abc" });
    metadata.set("token-bin", Uint8Array.of(1, 2, 255));
    await client.getFeature(RIDGE, { metadata });
    await drained(client.listFeatures({}));
    await client.recordRoute([]).catch(() => undefined);
  };
  const printed = await watched((server) => server.add(RouteGuide, failing()), act, { types: [RouteGuide] });
  return {
    metadata: steady(printed, { keep: ({ stream }) => stream === 1 }),
    "late-failure": steady(printed, { keep: ({ stream, from }) => stream === 3 && from !== "client" }),
    "trailers-only": steady(printed, { keep: ({ stream, from }) => stream === 5 && from !== "client" }),
  };
}

function failing(): Implementation<typeof RouteGuide> {
  return {
    getFeature(point, call) {
      call.headers.set("served-by", "room 7");
      call.trailers.set("cost", "3");
      return { name: "", location: point };
    },
    *listFeatures() {
      yield { name: "the first" };
      throw new StatusError(Code.DATA_LOSS, "the second is lost: 100 % of it");
    },
    recordRoute() {
      throw new StatusError(Code.FAILED_PRECONDITION, "no route today");
    },
  };
}

/** Reads a stream to its end, whatever that is. */
async function drained(responses: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const response of responses) assert.ok(response);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
  }
}

/** The four methods of RouteGuide, one after the other. */
export async function fourKinds(): Promise<Readonly<Record<string, string>>> {
  const act = async ({ channel }: Stage): Promise<void> => {
    const client = channel.client(RouteGuide);
    await client.getFeature(RIDGE);
    await drained(client.listFeatures({ lo: PATH, hi: PATH }));
    await client.recordRoute([RIDGE, PATH]);
    const chat = client.routeChat();
    for (const message of ["hello", "again"]) {
      await chat.send({ location: PATH, message });
      await chat.receive();
    }
    // Its second answer has two notes.
    await chat.receive();
    chat.closeSend();
    await chat.status;
  };
  const printed = await watched(guide, act, { types: [RouteGuide] });
  const kinds = ["unary", "server-streaming", "client-streaming", "bidi-streaming"];
  return Object.fromEntries(
    kinds.map((kind, at) => [kind, steady(printed, { keep: ({ stream }) => stream === 2 * at + 1, brief: true })]),
  );
}
