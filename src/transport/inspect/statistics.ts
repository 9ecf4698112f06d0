/**
 * What passed, counted: bytes, frames, and calls by how they ended and how long they took.
 *
 * Laws: what it keeps does not grow with what it counts.
 */
import { codeName } from "../../codec/status.js";
import type { Ending, SeenCall } from "./call-watch.js";
import type { Side } from "./conversation.js";

/** What has been counted. */
export interface Counts {
  readonly bytes: Readonly<Record<Side, number>>;
  readonly frames: Readonly<Record<Side, number>>;
  readonly calls: number;
  /** How many calls ended how: the name of a status, or `reset`, `lost` or `no status`. */
  readonly callsByEnding: ReadonlyMap<string, number>;
  /** What the calls took, in milliseconds; all 0 without any. */
  readonly leastMs: number;
  readonly meanMs: number;
  readonly mostMs: number;
}

/** Counts for one connection, or for all of them. */
export class Statistics {
  readonly #bytes: Record<Side, number> = { client: 0, server: 0 };
  readonly #frames: Record<Side, number> = { client: 0, server: 0 };
  /** By the name of their status, of which there are few. */
  readonly #calls = new Map<string, number>();
  #callCount = 0;
  #totalMs = 0;
  #leastMs = Infinity;
  #mostMs = 0;

  addBytes(from: Side, bytes: number): void {
    this.#bytes[from] += bytes;
  }

  addFrame(from: Side): void {
    this.#frames[from]++;
  }

  addCall({ ending, startedAtMs, endedAtMs = startedAtMs }: SeenCall): void {
    const name = endingName(ending);
    const ms = endedAtMs - startedAtMs;
    this.#calls.set(name, (this.#calls.get(name) ?? 0) + 1);
    this.#callCount++;
    this.#totalMs += ms;
    this.#leastMs = Math.min(this.#leastMs, ms);
    this.#mostMs = Math.max(this.#mostMs, ms);
  }

  /** What there is by now. */
  counts(): Counts {
    const some = this.#callCount > 0;
    return {
      bytes: { ...this.#bytes },
      frames: { ...this.#frames },
      calls: this.#callCount,
      callsByEnding: new Map(this.#calls),
      leastMs: some ? this.#leastMs : 0,
      meanMs: some ? this.#totalMs / this.#callCount : 0,
      mostMs: this.#mostMs,
    };
  }
}

/** How a call ended, in a word or two: the name of its status, if it had one. */
export function endingName(ending: Ending | undefined): string {
  return ending?.how === "status" ? codeName(ending.status.code) : (ending?.how ?? "lost");
}

/** A line for each direction, and one for calls if there were any. */
export function countLines({ bytes, frames, calls, callsByEnding, leastMs, meanMs, mostMs }: Counts): string[] {
  const direction = (from: Side, words: string): string => `${words}: ${bytes[from]} bytes in ${frames[from]} frames`;
  const lines = [direction("client", "client → server"), direction("server", "client ← server")];
  if (calls === 0) return lines;
  const byEnding = [...callsByEnding].map(([name, count]) => `${count} ${name}`).join(", ");
  const times = [leastMs, meanMs, mostMs].map((ms) => ms.toFixed(1)).join(" / ");
  return [...lines, `calls: ${calls} (${byEnding}), least / mean / most ${times} ms`];
}
