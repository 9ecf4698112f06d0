/**
 * Flow control, watched from the middle: how much each side may still send, and who waits for whom.
 *
 * Spec: RFC 9113 §5.2, §6.9 (windows begin at 65,535 bytes; SETTINGS_INITIAL_WINDOW_SIZE changes those of all streams).
 * Laws: a window is the sender's, and the other side opens it; a stall begins when one is used up and ends when it opens (whether the
 * sender had more to send is not to be seen; one that has ended its stream had not); only streams that are known to be open are watched.
 */
import type { Frame } from "../../codec/http2/frame.js";
import type { Side } from "./conversation.js";

/** A sender has used up its room, or has some again. */
export interface FlowChange {
  /** Who cannot send, or could not. */
  readonly from: Side;
  /** The stream whose window it is; 0 when it is the connection's. */
  readonly streamId: number;
  /** For how long there was no room, in milliseconds; `undefined` when that begins. */
  readonly ms: number | undefined;
}

const NO_CHANGE: readonly FlowChange[] = [];

const INITIAL_WINDOW_BYTES = 65_535;

/** What one side may send. */
interface Allowance {
  initialBytes: number;
  /** By stream; 0 is the connection. */
  readonly windows: Map<number, number>;
  /** When each stall began, in milliseconds. */
  readonly stalledAtMs: Map<number, number>;
}

/** Watches the windows of one connection. */
export class FlowWatch {
  readonly #now: () => number;
  readonly #allowances: Readonly<Record<Side, Allowance>> = { client: newAllowance(), server: newAllowance() };

  /** `now` is a clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * How much `from` may still send on a stream, or with 0 on the connection, in bytes; negative after the other side has taken
   * room back.
   */
  windowOf(from: Side, streamId: number): number {
    const { windows, initialBytes } = this.#allowances[from];
    return windows.get(streamId) ?? initialBytes;
  }

  /** A stream has been opened. */
  opened(streamId: number): void {
    for (const { windows, initialBytes } of Object.values(this.#allowances)) windows.set(streamId, initialBytes);
  }

  /** Takes note of a frame, whose payload was `payloadBytes` long. Gives the stalls that it began or ended. */
  seen(from: Side, frame: Frame, payloadBytes: number): readonly FlowChange[] {
    if (frame.type === "DATA") {
      // Padding counts, too.
      const isWholeWindow = this.#spend(from, 0, payloadBytes);
      const isWholeStream = this.#spend(from, frame.streamId, payloadBytes) && !frame.endsStream;
      if (!isWholeWindow && !isWholeStream) return NO_CHANGE;
      return [
        ...(isWholeStream ? [this.#stall(from, frame.streamId)] : []),
        ...(isWholeWindow ? [this.#stall(from, 0)] : []),
      ];
    }
    const other: Side = from === "client" ? "server" : "client";
    if (frame.type === "WINDOW_UPDATE") return this.#open(other, frame.streamId, frame.increment);
    if (frame.type === "SETTINGS") {
      const setting = frame.settings.find(({ name }) => name === "INITIAL_WINDOW_SIZE");
      return setting === undefined ? NO_CHANGE : this.#resize(other, setting.value);
    }
    return NO_CHANGE;
  }

  /** Forgets a stream that has ended. */
  forget(streamId: number): void {
    for (const { windows, stalledAtMs } of Object.values(this.#allowances)) {
      windows.delete(streamId);
      stalledAtMs.delete(streamId);
    }
  }

  /** Gives whether a stall begins with it. */
  #spend(from: Side, streamId: number, bytes: number): boolean {
    const { windows, stalledAtMs } = this.#allowances[from];
    const before = windows.get(streamId);
    if (before === undefined) return false;
    const left = before - bytes;
    windows.set(streamId, left);
    return left <= 0 && !stalledAtMs.has(streamId);
  }

  #stall(from: Side, streamId: number): FlowChange {
    this.#allowances[from].stalledAtMs.set(streamId, this.#now());
    return { from, streamId, ms: undefined };
  }

  #open(from: Side, streamId: number, bytes: number): readonly FlowChange[] {
    const { windows } = this.#allowances[from];
    const before = windows.get(streamId);
    if (before === undefined) return NO_CHANGE;
    const room = before + bytes;
    windows.set(streamId, room);
    const stall = room > 0 ? this.#endStall(from, streamId) : undefined;
    return stall === undefined ? NO_CHANGE : [stall];
  }

  /** "A receiver MUST adjust the size of all stream flow-control windows … by the difference". The connection's is not. */
  #resize(from: Side, bytes: number): FlowChange[] {
    const allowance = this.#allowances[from];
    const difference = bytes - allowance.initialBytes;
    allowance.initialBytes = bytes;
    const ended: FlowChange[] = [];
    for (const [streamId, left] of allowance.windows) {
      if (streamId === 0) continue;
      allowance.windows.set(streamId, left + difference);
      const stall = left + difference > 0 ? this.#endStall(from, streamId) : undefined;
      if (stall !== undefined) ended.push(stall);
    }
    return ended;
  }

  #endStall(from: Side, streamId: number): FlowChange | undefined {
    const { stalledAtMs } = this.#allowances[from];
    const sinceMs = stalledAtMs.get(streamId);
    if (sinceMs === undefined) return undefined;
    stalledAtMs.delete(streamId);
    return { from, streamId, ms: this.#now() - sinceMs };
  }
}

function newAllowance(): Allowance {
  return { initialBytes: INITIAL_WINDOW_BYTES, windows: new Map([[0, INITIAL_WINDOW_BYTES]]), stalledAtMs: new Map() };
}
