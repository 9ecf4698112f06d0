/**
 * The details of a status, to and from the `google.rpc.Status` that travels as `grpc-status-details-bin`.
 *
 * Spec: gRFC L44; google/rpc/status.proto; as grpc-go does.
 * Laws: code and message in the bytes are those of the trailers beside them; details that cannot be read are no details,
 * and never an error.
 */
import { decodedMessage } from "../header-block.js";
import type { MessageType } from "../method.js";
import { didYouMean, nearestFullName } from "../nearest-name.js";
import type { Status } from "../status.js";
import type { StatusDetail, StatusDetailInit, StatusDetailTypes } from "../status-detail.js";
import { packAny, typeNameOf } from "./any.js";
import type { Any } from "./well-known.js";
import { googleRpc } from "./google-rpc.js";

/** The name of the trailer. */
export const STATUS_DETAILS = "grpc-status-details-bin";

/** Other messages of the package are no details by themselves. */
const TYPE_NAMES: ReadonlySet<string> = new Set<keyof StatusDetailTypes>([
  "google.rpc.ErrorInfo",
  "google.rpc.RetryInfo",
  "google.rpc.DebugInfo",
  "google.rpc.QuotaFailure",
  "google.rpc.PreconditionFailure",
  "google.rpc.BadRequest",
  "google.rpc.RequestInfo",
  "google.rpc.ResourceInfo",
  "google.rpc.Help",
  "google.rpc.LocalizedMessage",
]);

interface RpcStatus {
  code: number;
  message: string;
  details: readonly Any[];
}

function statusType(): MessageType<RpcStatus> {
  return googleRpc().message<RpcStatus>("google.rpc.Status");
}

/**
 * The bytes of a status with details.
 *
 * @throws TypeError when a detail is neither a message of `google.rpc` by its name nor an `Any`, naming the path.
 */
export function encodeStatusDetails(status: Status, details: readonly StatusDetailInit[]): Uint8Array {
  return encode(status, details.map(packDetail));
}

function encode({ code, message }: Status, details: readonly Any[]): Uint8Array {
  // Strict peers compare the text with the one they have read from `grpc-message`.
  return statusType().encode({ code, message: decodedMessage(message), details });
}

function packDetail(detail: StatusDetailInit, index: number): Any {
  if (typeof detail !== "object" || detail === null) return wrongDetail(detail, index);
  if (detail.typeName === undefined) {
    const { typeUrl, value } = detail;
    if (typeof typeUrl !== "string" || !(value instanceof Uint8Array)) return wrongDetail(detail, index);
    return { typeUrl, value };
  }
  if (!TYPE_NAMES.has(detail.typeName)) {
    const hint = didYouMean(nearestFullName(String(detail.typeName), TYPE_NAMES));
    throw new TypeError(
      `Cannot send details[${index}] of a status as its typeName must be of google.rpc, and others packed with packAny${hint}: ` +
        `current value is ${JSON.stringify(String(detail.typeName).slice(0, 64))}`,
    );
  }
  return packAny(googleRpc().message(detail.typeName), detail.message as never);
}

function wrongDetail(detail: unknown, index: number): never {
  throw new TypeError(
    `Cannot send details[${index}] of a status as it must be { typeName, message } or what packAny returns: ` +
      `current value is ${typeof detail}`,
  );
}

/**
 * The details in the bytes that came with a status of `code`; none when they are no `google.rpc.Status`, or one of another code.
 * A detail of `google.rpc` is decoded; one of another type, or with bytes that are not of its type, stays an `Any`.
 */
export function decodeStatusDetails(bytes: Uint8Array, code: number): readonly StatusDetail[] {
  return (decode(bytes, code) ?? []).map(unpackDetail);
}

function decode(bytes: Uint8Array, code: number): readonly Any[] | undefined {
  try {
    const status = statusType().decode(bytes);
    return status.code === code ? status.details : undefined;
  } catch {
    return undefined;
  }
}

function unpackDetail(any: Any): StatusDetail {
  const typeName = typeNameOf(any.typeUrl);
  try {
    if (TYPE_NAMES.has(typeName)) {
      return { typeName, message: googleRpc().codec(typeName).decode(any.value) } as unknown as StatusDetail;
    }
  } catch {
    // Not what its name says: the bytes are passed on as they are.
  }
  return { typeUrl: any.typeUrl, value: any.value };
}

/**
 * What an application has set as `grpc-status-details-bin` by itself, made to agree with the status it goes with: `undefined`
 * when it is of another code, when there are several, or when it is no `google.rpc.Status` at all.
 */
export function agreeingStatusDetails(own: readonly Uint8Array[], status: Status): Uint8Array | undefined {
  const [bytes] = own;
  if (own.length !== 1 || bytes === undefined) return undefined;
  const details = decode(bytes, status.code);
  return details === undefined ? undefined : encode(status, details);
}
