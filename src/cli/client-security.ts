/**
 * The flags of a client that say whether it talks TLS, whom it believes, and what it shows.
 *
 * Laws: a flag that would change nothing is a mistake and said to be one; verification is never off.
 */
import type { ChannelOptions, ChannelTls } from "../index.js";
import { quoted } from "../services/peer-text.js";
import { certificateFiles, readAuthorities, readCertificateAndKey } from "./pem-file.js";
import { UsageError } from "./usage-error.js";

/** The options of the flags, as `parseCommand` takes them. */
export const SECURITY_OPTIONS = {
  plaintext: { type: "boolean" },
  tls: { type: "boolean" },
  "ca-file": { type: "string" },
  "server-host-override": { type: "string" },
  "cert-file": { type: "string" },
  "key-file": { type: "string" },
} as const;

/** What the help says of them. */
export const securityHelp = `  --plaintext          talk to another machine without TLS
  --tls                talk TLS, to servers that an authority known to Node has signed
  --ca-file F          … or that one of these authorities has (PEM)
  --server-host-override NAME
                       … and whose certificate is for this name, not for the host of --addr
  --cert-file C        … and show this certificate (PEM, with its chain)
  --key-file K         … of which this is the key (PEM, not encrypted)`;

/** The flags, as they were given. */
export interface SecurityFlags {
  readonly plaintext?: boolean | undefined;
  readonly tls?: boolean | undefined;
  readonly "ca-file"?: string | undefined;
  readonly "server-host-override"?: string | undefined;
  readonly "cert-file"?: string | undefined;
  readonly "key-file"?: string | undefined;
}

/** The options of a channel that are about security. */
export type Security = Pick<ChannelOptions, "tls" | "authority">;

/** What the flags mean for a channel; without any it is for the channel to say. @throws UsageError */
export function readSecurity(flags: SecurityFlags): Security {
  if (flags.tls !== true) {
    const names = ["ca-file", "server-host-override", "cert-file", "key-file"] as const;
    const stray = names.find((name) => flags[name] !== undefined);
    if (stray !== undefined) throw new UsageError(`--${stray} is for TLS: say --tls as well`);
    return flags.plaintext === true ? { tls: false } : {};
  }
  if (flags.plaintext === true) throw new UsageError("--tls and --plaintext are opposites: say one of them");
  const name = flags["server-host-override"];
  if (name !== undefined && !/^[\x21-\x7e]+$/.test(name)) {
    throw new UsageError(`--server-host-override must be the name of a host: current value is ${quoted(name)}`);
  }
  return { tls: readTls(flags), ...(name === undefined ? {} : { authority: name }) };
}

function readTls(flags: SecurityFlags): ChannelTls {
  const files = certificateFiles(flags["cert-file"], flags["key-file"]);
  const caFile = flags["ca-file"];
  return {
    ...(caFile === undefined ? {} : { ca: readAuthorities({ flag: "--ca-file", file: caFile }) }),
    ...(files === undefined ? {} : readCertificateAndKey(files.cert, files.key)),
  };
}
