/**
 * What both sides say about an RPC in flight.
 */

/** Who is at the other end of a connection. */
export interface Peer {
  /** `"127.0.0.1:50051"`, `"[::1]:50051"`, or `"unix:"` for a unix socket, whose clients have no address. */
  readonly address: string;
}
