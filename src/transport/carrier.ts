/**
 * What carries a connection: a socket, or a stand-in for a stream that is none.
 *
 * Laws: Node's HTTP/2 ends the process when such a stream hands it bytes while it writes, or closes its side while there is something
 * to write, and nobody can catch that; the stand-in hands over in turns of its own and is gone when its peer is; what becomes of the
 * one becomes of the other.
 */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { PairedEnd } from "./duplex-pair.js";

export type Carrier = Socket | PairedEnd;

/** What HTTP/2 or TLS may be given in place of a stream. */
export function carrierOf(stream: Duplex): Carrier {
  if (stream instanceof Socket) return stream;
  const carrier = stream instanceof PairedEnd ? stream : standInFor(stream);
  // A peer that has closed its side wants no more, as with sockets.
  carrier.once("end", () => carrier.destroy());
  return carrier;
}

function standInFor(stream: Duplex): PairedEnd {
  const [carrier, far] = PairedEnd.pair();
  stream.on("error", (error) => carrier.destroy(error));
  stream.on("close", () => far.end());
  far.on("error", () => undefined);
  far.once("end", () => {
    if (stream.destroyed) return;
    stream.end(() => stream.destroy());
  });
  stream.pipe(far);
  far.pipe(stream, { end: false });
  return carrier;
}
