/**
 * Messages as JSON, in the one form that every implementation of protobuf reads and writes.
 *
 * Spec: protobuf.dev, "ProtoJSON Format".
 * Laws: what is printed is what would be sent: a message goes through its encoder first, so that JSON has the same checks
 * and the same rounding as the wire; what is read is a message as a decoder gives it.
 */
import type { MessageType } from "../method.js";
import { codecOf, typesOf, type TypeRegistry } from "./any.js";
import { WrongValue, wrongValueError } from "./encode-values.js";
import { encodeRead, readMessage } from "./json-read.js";
import { formatJson, parseJson, type JsonValue } from "./json-text.js";
import { writeMessage } from "./json-write.js";
import { decodeUnbounded } from "./message.js";

export type { JsonValue } from "./json-text.js";

/** How {@link toJson} writes. */
export interface ToJsonOptions {
  /**
   * Whether fields without presence are written when they have their default value, empty lists and maps included.
   * Default: `false`.
   */
  readonly emitDefaults?: boolean | undefined;
  /** Whether names are those of the `.proto` (`last_updated`) instead of `lastUpdated`. Default: `false`. */
  readonly useProtoNames?: boolean | undefined;
  /** Where the types of `Any` values are looked up, behind the schema that the message's type is from. Default: nowhere else. */
  readonly types?: TypeRegistry | undefined;
  /**
   * What becomes of an `Any` of a type that is not known, or whose bytes are no such message: `"refuse"` (default) is an
   * error, `"base64"` shows its bytes as `"@value"`, which is for people and cannot be read back.
   */
  readonly unresolvedAny?: "refuse" | "base64" | undefined;
}

/** How {@link fromJson} reads. */
export interface FromJsonOptions {
  /** Whether names that mean no field, and names that an enum does not have, are passed over. Default: `false`, they are errors. */
  readonly ignoreUnknown?: boolean | undefined;
  /** Where the types of `Any` values are looked up, behind the schema that the message's type is from. Default: nowhere else. */
  readonly types?: TypeRegistry | undefined;
}

/** How {@link toJsonString} writes. */
export interface ToJsonStringOptions extends ToJsonOptions {
  /** Spaces for each level. Default: 0, all on one line. */
  readonly indent?: number | undefined;
}

/**
 * A message in JSON: what `JSON.stringify` takes, with 64-bit integers as strings.
 *
 * Fields that the schema does not know, and extensions, have no form in JSON and are left out.
 *
 * @throws TypeError naming the path of a wrong value, or of one that JSON has no form for: a time out of range, an `Any` of an
 * unknown type, a `google.protobuf.Value` that has none.
 */
export function toJson<Init>(
  type: MessageType<unknown, Init>,
  message: NoInfer<Init>,
  options: ToJsonOptions = {},
): JsonValue {
  const codec = codecOf(type, "write it as JSON");
  const bytes = type.encode(message);
  const { emitDefaults = false, useProtoNames = false, unresolvedAny = "refuse" } = options;
  const writer = { emitDefaults, useProtoNames, unresolvedAny, typeOf: typesOf(codec, options.types) };
  return named(`write ${type.typeName} as JSON`, () => writeMessage(codec, decodeUnbounded(codec, bytes), writer, 0));
}

/** {@link toJson} as text, with control characters escaped. @throws TypeError as {@link toJson} does. */
export function toJsonString<Init>(
  type: MessageType<unknown, Init>,
  message: NoInfer<Init>,
  options: ToJsonStringOptions = {},
): string {
  return formatJson(toJson(type, message, options), options.indent ?? 0);
}

/**
 * The message that a JSON value stands for, as a decoder would give it. Names are taken as JSON has them (`lastUpdated`) and as
 * the `.proto` has them (`last_updated`), integers as numbers, strings or `bigint`s, enums as names or numbers.
 *
 * A value from `JSON.parse` has lost what a number beyond 2^53 was: such a number is refused. {@link fromJsonString} takes it.
 * The work and the memory are in proportion to the JSON: what a stranger sends is to be bounded before.
 *
 * @throws TypeError naming the path, what was wanted and what came.
 */
export function fromJson<T>(type: MessageType<T, never>, json: unknown, options: FromJsonOptions = {}): T {
  const codec = codecOf(type, "read it from JSON");
  const reader = { ignoreUnknown: options.ignoreUnknown ?? false, typeOf: typesOf(codec, options.types) };
  const read = (): Uint8Array => encodeRead(codec, readMessage(codec, json, reader, 0));
  return decodeUnbounded(codec, named(`read ${type.typeName} from JSON`, read)) as T;
}

/** {@link fromJson} from text. @throws SyntaxError naming line and column when it is not JSON; TypeError as {@link fromJson} does. */
export function fromJsonString<T>(type: MessageType<T, never>, text: string, options: FromJsonOptions = {}): T {
  return fromJson(type, parseJson(text), options);
}

function named<T>(doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof WrongValue ? wrongValueError(doing, error) : error;
  }
}
