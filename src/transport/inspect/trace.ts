/**
 * What a proxy sees, printed: its connections, and of each what passes.
 *
 * Laws: who is not to be shown anything costs nothing but the copying; what is kept of a connection goes with it.
 */
import { CallWatch } from "./call-watch.js";
import { ConnectionView, timeOfDay, type ViewOptions } from "./connection-view.js";
import { Conversation, type Side } from "./conversation.js";
import type { OrderedOutput } from "./ordered-output.js";
import type { ProxyListener } from "./proxy.js";
import { safeText } from "./safe-text.js";
import { Statistics } from "./statistics.js";

/** What a {@link Trace} prints. */
export interface TraceOptions extends ViewOptions {
  /** Connections alone, and statistics. */
  readonly quiet: boolean;
  /** What passed, counted. */
  readonly statistics: boolean;
}

/** What there is of a connection while it lasts. */
interface Traced {
  readonly view: ConnectionView | undefined;
  readonly counter: Counter | undefined;
}

/** Counts the frames and calls of one connection. */
interface Counter {
  readonly statistics: Statistics;
  readonly conversation: Conversation;
  readonly calls: CallWatch;
}

/** Prints what a proxy's connections are used for. */
export class Trace implements ProxyListener {
  readonly #output: OrderedOutput;
  readonly #options: TraceOptions;
  readonly #total = new Statistics();
  readonly #connections = new Map<number, Traced>();

  constructor(output: OrderedOutput, options: TraceOptions) {
    this.#output = output;
    this.#options = options;
  }

  /** Prints a line of the proxy itself. */
  say(text: string): void {
    this.#output.add(`${timeOfDay(this.#options.today?.() ?? new Date())} ${text}\n`);
  }

  /** There is nothing more to come. */
  end(): void {
    if (this.#options.statistics) for (const line of this.#total.lines()) this.say(`in all, ${line}`);
  }

  accepted(connection: number, peer: string): void {
    this.#say(connection, `accepted from ${peer}`);
    const view = this.#options.quiet ? undefined : new ConnectionView(connection, this.#output, this.#options);
    this.#connections.set(connection, { view, counter: this.#options.statistics ? this.#newCounter() : undefined });
  }

  connected(connection: number, remote: string): void {
    this.#say(connection, `connected to ${remote}`);
  }

  unreachable(connection: number, error: Error): void {
    this.#say(connection, `cannot connect to the server: ${safeText(reasonOf(error), 256)}`);
  }

  bytes(connection: number, from: Side, chunk: Buffer): Promise<void> | undefined {
    const traced = this.#connections.get(connection);
    if (traced === undefined) return undefined;
    const { view, counter } = traced;
    if (counter !== undefined) {
      counter.statistics.addBytes(from, chunk.length);
      this.#total.addBytes(from, chunk.length);
      counter.conversation.push(from, chunk);
    }
    view?.push(from, chunk);
    return view === undefined ? undefined : this.#output.room();
  }

  halfClosed(connection: number, from: Side): void {
    this.#say(connection, `the ${from} has said everything`);
  }

  closed(connection: number, error: { readonly from: Side; readonly error: Error } | undefined): void {
    const traced = this.#connections.get(connection);
    this.#connections.delete(connection);
    traced?.view?.closed();
    traced?.counter?.calls.closed();
    const why =
      error === undefined ? "" : `, as the ${error.from}'s side broke: ${safeText(reasonOf(error.error), 256)}`;
    this.#say(connection, `closed${why}`);
    for (const line of traced?.counter?.statistics.lines() ?? []) this.#say(connection, line);
  }

  #newCounter(): Counter {
    const statistics = new Statistics();
    const both = [statistics, this.#total];
    const calls = new CallWatch(
      {
        started: () => undefined,
        answered: () => undefined,
        message: () => undefined,
        broken: () => undefined,
        halfClosed: () => undefined,
        stalled: () => undefined,
        ended: (call) => {
          for (const one of both) one.addCall(call);
        },
      },
      { now: this.#options.now ?? (() => performance.now()), maxMessageBytes: 0 },
    );
    const conversation = new Conversation({
      preface: () => undefined,
      foreign: () => undefined,
      frame: (seen) => {
        for (const one of both) one.addFrame(seen.from);
        calls.seen(seen);
      },
    });
    return { statistics, conversation, calls };
  }

  #say(connection: number, text: string): void {
    this.say(`[${connection}] ${text}`);
  }
}

/** Node gives an error of several attempts no text of its own. */
function reasonOf(error: Error): string {
  if (error.message !== "") return error.message;
  return error instanceof AggregateError ? error.errors.map((one: Error) => one.message).join("; ") : error.name;
}
