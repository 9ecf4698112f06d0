/**
 * Keepalive of a client: asks a connection that has fallen silent whether there is still somebody.
 *
 * Spec: gRFC A8, "Basic Keepalive"; keepalive.md.
 * Laws: silence counts from the last byte that was read, whatever it belonged to; without calls nothing is asked, unless that is
 * permitted; no timer keeps the process alive.
 */
import { MAX_TIMER_MS } from "../../options.js";

/** When to ask, and how long to wait. */
export interface KeepalivePolicy {
  /** After how long a silence to ask, in milliseconds. */
  readonly timeMs: number;
  /** How long the answer may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether to ask while there is no call. */
  readonly withoutCalls: boolean;
}

/** The connection, as far as keepalive needs it. */
export interface KeptConnection {
  /** Bytes read from the peer so far. */
  readonly bytesRead: number;
  /** Whether there are calls. */
  readonly hasCalls: boolean;
  /** Asks for a sign of life; `answered` hears whether it came in time. */
  probe(timeoutMs: number, answered: (alive: boolean) => void): void;
  /** There is nobody any more. */
  dead(): void;
}

/** Node tells no one when bytes come: they are counted this often within the time of silence. */
const LOOKS = 10;

/** The keepalive of one connection. */
export class KeepaliveTimer {
  readonly #policy: KeepalivePolicy;
  readonly #connection: KeptConnection;
  readonly #now: () => number;
  #bytesRead = 0;
  #lastReadMs: number;
  #timer: NodeJS.Timeout | undefined;
  #asking = false;
  #stopped = false;

  constructor(policy: KeepalivePolicy, connection: KeptConnection, now: () => number = () => performance.now()) {
    this.#policy = policy;
    this.#connection = connection;
    this.#now = now;
    this.#lastReadMs = now();
    this.#look();
  }

  /** A first call has come: asks at once when the silence before it was too long. */
  callStarted(): void {
    if (this.#timer === undefined && !this.#asking) this.#look();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#stopped) return;
    this.#noteBytes();
    if (!this.#connection.hasCalls && !this.#policy.withoutCalls) return;
    const leftMs = this.#policy.timeMs - (this.#now() - this.#lastReadMs);
    if (leftMs <= 0) this.#ask();
    else this.#lookIn(Math.min(leftMs, this.#policy.timeMs / LOOKS));
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(() => this.#look(), Math.min(Math.ceil(ms), MAX_TIMER_MS)).unref();
  }

  /** Says whether bytes have come since it was last asked. */
  #noteBytes(): boolean {
    const { bytesRead } = this.#connection;
    if (bytesRead === this.#bytesRead) return false;
    this.#bytesRead = bytesRead;
    this.#lastReadMs = this.#now();
    return true;
  }

  #ask(): void {
    this.#asking = true;
    this.#connection.probe(this.#policy.timeoutMs, (alive) => {
      this.#asking = false;
      if (this.#stopped) return;
      // "Any byte counts": an acknowledgement that is stuck behind messages is not missing.
      if (!this.#noteBytes() && !alive) {
        this.stop();
        this.#connection.dead();
        return;
      }
      this.#lastReadMs = this.#now();
      this.#lookIn(this.#policy.timeMs / LOOKS);
    });
  }
}
