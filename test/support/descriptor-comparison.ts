/**
 * Compares descriptors made from texts with those that another compiler made from the same texts.
 *
 * Laws: equal is what is equal after parsing; of `source_code_info` the paths and the comments count, not the spans.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { descriptorCodec } from "../../src/codec/proto/descriptor-codec.js";
import { shippedText } from "../../src/codec/proto/files.js";
import { loadProto, unknownFields } from "../../src/core.js";

/** A descriptor as an object that can be compared: what is absent is left out, what is unknown is in `unknown`. */
export interface Comparable {
  [name: string]: unknown;
}

export interface Location {
  readonly path: readonly number[];
  readonly leadingComments?: string;
  readonly trailingComments?: string;
  readonly leadingDetachedComments: readonly string[];
}

export function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  const kept: Comparable = {};
  for (const [name, one] of Object.entries(value)) if (one !== undefined) kept[name] = comparable(one);
  const unknown = (value as { [unknownFields]?: readonly Uint8Array[] })[unknownFields];
  if (unknown !== undefined) kept["unknown"] = Buffer.concat(unknown).toString("hex");
  return kept;
}

/** A serialized `FileDescriptorProto`. */
export function decodeFile(bytes: Uint8Array): Comparable {
  return comparable(descriptorCodec("google.protobuf.FileDescriptorProto").decode(bytes)) as Comparable;
}

/** The files of a serialized `FileDescriptorSet`. */
export function decodeSet(bytes: Uint8Array): Comparable[] {
  const set = comparable(descriptorCodec("google.protobuf.FileDescriptorSet").decode(bytes)) as { file: Comparable[] };
  return set.file;
}

/** The locations that have comments, by path; removed from the file. */
export function takeComments(file: Comparable): Map<string, Location> {
  const { location } = (file["sourceCodeInfo"] ?? { location: [] }) as { location: readonly Location[] };
  delete file["sourceCodeInfo"];
  const commented = location.filter(
    (one) =>
      one.leadingComments !== undefined || one.trailingComments !== undefined || one.leadingDetachedComments.length > 0,
  );
  return new Map(
    commented.map(({ path, leadingComments, trailingComments, leadingDetachedComments }) => [
      path.join(","),
      {
        path,
        leadingDetachedComments,
        ...(leadingComments === undefined ? {} : { leadingComments }),
        ...(trailingComments === undefined ? {} : { trailingComments }),
      },
    ]),
  );
}

/** A file to be compiled, and where its imports are. */
export interface CompilerInput {
  /** As imports name it. */
  readonly name: string;
  /** For `-I`: the file is in the first one. */
  readonly includeDirs: readonly string[];
}

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The corpora and the services of this repository. `google/api`, which protoc has not, is written to `folder`. */
export function compilerInputs(folder: string): CompilerInput[] {
  for (const name of ["google/api/annotations.proto", "google/api/http.proto"]) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), shippedText(name) ?? "");
  }
  const filesOf = (path: string, more: readonly string[] = []): CompilerInput[] =>
    readdirSync(join(root, path), { recursive: true, encoding: "utf8" })
      .map((name) => name.replaceAll("\\", "/"))
      .filter((name) => name.endsWith(".proto") && !name.startsWith("imports/"))
      .map((name) => ({ name, includeDirs: [join(root, path), ...more, folder] }));
  return [
    ...filesOf("proto"),
    ...filesOf("test/descriptors"),
    // What is imported relative to the file that imports it, protoc has to be told.
    ...filesOf("test/schemas", [join(root, "test/schemas/imports")]),
  ];
}

/**
 * What differs between the files of `set`, which a compiler made of `input` (`--include_source_info`), and what barewire makes of it:
 * one line each, none when all is equal. The well-known files are left out, as every compiler has its own.
 */
export function descriptorDifferences(set: Uint8Array, { name, includeDirs }: CompilerInput): string[] {
  const [folder = "", ...more] = includeDirs;
  const { descriptors } = loadProto(join(folder, name), { includeDirs: [folder, ...more] });
  const ours = new Map(descriptors.map((one) => [one.name, decodeFile(one.bytes)]));
  return decodeSet(set).flatMap((theirs) => {
    const file = String(theirs["name"]);
    if (file.startsWith("google/protobuf/")) return [];
    const own = ours.get(file);
    return own === undefined ? [`${file}: it is not there`] : fileDifferences(file, own, theirs);
  });
}

function fileDifferences(file: string, own: Comparable, theirs: Comparable): string[] {
  const [comments, theirComments] = [takeComments(own), takeComments(theirs)];
  return [
    ...differences(file, own, theirs),
    ...differences(`${file}: comments`, Object.fromEntries(comments), Object.fromEntries(theirComments)),
  ];
}

/** The paths at which two values differ, with both values. */
export function differences(path: string, ours: unknown, theirs: unknown): string[] {
  if (isDeepStrictEqual(ours, theirs)) return [];
  if (!isPlain(ours) || !isPlain(theirs)) return [`${path}: ${shown(ours)}, and theirs is ${shown(theirs)}`];
  const names = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
  return [...names].flatMap((name) => differences(`${path}.${name}`, ours[name], theirs[name]));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array);
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? String(one) : one)) ?? "absent";
}

/** A corpus by file name. */
export function textsIn(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => name.replaceAll("\\", "/"));
  const protos = names.filter((name) => name.endsWith(".proto"));
  return Object.fromEntries(protos.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}
