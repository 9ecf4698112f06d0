/**
 * The channel under fire.
 */
import { Channel, Code, type ChannelOptions } from "../../src/index.js";

/** The longest pause between two attempts at a server that is not there; it is what recovery is measured by. */
export const MAX_BACKOFF_MS = 1000;

const RETRY = {
  maxAttempts: 5,
  initialBackoffMs: 50,
  maxBackoffMs: 1000,
  backoffMultiplier: 2,
  retryableCodes: [Code.UNAVAILABLE],
};

/** To several servers, with the calls spread over them; or to one proxy. */
export function openChannel(targets: readonly string[], onError: (error: unknown) => void): Channel {
  const options: ChannelOptions = {
    balancing: "round_robin",
    methods: { "fire.Fire/Again": { retry: RETRY } },
    initialBackoffMs: 200,
    maxBackoffMs: MAX_BACKOFF_MS,
    onError,
  };
  return new Channel(targets, options);
}
