/**
 * The certificate of `barewire serve --tls`: the one in the files that were named, or one made for this start.
 *
 * Laws: what was read last stays until new files have been found to be good; a certificate that was made is off the disk after
 * `remove()`.
 */
import { X509Certificate } from "node:crypto";
import { resolve } from "node:path";
import type { ServerTls } from "../index.js";
import { quoted } from "../services/peer-text.js";
import { createDevCertificate, writeDevCertificate } from "./dev-certificate.js";
import {
  type CertificateAndKey,
  certificateFiles,
  type NamedFile,
  readAuthorities,
  readCertificateAndKey,
} from "./pem-file.js";
import type { DevCertificatePaths } from "./supervision.js";
import type { TlsToTry } from "./things-to-try.js";
import { UsageError } from "./usage-error.js";

/** The flags of TLS, as they were given. */
export interface ServerTlsFlags {
  readonly tls?: boolean | undefined;
  readonly "cert-file"?: string | undefined;
  readonly "key-file"?: string | undefined;
  readonly "client-ca-file"?: string | undefined;
}

/** Where a certificate comes from. */
interface Source {
  /** The certificate's own file, or its authority's when it was made for this start. */
  readonly certFile: string;
  readonly isThrowAway: boolean;
  /** Where it was written, when it was made here. */
  readonly paths?: DevCertificatePaths;
  readonly read: () => CertificateAndKey;
  readonly remove: () => void;
}

/** A certificate to serve with. */
export class ServerCertificate implements TlsToTry {
  readonly #source: Source;
  readonly #clientCaFile: string | undefined;
  #tls: ServerTls;

  /** @throws UsageError when a file is no good. */
  constructor(source: Source, clientCaFile: string | undefined) {
    this.#source = source;
    this.#clientCaFile = clientCaFile;
    this.#tls = this.#read();
  }

  /** What {@link Server} takes. */
  get tls(): ServerTls {
    return this.#tls;
  }

  get cert(): string {
    return String(this.#tls.cert);
  }

  /** One in files is taken for the system's to verify, unless it is its own authority. */
  get caFile(): string | undefined {
    if (this.isThrowAway) return this.#source.certFile;
    const certificate = new X509Certificate(this.cert);
    const isOwnAuthority = certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
    return isOwnAuthority ? this.#source.certFile : undefined;
  }

  /** Whether it was made for this start: then there is nothing to read again. */
  get isThrowAway(): boolean {
    return this.#source.isThrowAway;
  }

  /** Where it was written, when it was made here. */
  get paths(): DevCertificatePaths | undefined {
    return this.#source.paths;
  }

  get wantsClientCertificate(): boolean {
    return this.#clientCaFile !== undefined;
  }

  /** Reads the files again, and hands what is in them to `use`. @throws UsageError when they are no good: all stays as it is. */
  reread(use: (tls: ServerTls) => void): void {
    const tls = this.#read();
    use(tls);
    this.#tls = tls;
  }

  /** One line for the person at the terminal. */
  describe(now: Date = new Date()): string {
    const clients = this.wantsClientCertificate ? "; clients must show one, too" : "";
    if (this.isThrowAway) {
      return `TLS with a certificate made for this start, which clients are to trust: ${this.#source.certFile}${clients}`;
    }
    const { subjectAltName, subject, validTo } = new X509Certificate(this.cert);
    const end = new Date(validTo);
    const validity = `${end < now ? "NO LONGER VALID since" : "valid until"} ${end.toISOString().slice(0, 10)}`;
    return `TLS with a certificate for ${quoted(subjectAltName ?? subject)}, ${validity}${clients}`;
  }

  /** Takes what was written for this start off the disk. */
  remove(): void {
    this.#source.remove();
  }

  #read(): ServerTls {
    const pair = this.#source.read();
    if (this.#clientCaFile === undefined) return pair;
    const clientCa = readAuthorities({ flag: "--client-ca-file", file: this.#clientCaFile });
    return { ...pair, clientCa, clientCertificate: "required" };
  }
}

/**
 * The certificate that the flags ask for, if they ask for TLS; `made` is one that another process has made for this start.
 *
 * @throws UsageError
 */
export function openServerCertificate(
  flags: ServerTlsFlags,
  made?: DevCertificatePaths,
): ServerCertificate | undefined {
  if (flags.tls !== true) {
    const names = ["cert-file", "key-file", "client-ca-file"] as const;
    const stray = names.find((name) => flags[name] !== undefined);
    if (stray !== undefined) throw new UsageError(`--${stray} is for TLS: say --tls as well`);
    return undefined;
  }
  const files = certificateFiles(flags["cert-file"], flags["key-file"]);
  const source =
    made !== undefined
      ? madeElsewhere(made)
      : files === undefined
        ? madeForThisStart()
        : fromFiles(files.cert, files.key);
  try {
    return new ServerCertificate(source, flags["client-ca-file"]);
  } catch (error) {
    source.remove();
    throw error;
  }
}

function fromFiles(cert: NamedFile, key: NamedFile): Source {
  return {
    certFile: resolve(cert.file),
    isThrowAway: false,
    read: () => readCertificateAndKey(cert, key),
    remove: () => undefined,
  };
}

/** Its maker removes it. */
function madeElsewhere({ caFile, certFile, keyFile }: DevCertificatePaths): Source {
  const pair = readCertificateAndKey({ flag: "--tls", file: certFile }, { flag: "--tls", file: keyFile });
  return { certFile: caFile, isThrowAway: true, read: () => pair, remove: () => undefined };
}

function madeForThisStart(): Source {
  const made = createDevCertificate();
  try {
    const { caFile, certFile, keyFile, remove } = writeDevCertificate(made);
    const pair = { cert: made.cert, key: made.key };
    const paths = { caFile, certFile, keyFile };
    return { certFile: caFile, isThrowAway: true, paths, read: () => pair, remove };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--tls: the certificate made for this start cannot be written: ${reason}`, { cause: error });
  }
}
