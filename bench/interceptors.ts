/**
 * What three pass-through interceptors cost, and what propagation costs: each against the same calls without.
 *
 * Laws: only ratios of the same run are claimed, of CPU time, which other processes disturb least; client and server share a process,
 * and what is compared runs in turns. Propagation cannot be taken back, so it comes last, against the rounds before.
 * Usage: npm run bench:interceptors [-- --rounds 15 --calls 1000 --messages 20000]
 */
import { parseArgs } from "node:util";
import { Channel, type Interceptor, loadProto, Server, type ServerOptions } from "../src/core.js";
import { CONTRACT, payloadOf } from "./contract.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    calls: { type: "string", default: "1000" },
    messages: { type: "string", default: "20000" },
  },
});
const rounds = Number(values.rounds);

const IN_FLIGHT = 64;
const PAYLOAD = payloadOf(100);
const passOn: Interceptor = (_call, next) => next();
const passOnLater: Interceptor = async (_call, next) => {
  const reply = await next();
  return reply;
};
const three = { interceptors: [passOn, passOn, passOn] };
const threeLater = { interceptors: [passOnLater, passOnLater, passOnLater] };

/** One server and one channel to it. */
interface Pair {
  /** Microseconds of CPU for each of `count` calls. */
  unary(count: number): Promise<number>;
  /** Microseconds of CPU for each of `count` messages. */
  stream(count: number): Promise<number>;
  close(): Promise<void>;
}

async function pairOf(
  serverOptions: ServerOptions,
  clientOptions: { interceptors?: readonly Interceptor[] },
  propagate = false,
): Promise<Pair> {
  const service = loadProto({ "bench.proto": CONTRACT }).service("bench.Bench");
  const server = new Server(serverOptions);
  server.add(service, {
    echo: (request: unknown) => request,
    *download(request: { count: number }) {
      for (let i = 0; i < request.count; i++) yield PAYLOAD;
    },
  } as never);
  const { port } = await server.listen("127.0.0.1:0");
  const channel = new Channel(`127.0.0.1:${port}`, { propagate });
  const client = channel.client(service, clientOptions) as unknown as {
    echo(request: object): Promise<unknown>;
    download(request: object): AsyncIterable<unknown>;
  };
  return {
    async unary(count) {
      let left = count;
      const worker = async (): Promise<void> => {
        while (left-- > 0) await client.echo(PAYLOAD);
      };
      const start = process.cpuUsage();
      await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
      return cpuSince(start) / count;
    },
    async stream(count) {
      const start = process.cpuUsage();
      let received = 0;
      for await (const _ of client.download({ ...PAYLOAD, count })) received++;
      return cpuSince(start) / received;
    },
    async close() {
      await channel.close();
      await server.close();
    },
  };
}

function cpuSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return user + system;
}

interface Times {
  readonly unary: number[];
  readonly stream: number[];
}

/** Runs the pairs in turns. */
async function compare(pairs: readonly (readonly [string, Pair])[]): Promise<Map<string, Times>> {
  const times = new Map<string, Times>(pairs.map(([name]) => [name, { unary: [], stream: [] }]));
  for (let round = -2; round < rounds; round++) {
    for (const [name, pair] of round % 2 === 0 ? pairs : pairs.toReversed()) {
      const [unary, stream] = [await pair.unary(Number(values.calls)), await pair.stream(Number(values.messages))];
      if (round < 0) continue; // The first two warm up.
      times.get(name)?.unary.push(unary);
      times.get(name)?.stream.push(stream);
    }
  }
  return times;
}

/** What the quiet rounds took: the others tell of the machine. */
function quiet(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 2] ?? Number.NaN;
}

function ratio(these: readonly number[], those: readonly number[]): string {
  return `${(quiet(these) / quiet(those)).toFixed(2)}×`;
}

function say(name: string, these: Times, those: Times): void {
  console.log(`${name}: unary ${ratio(these.unary, those.unary)}, stream ${ratio(these.stream, those.stream)}`);
}

const pairs = [
  ["plain", await pairOf({}, {})],
  ["three on the client", await pairOf({}, three)],
  ["three on the server", await pairOf(three, {})],
  ["three on both sides", await pairOf(three, three)],
  ["three async ones on both sides", await pairOf(threeLater, threeLater)],
] as const;
console.log(`Node ${process.version}: CPU of a call and of a message, client and server together, against none`);
const times = await compare(pairs);
const plain = times.get("plain") as Times;
console.log(`none: unary ${quiet(plain.unary).toFixed(1)} µs, stream ${quiet(plain.stream).toFixed(2)} µs`);
for (const [name, one] of times) if (name !== "plain") say(name, one, plain);

const before = (await compare([pairs[0]])).get("plain") as Times;
const propagating = await pairOf({}, {}, true);
const after = await compare([pairs[0], ["propagating", propagating]]);
say("once a channel propagates, all calls of the process", after.get("propagating") as Times, before);

for (const [, pair] of pairs) await pair.close();
await propagating.close();
