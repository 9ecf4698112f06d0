/**
 * The codec rows of the bench: messages into frames against protobufjs's own `encode`, and back against what `@grpc/proto-loader`
 * gives to grpc-js.
 *
 * Laws: all in one process, in turns of some milliseconds whose order rotates; only ratios of the same round are claimed; every
 * contender has the message in the shape it likes best, and what each makes is compared first.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSync, type ServiceDefinition } from "@grpc/proto-loader";
import protobuf from "protobufjs";
import { MessageWriter } from "../src/codec/proto/message-writer.js";
import { loadProto } from "../src/core.js";
import { OURS, type ContenderName } from "./contenders.js";
import { resultOf, type Measurement, type RowResult } from "./report.js";

const TEXT = `syntax = "proto3"; package bench;
message Point { int32 latitude = 1; int32 longitude = 2; }
message Stamp { int64 seconds = 1; int32 nanos = 2; }
message Order {
  enum Kind { HOME = 0; WORK = 1; }
  message Address { string address = 1; Kind type = 2; Point at = 3; }
  string id = 1; repeated string items = 2; string description = 3; float price = 4; string destination = 5;
  repeated Address addresses = 6; Stamp updated = 7; bool paid = 8; bytes token = 9; oneof pay { string card = 10; double cash = 11; }
}
message Orders { repeated Order orders = 1; repeated double prices = 2; bytes scan = 3; map<string, int32> stock = 4; }
service S { rpc A(Point) returns (Point); rpc B(Order) returns (Order); rpc C(Orders) returns (Orders); }`;

/** A message as barewire and as protobufjs have it. */
interface Sample {
  readonly title: string;
  readonly type: string;
  readonly method: string;
  readonly ours: Record<string, unknown>;
  readonly theirs: Record<string, unknown>;
}

function orderOf(i: number): readonly [ours: Record<string, unknown>, theirs: Record<string, unknown>] {
  const addresses = [
    { address: "221B Baker Street, London", type: 0, at: { latitude: 515_237_700, longitude: -1_585_500 } },
    { address: "1600 Amphitheatre Parkway", type: 1, at: { latitude: 374_220_000, longitude: -1_220_841_000 } },
  ];
  const common = {
    id: `order-${i}`,
    items: ["keyboard", "mouse", "a monitor of 27 inches"],
    description: "two of each, please",
    price: 1234.5,
    destination: "London",
    addresses,
    paid: true,
    token: Buffer.alloc(16, i),
  };
  const [seconds, nanos] = [1_700_000_000 + i, 5000];
  return [
    { ...common, updated: { seconds: BigInt(seconds), nanos }, pay: { case: "cash", value: 12.5 } },
    { ...common, updated: { seconds, nanos }, cash: 12.5 },
  ];
}

function samples(): Sample[] {
  const point = { latitude: 409_146_138, longitude: -746_188_906 };
  const [ours, theirs] = orderOf(1);
  const many = Array.from({ length: 300 }, (_, i) => orderOf(i));
  const stock = Array.from({ length: 200 }, (_, i): [string, number] => [`item-${i}`, i]);
  const rest = { prices: Array.from({ length: 1000 }, (_, i) => i * 1.5), scan: Buffer.alloc(20_000, 7) };
  return [
    { title: "small", type: "bench.Point", method: "A", ours: point, theirs: point },
    { title: "nested", type: "bench.Order", method: "B", ours, theirs },
    {
      title: "large",
      type: "bench.Orders",
      method: "C",
      ours: {
        orders: many.map(([own]) => own),
        ...rest,
        stock: new Map(stock),
      },
      theirs: {
        orders: many.map(([, own]) => own),
        ...rest,
        stock: Object.fromEntries(stock),
      },
    },
  ];
}

/** What `grpc.loadPackageDefinition` is told in every guide to grpc-js. */
const LOADER = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };

function loaderService(): ServiceDefinition {
  const folder = mkdtempSync(join(tmpdir(), "barewire-bench-"));
  try {
    writeFileSync(join(folder, "bench.proto"), TEXT);
    return loadSync(join(folder, "bench.proto"), LOADER)["bench.S"] as ServiceDefinition;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a sink takes at once. */
const FLUSH_BYTES = 32_768;

type Work = (times: number) => void;

/** One row: what is done, and by whom. */
interface Row {
  readonly name: string;
  readonly title: string;
  readonly peer: "protobufjs" | "proto-loader";
  /** What our time may be of theirs. */
  readonly bar: number;
  readonly bytes: number;
  readonly ours: Work;
  readonly theirs: Work;
}

function rowsOf(sample: Sample, root: protobuf.Root, service: ServiceDefinition): Row[] {
  const type = loadProto({ "bench.proto": TEXT }).codec(sample.type);
  const peer = root.lookupType(sample.type);
  const message = peer.create(sample.theirs);
  const wire = Buffer.from(peer.encode(message).finish());
  assert.deepEqual(Buffer.from(type.encode(sample.ours)), wire, `${sample.title}: both write the same bytes`);
  const deserialize = service[sample.method]?.requestDeserialize as (bytes: Buffer) => object;
  assert.equal(deserialize(wire) === undefined, false);
  const writer = MessageWriter.acquire();
  return [
    {
      name: `codec-encode-${sample.title}`,
      title: `a ${sample.title} message encoded into a frame, against protobufjs's encode`,
      peer: "protobufjs",
      bar: 1,
      bytes: wire.length,
      ours: (times) => {
        for (let i = 0; i < times; i++) {
          writer.append(type, sample.ours);
          if (writer.size >= FLUSH_BYTES) writer.take();
        }
        writer.take();
      },
      theirs: (times) => {
        for (let i = 0; i < times; i++) peer.encode(message).finish();
      },
    },
    {
      name: `codec-decode-${sample.title}`,
      title: `a ${sample.title} message decoded, against @grpc/proto-loader's decode`,
      peer: "proto-loader",
      bar: 0.67,
      bytes: wire.length,
      ours: (times) => {
        for (let i = 0; i < times; i++) type.decode(wire);
      },
      theirs: (times) => {
        for (let i = 0; i < times; i++) deserialize(wire);
      },
    },
  ];
}

/** How long one turn of one contender is. */
const TURN_MS = 8;

/** Time of the processor, as another process may have it in between. */
function nsPerCall(work: Work, times: number): number {
  const start = process.cpuUsage();
  work(times);
  const { user, system } = process.cpuUsage(start);
  return ((user + system) * 1000) / times;
}

/** Runs a contender until it is compiled, and says how many calls make a turn. */
function warm(work: Work): number {
  let times = 1;
  for (const end = performance.now() + 150; performance.now() < end;) {
    if (nsPerCall(work, times) * times < (TURN_MS * 1e6) / 2) times *= 2;
  }
  return times;
}

function measure(row: Row, rounds: number): RowResult {
  const [ourTimes, theirTimes] = [warm(row.ours), warm(row.theirs)];
  const ours: Measurement[] = [];
  const theirs: Measurement[] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) ours.push({ value: nsPerCall(row.ours, ourTimes) });
    theirs.push({ value: nsPerCall(row.theirs, theirTimes) });
    if (round % 2 === 1) ours.push({ value: nsPerCall(row.ours, ourTimes) });
  }
  const bars = { [row.peer]: row.bar };
  const all = new Map<ContenderName, Measurement[]>([
    [OURS, ours],
    [row.peer, theirs],
  ]);
  const { name, title, bytes } = row;
  return resultOf({ name, title: `${title}, ${bytes} bytes`, metric: "codec", bars: { 20: bars, 24: bars } }, all);
}

/** Measures all rows. */
export function benchCodec(rounds: number): RowResult[] {
  const { root } = protobuf.parse(TEXT);
  root.resolveAll();
  const service = loaderService();
  return samples().flatMap((sample) => rowsOf(sample, root, service).map((row) => measure(row, rounds)));
}
