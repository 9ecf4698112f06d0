/**
 * Declarations as descriptors have them: what of `descriptor.proto` is printed, with options as the bytes they are.
 *
 * Spec: google/protobuf/descriptor.proto.
 * Laws: nothing of it is trusted but the names of messages, fields, enums, services and methods, which have been checked when
 * the schema was loaded.
 */
import { type FileDescriptor, loadProto, type MessageType } from "../../index.js";

const DECLARATIONS = `syntax = "proto2";
  message File {
    optional string name = 1 [default = ""];
    optional string package = 2 [default = ""];
    repeated Message messages = 4;
    repeated Enum enums = 5;
    repeated Service services = 6;
    repeated Field extensions = 7;
    optional bytes options = 8;
    optional string syntax = 12;
    optional int32 edition = 14;
  }
  message Message {
    optional string name = 1;
    repeated Field fields = 2;
    repeated Message messages = 3;
    repeated Enum enums = 4;
    repeated Range extension_ranges = 5;
    repeated Field extensions = 6;
    optional bytes options = 7;
    repeated Oneof oneofs = 8;
    repeated Range reserved_ranges = 9;
    repeated string reserved_names = 10;
    optional int32 visibility = 11;
  }
  message Range { optional int32 start = 1; optional int32 end = 2; optional bytes options = 3; }
  message Oneof { optional string name = 1; optional bytes options = 2; }
  message Field {
    optional string name = 1;
    optional string extendee = 2;
    optional int32 number = 3;
    optional int32 label = 4;
    optional int32 type = 5;
    optional string type_name = 6;
    optional string default_value = 7;
    optional bytes options = 8;
    optional int32 oneof_index = 9;
    optional string json_name = 10;
    optional bool proto3_optional = 17;
  }
  message Enum {
    optional string name = 1;
    repeated Value values = 2;
    optional bytes options = 3;
    repeated Range reserved_ranges = 4;
    repeated string reserved_names = 5;
    optional int32 visibility = 6;
  }
  message Value { optional string name = 1; optional int32 number = 2; optional bytes options = 3; }
  message Service { optional string name = 1; repeated Method methods = 2; optional bytes options = 3; }
  message Method {
    optional string name = 1;
    optional string input = 2;
    optional string output = 3;
    optional bytes options = 4;
    optional bool client_streaming = 5;
    optional bool server_streaming = 6;
  }
  message EntryOptions { optional bool map_entry = 7; }
  message Commented { optional Source source = 9; }
  message Source { repeated Location location = 1; }
  message Location {
    repeated int32 path = 1 [packed = true];
    optional string leading = 3;
    optional string trailing = 4;
    repeated string detached = 6;
  }`;

export interface FileDeclaration {
  readonly name?: string | undefined;
  readonly package?: string | undefined;
  readonly messages: readonly MessageDeclaration[];
  readonly enums: readonly EnumDeclaration[];
  readonly services: readonly ServiceDeclaration[];
  readonly extensions: readonly FieldDeclaration[];
  readonly options?: Uint8Array | undefined;
  readonly syntax?: string | undefined;
  readonly edition?: number | undefined;
}

export interface MessageDeclaration {
  readonly name: string;
  readonly fields: readonly FieldDeclaration[];
  readonly messages: readonly MessageDeclaration[];
  readonly enums: readonly EnumDeclaration[];
  readonly extensionRanges: readonly RangeDeclaration[];
  readonly extensions: readonly FieldDeclaration[];
  readonly options?: Uint8Array | undefined;
  readonly oneofs: readonly OneofDeclaration[];
  readonly reservedRanges: readonly RangeDeclaration[];
  readonly reservedNames: readonly string[];
  readonly visibility?: number | undefined;
}

export interface RangeDeclaration {
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  readonly options?: Uint8Array | undefined;
}

export interface OneofDeclaration {
  readonly name: string;
  readonly options?: Uint8Array | undefined;
}

export interface FieldDeclaration {
  readonly name: string;
  readonly extendee?: string | undefined;
  readonly number?: number | undefined;
  readonly label?: number | undefined;
  readonly type?: number | undefined;
  readonly typeName?: string | undefined;
  readonly defaultValue?: string | undefined;
  readonly options?: Uint8Array | undefined;
  readonly oneofIndex?: number | undefined;
  readonly jsonName?: string | undefined;
  readonly proto3Optional?: boolean | undefined;
}

export interface EnumDeclaration {
  readonly name: string;
  readonly values: readonly ValueDeclaration[];
  readonly options?: Uint8Array | undefined;
  readonly reservedRanges: readonly RangeDeclaration[];
  readonly reservedNames: readonly string[];
  readonly visibility?: number | undefined;
}

export interface ValueDeclaration {
  readonly name: string;
  readonly number?: number | undefined;
  readonly options?: Uint8Array | undefined;
}

export interface ServiceDeclaration {
  readonly name: string;
  readonly methods: readonly MethodDeclaration[];
  readonly options?: Uint8Array | undefined;
}

export interface MethodDeclaration {
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly options?: Uint8Array | undefined;
  readonly clientStreaming?: boolean | undefined;
  readonly serverStreaming?: boolean | undefined;
}

/** The comments around a declaration. */
export interface Comments {
  readonly path: readonly number[];
  readonly leading?: string | undefined;
  readonly trailing?: string | undefined;
  readonly detached: readonly string[];
}

interface Commented {
  readonly source?: { readonly location: readonly Comments[] } | undefined;
}

interface Types {
  readonly file: MessageType<FileDeclaration>;
  readonly commented: MessageType<Commented>;
  readonly entryOptions: MessageType<{ readonly mapEntry?: boolean | undefined }>;
}

let types: Types | undefined;

function typesOf(): Types {
  if (types !== undefined) return types;
  const schema = loadProto({ "declarations.proto": DECLARATIONS });
  return (types = {
    file: schema.message("File"),
    commented: schema.message("Commented"),
    entryOptions: schema.message("EntryOptions"),
  });
}

/** What a file declares. @throws Error when its bytes are no descriptor, or one of more than 250,000 names and texts. */
export function declarationsIn({ bytes }: FileDescriptor): FileDeclaration {
  return typesOf().file.decode(bytes);
}

/** The comments of a file by the path of what they belong to, its numbers joined by commas; none where there are too many. */
export function commentsIn({ bytes }: FileDescriptor): ReadonlyMap<string, Comments> {
  let located: readonly Comments[] = [];
  try {
    located = typesOf().commented.decode(bytes).source?.location ?? [];
  } catch {
    // What has been declared is known all the same.
  }
  const commented = located.filter(({ leading, trailing, detached }) => leading ?? trailing ?? detached.length > 0);
  return new Map(commented.map((comments) => [comments.path.join(","), comments]));
}

/** `FieldDescriptorProto.Label`. */
export const Label = Object.freeze({ OPTIONAL: 1, REQUIRED: 2, REPEATED: 3 } as const);

/** `FieldDescriptorProto.Type`, as far as a type is no scalar. */
export const FieldType = Object.freeze({ GROUP: 10, MESSAGE: 11, ENUM: 14 } as const);

/** The names of the scalars by their numbers in `FieldDescriptorProto.Type`. */
export const SCALARS: ReadonlyMap<number, string> = new Map([
  [1, "double"],
  [2, "float"],
  [3, "int64"],
  [4, "uint64"],
  [5, "int32"],
  [6, "fixed64"],
  [7, "fixed32"],
  [8, "bool"],
  [9, "string"],
  [12, "bytes"],
  [13, "uint32"],
  [15, "sfixed32"],
  [16, "sfixed64"],
  [17, "sint32"],
  [18, "sint64"],
]);

/** A full name without the dot that descriptors put in front. */
export function withoutDot(typeName: string): string {
  return typeName.replace(/^\./, "");
}

/** Whether a message is what the entries of a map are made of, which no `.proto` declares by itself. */
export function isMapEntry({ options }: MessageDeclaration): boolean {
  return options !== undefined && typesOf().entryOptions.decode(options).mapEntry === true;
}

/** The entries of a field that is a map; `node` is the message around it. */
export function mapEntryOf(
  { type, label, typeName = "" }: FieldDeclaration,
  node: MessageDeclaration,
): MessageDeclaration | undefined {
  if (type !== FieldType.MESSAGE || label !== Label.REPEATED) return undefined;
  const name = typeName.slice(typeName.lastIndexOf(".") + 1);
  return node.messages.find((one) => one.name === name && isMapEntry(one));
}

/** The name in JSON of a field that says nothing of it. */
export function jsonNameOf(name: string): string {
  return name.replaceAll(/_+([A-Za-z0-9])?/g, (_, letter: string | undefined) => letter?.toUpperCase() ?? "");
}
