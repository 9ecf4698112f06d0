/**
 * What the files of a schema declare: messages, enums, services and extensions, linked with each other.
 *
 * Spec: google/protobuf/descriptor.proto.
 */

/** The fifteen scalar types. */
export type ScalarName =
  | "double"
  | "float"
  | "int32"
  | "uint32"
  | "sint32"
  | "fixed32"
  | "sfixed32"
  | "int64"
  | "uint64"
  | "sint64"
  | "fixed64"
  | "sfixed64"
  | "bool"
  | "string"
  | "bytes";

/** What every declaration has. */
export interface Declaration {
  /** As the `.proto` has it. */
  readonly name: string;
  /** What is said above it, or else behind it. */
  readonly comment: string | undefined;
  readonly deprecated: boolean;
}

/** What has a place of its own: a full name, and a file. */
export interface TopDeclaration extends Declaration {
  /** Without a leading dot, such as `"order.Order.Address"`. */
  readonly fullName: string;
  /** The file's name, as imports have it. */
  readonly file: string;
}

/** A message type. Those that maps are made of are left out. */
export interface DeclaredMessage extends TopDeclaration {
  readonly kind: "message";
  /** In the order of the schema. */
  readonly fields: readonly DeclaredField[];
  /** All that was declared with it. */
  readonly declarations: Declarations;
}

/** What one value of a field is. */
export type DeclaredType = ScalarName | DeclaredMessage | DeclaredEnum;

/** A field of a message. */
export interface DeclaredField extends Declaration {
  readonly number: number;
  /** Of a map: that of its values. */
  readonly type: DeclaredType;
  /** Set for maps alone. */
  readonly mapKey: ScalarName | undefined;
  readonly repeated: boolean;
  readonly presence: "implicit" | "explicit" | "required";
  readonly packed: boolean;
  readonly delimited: boolean;
  readonly checkUtf8: boolean;
  readonly jsonName: string;
  /** `FieldOptions.JSType`. */
  readonly jstype: number | undefined;
  /** As descriptors have it. */
  readonly defaultValue: string | undefined;
  /** The oneof it belongs to. That of a proto3 `optional` is none. */
  readonly oneof: Declaration | undefined;
}

/** A field that is declared outside the message it is for. */
export interface DeclaredExtension extends DeclaredField, TopDeclaration {
  readonly kind: "extension";
  readonly extendee: DeclaredMessage;
}

/** An enum. */
export interface DeclaredEnum extends TopDeclaration {
  readonly kind: "enum";
  readonly closed: boolean;
  readonly values: readonly (Declaration & { readonly number: number })[];
}

/** A service. */
export interface DeclaredService extends TopDeclaration {
  readonly kind: "service";
  readonly methods: readonly DeclaredMethod[];
}

/** A method. */
export interface DeclaredMethod extends Declaration {
  readonly request: DeclaredMessage;
  readonly response: DeclaredMessage;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/** What a schema declares, by full name, in the order of the files. */
export interface Declarations {
  readonly messages: ReadonlyMap<string, DeclaredMessage>;
  readonly enums: ReadonlyMap<string, DeclaredEnum>;
  readonly services: ReadonlyMap<string, DeclaredService>;
  readonly extensions: ReadonlyMap<string, DeclaredExtension>;
}
