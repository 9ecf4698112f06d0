/**
 * From the texts of `.proto` files to complete descriptors: what every name and every option stands for is found, and the rules of
 * the language are held.
 *
 * Spec: protobuf.dev, "Language Guide"; google/protobuf/descriptor.proto.
 * Laws: one descriptor a file, and the names in it are the names of the files, so that the set can be linked; bytes are made when
 * they are asked for, as serving and calling do not need them.
 */
import type { FileDescriptor } from "../file-descriptor.js";
import { unknownFields } from "./absent.js";
import { checkFile } from "./check.js";
import { readKnownOptions } from "./descriptor-bootstrap.js";
import { descriptorCodec, DESCRIPTOR_FILE } from "./descriptor-codec.js";
import { Linker } from "./descriptor-link.js";
import type { FileDescriptorProto } from "./descriptor-model.js";
import { encodeOptions } from "./descriptor-options.js";
import { parseDescriptor } from "./descriptor-parse.js";
import type { OptionsOf, ProtoText } from "./descriptor-text.js";
import { DeclarationError, formatPlace, ProtoError } from "./proto-error.js";
import { bundledFile, isBundled, wellKnownBytes } from "./well-known-files.js";

/** A file that has been read. */
export interface ReadFile {
  readonly name: string;
  readonly path: string | undefined;
  /** `undefined` for a bundled well-known file. */
  readonly text: string | undefined;
  readonly descriptor: FileDescriptorProto;
  /** `undefined` for a bundled file. */
  readonly source: ProtoText | undefined;
}

/** Reads a file. @throws Error with its place when its text is no `.proto`. */
export function readFile(name: string, path: string | undefined, text: string | undefined): ReadFile {
  if (isBundled(name, text)) return { name, path, text, descriptor: bundledFile(name), source: undefined };
  if (text === undefined) throw new Error(`Cannot load ${name} as its text is not known`);
  try {
    const source = parseDescriptor(name, text);
    return { name, path, text, descriptor: source.file, source };
  } catch (cause) {
    throw placed(cause, path ?? name, text);
  }
}

/** Links `files`, which have all that they import among them, each behind it. @throws Error with the place of what is wrong. */
export function linkFiles(files: readonly ReadFile[]): void {
  const linker = new Linker();
  if (!files.some(({ descriptor }) => declaresOptions(descriptor))) linker.add(bundledFile(DESCRIPTOR_FILE));
  forEachText(files, ({ descriptor }) => linker.add(descriptor));
  const texts = files.filter(({ source }) => source !== undefined);
  forEachText(texts, ({ descriptor }) => linker.link(descriptor));
  forEachText(texts, ({ source }) => applyOptions(linker, source as ProtoText));
  forEachText(texts, ({ descriptor }) => checkFile(linker, descriptor));
}

/** The descriptors of linked files as compilers write them. */
export function describeFiles(files: readonly ReadFile[]): FileDescriptor[] {
  return files.map(({ name, descriptor, source }) => {
    const bytes = source === undefined ? (wellKnownBytes(name) as Uint8Array) : encodeFile(descriptor);
    return Object.freeze({ name, imports: [...descriptor.dependency], bytes });
  });
}

function declaresOptions({ package: scope, messageType }: FileDescriptorProto): boolean {
  return scope === "google.protobuf" && messageType.some(({ name }) => name === "FileOptions");
}

/** Does `step` for each file, whose text says where an error is. */
function forEachText(files: readonly ReadFile[], step: (file: ReadFile) => void): void {
  for (const file of files) {
    try {
      step(file);
    } catch (cause) {
      throw placed(cause, file.path ?? file.name, file.text, file.source);
    }
  }
}

/** The error of a file with its place in front. */
function placed(cause: unknown, file: string, text: string | undefined, source?: ProtoText): Error {
  if (!(cause instanceof ProtoError) && !(cause instanceof DeclarationError)) return cause as Error;
  const at = cause instanceof ProtoError ? cause.at : placeOf(cause, source);
  const place = at === undefined || text === undefined ? file : formatPlace(file, text, at);
  return new Error(`Cannot load ${place}: ${cause.message}`);
}

function placeOf({ declaration, part }: DeclarationError, source: ProtoText | undefined): number | undefined {
  return source?.placeOf(declaration, part);
}

function encodeFile(file: FileDescriptorProto): Uint8Array {
  return descriptorCodec("google.protobuf.FileDescriptorProto").encode({ ...file });
}

/**
 * Options decide how options are written that are declared in the same file: what needs no extension is understood first, where it
 * can matter.
 */
function applyOptions(linker: Linker, { file, options }: ProtoText): void {
  for (const one of options) {
    const own = one.statements.filter(
      ({ option: { name } }) =>
        /^(?:features|packed|retention)$/.test(name[0]?.text ?? "") && name[0]?.isExtension === false,
    );
    if (own.length > 0)
      apply(linker, file, { ...one, statements: own.map(({ option }) => ({ option, location: undefined })) });
  }
  for (const one of options) apply(linker, file, one);
}

/** The options stay the bytes that they have been encoded to; what of them is known is kept beside them. */
function apply(linker: Linker, file: FileDescriptorProto, { owner, ...options }: OptionsOf): void {
  const { bytes, sourceOnly } = encodeOptions({ linker, file }, options);
  owner.options = bytes.length === 0 ? undefined : { [unknownFields]: [bytes] };
  owner.understood = readKnownOptions(options.typeName, bytes);
  if (sourceOnly.length === 0 || file.sourceCodeInfo === undefined) return;
  file.sourceCodeInfo.location = file.sourceCodeInfo.location.filter(({ path }) => !sourceOnly.includes(path));
}
