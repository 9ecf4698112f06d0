/**
 * Where a channel goes: its target, who finds out what is behind it, and which way its connections take.
 *
 * Spec: naming.md; gRFC A1, A2; docs/targets.md.
 */
import { checkFlag } from "../../options.js";
import type { Routes } from "../connecting/proxy-connect.js";
import { routesTo, type Environment } from "./proxy.js";
import type { Resolver } from "./resolver.js";
import { checkResolvers, resolverOf } from "./target-resolver.js";
import { parseTarget, type Target } from "./target.js";

/** What a channel can be told about it. */
export interface NamingOptions {
  /**
   * Resolvers by scheme, in lower case: `{ consul }` for targets such as `consul:///orders`. They come before those of the same
   * scheme that every channel has, `dns` included.
   */
  readonly resolvers?: Readonly<Record<string, Resolver>> | undefined;
  /**
   * The HTTP proxy that connections go through by CONNECT: `"http://[user:password@]host:port"`, or `false` for none. Default: what
   * the environment says, in `grpc_proxy`, `https_proxy` or `http_proxy`, but for what `no_proxy` excepts. Never to this machine.
   */
  readonly proxy?: string | false | undefined;
  /** Whether service configs are looked up in the DNS, beside the addresses of a name (gRFC A2). Default `false`: most have none. */
  readonly serviceConfigFromDns?: boolean | undefined;
}

/** The names of {@link NamingOptions}. */
export const NAMING_OPTIONS: readonly string[] = ["resolvers", "proxy", "serviceConfigFromDns"];

/** What follows from a target and the options. */
export interface Naming {
  readonly target: Target;
  readonly resolver: Resolver;
  /** The proxy on the way to an address. */
  readonly routes: Routes;
}

/**
 * Reads target and options. `random` is from 0 up to, and not including, 1.
 *
 * @throws TypeError for what cannot be used, an environment variable that counts here included.
 */
export function namingOf(
  text: string | readonly string[],
  options: NamingOptions,
  random: number,
  environment: Environment = process.env,
): Naming {
  const { resolvers, proxy, serviceConfigFromDns } = options;
  checkResolvers(resolvers);
  checkFlag("serviceConfigFromDns", serviceConfigFromDns);
  const target = parseTarget(text, Object.keys(resolvers ?? {}));
  const routes = routesTo(target, proxy, environment);
  // One number for the life of a channel: else it would go back and forth between two configs.
  const percentile = serviceConfigFromDns === true ? 100 * random : undefined;
  return { target, routes, resolver: resolverOf(target, { resolvers, routes, percentile }) };
}
