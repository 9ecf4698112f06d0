/**
 * What passed, counted: bytes, frames, and calls by how they ended and how long they took.
 *
 * Laws: what it keeps does not grow with what it counts.
 */
import { codeName } from "../../codec/status.js";
import type { SeenCall } from "./call-watch.js";
import type { Side } from "./conversation.js";

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
    const name = ending?.how === "status" ? codeName(ending.status.code) : (ending?.how ?? "lost");
    const ms = endedAtMs - startedAtMs;
    this.#calls.set(name, (this.#calls.get(name) ?? 0) + 1);
    this.#callCount++;
    this.#totalMs += ms;
    this.#leastMs = Math.min(this.#leastMs, ms);
    this.#mostMs = Math.max(this.#mostMs, ms);
  }

  /** A line for each direction, and one for calls if there were any. */
  lines(): string[] {
    const direction = (from: Side, words: string): string =>
      `${words}: ${this.#bytes[from]} bytes in ${this.#frames[from]} frames`;
    const lines = [direction("client", "client → server"), direction("server", "client ← server")];
    if (this.#callCount === 0) return lines;
    const byStatus = [...this.#calls].map(([name, count]) => `${count} ${name}`).join(", ");
    const times = [this.#leastMs, this.#totalMs / this.#callCount, this.#mostMs].map((ms) => ms.toFixed(1)).join(" / ");
    return [...lines, `calls: ${this.#callCount} (${byStatus}), least / mean / most ${times} ms`];
  }
}
