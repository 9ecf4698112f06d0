/**
 * The fates of calls: every way in which a call can end, or be left without an end.
 *
 * Laws: a fate says with which codes it ends, and ends with no other; nothing of a call is kept once its fate has run.
 */
import { setImmediate as turnOfLoop } from "node:timers/promises";
import { Code, type CallOptions, type Client, type Status } from "../../src/index.js";
import type { EchoMessageInit, EchoService } from "../support/echo-service.js";
import { ECHO_WAYS, openRequests, outcomeOf, type EchoWay, type StartedEcho } from "../support/echo-ways.js";
import { CHUNK } from "./behaviour.js";
import type { Rudeness } from "./rude-server.js";
import { MAX_RECEIVE_BYTES, type Venue } from "./venue.js";

/** One way to end. */
export interface Fate {
  readonly name: string;
  /** How often it comes, against the others. */
  readonly weight: number;
  readonly codes: readonly Code[];
  /** Runs one call, the `turn`th of this fate. Resolves to how it ended, or to nothing where nobody looked. */
  run(venue: Venue, turn: number): Promise<Status | undefined>;
}

/** Never passes: what is registered for it has to be taken back. */
const LONG_MS = 600_000;
const SHORT_MS = 8;
const TOO_BIG = new Uint8Array(MAX_RECEIVE_BYTES + 1);
const BIG = new Uint8Array(100_000);
const { OK, CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, NOT_FOUND, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE } = Code;

const MANY_RESPONSES = ECHO_WAYS.filter((way) => way.manyResponses);
const ITERATED = ECHO_WAYS.filter((way) => way.manyRequests && !way.name.includes("by hand"));

/** The ways by turns. */
function wayOf(turn: number, ways: readonly EchoWay[] = ECHO_WAYS): EchoWay {
  return ways[turn % ways.length] as EchoWay;
}

/** Options that register the call with everything that may outlive it. */
function registered(venue: Venue, more: CallOptions = {}): CallOptions {
  return { signal: venue.shutdown.signal, timeoutMs: LONG_MS, metadata: { soak: "yes" }, ...more };
}

/** The same, without more. */
function everything(venue: Venue): CallOptions {
  return registered(venue);
}

async function endOf(call: StartedEcho): Promise<Status> {
  return (await outcomeOf(call)).status;
}

/** Starts a call with one request after the other way, and waits for its end. */
function asking(
  client: (venue: Venue) => Client<EchoService>,
  request: EchoMessageInit,
  {
    options = () => ({}),
    ways,
  }: { options?: (venue: Venue, turn: number) => CallOptions; ways?: readonly EchoWay[] } = {},
): Fate["run"] {
  return (venue, turn) => endOf(wayOf(turn, ways).start(client(venue), [request], options(venue, turn)));
}

const plain = (venue: Venue): Client<EchoService> => venue.plain;
const resetting = (venue: Venue): Client<EchoService> => venue.resetting.client;
const small = (venue: Venue): Client<EchoService> => venue.small.client;

/** Reads one message of a call that has many, and hands it to `then`. */
function reading(
  text: string,
  number: number,
  options: (venue: Venue) => CallOptions,
  then: (call: ReturnType<Client<EchoService>["serverStreaming"]>) => Promise<Status | undefined>,
): Fate["run"] {
  return async (venue, turn) => {
    const request = { text, number };
    const { client } = venue.resetting;
    const call =
      turn % 2 === 0
        ? client.serverStreaming(request, options(venue))
        : client.bidiStreaming([request], options(venue));
    // On a slow machine the deadline may be sooner.
    await call.receive().catch(() => undefined);
    return then(call);
  };
}

/** Waits until the handler runs, then cancels, by turns in one of two ways. */
function cancelling(text: string, upTo: (call: StartedEcho, begun: Promise<void>) => Promise<unknown>): Fate["run"] {
  return async (venue, turn) => {
    const { number, begun } = venue.begun.next();
    const controller = new AbortController();
    const byHand = turn % 12 < 6;
    const options = byHand ? registered(venue) : { timeoutMs: LONG_MS, signal: controller.signal };
    const call = wayOf(turn).start(venue.resetting.client, [{ text, number }], options);
    const end = endOf(call);
    await upTo(call, begun);
    if (byHand) call.facts.cancel();
    else controller.abort();
    return end;
  };
}

function rude(rudeness: Rudeness, code: Code, weight = 2): Fate {
  return {
    name: `the server is rude: ${rudeness}`,
    weight,
    codes: [code],
    run: asking(
      (venue) => venue.rude.client,
      { text: "a" },
      {
        options: (venue, turn) => registered(venue, { metadata: { rude: rudeness, id: `${rudeness} ${turn}` } }),
      },
    ),
  };
}

/** Calls that the server answers while its requests are not complete. */
async function answeredEarly(venue: Venue, turn: number): Promise<Status> {
  const first = { text: "leave" };
  if (turn % 3 === 0) {
    const call = venue.plain.bidiStreaming(registered(venue));
    await call.send(first);
    for await (const _ of call);
    return call.status;
  }
  if (turn % 3 === 1) return endOf(wayOf(turn, ITERATED).start(venue.plain, openRequests(first), registered(venue)));
  const call = venue.plain.clientStreaming(registered(venue));
  await call.send(first);
  // Known without finish(): the server has answered, and the client has never said that its requests are complete.
  return call.status;
}

/** Nobody awaits the sends: the requests pile up until the call fails. */
async function overflow(venue: Venue): Promise<Status> {
  const call = venue.small.client.bidiStreaming(registered(venue));
  void call.send({ text: "wait" });
  for (let sent = 0; sent < 60; sent++) void call.send({ text: "echo", payload: CHUNK });
  return call.status;
}

function* failingRequests(): Generator<EchoMessageInit> {
  yield { text: "echo" };
  throw new Error("the source is gone");
}

/** Two calls hold all the room there is; this one waits until it is late. */
async function lateInTheQueue(venue: Venue): Promise<Status> {
  const { client } = venue.narrow;
  const holders = [0, 1].map(() => client.unary({ text: "wait" }, { timeoutMs: 2 * SHORT_MS }));
  const late = client.unary({ text: "echo" }, registered(venue, { timeoutMs: SHORT_MS }));
  const status = await late.status;
  await Promise.all(holders.map((one) => one.status));
  return status;
}

async function notEncodable(venue: Venue, turn: number): Promise<Status> {
  const wrong = { text: 5 } as unknown as EchoMessageInit;
  if (turn % 2 === 0) return endOf(wayOf(turn, ITERATED).start(venue.resetting.client, [wrong], registered(venue)));
  return venue.plain.unary(wrong, registered(venue)).status;
}

async function compressed(venue: Venue, turn: number): Promise<Status> {
  const payload = turn % 4 === 0 ? BIG : CHUNK.subarray(0, 2000);
  const request = { text: "gzip", number: 16_000, payload };
  return endOf(wayOf(turn).start(venue.plain, [request], registered(venue, { compression: "gzip" })));
}

async function cancelledWhileCompressing(venue: Venue): Promise<Status> {
  const call = venue.resetting.client.bidiStreaming(registered(venue, { compression: "gzip" }));
  void call.send({ text: "echo", payload: BIG });
  await turnOfLoop();
  call.cancel();
  return call.status;
}

/** Begun, and left without a word: no more requests, no half-close, nobody who reads. Its deadline is all it has. */
async function abandoned(venue: Venue, turn: number): Promise<undefined> {
  const options = registered(venue, { timeoutMs: SHORT_MS });
  const { client } = venue.resetting;
  const call = turn % 2 === 0 ? client.clientStreaming(options) : client.bidiStreaming(options);
  await call.send({ text: "echo" });
}

/** Started, and never looked at. */
async function ignored(venue: Venue, turn: number): Promise<undefined> {
  const text = turn % 5 === 0 ? "fail" : "few";
  wayOf(
    turn,
    ECHO_WAYS.filter((way) => !way.name.includes("by hand")),
  ).start(venue.plain, [{ text, number: 3 }], registered(venue));
}

export const FATES: readonly Fate[] = [
  { name: "ends well", weight: 30, codes: [OK], run: asking(plain, { text: "echo" }) },
  {
    name: "ends well, with deadline, signal and metadata",
    weight: 20,
    codes: [OK],
    run: asking(plain, { text: "echo" }, { options: everything }),
  },
  {
    name: "ends well, over TLS",
    weight: 8,
    codes: [OK],
    run: asking((venue) => venue.tls, { text: "echo" }, { options: everything }),
  },
  {
    name: "many messages",
    weight: 4,
    codes: [OK],
    run: asking(plain, { text: "many", number: 8 }, { options: everything }),
  },
  { name: "compressed", weight: 6, codes: [OK], run: compressed },
  {
    name: "a call within a call",
    weight: 4,
    codes: [OK],
    run: asking(plain, { text: "forward" }, { options: everything }),
  },
  {
    name: "the handler throws a status",
    weight: 6,
    codes: [NOT_FOUND],
    run: asking(plain, { text: "fail" }, { options: everything }),
  },
  {
    name: "the handler throws anything",
    weight: 6,
    codes: [UNKNOWN],
    run: asking(plain, { text: "throw" }, { options: everything }),
  },
  { name: "answered before its half-close", weight: 10, codes: [OK], run: answeredEarly },
  {
    name: "cancelled before it starts",
    weight: 3,
    codes: [CANCELLED],
    run: asking(plain, { text: "echo" }, { options: () => ({ signal: AbortSignal.abort(), timeoutMs: LONG_MS }) }),
  },
  {
    name: "cancelled at once",
    weight: 5,
    codes: [CANCELLED],
    run: cancelling("wait", () => Promise.resolve()),
  },
  { name: "cancelled before headers", weight: 5, codes: [CANCELLED], run: cancelling("wait", (_call, begun) => begun) },
  {
    name: "cancelled after headers",
    weight: 5,
    codes: [CANCELLED],
    run: cancelling("headers", ({ facts }) => facts.headers),
  },
  {
    name: "cancelled, the handler does not hear it",
    weight: 3,
    codes: [CANCELLED, OK],
    run: cancelling("deaf", (_call, begun) => begun),
  },
  {
    name: "cancelled with a call within it",
    weight: 3,
    codes: [CANCELLED],
    run: cancelling("forward, wait", (_call, begun) => begun),
  },
  {
    name: "cancelled in mid-stream",
    weight: 5,
    codes: [CANCELLED],
    run: reading("many", 30, registered, (call) => {
      call.cancel();
      return call.status;
    }),
  },
  {
    name: "the loop is left",
    weight: 5,
    codes: [CANCELLED],
    run: reading("many", 30, registered, async (call) => {
      for await (const _ of call) break;
      return call.status;
    }),
  },
  {
    name: "half read, all of it has come",
    weight: 4,
    codes: [],
    run: reading("few", 4, registered, () => Promise.resolve(undefined)),
  },
  {
    name: "half read, the rest waits at the server",
    weight: 2,
    codes: [],
    run: reading(
      "many",
      60,
      (venue) => registered(venue, { timeoutMs: 5 * SHORT_MS }),
      () => Promise.resolve(undefined),
    ),
  },
  { name: "ignored", weight: 5, codes: [], run: ignored },
  { name: "begun by hand and left", weight: 3, codes: [], run: abandoned },
  {
    name: "late before it starts",
    weight: 3,
    codes: [DEADLINE_EXCEEDED],
    run: asking(plain, { text: "echo" }, { options: (venue) => registered(venue, { timeoutMs: 0 }) }),
  },
  { name: "late in the queue", weight: 1, codes: [DEADLINE_EXCEEDED], run: lateInTheQueue },
  {
    name: "late before headers",
    weight: 4,
    codes: [DEADLINE_EXCEEDED],
    run: asking(resetting, { text: "wait" }, { options: (venue) => registered(venue, { timeoutMs: SHORT_MS }) }),
  },
  {
    name: "late in mid-stream",
    weight: 4,
    codes: [DEADLINE_EXCEEDED],
    run: asking(
      resetting,
      { text: "many, wait", number: 3 },
      {
        options: (venue) => registered(venue, { timeoutMs: SHORT_MS }),
        ways: MANY_RESPONSES,
      },
    ),
  },
  {
    name: "a request too large for the server",
    weight: 1,
    codes: [RESOURCE_EXHAUSTED],
    run: asking(resetting, { text: "echo", payload: TOO_BIG }, { options: everything }),
  },
  {
    name: "a request too large to send",
    weight: 1,
    codes: [RESOURCE_EXHAUSTED],
    run: asking(small, { text: "echo", payload: BIG }, { options: everything, ways: [...ITERATED, wayOf(0)] }),
  },
  {
    name: "a response too large",
    weight: 2,
    codes: [RESOURCE_EXHAUSTED],
    run: asking(small, { text: "echo", payload: CHUNK }, { options: everything }),
  },
  { name: "a request that cannot be encoded", weight: 2, codes: [INTERNAL], run: notEncodable },
  {
    name: "its requests fail",
    weight: 3,
    codes: [CANCELLED],
    run: (venue, turn) =>
      endOf(wayOf(turn, ITERATED).start(venue.resetting.client, failingRequests(), registered(venue))),
  },
  { name: "sends that nobody awaits", weight: 1, codes: [RESOURCE_EXHAUSTED], run: overflow },
  { name: "cancelled while it is compressed", weight: 2, codes: [CANCELLED], run: cancelledWhileCompressing },
  rude("early", OK, 3),
  rude("refuse", OK, 3),
  rude("reset", INTERNAL),
  rude("resetAfterHeaders", INTERNAL),
  rude("resetInMessage", RESOURCE_EXHAUSTED),
  rude("noTrailers", INTERNAL),
  rude("noGrpc", UNAVAILABLE),
];
