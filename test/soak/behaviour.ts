/**
 * What the soaked server does with a call: what its first request asks for.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Code, Metadata, StatusError, type Client, type HandlerCall } from "../../src/index.js";
import type { EchoMessage, EchoMessageInit, EchoService } from "../support/echo-service.js";
import { aborted, bytesOf } from "../support/echo-ways.js";

/** One message of this is over no limit, and some of them are more than a window. */
export const CHUNK = bytesOf(16_384);
const SLOW_MS = 5;

/** Clients that wait until a handler runs, by the number in their request. */
export class Begun {
  readonly #waiting = new Map<number, () => void>();
  #last = 0;

  /** A number to send, and what resolves when a handler has got it. */
  next(): { readonly number: number; readonly begun: Promise<void> } {
    const number = ++this.#last;
    return { number, begun: new Promise((resolve) => this.#waiting.set(number, resolve)) };
  }

  tell(number: number): void {
    this.#waiting.get(number)?.();
    this.#waiting.delete(number);
  }

  /** What no handler ever got. */
  clear(): void {
    this.#waiting.clear();
  }
}

/** Answers every request by its text. `upstream` is another server, for calls that are made within calls. */
export function behaviour(begun: Begun, upstream: () => Client<EchoService>) {
  return async function* (
    requests: AsyncIterable<EchoMessage>,
    call: HandlerCall,
  ): AsyncGenerator<EchoMessageInit, void, undefined> {
    for await (const request of requests) {
      const { text, number } = request;
      if (text === "fail") {
        throw new StatusError(Code.NOT_FOUND, "asked to", { trailers: new Metadata({ reason: "asked" }) });
      }
      if (text === "throw") throw new Error("asked to");
      if (text === "leave") {
        yield request;
        return;
      }
      if (text === "wait" || text === "headers") {
        if (text === "headers") call.sendHeaders();
        begun.tell(number);
        await aborted(call.signal);
        throw call.signal.reason;
      }
      if (text === "deaf") {
        begun.tell(number);
        await sleep(SLOW_MS);
      }
      if (text === "many") for (let sent = 0; sent < number; sent++) yield { payload: CHUNK };
      if (text === "many, wait") {
        for (let sent = 0; sent < number; sent++) yield { payload: CHUNK };
        await aborted(call.signal);
      }
      if (text === "few") for (let sent = 0; sent < number; sent++) yield { number: sent };
      if (text === "forward") yield await upstream().unary({ text: "echo" }, { signal: call.signal });
      if (text === "forward, wait") yield await upstream().unary({ text: "wait", number }, { signal: call.signal });
      if (text === "gzip") {
        call.compression = "gzip";
        yield { payload: CHUNK.subarray(0, number) };
      }
      yield request;
    }
  };
}
