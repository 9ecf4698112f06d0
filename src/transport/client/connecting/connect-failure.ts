/**
 * Why a connection never became ready, in one sentence, and what may help.
 *
 * Laws: the sentence names no address and no host, as a handler may pass it on to its own client; those stand in the hint,
 * which stays here. What the peer said is cut and escaped.
 */
import type { Duplex } from "node:stream";
import type { PeerCertificate, TLSSocket } from "node:tls";
import type { AttemptPhase, FailedAttempt } from "../../../codec/failure-report.js";
import { Code, StatusError } from "../../../codec/status.js";
import { formatAddress, type Address } from "../../address.js";
import { reasonOf } from "../../tls.js";
import type { DialTls } from "./channel-tls.js";
import { ProxyError } from "./proxy-connect.js";

/**
 * How far connecting had come: finding the address, the TCP connection, the proxy's tunnel, the TLS handshake, the server's first
 * SETTINGS; and what the server says of its own health, or calls of it.
 */
export type ConnectPhase = Exclude<AttemptPhase, "stream">;

/** Why, and what may help. */
export interface FailureReason {
  /** The text of the status. */
  readonly text: string;
  /** Goes with the address into the error's hint. */
  readonly hint: string;
  /** What Node said, if it did. */
  readonly cause?: unknown;
}

/** One attempt to connect that came to nothing. */
export interface ConnectFailure extends FailureReason {
  /** Where to; `undefined` when no address was found at all. */
  readonly address: Address | undefined;
  readonly phase: ConnectPhase;
}

/** How many addresses an error names. */
const MAX_NAMED = 4;
/** How many it lists. */
export const MAX_TOLD = 64;

/** The status of calls that cannot be connected: the last failure says why, and the hint has each address's own. */
export function unavailable(last: ConnectFailure, all: readonly ConnectFailure[] = [last]): StatusError {
  // Where the server is stays out of the status: a handler that passes it on would tell its own client.
  const hints = all
    .slice(0, MAX_NAMED)
    .map(({ address, hint }) => (address === undefined ? hint : `${formatAddress(address)}: ${hint}`));
  const more = all.length > MAX_NAMED ? `; and ${all.length - MAX_NAMED} more addresses` : "";
  const hint = hints.join("; ") + more;
  const attempts = all.slice(0, MAX_TOLD).map(failedAttempt);
  return new StatusError(Code.UNAVAILABLE, last.text, { hint, attempts, cause: last.cause });
}

/** The same, as the error of a call lists it. */
export function failedAttempt({ address, phase, text, hint }: ConnectFailure): FailedAttempt {
  return { address: address === undefined ? undefined : formatAddress(address), phase, reason: text, hint };
}

const MAX_ECHO = 256;

const UNTRUSTED = "the server's certificate is not signed by a trusted authority";
const NO_TLS = "the peer does not speak TLS";
const NO_HTTP2 = "the peer does not speak HTTP/2";
const NO_VERSION = "client and server have no TLS version in common";
const WANTS_CERTIFICATE = "the server wants a client certificate";
const REFUSES_CERTIFICATE = "the server does not accept the client certificate";

/** What OpenSSL and Node call the failures that a person can do something about. */
const KNOWN: readonly (readonly [codes: RegExp, text: string, hint: string])[] = [
  [
    /^(?:DEPTH_ZERO_)?SELF_SIGNED_CERT|^UNABLE_TO_(?:GET_ISSUER|VERIFY_LEAF)|^(?:CERT_UNTRUSTED|INVALID_CA|CERT_CHAIN_TOO_LONG|CERT_SIGNATURE_FAILURE|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|CERT_REJECTED)$/,
    UNTRUSTED,
    "the certificate of its authority belongs into option tls.ca",
  ],
  [/ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/, NO_VERSION, "option minVersion of one side is beyond the other"],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/, NO_TLS, "`tls: false` says that plaintext is meant"],
  [/NO_APPLICATION_PROTOCOL/, NO_HTTP2, "it took no ALPN protocol h2"],
  [/CERTIFICATE_REQUIRED/, WANTS_CERTIFICATE, "options tls.cert and tls.key are for it"],
  [
    /ALERT_(?:UNKNOWN_CA|(?:BAD_)?CERTIFICATE_?\w*|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)/,
    REFUSES_CERTIFICATE,
    "its authority is not one the server trusts, or it is not valid now",
  ],
];

/** What may help where the network or the system says no. */
const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "is the server running, and is this where it listens?",
  ENOENT: "there is no such socket: is the server running?",
  EACCES: "this process may not use it",
  ETIMEDOUT: "nothing answers there: does a firewall drop it?",
  EHOSTUNREACH: "no way leads there from this machine",
  ENETUNREACH: "no way leads there from this machine",
  ENOTFOUND: "is the name spelled right?",
};

/** What the socket knows of the peer's certificate must be asked before the verification, as a failure closes it. */
const certificates = new WeakMap<Duplex, PeerCertificate>();

/** Remembers what a TLS peer shows, so that a refusal can say what was wrong with it. */
export function noteCertificate(socket: TLSSocket): void {
  // Not documented: with no such event an error says less, and nothing else changes.
  socket.prependOnceListener("secure", () => certificates.set(socket, socket.getPeerCertificate()));
}

/** The failure that an error of the socket or of the session means. */
export function connectFailure(
  error: NodeJS.ErrnoException,
  socket: Duplex | undefined,
  tls: DialTls | undefined,
): FailureReason {
  return { ...reasonFor(error, socket, tls), cause: error };
}

function reasonFor(error: NodeJS.ErrnoException, socket: Duplex | undefined, tls: DialTls | undefined): FailureReason {
  if (error instanceof ProxyError) return { text: error.text, hint: error.hint };
  const { code = "" } = error;
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") return notNow(code, certificateOf(socket));
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return wrongName(certificateOf(socket), tls);
  // The one alert of TLS 1.2 that says nothing: a client certificate is what is missing most often.
  if (/ALERT_HANDSHAKE_FAILURE/.test(code) && tls !== undefined) return handshakeRefused(tls);
  const known = KNOWN.find(([codes]) => codes.test(code));
  if (known !== undefined) return { text: known[1], hint: `${reasonOf(error)}; ${known[2]}` };
  if (code === "ERR_HTTP2_ERROR") {
    return { text: NO_HTTP2, hint: `${error.message}; its answer was something else, such as HTTP/1.1` };
  }
  if (code === "ECONNRESET" || code === "EPIPE") return closedEarly(tls, socket, reasonOf(error));
  const advice = ADVICE[code];
  const hint = advice === undefined ? reasonOf(error) : `${reasonOf(error)}; ${advice}`;
  return { text: "cannot connect to the server", hint };
}

/** "A connection without negotiated h2 is refused": Node itself goes on without. */
export function withoutHttp2(socket: TLSSocket): FailureReason | undefined {
  if (socket.alpnProtocol === "h2") return undefined;
  return { text: NO_HTTP2, hint: "TLS is fine, but it chose no ALPN protocol h2" };
}

/** The peer has closed the connection before its SETTINGS, and said nothing. */
export function closedEarly(tls: DialTls | undefined, socket: Duplex | undefined, reason: string): FailureReason {
  const text = "the server closed the connection before it was ready";
  if (tls === undefined) return { text, hint: `${reason}; it may want TLS: option tls` };
  if (!isEstablished(socket)) return { text, hint: `${reason}; it may not speak TLS, or not accept what it was shown` };
  const wish = tls.showsCertificate
    ? "it may not accept the client certificate"
    : "it may want a client certificate: options tls.cert and tls.key";
  return { text, hint: `${reason}; ${wish}` };
}

function isEstablished(socket: Duplex | undefined): boolean {
  return certificateOf(socket) !== undefined;
}

function certificateOf(socket: Duplex | undefined): PeerCertificate | undefined {
  return socket === undefined ? undefined : certificates.get(socket);
}

function handshakeRefused(tls: DialTls): FailureReason {
  if (tls.showsCertificate) {
    return {
      text: "the server refused the TLS handshake",
      hint: "no cipher suite in common, or the client certificate",
    };
  }
  return { text: WANTS_CERTIFICATE, hint: "or no cipher suite is in common; options tls.cert and tls.key are for it" };
}

function wrongName(certificate: PeerCertificate | undefined, tls: DialTls | undefined): FailureReason {
  const names = certificate?.subjectaltname ?? "none";
  const wanted = echo(tls?.serverName ?? "");
  return {
    text: "the server's certificate is for another name",
    hint: `wanted "${wanted}", the certificate has ${echo(names)}; options authority and tls.serverName say what is expected`,
  };
}

/** A certificate above the server's own may be the one; then these dates are not the reason, and are not told. */
function notNow(code: string, certificate: PeerCertificate | undefined): FailureReason {
  const expired = code === "CERT_HAS_EXPIRED";
  const text = expired ? "the server's certificate has expired" : "the server's certificate is not valid yet";
  const from = new Date(certificate?.valid_from ?? Number.NaN);
  const to = new Date(certificate?.valid_to ?? Number.NaN);
  const isIts = expired ? to.getTime() < Date.now() : from.getTime() > Date.now();
  if (!isIts) return { text, hint: "or one of those above it; is this machine's clock right?" };
  const dates = `valid from ${from.toISOString()} to ${to.toISOString()}`;
  return { text: `${text}: it is ${dates}`, hint: `it is ${new Date().toISOString()} here` };
}

function echo(text: string): string {
  const cut = text.length > MAX_ECHO ? `${text.slice(0, MAX_ECHO)}…` : text;
  return cut.replace(/[^\x20-\x7e…]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
