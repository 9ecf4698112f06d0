/**
 * The metadata that ends a call whose status has details: `grpc-status-details-bin` beside the application's own.
 *
 * Spec: gRFC L44; as grpc-go does.
 * Laws: the field agrees with the status beside it or is not sent, and never stands beside OK; details that do not fit are left
 * out rather than the status; whatever is left out is reported.
 */
import { fieldsBytes, type HeaderFields } from "../../codec/header-block.js";
import { Metadata } from "../../codec/metadata.js";
import { agreeingStatusDetails, encodeStatusDetails, STATUS_DETAILS } from "../../codec/proto/status-details.js";
import { Code, codeName, type Status } from "../../codec/status.js";
import type { StatusDetail } from "../../codec/status-detail.js";

/** What the fields of a last block are made of. */
export interface StatusBlock {
  readonly status: Status;
  /** The application's trailers. */
  readonly metadata: Metadata | undefined;
  /** The details of the error that made the status. They replace those set in the metadata. */
  readonly details: readonly StatusDetail[] | undefined;
  /** The largest header list that the client takes, in bytes. */
  readonly maxBytes: number;
  /** Makes the block. */
  readonly build: (status: Status, metadata: Metadata | undefined) => HeaderFields;
  /** Hears why details were left out. */
  readonly report: (error: Error) => void;
}

/** The fields of a call's last block. A status without details costs nothing but the look at whether it has any. */
export function statusBlock(block: StatusBlock): HeaderFields {
  const { status, metadata, details, build } = block;
  if (details === undefined && metadata?.has(STATUS_DETAILS) !== true) return build(status, metadata);
  const withDetails = new Metadata(metadata);
  withDetails.delete(STATUS_DETAILS);
  const plain = build(status, withDetails);
  try {
    const bytes = detailsBytes(block);
    if (bytes === undefined) return plain;
    const fields = build(status, withDetails.set(STATUS_DETAILS, bytes));
    checkFits(fieldsBytes(fields), block);
    return fields;
  } catch (error) {
    block.report(error as Error);
    return plain;
  }
}

/** @throws TypeError when the details are not of their types, or those in the metadata do not belong to the status. */
function detailsBytes({ status, metadata, details }: StatusBlock): Uint8Array | undefined {
  if (status.code === Code.OK) return undefined;
  if (details !== undefined) return encodeStatusDetails(status, details);
  const bytes = agreeingStatusDetails(metadata?.getAll(STATUS_DETAILS) ?? [], status);
  if (bytes !== undefined) return bytes;
  throw new TypeError(
    `Cannot send the trailer ${STATUS_DETAILS} as it must be one google.rpc.Status of the code ${codeName(status.code)}, like the status beside it`,
  );
}

function checkFits(bytes: number, { maxBytes }: StatusBlock): void {
  if (bytes <= maxBytes) return;
  throw new RangeError(
    `Cannot send the details of a status as the trailers would be ${bytes} bytes with them, and the client takes ${maxBytes}`,
  );
}
