/**
 * What is known of the attempts of a call: how many there were, where each went and how it ended.
 */
import type { Status } from "../../../codec/status.js";

/** One attempt at a call. */
export interface AttemptFacts {
  /** How many counted before it: 0 for the first. One that takes the place of one that no server took has the same number. */
  readonly previous: number;
  /** Where it went; `undefined` if it had no connection. */
  readonly address: string | undefined;
  /** How it ended; `undefined` while it runs. */
  readonly status: Status | undefined;
  /** How long it ran, in milliseconds. `undefined` for a first attempt that has no policy: nobody looked at the clock. */
  readonly durationMs: number | undefined;
  /** Whether no handler saw anything of it: it never left this process, or the server said that it did not take it. */
  readonly unprocessed: boolean;
  /** What the server said of trying again: after how many milliseconds, or never. */
  readonly pushback: number | "never" | undefined;
  /** After how many milliseconds the next one was to follow; `undefined` if it was the last, or not because of this one. */
  readonly delayMs: number | undefined;
}
