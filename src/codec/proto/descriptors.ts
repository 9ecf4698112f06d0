/**
 * The descriptors of a set of `.proto` files: what compilers write and reflection serves, made from their texts.
 *
 * Spec: google/protobuf/descriptor.proto.
 * Laws: one descriptor a file, and the names in it are the names of the files, so that the set can be linked; made when asked
 * for, as serving and calling do not need them.
 */
import type { FileDescriptor } from "../file-descriptor.js";
import { descriptorCodec, DESCRIPTOR_FILE } from "./descriptor-codec.js";
import { Linker } from "./descriptor-link.js";
import type { FileDescriptorProto } from "./descriptor-model.js";
import { encodeOptions } from "./descriptor-options.js";
import { parseDescriptor } from "./descriptor-parse.js";
import type { ProtoText } from "./descriptor-text.js";
import { bundledBytes, wellKnownBytes } from "./well-known-files.js";

/** A file to be described. */
export interface DescribedFile {
  readonly name: string;
  /** `undefined` for a bundled well-known file. */
  readonly text: string | undefined;
  /** The names of what it imports: weak imports behind all others. */
  readonly imports: readonly string[];
}

/** A file on its way: from its text, or one whose bytes are there. */
type Described =
  | { readonly file: FileDescriptorProto; readonly source: ProtoText }
  | { readonly file: FileDescriptorProto; readonly bytes: Uint8Array };

/** Describes `files`, which have all that they import among them. @throws Error naming file and line. */
export function describeFiles(files: readonly DescribedFile[]): FileDescriptor[] {
  const linker = new Linker();
  const all = files.map(begin);
  if (!files.some(({ name }) => name === DESCRIPTOR_FILE)) {
    linker.add(decodeFile(wellKnownBytes(DESCRIPTOR_FILE) as Uint8Array));
  }
  for (const { file } of all) linker.add(file);
  for (const one of all) if ("source" in one) linker.link(one.file);
  for (const one of all) if ("source" in one) applyOptions(linker, one.source);
  return all.map((one) => {
    const bytes = "bytes" in one ? one.bytes : encodeFile(one.source);
    return Object.freeze({ name: one.file.name, imports: [...one.file.dependency], bytes });
  });
}

/** The descriptor in `bytes`, which are trusted. */
function decodeFile(bytes: Uint8Array): FileDescriptorProto {
  const message: unknown = descriptorCodec("google.protobuf.FileDescriptorProto").decode(bytes);
  return message as FileDescriptorProto;
}

function encodeFile({ file, paths }: ProtoText): Uint8Array {
  const location = paths.locations;
  const message: object = { ...file, sourceCodeInfo: location.length === 0 ? undefined : { location } };
  return descriptorCodec("google.protobuf.FileDescriptorProto").encode(message as Record<string, unknown>);
}

function begin({ name, text, imports }: DescribedFile): Described {
  const bytes = bundledBytes(name, text);
  if (bytes !== undefined) return { file: decodeFile(bytes), bytes };
  if (text === undefined) throw new Error(`Cannot describe ${name} as its text is not known`);
  try {
    const source = parseDescriptor(name, text);
    renameImports(source.file, imports);
    return { file: source.file, source };
  } catch (cause) {
    const [, line, reason] = /^line ([0-9]+): (.*)$/s.exec((cause as Error).message) ?? [];
    if (line === undefined) throw cause;
    throw new Error(`Cannot describe ${name}:${line}: ${reason}`, { cause });
  }
}

/** A file may have been found under another name than the import says; the dependency must be that name. */
function renameImports(file: FileDescriptorProto, loaded: readonly string[]): void {
  const isWeak = new Set(file.weakDependency);
  const order = [...file.dependency.keys()].toSorted((a, b) => Number(isWeak.has(a)) - Number(isWeak.has(b)));
  order.forEach((index, i) => {
    file.dependency[index] = loaded[i] ?? (file.dependency[index] as string);
  });
}

function applyOptions(linker: Linker, { file, options }: ProtoText): void {
  for (const one of options) {
    one.owner.options = descriptorCodec(one.typeName).decode(encodeOptions({ linker, file }, one));
  }
}
