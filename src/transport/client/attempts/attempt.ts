/**
 * One attempt at a call: from asking for credentials and a place, over a stream, to the moment it is known how it ended.
 *
 * Spec: gRFC A6; gRFC A54 (codes that balancers and credentials fail with).
 * Laws: an attempt ends once, and one that was left says nothing more; its place is given back once; what this side itself does
 * not send or take ends the call, as it would not on another attempt either.
 */
import type { ClientHttp2Stream } from "node:http2";
import type { FailedAttempt } from "../../../codec/failure-report.js";
import type { HeaderFields } from "../../../codec/header-block.js";
import { Metadata } from "../../../codec/metadata.js";
import type { Method } from "../../../codec/method.js";
import { Code, StatusError } from "../../../codec/status.js";
import type { Peer } from "../../call.js";
import type { AttemptEnd } from "./attempt-end.js";
import type { AttemptFacts } from "./attempt-facts.js";
import { AttemptStream, type AttemptStreamOwner } from "./attempt-stream.js";
import type { AttemptedCall } from "./attempted-call.js";
import { metadataFrom, plaintextError, type CallCredentials } from "../call-credentials.js";
import { failuresOf } from "../explain.js";
import { permittedStatus } from "../balancing/control-plane.js";
import type { Lease, Wish } from "../balancing/placement.js";
import { requestFields } from "./request-head.js";
import type { Clock } from "../clock.js";
import { sessionGone } from "./stream-error.js";

/** Whoever makes attempts: what it must hear from each. */
export interface AttemptOwner {
  readonly call: AttemptedCall;
  /** A place was found, or none, after `waitedMs`: by now everything is known of the method. Says whose attempt it is. */
  settle(attempt: Attempt, waitedMs: number): AttemptOwner;
  /** The stream is open: what there is to send can be sent. */
  opened(attempt: Attempt, stream: ClientHttp2Stream): void;
  headersArrived(attempt: Attempt, metadata: Metadata, coding: string | undefined): void;
  /** The attempt is over, and everything before its status has arrived. */
  ended(attempt: Attempt, end: AttemptEnd): void;
}

/** One attempt: the place it asked for, and its stream. */
export class Attempt implements Wish, AttemptStreamOwner {
  readonly call: AttemptedCall;
  /** How many were made before it. */
  readonly previous: number;
  #owner: AttemptOwner;
  /** Without one nobody looks at the time. */
  readonly #clock: Clock | undefined;
  readonly #beganMs: number | undefined;
  #endedMs: number | undefined;
  /** Since when it has waited for credentials and a place, if it had to. */
  #waitsSinceMs: number | undefined;
  #placedMs: number | undefined;
  /** What the credentials said for this attempt. */
  #proof: Metadata | undefined;
  #lease: Lease | undefined;
  #stream: AttemptStream | undefined;
  #end: AttemptEnd | undefined;
  #over = false;

  constructor(owner: AttemptOwner, previous: number, clock: Clock | undefined) {
    this.call = owner.call;
    this.#owner = owner;
    this.previous = previous;
    this.#clock = clock;
    this.#beganMs = clock?.now();
  }

  get method(): Method {
    return this.call.method;
  }

  /** What goes out with it. */
  get metadata(): Metadata | undefined {
    const { metadata } = this.call;
    return this.#proof === undefined ? metadata : new Metadata(metadata).merge(this.#proof);
  }

  get waitForReady(): boolean {
    return this.call.waitForReady;
  }

  /** There is one while the attempt is on its way. */
  get stream(): ClientHttp2Stream | undefined {
    return this.#stream?.stream;
  }

  /** Whether the server has said how the call ended. */
  get told(): boolean {
    return this.#stream?.told === true;
  }

  /** Who is at the other end, once there is one. */
  get peer(): Peer | undefined {
    return this.#lease?.connection.peer;
  }

  /** What is known of it at this moment. `next` is what follows because of its end. */
  facts(next?: Pick<AttemptFacts, "pushback" | "delayMs">): AttemptFacts {
    return {
      previous: this.previous,
      address: this.#lease?.address,
      status: this.#end?.status,
      durationMs: this.durationMs,
      unprocessed: this.#end?.unprocessed !== undefined,
      pushback: next?.pushback,
      delayMs: next?.delayMs,
    };
  }

  /** What it tried in vain; `why` is what ends it, if it has not ended by itself. */
  failures(why: string): readonly FailedAttempt[] {
    const trace = {
      end: this.#end,
      address: this.#lease?.address,
      hasStream: this.#stream !== undefined,
      durationMs: this.durationMs,
      placement: this.call.channel.placement,
    };
    return failuresOf(trace, why);
  }

  /** How long it has waited for credentials and a place, in milliseconds. */
  get waitedMs(): number {
    if (this.#waitsSinceMs === undefined) return 0;
    return (this.#placedMs ?? this.call.channel.retryClock.now()) - this.#waitsSinceMs;
  }

  /** `undefined` where nobody looked at the clock. */
  get durationMs(): number | undefined {
    if (this.#clock === undefined || this.#beganMs === undefined) return undefined;
    return (this.#endedMs ?? this.#clock.now()) - this.#beganMs;
  }

  /** Asks for credentials, if there are any, and then for a place. */
  begin(): void {
    const { credentials, channel } = this.call;
    if (credentials === undefined) this.#takePlace();
    else if (channel.mayCarryCredentials) void this.#authenticate(credentials);
    else this.refused(plaintextError());
  }

  async #authenticate(credentials: readonly CallCredentials[]): Promise<void> {
    const { method, authority, channel } = this.call;
    this.#waitsSinceMs = channel.retryClock.now();
    try {
      this.#proof = await metadataFrom(credentials, method, authority ?? channel.authority);
    } catch (error) {
      this.#failed(error as StatusError, false);
      return;
    }
    if (!this.#over) this.#takePlace();
  }

  #takePlace(): void {
    const { placement } = this.call.channel;
    const lease = placement.take(this);
    if (lease !== undefined) this.ready(lease);
    else {
      this.#waitsSinceMs ??= this.call.channel.retryClock.now();
      placement.wait(this);
    }
  }

  #settle(): void {
    if (this.#waitsSinceMs === undefined) return;
    this.#placedMs = this.call.channel.retryClock.now();
    this.#owner = this.#owner.settle(this, this.#placedMs - this.#waitsSinceMs);
  }

  failed(error: StatusError, final = false): void {
    const waits = this.waitForReady;
    this.#settle();
    // It is to wait after all.
    if (!waits && this.waitForReady && !final && !this.#over) {
      this.#placedMs = undefined;
      this.call.channel.placement.wait(this);
    } else this.#failed(permittedStatus(error, "the balancing policy"), final);
  }

  #failed(error: StatusError, final: boolean): void {
    const status = { code: error.code, message: error.rawMessage };
    this.streamEnded({ status, origin: error.origin, error, final });
  }

  /** There is a session with room: the stream is opened. */
  ready(lease: Lease): void {
    this.#lease = lease;
    this.#settle();
    if (this.#over) return;
    const { connection } = lease;
    // Asked here, as Node tells it in two ways: `request()` throws, or from 24 on returns a stream that fails.
    if (connection.session.destroyed || connection.session.closed) {
      this.streamEnded(sessionGone(connection));
      return;
    }
    const timeoutMs = this.call.deadline?.remainingMs;
    if (timeoutMs !== undefined && timeoutMs <= 0) {
      this.call.deadlineExceeded();
      return;
    }
    const head = { timeoutMs, metadata: this.metadata, previousAttempts: this.previous };
    const fields = requestFields(this.call, connection, head);
    if (fields instanceof StatusError) this.refused(fields);
    else this.#send(lease, fields);
  }

  #send({ connection }: Lease, fields: HeaderFields): void {
    try {
      this.#stream = new AttemptStream(this, connection, fields);
      this.#owner.opened(this, this.#stream.stream);
    } catch (error) {
      // Node refuses the metadata.
      const reason = error instanceof Error ? error.message : String(error);
      const text = `the request headers cannot be sent: ${reason}`;
      this.refused(new StatusError(Code.INTERNAL, text, { cause: error }));
    }
  }

  headersArrived(metadata: Metadata, coding: string | undefined): void {
    this.#owner.headersArrived(this, metadata, coding);
  }

  refused(error: StatusError): void {
    if (!this.#over) this.call.fail(error);
  }

  streamEnded(end: AttemptEnd): void {
    if (this.#over) return;
    this.#end = end;
    this.#endedMs = this.#clock?.now();
    this.#owner.ended(this, end);
  }

  drained(): void {
    this.call.requests.drained();
  }

  /** The time is up. A connection of which nothing at all came since the stream was opened is looked after. */
  suspectIfSilent(): void {
    if (this.#stream?.silent === true) this.#lease?.suspect();
  }

  /** Gives the attempt up after its end, for another that takes its place. */
  giveWay(): void {
    const { session } = this.#lease?.connection ?? {};
    // In this order: the place given back goes to the next call that waits, which must not get the same session.
    if (session?.destroyed === true || session?.closed === true) this.#lease?.retire();
    // After trailers the server has finished, so that nothing is to be cancelled.
    this.leave(this.#end?.trailers === undefined, undefined);
  }

  /**
   * The call has no more use for this attempt: the stream ends, the place is given back. `cancel` says that the server has not
   * finished, `code` what the call ends in, if the attempt has not ended by itself. Does nothing the second time.
   */
  leave(cancel: boolean, code: Code | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#endedMs ??= this.#clock?.now();
    this.#stream?.leave(cancel);
    if (this.#lease === undefined) this.call.channel.placement.forget(this);
    // Without a stream nothing is known of the server.
    else this.#lease.release(this.#stream === undefined ? undefined : (this.#end?.status.code ?? code));
  }
}
