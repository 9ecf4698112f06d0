/**
 * Options as a `.proto` has them: those of `descriptor.proto` by name, custom ones by the extensions that declare them.
 *
 * Spec: google/protobuf/descriptor.proto; protobuf.dev, "Custom Options".
 * Laws: custom options are read by the codecs of the schema that declares them, in a message made of those extensions; an option
 * that nobody declares is shown by its number and never lost.
 */
import {
  type FileDescriptor,
  loadDescriptorSet,
  loadProto,
  type MessageType,
  type Schema,
  toText,
} from "../../index.js";
import type { FieldDeclaration, FileDeclaration } from "./declaration.js";
import type { DeclaredNames } from "./declared.js";

/** Whose options they are: the name of the message in `descriptor.proto`. */
export type OptionsOf =
  | "FieldOptions"
  | "FileOptions"
  | "EnumOptions"
  | "EnumValueOptions"
  | "ExtensionRangeOptions"
  | "MessageOptions"
  | "MethodOptions"
  | "OneofOptions"
  | "ServiceOptions";

/** One option: `name = value`. */
export interface Option {
  readonly name: string;
  /** As it stands behind the equals sign; of several lines where it is a message. */
  readonly value: string;
}

/** The options of one declaration. */
export interface PrintedOptions {
  readonly options: readonly Option[];
  /** Those that nothing declares, by their numbers. */
  readonly unknown: readonly Option[];
}

const NONE: PrintedOptions = { options: [], unknown: [] };

const NAME = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;

/** What prints the options in the files of one schema. */
export class OptionPrinter {
  readonly #names: DeclaredNames;
  readonly #descriptors: readonly FileDescriptor[];
  readonly #custom = new Map<OptionsOf, CustomOptions | undefined>();

  constructor(names: DeclaredNames, descriptors: readonly FileDescriptor[]) {
    this.#names = names;
    this.#descriptors = descriptors;
  }

  /** The options in `bytes`. */
  print(of: OptionsOf, bytes: Uint8Array | undefined): PrintedOptions {
    if (bytes === undefined || bytes.length === 0) return NONE;
    const standard = entriesOf(standardType(of), bytes);
    const options = standard.filter(({ name }) => !isNumber(name));
    const unknown = standard.filter(({ name }) => isNumber(name));
    if (unknown.length === 0) return { options, unknown };
    const custom = this.#customOptions(of);
    if (custom === undefined) return { options, unknown };
    const read = entriesOf(custom.type, bytes).flatMap(({ name, value }) => {
      const fullName = custom.names.get(name);
      return fullName === undefined ? [] : [{ name: `(${fullName})`, value }];
    });
    return {
      options: [...options, ...read],
      unknown: unknown.filter(({ name }) => !custom.numbers.has(Number(name))),
    };
  }

  #customOptions(of: OptionsOf): CustomOptions | undefined {
    if (!this.#custom.has(of)) this.#custom.set(of, this.#readerOf(of));
    return this.#custom.get(of);
  }

  #readerOf(of: OptionsOf): CustomOptions | undefined {
    const byNumber = new Map(
      this.#names
        .extensionsOf(`google.protobuf.${of}`)
        .filter(({ fullName }) => NAME.test(fullName))
        .map((extension) => [extension.node.number ?? 0, extension]),
    );
    const extensions = [...byNumber.values()];
    if (extensions.length === 0) return undefined;
    try {
      const type = loadHolder(
        extensions.map(({ node, file }) => (isDelimited(node, file.declaration) ? { ...node, type: GROUP } : node)),
        this.#descriptors,
      );
      return {
        type,
        names: new Map(extensions.map(({ fullName }, i) => [`e${i}`, fullName])),
        numbers: new Set(byNumber.keys()),
      };
    } catch {
      // A stranger's extensions may be of types that cannot be: their options are shown by number.
      return undefined;
    }
  }
}

/** The extensions of one options message as the fields of another. */
interface CustomOptions {
  readonly type: MessageType;
  /** Full names of the extensions by the fields' names. */
  readonly names: ReadonlyMap<string, string>;
  readonly numbers: ReadonlySet<number>;
}

let descriptorSchema: Schema | undefined;

/** A message of the `descriptor.proto` that comes with the library. */
function descriptorType(name: string): MessageType {
  descriptorSchema ??= loadProto({
    "options.proto": `syntax = "proto3"; import "google/protobuf/descriptor.proto"; message Set { repeated bytes file = 1; }`,
  });
  return descriptorSchema.message(name === "Set" ? name : `google.protobuf.${name}`);
}

function standardType(of: OptionsOf): MessageType {
  return descriptorType(of);
}

/** `FieldDescriptorProto.Type`. */
const GROUP = 10;
const MESSAGE = 11;
/** `FeatureSet.MessageEncoding`. */
const DELIMITED = 2;

/** Whether a feature of the field, or else of its file, has messages written as groups are. */
function isDelimited({ type, options }: FieldDeclaration, file: FileDeclaration): boolean {
  const own = messageEncoding("FieldOptions", options);
  return type === MESSAGE && (own === 0 ? messageEncoding("FileOptions", file.options) : own) === DELIMITED;
}

function messageEncoding(of: "FieldOptions" | "FileOptions", bytes: Uint8Array = new Uint8Array()): number {
  const { features } = descriptorType(of).decode(bytes) as { features?: { messageEncoding?: number } };
  return features?.messageEncoding ?? 0;
}

function loadHolder(extensions: readonly FieldDeclaration[], descriptors: readonly FileDescriptor[]): MessageType {
  const field = extensions.map(({ number, label, type, typeName }, i) => ({
    name: `e${i}`,
    number,
    label,
    type,
    typeName,
  }));
  const holder = descriptorType("FileDescriptorProto").encode({
    name: "barewire/custom-options.proto",
    package: "barewire.custom_options",
    dependency: descriptors.map(({ name }) => name),
    syntax: "proto2",
    messageType: [{ name: "Holder", field }],
  });
  const file = [...descriptors.map(({ bytes }) => bytes), holder];
  return loadDescriptorSet(descriptorType("Set").encode({ file })).message("barewire.custom_options.Holder");
}

function isNumber(name: string): boolean {
  return /^\d+$/.test(name);
}

/** The fields of a message, each as it stands in text format. */
function entriesOf(type: MessageType, bytes: Uint8Array): Option[] {
  let text: string;
  try {
    text = toText(type, type.decode(bytes));
  } catch {
    return [];
  }
  const entries: { name: string; value: string }[] = [];
  for (const line of text.split("\n")) {
    const [, name, value = "{"] = /^([^\s:}]+)(?:: (.*)| \{)$/.exec(line) ?? [];
    if (name !== undefined) entries.push({ name, value });
    else if (line !== "") (entries.at(-1) as { value: string }).value += `\n${line}`;
  }
  return entries.map(({ name, value }) => ({ name, value: withNumbersAside(value) }));
}

/** A field that is known by its number alone has no form in an option: it becomes a comment. */
function withNumbersAside(value: string): string {
  let depth = -1;
  const lines = value.split("\n").map((line, i) => {
    const indent = line.length - line.trimStart().length;
    if (i > 0 && depth < 0 && /^\s*\d+(?::| \{)/.test(line)) depth = indent;
    if (depth < 0) return line;
    const isLast = indent === depth && !line.endsWith("{");
    const commentedOut = `${" ".repeat(depth)}// ${line.slice(depth)}`;
    if (isLast) depth = -1;
    return commentedOut;
  });
  return lines.join("\n");
}
