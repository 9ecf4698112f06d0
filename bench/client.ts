/**
 * The client process of a row: `node bench/client.ts barewire|grpc-js PORT unary|stream SECONDS`. Warms up, then measures.
 */
import grpcJs from "@grpc/grpc-js";
import { Channel, loadProto, type ClientMethod, type Method } from "../src/index.js";
import { CONTRACT, PAYLOAD, type Implementation, type RowName } from "./contract.js";
import { grpcJsService } from "./grpc-js.js";

const IN_FLIGHT = 64;
const STREAM_MESSAGES = 50_000;

interface Driver {
  echo(): Promise<void>;
  /** Takes `count` messages from one stream. */
  stream(count: number): Promise<void>;
}

function barewireDriver(port: number): Driver {
  const service = loadProto({ "bench.proto": CONTRACT }).service("bench.Bench");
  const client = new Channel(`127.0.0.1:${port}`).client(service) as Record<"echo" | "stream", ClientMethod<Method>>;
  return {
    echo: async () => void (await client.echo(PAYLOAD)),
    stream: async (count) => {
      let received = 0;
      for await (const message of client.stream({ ...PAYLOAD, count })) if (message !== undefined) received++;
      if (received !== count) throw new Error(`wanted ${count} messages, got ${received}`);
    },
  };
}

function grpcJsDriver(port: number): Driver {
  const Client = grpcJsService();
  const client = new Client(`127.0.0.1:${port}`, grpcJs.credentials.createInsecure()) as unknown as {
    echo(request: unknown, callback: (error: Error | null) => void): void;
    stream(request: unknown): NodeJS.ReadableStream;
  };
  const payload = { ...PAYLOAD, body: Buffer.from(PAYLOAD.body) };
  return {
    echo: () =>
      new Promise((resolve, reject) => client.echo(payload, (error) => (error === null ? resolve() : reject(error)))),
    stream: (count) =>
      new Promise((resolve, reject) => {
        let received = 0;
        const call = client.stream({ ...payload, count });
        call.on("data", () => received++);
        call.on("error", reject);
        call.on("end", () =>
          received === count ? resolve() : reject(new Error(`wanted ${count} messages, got ${received}`)),
        );
      }),
  };
}

/** Runs `IN_FLIGHT` loops of calls for a while; gives the latency of each call in milliseconds. */
async function unaryFor(driver: Driver, seconds: number): Promise<number[]> {
  const until = performance.now() + seconds * 1000;
  const latencies: number[] = [];
  const loop = async (): Promise<void> => {
    for (;;) {
      const began = performance.now();
      if (began >= until) return;
      await driver.echo();
      latencies.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
  return latencies.toSorted((a, b) => a - b);
}

async function streamFor(driver: Driver, seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1000;
  let messages = 0;
  while (performance.now() < until) {
    await driver.stream(STREAM_MESSAGES);
    messages += STREAM_MESSAGES;
  }
  return messages;
}

const [implementation, port, row, seconds] = process.argv.slice(2) as [Implementation, string, RowName, string];
const driver = implementation === "barewire" ? barewireDriver(Number(port)) : grpcJsDriver(Number(port));
const duration = Number(seconds);

if (row === "unary") await unaryFor(driver, duration / 3);
else await streamFor(driver, duration / 3);
await new Promise<void>((resolve) => {
  process.once("message", () => resolve());
  process.send?.({ warm: true });
});
const cpuBefore = process.cpuUsage();
const began = performance.now();
const latencies = row === "unary" ? await unaryFor(driver, duration) : [];
const done = row === "unary" ? latencies.length : await streamFor(driver, duration);
const elapsed = (performance.now() - began) / 1000;
const cpu = process.cpuUsage(cpuBefore);
process.send?.({
  done,
  rate: done / elapsed,
  clientCpuUs: (cpu.user + cpu.system) / done,
  ...(row === "unary" && { p50: latencies[done >> 1], p99: latencies[Math.floor(done * 0.99)] }),
});
process.disconnect();
