/**
 * A census: what is alive in this process after a full garbage collection, counted by kind.
 *
 * Laws: counting keeps nothing alive; what is counted can be reached, so that one too many is a leak and not rubbish that waits.
 */
import { channel as topic } from "node:diagnostics_channel";
import { getEventListeners } from "node:events";
import type { Socket } from "node:net";
import { countHeap, type HeapCount } from "./heap.js";

/** What there is. */
export interface Census {
  /** Kinds that must be back exactly where they were. */
  readonly exact: ReadonlyMap<string, number>;
  /** Every class in the heap, of which there may be a few more: Node and V8 make and keep some of them for themselves. */
  readonly heap: HeapCount;
}

/** Classes of the runtime, and of Node's that stand for something open. */
const EXACT: readonly string[] = [
  ...[
    "Channel",
    "Router",
    "SubchannelPool",
    "Subchannel",
    "ResolverRun",
    "RunningPolicy",
    "Connection",
    "ClientCall",
    "Attempt",
    "RetryBuffer",
    "Outcome",
  ],
  ...["Server", "ServerSession", "SessionAge", "ServerCall"],
  ...["MessageStream", "MessageSink", "MessageOpener", "CompressingQueue", "Deadline", "Metadata", "StatusError"],
  ...[
    "ClientHttp2Session",
    "ServerHttp2Session",
    "ClientHttp2Stream",
    "ServerHttp2Stream",
    "Http2Session",
    "Http2Stream",
  ],
  ...["Socket", "TLSSocket", "TCP", "TLSWrap", "Timeout", "AbortSignal", "AbortController"],
];
/** So many more of any other class mean nothing. */
const ROOM = 300;

const SOCKET_TOPICS = ["net.client.socket", "net.server.socket"] as const;

/** Counts everything. To be made before the first socket, so that it hears of all. */
export class CensusTaker {
  /** Those whose listeners are counted. */
  readonly signals = new Set<AbortSignal>();
  /** Sockets of both sides that have not closed, as Node tells of them. */
  readonly #sockets = new Set<Socket>();
  readonly #onSocket = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  };

  constructor() {
    for (const name of SOCKET_TOPICS) topic(name).subscribe(this.#onSocket);
  }

  async take(): Promise<Census> {
    const heap = await countHeap();
    const exact = new Map(EXACT.map((name) => [name, heap.get(name) ?? 0]));
    exact.set("open sockets", this.#sockets.size);
    exact.set("listeners on sockets", sum([...this.#sockets].map(listenersOf)));
    exact.set("listeners on process", listenersOf(process));
    exact.set("listeners on the signal", sum([...this.signals].map((one) => getEventListeners(one, "abort").length)));
    // One for each handle, request and timer that keeps the process alive; but for the timers it waits with.
    for (const name of process.getActiveResourcesInfo()) {
      if (name !== "Immediate" && name !== "Timeout")
        exact.set(`active ${name}`, (exact.get(`active ${name}`) ?? 0) + 1);
    }
    return { exact, heap };
  }

  close(): void {
    for (const name of SOCKET_TOPICS) topic(name).unsubscribe(this.#onSocket);
  }
}

function listenersOf(emitter: NodeJS.EventEmitter): number {
  return sum(emitter.eventNames().map((name) => emitter.listenerCount(name)));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** Of what `now` has more than `before`: `["ClientCall: 7, there were 3"]`. */
export function grown(before: Census, now: Census): string[] {
  return more(before.exact, now.exact, 0);
}

/** The same of what is not exact. `warm` is from when all code had run. */
export function grownHeap(warm: Census, now: Census): string[] {
  return more(warm.heap, now.heap, ROOM);
}

function more(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>, room: number): string[] {
  return [...now].flatMap(([name, count]) => {
    const had = before.get(name) ?? 0;
    return count > had + room ? [`${name}: ${count}, there were ${had}`] : [];
  });
}
