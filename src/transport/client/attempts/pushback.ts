/**
 * Pushback: what a server says, in the trailers of a failed call, of when it may be tried again.
 *
 * Spec: gRFC A6, "Pushback".
 * Laws: whatever cannot be read means never.
 */
import type { Metadata } from "../../../codec/metadata.js";

const NAME = "grpc-retry-pushback-ms";
const MAX_INT32 = 2 ** 31 - 1;

/** After how many milliseconds the server wants the call again, `"never"`, or `undefined` if it says nothing. */
export function pushbackIn(trailers: Metadata): number | "never" | undefined {
  if (!trailers.has(NAME)) return undefined;
  const [value, ...more] = trailers.getAll(NAME);
  if (more.length > 0 || value === undefined || !/^\d{1,10}$/.test(value)) return "never";
  const ms = Number(value);
  return ms > MAX_INT32 ? "never" : ms;
}
