/**
 * What `barewire call -v` tells beside the messages: metadata in both directions, and when what happened.
 *
 * Laws: it goes to stderr, so that stdout is messages and nothing else; times are milliseconds since the call was started; what
 * says who is calling is never shown, and what a peer said is escaped.
 */
import { type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { type CallFacts, codeName, type Metadata, type Method } from "../index.js";
import { printable } from "./printable.js";
import type { Target } from "./target.js";

/** Metadata that whoever looks over a shoulder must not read. */
const SECRET: ReadonlySet<string> = new Set(["authorization", "cookie", "proxy-authorization", "set-cookie"]);

/** Tells how one call goes. Make it before anything is connected. */
export class CallReport {
  readonly #connects: PerformanceObserver;
  #startedMs = performance.now();
  #received = 0;
  #sent = 0;
  #hasEnded = false;
  /** Tells of headers without metadata, once it is known that there were any: the first message says so, or the time does. */
  #pendingHeaders: (() => void) | undefined;

  constructor() {
    this.#connects = new PerformanceObserver((list) => list.getEntries().forEach(reportConnect));
    this.#connects.observe({ entryTypes: ["dns", "net"] });
  }

  /** The call is about to be started. */
  starting(method: Method, target: Target, settings: readonly (readonly [string, string])[]): void {
    print(`* ${method.path.slice(1)}, ${method.kind}; its declaration was known after ${this.#elapsed()}`);
    this.#startedMs = performance.now();
    for (const [name, value] of [[":path", method.path] as const, ...settings]) print(`> ${name}: ${printable(value)}`);
    printMetadata(">", target.metadata);
  }

  /** The call runs: tells of its headers when they come. */
  started(call: CallFacts): void {
    void this.#reportHeaders(call.headers);
    void this.#noteEnd(call.status);
  }

  async #noteEnd(status: Promise<unknown>): Promise<void> {
    await status;
    this.#hasEnded = true;
  }

  async #reportHeaders(arriving: Promise<Metadata>): Promise<void> {
    const headers = await arriving;
    const elapsed = this.#elapsed();
    const tell = (): void => {
      this.#pendingHeaders = undefined;
      print(`< headers after ${elapsed}`);
      printMetadata("<", headers);
    };
    if (headers.size > 0) {
      tell();
      return;
    }
    // A call that ends without headers has none, which shows in the same turn.
    this.#pendingHeaders = tell;
    await setImmediate();
    if (!this.#hasEnded) this.#pendingHeaders?.();
  }

  sent(): void {
    this.#sent++;
  }

  received(bytes: number, isCompressed: boolean): void {
    this.#pendingHeaders?.();
    const coded = isCompressed ? ", which came compressed" : "";
    print(`< message ${++this.#received} after ${this.#elapsed()}: ${bytes} bytes${coded}`);
  }

  /** The call has ended. */
  async ended(call: CallFacts): Promise<void> {
    this.#connects.takeRecords().forEach(reportConnect);
    this.#connects.disconnect();
    const [{ code }, trailers] = await Promise.all([call.status, call.trailers]);
    print(`< trailers`);
    printMetadata("<", trailers);
    print(`* ${codeName(code)} after ${this.#elapsed()}; messages sent: ${this.#sent}, received: ${this.#received}`);
  }

  #elapsed(): string {
    return `${(performance.now() - this.#startedMs).toFixed(1)} ms`;
  }
}

function reportConnect(entry: PerformanceEntry): void {
  const { name, duration } = entry;
  // Not in the types: Node says here what was looked up and where it was connected to.
  const { host, port, hostname } = ("detail" in entry ? (entry.detail ?? {}) : {}) as {
    host?: unknown;
    port?: unknown;
    hostname?: unknown;
  };
  if (name === "connect")
    print(`* connected to ${printable(`${String(host)} port ${String(port)}`)} in ${duration.toFixed(1)} ms`);
  else if (name === "lookup") print(`* looked up ${printable(String(hostname))} in ${duration.toFixed(1)} ms`);
}

function printMetadata(direction: "<" | ">", metadata: Metadata): void {
  for (const [name, value] of metadata) {
    const text = typeof value === "string" ? value : Buffer.from(value).toString("base64");
    print(`${direction} ${printable(name)}: ${SECRET.has(name) ? "***" : printable(text)}`);
  }
}

function print(line: string): void {
  process.stderr.write(`${line}\n`);
}
