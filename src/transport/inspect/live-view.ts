/**
 * Connections as they are printed live: a line for each frame, message and call as it passes, and below it what it says.
 *
 * Spec: RFC 9113 §6; PROTOCOL-HTTP2.md.
 * Laws: lines come in the order of the events; a header's secret is in no line, in its bytes neither; all that a stranger wrote is
 * escaped and cut.
 */
import { CLIENT_PREFACE, type RawFrame } from "../../codec/http2/frame.js";
import type { Side } from "./conversation.js";
import {
  type COLOURS,
  connectionWords,
  endingWords,
  foreignWords,
  inMs,
  leftOutWords,
  lineHead,
  paint,
} from "./event-words.js";
import { frameWords } from "./frame-words.js";
import { headerLines, mayHoldSecret, type Secrets } from "./header-words.js";
import { hexDump } from "./hex-dump.js";
import type { TypesOf } from "./message-content.js";
import { messageWords } from "./message-words.js";
import type { OrderedOutput } from "./ordered-output.js";
import { safeText } from "./safe-text.js";
import type { EventOf, WireEvent } from "./wire-event.js";

/** How connections are shown. */
export interface LiveViewOptions {
  readonly secrets: Secrets;
  /** How many bytes of a frame are shown in hex; 0 for none. */
  readonly hexBytes: number;
  /** Whether to colour lines. */
  readonly colour: boolean;
  readonly typesOf: TypesOf;
}

const ARROWS: Readonly<Record<Side, string>> = { client: "client → server", server: "client ← server" };

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
    for (const line of connectionWords(event)) this.#print(event, line);
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
      case "left-out":
        this.#print(event, leftOutWords(event));
        break;
      case "call-ended":
        this.#onCallEnded(event);
        break;
      default:
    }
  }

  #onFrame(event: EventOf<"frame">): void {
    const { seen } = event;
    const { head, notes } = frameWords(seen);
    const unreadable =
      seen.unreadable === undefined ? [] : [`its headers cannot be read: ${safeText(seen.unreadable)}`];
    const fields = seen.fields === undefined ? [] : headerLines(seen.fields, this.#options.secrets);
    const lines = [...notes, ...unreadable, ...fields];
    const text = this.#arrow(seen.from, head);
    if (this.#options.hexBytes > 0 && mayHoldSecret(seen, this.#options.secrets))
      this.#print(event, text, [...lines, "(its bytes may hold a secret: --show-secrets)"]);
    else this.#print(event, text, lines, [headerOf(seen.raw), seen.raw.payload]);
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
    const words = this.#paint(isGood ? "green" : "red", endingWords(call, this.#options.secrets));
    const text = `stream ${streamId} ${safeText(call.path, 256)} ended ${words} after ${inMs(endedAtMs - startedAtMs)}`;
    this.#print(event, text);
  }

  #arrow(from: Side, text: string): string {
    return `${this.#paint(from === "client" ? "cyan" : "magenta", ARROWS[from])}  ${text}`;
  }

  #print(event: WireEvent, line: string, notes: readonly string[] = [], bytes: readonly Uint8Array[] = []): void {
    const { hexBytes } = this.#options;
    const dump = hexBytes === 0 || bytes.length === 0 ? [] : hexDump(bytes, hexBytes);
    this.#output.add(this.#text(event, line, notes, dump));
  }

  /** A line's time is that of its event, however long it takes to learn what to write. */
  #text(event: WireEvent, line: string, notes: readonly string[] = [], dump: readonly string[] = []): string {
    const below = dump.map((one) => this.#paint("dim", one));
    return [lineHead(event) + line, ...[...notes, ...below].map((one) => `    ${one}`)]
      .map((one) => `${one}\n`)
      .join("");
  }

  #paint(colour: keyof typeof COLOURS, text: string): string {
    return this.#options.colour ? paint(colour, text) : text;
  }
}

function stallWords({ from, streamId, ms }: EventOf<"freed">): string {
  const where = streamId === 0 ? "the connection" : `stream ${streamId}`;
  return `the ${from} had no room to send on ${where} for ${inMs(ms)}`;
}

/** A frame's first nine bytes, as they were on the wire. */
function headerOf({ type, flags, streamId, payload }: RawFrame): Uint8Array {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(streamId, 5);
  return header;
}
