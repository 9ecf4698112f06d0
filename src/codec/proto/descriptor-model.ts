/**
 * The messages of `descriptor.proto` that a `.proto` file is described by, as far as they are made here.
 *
 * Spec: google/protobuf/descriptor.proto.
 */

/** A file. */
export interface FileDescriptorProto {
  name: string;
  package?: string | undefined;
  dependency: string[];
  publicDependency: number[];
  weakDependency: number[];
  optionDependency: string[];
  messageType: DescriptorProto[];
  enumType: EnumDescriptorProto[];
  service: ServiceDescriptorProto[];
  extension: FieldDescriptorProto[];
  options?: object | undefined;
  sourceCodeInfo: { location: SourceLocation[] };
  syntax?: string | undefined;
  edition?: number | undefined;
}

/** A message type. */
export interface DescriptorProto {
  name: string;
  field: FieldDescriptorProto[];
  extension: FieldDescriptorProto[];
  nestedType: DescriptorProto[];
  enumType: EnumDescriptorProto[];
  extensionRange: { start: number; end: number; options?: object | undefined }[];
  oneofDecl: { name: string; options?: object | undefined }[];
  options?: { mapEntry?: boolean | undefined } | undefined;
  reservedRange: { start: number; end: number }[];
  reservedName: string[];
  visibility?: number | undefined;
}

/** A field, or an extension. */
export interface FieldDescriptorProto {
  name: string;
  number: number;
  label: number;
  /** Not known before linking where `typeName` is that of a message or an enum. */
  type?: number | undefined;
  typeName?: string | undefined;
  extendee?: string | undefined;
  defaultValue?: string | undefined;
  oneofIndex?: number | undefined;
  jsonName?: string | undefined;
  options?: { packed?: boolean | undefined } | undefined;
  proto3Optional?: boolean | undefined;
}

/** An enum. */
export interface EnumDescriptorProto {
  name: string;
  value: { name: string; number: number; options?: object | undefined }[];
  options?: { allowAlias?: boolean | undefined } | undefined;
  reservedRange: { start: number; end: number }[];
  reservedName: string[];
  visibility?: number | undefined;
}

/** A service. */
export interface ServiceDescriptorProto {
  name: string;
  method: MethodDescriptorProto[];
  options?: object | undefined;
}

/** A method. */
export interface MethodDescriptorProto {
  name: string;
  inputType: string;
  outputType: string;
  options?: object | undefined;
  clientStreaming?: boolean | undefined;
  serverStreaming?: boolean | undefined;
}

/** Where something is declared, and the comments around it. */
export interface SourceLocation {
  path: number[];
  span: number[];
  leadingComments?: string | undefined;
  trailingComments?: string | undefined;
  leadingDetachedComments: string[];
}

/** `FieldDescriptorProto.Label`. */
export const Label = Object.freeze({ OPTIONAL: 1, REQUIRED: 2, REPEATED: 3 } as const);

/** `FieldDescriptorProto.Type` by the name in a `.proto`; groups, messages and enums have none there. */
export const FIELD_TYPES: ReadonlyMap<string, number> = new Map([
  ["double", 1],
  ["float", 2],
  ["int64", 3],
  ["uint64", 4],
  ["int32", 5],
  ["fixed64", 6],
  ["fixed32", 7],
  ["bool", 8],
  ["string", 9],
  ["bytes", 12],
  ["uint32", 13],
  ["sfixed32", 15],
  ["sfixed64", 16],
  ["sint32", 17],
  ["sint64", 18],
]);

/** The types of `FieldDescriptorProto.Type` that have no name of their own. */
export const FieldType = Object.freeze({ GROUP: 10, MESSAGE: 11, ENUM: 14 } as const);

/** The `syntax` of a file by its edition, and the number of the edition. */
export const EDITIONS: ReadonlyMap<string, number> = new Map([
  ["2023", 1000],
  ["2024", 1001],
  ["2026", 1002],
]);
