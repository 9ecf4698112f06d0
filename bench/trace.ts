/**
 * What `barewire trace` costs: a large HTTP/2 stream through a plain pipe and through the proxy, each in a process of its own.
 *
 * Laws: only ratios of the same run are claimed; the order rotates from round to round.
 * Usage: npm run bench:trace [-- --rounds 5 --megabytes 200]
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { parseArgs } from "node:util";
import { CLIENT_PREFACE } from "../src/codec/http2/frame.js";
import { writeFrame, writeHeaders } from "../src/codec/http2/write-frame.js";

const WAYS = ["pipe", "quiet", "counting", "printing"] as const;
const WORDS: Readonly<Record<(typeof WAYS)[number], string>> = {
  pipe: "a plain pipe",
  quiet: "trace -q",
  counting: "trace -q -s",
  printing: "trace > /dev/null",
};
const FRAME_BYTES = 16 * 1024;
const MESSAGE_BYTES = 64 * 1024;

interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly maxRssMiB: number;
}

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, megabytes: { type: "string", default: "200" } },
});
const totalBytes = Number(values.megabytes) * 1_000_000;

/** What a client says that uploads messages on one call. */
function opening(): Buffer {
  const fields = [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/bench.Bench/Upload"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ].map(([name = "", value = ""]) => ({ name, value, representation: "plain" as const }));
  return Buffer.concat([CLIENT_PREFACE, writeFrame(4, 0, 0, Buffer.alloc(0)), writeHeaders(1, fields, false)]);
}

/** One message, in frames. */
function message(): Buffer {
  const bytes = Buffer.alloc(5 + MESSAGE_BYTES, 7);
  bytes.writeUInt8(0, 0);
  bytes.writeUInt32BE(MESSAGE_BYTES, 1);
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += FRAME_BYTES) {
    frames.push(writeFrame(0, 0, 1, bytes.subarray(at, at + FRAME_BYTES)));
  }
  return Buffer.concat(frames);
}

async function send(port: number): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1" });
  const one = message();
  socket.write(opening());
  for (let sent = 0; sent < totalBytes; sent += one.length) {
    if (!socket.write(one)) await once(socket, "drain");
  }
  socket.end();
  socket.resume();
  await once(socket, "close");
}

async function measure(way: string): Promise<Cost> {
  const sink = createServer((socket: Socket) => socket.resume()).listen(0, "127.0.0.1");
  await once(sink, "listening");
  const { port: remote } = sink.address() as AddressInfo;
  const child = fork(new URL("./forwarder.js", import.meta.url), [way, String(remote)]);
  const told = async <T>(): Promise<T> => ((await once(child, "message")) as [T])[0];
  try {
    const { port } = await told<{ port: number }>();
    child.send("cpu");
    const before = await told<{ cpuUs: number }>();
    const startedAtMs = performance.now();
    await send(port);
    const wallMs = performance.now() - startedAtMs;
    child.send("cpu");
    const after = await told<{ cpuUs: number; maxRssKiB: number }>();
    return { wallMs, cpuMs: (after.cpuUs - before.cpuUs) / 1000, maxRssMiB: after.maxRssKiB / 1024 };
  } finally {
    child.kill();
    sink.close();
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

const costs = new Map<string, Cost[]>(WAYS.map((way) => [way, []]));
for (let round = 0; round < Number(values.rounds); round++) {
  for (let turn = 0; turn < WAYS.length; turn++) {
    const way = WAYS[(round + turn) % WAYS.length] ?? "pipe";
    costs.get(way)?.push(await measure(way));
  }
}

console.log(`${values.megabytes} MB through one connection, medians of ${values.rounds} rounds\n`);
const plain = costs.get("pipe") ?? [];
for (const way of WAYS) {
  const of = costs.get(way) ?? [];
  const ratio = (pick: (cost: Cost) => number): string =>
    median(of.map((cost, round) => pick(cost) / pick(plain[round] ?? cost))).toFixed(2);
  const [wallMs, cpuMs, rss] = [
    median(of.map((cost) => cost.wallMs)),
    median(of.map((cost) => cost.cpuMs)),
    median(of.map((cost) => cost.maxRssMiB)),
  ];
  console.log(
    `${WORDS[way].padEnd(18)} ${wallMs.toFixed(0).padStart(6)} ms (×${ratio((cost) => cost.wallMs)})  ` +
      `CPU ${cpuMs.toFixed(0).padStart(6)} ms (×${ratio((cost) => cost.cpuMs)})  at most ${rss.toFixed(0)} MiB`,
  );
}
