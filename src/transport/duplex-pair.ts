/**
 * Two duplex streams, each the other's far end: a connection without a network.
 *
 * Laws: a chunk is taken when its reader has room, and not before, so that back-pressure goes from end to end; ending one side leaves
 * the other open; a side that goes without a word ends what the other reads and fails what it writes, as a socket would.
 */
import { Duplex } from "node:stream";

/**
 * What an end holds for its reader: more than the window of a connection, 65,535 bytes here. While HTTP/2 writes it does not read, and two
 * sides that both write would wait for each other.
 */
const HELD_BYTES = 131_072;

type Done = (error?: Error | null) => void;

/** One end. It counts and resets as a socket does. */
export class PairedEnd extends Duplex {
  bytesRead = 0;
  bytesWritten = 0;
  readonly connecting = false;
  #far: PairedEnd | undefined;
  /** The far end's write, which waits until this one has room. */
  #waiting: Done | undefined;
  #ended = false;

  constructor() {
    super({ allowHalfOpen: true, autoDestroy: true, decodeStrings: true, readableHighWaterMark: HELD_BYTES });
  }

  /** Two ends of one connection. */
  static pair(): [PairedEnd, PairedEnd] {
    const near = new PairedEnd();
    const far = new PairedEnd();
    near.#far = far;
    far.#far = near;
    return [near, far];
  }

  /** Ends the connection as a machine that has lost it does: the far end fails with ECONNRESET, whatever was on its way. */
  resetAndDestroy(): this {
    const far = this.#far;
    this.#far = undefined;
    if (far !== undefined) {
      far.#far = undefined;
      far.destroy(connectionReset());
    }
    return this.destroy();
  }

  override _read(): void {
    const taken = this.#waiting;
    this.#waiting = undefined;
    taken?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    const far = this.#far;
    if (far === undefined || far.destroyed) {
      done(connectionReset("EPIPE"));
      return;
    }
    this.bytesWritten += chunk.length;
    // In another turn, as over a network: HTTP/2 at the far end would answer at once, and so read on this side while it still writes.
    setImmediate(() => far.#take(chunk, done));
  }

  #take(chunk: Buffer, done: Done): void {
    if (this.destroyed) {
      done(connectionReset());
      return;
    }
    this.bytesRead += chunk.length;
    if (this.push(chunk)) done();
    else this.#waiting = done;
  }

  override _final(done: Done): void {
    const far = this.#far;
    if (far !== undefined) setImmediate(() => far.#end());
    done();
  }

  #end(): void {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    this.push(null);
  }

  override _destroy(error: Error | null, done: Done): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(connectionReset());
    const far = this.#far;
    this.#far = undefined;
    if (far !== undefined) setImmediate(() => far.#end());
    done(error);
  }
}

function connectionReset(code: "ECONNRESET" | "EPIPE" = "ECONNRESET"): Error {
  const syscall = code === "EPIPE" ? "write" : "read";
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}
