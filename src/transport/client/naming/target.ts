/**
 * Targets: what a channel is told to connect to, taken apart.
 *
 * Spec: naming.md (Name Syntax); client_channel_specification.md (Target Names); RFC 3986 §3.
 * Laws: what names no known scheme is a name in the DNS; what cannot be used is refused when it is given, and the error says
 * how it is written.
 */
import { isIP, isIPv4, isIPv6 } from "node:net";
import { domainToASCII } from "node:url";
import { nearestName } from "../../../codec/nearest-name.js";
import { isLoopback, parseAddress, type Address } from "../../address.js";
import { serverNameOf } from "../connecting/authority.js";
import type { ResolverTarget } from "./resolver.js";

/** "Port defaults to 443." naming.md. */
export const DEFAULT_PORT = 443;
const DNS_PORT = 53;
const MAX_ECHO = 128;

/** A target, and what follows from it. */
export interface Target extends ResolverTarget {
  /** What `:authority` says, unless the channel is told another. */
  readonly serverName: string;
  /** Whether all of it is this machine. */
  readonly isLocal: boolean;
  /** Where it is, if the target says so itself; `undefined` for what must be looked up. */
  readonly addresses: readonly Address[] | undefined;
  /** The name to look up in the DNS, and its port. */
  readonly name: { readonly host: string; readonly port: number } | undefined;
  /** The DNS server to ask. Default: those of the system, with its file of hosts. */
  readonly dnsServer: { readonly host: string; readonly port: number } | undefined;
}

type Reader = (parts: Parts) => Pick<Target, "serverName" | "isLocal"> & Partial<Target>;

/** What stands between the marks of a target. */
interface Parts {
  readonly text: string;
  readonly authority: string;
  /** Without a slash in front, as it was written. */
  readonly path: string;
}

const NOTHING_ELSE = Object.freeze({
  defaultPort: DEFAULT_PORT,
  addresses: undefined,
  name: undefined,
  dnsServer: undefined,
});

/** The schemes that need no resolver of one's own. */
const READERS: Readonly<Record<string, Reader>> = {
  dns: readDns,
  ipv4: (parts) =>
    readList(parts, 'IPv4 addresses, "ipv4:10.0.0.1:50051,10.0.0.2"', (text) => !text.includes("["), isIPv4),
  ipv6: (parts) => readList(parts, 'IPv6 addresses, "ipv6:[::1]:50051,::2"', () => true, isIPv6),
  unix: ({ text }) => readSocket(text),
  "unix-abstract": ({ text }) => readSocket(text),
};

/** The names of the schemes that every channel knows. */
export const SCHEMES: readonly string[] = Object.keys(READERS);

/**
 * Takes a target apart. `schemes` are those that the channel has resolvers for; a list holds addresses.
 *
 * @throws TypeError when it cannot be used.
 */
export function parseTarget(target: string | readonly string[], schemes: readonly string[] = []): Target {
  if (Array.isArray(target)) return addressList(target as readonly unknown[]);
  if (typeof target !== "string" || target === "") throw refused(target, WANTED);
  const { scheme, authority, path: written } = split(target);
  // "If it does not parse, or no resolver has that scheme, prepend `dns:///`."
  const known = scheme !== undefined && (Object.hasOwn(READERS, scheme) || schemes.includes(scheme));
  const parts = known ? { text: target, authority, path: written } : { text: target, authority: "", path: target };
  const read = known && !schemes.includes(scheme) ? READERS[scheme] : undefined;
  try {
    const facts = known && read === undefined ? custom(parts) : (read ?? readDns)(parts);
    const path = unescaped(parts.path);
    return {
      ...NOTHING_ELSE,
      text: target,
      scheme: known ? scheme : "dns",
      authority: parts.authority,
      path,
      ...facts,
    };
  } catch (error) {
    if (known) throw error;
    throw refused(target, WANTED, hintFor(scheme, target, schemes));
  }
}

const WANTED = '"host:port", "dns:///host:port", "ipv4:…", "ipv6:…", "unix:path" or a list of addresses';

/** RFC 3986 §3: scheme ":" [ "//" authority ] path. A query or a fragment has no meaning in any scheme, and is part of the path. */
function split(text: string): { scheme: string | undefined; authority: string; path: string } {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/]*)(?=\/|$))?\/?(.*)$/s.exec(text);
  return { scheme: match?.[1]?.toLowerCase(), authority: match?.[2] ?? "", path: match?.[3] ?? "" };
}

function readDns({ text, authority, path }: Parts): ReturnType<Reader> {
  const { host, port } = hostPort(text, path);
  const dnsServer = authority === "" ? undefined : serverOf(text, authority);
  const address: Address = { kind: "tcp", host: asciiHost(text, host), port };
  const facts = { serverName: serverNameOf(path), isLocal: isLoopback(address), dnsServer };
  // "IP literals need no query", and neither does this machine when it is not named.
  return isIP(host.replace(/%.*$/, "")) !== 0 || host === ""
    ? { ...facts, addresses: [address] }
    : { ...facts, name: address };
}

function hostPort(text: string, path: string): { host: string; port: number } {
  let address: Address | undefined;
  try {
    address = parseAddress(unescaped(path), DEFAULT_PORT);
  } catch {
    // What was wanted is said below.
  }
  if (address?.kind === "tcp") return address;
  throw refused(text, '"dns:///host:port", "dns:///[IPv6]:port" or the same without a port');
}

/** "Internationalized names": what is asked of the DNS is ASCII. */
function asciiHost(text: string, host: string): string {
  if (host === "" || isIP(host.replace(/%.*$/, "")) !== 0) return host;
  const ascii = /^[\x21-\x7e]+$/.test(host) ? host : domainToASCII(host);
  if (/^(?=.{1,254}$)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/.test(ascii)) return ascii;
  throw refused(text, "the name of a host: letters, digits, hyphens and dots, or its international form");
}

function serverOf(text: string, authority: string): { host: string; port: number } {
  const server = /^\[|^[^:]*(?::\d+)?$/.test(authority) ? authority : `[${authority}]`;
  try {
    const { host, port } = hostPortOf(server);
    if (isIP(host) !== 0) return { host, port };
  } catch {
    // What was wanted is said below.
  }
  throw refused(
    text,
    '"dns://server/host" with the IP address of a DNS server, or "dns:///host" for that of the system',
  );
}

function hostPortOf(text: string): { host: string; port: number } {
  const address = parseAddress(text, DNS_PORT);
  return address.kind === "tcp" ? address : { host: "", port: 0 };
}

function readList(
  { text, authority, path }: Parts,
  wanted: string,
  mayBe: (text: string) => boolean,
  isLiteral: (host: string) => boolean,
): ReturnType<Reader> {
  if (authority !== "") throw refused(text, `a list of ${wanted}, without a server in front`);
  const addresses = path.split(",").map((item): Address => {
    try {
      const address = parseAddress(isIPv6(item) ? `[${item}]` : item, DEFAULT_PORT);
      if (mayBe(item) && address.kind === "tcp" && isLiteral(address.host)) return address;
    } catch {
      // What was wanted is said below.
    }
    throw refused(text, `a list of ${wanted}`);
  });
  const [first] = path.split(",") as [string];
  return { ...listFacts(addresses), serverName: serverNameOf(isIPv6(first) ? `[${first}]` : first) };
}

function readSocket(text: string): ReturnType<Reader> {
  return { serverName: "localhost", isLocal: true, addresses: [parseAddress(text)] };
}

/** What a resolver of one's own finds may be anywhere. */
function custom({ path }: Parts): ReturnType<Reader> {
  return { serverName: serverNameOf(path), isLocal: false };
}

/** Addresses one by one: servers that are all the same to the application. */
function addressList(items: readonly unknown[]): Target {
  const texts = items.map((item) => (typeof item === "string" ? item : String(typeof item)));
  if (texts.length === 0) throw refused("[]", "a list of at least one address");
  const addresses = items.map((item) => parseAddress(item as string, DEFAULT_PORT));
  const text = texts.join(",");
  const [first] = addresses as [Address];
  const serverName = first.kind === "unix" ? "localhost" : serverNameOf(texts[0] as string);
  return { ...NOTHING_ELSE, text, scheme: "list", authority: "", path: text, ...listFacts(addresses), serverName };
}

function listFacts(addresses: readonly Address[]): Pick<Target, "addresses" | "isLocal"> {
  return { addresses, isLocal: addresses.every(isLoopback) };
}

/** RFC 3986 §2.1. What is no escape stays, as the `%` in front of an IPv6 zone. */
function unescaped(path: string): string {
  return path.replace(/(?:%[0-9A-Fa-f]{2})+/g, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}

/** People paste URLs, and mistype schemes. */
function hintFor(scheme: string | undefined, text: string, schemes: readonly string[]): string {
  if (scheme === "http" || scheme === "https")
    return `; a channel has no ${scheme}: its option tls says whether it is encrypted`;
  // `host:port` with a port that is none is no scheme.
  if (scheme === undefined || !text.includes("/")) return "";
  const nearest = nearestName(scheme, [...SCHEMES, ...schemes]);
  const meant = nearest === undefined ? "option resolvers can have one" : `did you mean "${nearest}"?`;
  return `; no scheme "${scheme.slice(0, MAX_ECHO)}" is known: ${meant}`;
}

function refused(target: unknown, wanted: string, hint = ""): TypeError {
  const shown = typeof target === "string" ? JSON.stringify(target.slice(0, MAX_ECHO)) : typeof target;
  return new TypeError(`Cannot make a Channel as its target must be ${wanted}: current value is ${shown}${hint}`);
}
