/**
 * A frame in words: its name, its flags, and what it means for those who do not know the RFC by heart.
 *
 * Spec: RFC 9113 §6 (frame definitions), §7 (error codes).
 * Laws: what a stranger wrote is escaped and cut.
 */
import { errorCodeName, type Frame, FRAME_TYPES, type RawFrame, type Setting } from "../../codec/http2/frame.js";
import type { SeenFrame, Side } from "./conversation.js";
import { safeText } from "./safe-text.js";

/** What is said of a frame. */
export interface FrameWords {
  /** On the frame's own line. */
  readonly head: string;
  /** On lines of their own below it. */
  readonly notes: readonly string[];
}

const ACK = [0x1, "ACK"] as const;
const END_STREAM = [0x1, "END_STREAM"] as const;
const END_HEADERS = [0x4, "END_HEADERS"] as const;
const PADDED = [0x8, "PADDED"] as const;
const PRIORITY = [0x20, "PRIORITY"] as const;

const FLAGS: Readonly<Record<string, readonly (readonly [bit: number, name: string])[]>> = {
  DATA: [END_STREAM, PADDED],
  HEADERS: [END_STREAM, END_HEADERS, PADDED, PRIORITY],
  SETTINGS: [ACK],
  PUSH_PROMISE: [END_HEADERS, PADDED],
  PING: [ACK],
  CONTINUATION: [END_HEADERS],
};

/** What a GOAWAY says that only warns. §6.8. */
const LAST_OF_ALL = 0x7fff_ffff;
/** Settings that are shown of one frame. */
const MAX_SETTINGS = 32;
/** What is shown of a GOAWAY's text, in characters. */
const MAX_DEBUG_CHARACTERS = 256;

/** The flags of a frame by their names; those without a name by their bits. */
export function flagNames(raw: RawFrame): string[] {
  const known = FLAGS[FRAME_TYPES[raw.type] ?? ""] ?? [];
  const names = known.filter(([bit]) => (raw.flags & bit) !== 0).map(([, name]) => name);
  const rest = known.reduce((flags, [bit]) => flags & ~bit, raw.flags);
  return rest === 0 ? names : [...names, `0x${rest.toString(16)}`];
}

/** Says what a frame is. */
export function frameWords(seen: SeenFrame): FrameWords {
  const { raw, frame } = seen;
  const name = FRAME_TYPES[raw.type] ?? `frame of the unknown type 0x${raw.type.toString(16)}`;
  const where = raw.streamId === 0 ? [] : [`stream ${raw.streamId}`];
  const size = `${raw.payload.length} ${raw.payload.length === 1 ? "byte" : "bytes"}`;
  const padded =
    "paddedBytes" in frame && frame.paddedBytes !== undefined ? [`${frame.paddedBytes} of them padding`] : [];
  const { inline = [], notes = [] } = meaning(frame, seen.from);
  const head = [name, ...where, ...flagNames(raw)].join(" ");
  return { head: `${head}, ${[size, ...padded, ...inline].join(", ")}`, notes };
}

interface Meaning {
  readonly inline?: readonly string[];
  readonly notes?: readonly string[];
}

function meaning(frame: Frame, from: Side): Meaning {
  switch (frame.type) {
    case "SETTINGS":
      return frame.ack
        ? { notes: ["the other side's settings are in force"] }
        : { notes: settingNotes(frame.settings) };
    case "PING":
      return {
        inline: [Buffer.from(frame.opaque).toString("hex")],
        notes: [frame.ack ? "the answer to a PING with the same bytes" : "are you there?"],
      };
    case "WINDOW_UPDATE": {
      const other = from === "client" ? "server" : "client";
      const where = frame.streamId === 0 ? "on the connection" : `on stream ${frame.streamId}`;
      return { notes: [`the ${other} may send ${frame.increment} bytes more ${where}`] };
    }
    case "RST_STREAM":
      return {
        inline: [errorCodeName(frame.code)],
        notes: [`stream ${frame.streamId} ends here: ${codeWords(frame.code)}`],
      };
    case "GOAWAY":
      return goawayMeaning(frame, from);
    case "PRIORITY":
      return { notes: ["an order among streams that nobody follows any more"] };
    case "PUSH_PROMISE":
      return { inline: [`promises stream ${frame.promisedStreamId}`], notes: ["gRPC has no use for pushed responses"] };
    case "malformed":
      return { notes: [`breaks the rules: ${safeText(frame.reason)}`] };
    case "unknown":
      return { notes: ["whoever does not know a type ignores it"] };
    default:
      return {};
  }
}

function goawayMeaning(frame: Frame & { readonly type: "GOAWAY" }, from: Side): Meaning {
  const { lastStreamId, code, debug } = frame;
  const said = debug.length === 0 ? [] : [`it says ${quotedText(debug)}`];
  const above =
    lastStreamId >= LAST_OF_ALL
      ? "every stream that is open is still answered"
      : `streams above ${lastStreamId} were not looked at, and may be sent again elsewhere`;
  // A client speaks of what the server has begun, which in gRPC is nothing.
  const streams = from === "client" ? [] : [above];
  return {
    inline: [errorCodeName(code), `last stream ${lastStreamId}`],
    notes: [`no new streams on this connection: ${codeWords(code)}`, ...streams, ...said],
  };
}

function quotedText(bytes: Uint8Array): string {
  return `"${safeText(Buffer.from(bytes).toString("utf8"), MAX_DEBUG_CHARACTERS)}"`;
}

function settingNotes(settings: readonly Setting[]): string[] {
  if (settings.length === 0) return ["nothing but the defaults"];
  const shown = settings.slice(0, MAX_SETTINGS).map(({ name, value }) => {
    const words = SETTING_WORDS.get(name);
    return `${name} ${value}${words === undefined ? "" : ` (${words})`}`;
  });
  const more = settings.length - shown.length;
  return more === 0 ? shown : [...shown, `… and ${more} more`];
}

const SETTING_WORDS: ReadonlyMap<string, string> = new Map([
  ["HEADER_TABLE_SIZE", "bytes the other side may have remembered of headers"],
  ["ENABLE_PUSH", "1 when pushed responses are taken"],
  ["MAX_CONCURRENT_STREAMS", "calls the other side may have open at a time"],
  ["INITIAL_WINDOW_SIZE", "bytes the other side may send on a new stream before it must wait"],
  ["MAX_FRAME_SIZE", "the longest payload of a frame that is taken, in bytes"],
  ["MAX_HEADER_LIST_SIZE", "the largest header list that is taken, in bytes"],
  ["ENABLE_CONNECT_PROTOCOL", "1 when CONNECT may open other protocols"],
  ["NO_RFC7540_PRIORITIES", "1 when the old priorities are not used"],
  ["GRPC_ALLOW_TRUE_BINARY_METADATA", "1 when binary metadata needs no base64"],
]);

const CODE_WORDS: ReadonlyMap<string, string> = new Map([
  ["NO_ERROR", "nothing went wrong"],
  ["PROTOCOL_ERROR", "the other side broke the rules"],
  ["INTERNAL_ERROR", "something went wrong in the sender"],
  ["FLOW_CONTROL_ERROR", "more was sent than there was room for"],
  ["SETTINGS_TIMEOUT", "settings were not acknowledged in time"],
  ["STREAM_CLOSED", "something came on a stream that was over"],
  ["FRAME_SIZE_ERROR", "a frame had a length it must not have"],
  ["REFUSED_STREAM", "it was not looked at, and may be sent again"],
  ["CANCEL", "it is not wanted any more"],
  ["COMPRESSION_ERROR", "the headers could not be read, nor will later ones be"],
  ["CONNECT_ERROR", "a tunnel's connection broke"],
  ["ENHANCE_YOUR_CALM", "the other side asks for too much"],
  ["INADEQUATE_SECURITY", "TLS is not as safe as it must be"],
  ["HTTP_1_1_REQUIRED", "HTTP/1.1 is wanted instead"],
]);

function codeWords(code: number): string {
  return CODE_WORDS.get(errorCodeName(code)) ?? "a reason that the RFC does not know";
}
