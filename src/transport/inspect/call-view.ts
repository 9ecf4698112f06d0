/**
 * Calls as blocks: when one has ended, all that passed on it with its times.
 *
 * Spec: PROTOCOL-HTTP2.md; RFC 9113 §5.2, §6.8.
 * Laws: blocks come in the order in which calls end; what is kept of calls that have not is bounded, each and all together; a secret is
 * in no line.
 */
import { CallBlock, LineBudget } from "./call-block.js";
import type { HeadersRole, SeenCall } from "./call-watch.js";
import { connectionWords, endingWords, foreignWords, inMs, leftOutWords, lineHead, paint } from "./event-words.js";
import { frameWords } from "./frame-words.js";
import { headerLines, type Secrets } from "./header-words.js";
import type { TypesOf } from "./message-content.js";
import { messageWords } from "./message-words.js";
import type { OrderedOutput } from "./ordered-output.js";
import { safeText } from "./safe-text.js";
import type { EventOf, WireEvent } from "./wire-event.js";

/** How calls are shown. */
export interface CallViewOptions {
  readonly secrets: Secrets;
  readonly colour: boolean;
  readonly typesOf: TypesOf;
}

/** Lines that are kept of all calls that are running. */
const MAX_LINES = 100_000;
/** What is shown of a header list and of a message, in characters. */
const MAX_CHARACTERS = 200;
/** Fields that every call has, and that say nothing of it. */
const ORDINARY =
  /^(?::method: POST$|:scheme: |:path: |:authority: |te: trailers$|:status: 200$|content-type: application\/grpc$|(?:grpc-)?accept-encoding: )/;
const ROLE_WORDS: Readonly<Record<HeadersRole, string>> = {
  request: "headers",
  informational: "headers that only announce",
  response: "headers",
  trailers: "trailers",
  other: "headers that mean nothing",
};

/** Prints calls. */
export class CallView {
  readonly #output: OrderedOutput;
  readonly #options: CallViewOptions;
  readonly #blocks = new Map<SeenCall, CallBlock>();
  readonly #budget: LineBudget;

  constructor(output: OrderedOutput, options: CallViewOptions, maxLines = MAX_LINES) {
    this.#output = output;
    this.#options = options;
    this.#budget = new LineBudget(maxLines);
  }

  /** Takes note of an event. */
  hear(event: WireEvent): void {
    for (const line of connectionWords(event)) this.#say(event, line);
    switch (event.kind) {
      case "foreign":
        this.#say(event, `passed on unread what the ${event.from} says, as it is ${foreignWords(event.begins)}`);
        break;
      case "frame":
        this.#onFrame(event);
        break;
      case "headers":
        this.#onHeaders(event);
        break;
      case "message":
        this.#onMessage(event);
        break;
      case "unreadable":
        this.#blockOf(event.call).add(event.atMs, event.from, `no more messages can be read: ${event.why}`);
        break;
      case "requests-ended":
        this.#blockOf(event.call).add(event.atMs, "client", "no more requests");
        break;
      case "stalled":
      case "freed":
        this.#onWindow(event);
        break;
      case "left-out":
        if (event.call !== undefined) this.#blockOf(event.call).add(event.atMs, undefined, leftOutWords(event));
        break;
      case "call-ended":
        this.#onEnded(event);
        break;
      default:
    }
  }

  #blockOf(call: SeenCall): CallBlock {
    const known = this.#blocks.get(call);
    if (known !== undefined) return known;
    const block = new CallBlock(call, this.#budget);
    this.#blocks.set(call, block);
    return block;
  }

  #onFrame(event: EventOf<"frame">): void {
    const { seen, call } = event;
    if (seen.frame.type === "GOAWAY") this.#say(event, `the ${seen.from}: ${frameWords(seen).head}`);
    if (call === undefined) return;
    const block = this.#blockOf(call);
    block.spoke(seen.from, event.atMs);
    if (seen.unreadable !== undefined) {
      block.add(event.atMs, seen.from, `headers that cannot be read: ${safeText(seen.unreadable)}`);
    }
    if (seen.frame.type === "DATA" && seen.from === "server" && seen.frame.data.length > 0 && isFirst(call)) {
      block.add(event.atMs, "server", "first byte");
    }
    if (seen.frame.type === "RST_STREAM") block.add(event.atMs, seen.from, frameWords(seen).head);
  }

  #onHeaders({ call, from, role, fields, atMs }: EventOf<"headers">): void {
    if (call === undefined) return;
    const lines = headerLines(fields, this.#options.secrets)
      .filter((line) => !ORDINARY.test(line))
      .map((line) => line.trim());
    const list = lines.length === 0 ? "" : `: ${shortened(lines.join(", "))}`;
    this.#blockOf(call).add(atMs, from, ROLE_WORDS[role] + list);
  }

  #onMessage({ call, from, message, atMs }: EventOf<"message">): void {
    const block = this.#blockOf(call);
    const head = `message ${message.index + 1}`;
    const text = messageWords(call, from, message, this.#options.typesOf).then(
      (words) => [`${head}, ${words.head}`, words.inline()].filter(Boolean).join(": "),
      (error: unknown) => `${head}, which cannot be shown: ${safeText(String(error), MAX_CHARACTERS)}`,
    );
    block.add(atMs, from, text);
    block.message(from, message.length);
    // Nothing is printed yet; but what waits for its type is counted, and whoever sends more waits, too.
    this.#output.add(
      text.then(() => ""),
      message.bytes?.length ?? 0,
    );
  }

  #onWindow(event: EventOf<"stalled" | "freed">): void {
    const { call, from, atMs } = event;
    if (event.kind === "freed" && call === undefined) {
      this.#say(event, `the ${from} had no room to send on the connection for ${inMs(event.ms)}`);
    }
    if (call === undefined) return;
    const block = this.#blockOf(call);
    if (event.kind === "stalled") {
      block.add(atMs, undefined, `the ${from} has used up its room on the stream`);
      return;
    }
    block.stalled(from, event.ms);
    block.add(atMs, undefined, `the ${from} has room again, after ${inMs(event.ms)}`);
  }

  #onEnded(event: EventOf<"call-ended">): void {
    const { call } = event;
    const block = this.#blockOf(call);
    this.#blocks.delete(call);
    this.#output.add(this.#block(event, block));
  }

  async #block(event: EventOf<"call-ended">, block: CallBlock): Promise<string> {
    const lines = await block.lines();
    block.release();
    return [this.#title(event), ...lines, ""].join("\n");
  }

  #title(event: EventOf<"call-ended">): string {
    const { call } = event;
    const { ending, startedAtMs, endedAtMs = startedAtMs } = call;
    const isGood = ending?.how === "status" && ending.status.code === 0;
    const words = endingWords(call, this.#options.secrets);
    const how = this.#options.colour ? paint(isGood ? "green" : "red", words) : words;
    const took = inMs(endedAtMs - startedAtMs);
    // A block's time is that of its beginning, as the times in it count from there.
    const head = lineHead({ ...event, atMs: startedAtMs });
    return `${head}stream ${call.streamId} ${safeText(call.path, 256)} ended ${how} after ${took}`;
  }

  #say(event: WireEvent, text: string): void {
    this.#output.add(`${lineHead(event)}${text}\n`);
  }
}

/** Whether nothing of a response's messages has passed. */
function isFirst({ response }: SeenCall): boolean {
  return (
    response.messages.count === 0 && response.messages.partialBytes === 0 && response.messages.problem === undefined
  );
}

function shortened(text: string): string {
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
}
