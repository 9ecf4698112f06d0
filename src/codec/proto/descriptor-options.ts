/**
 * Understands options: finds the field that each one sets, custom ones (extensions) included, and encodes them.
 *
 * Spec: protobuf.dev, "Language Guide", "Custom Options"; "Text Format Language Specification"; descriptor.proto.
 * Laws: an option is encoded as its field's type says, known and custom ones alike: whoever has the extension's declaration
 * can read it, whoever has not keeps its bytes.
 */
import {
  FieldType,
  knownOptions,
  Label,
  type DescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
} from "./descriptor-model.js";
import type { Linker, Symbol } from "./descriptor-link.js";
import { fieldFeatures, fileFeatures, isPacked, MessageEncoding } from "./descriptor-features.js";
import { encodeScalar, wireTypeOf } from "./descriptor-scalar.js";
import type { NamePart, OptionStatement, OptionValue } from "./descriptor-option.js";
import type { OptionsOf } from "./descriptor-text.js";
import { ProtoError } from "./proto-error.js";
import { createWriter, tagOf, WireType, type WireWriter } from "./wire.js";

/** A message made of options: what has been set, by field number. Values that are no messages are encoded already. */
type Values = Map<number, { readonly field: Known; readonly items: (Values | Uint8Array)[] }>;

/** A field, and the file that says how repeated values of it are written. */
interface Known {
  readonly field: FieldDescriptorProto;
  readonly isPacked: boolean;
  /** An option for compilers alone, which descriptors do not have. */
  readonly isSourceOnly: boolean;
  /** A group, or written like one. */
  readonly isDelimited: boolean;
}

/** `FieldOptions.OptionRetention`. */
const RETENTION_SOURCE = 2;

/** Where options stand: the file they are in sees the extensions they may use. `linker` has `descriptor.proto` too. */
export interface OptionContext {
  readonly linker: Linker;
  readonly file: FileDescriptorProto;
}

/** Options as descriptors have them. */
export interface EncodedOptions {
  /** The options message. */
  readonly bytes: Uint8Array;
  /** The paths of options that are for compilers alone: what is said about them goes with them. */
  readonly sourceOnly: readonly (readonly number[])[];
}

/** Encodes what has been set. The locations get their paths. @throws ProtoError naming the option. */
export function encodeOptions(
  context: OptionContext,
  { typeName, scope, statements }: Omit<OptionsOf, "owner">,
): EncodedOptions {
  const values: Values = new Map();
  const sourceOnly: (readonly number[])[] = [];
  for (const { option, location } of statements) {
    try {
      const set = setOption(context, values, typeName, scope, option);
      location?.splice(location.length, 0, ...set.path);
      if (set.isSourceOnly && location !== undefined) sourceOnly.push(location);
    } catch (cause) {
      const name = option.name.map(({ text, isExtension }) => (isExtension ? `(${text})` : text)).join(".");
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ProtoError(`option ${name}: ${reason}`, option.at);
    }
  }
  const writer = createWriter();
  writeValues(values, writer);
  return { bytes: new Uint8Array(writer.finish()), sourceOnly };
}

/** Sets one option and says where, within the options message. */
function setOption(
  context: OptionContext,
  values: Values,
  typeName: string,
  scope: string,
  { name, value }: OptionStatement,
): { readonly path: readonly number[]; readonly isSourceOnly: boolean } {
  const path: number[] = [];
  let isSourceOnly = false;
  let into = values;
  let type = typeName;
  name.forEach((part, i) => {
    const known = findField(context, type, scope, part);
    const entry = entryOf(into, known);
    path.push(known.field.number);
    isSourceOnly ||= known.isSourceOnly;
    if (i === name.length - 1) {
      if (known.field.label === Label.REPEATED) path.push(entry.items.length);
      else if (entry.items.length > 0) throw new Error("it is set already");
      addValue(context, scope, entry, value);
      return;
    }
    type = (known.field.typeName ?? "").slice(1);
    if (!(entry.items[0] instanceof Map)) entry.items.push(new Map());
    into = entry.items[0] as Values;
  });
  return { path, isSourceOnly };
}

function entryOf(values: Values, field: Known): { readonly field: Known; readonly items: (Values | Uint8Array)[] } {
  let entry = values.get(field.field.number);
  if (entry === undefined) values.set(field.field.number, (entry = { field, items: [] }));
  return entry;
}

function addValue(
  context: OptionContext,
  scope: string,
  entry: { readonly field: Known; readonly items: (Values | Uint8Array)[] },
  value: OptionValue,
): void {
  const { field } = entry.field;
  if (value.kind === "list") {
    for (const item of value.items) addValue(context, scope, entry, item);
  } else if (field.type !== FieldType.MESSAGE && field.type !== FieldType.GROUP)
    entry.items.push(encodeScalar(context.linker, field, value));
  else if (value.kind !== "message") throw new Error(`its value must be a message: current value is a ${value.kind}`);
  else {
    const isFirst = field.label === Label.REPEATED || !(entry.items[0] instanceof Map);
    const values: Values = isFirst ? new Map() : (entry.items[0] as Values);
    if (isFirst) entry.items.push(values);
    for (const part of value.fields) addField(context, scope, values, (field.typeName ?? "").slice(1), part);
  }
}

function addField(
  context: OptionContext,
  scope: string,
  values: Values,
  typeName: string,
  part: NamePart & { readonly value: OptionValue },
): void {
  const slash = part.text.lastIndexOf("/");
  if (part.isExtension && slash >= 0) {
    addAny(context, scope, values, typeName, part);
    return;
  }
  addValue(context, scope, entryOf(values, findField(context, typeName, scope, part)), part.value);
}

/** "[type.googleapis.com/pkg.Type] { … }" within an `Any`. */
function addAny(
  context: OptionContext,
  scope: string,
  values: Values,
  typeName: string,
  { text, value }: NamePart & { readonly value: OptionValue },
): void {
  const inner: Values = new Map();
  const innerType = text.slice(text.lastIndexOf("/") + 1);
  if (value.kind !== "message") throw new Error(`${text} must be a message: current value is a ${value.kind}`);
  for (const part of value.fields) addField(context, scope, inner, innerType, part);
  const writer = createWriter();
  writeValues(inner, writer);
  const set = (name: string, bytes: Uint8Array): void => {
    const known = findField(context, typeName, scope, { text: name, isExtension: false });
    addValue(context, scope, entryOf(values, known), { kind: "string", bytes });
  };
  set("type_url", Buffer.from(text));
  set("value", writer.finish());
}

function findField(context: OptionContext, typeName: string, scope: string, { text, isExtension }: NamePart): Known {
  const { linker } = context;
  if (isExtension) {
    const fullName = linker.resolve(context.file, scope, text, (symbol) => symbol.kind === "extension");
    const symbol = fullName === undefined ? undefined : linker.find(context.file, fullName);
    if (symbol?.kind !== "extension") throw new Error(`no file that is imported declares the extension ${text}`);
    if (symbol.field.extendee !== `.${typeName}`) throw new Error(`${text} extends ${symbol.field.extendee}`);
    return knownField(linker, symbol.field, symbol.file, false);
  }
  const symbol = linker.findAnywhere(typeName);
  const field = symbol?.kind === "message" ? fieldOf(symbol.message, text) : undefined;
  if (symbol?.kind !== "message" || field === undefined) throw new Error(`${typeName} has no field ${text}`);
  return knownField(linker, field, symbol.file, isEntry(symbol));
}

/** Whether it is a message that a map is made of. */
function isEntry(symbol: Symbol | undefined): boolean {
  return symbol?.kind === "message" && knownOptions(symbol.message).mapEntry === true;
}

/** How a field is written is said in its file and in its own options, nowhere between. */
function knownField(linker: Linker, field: FieldDescriptorProto, file: FileDescriptorProto, isInEntry: boolean): Known {
  const features = fieldFeatures(fileFeatures(file), field);
  const isMessage = field.type === FieldType.MESSAGE || field.type === FieldType.GROUP;
  // Maps, and the values in them, never are.
  const isMap = isInEntry || (isMessage && isEntry(linker.findAnywhere((field.typeName ?? "").slice(1))));
  const isDelimited = isMessage && !isMap && features.messageEncoding === MessageEncoding.DELIMITED;
  const isSourceOnly = knownOptions(field).retention === RETENTION_SOURCE;
  return { field, isPacked: isPacked(field, features), isDelimited, isSourceOnly };
}

/** Text format names a group by its type. */
function fieldOf(message: DescriptorProto, name: string): FieldDescriptorProto | undefined {
  return message.field.find(
    (field) => field.name === name || (field.type === FieldType.GROUP && field.typeName?.endsWith(`.${name}`) === true),
  );
}

function writeValues(values: Values, writer: WireWriter): void {
  for (const [number, { field, items }] of [...values].toSorted(([a], [b]) => a - b)) {
    if (field.isSourceOnly) continue;
    if (field.isPacked) {
      writer.uint32(tagOf(number, WireType.LEN)).fork();
      for (const item of items) writer.raw(item as Uint8Array);
      writer.ldelim();
    } else for (const item of items) writeItem(field, item, writer);
  }
}

function writeItem({ field, isDelimited }: Known, item: Values | Uint8Array, writer: WireWriter): void {
  const { number } = field;
  if (!(item instanceof Map)) {
    writer.uint32(tagOf(number, wireTypeOf(field.type ?? 0)));
    writer.raw(item);
  } else if (isDelimited) {
    writer.uint32(tagOf(number, WireType.SGROUP));
    writeValues(item, writer);
    writer.uint32(tagOf(number, WireType.EGROUP));
  } else {
    writer.uint32(tagOf(number, WireType.LEN)).fork();
    writeValues(item, writer);
    writer.ldelim();
  }
}
