/**
 * How a command opens the channel to the address that it was given.
 *
 * Laws: an address that cannot be is told in one line; one on another machine without a word on TLS in the words of the flags.
 */
import { Channel, type ChannelOptions } from "../index.js";
import { quoted } from "../services/peer-text.js";
import type { Security } from "./client-security.js";
import { UsageError } from "./usage-error.js";

/** Opens a channel; `options` are what the command has beside `security`. @throws UsageError saying what is wrong with the address. */
export function openChannel(address: string, security: Security, options: ChannelOptions = {}): Channel {
  try {
    return new Channel(address, { ...security, ...options });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const isUndecided = security.tls === undefined && needsTls(address);
    throw new UsageError(isUndecided ? anotherMachine(address) : reason, { cause: error });
  }
}

/** Whether an address is fine but for being on another machine. */
function needsTls(address: string): boolean {
  try {
    void new Channel(address, { tls: false }).close();
    return true;
  } catch {
    return false;
  }
}

function anotherMachine(address: string): string {
  return `${quoted(address)} is another machine, and what is sent there can be read on the way: say --tls, or --plaintext if that is meant`;
}
