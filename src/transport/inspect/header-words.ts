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
import { safeText } from "./safe-text.js";

/** Names whose values are secrets wherever they come. */
const SECRET_NAMES = ["authorization", "proxy-authorization", "cookie", "set-cookie"];
/** Fields that are shown of one block. */
const MAX_FIELDS = 200;
const MAX_BINARY_BYTES = 64;

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

  /** Whether the values of fields of this name are secret. */
  hasName(name: string): boolean {
    return this.#names.has(name.toLowerCase());
  }
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

/** Binary values are base64, several of them behind commas. */
function binaryLines(value: string): string[] {
  return value
    .split(",")
    .slice(0, 8)
    .flatMap((one) => {
      const bytes = Buffer.from(one.trim(), "base64");
      const text = bytes.toString("utf8");
      if (Buffer.from(text).equals(bytes) && /^[^\p{Cc}]+$/u.test(text)) return [`  = "${safeText(text, 256)}"`];
      const fields = bytes.length === 0 ? undefined : guessMessage(bytes);
      if (fields !== undefined)
        return [
          "  = message",
          ...formatGuess(fields, "    ")
            .slice(0, 64)
            .map((line) => safeText(line)),
        ];
      const hex = bytes
        .subarray(0, MAX_BINARY_BYTES)
        .toString("hex")
        .replaceAll(/(..)(?=.)/g, "$1 ");
      return [`  = ${hex}${bytes.length > MAX_BINARY_BYTES ? ` … (${bytes.length} bytes)` : ""}`];
    });
}
