/**
 * Loads a schema from what a compiler made of it: `protoc --descriptor_set_out --include_imports`, `buf build`.
 *
 * Spec: google/protobuf/descriptor.proto, FileDescriptorSet.
 * Laws: the bytes may be a stranger's: they are bounded, and every name in them is checked before anything is made of it; each
 * file's bytes are kept as they came.
 */
import { declareFiles, syntaxOf } from "./declare.js";
import { descriptorCodec } from "./descriptor-codec.js";
import type { FileDescriptorProto } from "./descriptor-model.js";
import { Schema, type ProtoFile } from "./schema.js";
import { WELL_KNOWN_NAMES, wellKnownBytes } from "./well-known-files.js";
import { createReader, tagOf, WireType } from "./wire.js";

const MAX_FILES = 2000;
const MAX_BYTES = 16 * 1024 * 1024;
/** Sub-messages and texts in one file. */
const MAX_VALUES = 1_000_000;

/**
 * Loads a serialized `google.protobuf.FileDescriptorSet`, of at most 2,000 files and 16 MiB. It must have all that its files
 * import; the well-known files that every schema has, such as `google/protobuf/any.proto`, may be left out.
 *
 * @throws Error when the bytes are no such set, when it lacks a file, or has a name that is none.
 */
export function loadDescriptorSet(bytes: Uint8Array): Schema {
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(`Cannot load a descriptor set as it must be a Uint8Array: current value is ${typeof bytes}`);
  }
  if (bytes.length > MAX_BYTES) {
    throw new Error(
      `Cannot load a descriptor set as it has at most ${MAX_BYTES} bytes: current value is ${bytes.length}`,
    );
  }
  const given = splitSet(bytes).map(decodeFile);
  const files = [...missingWellKnown(given.map(({ file }) => file)).map(decodeFile), ...given];
  checkImports(files.map(({ file }) => file));
  const declarations = declareFiles(files.map(({ file }) => file));
  return new Schema(
    declarations,
    files.map(({ file }) => protoFile(file)),
    () => files.map(({ file, bytes: own }) => Object.freeze({ name: file.name, imports: file.dependency, bytes: own })),
  );
}

interface DecodedFile {
  readonly file: FileDescriptorProto;
  readonly bytes: Uint8Array;
}

/** The bytes of each file; each is in memory of its own. */
function splitSet(bytes: Uint8Array): Uint8Array[] {
  const files: Uint8Array[] = [];
  const reader = createReader(bytes);
  try {
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag !== tagOf(1, WireType.LEN)) {
        reader.skipType(tag & 7);
        continue;
      }
      files.push(new Uint8Array(reader.bytes()));
      if (files.length > MAX_FILES) throw new Error(`it has more than ${MAX_FILES} files`);
    }
  } catch (cause) {
    throw new Error(`Cannot load a descriptor set: ${(cause as Error).message}`, { cause });
  }
  if (files.length === 0) throw new Error("Cannot load a descriptor set of no files");
  return files;
}

function decodeFile(bytes: Uint8Array): DecodedFile {
  const codec = descriptorCodec("google.protobuf.FileDescriptorProto");
  const message: unknown = codec.decodeFrom(createReader(bytes), bytes.length, MAX_VALUES);
  const file = message as FileDescriptorProto;
  if (!file.name) throw new Error("Cannot load a descriptor set as one of its files has no name");
  return { file, bytes };
}

/** The bundled files that are imported and not in the set, each behind those it imports. */
function missingWellKnown(files: readonly FileDescriptorProto[]): Uint8Array[] {
  const there = new Set(files.map(({ name }) => name));
  const wanted = new Set(files.flatMap(({ dependency }) => dependency));
  const missing: Uint8Array[] = [];
  // From behind, so that what a bundled file imports is wanted by the time it comes.
  for (const name of WELL_KNOWN_NAMES.toReversed()) {
    const bytes = wanted.has(name) && !there.has(name) ? wellKnownBytes(name) : undefined;
    if (bytes === undefined) continue;
    missing.unshift(bytes);
    for (const imported of decodeFile(bytes).file.dependency) wanted.add(imported);
  }
  return missing;
}

function checkImports(files: readonly FileDescriptorProto[]): void {
  const names = new Set<string>();
  for (const { name } of files) {
    if (names.has(name)) throw new Error(`Cannot load a descriptor set as it has ${JSON.stringify(name)} twice`);
    names.add(name);
  }
  for (const { name, dependency, weakDependency } of files) {
    const missing = dependency.find((one, i) => !names.has(one) && !weakDependency.includes(i));
    if (missing === undefined) continue;
    throw new Error(
      `Cannot load a descriptor set as it lacks ${JSON.stringify(missing)}, imported by ${JSON.stringify(name)}: ` +
        "have the compiler include imports (protoc --include_imports)",
    );
  }
}

function protoFile(file: FileDescriptorProto): ProtoFile {
  return {
    name: file.name,
    package: file.package ?? "",
    imports: file.dependency,
    publicImports: file.publicDependency.flatMap((index) => file.dependency[index] ?? []),
    syntax: syntaxOf(file),
    text: undefined,
    path: undefined,
  };
}
