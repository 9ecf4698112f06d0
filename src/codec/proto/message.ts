/**
 * The codec of one message type: plain objects to protobuf's wire format and back.
 *
 * Spec: protobuf.dev, "Encoding", "Field Presence", "Unknown Fields".
 * Laws: a decoded message is a plain object that says everything: all properties are its own, enumerable and in the order
 * of the schema; wrong input is refused with its path, never written as something else; decoding is bounded in depth
 * and in values.
 */
import type { DynamicMessage, MessageType } from "../method.js";
import { StatusError } from "../status.js";
import type { DeclaredMessage } from "./declared.js";
import { compileDecoder, NO_END_TAG, type DecodeMessage, type MessageDecoder } from "./decode-source.js";
import { DEFAULT_MAX_VALUES, startBudget } from "./decode-values.js";
import { compileEncoder, type EncodeMessage, type MessageEncoder } from "./encode-source.js";
import { WrongValue, wrongValueError } from "./encode-values.js";
import {
  DEFAULT_FORMS,
  messageShape,
  type FieldShape,
  type MessageShape,
  type PropertyShape,
  type ScalarForms,
} from "./fields.js";
import { createReader, createWriter, rewind, type WireReader, type WireWriter } from "./wire.js";

export { unknownFields } from "./absent.js";

const codecs = new WeakMap<DeclaredMessage, MessageCodec>();

/** The codec of a declared type; the same object every time. */
export function messageCodec(declared: DeclaredMessage): MessageCodec {
  let codec = codecs.get(declared);
  if (codec === undefined) {
    codecs.set(declared, (codec = new MessageCodec(declared.fullName, () => declared)));
  }
  return codec;
}

/** Makes `codec` the one of `declared`, which has none yet: generated modules have their codecs before their types. */
export function bindCodec(declared: DeclaredMessage, codec: MessageCodec): void {
  codecs.set(declared, codec);
}

/** A {@link MessageType} made from a schema. It is compiled when it is first used. */
export class MessageCodec implements MessageType<DynamicMessage>, MessageDecoder, MessageEncoder {
  readonly typeName: string;
  /** Reads one message; nested messages call it. */
  read: DecodeMessage;
  /** Writes one message; nested messages call it. */
  write: EncodeMessage;
  readonly #declared: () => DeclaredMessage;
  readonly #forms: ScalarForms;
  #shape: MessageShape | undefined;

  /** `declared` is called once, when the codec is first used. */
  constructor(typeName: string, declared: () => DeclaredMessage, forms: ScalarForms = DEFAULT_FORMS) {
    this.typeName = typeName;
    this.#declared = declared;
    this.#forms = forms;
    this.read = (reader, end, into, depth, endTag) => {
      this.read = compileDecoder(this.#describe(), (value) => messageCodec(value.declared));
      return this.read(reader, end, into, depth, endTag);
    };
    this.write = (message, writer, depth) => {
      this.write = compileEncoder(this.#describe(), (value) => messageCodec(value.declared));
      this.write(message, writer, depth);
    };
  }

  #describe(): MessageShape {
    return (this.#shape ??= messageShape(this.#declared(), this.#forms));
  }

  /** What the type is declared as. @internal */
  get declared(): DeclaredMessage {
    return this.#declared();
  }

  /** The fields, in the order of the schema. */
  get fields(): readonly FieldShape[] {
    return this.#describe().fields;
  }

  /** The properties of a message object, in the order of the schema: fields, and oneofs with their members. */
  get properties(): readonly PropertyShape[] {
    return this.#describe().properties;
  }

  /** The bytes of `message`, in memory of their own. @throws TypeError naming the path of a wrong value. */
  encode(message: DynamicMessage): Uint8Array {
    const writer = createWriter();
    this.encodeInto(message, writer);
    return new Uint8Array(writer.finish(true));
  }

  /** Writes `message` at the writer's position. @throws TypeError naming the path; the writer is as it was before. */
  encodeInto(message: DynamicMessage, writer: WireWriter): void {
    const { pos } = writer;
    try {
      this.write(message, writer, 0);
    } catch (error) {
      rewind(writer, pos);
      throw error instanceof WrongValue ? wrongValueError(`encode ${this.typeName}`, error) : error;
    }
  }

  /**
   * The message in `bytes`, which are not kept.
   *
   * @throws Error when they are not such a message, StatusError (RESOURCE_EXHAUSTED) when it has more than 250,000
   * sub-messages, strings and bytes values.
   */
  decode(bytes: Uint8Array): DynamicMessage {
    const reader = createReader(bytes);
    startBudget(DEFAULT_MAX_VALUES);
    try {
      return this.read(reader, reader.len, undefined, 0, NO_END_TAG);
    } catch (error) {
      throw error instanceof StatusError ? error : decodeError(this.typeName, error);
    }
  }

  /**
   * The message from the reader's position to `end`.
   *
   * @throws Error when it is not such a message, StatusError (RESOURCE_EXHAUSTED) when it has more than `valuesLeft`
   * sub-messages, map entries, strings and bytes values.
   */
  decodeFrom(reader: WireReader, end: number, valuesLeft: number): DynamicMessage {
    const { len } = reader;
    if (end > len)
      throw new RangeError(`Cannot decode ${this.typeName} as it must end at ${len}: current value is ${end}`);
    reader.len = end;
    startBudget(valuesLeft);
    try {
      return this.read(reader, end, undefined, 0, NO_END_TAG);
    } catch (error) {
      throw error instanceof StatusError ? error : decodeError(this.typeName, error);
    } finally {
      reader.len = len;
    }
  }
}

/** Decodes what was in memory as a message already, and so may have as many values as it likes. */
export function decodeUnbounded(codec: MessageCodec, bytes: Uint8Array): DynamicMessage {
  return codec.decodeFrom(createReader(bytes), bytes.length, Infinity);
}

function decodeError(typeName: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const text = reason.startsWith("index out of range") ? "it ends in the middle of a field" : reason;
  return new Error(`Cannot decode ${typeName}: ${text}`, { cause });
}
