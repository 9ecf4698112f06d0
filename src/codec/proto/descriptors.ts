/**
 * The descriptors of a set of `.proto` files: what compilers write and reflection serves, made from their texts.
 *
 * Spec: google/protobuf/descriptor.proto.
 * Laws: one descriptor a file, and the names in it are the names of the files, so that the set can be linked; made when asked
 * for, as serving and calling do not need them.
 */
import type { FileDescriptor } from "../file-descriptor.js";
import { descriptorCodec, descriptorText, DESCRIPTOR_FILE } from "./descriptor-codec.js";
import { Linker } from "./descriptor-link.js";
import type { FileDescriptorProto } from "./descriptor-model.js";
import { encodeOptions } from "./descriptor-options.js";
import { parseDescriptor } from "./descriptor-parse.js";
import type { ProtoText } from "./descriptor-text.js";
import { WELL_KNOWN_TEXTS } from "./well-known.js";

/** A file to be described. */
export interface DescribedFile {
  readonly name: string;
  /** `undefined` for a bundled well-known file. */
  readonly text: string | undefined;
  /** The names of what it imports: weak imports behind all others. */
  readonly imports: readonly string[];
}

/** Describes `files`, which have all that they import among them. @throws Error naming file and line. */
export function describeFiles(files: readonly DescribedFile[]): FileDescriptor[] {
  const linker = new Linker();
  const parsed = files.map((file) => parse(file));
  if (!files.some(({ name }) => name === DESCRIPTOR_FILE)) {
    const { file } = parseDescriptor(DESCRIPTOR_FILE, descriptorText());
    linker.add(file);
    linker.link(file);
  }
  for (const { file } of parsed) linker.add(file);
  for (const { file } of parsed) linker.link(file);
  for (const one of parsed) applyOptions(linker, one);
  return parsed.map(({ file, paths }) => {
    file.sourceCodeInfo.location = paths.locations;
    const { sourceCodeInfo, ...rest } = file;
    const message = paths.locations.length === 0 ? rest : { ...rest, sourceCodeInfo };
    return Object.freeze({ name: file.name, imports: [...file.dependency], bytes: encodeFile(message) });
  });
}

function encodeFile(file: object): Uint8Array {
  return descriptorCodec("google.protobuf.FileDescriptorProto").encode(file as Record<string, unknown>);
}

function parse(described: DescribedFile): ProtoText {
  const { name, text = WELL_KNOWN_TEXTS.get(name) } = described;
  if (text === undefined) throw new Error(`Cannot describe ${name} as its text is not known`);
  try {
    const parsed = parseDescriptor(name, text);
    renameImports(parsed.file, described.imports);
    return parsed;
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
    const bytes = encodeOptions({ linker, file }, one);
    one.owner.options = descriptorCodec(one.typeName).decode(bytes);
  }
}
