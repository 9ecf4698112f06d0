/**
 * A message as lines: its length and its type, and below it its fields.
 *
 * Laws: bounded in lines; what a stranger wrote is escaped and cut.
 */
import { formatGuess } from "../../codec/proto/guess.js";
import { toText } from "../../codec/proto/text.js";
import type { SeenCall } from "./call-watch.js";
import type { Side } from "./conversation.js";
import { hexDump } from "./hex-dump.js";
import type { SeenMessage } from "./message-collector.js";
import { messageContent, type MessageBody, type MessageContent, type TypesOf } from "./message-content.js";
import { safeText } from "./safe-text.js";

const MAX_LINES = 200;
const SHOWN_BYTES = 256;
const MAX_INLINE_LINES = 20;
const MAX_INLINE_BYTES = 32;
const MAX_INLINE_CHARACTERS = 200;

/** What is to be said of a message. */
export interface MessageWords {
  /** Behind "message 1": its length, its coding and the name of its type. */
  readonly head: string;
  readonly lines: readonly string[];
  /** The same on one line. */
  readonly inline: () => string;
}

/** Says what a message is. `typesOf` is asked when the message is protobuf. */
export async function messageWords(
  call: SeenCall,
  from: Side,
  message: SeenMessage,
  typesOf: TypesOf,
): Promise<MessageWords> {
  const content = await messageContent(call, from, message, typesOf);
  const problem = content.problem === undefined ? [] : [content.problem];
  const lines = [...problem, ...(content.body === undefined ? [] : bodyLines(content.body))];
  return { head: headWords(message.length, content), lines: cut(lines), inline: () => inlineWords(content) };
}

function inlineWords({ problem, body }: MessageContent): string {
  const lines = body === undefined || body.form === "bytes" ? [] : bodyLines(body).slice(0, MAX_INLINE_LINES);
  const hex = body?.form === "bytes" ? [Buffer.from(body.bytes.subarray(0, MAX_INLINE_BYTES)).toString("hex")] : [];
  const words = [...(problem === undefined ? [] : [problem]), ...lines.map((line) => line.trim()), ...hex].join(" ");
  return words.length > MAX_INLINE_CHARACTERS ? `${safeText(words.slice(0, MAX_INLINE_CHARACTERS))}…` : safeText(words);
}

function headWords(length: number, { coding, plainLength, body }: MessageContent): string {
  const size = `${length} ${length === 1 ? "byte" : "bytes"}`;
  const packed = coding === undefined ? "" : ` of ${safeText(coding, 64)}`;
  const plain = plainLength === undefined ? "" : `, ${plainLength} plain`;
  const name = body?.form === "typed" ? `: ${safeText(body.type.typeName, 256)}` : "";
  return size + packed + plain + name;
}

function bodyLines(body: MessageBody): readonly string[] {
  switch (body.form) {
    case "typed":
      return fieldLines(toText(body.type, body.value).trimEnd().split("\n"));
    case "guessed":
      return fieldLines(formatGuess(body.fields));
    case "text":
      return body.text.split("\n");
    default:
      return hexDump([body.bytes], SHOWN_BYTES);
  }
}

function fieldLines(lines: readonly string[]): readonly string[] {
  return lines.length === 0 || lines[0] === "" ? ["(no field is set)"] : lines;
}

function cut(lines: readonly string[]): string[] {
  const shown = lines.slice(0, MAX_LINES).map((line) => safeText(line));
  return lines.length > MAX_LINES ? [...shown, `… and ${lines.length - MAX_LINES} lines more`] : shown;
}
