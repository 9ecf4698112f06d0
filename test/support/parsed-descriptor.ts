/**
 * File descriptors made fit to be compared, whoever wrote them: every field by its name, comments by their place.
 *
 * Laws: what two compilers may write differently without meaning anything else is left out or put in order, and nothing but
 * that: spans (which are positions in a text), and, unless it is asked for, the order of custom options.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadProto, unknownFields } from "../../src/core.js";

/** A message as an object: what is absent is left out, what its schema does not know is in `unknown`. */
export interface Comparable {
  [name: string]: unknown;
}

/** A file of a descriptor set. */
export interface ParsedFile {
  readonly name: string;
  /** Everything but the comments. */
  readonly file: Comparable;
  /** The comments by the path of what they belong to, in the order in which they are listed. */
  readonly comments: ReadonlyMap<string, Comments>;
}

/** What stands around a declaration. */
export interface Comments {
  readonly leadingComments: string | undefined;
  readonly trailingComments: string | undefined;
  readonly leadingDetachedComments: readonly string[];
}

interface Location extends Comments {
  readonly path: readonly number[];
}

const schema = loadProto({ "a.proto": 'syntax = "proto3"; import "google/protobuf/descriptor.proto";' });
const FileType = schema.message("google.protobuf.FileDescriptorProto");
const SetType = schema.message("google.protobuf.FileDescriptorSet");

/** How files are to be compared. */
export interface ParseOptions {
  /**
   * The bytes of custom options: all of them as they are written; by field, which may come in any order, each as it is written; or
   * in any order within each field as well. Default: by field.
   */
  readonly customOptions?: "as written" | "by field" | "in any order";
}

/** Parses one `FileDescriptorProto`. */
export function parseFile(bytes: Uint8Array, options?: ParseOptions): ParsedFile {
  return parsed(FileType.decode(bytes), options);
}

function parsed(message: Comparable, options: ParseOptions | undefined): ParsedFile {
  const { sourceCodeInfo, ...file } = comparable(message, options) as Comparable;
  const { location = [] } = (sourceCodeInfo ?? {}) as { location?: readonly Location[] };
  const comments = location
    .filter(
      (one) =>
        one.leadingComments !== undefined ||
        one.trailingComments !== undefined ||
        one.leadingDetachedComments.length > 0,
    )
    .map((one) => [one.path.join("."), textsOf(one)] as const);
  return { name: String(file["name"]), file, comments: new Map(comments) };
}

function textsOf({ leadingComments, trailingComments, leadingDetachedComments }: Location): Comments {
  return { leadingComments, trailingComments, leadingDetachedComments };
}

/** Parses the files of a `FileDescriptorSet`, by name. */
export function parseSet(bytes: Uint8Array, options?: ParseOptions): Map<string, ParsedFile> {
  const { file } = SetType.decode(bytes) as { file: Comparable[] };
  return new Map(file.map((one) => [String(one["name"]), parsed(one, options)]));
}

/** The files of several sets as one, each once, and still behind those it imports. */
export function joinSets(sets: readonly Uint8Array[]): Uint8Array {
  const files = new Map(sets.flatMap((set) => [...splitSet(set)]).toReversed());
  const order = sets.flatMap((set) => [...splitSet(set).keys()]);
  return SetType.encode({
    file: [...new Set(order)].map((name) => FileType.decode(files.get(name) ?? new Uint8Array())),
  });
}

function splitSet(bytes: Uint8Array): Map<string, Uint8Array> {
  const { file } = SetType.decode(bytes) as { file: Record<string, unknown>[] };
  return new Map(file.map((one) => [String(one["name"]), FileType.encode(one)]));
}

/** A decoded message, and what is within it. */
export function comparable(value: unknown, options: ParseOptions = {}): unknown {
  if (Array.isArray(value)) return value.map((one) => comparable(one, options));
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (typeof value !== "object" || value === null) return value;
  const kept: Comparable = {};
  for (const [name, one] of Object.entries(value)) if (one !== undefined) kept[name] = comparable(one, options);
  const unknown = (value as { [unknownFields]?: readonly Uint8Array[] })[unknownFields];
  if (unknown !== undefined) kept["unknown"] = unknownOf(unknown, options);
  return kept;
}

function unknownOf(fields: readonly Uint8Array[], { customOptions = "by field" }: ParseOptions): unknown {
  if (customOptions === "as written") return Buffer.concat(fields).toString("hex");
  const read = customOptions === "in any order" ? inOrder : (field: Uint8Array) => Buffer.from(field).toString("hex");
  return fields.map(read).toSorted();
}

/** A corpus: the texts of the `.proto` files in a folder, by name. */
export function textsIn(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => name.replaceAll("\\", "/"));
  const protos = names.filter((name) => name.endsWith(".proto"));
  return Object.fromEntries(protos.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

/**
 * Fields in one order, those of messages within as well. What a message is, nothing tells: whatever could be one is taken for one,
 * which changes no text into another.
 */
function inOrder(bytes: Uint8Array): string {
  const fields = readFields(Buffer.from(bytes));
  if (fields === undefined) return Buffer.from(bytes).toString("hex");
  return `{${fields.toSorted().join(" ")}}`;
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const GROUP = 3;
const GROUP_END = 4;
const FIXED32 = 5;

/** The fields of a message, each as a text; `undefined` when it is none. */
function readFields(bytes: Buffer): string[] | undefined {
  const reader = new FieldReader(bytes);
  const fields: string[] = [];
  while (reader.at < bytes.length) {
    const field = reader.field();
    if (field === undefined || reader.at > bytes.length) return undefined;
    fields.push(field);
  }
  return fields;
}

class FieldReader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  field(): string | undefined {
    const tag = this.#varint();
    const number = tag >> 3n;
    if (number === 0n || number > 0x1fffffffn) return undefined;
    const value = this.#value(Number(tag & 7n), tag);
    return value === undefined ? undefined : `${number}:${value}`;
  }

  #value(wireType: number, tag: bigint): string | undefined {
    if (wireType === VARINT) return String(this.#varint());
    if (wireType === FIXED64) return this.#take(8).toString("hex");
    if (wireType === FIXED32) return this.#take(4).toString("hex");
    if (wireType === LENGTH_DELIMITED) return inOrder(this.#take(Number(this.#varint())));
    return wireType === GROUP ? this.#group(tag) : undefined;
  }

  #group(tag: bigint): string | undefined {
    const fields: string[] = [];
    while (this.at < this.#bytes.length) {
      const start = this.at;
      if (this.#varint() === tag - BigInt(GROUP) + BigInt(GROUP_END)) return `(${fields.toSorted().join(" ")})`;
      this.at = start;
      const field = this.field();
      if (field === undefined) return undefined;
      fields.push(field);
    }
    return undefined;
  }

  #take(length: number): Buffer {
    const start = this.at;
    this.at += length;
    return this.#bytes.subarray(start, this.at);
  }

  /** One that has no end leads beyond the bytes. */
  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    this.at = this.#bytes.length + 1;
    return 0n;
  }
}
