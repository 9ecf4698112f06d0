/**
 * Descriptors in a form in which those of two compilers can be compared, byte for byte where they have options of one's own.
 *
 * Laws: equal is what is equal after parsing; of `source_code_info` the paths and the comments count, not the spans.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { descriptorCodec } from "../../src/codec/proto/descriptor-codec.js";
import { unknownFields } from "../../src/core.js";

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

/** A corpus by file name. */
export function textsIn(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => name.replaceAll("\\", "/"));
  const protos = names.filter((name) => name.endsWith(".proto"));
  return Object.fromEntries(protos.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}
