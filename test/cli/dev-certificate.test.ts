import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { connect, createServer, type ConnectionOptions, type TlsOptions } from "node:tls";
import { createDevCertificate, writeDevCertificate } from "../../src/cli/dev-certificate.js";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const NOW = new Date("2031-05-06T07:08:09.000Z");
const dev = createDevCertificate();

/** A handshake over loopback: how the client authorized the server, or the error that ended it. */
async function handshake(serverOptions: TlsOptions, clientOptions: ConnectionOptions): Promise<string> {
  const server = createServer(serverOptions, (socket) => socket.end());
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect({ host: "127.0.0.1", port: (server.address() as AddressInfo).port, ...clientOptions });
  try {
    return await new Promise((resolve) => {
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.on("secureConnect", () => resolve(socket.authorized ? "authorized" : String(socket.authorizationError)));
    });
  } finally {
    socket.destroy();
    server.close();
    await once(server, "close");
  }
}

describe("createDevCertificate", () => {
  const certificate = new X509Certificate(dev.cert);
  const authority = new X509Certificate(dev.ca);

  test("is for localhost, 127.0.0.1 and ::1, and for nothing else", () => {
    assert.equal(certificate.subject, "CN=localhost");
    assert.equal(certificate.subjectAltName, "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
    assert.equal(certificate.checkHost("localhost", { subject: "never" }), "localhost");
    assert.equal(certificate.checkIP("127.0.0.1"), "127.0.0.1");
    assert.equal(certificate.checkIP("::1"), "::1");
    assert.equal(certificate.checkHost("example.com"), undefined);
    assert.equal(certificate.checkHost("a.localhost"), undefined);
    assert.equal(certificate.checkIP("127.0.0.2"), undefined);
  });

  test("has the key that goes with it, and an authority that has signed it and nothing else", () => {
    const key = createPrivateKey(dev.key);
    assert.equal(key.asymmetricKeyType, "ec");
    assert.equal(key.asymmetricKeyDetails?.namedCurve, "prime256v1");
    assert.ok(certificate.checkPrivateKey(key));
    assert.ok(certificate.verify(authority.publicKey));
    assert.ok(certificate.checkIssued(authority));
    assert.ok(authority.verify(authority.publicKey));
    assert.match(authority.subject, /^CN=barewire throw-away authority [0-9a-f]{8}$/);
    assert.equal(certificate.verify(certificate.publicKey), false);
    assert.equal(certificate.verify(new X509Certificate(createDevCertificate().ca).publicKey), false);
  });

  test("is a server's and no authority, which its own is and no server's: strict clients take no certificate for both", () => {
    assert.equal(certificate.ca, false);
    assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
    assert.equal(authority.ca, true);
    assert.equal(authority.keyUsage, undefined);
    assert.equal(authority.subjectAltName, undefined);
  });

  test("counts from five minutes ago to seven days ahead", () => {
    const { validFrom, validTo } = new X509Certificate(createDevCertificate(NOW).cert);
    assert.equal(NOW.getTime() - Date.parse(validFrom), 5 * MINUTE_MS);
    assert.equal(Date.parse(validTo) - NOW.getTime(), 7 * DAY_MS);
  });

  test("is right across the year 2050, where the form of a time changes", () => {
    const { validFrom, validTo } = new X509Certificate(createDevCertificate(new Date("2049-12-30T00:00:00Z")).cert);
    assert.equal(new Date(validFrom).toISOString(), "2049-12-29T23:55:00.000Z");
    assert.equal(new Date(validTo).toISOString(), "2050-01-06T00:00:00.000Z");
  });

  test("has a positive serial number of its own, within 20 bytes", () => {
    const serials = Array.from({ length: 50 }, () => new X509Certificate(createDevCertificate().cert).serialNumber);
    assert.equal(new Set(serials).size, serials.length);
    for (const serial of serials) assert.match(serial, /^[4-7][0-9A-F]{31}$/);
  });

  test("a client that trusts it authorizes the server, by each of its names", async () => {
    for (const minVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const server = { cert: dev.cert, key: dev.key, minVersion, maxVersion: minVersion };
      assert.equal(await handshake(server, { ca: dev.ca, servername: "localhost" }), "authorized");
      // Without a server name it is the address that is verified.
      assert.equal(await handshake(server, { ca: dev.ca }), "authorized");
    }
  });

  test("a client that trusts another, asks for another name, or lives in another week refuses it", async () => {
    const server = { cert: dev.cert, key: dev.key };
    assert.equal(await handshake(server, { servername: "localhost" }), "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    assert.equal(await handshake(server, { ca: createDevCertificate().ca }), "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    assert.equal(await handshake(server, { ca: dev.ca, servername: "example.com" }), "ERR_TLS_CERT_ALTNAME_INVALID");
    const old = createDevCertificate(new Date(Date.now() - 8 * DAY_MS));
    assert.equal(await handshake(old, { ca: old.ca, servername: "localhost" }), "CERT_HAS_EXPIRED");
    const early = createDevCertificate(new Date(Date.now() + 10 * MINUTE_MS));
    assert.equal(await handshake(early, { ca: early.ca, servername: "localhost" }), "CERT_NOT_YET_VALID");
  });
});

describe("writeDevCertificate", () => {
  const written = writeDevCertificate(dev);
  after(() => written.remove());
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

  test("puts the authority and the key where only this user reads them", () => {
    assert.equal(dirname(written.folder), tmpdir());
    assert.match(basename(written.folder), /^barewire-tls-/);
    assert.deepEqual(readdirSync(written.folder).toSorted(), ["ca.pem", "cert.pem", "key.pem"]);
    assert.equal(readFileSync(written.caFile, "utf8"), dev.ca);
    assert.equal(readFileSync(written.certFile, "utf8"), dev.cert);
    assert.equal(readFileSync(written.keyFile, "utf8"), dev.key);
    assert.equal(mode(written.folder), "700");
    assert.equal(mode(written.keyFile), "600");
  });

  test("another server gets a directory of its own; remove() takes it away, once or twice", () => {
    const other = writeDevCertificate(createDevCertificate());
    assert.notEqual(other.folder, written.folder);
    other.remove();
    other.remove();
    assert.equal(existsSync(other.folder), false);
    assert.equal(existsSync(written.folder), true);
  });
});

// A second opinion on the bytes, where there is one: the tests above do without the command.
const openssl = spawnSync("openssl", ["version"], { encoding: "utf8" }).status === 0;

describe("openssl", { skip: openssl ? false : "there is no openssl command here for a second opinion" }, () => {
  const written = writeDevCertificate(dev);
  after(() => written.remove());
  const run = (...args: string[]): { status: number | null; text: string } => {
    const { status, stdout, stderr } = spawnSync("openssl", args, { encoding: "utf8" });
    return { status, text: stdout + stderr };
  };

  test("verifies it as a server's certificate under itself, strictly", () => {
    const { caFile, certFile } = written;
    for (const name of [
      ["-verify_hostname", "localhost"],
      ["-verify_ip", "127.0.0.1"],
      ["-verify_ip", "::1"],
    ]) {
      const { status, text } = run(
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        ...name,
        "-CAfile",
        caFile,
        certFile,
      );
      assert.equal(status, 0, text);
      assert.match(text, /cert\.pem: OK/);
    }
  });

  test("refuses it under another authority", () => {
    const other = writeDevCertificate(createDevCertificate());
    try {
      const { status, text } = run("verify", "-CAfile", other.caFile, written.certFile);
      assert.notEqual(status, 0, text);
    } finally {
      other.remove();
    }
  });

  test("reads every field as it is meant", () => {
    const { status, text } = run("x509", "-in", written.certFile, "-noout", "-text");
    assert.equal(status, 0, text);
    for (const expected of [
      /Version: 3 \(0x2\)/,
      /Signature Algorithm: ecdsa-with-SHA256/,
      /Issuer: CN ?= ?barewire throw-away authority [0-9a-f]{8}/,
      /Subject: CN ?= ?localhost/,
      /NIST CURVE: P-256/,
      /Basic Constraints: critical\s+CA:FALSE/,
      /Key Usage: critical\s+Digital Signature\s/,
      /Extended Key Usage:\s+TLS Web Server Authentication\s/,
      /Subject Alternative Name:\s+DNS:localhost, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1\s/,
      /Subject Key Identifier:\s+(?:[0-9A-F]{2}:){19}[0-9A-F]{2}\s/,
      /Authority Key Identifier:\s+(?:keyid:)?(?:[0-9A-F]{2}:){19}[0-9A-F]{2}\s/,
    ]) {
      assert.match(text, expected);
    }
    const { text: authority } = run("x509", "-in", written.caFile, "-noout", "-text");
    for (const expected of [
      /Subject: CN ?= ?barewire throw-away authority/,
      /Basic Constraints: critical\s+CA:TRUE, pathlen:0/,
      /Key Usage: critical\s+Certificate Sign\s/,
    ]) {
      assert.match(authority, expected);
    }
    const { text: key } = run("pkey", "-in", join(written.folder, "key.pem"), "-noout", "-text");
    assert.match(key, /NIST CURVE: P-256/);
  });
});
