/**
 * Outlier detection: counts how the calls of each endpoint end, and takes those that fail far more than the others out for a while.
 *
 * Spec: gRFC A50.
 * Laws: nobody is judged by few calls; only so many are out at a time; whoever is out comes back, later each time.
 */
import { Code } from "../../../codec/status.js";
import type { StreamCounter } from "./endpoint-child.js";
import type { OutlierDetection } from "./outlier-config.js";

/** What is known of one endpoint. */
class EndpointRecord implements StreamCounter {
  successes = 0;
  failures = 0;
  /** When it was taken out; `undefined` while it is in use. */
  ejectedAtMs: number | undefined;
  /** How often it was taken out, less the intervals without. */
  multiplier = 0;

  ended(code: Code | undefined): void {
    if (code === Code.OK) this.successes++;
    else if (code !== undefined) this.failures++;
  }
}

/** The calls of one endpoint in the interval that has ended. */
interface Tally {
  readonly key: string;
  readonly record: EndpointRecord;
  readonly calls: number;
  /** How many of the calls succeeded, from 0 to 1. */
  readonly successRate: number;
}

/** Time and chance. */
export interface DetectorHost {
  now(): number;
  random(): number;
}

/** Counts and judges. */
export class OutlierDetector {
  readonly #host: DetectorHost;
  readonly #records = new Map<string, EndpointRecord>();

  constructor(host: DetectorHost) {
    this.#host = host;
  }

  /** What hears of an endpoint's calls. */
  counterOf(key: string): StreamCounter {
    let record = this.#records.get(key);
    if (record === undefined) {
      record = new EndpointRecord();
      this.#records.set(key, record);
    }
    return record;
  }

  /** Forgets those that are none of `keys`. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#records.keys()) if (!keys.has(key)) this.#records.delete(key);
  }

  isEjected(key: string): boolean {
    return this.#records.get(key)?.ejectedAtMs !== undefined;
  }

  /** An interval has ended: who is out changes. */
  judge(config: OutlierDetection): void {
    const tallies = [...this.#records].map(([key, record]) => tallyOf(key, record));
    if (config.successRate !== undefined) this.#judgeSuccessRates(tallies, config);
    if (config.failurePercentage !== undefined) this.#judgeFailures(tallies, config);
    for (const record of this.#records.values()) this.#forgive(record, config);
  }

  #judgeSuccessRates(tallies: readonly Tally[], config: OutlierDetection): void {
    const { successRate } = config;
    if (successRate === undefined) return;
    const counted = tallies.filter(({ calls }) => calls > 0 && calls >= successRate.requestVolume);
    if (counted.length === 0 || counted.length < successRate.minimumHosts) return;
    const mean = sum(counted.map((one) => one.successRate)) / counted.length;
    const variance = sum(counted.map((one) => (one.successRate - mean) ** 2)) / counted.length;
    const lowest = mean - Math.sqrt(variance) * (successRate.stdevFactor / 1000);
    for (const one of counted) {
      if (one.successRate < lowest) this.#eject(one.record, successRate.enforcementPercentage, config);
    }
  }

  #judgeFailures(tallies: readonly Tally[], config: OutlierDetection): void {
    const { failurePercentage } = config;
    if (failurePercentage === undefined) return;
    const counted = tallies.filter(({ calls }) => calls > 0 && calls >= failurePercentage.requestVolume);
    if (counted.length < failurePercentage.minimumHosts) return;
    for (const one of counted) {
      const failed = 100 * (1 - one.successRate);
      if (failed > failurePercentage.threshold) {
        this.#eject(one.record, failurePercentage.enforcementPercentage, config);
      }
    }
  }

  #eject(record: EndpointRecord, enforcementPercentage: number, { maxEjectionPercent }: OutlierDetection): void {
    const records = [...this.#records.values()];
    const out = records.filter(({ ejectedAtMs }) => ejectedAtMs !== undefined).length;
    if (record.ejectedAtMs !== undefined || (100 * out) / records.length >= maxEjectionPercent) return;
    if (this.#host.random() * 100 >= enforcementPercentage) return;
    record.ejectedAtMs = this.#host.now();
    record.multiplier++;
  }

  /** Lets back in who has been out for long enough. */
  #forgive(record: EndpointRecord, { baseEjectionMs, maxEjectionMs }: OutlierDetection): void {
    if (record.ejectedAtMs === undefined) {
      record.multiplier = Math.max(0, record.multiplier - 1);
      return;
    }
    const ms = Math.min(baseEjectionMs * record.multiplier, Math.max(baseEjectionMs, maxEjectionMs));
    if (this.#host.now() >= record.ejectedAtMs + ms) record.ejectedAtMs = undefined;
  }

  /** Lets everybody back in: nothing is counted any more. */
  pardon(): void {
    for (const record of this.#records.values()) {
      record.ejectedAtMs = undefined;
      record.multiplier = 0;
    }
  }
}

/** What was counted in the interval; the next one begins from nothing. */
function tallyOf(key: string, record: EndpointRecord): Tally {
  const { successes, failures } = record;
  record.successes = 0;
  record.failures = 0;
  const calls = successes + failures;
  return { key, record, calls, successRate: calls === 0 ? 1 : successes / calls };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
