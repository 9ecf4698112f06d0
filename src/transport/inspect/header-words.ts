/**
 * Header fields as lines: what is secret hidden, what is encoded shown in the clear beside it.
 *
 * Spec: PROTOCOL-HTTP2.md, "Custom-Metadata" (`-bin`), "Status-Message", "Timeout"; RFC 7541 §7.1.3 (never-indexed fields).
 * Laws: a secret is not shown in any form; what a stranger wrote is escaped and cut.
 */
import type { HeaderField } from "../../codec/http2/hpack.js";
import { formatGuess, guessMessage } from "../../codec/proto/guess.js";
import { codeName, decodeStatusMessage } from "../../codec/status.js";
import { parseTimeout } from "../../codec/timeout.js";
import type { SeenFrame } from "./conversation.js";
import { safeText } from "./safe-text.js";

/** Names whose values are secrets wherever they come. */
const SECRET_NAMES = ["authorization", "proxy-authorization", "cookie", "set-cookie"];
/** Fields that are shown of one block. */
const MAX_FIELDS = 200;
const MAX_BINARY_BYTES = 64;
const MAX_BINARY_VALUES = 8;
const MAX_BINARY_LINES = 64;

/** Knows which fields are secret. */
export class Secrets {
  readonly #names: ReadonlySet<string>;

  /** `more` are names beside those that always are; with `showAll` nothing is a secret. */
  constructor({ more = [], showAll = false }: { readonly more?: readonly string[]; readonly showAll?: boolean } = {}) {
    this.#names = new Set(showAll ? [] : [...SECRET_NAMES, ...more.map((name) => name.toLowerCase())]);
  }

  /** Whether there can be any. */
  get areKept(): boolean {
    return this.#names.size > 0;
  }

  /** Whether the values of fields of this name are secret. One whose name only adds `-bin` to a secret's is one, too. */
  hasName(name: string): boolean {
    const lower = name.toLowerCase();
    return this.#names.has(lower) || (lower.endsWith("-bin") && this.#names.has(lower.slice(0, -"-bin".length)));
  }
}

const HEADERS = 1;
const PUSH_PROMISE = 5;
const CONTINUATION = 9;
const END_HEADERS = 0x4;
const BLOCK_TYPES: ReadonlySet<number> = new Set([HEADERS, PUSH_PROMISE, CONTINUATION]);

/** Whether the bytes of a frame are, or may be, those of a header that is not to be shown. */
export function mayHoldSecret({ raw, fields }: SeenFrame, secrets: Secrets): boolean {
  if (!secrets.areKept || !BLOCK_TYPES.has(raw.type)) return false;
  const isOnlyPart = (raw.flags & END_HEADERS) === 0 || raw.type === CONTINUATION;
  return fields === undefined || isOnlyPart || fields.some(({ name }) => secrets.hasName(name));
}

/** A line or more for each field. */
export function headerLines(fields: readonly HeaderField[], secrets: Secrets): string[] {
  const lines = fields.slice(0, MAX_FIELDS).flatMap((field) => fieldLines(field, secrets));
  return fields.length > MAX_FIELDS ? [...lines, `… and ${fields.length - MAX_FIELDS} more`] : lines;
}

function fieldLines(field: HeaderField, secrets: Secrets): string[] {
  const name = safeText(field.name, 256);
  if (secrets.hasName(field.name)) return [`${name}: ***`];
  const line = `${name}: ${safeText(field.value)}`;
  if (field.name.endsWith("-bin")) return [line, ...binaryLines(field.value)];
  const plain = inTheClear(field);
  return [plain === undefined ? line : `${line} (${plain})`];
}

/** What a value that is written in a way of gRPC's own means. */
function inTheClear({ name, value }: HeaderField): string | undefined {
  if (name === "grpc-status" && /^\d{1,9}$/.test(value)) return codeName(Number(value));
  if (name === "grpc-message") {
    const message = decodeStatusMessage(value);
    return message === value ? undefined : safeText(message);
  }
  const timeoutMs = name === "grpc-timeout" ? parseTimeout(value) : undefined;
  return timeoutMs === undefined ? undefined : `${timeoutMs} ms`;
}

/** What a value means that is not written as it is meant: a status, a timeout, binary metadata. */
export function meaningOf(field: HeaderField): string | undefined {
  return field.name.endsWith("-bin") ? binaryValues(field.value).flat().join(" ") : inTheClear(field);
}

function binaryLines(value: string): string[] {
  return binaryValues(value).flatMap(([first = "", ...rest]) => [`  = ${first}`, ...rest.map((line) => `    ${line}`)]);
}

/** The lines of each binary value: they are base64, several of them behind commas. */
function binaryValues(value: string): string[][] {
  return value
    .split(",")
    .slice(0, MAX_BINARY_VALUES)
    .map((one) => binaryWords(Buffer.from(one.trim(), "base64")));
}

function binaryWords(bytes: Buffer): string[] {
  const text = bytes.toString("utf8");
  if (Buffer.from(text).equals(bytes) && /^[^\p{Cc}]+$/u.test(text)) return [`"${safeText(text, 256)}"`];
  const fields = bytes.length === 0 ? undefined : guessMessage(bytes);
  if (fields !== undefined) {
    return [
      "message",
      ...formatGuess(fields)
        .slice(0, MAX_BINARY_LINES)
        .map((line) => safeText(line)),
    ];
  }
  const hex = bytes
    .subarray(0, MAX_BINARY_BYTES)
    .toString("hex")
    .replaceAll(/(..)(?=.)/g, "$1 ");
  return [`${hex}${bytes.length > MAX_BINARY_BYTES ? ` … (${bytes.length} bytes)` : ""}`];
}
