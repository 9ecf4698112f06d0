/**
 * What a client does in a row, again and again until its time is over.
 */
import type { Driver } from "./contender.js";
import { payloadOf, textPayloadOf } from "./contract.js";

/** The work of a row. */
export interface Work {
  readonly kind: "echo" | "download" | "upload" | "exchange" | "pingPong";
  /** Calls at a time. */
  readonly inFlight: number;
  /** The length of a message. */
  readonly bytes: number;
  /** Messages of one stream; unary calls have none. */
  readonly count?: number;
  /** Messages of words in place of one byte over and over. */
  readonly isText?: boolean;
}

/** How long to work. */
export interface Turn {
  readonly ms: number;
  /** Goes on until enough is done for the compiler to have seen all of it, but not for ever. */
  readonly isWarmUp?: boolean;
}

const WARM_UP = { calls: 3000, messages: 100_000, bytes: 100_000_000, maxMs: 4000 };

/** What was done. */
export interface Done {
  /** Calls, messages or round trips. */
  readonly done: number;
  readonly elapsedMs: number;
  /** How long a unary call took, in milliseconds. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
}

/** Works for that long, and then until the calls that are under way are over. */
export async function workFor(driver: Driver, work: Work, { ms, isWarmUp = false }: Turn): Promise<Done> {
  const message = work.isText === true ? textPayloadOf(work.bytes) : payloadOf(work.bytes);
  const begin = performance.now();
  const isOver = isWarmUp
    ? (now: number) => now >= begin + WARM_UP.maxMs || (now >= begin + ms && isWarm(work, latencies.length, messages))
    : (now: number) => now >= begin + ms;
  const latencies: number[] = [];
  let messages = 0;
  const { kind, count = 1 } = work;
  const loop = async (): Promise<void> => {
    for (let start = performance.now(); !isOver(start); start = performance.now()) {
      if (kind === "echo") {
        await driver.echo(message);
        latencies.push(performance.now() - start);
      } else {
        await driver[kind](message, count);
        messages += count;
      }
    }
  };
  await Promise.all(Array.from({ length: work.inFlight }, loop));
  const elapsedMs = performance.now() - begin;
  if (kind !== "echo") return { done: messages, elapsedMs };
  const done = latencies.length;
  latencies.sort((a, b) => a - b);
  return { done, elapsedMs, p50Ms: latencies[done >> 1] ?? 0, p99Ms: latencies[Math.floor(done * 0.99)] ?? 0 };
}

function isWarm({ kind, bytes }: Work, calls: number, messages: number): boolean {
  if (calls * bytes > WARM_UP.bytes) return true;
  return kind === "echo"
    ? calls >= WARM_UP.calls
    : messages >= (kind === "pingPong" ? WARM_UP.calls : WARM_UP.messages);
}
