/**
 * Which resolver a target has: one of the channel's own, the DNS, or none, as it says itself where it is.
 *
 * Spec: naming.md; gRFC A1 (a name behind a proxy is the proxy's to resolve).
 */
import type { Address } from "../../address.js";
import { dnsResolver } from "./dns-resolver.js";
import type { Proxy } from "../connecting/proxy-connect.js";
import type { Resolver } from "./resolver.js";
import type { Target } from "./target.js";

/** What a channel is told about resolving. */
export interface ResolverOptions {
  /** Resolvers of one's own, by scheme. They come before those that are known here. */
  readonly resolvers?: Readonly<Record<string, Resolver>> | undefined;
  /** The proxy on the way to what the target names. */
  readonly routes: (address: Address) => Proxy | undefined;
  /** Where this client stands among a hundred, if service configs are looked up in the DNS. */
  readonly percentile?: number | undefined;
}

/** The resolver of a target. */
export function resolverOf(target: Target, { resolvers = {}, routes, percentile }: ResolverOptions): Resolver {
  const { addresses, name, scheme } = target;
  if (addresses !== undefined) return fixed(addresses);
  if (name === undefined) return resolvers[scheme] as Resolver;
  const address: Address = { kind: "tcp", host: name.host, port: name.port };
  // "The name is passed to the proxy": it may be known only there, and a service config is not looked up.
  return routes(address) === undefined ? dnsResolver(target, { percentile }) : fixed([address]);
}

function fixed(endpoints: readonly Address[]): Resolver {
  return () => ({ endpoints });
}

/** @throws TypeError when the option `resolvers` is not a function for each scheme. */
export function checkResolvers(resolvers: unknown): void {
  if (resolvers === undefined) return;
  if (typeof resolvers !== "object" || resolvers === null || Array.isArray(resolvers)) {
    const shown = resolvers === null ? "null" : Array.isArray(resolvers) ? "a list" : typeof resolvers;
    throw new TypeError(
      `Cannot use option resolvers as it must be an object of functions by scheme: current value is ${shown}`,
    );
  }
  for (const [scheme, resolver] of Object.entries(resolvers)) {
    if (!/^[a-z][a-z0-9+.-]*$/.test(scheme)) {
      throw new TypeError(
        `Cannot use option resolvers as a scheme must be a letter and more of a-z 0-9 + . -: current value is ${JSON.stringify(scheme.slice(0, 64))}`,
      );
    }
    if (typeof resolver === "function") continue;
    throw new TypeError(
      `Cannot use option resolvers as its "${scheme}" must be a function: current value is ${typeof resolver}`,
    );
  }
}
