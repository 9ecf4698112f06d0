/**
 * What rows compare.
 */
import type { ContenderName } from "./contenders.js";

/** What of a turn is compared: a rate, of which more is better, or a cost. */
export const METRICS = {
  rate: { unit: "/s", better: "more" },
  megabytes: { unit: "MB/s", better: "more" },
  p50: { unit: "ms", better: "less" },
  cpu: { unit: "µs of CPU, both sides", better: "less" },
  clientCpu: { unit: "µs of CPU, client", better: "less" },
  memory: { unit: "KiB", better: "less" },
  startUp: { unit: "ms", better: "less" },
  hops: { unit: "functions", better: "less" },
  codec: { unit: "ns of CPU", better: "less" },
} as const;
export type Metric = keyof typeof METRICS;

/** Ratios of barewire to a peer: at least that much where more is better, at most where less is. */
export type Bars = Partial<Record<ContenderName, number>>;
