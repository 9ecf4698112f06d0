/**
 * What to try against a server that has just started: commands that work as they stand.
 *
 * Laws: they fit where this file was started from; a word that a shell would take apart is quoted.
 */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** What a client needs to know of a server with TLS. */
export interface TlsToTry {
  /** The server's certificate, in PEM. */
  readonly cert: string;
  /** The file with what a client is to trust; `undefined` when the system's authorities have signed the certificate. */
  readonly caFile: string | undefined;
  /** Whether the server wants a certificate of the client, too. */
  readonly wantsClientCertificate: boolean;
}

const DEFAULT_ADDRESSES: readonly string[] = ["127.0.0.1:50051", "localhost:50051"];

/** The lines to print. `address` is what `Server.listen` gave. */
export function thingsToTry(address: string, tls?: TlsToTry): string[] {
  // What listens on every address of the machine is reached at this one without a word about TLS.
  const reached = address.replace(/^(?:0\.0\.0\.0|\[::\]):/, "localhost:");
  const flags = DEFAULT_ADDRESSES.includes(reached) ? [] : ["--addr", reached];
  if (tls !== undefined) flags.push("--tls", ...demoFlags(reached, tls));
  const command = import.meta.url.includes("/node_modules/") ? "npx barewire demo" : "npm run demo --";
  const demos = ["route-guide", "orders", "orderer"].map((name) => `  ${command} ${shellWords(name, ...flags)}`);
  return ["things to try in another terminal:", ...demos, ...(tls === undefined ? [] : [grpcurl(reached, tls)])];
}

function demoFlags(reached: string, tls: TlsToTry): string[] {
  const { caFile, name } = verification(reached, tls);
  return [
    ...(caFile === undefined ? [] : ["--ca-file", caFile]),
    ...(name === undefined ? [] : ["--server-host-override", name]),
    ...(tls.wantsClientCertificate ? ["--cert-file", "YOURS.pem", "--key-file", "YOUR-KEY.pem"] : []),
  ];
}

function grpcurl(reached: string, tls: TlsToTry): string {
  const { caFile, name } = verification(reached, tls);
  const path = reached.startsWith("unix:") ? reached.slice("unix:".length) : undefined;
  // A path is no name that could be verified.
  const authority = name ?? (path === undefined ? undefined : "localhost");
  const flags = [
    ...(caFile === undefined ? [] : ["-cacert", caFile]),
    ...(authority === undefined ? [] : ["-authority", authority]),
    ...(tls.wantsClientCertificate ? ["-cert", "YOURS.pem", "-key", "YOUR-KEY.pem"] : []),
  ];
  const protos = relative(process.cwd(), fileURLToPath(new URL("../../proto", import.meta.url)));
  flags.push("-import-path", protos, "-proto", "route_guide.proto");
  flags.push("-d", '{"latitude": 409146138, "longitude": -746188906}', ...(path === undefined ? [] : ["-unix"]));
  return `  grpcurl ${shellWords(...flags, path ?? reached, "routeguide.RouteGuide/GetFeature")}`;
}

/** What a client must be told before it believes a server: an authority the system does not know, and another name. */
function verification(reached: string, tls: TlsToTry): { caFile: string | undefined; name: string | undefined } {
  const certificate = new X509Certificate(tls.cert);
  return { caFile: tls.caFile, name: nameToAskFor(certificate, reached) };
}

/** A name the certificate is for, when it is not for the host that is connected to. */
function nameToAskFor(certificate: X509Certificate, reached: string): string | undefined {
  // "localhost" is what a client calls the other end of a unix socket.
  const host = reached.startsWith("unix:") ? "localhost" : reached.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  const covered = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  if (covered !== undefined) return undefined;
  return /\bDNS:([\w.*-]+)/.exec(certificate.subjectAltName ?? "")?.[1]?.replace("*", "any");
}

/** Words as a POSIX shell takes them. */
function shellWords(...words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`))
    .join(" ");
}
