/**
 * A request to begin with: every plain field of a message, with a value that somebody may change.
 *
 * Laws: what is printed is JSON that the method's own type takes; a type for which there is none has no sample.
 */
import { fromJsonString, type MessageType, toJsonString } from "../index.js";

/** Enough to see what a request is like. */
const MAX_TEXT = 300;

/** The request as JSON on one line; `undefined` when it has nothing to fill in, or nothing short. */
export function sampleRequest(type: MessageType): string | undefined {
  try {
    const text = toJsonString(type, filled(type.decode(new Uint8Array())), { emitDefaults: true });
    // It must come back, or it would be no help.
    fromJsonString(type, text);
    return text === "{}" || text.length > MAX_TEXT ? undefined : text;
  } catch {
    return undefined;
  }
}

/** A text that is empty is often refused; a number that is 0 is not. */
function filled(message: unknown): unknown {
  if (typeof message !== "object" || message === null) return message;
  return Object.fromEntries(Object.entries(message).map(([name, value]) => [name, value === "" ? "hello" : value]));
}
