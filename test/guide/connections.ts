/** What the guide's chapters on connections and TLS show. */
import { EventEmitter, once } from "node:events";
import { Channel, type ChannelOptions, Code, Server, StatusError } from "../../src/index.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import { routeGuide } from "../../src/services/route-guide.js";
import { Authority } from "../support/certificates.js";
import { settled, steady } from "./steady.js";
import { type Stage, watched } from "./watched.js";

const HERE = { latitude: 407838351, longitude: -746143763 };
const GET_FEATURE = "routeguide.RouteGuide/GetFeature";

/** A call that is sent again, and a server that says goodbye. */
export async function goings(): Promise<Readonly<Record<string, string>>> {
  const retry = {
    maxAttempts: 3,
    initialBackoffMs: 10,
    maxBackoffMs: 100,
    backoffMultiplier: 2,
    retryableCodes: [Code.UNAVAILABLE],
  };
  let asked = 0;
  const again = await watched(
    (server) =>
      server.add(RouteGuide, {
        getFeature(location) {
          if (asked++ === 0) throw new StatusError(Code.UNAVAILABLE, "still warming up");
          return { name: "Patriots Path", location };
        },
      }),
    ({ channel }) => channel.client(RouteGuide).getFeature(HERE),
    { types: [RouteGuide], channel: { methods: { [GET_FEATURE]: { retry } } } },
  );
  return {
    retried: steady(again, { keep: ({ stream, text }) => stream !== 0 && text.startsWith("HEADERS") }),
    goaway: await goodbye(),
  };
}

async function goodbye(): Promise<string> {
  const stages = new EventEmitter();
  const asked = once(stages, "asked");
  const printed = await watched(
    (server) =>
      server.add(RouteGuide, {
        getFeature: async (location) => {
          stages.emit("asked");
          await once(stages, "answer");
          return { name: "just in time", location };
        },
      }),
    async ({ server, channel, printed: hasPrinted }: Stage) => {
      const call = channel.client(RouteGuide).getFeature(HERE);
      await asked;
      const closed = server.close();
      await hasPrinted(/GOAWAY.*last stream 1$/m);
      stages.emit("answer");
      await call;
      await closed;
    },
    { types: [RouteGuide] },
  );
  const [untilEnd = ""] = printed.split(/(?<=ended OK.*\n)/);
  return steady(untilEnd, { keep: ({ stream, text }) => stream !== 0 || text.startsWith("GOAWAY") });
}

/** TLS as the inspector sees it, what the two sides know of each other, and what goes wrong. */
export async function tls(): Promise<Readonly<Record<string, string>>> {
  const authority = new Authority("the guide's authority");
  const identity = authority.issue({ names: ["localhost"] });
  const facts: string[] = [];
  const serve = (server: Server): unknown =>
    server.add(RouteGuide, {
      getFeature(location, { peer }) {
        facts.push(`the server knows: ${peer.tls?.protocol}, ${peer.tls?.cipher}, asked for "${peer.tls?.serverName}"`);
        return { name: "", location };
      },
    });
  const printed = await watched(serve, ({ channel }) => channel.client(RouteGuide).getFeature(HERE), {
    server: { tls: identity },
    channel: { tls: { ca: authority.cert } },
  });
  return {
    unread: steady(printed, {
      keep: ({ from, text }) => from !== undefined || /^(?:accepted|connected|closed)/.test(text),
    }),
    known: facts.join("\n"),
    refused: await refusals(authority, identity),
  };
}

async function refusals(authority: Authority, identity: { cert: string; key: string }): Promise<string> {
  await using server = new Server({ tls: identity }).add(RouteGuide, routeGuide());
  const { port } = await server.listen("127.0.0.1:0");
  const cases: Readonly<Record<string, ChannelOptions>> = {
    "another authority": { tls: { ca: new Authority("somebody else").cert } },
    "another name": { tls: { ca: authority.cert, serverName: "orders.example" } },
  };
  const lines: string[] = [];
  for (const [what, options] of Object.entries(cases)) {
    await using channel = new Channel(`localhost:${port}`, { ...options, onError: () => undefined });
    const error = await channel
      .client(RouteGuide)
      .getFeature(HERE)
      .catch((one: unknown) => one);
    if (!(error instanceof StatusError)) throw new Error(`${what}: no error`);
    lines.push(`${what}:`, `    ${error.message}`);
  }
  return lines.map((line) => settled(line, 0)).join("\n");
}
