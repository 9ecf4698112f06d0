/**
 * The interop cases that go on for a while: the same large call again and again, on one channel or on one channel each, or
 * a thousand times at once.
 *
 * Spec: grpc/grpc, doc/interop-test-descriptions.md, "rpc_soak", "channel_soak", "long_lived_channel",
 * "concurrent_large_unary".
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Channel } from "../../src/index.js";
import { largeUnary } from "./cases.js";

/** What the `--soak_…` flags say. */
export interface Soak {
  readonly iterations: number;
  /** How many calls may fail or be slower than `maxLatencyMs`. */
  readonly maxFailures: number;
  readonly maxLatencyMs: number;
  readonly minTimeBetweenMs: number;
  readonly overallTimeoutMs: number;
}

const CONCURRENT_CALLS = 1000;

/** The defaults of the document. */
export const DEFAULT_SOAK: Soak = {
  iterations: 10,
  maxFailures: 0,
  maxLatencyMs: 1000,
  minTimeBetweenMs: 0,
  overallTimeoutMs: 10_000,
};

export type SoakCase = (connect: () => Channel, soak: Soak) => Promise<void>;

export const SOAK_CASES: Readonly<Record<string, SoakCase>> = {
  rpc_soak: (connect, soak) => withChannel(connect, (channel) => soakThrough(soak, () => largeUnary(channel))),
  channel_soak: (connect, soak) => soakThrough(soak, () => withChannel(connect, largeUnary)),
  concurrent_large_unary: (connect) =>
    withChannel(connect, async (channel) => {
      await Promise.all(Array.from({ length: CONCURRENT_CALLS }, () => largeUnary(channel)));
    }),
  long_lived_channel: (connect, soak) =>
    withChannel(connect, (channel) =>
      soakThrough({ ...soak, minTimeBetweenMs: Math.max(soak.minTimeBetweenMs, 100) }, () => largeUnary(channel)),
    ),
};

async function withChannel(connect: () => Channel, use: (channel: Channel) => Promise<void>): Promise<void> {
  const channel = connect();
  try {
    await use(channel);
  } finally {
    await channel.close();
  }
}

/** "If any iteration fails or is too slow, it counts as a failure; more than the threshold fail the case." */
async function soakThrough(soak: Soak, iterate: () => Promise<void>): Promise<void> {
  const began = performance.now();
  const failures: unknown[] = [];
  for (let i = 0; i < soak.iterations; i++) {
    if (performance.now() - began > soak.overallTimeoutMs) {
      throw new Error(`${i} of ${soak.iterations} iterations were done in ${soak.overallTimeoutMs} ms`);
    }
    const started = performance.now();
    await iterate().catch((error: unknown) => failures.push(error));
    const tookMs = performance.now() - started;
    if (tookMs > soak.maxLatencyMs) failures.push(new Error(`a call took ${tookMs.toFixed(0)} ms`));
    if (tookMs < soak.minTimeBetweenMs && i < soak.iterations - 1) await delay(soak.minTimeBetweenMs - tookMs);
  }
  if (failures.length > soak.maxFailures) {
    throw new Error(`${failures.length} of ${soak.iterations} iterations failed, the first: ${String(failures[0])}`, {
      cause: failures[0],
    });
  }
}
