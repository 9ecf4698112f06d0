/**
 * A status as the header block that ends a call.
 *
 * Spec: PROTOCOL-HTTP2.md, "Responses".
 */
import { trailers, trailersOnly } from "../../../codec/header-block.js";
import type { HeaderField } from "../../../codec/http2/hpack.js";
import type { Metadata } from "../../../codec/metadata.js";
import type { Status } from "../../../codec/status.js";

/** `isWhole` says that nothing was answered before, so that the block is the whole answer. */
export function statusBlock(status: Status, metadata: Metadata, isWhole: boolean): HeaderField[] {
  const fields = isWhole ? trailersOnly("application/grpc", status, metadata) : trailers(status, metadata);
  return Object.entries(fields).flatMap(([name, value]) =>
    [value].flat().map((one) => ({ name, value: String(one), representation: "plain" as const })),
  );
}
