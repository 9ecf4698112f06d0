/**
 * `orderer.StreamService`: the first request sets twenty responses off, whether or not more requests come.
 *
 * Source: proto/orderer.proto.
 */
import { Code, type Implementation, StatusError } from "../core.js";
import type { StreamRequest, StreamResponseInit, StreamService } from "./gen/orderer.js";

/** The key of every response, as clients of this service know it. */
const RESPONSE_KEY = "gPRC Stream Client: Key";

/** The values of the responses, each sent {@link REPEATS} times. */
const RESPONSE_VALUES = ["this is value100", "this is value101"];
const REPEATS = 10;

/** An implementation of StreamService: `server.add(StreamService, streamService())`. */
export function streamService(): Implementation<StreamService> {
  return {
    async *route(requests) {
      const first = await firstOf(requests);
      if (first === undefined) return;
      if (first.pt === undefined) throw new StatusError(Code.INVALID_ARGUMENT, "pt must be given: it is missing");
      yield* responses();
    },
  };
}

/** The first request, or `undefined` when the client half-closes before it. Later ones are not read. */
async function firstOf(requests: AsyncIterable<StreamRequest>): Promise<StreamRequest | undefined> {
  const { value, done } = await requests[Symbol.asyncIterator]().next();
  return done === true ? undefined : value;
}

function* responses(): Generator<StreamResponseInit> {
  for (const value of RESPONSE_VALUES) {
    for (let sent = 0; sent < REPEATS; sent++) yield { pt: { key: RESPONSE_KEY, value } };
  }
}
