/**
 * The calls of a connection, as they pass by: each stream as the RPC it is.
 *
 * Spec: PROTOCOL-HTTP2.md, "Requests", "Responses", "Stream Identification"; RFC 9113 §5.1, §8.1.
 * Laws: it only looks; a call is told of in the order of its frames; what is kept of a call goes with the call, and the number of
 * calls at a time is bounded.
 */
import { errorCodeName } from "../../codec/http2/frame.js";
import type { HeaderField } from "../../codec/http2/hpack.js";
import { parseStatus } from "../../codec/header-block.js";
import type { Status } from "../../codec/status.js";
import type { SeenFrame, Side } from "./conversation.js";
import { type FlowChange, FlowWatch } from "./flow-watch.js";
import { MessageCollector, type SeenMessage } from "./message-collector.js";

/** One direction of a call. */
export interface SeenHalf {
  /** The request's headers, or the response's; a Trailers-Only response has none. */
  headers: readonly HeaderField[] | undefined;
  headersAtMs: number | undefined;
  readonly messages: MessageCollector;
  /** What `grpc-encoding` says. */
  coding: string | undefined;
  /** When its END_STREAM passed. */
  endedAtMs: number | undefined;
}

/** How a call ended, as far as the wire says. */
export type Ending =
  | { readonly how: "status"; readonly status: Status; readonly trailers: readonly HeaderField[] }
  /** The response ended without a status: the peer is no gRPC server, or broken. */
  | { readonly how: "no status"; readonly trailers: readonly HeaderField[] }
  | { readonly how: "reset"; readonly from: Side; readonly code: string }
  /** The connection went first. */
  | { readonly how: "lost" };

/** A call that passes by. Times are in milliseconds of the clock that was given. */
export interface SeenCall {
  readonly streamId: number;
  /** What `:path` says. */
  readonly path: string;
  readonly startedAtMs: number;
  readonly request: SeenHalf;
  readonly response: SeenHalf;
  ending: Ending | undefined;
  endedAtMs: number | undefined;
}

/**
 * What a header list is: the call's beginning, a `1xx` block, the response's beginning, the call's end (a Trailers-Only response is that
 * alone), or none of these.
 */
export type HeadersRole = "request" | "informational" | "response" | "trailers" | "other";

/** Hears of calls. */
export interface CallListener {
  /** A header list has passed. With the role `request` a call has started. */
  headers(call: SeenCall, from: Side, role: HeadersRole, fields: readonly HeaderField[]): void;
  message(call: SeenCall, from: Side, message: SeenMessage): void;
  /** A direction cannot be read as messages any more. */
  broken(call: SeenCall, from: Side, why: string): void;
  /** The client has said that its requests are complete. */
  halfClosed(call: SeenCall): void;
  /** A side has no room to send, or has it again; the connection's windows have no call. */
  flow(call: SeenCall | undefined, change: FlowChange): void;
  ended(call: SeenCall): void;
}

/** What a {@link CallWatch} can be told. */
export interface CallWatchOptions {
  /** A clock in milliseconds. */
  readonly now: () => number;
  /** The longest message that is kept. Default 4 MiB. */
  readonly maxMessageBytes?: number | undefined;
}

const DEFAULT_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Calls that are watched at a time; of more than these, frames are all that is told. */
const MAX_CALLS = 4000;

/** Follows the calls of one connection. */
export class CallWatch {
  readonly #listener: CallListener;
  readonly #now: () => number;
  readonly #maxMessageBytes: number;
  readonly #calls = new Map<number, SeenCall>();
  readonly #flow: FlowWatch;

  constructor(listener: CallListener, { now, maxMessageBytes = DEFAULT_MESSAGE_BYTES }: CallWatchOptions) {
    this.#listener = listener;
    this.#now = now;
    this.#maxMessageBytes = maxMessageBytes;
    this.#flow = new FlowWatch(now);
  }

  /** The call of a stream, while it lasts. */
  callOf(streamId: number): SeenCall | undefined {
    return this.#calls.get(streamId);
  }

  /** The call that a frame belongs to; one that begins with it is begun. */
  callOfFrame({ from, raw, fields }: SeenFrame): SeenCall | undefined {
    const call = this.#calls.get(raw.streamId);
    if (call !== undefined || fields === undefined || from !== "client") return call;
    return this.#begin(raw.streamId, fields);
  }

  /** Takes note of a frame. */
  seen(seen: SeenFrame): void {
    const { from, raw, frame, fields, endsStream } = seen;
    const call = this.callOfFrame(seen);
    if (call !== undefined && fields !== undefined) this.#onFields(call, from, fields);
    for (const change of this.#flow.seen(from, frame, raw.payload.length)) this.#onFlow(change);
    if (call === undefined) return;
    if (frame.type === "DATA") this.#onData(call, from, frame.data);
    if (frame.type === "RST_STREAM") this.#end(call, { how: "reset", from, code: errorCodeName(frame.code) });
    else if (endsStream) this.#onEndOfStream(call, from);
  }

  /** The connection has gone: so have the calls that were still running. */
  closed(): void {
    for (const call of this.#calls.values()) this.#end(call, { how: "lost" });
  }

  #onFields(call: SeenCall, from: Side, fields: readonly HeaderField[]): void {
    const role = roleOf(call, from, fields);
    if (role === "request") noteHeaders(call.request, fields, this.#now());
    if (role === "response") noteHeaders(call.response, fields, this.#now());
    if (role === "trailers") call.ending = endingIn(fields);
    this.#listener.headers(call, from, role, fields);
  }

  #begin(streamId: number, fields: readonly HeaderField[]): SeenCall | undefined {
    const path = valueOf(fields, ":path");
    if (path === undefined || this.#calls.size >= MAX_CALLS) return undefined;
    const call: SeenCall = {
      streamId,
      path,
      startedAtMs: this.#now(),
      request: this.#newHalf(),
      response: this.#newHalf(),
      ending: undefined,
      endedAtMs: undefined,
    };
    this.#calls.set(streamId, call);
    this.#flow.opened(streamId);
    return call;
  }

  #newHalf(): SeenHalf {
    return {
      headers: undefined,
      headersAtMs: undefined,
      messages: new MessageCollector(this.#maxMessageBytes),
      coding: undefined,
      endedAtMs: undefined,
    };
  }

  #onData(call: SeenCall, from: Side, data: Uint8Array): void {
    const { messages } = halfOf(call, from);
    const wasReadable = messages.problem === undefined;
    for (const message of messages.push(data)) this.#listener.message(call, from, message);
    if (wasReadable && messages.problem !== undefined) this.#listener.broken(call, from, messages.problem);
  }

  #onFlow(change: FlowChange): void {
    const call = this.#calls.get(change.streamId);
    if (call !== undefined || change.streamId === 0) this.#listener.flow(call, change);
  }

  #onEndOfStream(call: SeenCall, from: Side): void {
    halfOf(call, from).endedAtMs = this.#now();
    if (from === "client") {
      this.#listener.halfClosed(call);
      return;
    }
    // Whether the client has said everything does not matter any more.
    this.#end(call, call.ending ?? { how: "no status", trailers: [] });
  }

  #end(call: SeenCall, ending: Ending): void {
    this.#forget(call);
    call.ending = ending;
    call.endedAtMs = this.#now();
    this.#listener.ended(call);
  }

  #forget(call: SeenCall): void {
    this.#calls.delete(call.streamId);
    this.#flow.forget(call.streamId);
  }
}

function roleOf(call: SeenCall, from: Side, fields: readonly HeaderField[]): HeadersRole {
  // A request has no second block.
  if (from === "client") return call.request.headers === undefined ? "request" : "other";
  if (/^1\d\d$/.test(valueOf(fields, ":status") ?? "")) return "informational";
  const isEnd = parseStatusIn(fields) !== undefined || call.response.headers !== undefined;
  return isEnd ? "trailers" : "response";
}

function noteHeaders(half: SeenHalf, fields: readonly HeaderField[], atMs: number): void {
  half.headers = fields;
  half.headersAtMs = atMs;
  half.coding = valueOf(fields, "grpc-encoding");
}

function halfOf(call: SeenCall, from: Side): SeenHalf {
  return from === "client" ? call.request : call.response;
}

/** The value of a field; of one that is repeated, the first. */
export function valueOf(fields: readonly HeaderField[], name: string): string | undefined {
  return fields.find((field) => field.name === name)?.value;
}

function parseStatusIn(fields: readonly HeaderField[]): Status | undefined {
  return parseStatus(valueOf(fields, "grpc-status"), valueOf(fields, "grpc-message"));
}

function endingIn(fields: readonly HeaderField[]): Ending {
  const status = parseStatusIn(fields);
  return status === undefined ? { how: "no status", trailers: fields } : { how: "status", status, trailers: fields };
}
