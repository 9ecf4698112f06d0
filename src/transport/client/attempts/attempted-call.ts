/**
 * A call as its attempts see it: what each of them says, and who hears of them.
 */
import type { FailedAttempt } from "../../../codec/failure-report.js";
import type { Metadata } from "../../../codec/metadata.js";
import type { Method } from "../../../codec/method.js";
import type { StatusError } from "../../../codec/status.js";
import type { Peer } from "../../call.js";
import type { Codings, PeerCodings } from "../../codings.js";
import type { Deadline } from "../../deadline.js";
import type { MessageSink } from "../../message-sink.js";
import type { MessageStream } from "../../message-stream.js";
import type { AttemptEnd } from "./attempt-end.js";
import type { AttemptFacts } from "./attempt-facts.js";
import type { CallCredentials } from "../call-credentials.js";
import type { TimeMarks } from "../explain.js";
import type { ChannelLimits } from "../limits.js";
import type { MethodSettings } from "../settings/method-settings.js";
import type { Placement } from "../balancing/placement.js";
import type { RetryBudget } from "./retry-buffer.js";
import type { Clock } from "../clock.js";
import type { RetryThrottle } from "./retry-throttle.js";

/** The channel above, as far as attempts need it. */
export interface AttemptChannel {
  readonly limits: ChannelLimits;
  readonly authority: string;
  readonly codings: Codings;
  /** What its server has said of codings. */
  readonly peerCodings: PeerCodings;
  readonly scheme: "http" | "https";
  /** Whether credentials may be sent over its connections. */
  readonly mayCarryCredentials: boolean;
  readonly placement: Placement;
  /** What all its calls keep to be sent again. */
  readonly retryBudget: RetryBudget;
  /** How its server is doing, if that limits retries. */
  readonly throttle?: RetryThrottle | undefined;
  /** Time and chance of retries. */
  readonly retryClock: Clock;
}

/** When a call is sent again. One of them, or none. */
export type Policies = Pick<MethodSettings, "retry" | "hedging">;

/** The call above. */
export interface AttemptedCall {
  readonly channel: AttemptChannel;
  readonly method: Method;
  readonly metadata: Metadata | undefined;
  /** Asked before every attempt; `undefined` for none, which is nearly always so. */
  readonly credentials: readonly CallCredentials[] | undefined;
  /** The call's own, in place of the channel's. */
  readonly authority: string | undefined;
  readonly deadline: Deadline | undefined;
  readonly waitForReady: boolean;
  readonly requests: MessageSink<never>;
  readonly responses: MessageStream<unknown>;
  /**
   * A call that has waited `waitedMs` for its first place may begin before anybody knew what a resolver says of its method. Says
   * what policies there are, if that is so.
   */
  settle(waitedMs: number): Policies | undefined;
  /** From now on these are the call's attempts. */
  follow(attempts: Attempts): void;
  headersArrived(metadata: Metadata, coding: string | undefined): void;
  /** No other attempt follows: this is how the call ends. */
  attemptEnded(end: AttemptEnd): void;
  deadlineExceeded(): void;
  /** Ends the call now, by this side's decision. */
  fail(error: StatusError): void;
}

/** The attempts of one call: one after another, or side by side. */
export interface Attempts {
  /** What the call waits for, for the text of an error. */
  readonly phase: string;
  /** Whether the server has said how the call ended. */
  readonly told: boolean;
  /** Who is at the other end of the one whose answer counts, once there is one. */
  readonly peer: Peer | undefined;
  /** What is known of each of them, in the order in which they began. */
  readonly facts: readonly AttemptFacts[];
  /** What they tried in vain; `why` is what ends those that run. */
  failures(why: string): readonly FailedAttempt[];
  /** Where the first `elapsedMs` of the call went. */
  timeMarks(elapsedMs: number): TimeMarks;
  begin(): void;
  /** The time is up: connections of which nothing was heard all the while are looked after. */
  suspectSilent(): void;
  /** The call is over. `cancel` says that the server has not finished; `code` is what the call ends in, unless its caller gave it up. */
  leave(cancel: boolean, code: number | undefined): void;
}
