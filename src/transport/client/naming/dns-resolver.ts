/**
 * The resolver of the scheme `dns`: every address behind a name is a server of its own.
 *
 * Spec: naming.md; gRFC A2, A10 (TXT records); client_channel_specification.md (DNS resolver).
 * Laws: the order is the system's; nothing is asked twice and nothing kept, which is for whoever runs the resolver.
 */
import { promises as dns, type LookupAddress } from "node:dns";
import { hostname } from "node:os";
import { formatHostPort } from "../../address.js";
import { reasonOf } from "../../tls.js";
import type { Resolution, Resolver } from "./resolver.js";
import { chooseServiceConfig, configRecordName } from "../settings/service-config-record.js";
import type { Target } from "./target.js";

/** What is asked of the DNS; a test answers itself. */
export interface DnsQueries {
  /** The addresses of a host, in the order in which they should be tried. */
  addresses(host: string): Promise<readonly string[]>;
  /** The TXT records of a name, each as its strings. */
  texts(name: string): Promise<readonly (readonly string[])[]>;
  /** Nobody waits any more. */
  cancel(): void;
}

export interface DnsOptions {
  /** Where this client stands among a hundred, if service configs are looked up. */
  readonly percentile?: number | undefined;
  /** What asks. Default: the system, or the server that the target names. */
  readonly queries?: (() => DnsQueries) | undefined;
}

/** What a name server says of a name that has no such record. */
const NO_RECORD: ReadonlySet<unknown> = new Set(["ENOTFOUND", "ENODATA"]);

/** Makes the resolver of a target that is a name. */
export function dnsResolver(target: Target, { percentile, queries }: DnsOptions = {}): Resolver {
  const { name, dnsServer } = target;
  if (name === undefined) throw new TypeError(`Cannot look up ${target.text} as it is no name`);
  const { host, port } = name;
  const ask = queries ?? ((): DnsQueries => (dnsServer === undefined ? systemQueries() : serverQueries(dnsServer)));
  return async (_target, signal): Promise<Resolution> => {
    const open = ask();
    const onAbort = (): void => open.cancel();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      // "Must not be looked up for localhost": a name of this machine has no records.
      const wantsConfig = percentile !== undefined && !/(?:^|\.)localhost\.?$/i.test(host);
      const config = wantsConfig ? serviceConfigOf(host, percentile, open) : undefined;
      const addresses = await addressesOf(host, open);
      return {
        endpoints: addresses.map((address) => ({ kind: "tcp", host: address, port })),
        serviceConfig: await config,
      };
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  };
}

async function addressesOf(host: string, queries: DnsQueries): Promise<readonly string[]> {
  try {
    return [...new Set(await queries.addresses(host))];
  } catch (cause) {
    throw new Error(`the name ${host} could not be resolved: ${reasonOf(cause)}`, { cause });
  }
}

/** A config that cannot be had is not the same as none, and no reason to have no addresses. */
async function serviceConfigOf(host: string, percentile: number, queries: DnsQueries): Promise<unknown> {
  const record = configRecordName(host);
  try {
    return chooseServiceConfig(await queries.texts(record), { percentile, hostname: hostname() });
  } catch (error) {
    if (isNoRecord(error)) return undefined;
    return error instanceof TypeError
      ? error
      : new Error(`no answer for ${record}: ${reasonOf(error)}`, { cause: error });
  }
}

/** The system's way: its file of hosts, its search domains, its order of addresses. */
function systemQueries(): DnsQueries {
  const resolver = new dns.Resolver();
  return {
    addresses: async (host) => {
      const found: readonly LookupAddress[] = await dns.lookup(host, { all: true, verbatim: true });
      return found.map(({ address }) => address);
    },
    texts: (name) => resolver.resolveTxt(name),
    cancel: () => resolver.cancel(),
  };
}

/** One server's answers, and nothing of this machine's files. */
function serverQueries({ host, port }: { host: string; port: number }): DnsQueries {
  const resolver = new dns.Resolver();
  resolver.setServers([formatHostPort(host, port)]);
  return {
    addresses: async (name) => {
      const answers = await Promise.allSettled([resolver.resolve6(name), resolver.resolve4(name)]);
      const found = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
      const failures = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason as unknown] : []));
      if (found.length === 0) throw failures.find((error) => !isNoRecord(error)) ?? failures[0];
      return found;
    },
    texts: (name) => resolver.resolveTxt(name),
    cancel: () => resolver.cancel(),
  };
}

function isNoRecord(error: unknown): boolean {
  return NO_RECORD.has((error as { code?: unknown }).code);
}
