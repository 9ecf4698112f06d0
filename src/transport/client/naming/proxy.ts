/**
 * Proxies: which connections go through one, and through which.
 *
 * Spec: gRFC A1; the variables `grpc_proxy`, `https_proxy`, `http_proxy` and `no_proxy`, as curl and grpc-js read them.
 * Laws: what stays on this machine never goes through a proxy; what a proxy's URL holds is never repeated, as it may hold a
 * password.
 */
import { BlockList, isIP, isIPv4 } from "node:net";
import { isLoopback, type Address } from "../../address.js";
import type { Proxy, Routes } from "../connecting/proxy-connect.js";
import type { Target } from "./target.js";

/** Variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_PROXY_PORT = 80;
/** The first that is set counts. Not `HTTP_PROXY`: where a process answers a web server by CGI, whoever asks may set that. */
const PROXY_VARIABLES = ["grpc_proxy", "https_proxy", "HTTPS_PROXY", "http_proxy"];
const NO_PROXY_VARIABLES = ["no_grpc_proxy", "no_proxy", "NO_PROXY"];

/**
 * Reads the option `proxy` of a channel: the URL of one, `false` for none, `undefined` for what the environment says.
 *
 * @throws TypeError for an option, or a variable that counts here, which is no URL of a proxy.
 */
export function routesTo(target: Target, option: unknown, environment: Environment): Routes {
  const chosen = chooser(option, environment);
  if (target.name !== undefined) {
    // Whether the name goes through it decides for all that is found behind the name.
    const proxy = chosen(target.name.host, target.name.port);
    return () => proxy;
  }
  const known = new Map((target.addresses ?? []).map((address) => [keyOf(address), proxyOf(address, chosen)]));
  // What a resolver of one's own finds is dialled as it says.
  return (address) => known.get(keyOf(address));
}

type Chooser = (host: string, port: number) => Proxy | undefined;

function keyOf(address: Address): string {
  return address.kind === "unix" ? address.path : `${address.host} ${address.port}`;
}

function proxyOf(address: Address, chosen: Chooser): Proxy | undefined {
  return address.kind === "unix" ? undefined : chosen(address.host, address.port);
}

function chooser(option: unknown, environment: Environment): Chooser {
  if (option === false) return () => undefined;
  if (option !== undefined) {
    if (typeof option !== "string") {
      throw new TypeError(`Cannot use option proxy as it must be false or a URL: current value is ${typeof option}`);
    }
    const proxy = parseProxy(option, "option proxy");
    return (host, port) => (isHere(host, port) ? undefined : proxy);
  }
  const variable = PROXY_VARIABLES.find((name) => (environment[name] ?? "") !== "");
  if (variable === undefined) return () => undefined;
  const excepted = exceptions(NO_PROXY_VARIABLES.map((name) => environment[name]).find((value) => value));
  return (host, port) => {
    if (isHere(host, port) || excepted(host, port)) return undefined;
    return parseProxy(environment[variable] as string, `the environment variable ${variable}`);
  };
}

function isHere(host: string, port: number): boolean {
  return isLoopback({ kind: "tcp", host: host.replace(/\.$/, ""), port });
}

/** @throws TypeError without the text itself: not even the reason that Node has, which repeats it. */
function parseProxy(text: string, of: string): Proxy {
  const url = parsedUrl(text);
  const wanted = 'it must be "http://host:port", with "user:password@" in front of the host if need be';
  const unless = of === "option proxy" ? "" : "; option proxy of the channel overrides it, and false means none";
  if (url === undefined) throw new TypeError(`Cannot use ${of} as ${wanted}${unless}`);
  if (url.protocol !== "http:") {
    throw new TypeError(`Cannot use ${of} as ${wanted}: its scheme is "${url.protocol.slice(0, -1)}"${unless}`);
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? DEFAULT_PROXY_PORT : Number(url.port),
    authorization: authorizationOf(url),
  };
}

/** `host:port` alone is taken as well, as by curl. */
function parsedUrl(text: string): URL | undefined {
  const url = text.includes("://") ? text : `http://${text}`;
  return URL.canParse(url) ? new URL(url) : undefined;
}

/** RFC 7617. */
function authorizationOf(url: URL): string | undefined {
  if (url.username === "" && url.password === "") return undefined;
  const pair = `${decoded(url.username)}:${decoded(url.password)}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Whether a list as in `no_proxy` has a host: `*`, a domain with all below it, an address, a block of them, each with or without a port. */
function exceptions(list: string | undefined): (host: string, port: number) => boolean {
  const entries = (list ?? "").split(/[\s,]+/).map(exception);
  return (host, port) => {
    const name = host.replace(/\.$/, "").replace(/%.*$/, "").toLowerCase();
    return entries.some((entry) => (entry.port === undefined || entry.port === port) && entry.has(name));
  };
}

interface Exception {
  readonly has: (name: string) => boolean;
  readonly port: number | undefined;
}

function exception(entry: string): Exception {
  if (entry === "*") return { has: () => true, port: undefined };
  const bare = isIP(entry) !== 0;
  const match = bare ? null : /^(.*?):(\d{1,5})$/.exec(entry);
  const text = (match?.[1] ?? entry).replace(/^\[(.*)\]$/, "$1").toLowerCase();
  return { has: addressBlock(text) ?? domain(text), port: match === null ? undefined : Number(match[2]) };
}

function addressBlock(text: string): ((name: string) => boolean) | undefined {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0) return undefined;
  const most = family === 4 ? 32 : 128;
  const prefix = bits === undefined ? most : Number(bits);
  if (rest.length > 0 || bits === "" || !Number.isInteger(prefix) || prefix < 0 || prefix > most) return () => false;
  const block = new BlockList();
  block.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
  return (name) => isIP(name) !== 0 && block.check(name, isIPv4(name) ? "ipv4" : "ipv6");
}

/** `example.com`, `.example.com` and `*.example.com` are all the same. */
function domain(text: string): (name: string) => boolean {
  const suffix = text.replace(/^\*?\.?/, "").replace(/\.$/, "");
  return (name) => suffix !== "" && isIP(name) === 0 && (name === suffix || name.endsWith(`.${suffix}`));
}
