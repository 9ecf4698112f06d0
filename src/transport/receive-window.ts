/**
 * The receive window of a connection: how many bytes its peer may send ahead of this side's reading, all streams together.
 *
 * Spec: RFC 9113 §5.2, §6.9.1; gRFC A8 (what PINGs a peer takes).
 * Laws: begins with what every TCP connection holds, and doubles when the network was seen to carry it; never shrinks; once it is as
 * large as allowed, or as long as little comes, it costs one subtraction a chunk.
 *
 * While Node (before 26) waits for the kernel to take what it writes, it does not read. Two such peers that both write more
 * than the kernels between them hold wait for each other, for ever: a large window from the first byte invites exactly that. A kernel's
 * buffers grow with what an application reads in a round trip, so the window follows: a PING measures the round trip, and what came
 * meanwhile says whether the window was what held the peer back. Where nothing grows, as in a socket of this machine or a stream of
 * JavaScript's, the window does not either.
 */
import type { Http2Session } from "node:http2";

/** What HTTP/2 begins with, and every kernel's receive buffer holds. RFC 9113 §6.9.2. */
const FIRST_BYTES = 65_535;
/** The share of the window that has to come within a round trip for it to count as full: updates are sent when half of it is used. */
const FULL = 1 / 3;

/** After so many full windows that were slower the best rate is forgotten. */
const PATIENCE = 16;

/** The receive window of one connection. */
export class ReceiveWindow {
  readonly #session: Http2Session;
  readonly #maxBytes: number;
  #bytes: number;
  /** How many bytes may still come before the network is measured again. */
  #beforeMeasure: number;
  #measuring = false;
  /** The most bytes a millisecond that were seen. */
  #bestRate = 0;
  #slower = 0;

  /** `maxBytes` is how large it may get. The session must have connected. */
  constructor(session: Http2Session, maxBytes: number) {
    this.#session = session;
    const isTcp = session.socket.remoteAddress !== undefined;
    this.#maxBytes = isTcp ? maxBytes : Math.min(FIRST_BYTES, maxBytes);
    this.#bytes = Math.min(FIRST_BYTES, maxBytes);
    this.#beforeMeasure = this.#untilMeasure();
    // Nothing to do on a Node that begins with what HTTP/2 says.
    session.setLocalWindowSize(this.#bytes);
  }

  /** So many bytes have come. */
  received(bytes: number): void {
    this.#beforeMeasure -= bytes;
    if (this.#beforeMeasure <= 0 && !this.#measuring) this.#measure();
  }

  #untilMeasure(): number {
    return this.#bytes < this.#maxBytes ? this.#bytes / 2 : Infinity;
  }

  #measure(): void {
    this.#beforeMeasure = 0;
    const begin = performance.now();
    this.#measuring = this.#ping((answered) => {
      this.#measuring = false;
      if (answered) this.#measured(-this.#beforeMeasure, performance.now() - begin);
      this.#beforeMeasure = this.#untilMeasure();
    });
    if (!this.#measuring) this.#beforeMeasure = this.#untilMeasure();
  }

  /** So many bytes came within one round trip. A larger window is of use as long as the last one made it faster. */
  #measured(bytes: number, ms: number): void {
    if (bytes < this.#bytes * FULL) return;
    const rate = bytes / ms;
    if (rate > this.#bestRate) {
      this.#bestRate = rate;
      this.#slower = 0;
      this.#grow();
    } else if (++this.#slower === PATIENCE) {
      // One lucky measurement, or a way that has become longer, is not to count for ever.
      this.#bestRate = 0;
      this.#slower = 0;
    }
  }

  #ping(told: (answered: boolean) => void): boolean {
    if (this.#session.destroyed) return false;
    try {
      return this.#session.ping((error) => told(error === null));
    } catch {
      return false; // It is about to be destroyed.
    }
  }

  #grow(): void {
    if (this.#session.destroyed) return;
    this.#bytes = Math.min(this.#bytes * 2, this.#maxBytes);
    this.#session.setLocalWindowSize(this.#bytes);
  }
}
