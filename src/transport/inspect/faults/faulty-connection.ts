/**
 * A connection that faults come upon: passes on what client and server say to each other, frame by frame, and does to it what a script
 * wants.
 *
 * Spec: RFC 9113 §5.1 (streams), §6.8 (GOAWAY), §6.9 (flow control); PROTOCOL-HTTP2.md, "Responses".
 * Laws: both sides only ever see what HTTP/2 allows, a connection that is cut short apart; the window of what is not passed on is given
 * back to who sent it; frames of calls that are over, or were never passed on, end here.
 */
import type { RawFrame } from "../../../codec/http2/frame.js";
import { CLIENT_PREFACE } from "../../../codec/http2/frame.js";
import type { HeaderField } from "../../../codec/http2/hpack.js";
import {
  END_STREAM,
  type ErrorCodeName,
  writeFrame,
  writeGoaway,
  writeHeaders,
  writeReset,
  writeWindowUpdate,
} from "../../../codec/http2/write-frame.js";
import { Metadata } from "../../../codec/metadata.js";
import { Code } from "../../../codec/status.js";
import { MAX_TIMER_MS } from "../../options.js";
import { Conversation, type SeenFrame, type Side } from "../conversation.js";
import { statusCodeOf, type FaultInit } from "./fault.js";
import type { ArmedFault, FaultScript, FaultTarget } from "./fault-script.js";
import { FaultyCall } from "./faulty-call.js";
import { statusBlock } from "./status-block.js";

/** Where the bytes go. */
export interface Wire {
  toClient(bytes: Buffer): void;
  toServer(bytes: Buffer): void;
  /** The connection is lost to both, whatever was on its way. */
  lose(): void;
  /** The client gets these bytes, and then the end. */
  endWith(bytes: Buffer): void;
  /** A fault comes, upon a call if it is of one. */
  came?(armed: ArmedFault, call: { readonly streamId: number; readonly path: string } | undefined): void;
}

/** A whole header block. */
interface Block {
  readonly streamId: number;
  readonly fields: readonly HeaderField[];
  readonly endsStream: boolean;
}

const DATA = 0;
const SETTINGS = 4;
/** Of a frame that is cut: less than its header. In the middle of a header list Node 24 and 26 may abort when they collect garbage. */
const CUT_BYTES = 5;

export class FaultyConnection implements FaultTarget {
  readonly #script: FaultScript;
  readonly #wire: Wire;
  readonly #calls = new Map<number, FaultyCall>();
  readonly #conversation: Conversation;
  readonly #unwatch: () => void;
  /** What has come of a side before it is clear that it speaks HTTP/2: not even a frame's header. */
  readonly #undecided: Record<Side, Buffer[] | undefined> = { client: [], server: [] };
  /** Sides that speak something else, which is passed on as it is. */
  readonly #foreign = new Set<Side>();
  /** What has to wait for the server's SETTINGS, which come first. */
  #early: Buffer[] | undefined = [];
  #lastStreamId = 0;
  #lastPassedId = 0;
  #refusesCalls = false;
  #frozen = false;
  #over = false;
  /** The call whose answer is cut in its next frame. */
  #truncated: FaultyCall | undefined;
  #grace: NodeJS.Timeout | undefined;
  /** A call that runs keeps the process, as it would on a socket. */
  #busy: NodeJS.Timeout | undefined;

  constructor(script: FaultScript, wire: Wire) {
    this.#script = script;
    this.#wire = wire;
    this.#conversation = new Conversation({
      preface: () => {
        this.#undecided.client = undefined;
        wire.toServer(CLIENT_PREFACE);
      },
      frame: (seen) => this.#take(seen),
      foreign: (from) => {
        this.#foreign.add(from);
        this.#passUndecided(from);
      },
    });
    this.#unwatch = script.watch(this);
  }

  /** Takes bytes of one side. */
  read(side: Side, chunk: Buffer): void {
    if (this.#stopped) return;
    if (this.#foreign.has(side)) {
      this.#passUnread(side, chunk);
      return;
    }
    this.#undecided[side]?.push(chunk);
    this.#conversation.push(side, chunk);
  }

  /** No more comes of a side. */
  ended(side: Side): void {
    if (!this.#stopped) this.#passUndecided(side);
  }

  #passUndecided(side: Side): void {
    for (const chunk of this.#undecided[side] ?? []) this.#passUnread(side, chunk);
    this.#undecided[side] = undefined;
  }

  #passUnread(side: Side, chunk: Buffer): void {
    if (side === "client") this.#wire.toServer(chunk);
    else this.#wire.toClient(chunk);
  }

  #take({ from, raw, frame, fields, endsStream, unreadable }: SeenFrame): void {
    this.#undecided[from] = undefined;
    if (this.#stopped) return;
    const { streamId } = raw;
    // What is no HTTP/2 that can be followed costs the connection.
    if (unreadable !== undefined || frame.type === "malformed") this.#lose();
    else if ("fragment" in frame) {
      // Nobody has asked for pushed answers: they end here, as parts of blocks do.
      if (fields === undefined || frame.type === "PUSH_PROMISE") return;
      if (from === "client") this.#request({ streamId, fields, endsStream });
      else this.#answer({ streamId, fields, endsStream });
    } else if (frame.type === "DATA") this.#data(from, raw, frame.data, endsStream);
    else if (from === "client") this.#fromClient(raw, frame.type === "RST_STREAM");
    else this.#fromServer(raw, frame.type);
  }

  /** The connection is gone. */
  close(): void {
    this.#over = true;
    this.#unwatch();
    clearTimeout(this.#grace);
    clearTimeout(this.#busy);
    for (const call of this.#calls.values()) call.end();
    this.#calls.clear();
  }

  faultNow(armed: ArmedFault): void {
    const calls = [...this.#calls.values()].filter(({ path }) => armed.fault.concerns(path));
    const { kind } = armed.fault;
    const ofConnection = kind === "drop" || kind === "freeze" || kind === "goaway";
    if (!ofConnection) for (const call of calls) this.#come(armed, call);
    else if (armed.fault.init.on === undefined || calls.length > 0) this.#come(armed, calls[0]);
  }

  #request(block: Block): void {
    const { streamId, endsStream } = block;
    let call = this.#calls.get(streamId);
    if (call === undefined) {
      if (streamId <= this.#lastStreamId || this.#refusesCalls) return;
      this.#lastStreamId = streamId;
      const path = block.fields.find(({ name }) => name === ":path")?.value ?? "";
      call = new FaultyCall(streamId, path, this.#script.meeting(path));
      call.requestsEnded = endsStream;
      this.#calls.set(streamId, call);
      this.#busy ??= setTimeout(() => undefined, MAX_TIMER_MS);
      this.#comeAll(call.at("start"), call);
      if (this.#stopped || !this.#calls.has(streamId)) return;
      call.atServer = true;
      this.#lastPassedId = streamId;
    }
    this.#wire.toServer(writeHeaders(streamId, block.fields, endsStream));
    if (endsStream) this.#requestsEnd(call);
  }

  #fromClient(raw: RawFrame, isReset: boolean): void {
    const call = this.#calls.get(raw.streamId);
    if (raw.streamId === 0 || call !== undefined) this.#wire.toServer(rewrite(raw));
    if (isReset && call !== undefined) this.#forget(call);
  }

  #fromServer(raw: RawFrame, type: string): void {
    const call = this.#calls.get(raw.streamId);
    if (raw.streamId === 0) this.#toClient(rewrite(raw));
    else if (call === undefined) return;
    else if (type === "RST_STREAM") this.#inOrder(call, () => this.#passReset(raw, call));
    else this.#toClient(rewrite(raw));
  }

  /** Does something with the answer when its time has come. What never gets to the client gives its window back. */
  #inOrder(call: FaultyCall | undefined, step: () => void, dataBytes = 0): void {
    if (call?.held !== undefined) call.held.push(() => this.#inOrder(call, step, dataBytes));
    else if (this.#stopped) return;
    else if (call !== undefined && this.#calls.has(call.streamId) && !call.stalled) step();
    else this.#giveBack("server", dataBytes);
  }

  #answer(block: Block): void {
    const { streamId, fields, endsStream } = block;
    const call = this.#calls.get(streamId);
    const isInterim = fields.some(({ name, value }) => name === ":status" && value.startsWith("1"));
    this.#inOrder(call, () => {
      if (call === undefined) return;
      const before = call.answered || isInterim ? [] : call.at("headers");
      if (endsStream) before.push(...call.at("trailers"));
      this.#comeAll(before, call);
      // It may have been delayed, or be over.
      this.#inOrder(call, () => {
        call.answered ||= !isInterim;
        this.#answerFrame(call, writeHeaders(streamId, fields, endsStream));
        if (endsStream) this.#answerEnds(call);
      });
    });
  }

  #passReset(raw: RawFrame, call: FaultyCall): void {
    this.#answerFrame(call, rewrite(raw));
    this.#forget(call);
  }

  #data(side: Side, raw: RawFrame, content: Uint8Array, endsStream: boolean): void {
    const bytes = raw.payload.length;
    const call = this.#calls.get(raw.streamId);
    if (call === undefined) {
      this.#giveBack(side, bytes);
      return;
    }
    const pass = (): void => {
      // Padding counts, and is not passed on.
      this.#giveBack(side, bytes - content.length, call.streamId);
      this.#content(side, call, content, endsStream);
    };
    if (side === "client") pass();
    else this.#inOrder(call, pass, bytes);
  }

  /** Passes on DATA up to the message behind which a fault comes, then what is behind it, if that still goes anywhere. */
  #content(side: Side, call: FaultyCall, bytes: Uint8Array, endsStream: boolean): void {
    const point = side === "client" ? "requests" : "responses";
    const messages = call[point];
    const stop = call.stopAfter(point, messages.count);
    const length = messages.advance(bytes, stop);
    const isLast = length === bytes.length;
    const part = writeFrame("DATA", isLast && endsStream ? END_STREAM : 0, call.streamId, bytes.subarray(0, length));
    if (side === "client") this.#wire.toServer(part);
    else this.#answerFrame(call, part);
    if (isLast && endsStream) {
      if (side === "client") this.#requestsEnd(call);
      else this.#answerEnds(call);
    }
    if (messages.count === stop) this.#comeAll(call.at(point, stop), call);
    if (isLast || this.#stopped) return;
    const rest = bytes.subarray(length);
    const goOn = (): void => this.#content(side, call, rest, endsStream);
    if (side === "server") this.#inOrder(call, goOn, rest.length);
    else if (this.#calls.has(call.streamId)) goOn();
    else this.#giveBack("client", rest.length);
  }

  #comeAll(faults: readonly ArmedFault[], call: FaultyCall): void {
    for (const armed of faults) {
      if (this.#stopped || !this.#calls.has(call.streamId)) return;
      this.#come(armed, call);
    }
  }

  /** A fault comes. */
  #come(armed: ArmedFault, call: FaultyCall | undefined): void {
    if (!armed.armed && !armed.fault.now) return;
    armed.fired++;
    this.#wire.came?.(armed, call);
    const { init } = armed.fault;
    if (init.kind === "drop") this.#lose();
    else if (init.kind === "freeze") this.#frozen = true;
    else if (init.kind === "goaway") this.#goaway(init, call);
    else if (call === undefined) return;
    else if (init.kind === "reset") this.#reset(call, init.code ?? "INTERNAL_ERROR");
    else if (init.kind === "status") this.#status(call, init);
    else if (init.kind === "stall") call.stalled = true;
    else if (init.kind === "truncate") this.#truncated = call;
    else if (init.kind === "delay") call.hold(jittered(init.delayMs, init.jitterMs ?? 0));
  }

  #reset(call: FaultyCall, code: ErrorCodeName): void {
    this.#toClient(writeReset(call.streamId, code));
    this.#leaveServer(call);
  }

  #status(call: FaultyCall, init: FaultInit & { kind: "status" }): void {
    const { streamId } = call;
    const status = { code: statusCodeOf(init.code) ?? Code.UNKNOWN, message: init.message ?? "a fault on purpose" };
    const fields = statusBlock(status, new Metadata(init.metadata), !call.answered);
    this.#toClient(writeHeaders(streamId, fields, true));
    // "the server … MAY request that the client abort transmission … by sending a RST_STREAM with an error code of NO_ERROR".
    if (!call.requestsEnded) this.#toClient(writeReset(streamId, "NO_ERROR"));
    this.#leaveServer(call);
  }

  /** The call is over for the client: for the server it is cancelled, if it knows of it. */
  #leaveServer(call: FaultyCall): void {
    if (call.atServer) this.#wire.toServer(writeReset(call.streamId, "CANCEL"));
    this.#forget(call);
  }

  #goaway({ code, graceMs }: FaultInit & { kind: "goaway" }, call: FaultyCall | undefined): void {
    this.#refusesCalls = true;
    if (call?.atServer === false) this.#forget(call);
    this.#toClient(writeGoaway(this.#lastPassedId, code ?? "NO_ERROR"));
    if (graceMs !== undefined) this.#grace = setTimeout(() => this.#lose(), graceMs);
  }

  #answerFrame(call: FaultyCall, bytes: Buffer): void {
    if (this.#truncated !== call) {
      this.#toClient(bytes);
      return;
    }
    this.#over = true;
    this.#wire.endWith(bytes.subarray(0, bytes[3] === DATA ? Math.ceil(bytes.length / 2) : CUT_BYTES));
  }

  #requestsEnd(call: FaultyCall): void {
    call.requestsEnded = true;
    if (call.ended) this.#forget(call);
  }

  #answerEnds(call: FaultyCall): void {
    call.ended = true;
    if (call.requestsEnded) this.#forget(call);
  }

  #forget(call: FaultyCall): void {
    call.end();
    this.#calls.delete(call.streamId);
    if (this.#calls.size > 0) return;
    clearTimeout(this.#busy);
    this.#busy = undefined;
  }

  /** RFC 9113 §6.9: what was sent counts against the windows until the other side has given it back, whether it came or not. */
  #giveBack(to: Side, bytes: number, streamId?: number): void {
    if (bytes === 0) return;
    const toSender = (frame: Buffer): void => (to === "client" ? this.#toClient(frame) : this.#wire.toServer(frame));
    toSender(writeWindowUpdate(0, bytes));
    if (streamId !== undefined) toSender(writeWindowUpdate(streamId, bytes));
  }

  #toClient(bytes: Buffer): void {
    if (this.#early === undefined) this.#wire.toClient(bytes);
    else if (bytes[3] !== SETTINGS) this.#early.push(bytes);
    else {
      const early = this.#early;
      this.#early = undefined;
      for (const one of [bytes, ...early]) this.#wire.toClient(one);
    }
  }

  #lose(): void {
    this.#over = true;
    this.#wire.lose();
  }

  get #stopped(): boolean {
    return this.#over || this.#frozen;
  }
}

function rewrite({ type, flags, streamId, payload }: RawFrame): Buffer {
  return writeFrame(type, flags, streamId, payload);
}

function jittered(delayMs: number, jitterMs: number): number {
  return Math.max(0, delayMs + (Math.random() * 2 - 1) * jitterMs);
}
