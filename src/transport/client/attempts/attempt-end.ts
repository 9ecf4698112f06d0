/**
 * How an attempt ended: what is known when its stream is over, or when it never had one.
 */
import type { Metadata } from "../../../codec/metadata.js";
import type { FailedAttempt } from "../../../codec/failure-report.js";
import { decodeStatusDetails, STATUS_DETAILS } from "../../../codec/proto/status-details.js";
import { Code, StatusError, type Status } from "../../../codec/status.js";
import type { StatusDetail } from "../../../codec/status-detail.js";

/** The end of one attempt, whatever it was. */
export interface AttemptEnd {
  readonly status: Status;
  /** Whether the peer said so, or this side found it. */
  readonly origin: "local" | "remote";
  /** What came with the status, if the server sent one. */
  readonly trailers?: Metadata | undefined;
  /**
   * How it is known that no handler saw anything of the call, so that it may be tried again: it never left this process, or the
   * server said that it did not take it. `undefined` when it may have run.
   */
  readonly unprocessed?: "never sent" | "refused" | undefined;
  /** The error as the application gets it, where one was made already. */
  readonly error?: StatusError | undefined;
  /** Whether the server has not finished: the stream is to be cancelled. */
  readonly open?: boolean | undefined;
  /** More for whoever reads the error: what may help. */
  readonly hint?: string | undefined;
  /** The HTTP/2 error code that ended it, by name, and the frame it came with. */
  readonly http2?: Pick<FailedAttempt, "http2Code" | "http2Frame"> | undefined;
  /** Whether another attempt would end the same: no policy applies. */
  readonly final?: boolean | undefined;
}

/** What the application is told of an end that was not OK. */
export function errorOf({ status, origin, trailers, error, hint }: AttemptEnd): StatusError {
  if (error !== undefined) return error;
  const details = trailers === undefined ? undefined : detailsIn(trailers, status);
  return new StatusError(status.code, status.message, {
    origin,
    trailers,
    details,
    hint: hint ?? hintFor(status, trailers),
  });
}

/** How gRPC servers say that they do not have what was called: grpc-go and ours, grpc-js, C-core and Java. A handler has its own words. */
const NOT_THERE = /^$|unknown (?:service|method)|does not implement|method not found/i;

/** What may help where a server's own words do not say so. */
function hintFor({ code, message }: Status, trailers: Metadata | undefined): string | undefined {
  if (code !== Code.UNIMPLEMENTED || trailers === undefined || !NOT_THERE.test(message)) return undefined;
  return "is it the right server, and built from the same .proto? `barewire list` shows what it has";
}

function detailsIn(trailers: Metadata, { code }: Status): readonly StatusDetail[] | undefined {
  if (!trailers.has(STATUS_DETAILS)) return undefined;
  const [bytes, ...more] = trailers.getAll(STATUS_DETAILS);
  return bytes === undefined || more.length > 0 ? undefined : decodeStatusDetails(bytes, code);
}
