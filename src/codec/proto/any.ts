/**
 * `google.protobuf.Any`: a message of any type, as its bytes and the name of its type.
 *
 * Spec: google/protobuf/any.proto.
 * Laws: a type is looked up by its name alone, the text before the last slash counts for nothing and is never fetched;
 * a name comes from a peer and is only ever looked up in a Map.
 */
import type { MessageType } from "../method.js";
import { MessageCodec } from "./message.js";
import { Schema, schemaOf } from "./schema.js";
import { wellKnownType, type Any } from "./well-known.js";

/** Where the types of {@link Any} values are looked up: a schema with all its types, or several schemas and types. */
export type TypeRegistry = Schema | readonly (Schema | MessageType)[];

/** A message and the full name of its type. */
export interface NamedMessage {
  readonly typeName: string;
  readonly message: unknown;
}

/** "type.googleapis.com/full.type.name": the prefix that every implementation writes. */
const PREFIX = "type.googleapis.com/";

/** The `Any` that holds `message`. @throws TypeError naming the path of a wrong value. */
export function packAny<Init>(type: MessageType<unknown, Init>, message: NoInfer<Init>): Any {
  return { typeUrl: PREFIX + type.typeName, value: type.encode(message) };
}

/**
 * The message in an `Any`: of the given type, or of whichever type of a registry it is. `undefined` when it is of another.
 *
 * @throws Error when its bytes are not such a message.
 */
export function unpackAny<T>(any: Readonly<Any>, type: MessageType<T, never>): T | undefined;
export function unpackAny(any: Readonly<Any>, registry: TypeRegistry): NamedMessage | undefined;
export function unpackAny(any: Readonly<Any>, wanted: MessageType | TypeRegistry): unknown {
  const typeName = typeNameOf(any.typeUrl);
  if (isMessageType(wanted)) return wanted.typeName === typeName ? wanted.decode(any.value) : undefined;
  const type = findType(wanted, typeName);
  return type === undefined ? undefined : { typeName, message: type.decode(any.value) };
}

function isMessageType(wanted: MessageType | TypeRegistry): wanted is MessageType {
  return "decode" in wanted;
}

/** The full name in a type URL: what stands behind its last slash. */
export function typeNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

/** The type of a registry with the given full name. */
export function findType(registry: TypeRegistry, typeName: string): MessageType | undefined {
  for (const one of registry instanceof Schema ? [registry] : registry) {
    const found = one instanceof Schema ? one.findCodec(typeName) : one.typeName === typeName ? one : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Finds the types of `Any` values inside a message: in the schema its own type is from, in `types`, among the well-known ones. */
export function typesOf(codec: MessageCodec, types: TypeRegistry = []): (typeName: string) => MessageType | undefined {
  return (typeName) => schemaOf(codec)?.findCodec(typeName) ?? findType(types, typeName) ?? wellKnownType(typeName);
}

/** A type with its fields, which a codec of one's own does not tell. @throws TypeError for such a codec. */
export function codecOf(type: MessageType<unknown, never>, doing: string): MessageCodec {
  if (type instanceof MessageCodec) return type;
  throw new TypeError(
    `Cannot ${doing} as a message's type must come from loadProto or generated code: current value is ${String((type as MessageType | undefined)?.typeName)}`,
  );
}
