/**
 * Sends the requests of an iterable, for a call that has been started.
 */
import { sendAll } from "../../send-all.js";
import type { Requests } from "../calls.js";
import type { ClientCall } from "../client-call.js";

/** Sends all of them, then half-closes; what the iterable throws is the end of the call. */
export function sendRequests(call: ClientCall, requests: Requests<unknown>): void {
  sendAll(requests, call.requests).then(
    () => call.requests.end(),
    (error: unknown) => {
      if (!call.requests.closed) call.requestsFailed(error);
    },
  );
}
