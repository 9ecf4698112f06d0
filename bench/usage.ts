/**
 * What this process has used so far.
 */
export interface Usage {
  /** Microseconds of processor time, kernel's included. */
  readonly cpuUs: number;
  /** What it holds now, after garbage collection where node was started with --expose-gc. */
  readonly rssBytes: number;
  /** The most it ever held. */
  readonly peakRssBytes: number;
}

export function usageNow(): Usage {
  globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  return {
    cpuUs: user + system,
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}
