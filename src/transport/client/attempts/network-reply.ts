/**
 * The reply of the network, as the innermost `next()` gives it.
 *
 * Laws: it settles once: for unary methods when the call has ended, for others with the headers; a call that failed before rejects
 * it; trailers are filled in when they have come.
 */
import { Metadata } from "../../../codec/metadata.js";
import { sendsOneResponse } from "../../../codec/method.js";
import type { Reply } from "../../intercept.js";
import { OneMessage } from "../../messages.js";
import type { ClientCall } from "../client-call.js";

/** The reply of one call. */
export class NetworkReply {
  readonly #call: ClientCall;
  #reply: Reply | undefined;
  #resolve: ((reply: Reply) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;
  #whenFinished: (() => void) | undefined;

  constructor(call: ClientCall) {
    this.#call = call;
  }

  /** To be called before the call is started. */
  begin(): Promise<Reply> {
    const { method, outcome, responses } = this.#call;
    if (method.kind === "unary") {
      return new Promise((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      });
    }
    const messages = sendsOneResponse(method.kind) ? this.#lateResponse() : responses;
    return outcome.headers.then((headers) => {
      if (outcome.error !== undefined && !outcome.hasHeaders) throw outcome.error;
      return this.#replyOf(headers, messages);
    });
  }

  #replyOf(headers: Metadata, messages: AsyncIterable<unknown>): Reply {
    const reply = { headers, messages, trailers: new Metadata() };
    this.#reply = reply;
    if (this.#call.outcome.decided) this.#fillTrailers(reply);
    return reply;
  }

  /** Whether a reply says what the network has said, and nothing else. */
  isSame({ headers, messages, trailers }: Reply): boolean {
    const reply = this.#reply;
    return (
      reply !== undefined && messages === reply.messages && headers === reply.headers && trailers === reply.trailers
    );
  }

  /** The call has ended. */
  finished(): void {
    const { outcome, response } = this.#call;
    this.#whenFinished?.();
    if (this.#reply !== undefined) this.#fillTrailers(this.#reply);
    if (outcome.error !== undefined) this.#reject?.(outcome.error);
    else if (this.#resolve !== undefined) {
      this.#resolve(this.#replyOf(outcome.peerHeaders ?? new Metadata(), new OneMessage(response)));
    }
  }

  #fillTrailers({ trailers }: Reply): void {
    const { peerTrailers } = this.#call.outcome;
    if (peerTrailers !== undefined && peerTrailers.size > 0) trailers.merge(peerTrailers);
  }

  /** The one response of a client-streaming call, whose headers may come long before it. */
  async *#lateResponse(): AsyncGenerator {
    const { outcome } = this.#call;
    if (!outcome.decided) await new Promise<void>((resolve) => (this.#whenFinished = resolve));
    if (outcome.error !== undefined) throw outcome.error;
    yield this.#call.response;
  }
}
