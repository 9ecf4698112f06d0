/**
 * Connections as they are printed live: a line for each frame, message and call as it passes, and below it what it says.
 *
 * Spec: RFC 9113 §6; PROTOCOL-HTTP2.md.
 * Laws: lines come in the order of the events; a header's secret is in no line, in its bytes neither; all that a stranger wrote is
 * escaped and cut.
 */
import { CLIENT_PREFACE, type RawFrame } from "../../codec/http2/frame.js";
import { codeName } from "../../codec/status.js";
import type { SeenCall } from "./call-watch.js";
import type { SeenFrame, Side } from "./conversation.js";
import { frameWords } from "./frame-words.js";
import { headerLines, type Secrets } from "./header-words.js";
import { hexDump } from "./hex-dump.js";
import { messageWords, type TypesOf } from "./message-words.js";
import type { OrderedOutput } from "./ordered-output.js";
import { safeText } from "./safe-text.js";
import { countLines } from "./statistics.js";
import type { Broken, WireEvent } from "./wire-event.js";

/** How connections are shown. */
export interface LiveViewOptions {
  readonly secrets: Secrets;
  /** How many bytes of a frame are shown in hex; 0 for none. */
  readonly hexBytes: number;
  /** Whether to colour lines. */
  readonly colour: boolean;
  readonly typesOf: TypesOf;
  /** Connections alone, and what was counted. Default false. */
  readonly quiet?: boolean | undefined;
}

type EventOf<Kind extends WireEvent["kind"]> = Extract<WireEvent, { readonly kind: Kind }>;

const ARROWS: Readonly<Record<Side, string>> = { client: "client → server", server: "client ← server" };
const CYAN = 36;
const MAGENTA = 35;
const RED = 31;
const GREEN = 32;
const DIM = 2;
/** What a TLS record of a handshake begins with. */
const TLS_HANDSHAKE = 0x16;
/** What is shown of the beginning of something that is no HTTP/2, in characters. */
const MAX_FOREIGN_CHARACTERS = 80;

/** Prints events. */
export class LiveView {
  readonly #output: OrderedOutput;
  readonly #options: LiveViewOptions;

  constructor(output: OrderedOutput, options: LiveViewOptions) {
    this.#output = output;
    this.#options = options;
  }

  /** Prints an event, if it is one that is shown. */
  hear(event: WireEvent): void {
    if (this.#onProxy(event) || this.#options.quiet === true) return;
    switch (event.kind) {
      case "preface":
        this.#print(
          event,
          this.#arrow("client", `the preface of HTTP/2, ${CLIENT_PREFACE.length} bytes`),
          [],
          [CLIENT_PREFACE],
        );
        break;
      case "foreign":
        this.#print(event, this.#arrow(event.from, `passed on unread, as it is ${foreignWords(event.begins)}`));
        break;
      case "frame":
        this.#onFrame(event);
        break;
      case "message":
        this.#onMessage(event);
        break;
      case "unreadable": {
        const text = `stream ${event.call.streamId}: no more messages can be read: ${event.why}`;
        this.#print(event, this.#arrow(event.from, text));
        break;
      }
      case "freed":
        this.#print(event, stallWords(event));
        break;
      case "call-ended":
        this.#onCallEnded(event);
        break;
      default:
    }
  }

  /** Prints what is about connections and not about what passes on them; gives whether it was that. */
  #onProxy(event: WireEvent): boolean {
    const words = proxyWords(event);
    if (words === undefined) return false;
    for (const line of words) this.#print(event, line);
    return true;
  }

  #onFrame(event: EventOf<"frame">): void {
    const { seen } = event;
    const { head, notes } = frameWords(seen);
    const unreadable =
      seen.unreadable === undefined ? [] : [`its headers cannot be read: ${safeText(seen.unreadable)}`];
    const fields = seen.fields === undefined ? [] : headerLines(seen.fields, this.#options.secrets);
    const lines = [...notes, ...unreadable, ...fields];
    const text = this.#arrow(seen.from, head);
    if (this.#hidesBytes(seen)) this.#print(event, text, [...lines, "(its bytes may hold a secret: --show-secrets)"]);
    else this.#print(event, text, lines, [headerOf(seen.raw), seen.raw.payload]);
  }

  /** Whether the bytes of a frame are, or may be, those of a header that is not to be shown. */
  #hidesBytes({ raw, fields }: SeenFrame): boolean {
    const { secrets, hexBytes } = this.#options;
    if (!secrets.areKept || hexBytes === 0 || !BLOCK_TYPES.has(raw.type)) return false;
    const isOnlyPart = (raw.flags & END_HEADERS) === 0 || raw.type === CONTINUATION;
    return fields === undefined || isOnlyPart || fields.some(({ name }) => secrets.hasName(name));
  }

  #onMessage(event: EventOf<"message">): void {
    const { call, from, message } = event;
    const head = this.#arrow(from, `stream ${call.streamId} message ${message.index + 1}`);
    const text = messageWords(call, from, message, this.#options.typesOf).then(
      (words) => this.#text(event, `${head}, ${words.head}`, words.lines),
      (error: unknown) => this.#text(event, `${head}, which cannot be shown: ${safeText(String(error))}`),
    );
    this.#output.add(text, message.bytes?.length ?? 0);
  }

  #onCallEnded(event: EventOf<"call-ended">): void {
    const { call } = event;
    const { ending, streamId, startedAtMs, endedAtMs = startedAtMs } = call;
    const isGood = ending?.how === "status" && ending.status.code === 0;
    const words = this.#paint(isGood ? GREEN : RED, endingWords(call, this.#options.secrets));
    const text = `stream ${streamId} ${safeText(call.path, 256)} ended ${words} after ${inMs(endedAtMs - startedAtMs)}`;
    this.#print(event, text);
  }

  #arrow(from: Side, text: string): string {
    return `${this.#paint(from === "client" ? CYAN : MAGENTA, ARROWS[from])}  ${text}`;
  }

  #print(event: WireEvent, line: string, notes: readonly string[] = [], bytes: readonly Uint8Array[] = []): void {
    const { hexBytes } = this.#options;
    const dump = hexBytes === 0 || bytes.length === 0 ? [] : hexDump(bytes, hexBytes);
    this.#output.add(this.#text(event, line, notes, dump));
  }

  /** A line's time is that of its event, however long it takes to learn what to write. */
  #text(event: WireEvent, line: string, notes: readonly string[] = [], dump: readonly string[] = []): string {
    const below = dump.map((one) => this.#paint(DIM, one));
    const first = `${timeOfDay(event.atMs)} ${connectionOf(event)}${line}`;
    return [first, ...[...notes, ...below].map((one) => `    ${one}`)].map((one) => `${one}\n`).join("");
  }

  #paint(code: number, text: string): string {
    return this.#options.colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

function connectionOf(event: WireEvent): string {
  return "connection" in event && event.connection !== undefined ? `[${event.connection}] ` : "";
}

/** What is to be said of connections, and of the proxy; `undefined` for what passes on them. */
function proxyWords(event: WireEvent): readonly string[] | undefined {
  switch (event.kind) {
    case "listening":
      return [`listening on ${event.address}, passing on to ${event.remote}`];
    case "opened":
      return [`accepted from ${event.peer}`];
    case "connected":
      return [`connected to ${event.remote}`];
    case "unreachable":
      return [`cannot connect to the server: ${reasonOf(event.error)}`];
    case "half-closed":
      return [`the ${event.from} has said everything`];
    case "closed":
      return [`closed${brokenWords(event.broken)}`];
    case "counted":
      return countLines(event.counts).map((line) => (event.connection === undefined ? `in all, ${line}` : line));
    default:
      return undefined;
  }
}

function brokenWords(broken: Broken | undefined): string {
  return broken === undefined ? "" : `, as the ${broken.from}'s side broke: ${reasonOf(broken.error)}`;
}

/** Node gives an error of several attempts no text of its own. */
export function reasonOf(error: Error): string {
  const several =
    error instanceof AggregateError ? error.errors.map((one: Error) => one.message).join("; ") : error.name;
  return safeText(error.message === "" ? several : error.message, 256);
}

/** What something is that is no HTTP/2, as far as its beginning shows. */
export function foreignWords(begins: Uint8Array): string {
  if (begins[0] === TLS_HANDSHAKE) return "TLS";
  const [line = ""] = Buffer.from(begins).toString("latin1").split(/\r?\n/);
  return `no HTTP/2; it begins with "${safeText(line, MAX_FOREIGN_CHARACTERS)}"`;
}

function stallWords({ from, streamId, ms }: EventOf<"freed">): string {
  const where = streamId === 0 ? "the connection" : `stream ${streamId}`;
  return `the ${from} had no room to send on ${where} for ${inMs(ms)}`;
}

const HEADERS = 1;
const PUSH_PROMISE = 5;
const CONTINUATION = 9;
const END_HEADERS = 0x4;
const BLOCK_TYPES: ReadonlySet<number> = new Set([HEADERS, PUSH_PROMISE, CONTINUATION]);

/** A frame's first nine bytes, as they were on the wire. */
function headerOf({ type, flags, streamId, payload }: RawFrame): Uint8Array {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(streamId, 5);
  return header;
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
