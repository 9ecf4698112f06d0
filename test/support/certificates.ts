/**
 * Certificates for tests, made in memory when they are asked for: authorities, and what they sign for servers and clients.
 *
 * Spec: RFC 5280 (the fields of a certificate), X.690 (DER); RFC 5758 (ecdsa-with-SHA256).
 * Laws: keys are P-256 and never leave the process; every certificate is checked by OpenSSL when a test uses it.
 */
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { isIP } from "node:net";

/** A certificate with its key, both as PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** DNS names and IP addresses; the first also stands in the subject. Default `localhost` and `127.0.0.1`. */
  readonly names?: readonly string[];
  readonly validFrom?: Date;
  readonly validTo?: Date;
}

const DAY_MS = 86_400_000;
const OID = {
  commonName: "550403",
  ecdsaWithSha256: "2a8648ce3d040302",
  subjectAltName: "551d11",
  basicConstraints: "551d13",
} as const;
const Tag = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OID: 0x06,
  UTF8_STRING: 0x0c,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
  VERSION: 0xa0,
  EXTENSIONS: 0xa3,
  DNS_NAME: 0x82,
  IP_ADDRESS: 0x87,
} as const;

/** One that signs certificates. */
export class Authority {
  readonly #name: string;
  readonly #keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  /** Its own certificate, signed by itself, as PEM. */
  readonly cert: string;

  constructor(name = "test authority") {
    this.#name = name;
    const extensions = [extension(OID.basicConstraints, sequence(der(Tag.BOOLEAN, Buffer.of(0xff))), true)];
    this.cert = this.#certificate(name, this.#keys.publicKey, extensions, {});
  }

  /** Its own certificate with its key: what a server shows that is its own authority. */
  get identity(): Identity {
    return { cert: this.cert, key: this.#keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
  }

  /** A new key and a certificate for it. */
  issue(options: CertificateOptions = {}): Identity {
    const names = options.names ?? ["localhost", "127.0.0.1"];
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const extensions = [extension(OID.subjectAltName, sequence(...names.map(alternativeName)))];
    return {
      cert: this.#certificate(names[0] ?? "", publicKey, extensions, options),
      key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    };
  }

  #certificate(
    subject: string,
    publicKey: KeyObject,
    extensions: readonly Buffer[],
    { validFrom = new Date(Date.now() - DAY_MS), validTo = new Date(Date.now() + DAY_MS) }: CertificateOptions,
  ): string {
    const algorithm = sequence(der(Tag.OID, Buffer.from(OID.ecdsaWithSha256, "hex")));
    const signed = sequence(
      der(Tag.VERSION, integer(Buffer.of(2))),
      integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
      algorithm,
      distinguishedName(this.#name),
      sequence(time(validFrom), time(validTo)),
      distinguishedName(subject),
      publicKey.export({ type: "spki", format: "der" }),
      der(Tag.EXTENSIONS, sequence(...extensions)),
    );
    const signature = Buffer.concat([Buffer.of(0), sign("sha256", signed, this.#keys.privateKey)]);
    const lines =
      sequence(signed, algorithm, der(Tag.BIT_STRING, signature))
        .toString("base64")
        .match(/.{1,64}/g) ?? [];
    return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  }
}

/** A tag, a length, and what they announce. Lengths from 128 are written with their own length in front. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...head), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(Tag.SEQUENCE, ...parts);
}

function integer(bytes: Buffer): Buffer {
  return der(Tag.INTEGER, bytes);
}

function distinguishedName(name: string): Buffer {
  const attribute = sequence(der(Tag.OID, Buffer.from(OID.commonName, "hex")), der(Tag.UTF8_STRING, Buffer.from(name)));
  return sequence(der(Tag.SET, attribute));
}

function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+Z$|[-:T]/g, "");
  return der(Tag.GENERALIZED_TIME, Buffer.from(`${digits}Z`));
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  const flag = critical ? [der(Tag.BOOLEAN, Buffer.of(0xff))] : [];
  return sequence(der(Tag.OID, Buffer.from(id, "hex")), ...flag, der(Tag.OCTET_STRING, value));
}

function alternativeName(name: string): Buffer {
  // IPv4 alone: no test has a certificate for an IPv6 address.
  if (isIP(name) === 4) return der(Tag.IP_ADDRESS, Buffer.from(name.split(".").map(Number)));
  return der(Tag.DNS_NAME, Buffer.from(name, "latin1"));
}
