/**
 * How long work takes the processor, so that a test can hold it to a bound on a machine that others use as well.
 *
 * Laws: time that other processes had does not count; of several tries the best counts, as all that comes in between (a
 * compiler, a collector of garbage, a cold cache) only ever adds.
 */
import assert from "node:assert/strict";

const TRIES = 5;

/** Milliseconds of the processor that this process has had since `before` was taken. */
export function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Fails unless `work` can be done within so many milliseconds of the processor; stops at the first try that was. */
export function takesLessThan(limitMs: number, work: () => void): void {
  const tries: number[] = [];
  while (tries.length < TRIES) {
    const before = process.cpuUsage();
    work();
    const tookMs = cpuMsSince(before);
    if (tookMs < limitMs) return;
    tries.push(Math.round(tookMs));
  }
  assert.fail(
    `it takes ${Math.min(...tries)} ms of the processor at least, not less than ${limitMs}: ${tries.join(", ")}`,
  );
}
