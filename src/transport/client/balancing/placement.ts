/**
 * Placement: how an attempt finds the session its stream is opened on.
 *
 * Laws: a wish that waits hears exactly once, unless it is taken back; what a call finds out about its connection goes through
 * its lease, so that calls know neither addresses nor subchannels.
 *
 * An attempt asks with {@link Placement.take}, which costs a few property reads and nothing else. When that gives nothing it
 * calls {@link Placement.wait} with the same wish: the wish hears `ready` or `failed`, possibly before `wait` returns. Every
 * attempt of a call asks anew, so that it may get another server.
 */
import type { FailedAttempt } from "../../../codec/failure-report.js";
import type { Metadata } from "../../../codec/metadata.js";
import type { Method } from "../../../codec/method.js";
import type { StatusError } from "../../../codec/status.js";
import type { Lease } from "../connecting/lease.js";

export type { Lease };

/** Somebody who wants a place. */
export interface Wish {
  /** What is called: a policy may choose by it. */
  readonly method: Method;
  /** What goes out with the call; `undefined` for none. */
  readonly metadata: Metadata | undefined;
  /**
   * Whether to go on waiting while no server can be reached. `false` fails it as soon as that is known, never while it is being
   * tried. wait-for-ready.md.
   */
  readonly waitForReady: boolean;
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
  /** What is in the way of those that wait, for the error of one that has waited too long. */
  obstacles?(): readonly FailedAttempt[];
}
