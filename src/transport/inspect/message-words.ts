/**
 * A message as lines: made plain, and its fields with their names where its type is known, else what the bytes alone say.
 *
 * Spec: PROTOCOL-HTTP2.md, "Compressed-Flag", "Message-Encoding"; compression.md.
 * Laws: never throws; what a few bytes become is bounded, in bytes and in lines; what a stranger wrote is escaped and cut.
 */
import { deflate, gzip, type Compressor } from "../../codec/compression.js";
import { grpcSubtype } from "../../codec/header-block.js";
import type { MessageType } from "../../codec/method.js";
import { formatGuess, guessMessage } from "../../codec/proto/guess.js";
import { toText } from "../../codec/proto/text.js";
import { valueOf, type SeenCall } from "./call-watch.js";
import type { Side } from "./conversation.js";
import { hexDump } from "./hex-dump.js";
import type { SeenMessage } from "./message-collector.js";
import { safeText } from "./safe-text.js";

/** The types of a method's messages. */
export interface CallTypes {
  readonly request: MessageType;
  readonly response: MessageType;
}

/** Knows the types of a method by its path, or gets to know them; `undefined` when nobody does. */
export type TypesOf = (path: string) => CallTypes | undefined | Promise<CallTypes | undefined>;

/** What a compressed message may become, in bytes; of a longer one its length is all that is told. */
export const MAX_PLAIN_BYTES = 1024 * 1024;
const MAX_LINES = 200;
const SHOWN_BYTES = 256;

const CODINGS: ReadonlyMap<string, Compressor> = new Map([gzip, deflate].map((coding) => [coding.name, coding]));

/** What is to be said of a message. */
export interface MessageWords {
  /** Behind "message 1": its length, its coding and the name of its type. */
  readonly head: string;
  readonly lines: readonly string[];
}

/** Says what a message is. `typesOf` is asked when the message is protobuf. */
export async function messageWords(
  call: SeenCall,
  from: Side,
  message: SeenMessage,
  typesOf: TypesOf,
): Promise<MessageWords> {
  const half = from === "client" ? call.request : call.response;
  const size = `${message.length} ${message.length === 1 ? "byte" : "bytes"}`;
  const { bytes } = message;
  if (bytes === undefined) return { head: size, lines: ["too long to be shown"] };
  const opened = message.compressed ? await open(bytes, half.coding) : bytes;
  const head = message.compressed ? `${size} of ${safeText(half.coding ?? "no coding", 64)}` : size;
  if (typeof opened === "string") return { head, lines: [opened, ...hexDump([bytes], SHOWN_BYTES)] };
  const plain = message.compressed ? `${head}, ${opened.length} plain` : head;
  const contentType = valueOf(half.headers ?? call.request.headers ?? [], "content-type");
  const { typeName, lines } = await contentLines(opened, contentType, async () => {
    return (await typesOf(call.path))?.[from === "client" ? "request" : "response"];
  });
  return { head: typeName === undefined ? plain : `${plain}: ${safeText(typeName, 256)}`, lines: cut(lines) };
}

/** The plain bytes, or why there are none. */
async function open(bytes: Uint8Array, coding: string | undefined): Promise<Uint8Array | string> {
  if (coding === undefined || coding === "identity") return "it is said to be compressed, and with nothing";
  const compressor = CODINGS.get(coding);
  if (compressor === undefined) return "this coding is not known here";
  try {
    return await compressor.decompress(bytes, MAX_PLAIN_BYTES);
  } catch (error) {
    const isLarge = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    return isLarge
      ? `it is more than ${MAX_PLAIN_BYTES} bytes when it is plain, which are not shown`
      : `it cannot be made plain: ${safeText((error as Error).message, 256)}`;
  }
}

interface Content {
  readonly typeName?: string | undefined;
  readonly lines: readonly string[];
}

async function contentLines(
  bytes: Uint8Array,
  contentType: string | undefined,
  typeOf: () => Promise<MessageType | undefined>,
): Promise<Content> {
  const subtype = grpcSubtype(contentType);
  if (subtype === "json") return { lines: Buffer.from(bytes).toString("utf8").split("\n") };
  if (subtype !== "" && subtype !== "proto") return { lines: hexDump([bytes], SHOWN_BYTES) };
  const type = await typeOf();
  if (type === undefined) return { lines: guessed(bytes) };
  try {
    const text = toText(type, type.decode(bytes)).trimEnd();
    return { typeName: type.typeName, lines: text === "" ? ["(no field is set)"] : text.split("\n") };
  } catch (error) {
    const why = `it is no ${safeText(type.typeName, 256)}: ${safeText((error as Error).message, 256)}`;
    return { lines: [why, ...guessed(bytes)] };
  }
}

function guessed(bytes: Uint8Array): readonly string[] {
  if (bytes.length === 0) return ["(no field is set)"];
  const fields = guessMessage(bytes);
  return fields === undefined ? hexDump([bytes], SHOWN_BYTES) : formatGuess(fields);
}

function cut(lines: readonly string[]): string[] {
  const shown = lines.slice(0, MAX_LINES).map((line) => safeText(line));
  return lines.length > MAX_LINES ? [...shown, `… and ${lines.length - MAX_LINES} lines more`] : shown;
}
