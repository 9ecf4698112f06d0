/**
 * What to try against a server that has just started: commands that work as they stand.
 *
 * Laws: they fit where this file was started from; a word that a shell would take apart is quoted.
 */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Method, Service } from "../index.js";
import { sampleRequest } from "./sample-request.js";

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
  const reached = reachedAt(address);
  const flags = DEFAULT_ADDRESSES.includes(reached) ? [] : ["--addr", reached];
  if (tls !== undefined) flags.push("--tls", ...demoFlags(reached, tls));
  const command = isInstalled() ? "npx barewire demo" : "npm run demo --";
  const demos = ["route-guide", "orders", "orderer"].map((name) => `  ${command} ${shellWords(name, ...flags)}`);
  return [HEADING, ...demos, ...(tls === undefined ? [] : [grpcurlWithProto(reached, tls)])];
}

/** The same for a server of other services: a list of them, and a call of the first method. */
export function customThingsToTry(address: string, services: readonly Service[], tls?: TlsToTry): string[] {
  const reached = reachedAt(address);
  const [target, grpcurlFlags] = grpcurlTarget(reached, tls);
  const barewire = isInstalled() ? "npx barewire" : "npm run -s barewire --";
  const clientFlags = tls === undefined ? [] : ["--tls", ...demoFlags(reached, tls)];
  const lines = [
    `  grpcurl ${shellWords(...grpcurlFlags, ...target, "list")}`,
    `  ${barewire} list ${shellWords(reached, ...clientFlags)}`,
  ];
  const first = firstMethod(services);
  if (first === undefined) return [HEADING, ...lines];
  const request = sampleRequest(first.request);
  const data = request === undefined ? [] : ["-d", request];
  const path = first.path.slice(1);
  lines.push(`  grpcurl ${shellWords(...grpcurlFlags, ...data, ...target, path)}`);
  lines.push(`  ${barewire} call ${shellWords(reached, path, ...data, ...clientFlags)}`);
  return [HEADING, ...lines];
}

const HEADING = "things to try in another terminal:";

/** What listens on every address of the machine is reached at this one without a word about TLS. */
function reachedAt(address: string): string {
  return address.replace(/^(?:0\.0\.0\.0|\[::\]):/, "localhost:");
}

/** Whether the command comes from a package, and not from a checkout. */
function isInstalled(): boolean {
  return import.meta.url.includes("/node_modules/");
}

/** One that answers a single request at once, if there is one. */
function firstMethod([service]: readonly Service[]): Method | undefined {
  const methods = Object.values(service?.methods ?? {});
  return methods.find(({ kind }) => kind === "unary") ?? methods[0];
}

function demoFlags(reached: string, tls: TlsToTry): string[] {
  const { caFile, name } = verification(reached, tls);
  return [
    ...(caFile === undefined ? [] : ["--ca-file", caFile]),
    ...(name === undefined ? [] : ["--server-host-override", name]),
    ...(tls.wantsClientCertificate ? ["--cert-file", "YOURS.pem", "--key-file", "YOUR-KEY.pem"] : []),
  ];
}

/** By the file, as one who has that need not ask the server. */
function grpcurlWithProto(reached: string, tls: TlsToTry): string {
  const [target, flags] = grpcurlTarget(reached, tls);
  const protos = relative(process.cwd(), fileURLToPath(new URL("../../proto", import.meta.url)));
  const data = '{"latitude": 409146138, "longitude": -746188906}';
  const all = [...flags, "-import-path", protos, "-proto", "route_guide.proto", "-d", data];
  return `  grpcurl ${shellWords(...all, ...target, "routeguide.RouteGuide/GetFeature")}`;
}

/** What grpcurl calls the server, and the flags it needs to reach it. */
function grpcurlTarget(reached: string, tls: TlsToTry | undefined): [target: string[], flags: string[]] {
  const path = reached.startsWith("unix:") ? reached.slice("unix:".length) : undefined;
  const target = path === undefined ? [reached] : ["-unix", path];
  if (tls === undefined) return [target, ["-plaintext"]];
  const { caFile, name } = verification(reached, tls);
  // A path is no name that could be verified.
  const authority = name ?? (path === undefined ? undefined : "localhost");
  const flags = [
    ...(caFile === undefined ? [] : ["-cacert", caFile]),
    ...(authority === undefined ? [] : ["-authority", authority]),
    ...(tls.wantsClientCertificate ? ["-cert", "YOURS.pem", "-key", "YOUR-KEY.pem"] : []),
  ];
  return [target, flags];
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
