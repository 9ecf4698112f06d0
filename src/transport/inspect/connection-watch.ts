/**
 * One connection, from bytes to events: give it what each side sends, and when, and hear what that was.
 *
 * Spec: RFC 9113 §3.4, §5.1; PROTOCOL-HTTP2.md.
 * Laws: it only looks: whatever the bytes are, it never throws; what it keeps is bounded; it has no clock of its own, so that what was
 * recorded is told as what passes now.
 */
import type { HeaderField } from "../../codec/http2/hpack.js";
import { CallWatch, type SeenCall } from "./call-watch.js";
import { Conversation, type SeenFrame, type Side } from "./conversation.js";
import type { FlowChange } from "./flow-watch.js";
import type { Broken, Hear, WireEvent } from "./wire-event.js";

/** How much is read of the bytes. */
export type Reading =
  /** Bytes are bytes. */
  | "nothing"
  /** Frames and header lists. */
  | "frames"
  /** … and the calls that they make. */
  | "calls";

/** What a {@link ConnectionWatch} can be told. */
export interface ConnectionWatchOptions {
  /** Default `"calls"`. */
  readonly reading?: Reading | undefined;
  /** Messages over this are told without their bytes. Default 1 MiB. */
  readonly maxMessageBytes?: number | undefined;
}

const DEFAULT_MESSAGE_BYTES = 1024 * 1024;

/** What is told, but for the connection and the time. */
type Untimed<Event> = Event extends { readonly connection: number } ? Omit<Event, "connection" | "atMs"> : never;

/** Watches one connection. Times are in milliseconds since 1970, and never go back. */
export class ConnectionWatch {
  readonly #number: number;
  readonly #hear: Hear;
  readonly #conversation: Conversation | undefined;
  readonly #calls: CallWatch | undefined;
  #atMs = 0;

  /** `number` is the connection's own. */
  constructor(
    number: number,
    hear: Hear,
    { reading = "calls", maxMessageBytes = DEFAULT_MESSAGE_BYTES }: ConnectionWatchOptions = {},
  ) {
    this.#number = number;
    this.#hear = hear;
    this.#calls = reading === "calls" ? this.#watchCalls(maxMessageBytes) : undefined;
    this.#conversation = reading === "nothing" ? undefined : this.#converse();
  }

  /** A client has connected. */
  opened(atMs: number, peer: string, local: string): void {
    this.#tell(atMs, { kind: "opened", peer, local });
  }

  /** The server has been reached. */
  connected(atMs: number, remote: string): void {
    this.#tell(atMs, { kind: "connected", remote });
  }

  /** The server could not be reached. */
  unreachable(atMs: number, error: Error): void {
    this.#tell(atMs, { kind: "unreachable", error });
  }

  /** Takes the next bytes that `from` sent. They must not be written to again. */
  push(from: Side, chunk: Uint8Array, atMs: number): void {
    this.#tell(atMs, { kind: "bytes", from, chunk });
    this.#conversation?.push(from, chunk);
  }

  /** `from` has said that no more comes. */
  halfClosed(from: Side, atMs: number): void {
    this.#tell(atMs, { kind: "half-closed", from });
  }

  /** A fault comes on purpose, upon a call or upon all of the connection. */
  faulted(atMs: number, fault: string, streamId: number | undefined): void {
    const call = streamId === undefined ? undefined : this.#calls?.callOf(streamId);
    this.#tell(atMs, { kind: "fault", fault, streamId, call });
  }

  /** The connection has gone, and with it the calls that were running. */
  closed(atMs: number, broken?: Broken): void {
    this.#atMs = atMs;
    this.#calls?.closed();
    this.#tell(atMs, { kind: "closed", broken });
  }

  #tell(atMs: number, event: Untimed<WireEvent>): void {
    this.#atMs = atMs;
    this.#say(event);
  }

  #say(event: Untimed<WireEvent>): void {
    this.#hear({ ...event, connection: this.#number, atMs: this.#atMs });
  }

  #converse(): Conversation {
    return new Conversation({
      preface: () => this.#say({ kind: "preface" }),
      frame: (seen) => this.#onFrame(seen),
      foreign: (from, begins) => this.#say({ kind: "foreign", from, begins }),
    });
  }

  #watchCalls(maxMessageBytes: number): CallWatch {
    return new CallWatch(
      {
        headers: (call, from, role, fields) =>
          this.#say({ kind: "headers", from, streamId: call.streamId, role, fields, call }),
        message: (call, from, message) => this.#say({ kind: "message", from, call, message }),
        broken: (call, from, why) => this.#say({ kind: "unreadable", from, call, why }),
        halfClosed: (call) => this.#say({ kind: "requests-ended", call }),
        flow: (call, change) => this.#onFlow(call, change),
        ended: (call) => this.#say({ kind: "call-ended", call }),
      },
      { now: () => this.#atMs, maxMessageBytes },
    );
  }

  #onFrame(seen: SeenFrame): void {
    const call = this.#calls?.callOfFrame(seen);
    this.#say({ kind: "frame", seen, call });
    if (seen.fields !== undefined && call === undefined) this.#onStrayHeaders(seen, seen.fields);
    this.#calls?.seen(seen);
  }

  /** Headers of what is no call, or of one that is over. */
  #onStrayHeaders({ from, raw: { streamId } }: SeenFrame, fields: readonly HeaderField[]): void {
    this.#say({ kind: "headers", from, streamId, role: "other", fields, call: undefined });
  }

  #onFlow(call: SeenCall | undefined, { from, streamId, ms }: FlowChange): void {
    if (ms === undefined) this.#say({ kind: "stalled", from, streamId, call });
    else this.#say({ kind: "freed", from, streamId, call, ms });
  }
}
