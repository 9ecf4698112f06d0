/**
 * What the Node that runs a test does differently from others, by name.
 */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

function since(first: number, firstMinor = 0): boolean {
  return major > first || (major === first && minor >= firstMinor);
}

/** A session that finds a connection error sends a GOAWAY, reads nothing more, and tells nobody. */
export const SESSIONS_GO_DEAF = !since(21);
/** A received field whose value begins or ends with a space is not told of. */
export const DROPS_SPACED_VALUES = !(major === 24 ? since(24, 2) : since(22, 17));
/** A server can be told how many resets it takes from a client before it drops the connection. */
export const HAS_RESET_LIMITS = since(22, 10);
/** A session can be told to send a second value of `authorization` and the like; other versions refuse it. */
export const SENDS_REPEATED_FIELDS = major === 25 ? since(25, 7) : since(24, 15);
/** `inspect` shows a symbol's property without brackets. */
export const BARE_SYMBOLS = since(24);

const [, nghttp2Minor = 0] = (process.versions["nghttp2"] ?? "").split(".").map(Number);
/**
 * The HTTP/2 library below drops a connection of many frames that say nothing (DATA of padding, PRIORITY), takes PRIORITY for nothing
 * at all, and DATA beyond a content-length or a window for an error of the connection. Seen with 1.69 and 1.70, not with 1.61.
 */
export const DROPS_IDLE_TALK = nghttp2Minor >= 69;
