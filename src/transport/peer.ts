/**
 * Who is at the other end of a socket.
 */
import { TLSSocket } from "node:tls";
import { formatHostPort } from "./address.js";
import type { Peer, PeerTls } from "./call.js";

/** What a socket may say. A linked pair within one process has no address. */
interface PeerSocket {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** Who is at the other end. To be read while the socket is open: one that has closed knows nothing any more. */
export function peerOf(socket: object): Peer {
  const { remoteAddress, remotePort }: PeerSocket = socket;
  const address = remoteAddress === undefined ? "unix:" : formatHostPort(remoteAddress, remotePort ?? 0);
  return Object.freeze(isTls(socket) ? { address, tls: tlsOf(socket) } : { address });
}

/** What a session gives out in place of its socket is of the socket's class. */
export function isTls(socket: unknown): socket is TLSSocket {
  return socket instanceof TLSSocket;
}

function tlsOf(socket: TLSSocket): PeerTls {
  // `false` is what Node says of a client that named no server.
  const { servername } = socket as { readonly servername?: string | false | null };
  return Object.freeze({
    protocol: socket.getProtocol() ?? "",
    cipher: socket.getCipher().name,
    serverName: typeof servername === "string" && servername !== "" ? servername : undefined,
    certificate: socket.authorized ? socket.getPeerX509Certificate() : undefined,
  });
}
