/**
 * One HTTP/2 session of a subchannel, and what is known of it.
 *
 * Laws: the subchannel writes the facts, calls read them to find out how their streams ended.
 */
import type { ClientHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { MAX_BLOCK_BYTES } from "../../codec/header-block.js";
import { probe } from "../keepalive.js";
import type { ConnectFailure } from "./connect-failure.js";
import type { KeepaliveTimer, KeptConnection } from "./keepalive-timer.js";

/** Streams assumed to be allowed until the peer's SETTINGS say otherwise, which they do before a session is used. */
const ASSUMED_MAX_STREAMS = 100;

/** How many PINGs in a row a server that sends nothing else takes from this side without complaint. gRFC A8: two strikes. */
const PINGS_TAKEN = 2;

/** What a GOAWAY said. */
export interface Goaway {
  readonly code: number;
  readonly lastStreamId: number;
  /** Its debug data, cut. */
  readonly text: string;
}

/** A session and its facts. */
export class Connection implements KeptConnection {
  readonly session: ClientHttp2Session;
  readonly socket: Socket;
  openStreams = 0;
  /** All streams there ever were. */
  streams = 0;
  maxStreams = ASSUMED_MAX_STREAMS;
  /** The largest header list the peer takes, in bytes. */
  maxPeerHeaderListBytes = MAX_BLOCK_BYTES;
  /** Counts the header blocks and chunks of all calls. What a deaf session has read does not count: see keepalive.ts. */
  heard = 0;
  /** Its peer is being asked for a sign of life: no new streams until the answer. */
  suspected = false;
  /** The peer has acknowledged our SETTINGS: only from then on is it held to them. */
  acknowledged = false;
  /** Why the session ended, once it has and somebody knows. */
  lost: string | undefined;
  /** What to tell those who waited for it, if it never was ready. */
  failure: ConnectFailure | undefined;
  goaway: Goaway | undefined;
  keepalive: KeepaliveTimer | undefined;
  /** How many PINGs have asked for a sign of life since the last call heard something. */
  #probes = 0;
  #probedAt = -1;

  constructor(session: ClientHttp2Session, socket: Socket) {
    this.session = session;
    this.socket = socket;
  }

  /** Whether one more stream may be opened now. */
  get hasRoom(): boolean {
    return !this.suspected && !this.session.destroyed && this.openStreams < this.maxStreams;
  }

  get bytesRead(): number {
    return this.socket.bytesRead;
  }

  get hasCalls(): boolean {
    return this.openStreams > 0;
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

  /** Ends the connection now; `why` is what its calls are told, unless something is known already. */
  drop(why: string): void {
    this.lost ??= why;
    this.session.destroy();
    this.socket.destroy();
  }
}
