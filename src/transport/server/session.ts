/**
 * One connection on the server: accepts streams within the limits and knows which calls are running.
 *
 * Spec: RFC 9113 §5.1.2, §6.8, §10.5; PROTOCOL-HTTP2.md, "Errors".
 * Laws: a stream is refused before anything of it has been looked at, or not at all; a call counts as running until its
 * handler has returned, however its stream ended.
 */
import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { headerListBytes, MAX_BLOCK_BYTES } from "../../codec/header-block.js";
import { Code, StatusError, type Status } from "../../codec/status.js";
import type { SendLimits } from "../message-sink.js";
import type { Peer } from "../call.js";
import type { Codings } from "../codings.js";
import { announce, announceConnection, watched } from "../diagnostics.js";
import { dispatch, echo } from "./dispatch.js";
import type { Registered } from "./handler.js";
import { ReceiveWindow } from "../receive-window.js";
import { PingStrikes } from "./ping-strikes.js";
import { ENDING_RESPONSE } from "./respond-options.js";
import { ServerCall, type ServerCallOwner } from "./server-call.js";
import type { ServerLimits } from "./limits.js";
import { SessionAge, type AgeOwner } from "./session-age.js";
import { watchSilence } from "./silence.js";

/** How one RPC ended, for a log line. Unknown methods and refused requests are told as well. */
export interface EndedCall {
  /** What stood in `:path`, cut and with control characters escaped. */
  readonly path: string;
  readonly peer: string;
  readonly code: Code;
  /** The text on the wire. */
  readonly message: string;
  readonly durationMs: number;
  /** Messages taken from the client. */
  readonly received: number;
  /** Messages given to the client. */
  readonly sent: number;
}

/** The raw header list, which alone keeps repeated names apart, is the fourth argument; the types know three. */
type StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: readonly string[],
) => void;

/** The server above, as far as a session needs it. */
export interface SessionOwner {
  readonly limits: ServerLimits;
  readonly permitKeepaliveWithoutCalls: boolean;
  readonly codings: Codings;
  readonly onCallEnd: ((ended: EndedCall) => void) | undefined;
  lookup(path: string): Registered | Status;
  callFailed(error: unknown, path: string): void;
}

/** The highest stream id there is: a GOAWAY with it says that no more streams are wanted, and gives up none. */
const MAX_STREAM_ID = 2 ** 31 - 1;
/** A PING, or its acknowledgement, on the wire. */
const PING_BYTES = 17;
/** After calls were cut, their last statuses get this long to leave before the connection is dropped. */
const LAST_WRITE_MS = 200;

/** One connection. */
export class ServerSession implements ServerCallOwner, AgeOwner {
  readonly peer: Peer;
  readonly limits: ServerLimits;
  readonly sendLimits: SendLimits;
  readonly codings: Codings;
  maxPeerHeaderListBytes = MAX_BLOCK_BYTES;
  readonly #owner: SessionOwner;
  readonly #session: ServerHttp2Session;
  /** Calls whose handlers have not returned. */
  readonly #running = new Set<ServerCall>();
  readonly #startedAt: Map<ServerCall, number> | undefined;
  /** Calls whose streams are open. */
  #openStreams = 0;
  #window: ReceiveWindow | undefined;
  readonly #age: SessionAge;
  readonly #pings: PingStrikes;
  responded = false;
  /** Whether a call was ever opened on it. */
  hadCalls = false;
  #pingsHeard = 0;
  /** Bytes the client had been sent at its last PING, acknowledgements of PINGs apart. */
  #sentAtPing = 0;
  #closing = false;
  /** The client has acknowledged our SETTINGS: only from then on does Node hold it to them, and one may never do so. */
  #acknowledged = false;

  constructor(owner: SessionOwner, session: ServerHttp2Session, peer: Peer) {
    this.#owner = owner;
    this.limits = owner.limits;
    this.codings = owner.codings;
    this.sendLimits = { maxSendBytes: owner.limits.maxSendBytes, maxQueuedBytes: Infinity };
    this.#session = session;
    this.peer = peer;
    this.#startedAt = owner.onCallEnd === undefined ? undefined : new Map();
    // SETTINGS only sizes the streams' windows.
    if (!session.destroyed) this.#window = new ReceiveWindow(session, this.limits.connectionWindowBytes);
    session.on("remoteSettings", ({ maxHeaderListSize }) => {
      this.maxPeerHeaderListBytes = Math.min(maxHeaderListSize ?? Infinity, MAX_BLOCK_BYTES);
    });
    session.once("localSettings", () => (this.#acknowledged = true));
    watchSilence(session, this.limits);
    this.#age = new SessionAge(this.limits, this);
    const { permitKeepaliveWithoutCalls } = owner;
    this.#pings = new PingStrikes({
      permitKeepaliveTimeMs: this.limits.permitKeepaliveTimeMs,
      permitKeepaliveWithoutCalls,
    });
    session.on("ping", () => this.#onPing());
    const announceClose = announceConnection("server", () => this.peer);
    session.on("close", () => {
      this.#age.stop();
      announceClose?.();
    });
    const onStream: StreamListener = (stream, headers, _flags, rawHeaders) =>
      this.#onStream(stream, headers, rawHeaders);
    session.on("stream", onStream as Parameters<typeof session.on>[1]);
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    this.hadCalls = true;
    // Every failure of a stream also closes it, which is what is acted upon.
    stream.on("error", ignore);
    if (!this.#acknowledged && headerListBytes(rawHeaders) > this.limits.maxHeaderListBytes) {
      // As Node does once it counts. HPACK makes megabytes of a small block, which nobody may have to look at.
      closeSoon(stream, constants.NGHTTP2_ENHANCE_YOUR_CALM);
      return;
    }
    if (this.#running.size >= this.limits.maxRunningHandlers) {
      this.#refuseOverload(stream);
      return;
    }
    const decision = dispatch(headers, rawHeaders, this.codings, (path) => this.#owner.lookup(path));
    if ("refusal" in decision) {
      this.#refuse(stream, headers, decision.refusal, decision.status);
      return;
    }
    const { registered } = decision;
    const call = new ServerCall(this, stream, registered.method, rawHeaders, decision);
    this.#running.add(call);
    if (this.#openStreams++ === 0) this.#age.busy();
    this.#startedAt?.set(call, performance.now());
    if (watched("server")) {
      call.startedAt = performance.now();
      announce(call);
    }
    registered.serve(call);
  }

  #refuse(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    refusal: Parameters<ServerHttp2Stream["respond"]>[0],
    status: Status,
  ): void {
    this.responded = true;
    try {
      stream.respond(refusal, ENDING_RESPONSE);
    } catch {
      return; // The client reset the stream between its headers and now.
    }
    // What the client still sends is read and dropped, then the stream is reset: flow control must not leave it stuck.
    stream.resume();
    closeSoon(stream, constants.NGHTTP2_NO_ERROR);
    this.#report(echo(String(headers[":path"] ?? "")), status, 0, 0, 0);
  }

  /**
   * Only a client that opens calls and resets them faster than their handlers end gets here, as the stream limit is lower.
   * RFC 9113 §10.5: "an endpoint MAY treat activity that is suspicious as a connection error of type ENHANCE_YOUR_CALM".
   */
  #refuseOverload(stream: ServerHttp2Stream): void {
    closeSoon(stream, constants.NGHTTP2_REFUSED_STREAM);
    if (this.#closing || this.#session.destroyed) return;
    this.#closing = true;
    this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    this.#session.close();
  }

  chunkArrived(bytes: number): void {
    this.#window?.received(bytes);
  }

  callEnded(call: ServerCall, status: Status): void {
    const startedAt = this.#startedAt?.get(call);
    if (startedAt === undefined) return;
    this.#startedAt?.delete(call);
    const durationMs = performance.now() - startedAt;
    this.#report(call.method.path, status, durationMs, call.requests.received, call.responses.sent);
  }

  #report(path: string, status: Status, durationMs: number, received: number, sent: number): void {
    const { onCallEnd } = this.#owner;
    if (onCallEnd === undefined) return;
    try {
      onCallEnd({
        path,
        peer: this.peer.address,
        code: status.code,
        message: status.message,
        durationMs,
        received,
        sent,
      });
    } catch (error) {
      this.#owner.callFailed(error, path);
    }
  }

  handlerReturned(call: ServerCall): void {
    this.#running.delete(call);
  }

  streamClosed(): void {
    if (--this.#openStreams === 0) this.#age.idle();
  }

  /**
   * gRFC A8: PINGs that come too often, with nothing sent between them, cost the connection. What was sent is told by the bytes
   * written, as one long message is many DATA frames, and clients that measure the network ping all through it.
   */
  #onPing(): void {
    if (this.#session.destroyed) return;
    const sent = this.#session.socket.bytesWritten - PING_BYTES * this.#pingsHeard++;
    // Before the first response there are only the bytes with which a connection begins.
    if (sent > this.#sentAtPing && this.responded) this.#pings.forgive();
    this.#sentAtPing = Math.max(sent, this.#sentAtPing);
    if (!this.#pings.isTooMany(performance.now(), this.#openStreams > 0)) return;
    this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from("too_many_pings"));
    // Not while nghttp2 is reading: see closeSoon.
    setImmediate(() => this.#session.destroy());
  }

  callFailed(error: unknown, call: ServerCall): void {
    this.#owner.callFailed(error, call.method.path);
  }

  /** Takes no new calls; the connection closes when those there are have ended. `reason` is for a person who reads the wire. */
  drain(reason = ""): void {
    if (this.#closing || this.#session.destroyed) return;
    this.#closing = true;
    // RFC 9113 §6.8: first that no more is wanted, then how far it got. A PING's time between the two would be better, but
    // behind the first nghttp2 ignores what comes; what raced with it is above the id of the second, and tried elsewhere.
    this.#session.goaway(constants.NGHTTP2_NO_ERROR, MAX_STREAM_ID, Buffer.from(reason));
    this.#session.close();
  }

  expired(reason: "max_idle" | "max_age"): void {
    this.drain(reason);
  }

  graceOver(): void {
    this.#cutCalls(new StatusError(Code.UNAVAILABLE, "the connection has reached its maximum age"));
    setTimeout(() => this.#session.destroy(), LAST_WRITE_MS).unref();
  }

  /** Ends every call now. Their statuses are still written. */
  cut(): void {
    this.#cutCalls(new StatusError(Code.UNAVAILABLE, "the server is shutting down"));
  }

  #cutCalls(error: StatusError): void {
    for (const call of this.#running) call.cut(error);
  }
}

/**
 * Resets a stream in the next turn. In this one nghttp2 may be in the middle of reading, and Node frees the stream below it when
 * the code is any but CANCEL, which it knows to put off: on Node 20 that is a read of freed memory.
 */
function closeSoon(stream: ServerHttp2Stream, code: number): void {
  setImmediate(() => {
    if (!stream.destroyed) stream.close(code);
  });
}

function ignore(): void {}
