/**
 * One connection as it is printed live: a line for each frame, message and call as it passes, and below it what it says.
 *
 * Spec: RFC 9113 §6; PROTOCOL-HTTP2.md.
 * Laws: lines come in the order of the frames; a header's secret is in no line, in its bytes neither; all that a stranger wrote is
 * escaped and cut.
 */
import { CLIENT_PREFACE, type RawFrame } from "../../codec/http2/frame.js";
import { codeName } from "../../codec/status.js";
import { CallWatch, type SeenCall } from "./call-watch.js";
import { Conversation, type SeenFrame, type Side } from "./conversation.js";
import type { Stall } from "./flow-watch.js";
import { frameWords } from "./frame-words.js";
import { headerLines, type Secrets } from "./header-words.js";
import { hexDump } from "./hex-dump.js";
import type { SeenMessage } from "./message-collector.js";
import { MAX_PLAIN_BYTES, messageWords, type TypesOf } from "./message-words.js";
import type { OrderedOutput } from "./ordered-output.js";
import { safeText } from "./safe-text.js";

/** How connections are shown. */
export interface ViewOptions {
  readonly secrets: Secrets;
  /** How many bytes of a frame are shown in hex; 0 for none. */
  readonly hexBytes: number;
  /** Whether calls and their messages are shown, or frames alone. */
  readonly showCalls: boolean;
  /** Whether to colour lines. */
  readonly colour: boolean;
  readonly typesOf: TypesOf;
  /** The time of day. Default: the system's. */
  readonly today?: (() => Date) | undefined;
  /** A clock in milliseconds. Default: the system's. */
  readonly now?: (() => number) | undefined;
}

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

/** Prints one connection. */
export class ConnectionView {
  readonly #number: number;
  readonly #output: OrderedOutput;
  readonly #options: ViewOptions;
  readonly #conversation: Conversation;
  readonly #calls: CallWatch | undefined;

  constructor(number: number, output: OrderedOutput, options: ViewOptions) {
    this.#number = number;
    this.#output = output;
    this.#options = options;
    this.#calls = options.showCalls ? this.#watchCalls() : undefined;
    this.#conversation = new Conversation({
      preface: () => this.#onPreface(),
      frame: (seen) => this.#onFrame(seen),
      foreign: (from, bytes) => this.#onForeign(from, bytes),
    });
  }

  /** Takes the next bytes that `from` sent. */
  push(from: Side, chunk: Uint8Array): void {
    this.#conversation.push(from, chunk);
  }

  /** The connection has gone. */
  closed(): void {
    this.#calls?.closed();
  }

  #watchCalls(): CallWatch {
    const options = { now: this.#options.now ?? (() => performance.now()), maxMessageBytes: MAX_PLAIN_BYTES };
    return new CallWatch(
      {
        started: () => undefined,
        answered: () => undefined,
        halfClosed: () => undefined,
        message: (call, from, message) => this.#onMessage(call, from, message),
        broken: (call, from, why) =>
          this.#print(this.#arrowLine(from, `stream ${call.streamId}: no more messages can be read: ${why}`), []),
        stalled: (_call, stall) => this.#onStall(stall),
        ended: (call) => this.#onEnd(call),
      },
      options,
    );
  }

  #onPreface(): void {
    this.#print(
      this.#arrowLine("client", `the preface of HTTP/2, ${CLIENT_PREFACE.length} bytes`),
      [],
      [CLIENT_PREFACE],
    );
  }

  #onFrame(seen: SeenFrame): void {
    const { head, notes } = frameWords(seen);
    const unreadable =
      seen.unreadable === undefined ? [] : [`its headers cannot be read: ${safeText(seen.unreadable)}`];
    const fields = seen.fields === undefined ? [] : headerLines(seen.fields, this.#options.secrets);
    const lines = [...notes, ...unreadable, ...fields];
    const line = this.#arrowLine(seen.from, head);
    if (this.#hidesBytes(seen)) this.#print(line, [...lines, "(its bytes may hold a secret: --show-secrets)"]);
    else this.#print(line, lines, [headerOf(seen.raw), seen.raw.payload]);
    this.#calls?.seen(seen);
  }

  /** Whether the bytes of a frame are, or may be, those of a header that is not to be shown. */
  #hidesBytes({ raw, fields }: SeenFrame): boolean {
    const { secrets, hexBytes } = this.#options;
    if (!secrets.areKept || hexBytes === 0 || !BLOCK_TYPES.has(raw.type)) return false;
    const isOnlyPart = (raw.flags & END_HEADERS) === 0 || raw.type === CONTINUATION;
    return fields === undefined || isOnlyPart || fields.some(({ name }) => secrets.hasName(name));
  }

  #onForeign(from: Side, bytes: Uint8Array): void {
    const [begins = ""] = Buffer.from(bytes).toString("latin1").split(/\r?\n/);
    const what =
      bytes[0] === TLS_HANDSHAKE ? "TLS" : `no HTTP/2; it begins with "${safeText(begins, MAX_FOREIGN_CHARACTERS)}"`;
    this.#print(this.#arrowLine(from, `passed on unread, as it is ${what}`), []);
  }

  #onMessage(call: SeenCall, from: Side, message: SeenMessage): void {
    // Its time is that of its last byte, however long it takes to learn what it is.
    const head = this.#arrowLine(from, `stream ${call.streamId} message ${message.index + 1}`);
    const line = (more: string): string => `${head}, ${more}`;
    const text = messageWords(call, from, message, this.#options.typesOf).then(
      (words) => this.#text(line(words.head), words.lines),
      (error: unknown) => this.#text(line(`which cannot be shown: ${safeText(String(error))}`), []),
    );
    this.#output.add(text, message.bytes?.length ?? 0);
  }

  #onStall({ from, streamId, ms }: Stall): void {
    const where = streamId === 0 ? "the connection" : `stream ${streamId}`;
    this.#say(`the ${from} had to wait ${inMs(ms)} for room on ${where}`);
  }

  #onEnd(call: SeenCall): void {
    const { ending, streamId, startedAtMs, endedAtMs = startedAtMs } = call;
    const isGood = ending?.how === "status" && ending.status.code === 0;
    const words = this.#paint(isGood ? GREEN : RED, endingWords(call, this.#options.secrets));
    this.#say(`stream ${streamId} ${safeText(call.path, 256)} ended ${words} after ${inMs(endedAtMs - startedAtMs)}`);
  }

  #say(text: string): void {
    this.#print(this.#line(text), []);
  }

  #arrowLine(from: Side, text: string): string {
    return this.#line(`${this.#paint(from === "client" ? CYAN : MAGENTA, ARROWS[from])}  ${text}`);
  }

  #line(text: string): string {
    return `${timeOfDay(this.#options.today?.() ?? new Date())} [${this.#number}] ${text}`;
  }

  #print(line: string, notes: readonly string[], bytes: readonly Uint8Array[] = []): void {
    const { hexBytes } = this.#options;
    const dump = hexBytes === 0 || bytes.length === 0 ? [] : hexDump(bytes, hexBytes);
    this.#output.add(this.#text(line, notes, dump));
  }

  #text(line: string, notes: readonly string[], dump: readonly string[] = []): string {
    const below = dump.map((one) => this.#paint(DIM, one));
    return [line, ...[...notes, ...below].map((one) => `    ${one}`)].map((one) => `${one}\n`).join("");
  }

  #paint(code: number, text: string): string {
    return this.#options.colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
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
function endingWords({ ending }: SeenCall, secrets: Secrets): string {
  if (ending === undefined) return "in no way that was seen";
  if (ending.how === "status") {
    const { code, message } = ending.status;
    if (message === "") return codeName(code);
    return `${codeName(code)} "${secrets.hasName("grpc-message") ? "***" : safeText(message, 256)}"`;
  }
  if (ending.how === "reset") return `by a reset of the ${ending.from} (${ending.code})`;
  return ending.how === "lost" ? "with its connection" : "without a status";
}

function inMs(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}

/** `20:05:47.203`, where the reader is. */
export function timeOfDay(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const seconds = `${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  return `${two(date.getHours())}:${two(date.getMinutes())}:${seconds}`;
}
