/**
 * The options of one call.
 */
import type { MetadataInit } from "../../codec/metadata.js";
import { nearestName } from "../../codec/nearest-name.js";
import { checkCallback, checkFlag } from "../options.js";
import { checkAuthority } from "./connecting/authority.js";
import type { CallCredentials } from "./call-credentials.js";

/** What one call can be told. */
export interface CallOptions {
  /** How long the call may take, in milliseconds, connecting included. Default: for ever. */
  readonly timeoutMs?: number | undefined;
  /** When the call must be over. With `timeoutMs` as well, the nearer one counts. */
  readonly deadline?: Date | undefined;
  /** Cancels the call when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Metadata for the server. */
  readonly metadata?: MetadataInit | undefined;
  /**
   * The coding of the requests, instead of the channel's `compression.send`; `"identity"` for none. One that the server is known
   * not to take is not used.
   */
  readonly compression?: string | undefined;
  /**
   * What `:authority` says instead of the channel's. With TLS the server's certificate must be for it as well, else the call
   * fails UNAVAILABLE and nothing of it is sent.
   */
  readonly authority?: string | undefined;
  /** Says who is calling, in addition to what the channel's credentials say. */
  readonly credentials?: CallCredentials | undefined;
  /**
   * Whether the call waits while no server can be reached, until one can or the call's time is up, instead of failing UNAVAILABLE
   * at once. Default: what the settings of its method say, else `false`. wait-for-ready.md.
   */
  readonly waitForReady?: boolean | undefined;
  /**
   * Whether a call made inside a handler ends with the handler's call: at its deadline, and when it is cancelled. Default: what the
   * channel says, which is `true`.
   */
  readonly propagate?: boolean | undefined;
}

const NAMES: readonly string[] = [
  "timeoutMs",
  "deadline",
  "waitForReady",
  "signal",
  "metadata",
  "compression",
  "authority",
  "credentials",
  "waitForReady",
  "propagate",
];

/** @throws TypeError for what is no object, for an option that does not exist, and for a signal that is none. */
export function checkCallOptions(options: CallOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot start the call as its options must be an object: current value is ${typeof options}`);
  }
  for (const name of Object.keys(options)) {
    if (NAMES.includes(name)) continue;
    const nearest = nearestName(name, NAMES);
    const hint = nearest === undefined ? `; there are ${NAMES.join(", ")}` : `; did you mean "${nearest}"?`;
    throw new TypeError(`Cannot start the call as there is no option "${name}"${hint}`);
  }
  const { signal } = options;
  checkAuthority(options.authority);
  checkFlag("waitForReady", options.waitForReady);
  checkCallback("credentials", options.credentials);
  checkFlag("waitForReady", options.waitForReady);
  checkFlag("propagate", options.propagate);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`Cannot start the call as signal must be an AbortSignal: current value is ${typeof signal}`);
  }
}
