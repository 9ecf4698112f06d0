/**
 * The flags of TLS of `barewire trace`: what clients are shown, and whom the proxy believes on its other side.
 *
 * Laws: verification is never off; a certificate that was made for this start is off the disk when it ends.
 */
import type { ProxyTls } from "../transport/inspect/proxy-tls.js";
import { type Security, readSecurity } from "./client-security.js";
import type { GoFlagValues } from "./go-flags.js";
import { readAuthorities } from "./pem-file.js";
import { openServerCertificate, type ServerCertificate } from "./server-certificate.js";

/** The flags, called as those of the other commands are. */
export const TLS_FLAGS = {
  tls: { takes: "nothing" },
  "cert-file": { takes: "a value" },
  "key-file": { takes: "a value" },
  "ca-file": { takes: "a value" },
  "server-host-override": { takes: "a value" },
} as const;

/** What the help says of them. */
export const tlsHelp = `  --tls                TLS on both sides: clients are shown a certificate that is made at the start and thrown away at the end
  --cert-file C        … or this certificate (PEM, the chain behind it)
  --key-file K         … and its key (PEM, not encrypted)
  --ca-file F          the server's is signed by one of these authorities (PEM); default those known to Node
  --server-host-override NAME
                       … and is for this name, not for the host of -r`;

/** TLS, as the flags say. */
export interface TraceTls {
  /** For the proxy. */
  readonly proxy: ProxyTls;
  /** For a channel of the proxy's own. */
  readonly channel: Security;
  readonly certificate: ServerCertificate;
}

/** Reads the flags; `undefined` without TLS. @throws UsageError */
export function openTraceTls(flags: GoFlagValues<typeof TLS_FLAGS>): TraceTls | undefined {
  const { tls, "ca-file": caFile, "server-host-override": name } = flags;
  const channel = readSecurity({ tls, "ca-file": caFile, "server-host-override": name });
  const certificate = openServerCertificate({ tls, "cert-file": flags["cert-file"], "key-file": flags["key-file"] });
  if (certificate === undefined) return undefined;
  const { cert, key } = certificate.tls;
  const ca = caFile === undefined ? undefined : readAuthorities({ flag: "--ca-file", file: caFile });
  return { proxy: { cert, key, ca, serverName: name }, channel, certificate };
}
