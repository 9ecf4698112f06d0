/**
 * One HTTP/2 session of a subchannel, and what is known of it.
 *
 * Laws: the subchannel writes the facts, calls read them to find out how their streams ended.
 */
import type { ClientHttp2Session } from "node:http2";
import { MAX_BLOCK_BYTES } from "../../../codec/header-block.js";
import type { Peer } from "../../call.js";
import type { Carrier } from "../../carrier.js";
import { announceConnection } from "../../diagnostics.js";
import { probe } from "../../keepalive.js";
import { peerOf } from "../../peer.js";
import { ReceiveWindow } from "../../receive-window.js";
import type { ConnectPhase, FailureReason } from "./connect-failure.js";
import type { KeepaliveTimer, KeptConnection } from "./keepalive-timer.js";

/** How many PINGs in a row a server that sends nothing else takes from this side without complaint. gRFC A8: two strikes. */
const PINGS_TAKEN = 2;

/** What a connection takes of its peer. */
export interface WindowLimits {
  /** How many bytes all its streams together may have under way. */
  readonly connectionWindowBytes: number;
}

/** What a GOAWAY said. */
export interface Goaway {
  readonly code: number;
  readonly lastStreamId: number;
  /** Its debug data, cut. */
  readonly text: string;
}

/** A session and its facts. */
export class Connection implements KeptConnection {
  #session: ClientHttp2Session | undefined;
  #socket: Carrier | undefined;
  /** How far connecting has come. */
  phase: ConnectPhase = "tcp";
  openStreams = 0;
  /** Those of them that are not calls of the application, such as health checks: they keep no process alive. */
  backgroundStreams = 0;
  /** All streams there ever were. */
  streams = 0;
  /** The peer's SETTINGS have come. */
  isReady = false;
  /** When another attempt in its place may begin. */
  dueMs = Infinity;
  /** How many streams the peer allows at once: none before its SETTINGS. */
  maxStreams = 0;
  /** The largest header list the peer takes, in bytes. */
  maxPeerHeaderListBytes = MAX_BLOCK_BYTES;
  #window: ReceiveWindow | undefined;
  /** Counts the header blocks and chunks of all calls. What a deaf session has read does not count: see keepalive.ts. */
  heard = 0;
  /** Its peer is being asked for a sign of life, or will be before it is used: no new streams until the answer. */
  suspected = false;
  /** It is to be closed: no new streams. */
  retired = false;
  /** The peer has acknowledged our SETTINGS: only from then on is it held to them. */
  acknowledged = false;
  /** Why the session ended, once it has and somebody knows. */
  lost: string | undefined;
  /** What to tell those who waited for it, if it never was ready. */
  failure: FailureReason | undefined;
  goaway: Goaway | undefined;
  keepalive: KeepaliveTimer | undefined;
  /** How many PINGs have asked for a sign of life since the last call heard something. */
  #probes = 0;
  #probedAt = -1;
  #peer: Peer | undefined;
  #dropped = false;
  readonly #retirements = new Set<() => void>();

  /** Not before {@link Connection.isReady}. */
  get session(): ClientHttp2Session {
    if (this.#session === undefined) throw new Error("a connection has no session yet");
    return this.#session;
  }

  /** What HTTP/2 is spoken on; before that, what leads there. */
  get socket(): Carrier | undefined {
    return this.#socket;
  }

  /** The way there has begun. */
  dialled(socket: Carrier): void {
    this.#socket = socket;
  }

  /** HTTP/2 begins. */
  begun(session: ClientHttp2Session, socket: Carrier): void {
    this.#session = session;
    this.#socket = socket;
    session.once("remoteSettings", () => {
      const announceClose = announceConnection("client", () => this.peer);
      if (announceClose !== undefined) session.once("close", announceClose);
    });
  }

  /** HTTP/2 can be spoken. */
  connected(limits: WindowLimits): void {
    if (!this.isDestroyed) this.#window = new ReceiveWindow(this.session, limits.connectionWindowBytes);
  }

  /** A chunk of so many bytes has come for a call. */
  chunkArrived(bytes: number): void {
    this.heard++;
    this.#window?.received(bytes);
  }

  /** Whether one more stream may be opened now. */
  get hasRoom(): boolean {
    return this.openStreams < this.maxStreams && !this.suspected && !this.retired && !this.isDestroyed;
  }

  /** The session is gone. Its 'close' comes a moment later. */
  get isDestroyed(): boolean {
    return this.#session?.destroyed === true;
  }

  /** Who is at the other end, as it was known when this was asked first. */
  get peer(): Peer {
    return (this.#peer ??= peerOf(this.#socket ?? {}));
  }

  get bytesRead(): number {
    return this.#socket?.bytesRead ?? 0;
  }

  get hasCalls(): boolean {
    return this.openStreams > this.backgroundStreams;
  }

  /** Whether a server that asks its clients to be calm would still answer a PING that is not keepalive's. */
  get mayProbe(): boolean {
    if (this.heard !== this.#probedAt) {
      this.#probedAt = this.heard;
      this.#probes = 0;
    }
    return this.#probes++ < PINGS_TAKEN;
  }

  probe(timeoutMs: number, answered: (alive: boolean) => void): void {
    probe(this.session, timeoutMs, answered);
  }

  dead(): void {
    this.drop("no answer to a keepalive PING");
  }

  /** Takes no new streams from now on. */
  retire(): void {
    if (this.retired) return;
    this.retired = true;
    for (const heard of this.#retirements) heard();
    this.#retirements.clear();
  }

  /** Calls `heard` once it takes no new streams any more, unless the function it returns is called before. */
  whenRetired(heard: () => void): () => void {
    this.#retirements.add(heard);
    return () => this.#retirements.delete(heard);
  }

  /** Closes it once its streams are over. */
  closeSoon(): void {
    // Not now, for the reason below.
    setImmediate(() => {
      if (!this.isDestroyed) this.#session?.close();
    });
  }

  /** Ends the connection; `why` is what its calls are told, unless something is known already. */
  drop(why: string): void {
    this.lost ??= why;
    this.retire();
    if (this.#dropped) return;
    this.#dropped = true;
    // In the next turn, as whoever asks may have been called by this very session: Node 20 would free what it is reading.
    setImmediate(() => {
      this.#session?.destroy();
      this.#socket?.destroy();
    });
  }
}
