/**
 * The codecs of `descriptor.proto`, made from the descriptor of that file.
 *
 * Spec: google/protobuf/descriptor.proto.
 */
import { declareFiles } from "./declare.js";
import type { Declarations, DeclaredMessage } from "./declared.js";
import { messageCodec, type MessageCodec } from "./message.js";
import { bundledFile } from "./well-known-files.js";

/** As imports name it. */
export const DESCRIPTOR_FILE = "google/protobuf/descriptor.proto";

let declarations: Declarations | undefined;

/** The codec of one of its messages, such as `"google.protobuf.FileDescriptorProto"`. */
export function descriptorCodec(typeName: string): MessageCodec {
  declarations ??= declareFiles([bundledFile(DESCRIPTOR_FILE)]);
  return messageCodec(declarations.messages.get(typeName) as DeclaredMessage);
}
