/**
 * The calls of a channel that wait for a server, and the picker they are asked of.
 *
 * Spec: client_channel_specification.md (Picker); wait-for-ready.md; gRFC A54 (codes that a policy may not make up).
 * Laws: first come, first served; a call that waits costs its place in a set; only waiting calls keep the process alive, not what
 * they wait for; whatever a policy of the application's does, its calls end with a status.
 */
import type { FailedAttempt } from "../../../codec/failure-report.js";
import { Code, StatusError } from "../../../codec/status.js";
import { MAX_TIMER_MS } from "../../options.js";
import { QUEUE_PICKER, type CompletePick, type Pick, type Picker } from "./balancer.js";
import { permittedStatus } from "./control-plane.js";
import type { Lease, Placement, Wish } from "./placement.js";
import type { Subchannel } from "../connecting/subchannel.js";
import { SubchannelHandle } from "./subchannel-pool.js";

/** What became of a wish that was asked for. */
type Result = "granted" | "refused" | "waits";

/** A queue in front of a picker. */
export class PickQueue implements Placement {
  #picker = QUEUE_PICKER;
  readonly #waiting = new Set<Wish>();
  /** Says that somebody waits. */
  readonly #wanted: () => void;
  readonly obstacles: () => readonly FailedAttempt[];
  #isServing = false;
  #servesAgain = false;
  #isClosed = false;
  /** Keeps the process alive while calls wait. */
  #anchor: NodeJS.Timeout | undefined;

  /** How many places it has given out in its life. */
  taken = 0;

  /** `obstacles` says what those that wait are waiting for. */
  constructor(wanted: () => void, obstacles: () => readonly FailedAttempt[]) {
    this.#wanted = wanted;
    this.obstacles = obstacles;
  }

  /** How many calls wait. */
  get size(): number {
    return this.#waiting.size;
  }

  // Whoever finds room here takes it from nobody: when there was room for those that wait, they were served there and then.
  take(wish: Wish): Lease | undefined {
    if (this.#isServing) return undefined;
    const pick = this.#pick(wish);
    return pick.kind === "complete" ? this.#lease(pick) : undefined;
  }

  wait(wish: Wish): void {
    if (this.#isClosed) {
      wish.failed(closedError(), true);
      return;
    }
    if (!this.#isServing && this.#serve(wish) !== "waits") return;
    if (this.#waiting.size === 0) this.#hold();
    this.#waiting.add(wish);
    this.#wanted();
  }

  forget(wish: Wish): void {
    if (this.#waiting.size === 0) return;
    this.#waiting.delete(wish);
    this.#letGo();
  }

  /** From now on calls are asked of another picker: those that wait first. */
  setPicker(picker: Picker): void {
    this.#picker = picker;
    if (picker !== QUEUE_PICKER) this.#serveAll(undefined);
  }

  /** A subchannel has room again. */
  roomMade(at: Subchannel): void {
    if (this.#waiting.size > 0) this.#serveAll(at);
  }

  /** Calls fail from now on, those that wait first. */
  close(): void {
    this.#isClosed = true;
    this.#picker = QUEUE_PICKER;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    this.#letGo();
    for (const wish of waiting) wish.failed(closedError(), true);
  }

  #serveAll(at: Subchannel | undefined): void {
    if (this.#isServing) {
      this.#servesAgain = true;
      return;
    }
    this.#isServing = true;
    let where = at;
    do {
      this.#servesAgain = false;
      for (const wish of this.#waiting) {
        // Not before somebody has asked in vain: that is what makes a further connection.
        if (this.#serve(wish) === "waits" && where?.hasRoom === false) break;
      }
      where = undefined;
      // oxlint-disable-next-line typescript/no-unnecessary-condition -- those that were served may have asked for it
    } while (this.#servesAgain);
    this.#isServing = false;
    this.#letGo();
    if (this.#waiting.size > 0) this.#wanted();
  }

  #serve(wish: Wish): Result {
    const pick = this.#pick(wish);
    if (pick.kind === "complete") {
      const lease = this.#lease(pick);
      if (lease === undefined) return "waits";
      this.#waiting.delete(wish);
      wish.ready(lease);
      return "granted";
    }
    if (pick.kind === "queue" || (pick.kind === "fail" && wish.waitForReady)) return "waits";
    this.#waiting.delete(wish);
    wish.failed(
      errorFrom(() => pick.error()),
      pick.kind === "drop",
    );
    return "refused";
  }

  #pick(wish: Wish): Pick {
    try {
      const pick = this.#picker.pick(wish);
      if (pick.kind !== "complete" || pick.subchannel instanceof SubchannelHandle) return pick;
      throw new TypeError("Cannot pick what is not a subchannel of the host's");
    } catch (cause) {
      return { kind: "fail", error: () => policyError(cause) };
    }
  }

  #lease(pick: CompletePick): Lease | undefined {
    const lease = (pick.subchannel as SubchannelHandle).take(pick);
    if (lease !== undefined) this.taken++;
    return lease;
  }

  #hold(): void {
    this.#anchor ??= setInterval(nothing, MAX_TIMER_MS);
    this.#anchor.ref();
  }

  #letGo(): void {
    if (this.#waiting.size > 0) return;
    this.#anchor?.unref();
    if (!this.#isClosed) return;
    clearInterval(this.#anchor);
    this.#anchor = undefined;
  }
}

function closedError(): StatusError {
  return new StatusError(Code.UNAVAILABLE, "the channel is closed");
}

function policyError(cause: unknown): StatusError {
  return new StatusError(Code.INTERNAL, "the balancing policy of the channel failed", {
    hint: cause instanceof Error ? cause.message : String(cause),
    cause,
  });
}

function errorFrom(make: () => unknown): StatusError {
  try {
    const error = make();
    return error instanceof StatusError ? permittedStatus(error, "the balancing policy") : policyError(error);
  } catch (cause) {
    return policyError(cause);
  }
}

function nothing(): void {}
