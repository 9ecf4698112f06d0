/**
 * Events as lines of JSON, messages with their fields.
 *
 * Spec: protobuf.dev, "ProtoJSON Format".
 * Laws: lines come in the order of the events; a line is bounded, however much a message becomes.
 */
import type { GuessedField, GuessedValue } from "../../codec/proto/guess.js";
import { toJson } from "../../codec/proto/json.js";
import { cut, type JsonEvent, jsonBody, type JsonEventOptions, jsonHead, jsonLine, ofCall } from "./json-event.js";
import { messageContent, type MessageBody, type TypesOf } from "./message-content.js";
import type { OrderedOutput } from "./ordered-output.js";
import { safeText } from "./safe-text.js";
import type { EventOf, WireEvent } from "./wire-event.js";

/** How events are written. */
export interface JsonViewOptions extends JsonEventOptions {
  readonly typesOf: TypesOf;
}

/** A message may become this much JSON, in characters. */
const MAX_MESSAGE_CHARACTERS = 1024 * 1024;
/** Bytes that are given of a message, or of a field, that is nothing but bytes. */
const SHOWN_BYTES = 1024;

/** Writes events. */
export class JsonView {
  readonly #output: OrderedOutput;
  readonly #options: JsonViewOptions;

  constructor(output: OrderedOutput, options: JsonViewOptions) {
    this.#output = output;
    this.#options = options;
  }

  /** Writes an event, if it is one that is told. */
  hear(event: WireEvent): void {
    if (event.kind === "message") {
      this.#output.add(this.#message(event), event.message.bytes?.length ?? 0);
      return;
    }
    const body = jsonBody(event, this.#options);
    if (body !== undefined) this.#output.add(jsonLine({ ...jsonHead(event), ...body }));
  }

  async #message(event: EventOf<"message">): Promise<string> {
    const { call, from, message } = event;
    const head = {
      ...jsonHead(event),
      from,
      ...ofCall(call),
      number: message.index + 1,
      length: message.length,
      compressed: message.compressed,
    };
    try {
      return bounded(head, await this.#content(event));
    } catch (error) {
      return jsonLine({ ...head, problem: `it cannot be shown: ${safeText(String(error), 256)}` });
    }
  }

  async #content({ call, from, message }: EventOf<"message">): Promise<JsonEvent> {
    const { coding, plainLength, problem, body } = await messageContent(call, from, message, this.#options.typesOf);
    return {
      coding: coding === undefined ? undefined : cut(coding, 64),
      plainLength,
      problem,
      ...(body === undefined ? {} : bodyJson(body)),
    };
  }
}

function bounded(head: JsonEvent, content: JsonEvent): string {
  const line = jsonLine({ ...head, ...content });
  if (line.length <= MAX_MESSAGE_CHARACTERS) return line;
  return jsonLine({ ...head, problem: `too long to be shown: it is ${line.length} characters of JSON` });
}

function bodyJson(body: MessageBody): JsonEvent {
  switch (body.form) {
    case "typed":
      return { type: body.type.typeName, message: toJson(body.type, body.value, { unresolvedAny: "base64" }) };
    case "guessed":
      return { guess: body.fields.map(guessJson) };
    case "text":
      return { text: body.text };
    default:
      return { bytes: hexOf(body.bytes) };
  }
}

function hexOf(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, SHOWN_BYTES)).toString("hex");
  return bytes.length > SHOWN_BYTES ? `${shown}… (${bytes.length} bytes)` : shown;
}

/** `{"field": 3, "varint": "150"}`: 64 bits are text, as in ProtoJSON. */
function guessJson({ number, value }: GuessedField): JsonEvent {
  return { field: number, [value.kind]: guessedValue(value) };
}

function guessedValue(value: GuessedValue): unknown {
  switch (value.kind) {
    case "varint":
    case "fixed64":
      return String(value.value);
    case "fixed32":
      return value.value;
    case "text":
      return cut(value.text);
    case "bytes":
      return hexOf(value.bytes);
    default:
      return value.fields.map(guessJson);
  }
}
