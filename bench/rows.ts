/**
 * The rows of the bench: what is done, how much of it counts, and how far ahead barewire has to be.
 */
import type { ContenderName } from "./contenders.js";
import type { RowHead } from "./report.js";
import type { Work } from "./work.js";

/** A row that takes turns of two processes for every contender. */
export interface Row extends RowHead {
  readonly contenders: readonly ContenderName[];
  readonly work: Work;
  readonly tls?: boolean;
  readonly gzip?: boolean;
  /** The server that every client has, where the client alone is measured. */
  readonly server?: ContenderName;
  /** h2load takes the client's place, where the server alone is measured. */
  readonly isNativeLoad?: boolean;
}

const ALL: readonly ContenderName[] = ["barewire", "grpc-js", "floor", "nice-grpc", "connect-node", "grpc-go"];
const THREE: readonly ContenderName[] = ["barewire", "grpc-js", "floor"];
const SMALL_BYTES = 100;
const MIB = 1024 * 1024;
const SIZE_NAMES = ["10B", "1KiB", "100KiB", "4MiB"] as const;

function unary(inFlight: number, bytes = SMALL_BYTES): Work {
  return { kind: "echo", inFlight, bytes };
}

function streams(kind: Work["kind"], inFlight: number, count: number): Work {
  return { kind, inFlight, bytes: SMALL_BYTES, count };
}

/** The rows that have a bar. */
export const ROWS: readonly Row[] = [
  {
    name: "download",
    title: "server streaming, one stream",
    metric: "rate",
    contenders: ALL,
    bars: { 20: { "grpc-js": 15, floor: 0.8, "grpc-go": 1 }, 24: { "grpc-js": 12, floor: 0.8, "grpc-go": 1 } },
    work: streams("download", 1, 20_000),
  },
  {
    name: "download-100",
    title: "server streaming, 100 streams",
    metric: "rate",
    contenders: THREE,
    bars: { 20: { "grpc-js": 8 }, 24: { "grpc-js": 6 } },
    work: streams("download", 100, 400),
  },
  {
    name: "upload",
    title: "client streaming, one stream",
    metric: "rate",
    contenders: ALL,
    bars: { 20: { "grpc-js": 25, floor: 0.85, "grpc-go": 1 }, 24: { "grpc-js": 20, floor: 0.85, "grpc-go": 1 } },
    work: streams("upload", 1, 20_000),
  },
  {
    name: "exchange",
    title: "bidi saturated, one stream",
    metric: "rate",
    contenders: ALL,
    bars: { 20: { "grpc-js": 12 }, 24: { "grpc-js": 10 } },
    work: streams("exchange", 1, 10_000),
  },
  {
    name: "exchange-100",
    title: "bidi saturated, 100 streams",
    metric: "rate",
    contenders: THREE,
    bars: { 20: { "grpc-js": 6 }, 24: { "grpc-js": 5 } },
    work: streams("exchange", 100, 200),
  },
  {
    name: "ping-pong",
    title: "bidi ping-pong, one stream: CPU a round trip",
    metric: "cpu",
    contenders: ALL,
    bars: { 20: { "grpc-js": 0.8, floor: 1.1 }, 24: { "grpc-js": 0.9, floor: 1.1 } },
    work: streams("pingPong", 1, 500),
  },
  {
    name: "unary",
    title: "unary, 64 in flight",
    metric: "rate",
    contenders: ALL,
    bars: { 20: { "grpc-js": 2, floor: 0.85 }, 24: { "grpc-js": 1.6, floor: 0.85 } },
    work: unary(64),
  },
  {
    name: "unary-server",
    title: "unary, server alone under h2load, 8 connections of 32 calls",
    metric: "rate",
    contenders: ALL,
    bars: { 20: { "grpc-js": 1.5, floor: 0.95 }, 24: { "grpc-js": 1.5, floor: 0.95 } },
    work: unary(256),
    isNativeLoad: true,
  },
  {
    name: "unary-client",
    title: "unary, client alone, 64 in flight: CPU a call",
    metric: "clientCpu",
    contenders: ALL,
    bars: { 20: { "grpc-js": 0.5, floor: 1.35 }, 24: { "grpc-js": 0.55, floor: 1.35 } },
    work: unary(64),
    server: "floor",
  },
  {
    name: "unary-1",
    title: "unary, 1 in flight: p50",
    metric: "p50",
    contenders: ALL,
    bars: { 20: { "grpc-js": 0.65, floor: 1.15 }, 24: { "grpc-js": 0.7, floor: 1.15 } },
    work: unary(1),
  },
  {
    name: "large",
    title: "unary, 1 MiB, 8 in flight",
    metric: "megabytes",
    contenders: THREE,
    bars: { 20: { "grpc-js": 2.5, floor: 0.8 }, 24: { "grpc-js": 2, floor: 0.8 } },
    work: unary(8, MIB),
  },
  {
    name: "large-tls",
    title: "unary, 1 MiB, 8 in flight, TLS",
    metric: "megabytes",
    contenders: THREE,
    bars: { 20: { "grpc-js": 1.5 }, 24: { "grpc-js": 1.5 } },
    work: unary(8, MIB),
    tls: true,
  },
  {
    name: "gzip",
    title: "unary, 10 KiB of text, requests in gzip, 8 in flight",
    metric: "rate",
    contenders: THREE,
    bars: { 20: { "grpc-js": 1 }, 24: { "grpc-js": 1 } },
    work: { ...unary(8, 10 * 1024), isText: true },
    gzip: true,
  },
];

/** How many streams at a time, and how long the messages, in the rows that show how cost grows. */
export const STREAMS = [1, 10, 100, 1000] as const;
export const SIZES = [10, 1024, 100 * 1024, 4 * MIB - 16] as const;

/** As many messages in every stream, so that opening it costs as much of each. */
const LINEAR_MESSAGES = 100;

/** The rows of the plots: CPU time only, without a bar. */
export const LINEAR_ROWS: readonly Row[] = [
  ...STREAMS.map((count) =>
    linear(
      `linear-streams-${count}`,
      `server streaming, ${count} streams of ${LINEAR_MESSAGES} messages`,
      streams("download", count, LINEAR_MESSAGES),
    ),
  ),
  ...SIZES.map((bytes, i) =>
    linear(`linear-size-${SIZE_NAMES[i] ?? bytes}`, `unary, ${bytes} bytes, 8 in flight`, unary(8, bytes)),
  ),
];

function linear(name: string, title: string, work: Work): Row {
  return { name, title: `${title}: CPU`, metric: "cpu", contenders: THREE, bars: { 20: {}, 24: {} }, work };
}
