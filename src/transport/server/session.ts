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
import { formatHostPort } from "../address.js";
import { probe, silenceMs } from "../keepalive.js";
import type { SendLimits } from "../message-sink.js";
import type { Peer } from "../call.js";
import { dispatch, echo } from "./dispatch.js";
import type { Registered } from "./handler.js";
import { ENDING_RESPONSE } from "./respond-options.js";
import { ServerCall, type ServerCallOwner } from "./server-call.js";
import type { ServerLimits } from "./limits.js";

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
  readonly onCallEnd: ((ended: EndedCall) => void) | undefined;
  lookup(path: string): Registered | Status;
  callFailed(error: unknown, path: string): void;
}

/** One connection. */
export class ServerSession implements ServerCallOwner {
  readonly peer: Peer;
  readonly limits: ServerLimits;
  readonly sendLimits: SendLimits;
  maxPeerHeaderListBytes = MAX_BLOCK_BYTES;
  readonly #owner: SessionOwner;
  readonly #session: ServerHttp2Session;
  /** Calls whose handlers have not returned. */
  readonly #running = new Set<ServerCall>();
  readonly #startedAt: Map<ServerCall, number> | undefined;
  #closing = false;
  /** The client has acknowledged our SETTINGS: only from then on does Node hold it to them, and one may never do so. */
  #acknowledged = false;

  constructor(owner: SessionOwner, session: ServerHttp2Session) {
    this.#owner = owner;
    this.limits = owner.limits;
    this.sendLimits = { maxSendBytes: owner.limits.maxSendBytes, maxQueuedBytes: Infinity };
    this.#session = session;
    const { remoteAddress, remotePort } = session.socket;
    this.peer = {
      address: remoteAddress === undefined ? "unix:" : formatHostPort(remoteAddress, remotePort ?? 0),
    };
    this.#startedAt = owner.onCallEnd === undefined ? undefined : new Map();
    // SETTINGS only sizes the streams' windows; the connection's own grows by a WINDOW_UPDATE.
    if (!session.destroyed) session.setLocalWindowSize(this.limits.connectionWindowBytes);
    session.on("remoteSettings", ({ maxHeaderListSize }) => {
      this.maxPeerHeaderListBytes = Math.min(maxHeaderListSize ?? Infinity, MAX_BLOCK_BYTES);
    });
    session.once("localSettings", () => (this.#acknowledged = true));
    this.#watchSilence();
    const onStream: StreamListener = (stream, headers, _flags, rawHeaders) =>
      this.#onStream(stream, headers, rawHeaders);
    session.on("stream", onStream as Parameters<typeof session.on>[1]);
  }

  /** The callback fires once, so it is set again after each answer; Node does not count a PING as activity. */
  #watchSilence(): void {
    this.#session.setTimeout(silenceMs(this.limits.keepaliveTimeMs), () => {
      probe(this.#session, this.limits.keepaliveTimeoutMs, (alive) => {
        if (this.#session.destroyed) return;
        if (alive) this.#watchSilence();
        else this.#session.destroy();
      });
    });
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    // Every failure of a stream also closes it, which is what is acted upon.
    stream.on("error", ignore);
    if (!this.#acknowledged && headerListBytes(rawHeaders) > this.limits.maxHeaderListBytes) {
      // As Node does once it counts. HPACK makes megabytes of a small block, which nobody may have to look at.
      stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      return;
    }
    if (this.#running.size >= this.limits.maxRunningHandlers) {
      this.#refuseOverload(stream);
      return;
    }
    const decision = dispatch(headers, rawHeaders, (path) => this.#owner.lookup(path));
    if ("refusal" in decision) {
      this.#refuse(stream, headers, decision.refusal, decision.status);
      return;
    }
    const { registered, contentType, timeoutMs } = decision;
    const call = new ServerCall(this, stream, registered.method, rawHeaders, contentType, timeoutMs);
    this.#running.add(call);
    this.#startedAt?.set(call, performance.now());
    registered.serve(call);
  }

  #refuse(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    refusal: Parameters<ServerHttp2Stream["respond"]>[0],
    status: Status,
  ): void {
    try {
      stream.respond(refusal, ENDING_RESPONSE);
    } catch {
      return; // The client reset the stream between its headers and now.
    }
    // What the client still sends is read and dropped, then the stream is reset: flow control must not leave it stuck.
    stream.resume();
    setImmediate(() => {
      if (!stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR);
    });
    this.#report(echo(String(headers[":path"] ?? "")), status, 0, 0, 0);
  }

  /**
   * Only a client that opens calls and resets them faster than their handlers end gets here, as the stream limit is lower.
   * RFC 9113 §10.5: "an endpoint MAY treat activity that is suspicious as a connection error of type ENHANCE_YOUR_CALM".
   */
  #refuseOverload(stream: ServerHttp2Stream): void {
    stream.close(constants.NGHTTP2_REFUSED_STREAM);
    if (this.#closing || this.#session.destroyed) return;
    this.#closing = true;
    this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    this.#session.close();
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

  callFailed(error: unknown, call: ServerCall): void {
    this.#owner.callFailed(error, call.method.path);
  }

  /** Takes no new calls; the connection closes when those there are have ended. */
  drain(): void {
    if (this.#closing || this.#session.destroyed) return;
    this.#closing = true;
    this.#session.close();
  }

  /** Ends every call now. Their statuses are still written. */
  cut(): void {
    const error = new StatusError(Code.UNAVAILABLE, "the server is shutting down");
    for (const call of this.#running) call.cut(error);
  }
}

function ignore(): void {}
