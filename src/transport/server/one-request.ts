/**
 * The one request of a unary or server-streaming call: waits until it is known to be the only one.
 *
 * Spec: statuscodes.md (cardinality).
 * Laws: whoever waits hears once: of the message, of what is wrong with it, or that the call is over.
 */
import type { MessageStream } from "../message-stream.js";
import type { StatusError } from "../../codec/status.js";

/** Who wants the message. */
export interface RequestTaker {
  taken(request: unknown): void;
  /** There is none: it cannot be taken, or the call ended before it was whole. */
  missed(error: StatusError): void;
}

/** A request that somebody waits for. */
export class OneRequest {
  readonly #requests: MessageStream<unknown>;
  #taker: RequestTaker | undefined;

  constructor(requests: MessageStream<unknown>, taker: RequestTaker) {
    this.#requests = requests;
    this.#taker = taker;
  }

  /** The client has said that its requests are complete. */
  complete(): void {
    const opening = this.#requests.openOne();
    if (opening === undefined) this.#take();
    else void opening.then(() => this.#take());
  }

  #take(): void {
    const taker = this.#taker;
    this.#taker = undefined;
    if (taker === undefined) return;
    let request: unknown;
    try {
      request = this.#requests.takeOne();
    } catch (error) {
      taker.missed(error as StatusError);
      return;
    }
    taker.taken(request);
  }

  /** The call is over. Does nothing once the request was taken. */
  drop(error: StatusError): void {
    const taker = this.#taker;
    this.#taker = undefined;
    taker?.missed(error);
  }
}
