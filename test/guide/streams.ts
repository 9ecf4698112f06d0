/** What the guide's chapters on time, flow control, kinds of message and reflection show. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { loadProto, type MessageSource, type Server, StatusError } from "../../src/index.js";
import { ServerReflection } from "../../src/services/gen/reflection.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import { routeGuide } from "../../src/services/route-guide.js";
import { root } from "../support/ledger.js";
import { type Line, steady } from "./steady.js";
import { type Stage, watched } from "./watched.js";

const HERE = { latitude: 407838351, longitude: -746143763 };

/** A deadline that passes, and a client that has enough. */
export async function endings(): Promise<Readonly<Record<string, string>>> {
  const serve = (server: Server): unknown =>
    server.add(RouteGuide, {
      getFeature: (_point, { signal }) => once(signal, "abort").then(() => ({ name: "too late" })),
      async *listFeatures(_rectangle, { signal }) {
        yield* [{ name: "the first" }, { name: "the second" }];
        await once(signal, "abort");
      },
    });
  const timeoutMs = 500;
  // What comes back is late, so that the client's own clock is what ends the call.
  const late = await watched(
    serve,
    async ({ channel, printed }) => {
      channel.connect();
      await printed(/client → server {2}SETTINGS ACK/);
      await channel.client(RouteGuide).getFeature(HERE, { timeoutMs }).status;
    },
    { types: [RouteGuide], delayMs: 200 },
  );
  const left = await watched(
    serve,
    async ({ channel, printed }) => {
      for await (const { name } of channel.client(RouteGuide).listFeatures({})) if (name === "the second") break;
      await printed(/RST_STREAM/);
    },
    { types: [RouteGuide] },
  );
  return {
    deadline: steady(late, { timeoutMs }),
    cancelled: steady(left, { brief: true }),
  };
}

/** A response stream that nobody reads for a while. */
export async function flow(): Promise<Readonly<Record<string, string>>> {
  const windowBytes = 65_535;
  let yielded = 0;
  const serve = (server: Server): unknown =>
    server.add(RouteGuide, {
      *listFeatures() {
        for (; yielded < 1000; yielded++) yield { name: String(yielded).padStart(1000, ".") };
      },
    });
  const act = async ({ channel, passed }: Stage): Promise<void> => {
    const features = channel.client(RouteGuide).listFeatures({});
    await passed(1, 2 * windowBytes);
    if (yielded > 300) throw new Error(`the handler has run ahead by ${yielded} messages`);
    let received = 0;
    for await (const { name } of features) {
      if (name !== String(received++).padStart(1000, ".")) throw new Error(`message ${received} is another`);
    }
    if (received !== 1000) throw new Error(`${received} messages came`);
  };
  const printed = await watched(serve, act, { channel: { streamWindowBytes: windowBytes } });
  const isFlow = ({ stream, text }: Line): boolean =>
    stream === 1 && !text.includes(" message ") && !text.includes("END_HEADERS");
  return { flow: steady(printed, { keep: isFlow, flow: true }) };
}

/** A connection that is lost in the middle of a stream. */
export async function lost(): Promise<Readonly<Record<string, string>>> {
  const serve = (server: Server): unknown =>
    server.add(RouteGuide, {
      async *listFeatures(_rectangle, { signal }) {
        yield* [{ name: "the first" }, { name: "the second" }];
        await once(signal, "abort");
      },
    });
  const names: string[] = [];
  const act = async ({ channel, cut }: Stage): Promise<void> => {
    try {
      for await (const { name } of channel.client(RouteGuide).listFeatures({})) {
        names.push(name);
        if (names.length === 2) await cut();
      }
      names.push("the end");
    } catch (error) {
      names.push(error instanceof StatusError ? error.codeName : String(error));
    }
  };
  const printed = await watched(serve, act, { types: [RouteGuide] });
  const seen = steady(printed, { brief: true, keep: ({ from, stream }) => stream !== 0 && from !== "client" });
  return { lost: `${seen}\nthe client has: ${names.join(", ")}` };
}

/** Several kinds of message in one stream; the contract is that of the page. */
export async function kinds(): Promise<Readonly<Record<string, string>>> {
  const proto = readFileSync(new URL("docs/guide/room.proto", root), "utf8");
  const Room = loadProto({ "room.proto": proto }).service("room.Room");
  const serve = (server: Server): unknown =>
    server.add(Room, {
      async *enter(requests: MessageSource<Record<string, unknown>>) {
        for await (const { does } of requests) {
          const { case: kind, value } = does as { case: string; value: Record<string, unknown> };
          if (kind === "say") yield { told: { case: "heard", value: { text: value["text"] } } };
          else if (kind === "move") yield { told: { case: "moved", value } };
        }
      },
    });
  const act = async ({ channel }: Stage): Promise<void> => {
    const room = channel.client(Room)["enter"]?.() as unknown as Hand;
    for (const does of [
      { case: "say", value: { text: "hello" } },
      { case: "move", value: { x: 3, y: -1 } },
    ]) {
      await room.send({ does });
      await room.receive();
    }
    room.closeSend();
    await room.status;
  };
  const printed = await watched(serve, act, { types: [Room], hexBytes: 64 });
  return { room: proto.trimEnd(), kinds: steady(printed, { keep: ({ text }) => /^DATA| message \d/.test(text) }) };
}

interface Hand {
  send(message: unknown): Promise<void> | undefined;
  receive(): Promise<unknown>;
  closeSend(): void;
  readonly status: Promise<unknown>;
}

/** What grpcurl asks before it can call a method it has never heard of, and then the call. */
export async function reflected(): Promise<Readonly<Record<string, string>>> {
  const act = async ({ channel }: Stage): Promise<void> => {
    const asking = channel.client(ServerReflection).serverReflectionInfo();
    for (const messageRequest of [
      { case: "listServices", value: "*" },
      { case: "fileContainingSymbol", value: "routeguide.RouteGuide" },
      { case: "fileContainingSymbol", value: "routeguide.Nothing" },
    ] as const) {
      await asking.send({ messageRequest });
      await asking.receive();
    }
    asking.closeSend();
    await asking.status;
  };
  const serve = (server: Server): unknown => server.add(RouteGuide, routeGuide());
  const printed = await watched(serve, act, { types: [ServerReflection] });
  return { reflected: steady(printed, { keep: ({ text }) => text.includes(" message ") }) };
}
