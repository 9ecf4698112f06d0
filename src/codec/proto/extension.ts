/**
 * Extensions: fields of a message that are declared outside it. A message keeps their bytes among its unknown fields; these functions
 * read and set them there.
 *
 * Spec: protobuf.dev, "Language Guide (proto 2)", "Extensions"; "Unknown Fields".
 * Laws: a message that nobody asks for its extensions costs nothing for them; what has not been set here is written back as it came.
 */
import { EMPTY_LIST, unknownFields } from "./absent.js";
import type { DeclaredExtension, DeclaredMessage } from "./declared.js";
import { DEFAULT_FORMS, type ScalarForms } from "./fields.js";
import { MessageCodec } from "./message.js";
import { createReader } from "./wire.js";

/**
 * A field that messages of another type may have. `Extendee` is what may be given for those messages, `Value` what is read and `Init`
 * what may be set. Made by generated modules, and by `schema.extension("pkg.name")`.
 */
export interface Extension<Extendee = object, Value = unknown, Init = Value> {
  /** The full name, such as `"pkg.color"`. */
  readonly typeName: string;
  /** Never there: says to the type checker what is extended, and with what. */
  readonly types?: (message: Extendee, init: Init) => Value;
}

/** An {@link Extension} made from a schema. */
export class ExtensionField implements Extension {
  readonly typeName: string;
  /** A message with this field alone. */
  readonly codec: MessageCodec;
  readonly #declared: () => DeclaredExtension;

  /** `declared` is called when the extension is first used. */
  constructor(typeName: string, declared: () => DeclaredExtension, forms: ScalarForms = DEFAULT_FORMS) {
    this.typeName = typeName;
    this.#declared = declared;
    this.codec = new MessageCodec(`[${typeName}]`, () => messageOf(declared()), forms);
  }

  get number(): number {
    return this.#declared().number;
  }

  /** The property of {@link codec}'s messages. */
  get property(): string {
    return (this.codec.fields[0] as { property: string }).property;
  }

  get isRepeated(): boolean {
    return this.#declared().repeated;
  }
}

function messageOf(extension: DeclaredExtension): DeclaredMessage {
  const { name, fullName, file, extendee, comment, deprecated } = extension;
  const { declarations } = extendee;
  return {
    kind: "message",
    name,
    fullName: `[${fullName}]`,
    file,
    comment,
    deprecated,
    fields: [extension],
    declarations,
  };
}

type Extended = Record<typeof unknownFields, readonly Uint8Array[] | undefined>;

/**
 * What `message` has for `extension`: `undefined` when it has none, or an empty list when it is repeated.
 *
 * ```ts
 * const color = getExtension(shape, shape_color);
 * ```
 *
 * @throws Error when its bytes are no such value; TypeError when `extension` is none.
 */
export function getExtension<Extendee extends object, Value>(
  message: Extendee,
  extension: Extension<Extendee, Value, never>,
): Value {
  const field = fieldOf(extension, "read");
  const { own } = split(message, field.number);
  if (own.length === 0) return (field.isRepeated ? EMPTY_LIST : undefined) as Value;
  return field.codec.decode(Buffer.concat(own))[field.property] as Value;
}

/**
 * Sets `extension` on `message`, in place of what it had. `undefined` takes it away.
 *
 * @throws TypeError naming the path when the value is of the wrong type; the message stays as it was.
 */
export function setExtension<Extendee extends object, Init>(
  message: Extendee,
  extension: Extension<Extendee, unknown, Init>,
  value: Init | undefined,
): void {
  const field = fieldOf(extension, "set");
  const bytes = field.codec.encode({ [field.property]: value });
  const { others } = split(message, field.number);
  const kept = bytes.length === 0 ? others : [...others, bytes];
  if (kept.length > 0) (message as Extended)[unknownFields] = kept;
  else delete (message as Partial<Extended>)[unknownFields];
}

/** Whether `message` has something for `extension`. @throws TypeError when `extension` is none. */
export function hasExtension<Extendee extends object>(
  message: Extendee,
  extension: Extension<Extendee, unknown, never>,
): boolean {
  return split(message, fieldOf(extension, "look for").number).own.length > 0;
}

function fieldOf(extension: unknown, doing: string): ExtensionField {
  if (extension instanceof ExtensionField) return extension;
  throw new TypeError(
    `Cannot ${doing} an extension as it must be one of a generated module or schema.extension(): current value is ${typeof extension}`,
  );
}

/** The unknown fields of `message` that have this number, and all others. */
function split(message: object, number: number): { readonly own: Uint8Array[]; readonly others: Uint8Array[] } {
  const own: Uint8Array[] = [];
  const others: Uint8Array[] = [];
  for (const bytes of (message as Partial<Extended>)[unknownFields] ?? []) {
    const reader = createReader(bytes);
    let from = 0;
    while (reader.pos < reader.len) {
      const at = reader.pos;
      const tag = reader.uint32();
      reader.skipType(tag & 7, 0, tag >>> 3);
      if (tag >>> 3 !== number) continue;
      if (from < at) others.push(bytes.subarray(from, at));
      own.push(bytes.subarray(at, reader.pos));
      from = reader.pos;
    }
    if (from < bytes.length) others.push(from === 0 ? bytes : bytes.subarray(from));
  }
  return { own, others };
}
