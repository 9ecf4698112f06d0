/**
 * The messages of `descriptor.proto` that a `.proto` file is described by, as far as they are made here.
 *
 * Spec: google/protobuf/descriptor.proto.
 */

/** The options that change codecs and what is generated, as codecs of `descriptor.proto` give them. */
export interface KnownOptions {
  readonly deprecated?: boolean | undefined;
  readonly packed?: boolean | undefined;
  /** `FieldOptions.JSType`. */
  readonly jstype?: number | undefined;
  /** `FieldOptions.OptionRetention`. */
  readonly retention?: number | undefined;
  readonly mapEntry?: boolean | undefined;
  readonly allowAlias?: boolean | undefined;
  readonly features?: Readonly<Record<string, unknown>> | undefined;
}

/** Whatever has options. */
export interface HasOptions {
  options?: object | undefined;
  /** Of options that came from a text, the known ones: `options` are their bytes. No field of a descriptor. */
  understood?: KnownOptions | undefined;
}

/** The known ones among its options. */
export function knownOptions({ options, understood }: HasOptions): KnownOptions {
  return understood ?? options ?? {};
}

/** A file. */
export interface FileDescriptorProto extends HasOptions {
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
  sourceCodeInfo?: { location: SourceLocation[] } | undefined;
  syntax?: string | undefined;
  edition?: number | undefined;
}

/** A message type. */
export interface DescriptorProto extends HasOptions {
  name: string;
  field: FieldDescriptorProto[];
  extension: FieldDescriptorProto[];
  nestedType: DescriptorProto[];
  enumType: EnumDescriptorProto[];
  extensionRange: ({ start: number; end: number } & HasOptions)[];
  oneofDecl: ({ name: string } & HasOptions)[];
  reservedRange: { start: number; end: number }[];
  reservedName: string[];
  visibility?: number | undefined;
}

/** A field, or an extension. */
export interface FieldDescriptorProto extends HasOptions {
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
  proto3Optional?: boolean | undefined;
}

/** An enum. */
export interface EnumDescriptorProto extends HasOptions {
  name: string;
  value: ({ name: string; number: number } & HasOptions)[];
  reservedRange: { start: number; end: number }[];
  reservedName: string[];
  visibility?: number | undefined;
}

/** A service. */
export interface ServiceDescriptorProto extends HasOptions {
  name: string;
  method: MethodDescriptorProto[];
}

/** A method. */
export interface MethodDescriptorProto extends HasOptions {
  name: string;
  inputType: string;
  outputType: string;
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

/** Those that maps may be keyed by: integers, bool and string. */
export const MAP_KEY_TYPES: ReadonlySet<number> = new Set([3, 4, 5, 6, 7, 8, 9, 13, 15, 16, 17, 18]);

/** The types of `FieldDescriptorProto.Type` that have no name of their own. */
export const FieldType = Object.freeze({ GROUP: 10, MESSAGE: 11, ENUM: 14 } as const);

/** The `syntax` of a file by its edition, and the number of the edition. */
export const EDITIONS: ReadonlyMap<string, number> = new Map([
  ["2023", 1000],
  ["2024", 1001],
  ["2026", 1002],
]);
