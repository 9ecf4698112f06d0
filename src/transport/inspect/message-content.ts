/**
 * What a message is: made plain, and read by its type where that is known, else guessed from its bytes.
 *
 * Spec: PROTOCOL-HTTP2.md, "Compressed-Flag", "Message-Encoding"; compression.md.
 * Laws: never throws; what a few bytes become is bounded; whoever prints what a stranger wrote has to escape it.
 */
import { deflate, gzip, type Compressor } from "../../codec/compression.js";
import { grpcSubtype } from "../../codec/header-block.js";
import type { MessageType } from "../../codec/method.js";
import { guessMessage, type GuessedField } from "../../codec/proto/guess.js";
import { valueOf, type SeenCall } from "./call-watch.js";
import type { Side } from "./conversation.js";
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
const CODINGS: ReadonlyMap<string, Compressor> = new Map([gzip, deflate].map((coding) => [coding.name, coding]));

/** A message, as far as it can be read. */
export interface MessageContent {
  /** What it says it is compressed with, if it is compressed. */
  readonly coding?: string | undefined;
  /** Its length when it is plain, where it was compressed and could be opened. */
  readonly plainLength?: number | undefined;
  /** Why it is not what it should be. */
  readonly problem?: string | undefined;
  /** What there is of it; `undefined` when it was too long. */
  readonly body?: MessageBody | undefined;
}

/** What is in a message. */
export type MessageBody =
  | { readonly form: "typed"; readonly type: MessageType; readonly value: unknown }
  | { readonly form: "guessed"; readonly fields: readonly GuessedField[] }
  | { readonly form: "text"; readonly text: string }
  | { readonly form: "bytes"; readonly bytes: Uint8Array };

/** Reads a message. `typesOf` is asked when it is protobuf. */
export async function messageContent(
  call: SeenCall,
  from: Side,
  message: SeenMessage,
  typesOf: TypesOf,
): Promise<MessageContent> {
  const half = from === "client" ? call.request : call.response;
  const coding = message.compressed ? (half.coding ?? "no coding") : undefined;
  const { bytes } = message;
  if (bytes === undefined) return { coding, problem: "too long to be shown" };
  const opened = message.compressed ? await plainBytes(bytes, half.coding) : bytes;
  if (typeof opened === "string") return { coding, problem: opened, body: { form: "bytes", bytes } };
  const plainLength = message.compressed ? opened.length : undefined;
  const contentType = valueOf(half.headers ?? call.request.headers ?? [], "content-type");
  const read = await bodyOf(opened, contentType, async () => {
    return (await typesOf(call.path))?.[from === "client" ? "request" : "response"];
  });
  return { coding, plainLength, ...read };
}

/** The plain bytes, or why there are none. */
export async function plainBytes(
  bytes: Uint8Array,
  coding: string | undefined,
  maxBytes = MAX_PLAIN_BYTES,
): Promise<Uint8Array | string> {
  if (coding === undefined || coding === "identity") return "it is said to be compressed, and with nothing";
  const compressor = CODINGS.get(coding);
  if (compressor === undefined) return "this coding is not known here";
  try {
    return await compressor.decompress(bytes, maxBytes);
  } catch (error) {
    const isLarge = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    return isLarge
      ? `it is more than ${maxBytes} bytes when it is plain, which are not shown`
      : `it cannot be made plain: ${safeText((error as Error).message, 256)}`;
  }
}

async function bodyOf(
  bytes: Uint8Array,
  contentType: string | undefined,
  typeOf: () => Promise<MessageType | undefined>,
): Promise<MessageContent> {
  const subtype = grpcSubtype(contentType);
  if (subtype === "json") return { body: { form: "text", text: Buffer.from(bytes).toString("utf8") } };
  if (subtype !== "" && subtype !== "proto") return { body: { form: "bytes", bytes } };
  const type = await typeOf();
  if (type === undefined) return { body: guessed(bytes) };
  try {
    return { body: { form: "typed", type, value: type.decode(bytes) } };
  } catch (error) {
    const problem = `it is no ${safeText(type.typeName, 256)}: ${safeText((error as Error).message, 256)}`;
    return { problem, body: guessed(bytes) };
  }
}

function guessed(bytes: Uint8Array): MessageBody {
  const fields = guessMessage(bytes);
  return fields === undefined ? { form: "bytes", bytes } : { form: "guessed", fields };
}
