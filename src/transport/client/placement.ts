/**
 * Placement: how an attempt finds the session its stream is opened on.
 *
 * Laws: a wish that waits hears exactly once, unless it is taken back; what a call finds out about its connection goes through
 * its lease, so that calls know neither addresses nor subchannels.
 */
import type { Code, StatusError } from "../../codec/status.js";
import type { Connection } from "./connection.js";

/** Room for one more stream on a session. */
export interface Lease {
  readonly connection: Connection;
  /** Where that is, as an address is written. */
  readonly address?: string | undefined;
  /**
   * Gives the room back, once. `code` is how the attempt ended: what the server said, or this side for it; `undefined` when its
   * caller gave it up.
   */
  release(code?: Code): void;
  /** Says that the session is gone or closing: nobody else should get it. */
  retire(): void;
  /** Says that nothing came of the connection for as long as a call ran: it is asked for a sign of life. */
  suspect(): void;
}

/** Somebody who wants a place. */
export interface Wish {
  /** Whether it waits while no server can be reached, instead of failing at once. */
  readonly waitForReady?: boolean | undefined;
  ready(lease: Lease): void;
  /** `final` says that asking again is of no use: the channel is closed, or its policy drops the call. */
  failed(error: StatusError, final?: boolean): void;
}

/** What gives out places. */
export interface Placement {
  /** A place, if there is one right now. */
  take(wish: Wish): Lease | undefined;
  /** Waits for a place, connecting if need be. */
  wait(wish: Wish): void;
  /** Takes a wish back. Does nothing for one that does not wait. */
  forget(wish: Wish): void;
}
