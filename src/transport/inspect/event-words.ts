/**
 * What is said of events wherever they are printed for people: of connections, of how calls ended, of times.
 *
 * Laws: what a stranger wrote is escaped and cut.
 */
import { codeName } from "../../codec/status.js";
import type { SeenCall } from "./call-watch.js";
import type { Secrets } from "./header-words.js";
import { handshakeWords } from "./proxy-tls.js";
import { safeText } from "./safe-text.js";
import { countLines } from "./statistics.js";
import type { Broken, EventOf, WireEvent } from "./wire-event.js";

/** What a TLS record of a handshake begins with. */
const TLS_HANDSHAKE = 0x16;
/** What is shown of the beginning of something that is no HTTP/2, in characters. */
const MAX_FOREIGN_CHARACTERS = 80;

/** The codes of ECMA-48. */
export const COLOURS = { dim: 2, red: 31, green: 32, magenta: 35, cyan: 36 } as const;

/** Text in a colour. */
export function paint(colour: keyof typeof COLOURS, text: string): string {
  return `\u001b[${COLOURS[colour]}m${text}\u001b[0m`;
}

/** How the line of an event begins: its time, and its connection. */
export function lineHead(event: WireEvent): string {
  const where = "connection" in event && event.connection !== undefined ? `[${event.connection}] ` : "";
  return `${timeOfDay(event.atMs)} ${where}`;
}

/** What is to be said of connections, of the proxy and of what was counted; nothing for what passes on connections. */
export function connectionWords(event: WireEvent): readonly string[] {
  switch (event.kind) {
    case "listening":
      return [
        `listening on ${event.address}, passing on to ${event.remote}`,
        ...(event.certificate === undefined ? [] : [event.certificate]),
      ];
    case "handshake-failed":
      return [`no TLS with ${event.peer}: ${handshakeReason(event.error)}`];
    case "opened":
      return [`accepted from ${event.peer}`];
    case "connected":
      return [`connected to ${event.remote}`];
    case "unreachable":
      return [`cannot connect to the server: ${reasonOf(event.error)}`];
    case "fault": {
      const where = event.streamId === undefined ? "" : `, upon stream ${event.streamId}`;
      return [`a fault on purpose: ${safeText(event.fault, 256)}${where}`];
    }
    case "half-closed":
      return [`the ${event.from} has said everything`];
    case "closed":
      return [`closed${brokenWords(event.broken)}`];
    case "counted":
      return countLines(event.counts).map((line) => (event.connection === undefined ? `in all, ${line}` : line));
    default:
      return NO_WORDS;
  }
}

const NO_WORDS: readonly string[] = [];

function brokenWords(broken: Broken | undefined): string {
  return broken === undefined ? "" : `, as the ${broken.from}'s side broke: ${reasonOf(broken.error)}`;
}

/** Node gives an error of several attempts no text of its own, and one of TLS a text for those who wrote OpenSSL. */
export function reasonOf(error: Error): string {
  const words = handshakeWords(error);
  if (words !== undefined) return words;
  const several =
    error instanceof AggregateError ? error.errors.map((one: Error) => one.message).join("; ") : error.name;
  return safeText(error.message === "" ? several : error.message, 256);
}

/** Why there is no TLS with a client. Some say what they do not like, some just leave. */
export function handshakeReason(error: Error): string {
  const hasLeft = (error as NodeJS.ErrnoException).code === "ECONNRESET";
  return hasLeft ? "it left in the middle, perhaps as it does not trust the certificate" : reasonOf(error);
}

/** What something is that is no HTTP/2, as far as its beginning shows. */
export function foreignWords(begins: Uint8Array): string {
  if (begins[0] === TLS_HANDSHAKE) return "TLS";
  const [line = ""] = Buffer.from(begins).toString("latin1").split(/\r?\n/);
  return `no HTTP/2; it begins with "${safeText(line, MAX_FOREIGN_CHARACTERS)}"`;
}

/** What is said of events that are missing. */
export function leftOutWords({ call, count }: EventOf<"left-out">): string {
  const where = call === undefined ? "" : `stream ${call.streamId}: `;
  return `${where}${count} earlier events were let go of while it was not known whether to show them`;
}

/** How a call ended, in words. */
export function endingWords({ ending }: SeenCall, secrets: Secrets): string {
  if (ending === undefined) return "in no way that was seen";
  if (ending.how === "status") {
    const { code, message } = ending.status;
    if (message === "") return codeName(code);
    return `${codeName(code)} "${secrets.hasName("grpc-message") ? "***" : safeText(message, 256)}"`;
  }
  if (ending.how === "reset") return `by a reset of the ${ending.from} (${ending.code})`;
  return ending.how === "lost" ? "with its connection" : "without a status";
}

/** A duration. */
export function inMs(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}

/** `20:05:47.203`, where the reader is; from milliseconds since 1970. */
export function timeOfDay(atMs: number): string {
  const date = new Date(atMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  const seconds = `${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  return `${two(date.getHours())}:${two(date.getMinutes())}:${seconds}`;
}
