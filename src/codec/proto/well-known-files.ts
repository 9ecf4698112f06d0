/**
 * The well-known files that need not be given: their descriptors, as every compiler has them.
 *
 * Spec: protobuf.dev, "ProtoBuf Well-Known Types".
 * Laws: a file that is given takes the place of the bundled one of its name, unless it is the text that protobufjs ships, which
 * lacks options.
 */
import { readBundledFile } from "./descriptor-bootstrap.js";
import type { FileDescriptorProto } from "./descriptor-model.js";
import { shippedText } from "./files.js";
import { WELL_KNOWN_BASE64 } from "./well-known-bytes.js";

const bundled: ReadonlyMap<string, string> = new Map(Object.entries(WELL_KNOWN_BASE64));
const shipped = new Map<string, string | undefined>();
const read = new Map<string, FileDescriptorProto>();

/** The names of the bundled files, each behind those it imports. */
export const WELL_KNOWN_NAMES: readonly string[] = [...bundled.keys()];

/** The descriptor of the bundled file of this name; a copy of one's own each time. */
export function wellKnownBytes(name: string): Uint8Array | undefined {
  const base64 = bundled.get(name);
  return base64 === undefined ? undefined : new Uint8Array(Buffer.from(base64, "base64"));
}

/** What the bundled file of this name declares, which must exist. Not to be changed: all schemas have the same. */
export function bundledFile(name: string): FileDescriptorProto {
  let file = read.get(name);
  if (file === undefined) read.set(name, (file = readBundledFile(wellKnownBytes(name) as Uint8Array)));
  return file;
}

/** Whether a file of this name and text is a bundled one. */
export function isBundled(name: string, text: string | undefined): boolean {
  if (!bundled.has(name)) return false;
  if (text === undefined) return true;
  if (!shipped.has(name)) shipped.set(name, shippedText(name));
  return text === shipped.get(name);
}
