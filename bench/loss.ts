/**
 * What a row has lost of what was recorded.
 */
import { METRICS } from "./metrics.js";
import type { Ratio, RowResult } from "./report.js";

/** What must be left of a recorded ratio. */
export const LEFT = 0.65;
/** Functions of ours are counted, not timed: a few may come. */
const HOPS_LEFT = 0.9;

/** What is missing, in words; `undefined` when enough is left. */
export function lossOf(row: RowResult, recorded: RowResult): string | undefined {
  const was: Partial<Record<string, Ratio>> = recorded.ratios;
  const losses = Object.entries(row.ratios).flatMap(([peer, { median }]) => {
    const before = was[peer]?.median;
    if (before === undefined) return [];
    const left = METRICS[row.metric].better === "more" ? median / before : before / median;
    return left < LEFT ? [`${median.toFixed(2)}× ${peer}, recorded ${before.toFixed(2)}×`] : [];
  });
  const [hops, hopsBefore] = [row.contenders.barewire?.value, recorded.contenders.barewire?.value];
  if (row.metric === "hops" && hops !== undefined && hopsBefore !== undefined && hopsBefore / hops < HOPS_LEFT) {
    losses.push(`${hops} functions, recorded ${hopsBefore}`);
  }
  return losses.length === 0 ? undefined : losses.join("; ");
}

/** The better ratio to each peer of two tries of one row. */
export function bestOf(row: RowResult, earlier: RowResult | undefined): RowResult {
  if (earlier === undefined) return row;
  const isMore = METRICS[row.metric].better === "more";
  const ratios: Partial<Record<string, Ratio>> = { ...earlier.ratios };
  for (const [peer, ratio] of Object.entries(row.ratios)) {
    const before = ratios[peer];
    if (before === undefined || ratio.median > before.median === isMore) ratios[peer] = ratio;
  }
  return { ...row, ratios };
}
