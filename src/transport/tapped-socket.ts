/**
 * What HTTP/2 is given in place of a stream that somebody looks at.
 *
 * Laws: bytes pass unchanged, in their order, and no faster than the slowest takes them; what becomes of the one becomes of the other;
 * a stream is not left behind when its session has gone, whatever its peer does.
 * Node's HTTP/2 reads a socket below JavaScript, where nothing can be seen. Over a stream of JavaScript's it behaves in other ways:
 * a response's messages may come before its headers, and a last GOAWAY be lost. So it gets a socket of the system's all the same, and
 * what is looked at is the way from there to the stream.
 */
import type { Socket } from "node:net";
import { Transform, type Duplex, type TransformCallback } from "node:stream";
import type { Carrier } from "./carrier.js";
import { socketPair } from "./socket-pair.js";
import { endsOf, listenAtTap, type TapListener, type TapPoint, type TapSide } from "./tap.js";

/** When one end has gone, what it said last gets this long to come to the other. */
const LAST_BYTES_MS = 1000;

/**
 * Has `begin` get what HTTP/2 is to be spoken on: `stream` itself, at once, when nobody wants to look; else a stand-in, when there is a way
 * to the other end, and never when there will be none.
 */
export function throughTap(stream: Carrier, point: TapPoint | undefined, begin: (carrier: Carrier) => void): void {
  const listener = point === undefined ? undefined : listenAtTap(point);
  if (point === undefined || listener === undefined) {
    begin(stream);
    return;
  }
  let failure: Error | undefined;
  stream.on("error", (error) => (failure ??= error));
  stream.once("close", () => listener.closed(failure));
  whenOpen(stream, () => {
    if (!stream.destroyed) void beginOn(standIn(stream, point, listener), begin);
  });
}

async function beginOn(opening: Promise<Carrier | undefined>, begin: (carrier: Carrier) => void): Promise<void> {
  const carrier = await opening;
  if (carrier !== undefined) begin(carrier);
}

/** The stand-in; the stream itself where there can be none, and nothing when it has gone. */
async function standIn(stream: Carrier, point: TapPoint, listener: TapListener): Promise<Carrier | undefined> {
  let pair: readonly [Socket, Socket];
  try {
    pair = await socketPair();
  } catch (error) {
    point.failed(error);
    return stream.destroyed ? undefined : stream;
  }
  const [near, far] = pair;
  if (stream.destroyed) {
    near.destroy();
    far.destroy();
    return undefined;
  }
  const { local, remote } = endsOf(stream);
  listener.opened(local, remote);
  join(stream, far, { side: point.side, listener });
  near.once("close", () => destroySoon(stream));
  // A session that does not read, as its writes wait, would never learn of it.
  stream.once("close", () => destroySoon(near));
  // Whether the process has something to live for is said of what the session has.
  far.unref();
  if (point.side === "client") unref(stream);
  return near;
}

function join(
  stream: Carrier,
  far: Socket,
  { side, listener }: { readonly side: TapSide; readonly listener: TapListener },
): void {
  const other = side === "client" ? "server" : "client";
  far.on("error", () => undefined);
  const gone = (): void => {
    if (stream.errored !== null) far.resetAndDestroy();
    else if (!stream.readableEnded) far.destroy();
  };
  stream.once("close", gone);
  stream.pipe(new Shown(other, listener)).pipe(far);
  const written = far.pipe(new Shown(side, listener));
  written.pipe(stream);
  // Most sockets end their own side with their peer's: what is written from then on would fail, and say nothing of why.
  if (!stream.allowHalfOpen) stream.once("end", () => written.unpipe(stream).resume());
}

/** Passes on what it shows, and waits where it is told to. */
class Shown extends Transform {
  readonly #from: TapSide;
  readonly #listener: TapListener;

  constructor(from: TapSide, listener: TapListener) {
    super();
    this.#from = from;
    this.#listener = listener;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const held = this.#listener.bytes(this.#from, chunk);
    if (held === undefined) done(null, chunk);
    else void passWhen(held, () => done(null, chunk));
  }

  override _flush(done: TransformCallback): void {
    this.#listener.halfClosed(this.#from);
    done();
  }
}

async function passWhen(ready: Promise<void>, pass: () => void): Promise<void> {
  await ready;
  pass();
}

/** The other end has gone. Whatever comes is read and dropped, or the system would answer with a reset, before the last bytes. */
function destroySoon(end: Carrier): void {
  if (end.destroyed) return;
  if (end.readableFlowing !== null) end.unpipe().resume();
  const timer = setTimeout(() => end.destroy(), LAST_BYTES_MS);
  end.once("close", () => clearTimeout(timer));
}

function whenOpen(stream: Duplex, open: () => void): void {
  if (isSecuring(stream)) stream.once("secureConnect", open);
  else if ((stream as { readonly connecting?: boolean }).connecting === true) stream.once("connect", open);
  else open();
}

/** Whether it is a client's TLS socket that has not shaken hands yet. */
function isSecuring(stream: Duplex): boolean {
  return (stream as { readonly secureConnecting?: boolean }).secureConnecting === true;
}

function unref(stream: Duplex): void {
  (stream as Partial<Pick<Socket, "unref">>).unref?.();
}
