/**
 * Certificates and keys from the disk, checked before anything is started with them.
 *
 * Spec: RFC 7468 (PEM).
 * Laws: what is wrong is one sentence with the flag, the file, what was wanted and what came; no byte of a key is ever repeated.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { quoted } from "../services/peer-text.js";
import { UsageError } from "./usage-error.js";

/** A file, and the flag that named it. */
export interface NamedFile {
  readonly flag: string;
  readonly file: string;
}

/** A certificate with what comes behind it in its file, and its key, both in PEM. */
export interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

const READ_FAULTS: ReadonlyMap<unknown, string> = new Map([
  ["ENOENT", "there is no such file"],
  ["ENOTDIR", "there is no such file"],
  ["EACCES", "it may not be read"],
  ["EISDIR", "it is a directory"],
]);

/** The files of a certificate and its key, if they were named. @throws UsageError when only one was. */
export function certificateFiles(
  certFile: string | undefined,
  keyFile: string | undefined,
): { readonly cert: NamedFile; readonly key: NamedFile } | undefined {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (keyFile === undefined) throw new UsageError("--cert-file wants --key-file as well: the key of that certificate");
  if (certFile === undefined) throw new UsageError("--key-file wants --cert-file as well: the certificate of that key");
  return { cert: { flag: "--cert-file", file: certFile }, key: { flag: "--key-file", file: keyFile } };
}

/** Reads the file of the certificates a peer's may be signed by: one, or several in a row. @throws UsageError */
export function readAuthorities(from: NamedFile): string {
  const text = readText(from);
  readCertificates(from, text);
  return text;
}

/**
 * Reads a certificate (the chain may follow it) and its key.
 *
 * @throws UsageError when one of them cannot be read, is something else, or is not the other's.
 */
export function readCertificateAndKey(certFrom: NamedFile, keyFrom: NamedFile): CertificateAndKey {
  const cert = readText(certFrom);
  const [certificate] = readCertificates(certFrom, cert);
  const key = readText(keyFrom);
  if (certificate?.checkPrivateKey(readKey(keyFrom, key)) !== true) {
    throw fault(keyFrom, `it is not the key of the certificate in ${quoted(certFrom.file)}`);
  }
  try {
    // What only shows when they are put to use: a chain, a key that is too short.
    createSecureContext({ cert, key });
  } catch (error) {
    throw fault(certFrom, `it cannot be used: ${reasonOf(error)}`, error);
  }
  return { cert, key };
}

function readText(from: NamedFile): string {
  try {
    return readFileSync(from.file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    throw fault(from, READ_FAULTS.get(code) ?? reasonOf(error), error);
  }
}

function readCertificates(from: NamedFile, text: string): X509Certificate[] {
  const blocks = text.match(CERTIFICATE);
  if (blocks === null) throw fault(from, `it must be a certificate in PEM, ${whatItIs(text)}`);
  return blocks.map((block, i) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw fault(from, `its certificate ${i + 1} is broken: ${reasonOf(error)}`, error);
    }
  });
}

function readKey(from: NamedFile, text: string): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    throw fault(from, `it must be a private key in PEM, ${whatItIs(text)}`);
  }
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    throw fault(from, "its key is encrypted, and one that is not is wanted (openssl pkey -in F -out G decrypts it)");
  }
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw fault(from, `its key is broken: ${reasonOf(error)}`, error);
  }
}

/** What came instead, as far as the first line of PEM tells. */
function whatItIs(text: string): string {
  const label = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(text)?.[1];
  if (label === undefined) return text === "" ? "and it is empty" : "and there is no PEM in it";
  return `and what is in it begins with ${quoted(`BEGIN ${label}`)}`;
}

function fault({ flag, file }: NamedFile, what: string, cause?: unknown): UsageError {
  return new UsageError(`${flag} ${quoted(file)}: ${what}`, { cause });
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, " ");
}
