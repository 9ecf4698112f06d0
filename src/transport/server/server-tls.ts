/**
 * TLS of a server: what it is told, who its clients turn out to be, and the connections that come to nothing.
 *
 * Spec: RFC 9113 §3.2 (ALPN), §9.2 (no renegotiation); gRFC L35 (client certificates).
 * Laws: no handshake, however it fails, harms the server or leaves a socket behind; a certificate that was not verified is
 * nobody's.
 */
import type { Http2SecureServer, Http2Server } from "node:http2";
import type { SecureContextOptions, TlsOptions, TLSSocket } from "node:tls";
import { isTls } from "../peer.js";
import { checkTlsOptions, contextOptions, secureContext, type Pem, type TlsVersion } from "../tls.js";

/** How a server is encrypted, and which clients it takes. Everything in PEM. */
export interface ServerTls {
  /** The server's certificate, followed by those between it and its authority, if there are any. */
  readonly cert: Pem;
  /** Its private key. */
  readonly key: Pem;
  /** What opens the key, where it is encrypted. */
  readonly passphrase?: string | undefined;
  /** The authorities whose client certificates are taken. Without them clients are not asked for one. */
  readonly clientCa?: Pem | readonly Pem[] | undefined;
  /**
   * Whether a client must show a certificate. Default `"required"` where `clientCa` is given. With `"optional"` it may come
   * without; one that it shows must be good all the same.
   */
  readonly clientCertificate?: "required" | "optional" | undefined;
  /** The lowest version that is spoken. Default `"TLSv1.2"`, as HTTP/2 allows no earlier one. */
  readonly minVersion?: TlsVersion | undefined;
}

const NAMES = ["cert", "key", "passphrase", "clientCa", "clientCertificate", "minVersion"];

/**
 * A server's TLS, checked.
 *
 * @throws TypeError that names the part that is wrong.
 */
export function serverContext(tls: ServerTls): SecureContextOptions {
  checkTlsOptions(tls, NAMES);
  const { cert, key, passphrase, clientCa, clientCertificate, minVersion } = tls;
  if (cert === undefined || key === undefined) {
    throw new TypeError("Cannot use option tls of a Server as it must have both cert and key");
  }
  if (clientCertificate !== undefined && clientCertificate !== "required" && clientCertificate !== "optional") {
    throw new TypeError('Cannot use option tls.clientCertificate as it must be "required" or "optional"');
  }
  if (clientCertificate !== undefined && clientCa === undefined) {
    throw new TypeError("Cannot use option tls.clientCertificate as clientCa must say which authorities are trusted");
  }
  const options = contextOptions({ cert, key, passphrase, authorities: clientCa, minVersion }, "clientCa");
  secureContext(options);
  return options;
}

/**
 * The options of a listener. Of its time a handshake gets a half, and the HTTP/2 preface behind it the other: Node does not tell
 * which accepted socket a TLS one was made of, so that one clock cannot run for both.
 */
export function listenerTls(tls: ServerTls, handshakeTimeoutMs: number): TlsOptions {
  return {
    ...serverContext(tls),
    requestCert: tls.clientCa !== undefined,
    rejectUnauthorized: asks(tls) === "required",
    handshakeTimeout: Math.max(1, Math.floor(handshakeTimeoutMs / 2)),
  };
}

function asks(tls: ServerTls): "nobody" | "required" | "optional" {
  return tls.clientCa === undefined ? "nobody" : (tls.clientCertificate ?? "required");
}

/** @throws TypeError when `next` asks clients for something else than `now`: listeners cannot change that. */
export function checkSameDemand(now: ServerTls | undefined, next: ServerTls): void {
  if (now === undefined) throw new TypeError("Cannot update tls as the server was made without it");
  if (asks(now) === asks(next)) return;
  throw new TypeError(
    `Cannot update tls as what clients are asked for must stay the same: it was ${asks(now)}, it would be ${asks(next)}`,
  );
}

export function isSecure(listener: Http2Server | Http2SecureServer): listener is Http2SecureServer {
  return "setSecureContext" in listener;
}

/** Takes care of what never becomes a session. */
export function guardHandshakes(listener: Http2SecureServer): void {
  // A stranger's bytes, a client that trusts somebody else, one that left: nothing for the application to do.
  listener.on("tlsClientError", (_error, socket: TLSSocket) => socket.destroy());
  // "A connection without negotiated h2 is refused": with a listener, the socket is ours to close.
  listener.on("unknownProtocol", (socket: TLSSocket) => socket.destroy());
  listener.on("secureConnection", (socket: TLSSocket) => {
    // "A TLS renegotiation MUST be treated as a connection error." RFC 9113 §9.2.1
    socket.disableRenegotiation();
    // A session whose TLS has broken would wait for ever for its last bytes to leave.
    socket.on("error", () => socket.destroy());
  });
}

/** Whether a client showed a certificate that is no good, which Node lets in where none is required. */
export function showsBadCertificate(socket: unknown): boolean {
  return isTls(socket) && !socket.authorized && socket.getPeerX509Certificate() !== undefined;
}
