/**
 * The attempts of a call side by side: while none has been answered, another one is sent every now and then.
 *
 * Spec: gRFC A6, "Hedging Policy".
 * Laws: the first that is answered is the call, and the others are cancelled; all of them say the same; the first one is always
 * sent, the others only while the server is not in trouble.
 */
import type { ClientHttp2Stream } from "node:http2";
import type { FailedAttempt } from "../../../codec/failure-report.js";
import type { Metadata } from "../../../codec/metadata.js";
import { Code } from "../../../codec/status.js";
import type { AttemptEnd } from "./attempt-end.js";
import type { Peer } from "../../call.js";
import type { AttemptFacts } from "./attempt-facts.js";
import { Attempt, type AttemptOwner } from "./attempt.js";
import type { AttemptedCall, Attempts } from "./attempted-call.js";
import type { TimeMarks } from "../explain.js";
import { HedgedStreams } from "./hedged-streams.js";
import type { HedgingPolicy } from "../settings/method-settings.js";
import { pushbackIn } from "./pushback.js";
import { RetryBuffer } from "./retry-buffer.js";
import type { Clock } from "../clock.js";
import { UnseenAttempts } from "./unseen-attempts.js";

/** The attempts of one hedged call. */
export class Hedges implements Attempts, AttemptOwner {
  readonly call: AttemptedCall;
  readonly #policy: HedgingPolicy;
  readonly #clock: Clock;
  readonly #sent: RetryBuffer;
  readonly #streams = new HedgedStreams();
  readonly #live = new Set<Attempt>();
  readonly #unseen = new UnseenAttempts();
  readonly #past: AttemptFacts[] = [];
  readonly #failures: FailedAttempt[] = [];
  /** How many more may be sent. */
  #left: number;
  #started = 0;
  /** The one that is the call from now on: it was answered, or has sent more than is kept. */
  #chosen: Attempt | undefined;
  /** The last failure that did not end the call. */
  #lastEnd: AttemptEnd | undefined;
  #stopTimer: (() => void) | undefined;
  #attached = false;
  #over = false;

  constructor(call: AttemptedCall, policy: HedgingPolicy) {
    const { limits, retryBudget, retryClock } = call.channel;
    this.call = call;
    this.#policy = policy;
    this.#clock = retryClock;
    this.#sent = new RetryBuffer(limits.maxRetryBufferBytes, retryBudget);
    this.#sent.overflowed = () => this.#chooseFastest();
    this.#left = this.#sent.replayable ? Math.min(policy.maxAttempts, limits.maxAttempts) : 1;
  }

  get phase(): string {
    if (this.#streams.size > 0 || this.#chosen !== undefined) return "waiting for the response";
    return this.#live.size === 0 ? `waiting for attempt ${this.#started + 1}` : "waiting for a connection";
  }

  get told(): boolean {
    return this.#chosen?.told === true;
  }

  get peer(): Peer | undefined {
    return this.#chosen?.peer;
  }

  get facts(): readonly AttemptFacts[] {
    return [...this.#past, ...[...this.#live].map((attempt) => attempt.facts())];
  }

  failures(why: string): readonly FailedAttempt[] {
    return [...this.#failures, ...[...this.#live].flatMap((attempt) => attempt.failures(why))];
  }

  timeMarks(elapsedMs: number): TimeMarks {
    const [first] = this.#live;
    const isConnected = this.#streams.size > 0 || this.#chosen !== undefined;
    return { earlierMs: 0, connectingMs: isConnected ? (first?.waitedMs ?? 0) : elapsedMs };
  }

  begin(): void {
    this.#startNext();
  }

  /** The first one is on its way already. */
  takeOver(attempt: Attempt): void {
    this.#left--;
    this.#started++;
    this.#live.add(attempt);
    this.#plan(this.#policy.hedgingDelayMs);
  }

  /** What became known of the method meanwhile; how often the call is sent does not change any more. */
  settle(_attempt: Attempt, waitedMs: number): AttemptOwner {
    this.call.settle(waitedMs);
    return this;
  }

  /** Sends the next one, and sees to those after it. */
  #startNext(): void {
    this.#left--;
    this.#start(this.#started++);
    this.#plan(this.#policy.hedgingDelayMs);
  }

  #start(previous: number): void {
    const attempt = new Attempt(this, previous, this.#clock);
    this.#live.add(attempt);
    attempt.begin();
  }

  /** The next one is due after so long, whatever was planned before. */
  #plan(delayMs: number): void {
    this.#cancelPlan();
    if (this.#over || this.#chosen !== undefined || this.#left <= 0) return;
    if (delayMs === 0) this.#due();
    else
      this.#stopTimer = this.#clock.after(delayMs, () => {
        this.#stopTimer = undefined;
        this.#due();
      });
  }

  #due(): void {
    if (this.call.channel.throttle?.allows !== false) this.#startNext();
    // "Hedged requests … only while token_count is above the threshold": it may be again the next time.
    else if (this.#live.size === 0) this.#endWith(this.#lastEnd as AttemptEnd);
    else if (this.#policy.hedgingDelayMs > 0) this.#plan(this.#policy.hedgingDelayMs);
  }

  #cancelPlan(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  opened(_attempt: Attempt, stream: ClientHttp2Stream): void {
    const { requests } = this.call;
    if (this.#streams.size > 0) {
      const room = this.#sent.replayTo(stream);
      this.#streams.add(stream);
      if (room) requests.drained();
      return;
    }
    this.#streams.add(stream);
    const room = this.#sent.attach(this.#streams);
    if (this.#attached) {
      if (room) requests.drained();
      return;
    }
    this.#attached = true;
    requests.attach(this.#sent);
  }

  headersArrived(attempt: Attempt, metadata: Metadata, coding: string | undefined): void {
    this.#choose(attempt);
    this.call.headersArrived(metadata, coding);
  }

  /** From now on this attempt is the call. The others are cancelled, and what it has sent need not be kept. */
  #choose(attempt: Attempt): void {
    if (this.#chosen !== undefined) return;
    this.#chosen = attempt;
    this.#cancelPlan();
    for (const other of this.#live) {
      if (other === attempt) continue;
      this.#live.delete(other);
      other.leave(true, undefined);
      this.#past.push(other.facts());
    }
    const stream = attempt.stream as ClientHttp2Stream;
    this.#sent.narrow(stream);
    this.call.responses.attach(stream);
  }

  /** "If the buffer is full, the RPC is committed to the attempt that has sent the most messages." All were given the same. */
  #chooseFastest(): void {
    let fastest: Attempt | undefined;
    for (const attempt of this.#live) {
      if (attempt.stream === undefined) continue;
      if ((fastest?.stream?.writableLength ?? Infinity) > attempt.stream.writableLength) fastest = attempt;
    }
    if (fastest !== undefined) this.#choose(fastest);
  }

  ended(attempt: Attempt, end: AttemptEnd): void {
    const { throttle } = this.call.channel;
    const { code } = end.status;
    if (code === Code.OK) {
      throttle?.succeeded();
      this.#choose(attempt);
      this.call.attemptEnded(end);
      return;
    }
    if (this.#repeats(attempt, end)) return;
    const pushback = end.trailers === undefined ? undefined : pushbackIn(end.trailers);
    const nonFatal = end.final !== true && this.#policy.nonFatalCodes.includes(code);
    if (nonFatal || pushback === "never") throttle?.failed();
    // That there is no place for another says nothing of those on their way.
    const goesOn = nonFatal || end.final === true;
    if (goesOn && this.#chosen === undefined) this.#goOn(attempt, end, pushback);
    else this.call.attemptEnded(end);
  }

  #repeats(attempt: Attempt, end: AttemptEnd): boolean {
    if (end.unprocessed === undefined || this.#chosen !== undefined) return false;
    if (!this.#unseen.mayRepeat(end.unprocessed)) return false;
    this.#giveWay(attempt, undefined, 0);
    this.#start(attempt.previous);
    return true;
  }

  /** A failure that is not the end: the next one is sent at once, or when the server wants it. */
  #goOn(attempt: Attempt, end: AttemptEnd, pushback: number | "never" | undefined): void {
    this.#lastEnd = end;
    if (pushback === "never" || end.final === true) this.#left = 0;
    const delayMs = this.#left > 0 ? ((pushback as number | undefined) ?? 0) : undefined;
    this.#giveWay(attempt, pushback, delayMs);
    this.#plan(delayMs ?? 0);
    if (this.#live.size === 0 && this.#stopTimer === undefined) this.#endWith(end);
  }

  #giveWay(attempt: Attempt, pushback: number | "never" | undefined, delayMs: number | undefined): void {
    this.#failures.push(...attempt.failures(""));
    this.#past.push(attempt.facts({ pushback, delayMs }));
    this.#live.delete(attempt);
    if (attempt.stream !== undefined) this.#streams.delete(attempt.stream);
    if (this.#streams.size === 0) this.#sent.detach();
    attempt.giveWay();
  }

  #endWith(end: AttemptEnd): void {
    if (!this.#over) this.call.attemptEnded(end);
  }

  suspectSilent(): void {
    for (const attempt of this.#live) attempt.suspectIfSilent();
  }

  leave(cancel: boolean, code: Code | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelPlan();
    for (const attempt of this.#live) attempt.leave(cancel || !this.#isLast(attempt), code);
    this.#sent.commit();
  }

  /** Whether it is the one whose end is the call's. */
  #isLast(attempt: Attempt): boolean {
    return this.#chosen === undefined ? attempt.told : attempt === this.#chosen;
  }
}
