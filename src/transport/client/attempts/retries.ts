/**
 * The attempts of a call one after another: as its policy has it, and without one only where no server took the call.
 *
 * Spec: gRFC A6 (retries, "When Retries are Valid", "Transparent Retries").
 * Laws: every attempt is placed anew; once a response has begun, or more was sent than is kept, there is no other; a call whose
 * method has no policy never reaches two handlers.
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
import { Hedges } from "./hedges.js";
import type { RetryPolicy } from "../settings/method-settings.js";
import { pushbackIn } from "./pushback.js";
import { RetryBuffer } from "./retry-buffer.js";
import type { Clock } from "../clock.js";
import { RetrySchedule } from "./retry-schedule.js";
import { UnseenAttempts } from "./unseen-attempts.js";

/** One attempt, and those that follow it. */
export class Retries implements Attempts, AttemptOwner {
  readonly call: AttemptedCall;
  /** Without a policy there is none. */
  #schedule: RetrySchedule | undefined;
  /** None while the next one is waited for. */
  #attempt: Attempt | undefined;
  /** What was sent, and what is to be sent. */
  #sent: RetryBuffer | undefined;
  #committed = false;
  #unseen: UnseenAttempts | undefined;
  /** How many attempts the policy counts that have ended. */
  #previous = 0;
  #past: AttemptFacts[] | undefined;
  #failures: FailedAttempt[] | undefined;
  #stopWaiting: (() => void) | undefined;

  constructor(call: AttemptedCall, policy: RetryPolicy | undefined) {
    this.call = call;
    this.#schedule = this.#scheduleOf(policy);
  }

  #scheduleOf(policy: RetryPolicy | undefined): RetrySchedule | undefined {
    if (policy === undefined) return undefined;
    return new RetrySchedule(policy, this.call.channel.limits.maxAttempts, () => this.#clock.random());
  }

  get #clock(): Clock {
    return this.call.channel.retryClock;
  }

  get phase(): string {
    if (this.#stopWaiting !== undefined) return `waiting for attempt ${this.#previous + 1}`;
    return this.#attempt?.stream === undefined ? "waiting for a connection" : "waiting for the response";
  }

  get told(): boolean {
    return this.#attempt?.told === true;
  }

  get peer(): Peer | undefined {
    return this.#attempt?.peer;
  }

  get facts(): readonly AttemptFacts[] {
    const past = this.#past ?? [];
    return this.#attempt === undefined ? past : [...past, this.#attempt.facts()];
  }

  failures(why: string): readonly FailedAttempt[] {
    const last = this.#attempt?.failures(why) ?? [];
    return this.#failures === undefined ? last : [...this.#failures, ...last];
  }

  timeMarks(elapsedMs: number): TimeMarks {
    const attempt = this.#attempt;
    if (attempt === undefined) return { earlierMs: elapsedMs, connectingMs: 0 };
    const earlierMs = this.#past === undefined ? 0 : Math.max(0, elapsedMs - (attempt.durationMs ?? elapsedMs));
    return { earlierMs, connectingMs: attempt.stream === undefined ? elapsedMs - earlierMs : attempt.waitedMs };
  }

  begin(): void {
    const looksAtClock = this.#schedule !== undefined || this.#past !== undefined;
    const attempt = new Attempt(this, this.#previous, looksAtClock ? this.#clock : undefined);
    this.#attempt = attempt;
    attempt.begin();
  }

  settle(attempt: Attempt, waitedMs: number): AttemptOwner {
    const policies = this.#past === undefined ? this.call.settle(waitedMs) : undefined;
    if (policies === undefined) return this;
    if (policies.hedging === undefined) {
      this.#schedule = this.#scheduleOf(policies.retry);
      return this;
    }
    const hedges = new Hedges(this.call, policies.hedging);
    this.call.follow(hedges);
    hedges.takeOver(attempt);
    return hedges;
  }

  opened(_attempt: Attempt, stream: ClientHttp2Stream): void {
    const { requests, responses, channel } = this.call;
    responses.attach(stream);
    if (this.#sent !== undefined) {
      if (this.#sent.attach(stream)) requests.drained();
      return;
    }
    this.#sent = new RetryBuffer(channel.limits.maxRetryBufferBytes, channel.retryBudget);
    this.#sent.attach(stream);
    requests.attach(this.#sent);
  }

  headersArrived(_attempt: Attempt, metadata: Metadata, coding: string | undefined): void {
    this.#committed = true;
    this.#sent?.commit();
    this.call.headersArrived(metadata, coding);
  }

  ended(attempt: Attempt, end: AttemptEnd): void {
    if (end.status.code === Code.OK) this.call.channel.throttle?.succeeded();
    else if (this.#repeats(attempt, end) || this.#retries(attempt, end)) return;
    this.call.attemptEnded(end);
  }

  /** There may be another attempt: nothing of the response has come, and everything sent so far is here. */
  get #replayable(): boolean {
    return !this.#committed && this.#sent?.replayable !== false;
  }

  /** Sends at once again what no server took. */
  #repeats(attempt: Attempt, end: AttemptEnd): boolean {
    if (end.unprocessed === undefined || !this.#replayable) return false;
    this.#unseen ??= new UnseenAttempts();
    if (!this.#unseen.mayRepeat(end.unprocessed)) return false;
    this.#giveWay(attempt, undefined, 0);
    this.begin();
    return true;
  }

  /** Waits for the next attempt if the policy wants one. */
  #retries(attempt: Attempt, end: AttemptEnd): boolean {
    const { throttle } = this.call.channel;
    const schedule = this.#schedule;
    if (schedule === undefined && throttle === undefined) return false;
    const pushback = end.trailers === undefined ? undefined : pushbackIn(end.trailers);
    const covered = end.final !== true && schedule?.covers(end.status.code) === true;
    if (covered || pushback === "never") throttle?.failed();
    if (!covered || !this.#replayable || throttle?.allows === false) return false;
    const delayMs = schedule.next(pushback);
    if (delayMs === undefined) return false;
    this.#giveWay(attempt, pushback, delayMs);
    this.#previous++;
    this.#wait(delayMs);
    return true;
  }

  #giveWay(attempt: Attempt, pushback: number | "never" | undefined, delayMs: number): void {
    (this.#failures ??= []).push(...attempt.failures(""));
    (this.#past ??= []).push(attempt.facts({ pushback, delayMs }));
    this.#attempt = undefined;
    this.#sent?.detach();
    attempt.giveWay();
  }

  #wait(delayMs: number): void {
    if (delayMs === 0) {
      this.begin();
      return;
    }
    this.#stopWaiting = this.#clock.after(delayMs, () => {
      this.#stopWaiting = undefined;
      this.begin();
    });
  }

  suspectSilent(): void {
    this.#attempt?.suspectIfSilent();
  }

  leave(cancel: boolean, code: Code | undefined): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    this.#attempt?.leave(cancel, code);
    this.#sent?.commit();
  }
}
