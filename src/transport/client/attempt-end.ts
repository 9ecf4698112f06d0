/**
 * How an attempt ended: what is known when its stream is over, or when it never had one.
 */
import type { Metadata } from "../../codec/metadata.js";
import type { Status, StatusError } from "../../codec/status.js";

/** The end of one attempt, whatever it was. */
export interface AttemptEnd {
  readonly status: Status;
  /** Whether the peer said so, or this side found it. */
  readonly origin: "local" | "remote";
  /** What came with the status, if the server sent one. */
  readonly trailers?: Metadata | undefined;
  /**
   * How it is known that no handler saw anything of the call, so that it may be tried again: it never left this process, or the
   * server said that it did not take it. `undefined` when it may have run.
   */
  readonly unprocessed?: "never sent" | "refused" | undefined;
  /** The error as the application gets it, where one was made already. */
  readonly error?: StatusError | undefined;
  /** Whether the server has not finished: the stream is to be cancelled. */
  readonly open?: boolean | undefined;
  /** Whether another attempt would end the same: no policy applies. */
  readonly final?: boolean | undefined;
}
