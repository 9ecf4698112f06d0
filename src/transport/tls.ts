/**
 * TLS: what both sides ask of it, and the checks of what they are given.
 *
 * Spec: RFC 9113 §9.2 (TLS 1.2 or later; the cipher suites of its Appendix A are not to be used).
 * Laws: what cannot work is refused when it is given, with the part that is wrong; no certificate or key is put into a text.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { checkOptions } from "./options.js";

/** Certificates or a key in PEM. One text may hold several certificates, a server's own first. */
export type Pem = string | Uint8Array;

/** The versions there are to choose from as the lowest: HTTP/2 allows none before them. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

const VERSIONS: readonly unknown[] = ["TLSv1.2", "TLSv1.3"];

/**
 * Ephemeral keys and authenticated encryption: what RFC 9113 §9.2.2 leaves of TLS 1.2 among the suites that are in use, and all
 * of TLS 1.3.
 */
const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** What a context is made of, whichever side it is for. */
export interface TlsMaterial {
  readonly cert?: Pem | undefined;
  readonly key?: Pem | undefined;
  readonly passphrase?: string | undefined;
  /** Who is trusted. */
  readonly authorities?: Pem | readonly Pem[] | undefined;
  readonly minVersion?: TlsVersion | undefined;
}

/** @throws TypeError when `tls` is no object or has a property that is none of `known`. */
export function checkTlsOptions(tls: object, known: readonly string[]): void {
  checkOptions("TLS configuration", tls, known);
}

/**
 * Checks what was given, part by part.
 *
 * @throws TypeError that names the part and what is wrong with it.
 */
export function contextOptions(material: TlsMaterial, authoritiesName: string): SecureContextOptions {
  const { cert, key, passphrase, authorities, minVersion } = material;
  if ((cert === undefined) !== (key === undefined)) {
    throw refused(
      cert === undefined ? "cert" : "key",
      "belong to the other of cert and key, which was given",
      "undefined",
    );
  }
  if (passphrase !== undefined && typeof passphrase !== "string") {
    throw refused("passphrase", "be a string", typeof passphrase);
  }
  if (minVersion !== undefined && !VERSIONS.includes(minVersion)) {
    throw refused("minVersion", `be ${VERSIONS.map((one) => `"${String(one)}"`).join(" or ")}`, shown(minVersion));
  }
  if (cert !== undefined && key !== undefined) checkPair(cert, key, passphrase);
  const ca = authorities === undefined ? undefined : checkAuthorities(authoritiesName, authorities);
  const options: SecureContextOptions = { minVersion: minVersion ?? "TLSv1.2", ciphers: CIPHERS };
  if (cert !== undefined && key !== undefined) Object.assign(options, { cert: toBuffer(cert), key: toBuffer(key) });
  if (passphrase !== undefined) options.passphrase = passphrase;
  if (ca !== undefined) options.ca = ca;
  return options;
}

/** Makes the context, which is where OpenSSL has its last word. */
export function secureContext(options: SecureContextOptions): SecureContext {
  try {
    return createSecureContext(options);
  } catch (cause) {
    throw new TypeError(`Cannot use option tls as OpenSSL refuses what was given: ${reasonOf(cause)}`, { cause });
  }
}

function checkPair(cert: Pem, key: Pem, passphrase: string | undefined): void {
  const certificate = readCertificate("cert", cert);
  const privateKey = readKey(key, passphrase);
  if (certificate.checkPrivateKey(privateKey)) return;
  throw new TypeError(
    "Cannot use option tls.key as it must be the key of tls.cert: it is the key of another certificate",
  );
}

function readCertificate(name: string, pem: unknown): X509Certificate {
  try {
    return new X509Certificate(toBuffer(checkPem(name, pem)));
  } catch (cause) {
    if (cause instanceof TypeError && cause.message.startsWith("Cannot use")) throw cause;
    throw refused(name, "be a certificate in PEM", `no certificate (${reasonOf(cause)})`, cause);
  }
}

function readKey(key: unknown, passphrase: string | undefined): KeyObject {
  const pem = toBuffer(checkPem("key", key));
  try {
    return createPrivateKey(passphrase === undefined ? { key: pem } : { key: pem, passphrase });
  } catch (cause) {
    const wanted =
      passphrase === undefined ? "be a private key in PEM" : "be a private key in PEM that passphrase opens";
    throw refused("key", wanted, `no such key (${reasonOf(cause)})`, cause);
  }
}

/** Each text is read here: OpenSSL passes over one that holds no certificate, and then trusts nobody. */
function checkAuthorities(name: string, authorities: Pem | readonly Pem[]): Buffer[] {
  const list: readonly unknown[] = Array.isArray(authorities) ? authorities : [authorities];
  if (list.length === 0) throw refused(name, "have at least one certificate", "an empty list");
  return list.map((one) => {
    readCertificate(name, one);
    return toBuffer(one as Pem);
  });
}

function checkPem(name: string, value: unknown): Pem {
  if (typeof value === "string" || value instanceof Uint8Array) return value;
  throw refused(name, "be PEM, as a string or bytes", value === null ? "null" : typeof value);
}

function toBuffer(pem: Pem): Buffer {
  return typeof pem === "string" ? Buffer.from(pem) : Buffer.from(pem);
}

function refused(name: string, wanted: string, got: string, cause?: unknown): TypeError {
  const text = `Cannot use option tls.${name} as it must ${wanted}: current value is ${got}`;
  return new TypeError(text, cause === undefined ? undefined : { cause });
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 64)) : typeof value;
}

/** OpenSSL's own words, without the place in its source where they were said. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // All addresses of a name were tried; the error about all of them has no text of its own.
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join("; ");
  const { reason } = error as { readonly reason?: unknown };
  return typeof reason === "string" ? reason : (error.message.split("\n")[0] ?? "");
}
