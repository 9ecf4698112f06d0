/**
 * The fates of connections: how they are made, used, broken and lost, each with the calls that were on it.
 *
 * Laws: as those of calls; every channel, server and socket made here is closed here.
 */
import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import { Code, codeName, type CallOptions, type ChannelOptions, type Client, type Status } from "../../src/index.js";
import { Echo, type EchoService } from "../support/echo-service.js";
import { ECHO_WAYS, outcomeOf } from "../support/echo-ways.js";
import type { Fate } from "./fates.js";
import type { Rudeness } from "./rude-server.js";
import type { Venue } from "./venue.js";

const { OK, CANCELLED, UNAVAILABLE } = Code;
/** The shortest there may be. */
const IDLE_MS = 100;
/** The first bytes of a connection, and a SETTINGS frame that is cut off. */
const HALF_PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0");

type Use = (client: Client<EchoService>, venue: Venue, turn: number) => Promise<Status | undefined>;

/** A channel for `use`, which is closed afterwards, or destroyed. */
function channel(
  port: (venue: Venue) => number,
  use: Use,
  {
    options = () => ({}),
    end = "close",
  }: { options?: (venue: Venue) => ChannelOptions; end?: "close" | "destroy" } = {},
): Fate["run"] {
  return async (venue, turn) => {
    const one = venue.channel(port(venue), options(venue));
    try {
      return await use(one.client(Echo), venue, turn);
    } finally {
      await one[end]();
    }
  };
}

const one: Use = async (client, venue, turn) => {
  const way = ECHO_WAYS[turn % ECHO_WAYS.length] as (typeof ECHO_WAYS)[number];
  const { status } = await outcomeOf(way.start(client, [{ text: "echo" }], { signal: venue.shutdown.signal }));
  return status;
};

/** Leaves a call of every way behind that waits for ever, one of them with its handler running. */
const leftRunning: Use = async (client, venue) => {
  const { number, begun } = venue.begun.next();
  const options = { signal: venue.shutdown.signal, timeoutMs: 600_000 };
  for (const way of ECHO_WAYS) void outcomeOf(way.start(client, [{ text: "headers" }], options));
  void client.unary({ text: "wait", number }, options).status;
  await begun;
  return undefined;
};

function treated(venue: Venue, rudeness: Rudeness, id: string): CallOptions {
  return { signal: venue.shutdown.signal, metadata: { rude: rudeness, id } };
}

/** Calls of every way, one after the other, each of which has to look for another connection. */
const moved: Use = async (client, venue, turn) => {
  const ends: Status[] = [];
  for (const way of ECHO_WAYS) {
    // Of a connection that has taken no call yet, nobody thinks that the next will be better.
    await client.unary({});
    const call = way.start(client, [{ text: "a" }], treated(venue, "goaway", `${way.name} ${turn}`));
    ends.push((await outcomeOf(call)).status);
  }
  return theOneOf(ends);
};

/** Calls of every way at once, on a connection that breaks. */
function broken(rudeness: Rudeness): Use {
  return async (client, venue) => {
    await client.unary({});
    const options = treated(venue, rudeness, "");
    const calls = ECHO_WAYS.map((way) => outcomeOf(way.start(client, [{ text: "a" }], options)));
    return theOneOf((await Promise.all(calls)).map(({ status }) => status));
  };
}

/** How all of them ended. */
function theOneOf(ends: readonly Status[]): Status | undefined {
  const codes = new Set(ends.map(({ code }) => codeName(code)));
  if (codes.size > 1) throw new Error(`calls of one fate ended with ${[...codes].join(" and ")}`);
  return ends[0];
}

/** A bare socket that does something, and is gone. */
function stranger(
  port: (venue: Venue) => number,
  bytes: Buffer | undefined,
  leave: "end" | "destroy" | "reset",
): Fate["run"] {
  return async (venue) => {
    const socket = venue.socket(port(venue));
    await once(socket, "connect");
    const closed = once(socket, "close");
    socket.resume();
    if (bytes !== undefined) await new Promise((resolve) => socket.write(bytes, resolve));
    if (leave === "end") socket.end();
    else if (leave === "destroy") socket.destroy();
    else socket.resetAndDestroy();
    await closed;
    return undefined;
  };
}

/** A server that is closed while calls run. */
async function serverCloses(venue: Venue): Promise<Status | undefined> {
  const server = venue.server();
  const { port } = await server.listen("127.0.0.1:0");
  const channel = venue.channel(port);
  const { number, begun } = venue.begun.next();
  const calls = ECHO_WAYS.map((way) =>
    outcomeOf(way.start(channel.client(Echo), [{ text: "wait", number }], { signal: venue.shutdown.signal })),
  );
  await begun;
  await server.close({ graceMs: 0 });
  const ends = await Promise.all(calls);
  await channel.close();
  return theOneOf(ends.map(({ status }) => status));
}

/** A connection that its server ends, as it is idle. */
async function idle(venue: Venue): Promise<Status> {
  const server = venue.server({ maxConnectionIdleMs: IDLE_MS, maxConnectionAgeMs: 10 * IDLE_MS });
  const { port } = await server.listen("127.0.0.1:0");
  const socket = venue.socket(port);
  const closed = once(socket, "close");
  const channel = venue.channel(port);
  const { status } = channel.client(Echo).unary({ text: "echo" });
  await status;
  socket.destroy();
  await closed;
  await server.close();
  await channel.close();
  return status;
}

/** More connections than there may be. */
async function tooMany(venue: Venue): Promise<Status> {
  const server = venue.server({ maxConnections: 1 });
  const { port } = await server.listen("127.0.0.1:0");
  const first = venue.channel(port);
  const second = venue.channel(port);
  await first.client(Echo).unary({ text: "echo" });
  const status = await second.client(Echo).unary({ text: "echo" }).status;
  await Promise.all([first.close(), second.close()]);
  await server.close();
  return status;
}

/** A TLS client that leaves when it has been greeted. */
async function tlsStranger(venue: Venue): Promise<undefined> {
  const socket = connectTls({
    port: venue.tlsPort,
    host: "127.0.0.1",
    ca: venue.authority.cert,
    ALPNProtocols: ["h2"],
  });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  const closed = once(socket, "close");
  socket.destroy();
  await closed;
}

async function nobodyListens(venue: Venue): Promise<Status> {
  const server = venue.server();
  const { port } = await server.listen("127.0.0.1:0");
  await server.close();
  const channel = venue.channel(port);
  const status = await channel.client(Echo).unary({ text: "echo" }, { signal: venue.shutdown.signal }).status;
  await channel.close();
  return status;
}

const cancelled: Use = async (client, venue) => {
  const call = client.unary({ text: "echo" }, { signal: venue.shutdown.signal, timeoutMs: 600_000 });
  call.cancel();
  return call.status;
};

const plain = (venue: Venue): number => venue.port;
const tls = (venue: Venue): number => venue.tlsPort;
const rudePort = (venue: Venue): number => venue.rudePort;
const silent = (venue: Venue): number => venue.silentPort;
const trust = (venue: Venue): ChannelOptions => venue.trust;

export const CONNECTION_FATES: readonly Fate[] = [
  { name: "used and closed", weight: 6, codes: [OK], run: channel(plain, one) },
  { name: "used and closed, TLS", weight: 6, codes: [OK], run: channel(tls, one, { options: trust }) },
  { name: "destroyed with calls on it", weight: 5, codes: [], run: channel(plain, leftRunning, { end: "destroy" }) },
  {
    name: "destroyed with calls on it, TLS",
    weight: 4,
    codes: [],
    run: channel(tls, leftRunning, { options: trust, end: "destroy" }),
  },
  {
    name: "destroyed while it is made",
    weight: 3,
    codes: [CANCELLED],
    run: channel(plain, cancelled, { end: "destroy" }),
  },
  {
    name: "closed while it is made, TLS",
    weight: 3,
    codes: [CANCELLED],
    run: channel(tls, cancelled, { options: trust }),
  },
  {
    name: "the certificate is not trusted",
    weight: 3,
    codes: [UNAVAILABLE],
    run: channel(tls, one, { options: () => ({ tls: true }) }),
  },
  { name: "plaintext to TLS", weight: 3, codes: [UNAVAILABLE], run: channel(tls, one) },
  {
    name: "TLS to plaintext",
    weight: 3,
    codes: [UNAVAILABLE],
    run: channel(plain, one, { options: () => ({ tls: true }) }),
  },
  { name: "nobody listens", weight: 3, codes: [UNAVAILABLE], run: nobodyListens },
  { name: "no room for one more", weight: 2, codes: [UNAVAILABLE], run: tooMany },
  {
    name: "no SETTINGS in time",
    weight: 2,
    codes: [UNAVAILABLE],
    run: channel(silent, one, { options: () => ({ connectTimeoutMs: 20 }) }),
  },
  { name: "given up before SETTINGS", weight: 2, codes: [CANCELLED], run: channel(silent, cancelled) },
  { name: "GOAWAY, and the calls move", weight: 4, codes: [OK], run: channel(rudePort, moved) },
  { name: "cut by the server", weight: 4, codes: [UNAVAILABLE], run: channel(rudePort, broken("cut")) },
  { name: "cut in a message", weight: 4, codes: [UNAVAILABLE], run: channel(rudePort, broken("cutInMessage")) },
  { name: "the server closes", weight: 3, codes: [UNAVAILABLE], run: serverCloses },
  { name: "ended as idle", weight: 1, codes: [OK], run: idle },
  { name: "a stranger says nothing", weight: 2, codes: [], run: stranger(plain, undefined, "end") },
  { name: "a stranger resets", weight: 2, codes: [], run: stranger(plain, HALF_PREFACE, "reset") },
  {
    name: "a stranger speaks HTTP/1.1",
    weight: 2,
    codes: [],
    run: stranger(plain, Buffer.from("GET / HTTP/1.1\r\n\r\n"), "end"),
  },
  { name: "a stranger sends half a preface", weight: 2, codes: [], run: stranger(plain, HALF_PREFACE, "destroy") },
  { name: "a stranger at TLS", weight: 2, codes: [], run: stranger(tls, HALF_PREFACE, "end") },
  { name: "a stranger at TLS says nothing", weight: 2, codes: [], run: stranger(tls, undefined, "reset") },
  { name: "a stranger at TLS greets and leaves", weight: 2, codes: [], run: tlsStranger },
];
