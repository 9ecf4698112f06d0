/**
 * What can be seen of connections, as one stream of events: whoever prints, counts or records hears the same.
 *
 * Spec: RFC 9113 §3.4, §5.1, §5.2, §6; PROTOCOL-HTTP2.md.
 * Laws: the events of a connection come in the order in which things passed; a frame comes before what it says; what an event holds may
 * be kept by who hears it, and costs memory then.
 */
import type { HeaderField } from "../../codec/http2/hpack.js";
import type { HeadersRole, SeenCall } from "./call-watch.js";
import type { SeenFrame, Side } from "./conversation.js";
import type { SeenMessage } from "./message-collector.js";
import type { Counts } from "./statistics.js";

/** Where and when something was seen. */
interface Seen {
  /** Connections are numbered from 1. */
  readonly connection: number;
  /** Milliseconds since 1970, with fractions, of a clock that never goes back. */
  readonly atMs: number;
}

/** One thing that was seen. */
export type WireEvent =
  | {
      /** The proxy is there for clients. */
      readonly kind: "listening";
      readonly atMs: number;
      readonly address: string;
      readonly remote: string;
      /** What clients are shown, where there is TLS, in words. */
      readonly certificate?: string | undefined;
      /** The file of the authority that clients are to trust, where it is one of our own. */
      readonly caFile?: string | undefined;
    }
  | {
      /** A client has not become a connection, as its TLS handshake failed. */
      readonly kind: "handshake-failed";
      readonly atMs: number;
      readonly peer: string;
      readonly error: Error;
    }
  | (Seen & {
      /** A client has connected: from where, and to which address of ours. */
      readonly kind: "opened";
      readonly peer: string;
      readonly local: string;
    })
  | (Seen & { readonly kind: "connected"; readonly remote: string })
  | (Seen & { readonly kind: "unreachable"; readonly error: Error })
  | (Seen & {
      /** Bytes as they came; `frame` and the others are read from them. */
      readonly kind: "bytes";
      readonly from: Side;
      readonly chunk: Uint8Array;
    })
  | (Seen & {
      /** The client says that it speaks HTTP/2. */
      readonly kind: "preface";
    })
  | (Seen & {
      /** A side speaks something else: nothing more is told of it but its bytes. */
      readonly kind: "foreign";
      readonly from: Side;
      readonly begins: Uint8Array;
    })
  | (Seen & { readonly kind: "frame"; readonly seen: SeenFrame; readonly call: SeenCall | undefined })
  | (Seen & {
      /** A whole header list, whatever frames it came in. */
      readonly kind: "headers";
      readonly from: Side;
      readonly streamId: number;
      readonly role: HeadersRole;
      readonly fields: readonly HeaderField[];
      readonly call: SeenCall | undefined;
    })
  | (Seen & {
      readonly kind: "message";
      readonly from: Side;
      readonly call: SeenCall;
      readonly message: SeenMessage;
    })
  | (Seen & {
      /** A direction of a call cannot be read as messages any more. */
      readonly kind: "unreadable";
      readonly from: Side;
      readonly call: SeenCall;
      readonly why: string;
    })
  | (Seen & {
      /** `from` has used up a window: that of a stream, or with stream 0 the connection's. */
      readonly kind: "stalled";
      readonly from: Side;
      readonly streamId: number;
      readonly call: SeenCall | undefined;
    })
  | (Seen & {
      /** There is room again, after so many milliseconds. */
      readonly kind: "freed";
      readonly from: Side;
      readonly streamId: number;
      readonly call: SeenCall | undefined;
      readonly ms: number;
    })
  | (Seen & {
      /** Something goes wrong on purpose, upon a call or upon all of the connection; `fault` is what it was asked for with. */
      readonly kind: "fault";
      readonly fault: string;
      readonly streamId: number | undefined;
      readonly call: SeenCall | undefined;
    })
  | (Seen & {
      /** The client has said that its requests are complete. */
      readonly kind: "requests-ended";
      readonly call: SeenCall;
    })
  | (Seen & { readonly kind: "call-ended"; readonly call: SeenCall })
  | (Seen & {
      /** So many events of a call were held back for so long that they were let go of: see `FilteredEvents`. */
      readonly kind: "left-out";
      readonly call: SeenCall | undefined;
      readonly count: number;
    })
  | (Seen & {
      /** A side of the connection has said everything. */
      readonly kind: "half-closed";
      readonly from: Side;
    })
  | (Seen & { readonly kind: "closed"; readonly broken: Broken | undefined })
  | {
      /** What passed, counted: of a connection that has closed, or of all. */
      readonly kind: "counted";
      readonly atMs: number;
      readonly connection: number | undefined;
      readonly counts: Counts;
    };

/** The events of one kind. */
export type EventOf<Kind extends WireEvent["kind"]> = Extract<WireEvent, { readonly kind: Kind }>;

const ABOUT_CONNECTIONS: ReadonlySet<WireEvent["kind"]> = new Set([
  "listening",
  "handshake-failed",
  "opened",
  "connected",
  "unreachable",
  "fault",
  "half-closed",
  "closed",
  "counted",
] as const);

/** Whether an event is about connections, or about the proxy, and not about what passes. */
export function isAboutConnections(event: WireEvent): boolean {
  return ABOUT_CONNECTIONS.has(event.kind);
}

/** What broke a connection, and on which side. */
export interface Broken {
  readonly from: Side;
  readonly error: Error;
}

/** Hears events. What it gives back is not looked at. */
export type Hear = (event: WireEvent) => void;

/** The clock of events: see {@link WireEvent}. */
export function eventClock(): number {
  return performance.timeOrigin + performance.now();
}
