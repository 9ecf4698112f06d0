/**
 * What both sides say about an RPC in flight.
 */
import type { X509Certificate } from "node:crypto";

/** Who is at the other end of a connection. */
export interface Peer {
  /** `"127.0.0.1:50051"`, `"[::1]:50051"`, or `"unix:"` where there is none: a unix socket's clients have no address. */
  readonly address: string;
  /** What TLS says of the connection; `undefined` for plaintext. */
  readonly tls?: PeerTls | undefined;
}

/** What TLS says of a connection. Read once, when it begins. */
export interface PeerTls {
  /** `"TLSv1.3"` or `"TLSv1.2"`. */
  readonly protocol: string;
  /** The cipher suite by OpenSSL's name, such as `"TLS_AES_128_GCM_SHA256"`. */
  readonly cipher: string;
  /** The name under which the client asked for the server (SNI), in its own words; `undefined` when it named none. */
  readonly serverName?: string | undefined;
  /** The peer's certificate: only one that was asked for, shown and verified. Who may do what is for the handler to decide. */
  readonly certificate: X509Certificate | undefined;
}
