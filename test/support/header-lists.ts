/**
 * Header lists as peers may send them, good, odd and hostile, and the object that `node:http2` makes of one.
 */
import type { IncomingHttpHeaders } from "node:http2";
import fc from "fast-check";

/** Names and values that mean something, and ones that nearly do. */
const MEANINGFUL: readonly (readonly [name: string, values: readonly string[]])[] = [
  [":method", ["POST", "GET", "post", ""]],
  [":path", ["/wire.Wire/Unary", "/wire.Wire/unary", "/", "", "*", "/a/b/c", "//", "/__proto__/constructor"]],
  [":status", ["200", "404", "503", "0", "99999999999", "abc", ""]],
  [
    "content-type",
    ["application/grpc", "application/grpc+proto", "application/grpc+json", "application/grpc;a", "text/html"],
  ],
  ["grpc-timeout", ["1S", "0n", "99999999H", "100000000H", "-1S", "1", "1S, 1S"]],
  ["grpc-encoding", ["identity", "gzip", "", "identity, gzip"]],
  ["grpc-status", ["0", "5", "00", "17", "-0", "0x0", "4294967296", ""]],
  ["grpc-message", ["", "%", "%41", "%ff%fe", "told"]],
  ["te", ["trailers", "gzip"]],
  ["x-bin", ["AAE=", "AAE", "!", "A", "AA_-", ",", "AAE=,AAI"]],
  ["__proto__", ["1"]],
  ["constructor", ["1"]],
  ["x-a", ["1", " 1 ", ""]],
];

/** Every character that HTTP/2 lets pass in a value. */
const latin1 = fc.string({ unit: fc.integer({ min: 1, max: 0xff }).map((code) => String.fromCharCode(code)) });

const meaningful = fc
  .constantFrom(...MEANINGFUL)
  .chain(([name, values]) => fc.tuple(fc.constant(name), fc.oneof(fc.constantFrom(...values), latin1)));

const anything = fc.tuple(fc.stringMatching(/^[!#$%&'*+.^_`|~0-9a-z-]{1,12}$/), latin1);

/** A raw list of names and values, as `node:http2` gives it: `[name, value, name, value, …]`. */
export const headerLists: fc.Arbitrary<readonly string[]> = fc
  .array(fc.oneof({ weight: 3, arbitrary: meaningful }, anything), { maxLength: 12 })
  .map((pairs) => pairs.flat());

/** Names of which Node keeps the first value; those of others are joined. */
const SINGLE: ReadonlySet<string> = new Set([":method", ":path", ":status", "content-type", "te"]);

/** The object that `node:http2` makes of a raw list. */
export function headersOf(raw: readonly string[]): IncomingHttpHeaders {
  const headers = Object.create(null) as Record<string, string>;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (!SINGLE.has(name)) headers[name] = `${before}, ${value}`;
  }
  return headers;
}
