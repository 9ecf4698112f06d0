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
export async function workFor(driver: Driver, work: Work, ms: number): Promise<Done> {
  const message = work.isText === true ? textPayloadOf(work.bytes) : payloadOf(work.bytes);
  const begin = performance.now();
  const end = begin + ms;
  const latencies: number[] = [];
  let messages = 0;
  const { kind, count = 1 } = work;
  const loop = async (): Promise<void> => {
    for (let start = performance.now(); start < end; start = performance.now()) {
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
