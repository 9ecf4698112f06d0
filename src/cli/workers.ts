/**
 * Runs `barewire serve --workers N`: N processes that share the place to listen at, for machines with several cores.
 *
 * Laws: connections go to the workers in turn, and stay where they are; the first worker listens before the others are started,
 * so that what keeps a server from starting is told once, and by it; what a person reads is said once, by us; signals are for
 * us, orders for the workers; a worker that dies is replaced, but not for ever.
 */
import cluster, { type Worker } from "node:cluster";
import { availableParallelism } from "node:os";
import { GRACE_MS, isEcho } from "./end-of-serving.js";
import { print } from "./print.js";
import { isReport, type Order, type Report, SUPERVISED, type Upbringing } from "./supervision.js";
import { parseWholeNumber, UsageError } from "./usage-error.js";

/** So many workers may die within so long; with one more all end, as something is wrong that does not go away. */
const MAX_DEATHS = 5;
const DEATHS_WITHIN_MS = 60_000;
/** What a worker has beyond the time of its calls. */
const KILL_AFTER_MS = 2000;

/** More than any machine has cores for is a slip of the finger. */
const MAX_WORKERS = 512;

/** The flags, as they were given. */
export interface WorkersFlags {
  readonly workers?: string | undefined;
  readonly "accept-split-state"?: boolean | undefined;
  readonly watch?: boolean | undefined;
}

/** How many workers there are to be; `undefined` for none beside this process. @throws UsageError */
export function parseWorkers(flags: WorkersFlags, isExample: boolean): number | undefined {
  const acceptsSplitState = flags["accept-split-state"] === true;
  if (flags.workers === undefined) {
    if (acceptsSplitState) throw new UsageError("--accept-split-state is for --workers: say that as well");
    return undefined;
  }
  const count = parseWholeNumber("--workers", flags.workers, 0, MAX_WORKERS);
  if (flags.watch === true) {
    throw new UsageError("--watch does not go with --workers: there would be several to start again");
  }
  if (isExample && !acceptsSplitState) {
    throw new UsageError(
      "--workers wants --accept-split-state as well: OrderManagement keeps orders and RouteGuide notes, " +
        "and every worker would have its own",
    );
  }
  return count === 0 ? availableParallelism() : count;
}

/** What to run. */
export interface WorkersOptions {
  readonly count: number;
  /** The arguments of the command, of which every worker gets the same. */
  readonly args: readonly string[];
  /** What Node is told beyond what this process was told. */
  readonly execArgs: readonly string[];
  /** Where to listen. */
  readonly place: string;
  /** The certificate that was made for this start. */
  readonly made: Upbringing["made"];
  /** Whether SIGHUP has files read again; otherwise it ends the server. */
  readonly hasFilesToRead: boolean;
}

/** Serves until a signal ends it, or its workers do; resolves to the exit code. */
export function serveByWorkers(options: WorkersOptions): Promise<number> {
  return new Workers(options).run();
}

class Workers {
  readonly #options: WorkersOptions;
  readonly #alive = new Map<Worker, number>();
  readonly #listening = new Set<Worker>();
  #end: (code: number) => void = () => undefined;
  /** Where the next worker listens: all that are alive were told the same, as the cluster finds them by it. */
  #place: string;
  #report: Report | undefined;
  #isAnnounced = false;
  #endingSinceMs: number | undefined;
  #deathsMs: number[] = [];
  #code = 0;
  #isCut = false;
  #killing: NodeJS.Timeout | undefined;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#place = options.place;
  }

  async run(): Promise<number> {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => this.#signalled(signal));
    const { args, execArgs } = this.#options;
    cluster.setupPrimary({
      exec: process.argv[1] ?? "",
      args: ["serve", ...args],
      execArgv: [...process.execArgv, ...execArgs],
    });
    const ended = new Promise<number>((resolve) => (this.#end = resolve));
    this.#start(0);
    const code = await ended;
    clearTimeout(this.#killing);
    return code;
  }

  #start(index: number): void {
    const { made } = this.#options;
    // The port of those that are gone is free again, and clients are to find the next ones there.
    if (this.#alive.size === 0 && this.#report !== undefined) this.#place = this.#report.address;
    const upbringing: Upbringing = { place: this.#place, worker: index, made };
    const worker = cluster.fork({ [SUPERVISED]: JSON.stringify(upbringing) });
    this.#alive.set(worker, index);
    worker.on("message", (message) => {
      if (isReport(message)) this.#listens(worker, message);
    });
    worker.on("error", (error) => this.#complain(`worker ${worker.process.pid}: ${error.message}`));
    worker.on("exit", (code, signal) => {
      // Until it is disconnected the cluster keeps what it listened with.
      const ended = (): void => this.#died(worker, code, signal);
      if (worker.isConnected()) worker.once("disconnect", ended);
      else ended();
    });
  }

  #listens(worker: Worker, report: Report): void {
    this.#listening.add(worker);
    if (this.#report === undefined) {
      this.#report = report;
      for (let index = 1; index < this.#options.count && !this.#isEnding; index++) this.#start(index);
    }
    if (this.#isAnnounced || this.#listening.size < this.#options.count) return;
    this.#isAnnounced = true;
    const [first = "", ...rest] = this.#report.lines;
    const workers = `${this.#options.count} workers: ${[...this.#alive.keys()].map(({ process: { pid } }) => pid).join(", ")}`;
    for (const line of [first, workers, ...rest]) print(line);
  }

  #died(worker: Worker, code: number | null, signal: string | null): void {
    const index = this.#alive.get(worker) ?? 0;
    this.#alive.delete(worker);
    this.#listening.delete(worker);
    if (this.#report === undefined) {
      // It has said why.
      this.#end(this.#isEnding ? 0 : (code ?? 1));
    } else if (!this.#isEnding) {
      this.#replace(index, `worker ${worker.process.pid} ended with ${signal ?? `exit code ${code}`}`);
    } else if (this.#alive.size === 0) {
      if (this.#code === 0 && !this.#isCut) print("drained, bye");
      this.#end(this.#code);
    }
  }

  #replace(index: number, what: string): void {
    const now = performance.now();
    this.#deathsMs = [...this.#deathsMs.filter((at) => now - at < DEATHS_WITHIN_MS), now];
    if (this.#deathsMs.length <= MAX_DEATHS) {
      this.#complain(`${what}: another takes its place`);
      this.#start(index);
      return;
    }
    this.#complain(`${what}, the ${this.#deathsMs.length}th within a minute: this server ends`);
    this.#code = 1;
    this.#endingSinceMs = now;
    if (this.#alive.size === 0) this.#end(this.#code);
    else {
      this.#order("SIGTERM");
      this.#killAfter(GRACE_MS + KILL_AFTER_MS);
    }
  }

  get #isEnding(): boolean {
    return this.#endingSinceMs !== undefined;
  }

  #signalled(signal: NodeJS.Signals): void {
    if (signal === "SIGHUP" && this.#options.hasFilesToRead) {
      this.#order(signal);
    } else if (this.#endingSinceMs === undefined) {
      this.#endingSinceMs = performance.now();
      // Before they listen they have nothing to drain.
      if (this.#report !== undefined) print(`${signal}: draining, ${GRACE_MS / 1000} s at most; once more to cut`);
      this.#order(signal);
      this.#killAfter(GRACE_MS + KILL_AFTER_MS);
    } else if (!isEcho(signal, performance.now() - this.#endingSinceMs)) {
      this.#isCut = true;
      print(`${signal}: cutting what still runs`);
      this.#order(signal);
      this.#killAfter(KILL_AFTER_MS);
    }
  }

  #order(order: Order["order"]): void {
    const message: Order = { barewire: "order", order };
    // One that is gone has nothing to obey.
    for (const worker of this.#alive.keys()) if (worker.isConnected()) worker.send(message, () => undefined);
  }

  /** One that hangs in a loop does not hear what it is told. */
  #killAfter(ms: number): void {
    clearTimeout(this.#killing);
    this.#killing = setTimeout(() => {
      for (const worker of this.#alive.keys()) worker.process.kill("SIGKILL");
    }, ms);
  }

  #complain(text: string): void {
    process.stderr.write(`barewire: ${text}\n`);
  }
}
