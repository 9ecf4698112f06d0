/**
 * The codecs of `descriptor.proto`, made from the file that protobufjs ships.
 *
 * Spec: google/protobuf/descriptor.proto.
 */
import protobuf from "protobufjs";
import { shippedText } from "./files.js";
import { messageCodec, type MessageCodec } from "./message.js";

/** As imports name it. */
export const DESCRIPTOR_FILE = "google/protobuf/descriptor.proto";

let root: protobuf.Root | undefined;

/** The codec of one of its messages, such as `"google.protobuf.FileDescriptorProto"`. */
export function descriptorCodec(typeName: string): MessageCodec {
  if (root === undefined) {
    root = new protobuf.Root();
    protobuf.parse(shippedText(DESCRIPTOR_FILE) ?? "", root, { keepCase: true });
    root.resolveAll();
  }
  return messageCodec(root.lookupType(typeName));
}
