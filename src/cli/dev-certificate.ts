/**
 * A throw-away certificate for `barewire serve --tls`: this machine's names, a week to live, and an authority of its own.
 *
 * Spec: RFC 5280 §4.1 (the fields), §4.2 (the extensions); RFC 5758 §3.2 (ECDSA with SHA-256); RFC 7093 §2 (the key identifier).
 * Laws: it is made anew at each start and the key never leaves its directory, which is this user's alone and goes with the server;
 * the authority's key is forgotten as soon as it has signed; authority and server are two certificates, as some clients (rustls) take
 * no authority for a server.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  namedBits,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
  utf8String,
} from "./der.js";

/** A certificate, its key and its authority, all in PEM. */
export interface DevCertificate {
  /** A client that trusts it trusts the server. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A certificate on the disk, until `remove()`. */
export interface DevCertificateFiles {
  /** The directory with the files, mode 0700. */
  readonly folder: string;
  /** What a client is to trust. */
  readonly caFile: string;
  /** What the server shows. */
  readonly certFile: string;
  /** Mode 0600. */
  readonly keyFile: string;
  /** Takes the directory away, with all that is in it; a second time does nothing. */
  readonly remove: () => void;
}

const LIFETIME_MS = 7 * 24 * 3_600_000;
/** A client whose clock is a little late takes the certificate too. */
const CLOCK_SKEW_MS = 5 * 60_000;
const SERIAL_BYTES = 16;

const OID = {
  COMMON_NAME: "2.5.4.3",
  SUBJECT_KEY_IDENTIFIER: "2.5.29.14",
  KEY_USAGE: "2.5.29.15",
  SUBJECT_ALT_NAME: "2.5.29.17",
  BASIC_CONSTRAINTS: "2.5.29.19",
  AUTHORITY_KEY_IDENTIFIER: "2.5.29.35",
  EXTENDED_KEY_USAGE: "2.5.29.37",
  SERVER_AUTH: "1.3.6.1.5.5.7.3.1",
  ECDSA_WITH_SHA256: "1.2.840.10045.4.3.2",
} as const;

const V3 = explicit(0, integer(Uint8Array.of(2)));
const ECDSA_WITH_SHA256 = sequence(objectIdentifier(OID.ECDSA_WITH_SHA256));
const CN_LOCALHOST = commonName("localhost");

/** GeneralName ::= CHOICE { … dNSName [2], … iPAddress [7], … } */
const DNS_NAME = 2;
const IP_ADDRESS = 7;
const NAMES = sequence(
  implicit(DNS_NAME, Buffer.from("localhost", "ascii")),
  implicit(IP_ADDRESS, Uint8Array.of(127, 0, 0, 1)),
  implicit(IP_ADDRESS, Uint8Array.of(...Array.from({ length: 15 }, () => 0), 1)),
);

/** KeyUsage ::= BIT STRING { digitalSignature (0), … keyCertSign (5), … } */
const DIGITAL_SIGNATURE = 0;
const KEY_CERT_SIGN = 5;

/** What a certificate says of one side of a signature. */
interface Party {
  readonly name: Uint8Array;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Makes a key (P-256) and a certificate for localhost, 127.0.0.1 and ::1, valid for seven days from `now`, with its authority. */
export function createDevCertificate(now: Date = new Date()): DevCertificate {
  // Its name says which one it is, to a client that has trusted one of last week.
  const authority = newParty(commonName(`barewire throw-away authority ${randomBytes(4).toString("hex")}`));
  const server = newParty(CN_LOCALHOST);
  return {
    ca: issue(authority, authority, authorityExtensions(authority), now),
    cert: issue(server, authority, serverExtensions(server, authority), now),
    key: server.privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
  };
}

function newParty(name: Uint8Array): Party {
  return { name, ...generateKeyPairSync("ec", { namedCurve: "P-256" }) };
}

function commonName(text: string): Uint8Array {
  return sequence(setOf(sequence(objectIdentifier(OID.COMMON_NAME), utf8String(text))));
}

function issue(subject: Party, issuer: Party, extensions: Uint8Array, now: Date): string {
  const notBefore = new Date(now.getTime() - CLOCK_SKEW_MS);
  const notAfter = new Date(now.getTime() + LIFETIME_MS);
  const toBeSigned = sequence(
    V3,
    serialNumber(),
    ECDSA_WITH_SHA256,
    issuer.name,
    sequence(time(notBefore), time(notAfter)),
    subject.name,
    publicKeyInfo(subject),
    explicit(3, extensions),
  );
  const signature = sign("sha256", toBeSigned, { key: issuer.privateKey, dsaEncoding: "der" });
  return formatPem("CERTIFICATE", sequence(toBeSigned, ECDSA_WITH_SHA256, bitString(signature)));
}

function publicKeyInfo({ publicKey }: Party): Uint8Array {
  return publicKey.export({ format: "der", type: "spki" });
}

/** "Certificate users MUST be able to handle serialNumber values up to 20 octets"; it is positive and not zero. */
function serialNumber(): Uint8Array {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return integer(bytes);
}

function authorityExtensions(authority: Party): Uint8Array {
  return sequence(
    // cA TRUE, pathLenConstraint 0: it may sign servers, but no further authority.
    extension(OID.BASIC_CONSTRAINTS, sequence(boolean(true), integer(Uint8Array.of(0))), "critical"),
    extension(OID.KEY_USAGE, namedBits(KEY_CERT_SIGN), "critical"),
    extension(OID.SUBJECT_KEY_IDENTIFIER, octetString(keyIdentifier(authority))),
  );
}

function serverExtensions(server: Party, authority: Party): Uint8Array {
  return sequence(
    // cA is FALSE by default, and DER leaves a default out.
    extension(OID.BASIC_CONSTRAINTS, sequence(), "critical"),
    extension(OID.KEY_USAGE, namedBits(DIGITAL_SIGNATURE), "critical"),
    extension(OID.EXTENDED_KEY_USAGE, sequence(objectIdentifier(OID.SERVER_AUTH))),
    extension(OID.SUBJECT_ALT_NAME, NAMES),
    extension(OID.SUBJECT_KEY_IDENTIFIER, octetString(keyIdentifier(server))),
    extension(OID.AUTHORITY_KEY_IDENTIFIER, sequence(implicit(0, keyIdentifier(authority)))),
  );
}

function extension(oid: string, contents: Uint8Array, critical?: "critical"): Uint8Array {
  // "critical BOOLEAN DEFAULT FALSE", and DER leaves a default out.
  const flag = critical === undefined ? [] : [boolean(true)];
  return sequence(objectIdentifier(oid), ...flag, octetString(contents));
}

/** "The leftmost 160-bits of the SHA-256 hash of the value of the BIT STRING subjectPublicKey" (RFC 7093 §2). */
function keyIdentifier(party: Party): Uint8Array {
  // A point of P-256, uncompressed: 04, then 32 bytes each for x and y, and nothing stands behind it.
  const point = publicKeyInfo(party).subarray(-65);
  return createHash("sha256").update(point).digest().subarray(0, 20);
}

function formatPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/** Writes a certificate into a new directory below the system's one for temporary files. @throws Error when the disk refuses. */
export function writeDevCertificate({ ca, cert, key }: DevCertificate): DevCertificateFiles {
  // mkdtemp makes it 0700.
  const folder = mkdtempSync(join(tmpdir(), "barewire-tls-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const caFile = join(folder, "ca.pem");
  const certFile = join(folder, "cert.pem");
  const keyFile = join(folder, "key.pem");
  try {
    writeFileSync(keyFile, key, { mode: 0o600, flag: "wx" });
    writeFileSync(certFile, cert, { flag: "wx" });
    writeFileSync(caFile, ca, { flag: "wx" });
  } catch (error) {
    remove();
    throw error;
  }
  return { folder, caFile, certFile, keyFile, remove };
}
