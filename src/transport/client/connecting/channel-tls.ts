/**
 * TLS of a channel: what it is told, and how a connection is made of it.
 *
 * Spec: RFC 9113 §3.2 (ALPN), §9.2 (SNI, no renegotiation); RFC 6066 §3 (no IP address is sent as a name).
 * Laws: chain and name are always verified, and nothing switches that off, the environment included.
 */
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { checkServerIdentity, connect, TLSSocket, type SecureContext } from "node:tls";
import { domainToASCII } from "node:url";
import { checkTlsOptions, contextOptions, secureContext, type Pem, type TlsVersion } from "../../tls.js";
import { hostOf } from "./authority.js";

/** How a channel is encrypted, and which server it takes. Everything in PEM. */
export interface ChannelTls {
  /** The authorities that may have signed the server's certificate. Default: those that Node trusts. */
  readonly ca?: Pem | readonly Pem[] | undefined;
  /** The client's own certificate, followed by those between it and its authority, for servers that ask for one. */
  readonly cert?: Pem | undefined;
  /** Its private key. */
  readonly key?: Pem | undefined;
  /** What opens the key, where it is encrypted. */
  readonly passphrase?: string | undefined;
  /** The name that the certificate must be for, and that the server is asked for. Default: the host of the authority. */
  readonly serverName?: string | undefined;
  /** The lowest version that is spoken. Default `"TLSv1.2"`, as HTTP/2 allows no earlier one. */
  readonly minVersion?: TlsVersion | undefined;
}

const NAMES = ["ca", "cert", "key", "passphrase", "serverName", "minVersion"];

/** What every connection of a channel needs for TLS. */
export interface DialTls {
  /** What the certificate must be for: a host name or an IP address. */
  readonly serverName: string;
  readonly context: SecureContext;
  /** Whether there is a client certificate to show. */
  readonly showsCertificate: boolean;
}

/**
 * Reads the option `tls` of a channel: `true` is all defaults.
 *
 * @throws TypeError that names the part that is wrong.
 */
export function dialTlsOf(option: true | ChannelTls, authority: string): DialTls {
  const tls: ChannelTls = option === true ? {} : option;
  checkTlsOptions(tls, NAMES);
  const { ca, cert, key, passphrase, minVersion } = tls;
  const options = contextOptions({ cert, key, passphrase, authorities: ca, minVersion }, "ca");
  return {
    serverName: nameOf(tls.serverName, authority),
    context: secureContext(options),
    showsCertificate: cert !== undefined,
  };
}

function nameOf(serverName: unknown, authority: string): string {
  if (serverName !== undefined && (typeof serverName !== "string" || serverName === "")) {
    const shown = typeof serverName === "string" ? "an empty string" : typeof serverName;
    throw new TypeError(
      `Cannot use option tls.serverName as it must be a host name or an IP address: current value is ${shown}`,
    );
  }
  const name = serverName ?? hostOf(authority);
  const ascii = isIP(name) === 0 ? domainToASCII(name) : name;
  if (ascii !== "") return ascii;
  throw new TypeError(
    `Cannot use ${JSON.stringify(name.slice(0, 64))} as the name that the server's certificate must be for, as it is ` +
      `neither a host name nor an IP address: option tls.serverName says another`,
  );
}

/** Opens the socket. A certificate that is not good ends it with an error before a byte of HTTP/2 is sent. */
export function connectTls(
  where: { host: string; port: number } | { path: string } | { socket: Duplex },
  tls: DialTls,
): TLSSocket {
  const { serverName, context } = tls;
  const socket = connect({
    ...where,
    secureContext: context,
    ALPNProtocols: ["h2"],
    // "Literal IPv4 and IPv6 addresses are not permitted"; a name is sent without its final dot.
    servername: isIP(serverName) === 0 ? serverName.replace(/\.$/, "") : "",
    // Said outright, as an environment variable of Node's would otherwise switch it off.
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate),
  });
  socket.once("connect", () => socket.setNoDelay(true));
  socket.once("secureConnect", () => socket.disableRenegotiation());
  return socket;
}

/** Whether the peer of a connection may be spoken to as `authority`. Plaintext proves nothing of anybody. */
export function coversAuthority(socket: unknown, authority: string): boolean {
  if (!(socket instanceof TLSSocket)) return true;
  const certificate = socket.getPeerCertificate();
  // A socket that has just closed knows no certificate, and sends nothing either.
  // oxlint-disable-next-line typescript/no-unnecessary-condition -- the types do not know it
  if (certificate === null) return true;
  return checkServerIdentity(hostOf(authority), certificate) === undefined;
}
