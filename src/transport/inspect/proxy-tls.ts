/**
 * TLS on both sides of the proxy: ended towards clients, and begun anew towards the server.
 *
 * Spec: RFC 9113 §3.2 (ALPN), §9.2; RFC 8446 §6 (alerts).
 * Laws: the server's certificate is always verified; what goes wrong in a handshake is said in words.
 */
import { isIP } from "node:net";
import {
  checkServerIdentity,
  connect,
  type ConnectionOptions,
  createServer,
  type Server,
  type TLSSocket,
} from "node:tls";
import type { Address } from "../address.js";
import { contextOptions, type Pem, secureContext } from "../tls.js";

/** What a proxy needs for TLS, in PEM. */
export interface ProxyTls {
  /** What clients are shown, and its key. */
  readonly cert: Pem;
  readonly key: Pem;
  /** The authorities that may have signed the server's certificate. Default: those that Node trusts. */
  readonly ca?: Pem | undefined;
  /** The name that the server's certificate must be for, and that it is asked for. Default: its host. */
  readonly serverName?: string | undefined;
}

const ALPN = ["h2"];
/** Each side has this long to shake hands, in milliseconds. */
const HANDSHAKE_TIMEOUT_MS = 20_000;

/** A server that has shaken hands with whom it tells of. @throws TypeError when certificate and key are no good. */
export function listenWithTls({ cert, key }: ProxyTls): Server {
  const server = createServer({
    ...contextOptions({ cert, key }, "ca"),
    noDelay: true,
    ALPNProtocols: ALPN,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  });
  // Not before: who leaves in the middle of a handshake would only be noticed when its time is over.
  server.prependListener("secureConnection", (socket) => (socket.allowHalfOpen = true));
  return server;
}

/** A connection to the server; `secureConnect` says when it is good. */
export function dialWithTls(remote: Address, tls: ProxyTls): TLSSocket {
  const isTcp = remote.kind === "tcp";
  const { ca, serverName = isTcp ? remote.host : "localhost" } = tls;
  const options: ConnectionOptions & { readonly allowHalfOpen: boolean } = {
    ...(isTcp ? { host: remote.host, port: remote.port } : { path: remote.path }),
    secureContext: secureContext(contextOptions({ authorities: ca }, "ca")),
    // Node knows it, its types do not.
    allowHalfOpen: true,
    ALPNProtocols: ALPN,
    // "Literal IPv4 and IPv6 addresses are not permitted."
    servername: isIP(serverName) === 0 ? serverName : "",
    // Said outright, as an environment variable of Node's would otherwise switch it off.
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate),
  };
  const socket = connect(options);
  socket.once("connect", () => socket.setNoDelay(true));
  const tooSlow = `no TLS handshake in ${HANDSHAKE_TIMEOUT_MS / 1000} s`;
  socket.setTimeout(HANDSHAKE_TIMEOUT_MS, () => socket.destroy(new Error(tooSlow)));
  socket.once("secureConnect", () => socket.setTimeout(0));
  return socket;
}

const NOT_TRUSTED = "its certificate is signed by nobody who is trusted here";
const DOES_NOT_TRUST = "it does not trust the certificate that it was shown";
const NO_TLS = "what it says is no TLS";

const WORDS: ReadonlyMap<unknown, string> = new Map([
  ["SELF_SIGNED_CERT_IN_CHAIN", NOT_TRUSTED],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", NOT_TRUSTED],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", NOT_TRUSTED],
  ["UNABLE_TO_GET_ISSUER_CERT", NOT_TRUSTED],
  ["CERT_SIGNATURE_FAILURE", NOT_TRUSTED],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", NOT_TRUSTED],
  ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", DOES_NOT_TRUST],
  ["ERR_SSL_SSL/TLS_ALERT_UNKNOWN_CA", DOES_NOT_TRUST],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN", DOES_NOT_TRUST],
  ["ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN", DOES_NOT_TRUST],
  ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", DOES_NOT_TRUST],
  ["ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE", DOES_NOT_TRUST],
  ["ERR_SSL_WRONG_VERSION_NUMBER", NO_TLS],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", NO_TLS],
  ["ERR_SSL_HTTP_REQUEST", NO_TLS],
  ["ERR_SSL_UNEXPECTED_MESSAGE", NO_TLS],
  ["ERR_SSL_NO_APPLICATION_PROTOCOL", "it does not offer HTTP/2 (h2)"],
  ["ERR_TLS_HANDSHAKE_TIMEOUT", "it was too slow"],
]);

/** What a failed handshake means; `undefined` when it is not known. */
export function handshakeWords(error: Error): string | undefined {
  return WORDS.get((error as NodeJS.ErrnoException).code);
}
