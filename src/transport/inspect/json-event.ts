/**
 * An event as one line of JSON, for programs: docs/inspector-events.md says what stands in it.
 *
 * Spec: RFC 8259; RFC 3339 (times).
 * Laws: a secret is not shown in any form; what could drive a terminal is escaped, long texts are cut; a line is bounded.
 */
import { errorCodeName, FRAME_TYPES, type Frame } from "../../codec/http2/frame.js";
import type { HeaderField } from "../../codec/http2/hpack.js";
import { codeName } from "../../codec/status.js";
import type { SeenCall } from "./call-watch.js";
import type { SeenFrame } from "./conversation.js";
import { foreignWords, handshakeReason, reasonOf } from "./event-words.js";
import { flagNames } from "./frame-words.js";
import { mayHoldSecret, meaningOf, type Secrets } from "./header-words.js";
import { escapeJson } from "./safe-text.js";
import type { EventOf, WireEvent } from "./wire-event.js";

/** A line, before it is one. Properties that are `undefined` are left out. */
export type JsonEvent = Readonly<Record<string, unknown>>;

/** How events become JSON. */
export interface JsonEventOptions {
  readonly secrets: Secrets;
  /** How many bytes of a frame's payload are given; 0 for none. */
  readonly hexBytes: number;
}

const MAX_CHARACTERS = 4096;
const MAX_FIELDS = 500;
const MAX_SETTINGS = 100;

/** The parts of a line that all events of a connection have. */
export function jsonHead(event: WireEvent): JsonEvent {
  const connection = "connection" in event ? event.connection : undefined;
  return { event: event.kind, time: timestamp(event.atMs), connection };
}

/** What an event says beside its head; `undefined` for one that is not told, or that is for somebody else to tell (`message`). */
export function jsonBody(event: WireEvent, options: JsonEventOptions): JsonEvent | undefined {
  switch (event.kind) {
    case "bytes":
    case "message":
      return undefined;
    case "listening":
      return { address: event.address, remote: event.remote, certificate: event.certificate, caFile: event.caFile };
    case "handshake-failed":
      return { peer: event.peer, reason: handshakeReason(event.error) };
    case "opened":
      return { peer: event.peer, local: event.local };
    case "connected":
      return { remote: event.remote };
    case "unreachable":
      return { reason: reasonOf(event.error) };
    case "closed":
      return event.broken === undefined ? {} : { from: event.broken.from, reason: reasonOf(event.broken.error) };
    case "counted":
      return { ...event.counts, callsByEnding: Object.fromEntries(event.counts.callsByEnding) };
    case "fault":
      return { fault: cut(event.fault), stream: event.streamId, method: methodOf(event.call) };
    case "half-closed":
      return { from: event.from };
    case "preface":
      return { from: "client" };
    case "foreign":
      return { from: event.from, what: foreignWords(event.begins) };
    case "frame":
      return frameBody(event, options);
    case "headers":
      return headersBody(event, options.secrets);
    default:
      return callBody(event, options.secrets);
  }
}

/** The rest: what is about calls, and about windows. */
function callBody(
  event: EventOf<"unreadable" | "stalled" | "freed" | "requests-ended" | "left-out" | "call-ended">,
  secrets: Secrets,
): JsonEvent {
  switch (event.kind) {
    case "unreadable":
      return { from: event.from, ...ofCall(event.call), reason: event.why };
    case "stalled":
      return { from: event.from, stream: event.streamId, method: methodOf(event.call) };
    case "freed":
      return { from: event.from, stream: event.streamId, method: methodOf(event.call), ms: inMs(event.ms) };
    case "left-out":
      return { ...(event.call === undefined ? {} : ofCall(event.call)), count: event.count };
    case "requests-ended":
      return { from: "client", ...ofCall(event.call) };
    default:
      return { ...ofCall(event.call), ...endBody(event.call, secrets) };
  }
}

/** Which call an event belongs to. */
export function ofCall(call: SeenCall): JsonEvent {
  return { stream: call.streamId, method: methodOf(call) };
}

function methodOf(call: SeenCall | undefined): string | undefined {
  return call === undefined ? undefined : cut(call.path);
}

function frameBody({ seen, call }: EventOf<"frame">, { secrets, hexBytes }: JsonEventOptions): JsonEvent {
  const { from, raw, frame, unreadable } = seen;
  return {
    from,
    stream: raw.streamId,
    method: methodOf(call),
    type: FRAME_TYPES[raw.type] ?? `0x${raw.type.toString(16)}`,
    flags: flagNames(raw),
    length: raw.payload.length,
    ...frameDetails(frame),
    unreadable: unreadable === undefined ? undefined : cut(unreadable),
    ...payloadBody(seen, secrets, hexBytes),
  };
}

function payloadBody(seen: SeenFrame, secrets: Secrets, hexBytes: number): JsonEvent {
  if (hexBytes === 0) return {};
  if (mayHoldSecret(seen, secrets)) return { payload: "***" };
  return { payload: Buffer.from(seen.raw.payload.subarray(0, hexBytes)).toString("hex") };
}

function frameDetails(frame: Frame): JsonEvent {
  const padding = "paddedBytes" in frame ? { padding: frame.paddedBytes } : {};
  switch (frame.type) {
    case "SETTINGS":
      return { settings: frame.ack ? undefined : frame.settings.slice(0, MAX_SETTINGS) };
    case "PING":
      return { opaque: Buffer.from(frame.opaque).toString("hex") };
    case "WINDOW_UPDATE":
      return { increment: frame.increment };
    case "RST_STREAM":
      return { code: errorCodeName(frame.code) };
    case "GOAWAY": {
      const debug = frame.debug.length === 0 ? undefined : cut(Buffer.from(frame.debug).toString("utf8"));
      return { code: errorCodeName(frame.code), lastStream: frame.lastStreamId, debug };
    }
    case "PUSH_PROMISE":
      return { promised: frame.promisedStreamId, ...padding };
    case "malformed":
      return { malformed: frame.reason };
    default:
      return padding;
  }
}

function headersBody({ from, streamId, role, fields, call }: EventOf<"headers">, secrets: Secrets): JsonEvent {
  const shown = fields.slice(0, MAX_FIELDS).map((field) => jsonField(field, secrets));
  const leftOut = fields.length > MAX_FIELDS ? fields.length - MAX_FIELDS : undefined;
  return { from, stream: streamId, method: methodOf(call), role, fields: shown, leftOut };
}

function jsonField(field: HeaderField, secrets: Secrets): JsonEvent {
  const name = cut(field.name);
  if (secrets.hasName(field.name)) return { name, value: "***" };
  return { name, value: cut(field.value), meaning: meaningOf(field) };
}

function endBody(call: SeenCall, secrets: Secrets): JsonEvent {
  const { ending, startedAtMs, endedAtMs = startedAtMs, request, response } = call;
  const counts = {
    ms: inMs(endedAtMs - startedAtMs),
    requests: request.messages.count,
    responses: response.messages.count,
  };
  if (ending?.how === "reset") return { how: "reset", from: ending.from, code: ending.code, ...counts };
  if (ending?.how !== "status") return { how: ending?.how ?? "lost", ...counts };
  const { code, message } = ending.status;
  const statusMessage = secrets.hasName("grpc-message") && message !== "" ? "***" : cut(message);
  return { how: "status", status: codeName(code), statusMessage, ...counts };
}

/** A long text says how long it was. */
export function cut(text: string, maxCharacters = MAX_CHARACTERS): string {
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}… (${text.length} characters)` : text;
}

/** Microseconds are as fine as a proxy can tell. */
function inMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** `2026-11-21T18:06:59.123456Z`. */
function timestamp(atMs: number): string {
  const micros = Math.floor((atMs - Math.floor(atMs)) * 1000);
  return `${new Date(Math.floor(atMs)).toISOString().slice(0, -1)}${String(micros).padStart(3, "0")}Z`;
}

/** The line itself, with its end. */
export function jsonLine(event: JsonEvent): string {
  return `${escapeJson(JSON.stringify(event))}\n`;
}
