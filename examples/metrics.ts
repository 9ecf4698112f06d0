/**
 * Metrics: how many calls run, how they ended and how long they took, in the text format that Prometheus reads.
 *
 *   const metrics = new CallMetrics();
 *   new Server({ interceptors: [metrics.interceptor] });
 *   createServer((_, response) => response.end(metrics.toText())).listen(9464);
 */
import { codeName, type Interceptor } from "barewire";

/** The upper bounds of the histogram's buckets, in milliseconds. */
const BOUNDS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, Infinity];

interface Series {
  /** Calls by how they ended. */
  readonly ended: Map<string, number>;
  /** Calls that took no longer than the bound of the same place. */
  readonly buckets: number[];
  running: number;
  totalMs: number;
}

/** Counts the calls of one server or of one channel. Methods that are not implemented have no series: strangers cannot add any. */
export class CallMetrics {
  readonly #series = new Map<string, Series>();

  readonly interceptor: Interceptor = (call, next) => {
    const series = this.#seriesOf(call.method.path);
    series.running++;
    call.onEnd(({ status, durationMs }) => {
      const name = codeName(status.code);
      series.running--;
      series.totalMs += durationMs;
      series.ended.set(name, (series.ended.get(name) ?? 0) + 1);
      for (const [i, bound] of BOUNDS_MS.entries())
        if (durationMs <= bound) series.buckets[i] = (series.buckets[i] ?? 0) + 1;
    });
    return next();
  };

  #seriesOf(path: string): Series {
    let series = this.#series.get(path);
    if (series === undefined) {
      series = { ended: new Map(), buckets: BOUNDS_MS.map(() => 0), running: 0, totalMs: 0 };
      this.#series.set(path, series);
    }
    return series;
  }

  /** All series, as `GET /metrics` gives them. */
  toText(): string {
    const lines: string[] = [];
    for (const [path, { ended, buckets, running, totalMs }] of this.#series) {
      const method = `method="${path}"`;
      lines.push(`rpc_running{${method}} ${running}`);
      for (const [code, count] of ended) lines.push(`rpc_ended_total{${method},code="${code}"} ${count}`);
      for (const [i, bound] of BOUNDS_MS.entries()) {
        const le = bound === Infinity ? "+Inf" : String(bound / 1000);
        lines.push(`rpc_duration_seconds_bucket{${method},le="${le}"} ${buckets[i] ?? 0}`);
      }
      lines.push(`rpc_duration_seconds_sum{${method}} ${totalMs / 1000}`);
      lines.push(`rpc_duration_seconds_count{${method}} ${buckets.at(-1) ?? 0}`);
    }
    return `${lines.join("\n")}\n`;
  }
}
