/**
 * Which server a command talks to, how, and for how long: the flags that `list`, `describe` and `call` have in common.
 *
 * Laws: Ctrl-C cancels what runs, so that the server hears of it, and ends with 130; whatever happens, the channel is closed.
 */
import { type CallOptions, type Channel, type ChannelOptions, Metadata, StatusError } from "../index.js";
import { quoted } from "../services/peer-text.js";
import { callFailure, type FailedCall } from "./call-failure.js";
import { asMistake, mistake } from "./mistakes.js";
import { readSecurity, type Security, SECURITY_OPTIONS, type SecurityFlags, securityHelp } from "./client-security.js";
import { openChannel } from "./open-channel.js";
import { parseWholeNumber, type UsageError } from "./usage-error.js";

/** The options of the flags, as `parseCommand` takes them. */
export const TARGET_OPTIONS = {
  header: { type: "string", short: "H", multiple: true },
  authority: { type: "string" },
  "max-time": { type: "string" },
  "max-message-bytes": { type: "string" },
  ...SECURITY_OPTIONS,
} as const;

/** What the help says of them. */
export const targetHelp = `  -H, --header 'k: v'  metadata to send, with reflection as well; may be given several times;
                       the value of a name that ends in -bin is base64
  --max-time S         how many seconds all of it may take
  --max-message-bytes N
                       the largest message that is taken; default 16777216
  --authority NAME     what :authority says instead of ADDR; with TLS the certificate must be for it
${securityHelp.replace("the host of --addr", "the host of ADDR")}`;

/** The flags, as they were given. */
export interface TargetFlags extends SecurityFlags {
  readonly header?: readonly string[] | undefined;
  readonly authority?: string | undefined;
  readonly "max-time"?: string | undefined;
  readonly "max-message-bytes"?: string | undefined;
}

/** A server to be talked to. */
export interface Target {
  readonly address: string;
  readonly isTls: boolean;
  readonly channel: Channel;
  /** What every call to it is told. */
  readonly callOptions: CallOptions;
  readonly metadata: Metadata;
  /** What went wrong with a call, as it is told to the person. */
  failure(error: StatusError, purpose: FailedCall["purpose"]): UsageError;
}

/** What a shell says of a process that was interrupted: 128 and the number of the signal. */
const EXIT_INTERRUPTED = 130;
const EXIT_TERMINATED = 143;

/** As much as a server may say of its services at once, and what belongs to a message around it. */
const DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const REFLECTION_ROOM = 1024 * 1024;

/** How long a closing connection is waited for. */
const CLOSE_TIMEOUT_MS = 1000;

/**
 * Opens a channel, uses it and closes it again; resolves to the exit code.
 *
 * @throws UsageError for a flag that cannot be, and when a call that `use` makes fails.
 */
export async function withTarget(
  address: string,
  flags: TargetFlags,
  use: (target: Target) => Promise<number>,
): Promise<number> {
  const interruption = new AbortController();
  const target = asMistake(() => openTarget(address, flags, interruption.signal));
  let exitCode: number | undefined;
  const interrupt = (signal: NodeJS.Signals): void => {
    exitCode ??= signal === "SIGINT" ? EXIT_INTERRUPTED : EXIT_TERMINATED;
    interruption.abort();
  };
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    const code = await use(target);
    return exitCode ?? code;
  } catch (error) {
    if (exitCode !== undefined) return exitCode;
    throw error instanceof StatusError ? target.failure(error, "call") : error;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    await close(target.channel);
  }
}

async function close(channel: Channel): Promise<void> {
  // A server that does not answer keeps a connection open for as long as it likes.
  const timer = setTimeout(() => void channel.destroy(), CLOSE_TIMEOUT_MS);
  await channel.close();
  clearTimeout(timer);
}

function openTarget(address: string, flags: TargetFlags, signal: AbortSignal): Target {
  const security = securityOf(flags);
  const metadata = metadataOf(flags.header ?? []);
  const deadline = deadlineOf(flags["max-time"]);
  const channel = openChannel(address, security, optionsOf(flags["max-message-bytes"]));
  const isTls = flags.tls === true;
  return {
    address,
    isTls,
    channel,
    metadata,
    callOptions: { metadata, signal, ...(deadline === undefined ? {} : { deadline }) },
    failure: (error, purpose) => callFailure(error, { address, isTls, purpose }),
  };
}

function securityOf(flags: TargetFlags): Security {
  const security = readSecurity(flags);
  if (flags.authority === undefined) return security;
  if (security.authority !== undefined) {
    throw mistake("--authority and --server-host-override say the same: say one of them");
  }
  return { ...security, authority: flags.authority };
}

/** The metadata that `name: value` texts say. @throws UsageError naming the one that cannot be. */
export function metadataOf(headers: readonly string[]): Metadata {
  const metadata = new Metadata();
  for (const header of headers) {
    const [, name, value] = /^\s*([^:\s]+)\s*:\s*(.*?)\s*$/s.exec(header) ?? [];
    if (name === undefined || value === undefined) {
      throw mistake(`--header must be 'name: value': current value is ${quoted(header)}`);
    }
    try {
      if (name.toLowerCase().endsWith("-bin")) metadata.append(name, bytesOf(name, value));
      else metadata.append(name, value);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw mistake(`--header: ${error.message}`, error);
    }
  }
  return metadata;
}

function bytesOf(name: string, base64: string): Uint8Array {
  const plain = base64.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  if (/^[A-Za-z0-9+/]*$/.test(plain) && plain.length % 4 !== 1) return new Uint8Array(Buffer.from(plain, "base64"));
  throw mistake(`--header: the value of ${quoted(name)} must be base64: current value is ${quoted(base64)}`);
}

function deadlineOf(seconds: string | undefined): Date | undefined {
  if (seconds === undefined) return undefined;
  const value = /^\d{1,8}(?:\.\d{1,6})?$/.test(seconds) ? Number(seconds) : 0;
  if (value > 0) return new Date(Date.now() + value * 1000);
  throw mistake(`--max-time must be a number of seconds above 0: current value is ${quoted(seconds)}`);
}

/** A failed call is told by whoever made it. */
function optionsOf(maxMessageBytes: string | undefined): ChannelOptions {
  const maxReceiveBytes =
    maxMessageBytes === undefined
      ? DEFAULT_MAX_MESSAGE_BYTES + REFLECTION_ROOM
      : parseWholeNumber("--max-message-bytes", maxMessageBytes, 1, 999_999_999);
  return { maxReceiveBytes, onError: () => undefined };
}
