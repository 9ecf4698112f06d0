/**
 * Resolvers: from a target's name to the endpoints behind it. This file is what a resolver is; `resolver-run.ts` runs one for a
 * channel.
 *
 * Spec: naming.md; client_channel_specification.md (Name Resolvers).
 * Laws: a resolver is one function, which only finds out; how often it is asked, what happens when it fails, throws, hangs or
 * answers nonsense is not its business.
 */
import type { Address } from "../../address.js";

/** One server, as a resolver found it. */
export interface Endpoint {
  /** Where it can be reached, best first: all of them lead to the same server, such as its IPv4 and IPv6 address. One or more. */
  readonly addresses: readonly Address[];
  /** How many calls it gets compared to others, under a policy that weighs. Default 1. */
  readonly weight?: number | undefined;
  /** Whatever balancing policies of one's own want to know of it, such as a zone. */
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
}

/** How a resolver may write an endpoint: `"10.0.0.1:50051"`, `"[::1]:50051"`, `"unix:/run/a.sock"`, an address, or all there is. */
export type EndpointInit =
  | string
  | Address
  | {
      readonly addresses: readonly (string | Address)[];
      readonly weight?: number | undefined;
      readonly attributes?: Readonly<Record<string, unknown>> | undefined;
    };

/** What a resolver found. */
export interface Resolution {
  /** The servers, in the order in which they should be tried. None is a failure. */
  readonly endpoints: readonly EndpointInit[];
  /**
   * A service config: its JSON text, or what `JSON.parse` makes of it. `undefined` when there is none. An `Error` when there is
   * one that could not be had: the one before it stays.
   */
  readonly serviceConfig?: unknown;
}

/** A target, taken apart: `dns://8.8.8.8/example.com:50051`. */
export interface ResolverTarget {
  /** As it was given to the channel. */
  readonly text: string;
  /** `"dns"`, in lower case. */
  readonly scheme: string;
  /** `"8.8.8.8"`; empty when there is none. */
  readonly authority: string;
  /** `"example.com:50051"`: what follows the authority, without the slash in front, percent escapes decoded. */
  readonly path: string;
  /** The port to take where a name has none. */
  readonly defaultPort: number;
}

/**
 * Finds out what is behind a target. Called when a channel is first used, and again when its servers cannot be reached: at most
 * every 30 seconds, and after a failure (whatever it throws) with growing delays. One that knows when things change is an async
 * generator, and yields a {@link Resolution} each time; it is called again only once it has ended or thrown.
 *
 * `signal` is aborted when nobody wants the answer any more: the channel is closed or has gone idle, or 30 seconds have passed
 * without a first answer.
 */
export type Resolver = (
  target: ResolverTarget,
  signal: AbortSignal,
) => Resolution | Promise<Resolution> | AsyncIterable<Resolution>;
