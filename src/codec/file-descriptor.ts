/**
 * A `.proto` file in its compiled form, and what has some: what reflection shows.
 *
 * Spec: google/protobuf/descriptor.proto.
 */

/** A file as compilers write it. */
export interface FileDescriptor {
  /** As imports name it, such as `"google/protobuf/any.proto"`. */
  readonly name: string;
  /** The names of the files it imports. */
  readonly imports: readonly string[];
  /** A serialized `google.protobuf.FileDescriptorProto`. */
  readonly bytes: Uint8Array;
}

/** Where services come from. Every `Schema` is one. */
export interface DescriptorSource {
  /** The files and all that they import. */
  readonly descriptors: readonly FileDescriptor[];
}
