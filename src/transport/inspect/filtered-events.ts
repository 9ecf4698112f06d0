/**
 * The events of the calls that a filter shows. Those of a call of which that is not known yet are held back.
 *
 * Laws: events that are passed on keep the order of their call; what is held back is bounded, and what was let go of is counted; an
 * event that is held back holds on to its own bytes alone.
 */
import { parseFrame } from "../../codec/http2/frame.js";
import type { CallFilter, Verdict } from "./call-filter.js";
import type { SeenCall } from "./call-watch.js";
import { type EventOf, type Hear, isAboutConnections, type WireEvent } from "./wire-event.js";

/** What may be held back, in bytes. */
const MAX_HELD_BYTES = 16 * 1024 * 1024;
/** What an event takes beside its bytes. */
const EVENT_BYTES = 512;
/** Streams of which something may be held back. */
const MAX_HELD = 10_000;
/** Streams that are remembered when their calls are over, as frames may still come. */
const MAX_REMEMBERED = 10_000;

/** The events of a stream that wait for what is known of its call. */
interface Held {
  readonly key: string;
  readonly connection: number;
  events: WireEvent[];
  bytes: number;
  leftOut: number;
}

/** An event that is about a stream, or about what all streams of a connection share. */
type OnStream = WireEvent & { readonly connection: number; readonly call: SeenCall | undefined };

/** Stands between who tells events and who hears them. */
export class FilteredEvents {
  readonly #filter: CallFilter;
  readonly #hear: Hear;
  readonly #maxHeldBytes: number;
  /** By connection and stream; the longest held first. */
  readonly #held = new Map<string, Held>();
  #heldBytes = 0;
  readonly #verdicts = new WeakMap<SeenCall, boolean>();
  /** What became of calls that are over, by connection and stream. */
  readonly #over = new Map<string, boolean>();

  constructor(filter: CallFilter, hear: Hear, maxHeldBytes = MAX_HELD_BYTES) {
    this.#filter = filter;
    this.#hear = hear;
    this.#maxHeldBytes = maxHeldBytes;
  }

  /** Takes the next event. */
  hear(event: WireEvent): void {
    if (event.kind === "closed") this.#forget(event.connection);
    if (isAboutConnections(event) || event.kind === "foreign" || event.kind === "bytes") this.#hear(event);
    else if (event.kind === "preface") this.#pass(event, this.#filter.showsStray(0));
    else this.#onStream(event as OnStream);
  }

  #onStream(event: OnStream): void {
    const { call } = event;
    const streamId = call?.streamId ?? streamOf(event);
    const key = `${event.connection}:${streamId}`;
    const verdict = call === undefined ? this.#strayVerdict(event, key, streamId) : this.#callVerdict(event, call);
    if (event.kind === "call-ended") this.#remember(key, verdict === true);
    if (verdict === undefined) this.#hold(key, event);
    else this.#settle(key, verdict, event);
  }

  /** What is known of a call changes with its header lists and its end alone. */
  #callVerdict(event: WireEvent, call: SeenCall): Verdict {
    const known = this.#verdicts.get(call);
    if (known !== undefined || !(event.kind === "headers" || event.kind === "call-ended")) return known;
    const verdict = this.#filter.verdict(call);
    if (verdict !== undefined) this.#verdicts.set(call, verdict);
    return verdict;
  }

  /** Frames may come before their call is known, and after it is over. */
  #strayVerdict(event: WireEvent, key: string, streamId: number): Verdict {
    if (event.kind === "frame" && streamId > 0 && isPartOfRequest(event)) return undefined;
    return this.#over.get(key) ?? this.#filter.showsStray(streamId);
  }

  #settle(key: string, verdict: boolean, event: OnStream): void {
    const held = this.#release(key);
    if (!verdict) return;
    if (held !== undefined && held.leftOut > 0) {
      const { connection, atMs, call } = event;
      this.#hear({ kind: "left-out", connection, atMs, call, count: held.leftOut });
    }
    for (const one of held?.events ?? []) this.#hear(one);
    this.#hear(event);
  }

  #pass(event: WireEvent, isShown: boolean): void {
    if (isShown) this.#hear(event);
  }

  #hold(key: string, event: OnStream): void {
    const { connection } = event;
    const held = this.#held.get(key) ?? { key, connection, events: [], bytes: 0, leftOut: 0 };
    this.#held.set(key, held);
    const bytes = EVENT_BYTES + bytesOf(event);
    held.events.push(ownBytes(event));
    held.bytes += bytes;
    this.#heldBytes += bytes;
    for (const [oldestKey, oldest] of this.#held) {
      if (this.#held.size > MAX_HELD) this.#release(oldestKey);
      else if (this.#heldBytes > this.#maxHeldBytes) this.#letGo(oldest);
      else break;
    }
  }

  /** The stream itself is not forgotten: it is the newest now. */
  #letGo(held: Held): void {
    held.leftOut += held.events.length;
    this.#heldBytes -= held.bytes;
    held.events = [];
    held.bytes = 0;
    this.#held.delete(held.key);
    this.#held.set(held.key, held);
  }

  #release(key: string): Held | undefined {
    const held = this.#held.get(key);
    if (held === undefined) return undefined;
    this.#held.delete(key);
    this.#heldBytes -= held.bytes;
    return held;
  }

  #remember(key: string, isShown: boolean): void {
    this.#over.set(key, isShown);
    if (this.#over.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#over.keys()) {
      this.#over.delete(oldest);
      break;
    }
  }

  #forget(connection: number): void {
    for (const [key, held] of this.#held) if (held.connection === connection) this.#release(key);
  }
}

function streamOf(event: WireEvent): number {
  if (event.kind === "frame") return event.seen.raw.streamId;
  return "streamId" in event ? (event.streamId ?? 0) : 0;
}

/** Whether a frame is a part of a request's headers, of which more is to come. */
function isPartOfRequest({ seen: { from, frame } }: EventOf<"frame">): boolean {
  return from === "client" && "endsHeaders" in frame && !frame.endsHeaders;
}

function bytesOf(event: WireEvent): number {
  if (event.kind === "frame") return event.seen.raw.payload.length;
  return event.kind === "message" ? (event.message.bytes?.length ?? 0) : 0;
}

/** Bytes that came are views of much larger ones. */
function ownBytes(event: WireEvent): WireEvent {
  if (event.kind === "message" && event.message.bytes !== undefined) {
    return { ...event, message: { ...event.message, bytes: Uint8Array.from(event.message.bytes) } };
  }
  if (event.kind !== "frame") return event;
  const raw = { ...event.seen.raw, payload: Uint8Array.from(event.seen.raw.payload) };
  return { ...event, seen: { ...event.seen, raw, frame: parseFrame(raw) } };
}
