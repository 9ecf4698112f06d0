/**
 * The status of a call: a code, a message for humans, and the error that carries both.
 *
 * Spec: gRPC statuscodes.md; PROTOCOL-HTTP2.md, "Responses" (Status, Status-Message).
 * Laws: a received text is never trusted to be well formed, and decoding it never throws.
 */
import { report, reportOf, type FailedAttempt, type TimeSpent } from "./failure-report.js";
import { failureText } from "./failure-text.js";
import { Metadata, type MetadataInit } from "./metadata.js";
import type { StatusDetail, StatusDetailInit } from "./status-detail.js";

/** The seventeen status codes of gRPC, by name. Source: statuscodes.md. */
export const Code = Object.freeze({
  /** The call succeeded. */
  OK: 0,
  /** Nobody wants the answer any more, mostly as the client left. */
  CANCELLED: 1,
  /** Something went wrong, and nothing more is said: an exception in a handler, or a status of another system. */
  UNKNOWN: 2,
  /** The request is wrong, whatever state the server is in. */
  INVALID_ARGUMENT: 3,
  /** The time was up before there was an answer. The work may have been done all the same. */
  DEADLINE_EXCEEDED: 4,
  /** What was asked for does not exist. */
  NOT_FOUND: 5,
  /** What was to be made exists already. */
  ALREADY_EXISTS: 6,
  /** The caller is known, and may not do that. */
  PERMISSION_DENIED: 7,
  /** Something is used up: a quota, or a limit such as the length of a message. */
  RESOURCE_EXHAUSTED: 8,
  /** The server is not in a state for that; asking again does not help before it is. */
  FAILED_PRECONDITION: 9,
  /** Somebody else was faster, as in a transaction; the caller may begin it anew. */
  ABORTED: 10,
  /** Beyond the end of what there is, for now. */
  OUT_OF_RANGE: 11,
  /** The server has no such method, or does not do that. */
  UNIMPLEMENTED: 12,
  /** A rule was broken that never should be: a bug, or bytes that are not gRPC. */
  INTERNAL: 13,
  /** The server cannot be reached, or takes no calls now. Asking again later may help. */
  UNAVAILABLE: 14,
  /** Data are lost or damaged, and cannot be had back. */
  DATA_LOSS: 15,
  /** The call does not say who is calling, or not so that it can be believed. */
  UNAUTHENTICATED: 16,
} as const);

/** One of the seventeen integers of {@link Code}. */
export type Code = (typeof Code)[keyof typeof Code];

/** The name of a code, such as `"NOT_FOUND"`. */
export type CodeName = keyof typeof Code;

const CODE_NAMES = Object.keys(Code) as CodeName[];

/** The name of `code`, or `"CODE_<number>"` for a number that is not one of the seventeen. */
export function codeName(code: number): string {
  return CODE_NAMES[code] ?? `CODE_${code}`;
}

/** Whether `value` is one of the seventeen status codes. */
export function isCode(value: unknown): value is Code {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 16;
}

/** How a call ended. `message` is the text on the wire; it is empty for most OK calls. */
export interface Status {
  readonly code: Code;
  readonly message: string;
}

/** What may be said beside the code and the text of a {@link StatusError}. */
export interface StatusErrorOptions {
  /** Metadata sent (server) or received (client) with the status. */
  readonly trailers?: MetadataInit | undefined;
  /**
   * More about the error for programs, in the types of `google.rpc` or packed with `packAny`. Sent in the trailers; left out,
   * and reported to the server's `onError`, where they are not of their types or the client does not take so much.
   */
  readonly details?: readonly StatusDetailInit[] | undefined;
  /** `"remote"`: the peer said so; `"local"` (default): this process decided it. */
  readonly origin?: "local" | "remote" | undefined;
  /** More for whoever reads the error here: where, why, what to try. Part of `message`, never of what is sent. */
  readonly hint?: string | undefined;
  /** What was tried in vain, for whoever reads the error here. Never sent. */
  readonly attempts?: readonly FailedAttempt[] | undefined;
  /** The error underneath, if any. Never sent to a peer. */
  readonly cause?: unknown;
}

/**
 * A call's end in any status but OK. Throw one in a handler to set the status; a failed client call rejects with one.
 *
 * `message` is for humans (`NOT_FOUND: no such order`); `rawMessage` is exactly the text on the wire.
 */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly code: Code;
  readonly rawMessage: string;
  readonly origin: "local" | "remote";
  readonly trailers: Metadata | undefined;
  /**
   * What is said beside code and text. On a client those of `google.rpc` are decoded (`{ typeName, message }`), others are an
   * `Any` that `unpackAny` opens; what could not be read at all is only in the trailers.
   */
  readonly details: readonly StatusDetail[];

  /** @throws TypeError when `code` is not one of the codes 1 to 16 (an error is never OK), the trailers are no metadata, or the details no array. */
  constructor(code: Code, rawMessage = "", options: StatusErrorOptions = {}) {
    if (!isCode(code) || code === Code.OK) {
      throw new TypeError(
        `Cannot make a StatusError as its code must be one of Code, 1 to 16: current value is ${describe(code)}`,
      );
    }
    const text = String(rawMessage);
    const hint = options.hint === undefined ? "" : ` (${options.hint})`;
    super(`${codeName(code)}${text === "" ? "" : `: ${text}`}${hint}`);
    if (options.cause !== undefined) this.cause = options.cause;
    this.code = code;
    this.rawMessage = text;
    this.origin = options.origin ?? "local";
    if (options.hint !== undefined || options.attempts !== undefined) {
      report(this, { hint: options.hint, attempts: options.attempts });
    }
    const { trailers, details } = options;
    this.trailers = trailers === undefined || trailers instanceof Metadata ? trailers : new Metadata(trailers);
    this.details = details === undefined ? NO_DETAILS : checkDetails(details);
  }

  /**
   * Makes an error that came from another server fit to be thrown in a handler as it is: its trailers and details travel on. Without
   * this, a handler's own client sees the code and the text only, because the rest was not meant for it.
   */
  static forward(error: StatusError): StatusError {
    const { trailers, details } = error;
    return new StatusError(error.code, error.rawMessage, { trailers, details, cause: error });
  }

  /** More for whoever reads the error here: where, why, what to try. Part of `message` as well. */
  get hint(): string | undefined {
    return reportOf(this).hint;
  }

  /**
   * What was tried in vain by the client's call that failed with this: each address that could not be connected, each attempt that
   * did not end with the server's status. Empty for a status that a server sent at the first attempt, and for errors of no call.
   */
  get attempts(): readonly FailedAttempt[] {
    return reportOf(this).attempts ?? NO_ATTEMPTS;
  }

  /** The path of the method whose call failed with this; `undefined` for errors of no client's call. */
  get method(): string | undefined {
    return reportOf(this).method;
  }

  /** The target of the channel whose call failed with this. */
  get target(): string | undefined {
    return reportOf(this).target;
  }

  /** Where the time went, for a call whose deadline has passed; else empty. */
  get timeSpent(): readonly TimeSpent[] {
    return reportOf(this).timeSpent ?? NO_TIME;
  }

  /** What `console.log` prints: all that is known, a line for each thing. */
  [Symbol.for("nodejs.util.inspect.custom")](
    depth: number | null,
    options: object,
    inspect?: (value: unknown, options: object) => string,
  ): string {
    if (depth !== null && depth < 0) return `[StatusError: ${this.codeName}]`;
    const below = { ...options, depth: depth === null ? null : depth - 1 };
    return failureText(this, reportOf(this), (value) =>
      inspect === undefined ? String(value) : inspect(value, below),
    );
  }

  /** The code's name, such as `"NOT_FOUND"`. */
  get codeName(): string {
    return codeName(this.code);
  }
}

const NO_ATTEMPTS: readonly FailedAttempt[] = Object.freeze([]);
const NO_TIME: readonly TimeSpent[] = Object.freeze([]);
const NO_DETAILS: readonly StatusDetail[] = Object.freeze([]);

/** Of what type each is, the server finds out when it sends them: this file knows no protobuf. */
function checkDetails(details: readonly StatusDetailInit[]): readonly StatusDetail[] {
  if (Array.isArray(details)) return details as readonly StatusDetail[];
  throw new TypeError(`Cannot make a StatusError as its details must be an array: current value is ${typeof details}`);
}

function describe(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 64)) : String(value);
}

const NEEDS_ENCODING = /[^\x20-\x24\x26-\x7e]/;
const textEncoder = new TextEncoder();
/** A byte order mark is text like any other here. */
const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Percent-encodes the text of a status for the `grpc-message` header.
 *
 * "Percent-encode the UTF-8 bytes outside 0x20-0x7E, and the percent sign": everything else stays literal. A lone
 * surrogate becomes U+FFFD. Source: PROTOCOL-HTTP2.md, Status-Message.
 */
export function encodeStatusMessage(message: string): string {
  if (!NEEDS_ENCODING.test(message)) return message;
  let encoded = "";
  for (const byte of textEncoder.encode(message)) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

const PERCENT = 0x25;
/** Escapes, and bytes of a peer that sent UTF-8 as it is: Node gives each as one character. */
const NEEDS_DECODING = /[%\x80-\xff]/;

/**
 * Decodes a received `grpc-message`. Any `%XX` is undone; a broken escape stays as it is; bytes that are not UTF-8
 * become U+FFFD. Never throws: "must not error or discard" on invalid values (PROTOCOL-HTTP2.md, Status-Message).
 */
export function decodeStatusMessage(value: string): string {
  if (!NEEDS_DECODING.test(value)) return value;
  const bytes = new Uint8Array(value.length);
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const char = value.charCodeAt(i);
    const escaped = char === PERCENT ? parseHexPair(value, i + 1) : -1;
    if (escaped >= 0) i += 2;
    bytes[length++] = escaped >= 0 ? escaped : char;
  }
  return textDecoder.decode(bytes.subarray(0, length));
}

function parseHexPair(text: string, at: number): number {
  const pair = text.slice(at, at + 2);
  return /^[0-9a-fA-F]{2}$/.test(pair) ? Number.parseInt(pair, 16) : -1;
}
