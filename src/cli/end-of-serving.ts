/**
 * How `barewire serve` ends: a signal drains, a second one cuts.
 *
 * Laws: a call that runs has its time to end; who was told twice to go, goes at once.
 */
import type { Server } from "../index.js";
import { print } from "./print.js";
import type { Supervision } from "./supervision.js";

/** How long running calls have to end. */
export const GRACE_MS = 10_000;
/** The same before a restart, for which somebody waits who has just saved a file. */
const RESTART_GRACE_MS = 1000;

export const END_SIGNALS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM"];

/** Who says when to end. */
export interface EndOptions {
  readonly signals: readonly NodeJS.Signals[];
  readonly supervision: Supervision | undefined;
  /** Called for a SIGHUP that is not among `signals`. */
  readonly onHangUp?: (() => void) | undefined;
}

/** Resolves when the server was told to end and is closed. */
export function drainWhenTold(server: Server, { signals, supervision, onHangUp }: EndOptions): Promise<void> {
  // A worker is one of several, whose parent has said it.
  const say = supervision?.isWorker === true ? () => undefined : print;
  return new Promise((resolve, reject) => {
    let drainingSinceMs: number | undefined;
    const end = (order: NodeJS.Signals | "restart"): void => {
      if (drainingSinceMs === undefined) {
        drainingSinceMs = performance.now();
        drain(server, order, say).then(resolve, reject);
      } else if (order !== "restart" && !isEcho(order, performance.now() - drainingSinceMs)) {
        cut(server, order, say).catch(reject);
      }
    };
    if (supervision === undefined) {
      for (const signal of signals) process.on(signal, end);
      if (onHangUp !== undefined) process.on("SIGHUP", onHangUp);
      return;
    }
    supervision.onOrder((order) => {
      if (order === "SIGHUP" && !signals.includes(order)) onHangUp?.();
      else end(order);
    });
  });
}

async function drain(server: Server, order: NodeJS.Signals | "restart", say: typeof print): Promise<void> {
  if (order === "restart") return await server.close({ graceMs: RESTART_GRACE_MS });
  say(`${order}: draining, ${GRACE_MS / 1000} s at most; once more to cut`);
  await server.close({ graceMs: GRACE_MS });
  say("drained, bye");
}

async function cut(server: Server, signal: NodeJS.Signals, say: typeof print): Promise<void> {
  say(`${signal}: cutting what still runs`);
  await server.close({ graceMs: 0 });
  // Whatever else might keep the process alive, it was told twice to go.
  process.exit(0);
}

/** Under npm one Ctrl-C comes twice: the terminal sends it to every process, and npm passes its own on. */
export function isEcho(signal: NodeJS.Signals, afterMs: number): boolean {
  return signal === "SIGINT" && afterMs < 100 && process.env["npm_lifecycle_event"] !== undefined;
}
