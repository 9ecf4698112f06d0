/**
 * The client under fire: calls of every kind, side by side, for as long as a run lasts, and what became of each.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Code, StatusError, type Channel, type Client } from "../../src/index.js";
import { Fire, type FireService } from "./contract.js";

export type Kind = "again" | "once" | "count";

/** What became of a call. */
export interface Outcome {
  readonly id: string;
  readonly kind: Kind;
  readonly startedAt: number;
  readonly endedAt: number;
  /** `undefined` for what is no status: a mistake of ours. */
  readonly code: Code | undefined;
  readonly text: string;
}

/** Callers of each kind, one call at a time each. */
const CALLERS: Readonly<Record<Kind, number>> = { again: 6, once: 6, count: 2 };
const STREAM_MESSAGES = 20;
/** Longer than anything that is done to a server: a call that does not end has been forgotten. */
const TIMEOUT_MS = 20_000;
const PAUSE_MS = 2;

export class Load {
  readonly outcomes: Outcome[] = [];
  readonly #client: Client<FireService>;
  readonly #callers: Promise<void>[] = [];
  #calls = 0;
  #stopped = false;

  constructor(channel: Channel) {
    this.#client = channel.client(Fire);
  }

  start(): void {
    for (const kind of ["again", "once", "count"] as const) {
      for (let caller = 0; caller < CALLERS[kind]; caller++) this.#callers.push(this.#callOn(kind));
    }
  }

  /** Begins no more calls; resolves when those that run have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }

  async #callOn(kind: Kind): Promise<void> {
    while (!this.#stopped) {
      const id = `${kind}-${++this.#calls}`;
      const startedAt = Date.now();
      let failure: unknown;
      try {
        await this.#call(kind, id);
      } catch (error) {
        failure = error;
      }
      const code = failure === undefined ? Code.OK : failure instanceof StatusError ? failure.code : undefined;
      const text = failure === undefined ? "" : failure instanceof Error ? failure.message : "no error";
      this.outcomes.push({ id, kind, startedAt, endedAt: Date.now(), code, text });
      await sleep(PAUSE_MS);
    }
  }

  async #call(kind: Kind, id: string): Promise<void> {
    const options = { timeoutMs: TIMEOUT_MS };
    if (kind !== "count") {
      await this.#client[kind]({ id }, options);
      return;
    }
    let expected = 1;
    for await (const { number } of this.#client.count({ id, count: STREAM_MESSAGES }, options)) {
      if (number !== expected++) throw new Error(`message ${number} came where ${expected - 1} was due`);
    }
    if (expected !== STREAM_MESSAGES + 1) throw new Error(`the stream ended well after ${expected - 1} messages`);
  }
}
