import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createDevCertificate } from "../../src/cli/dev-certificate.js";
import { certificateFiles, readAuthorities, readCertificateAndKey } from "../../src/cli/pem-file.js";
import { UsageError } from "../../src/cli/usage-error.js";

const folder = mkdtempSync(join(tmpdir(), "barewire-pem-"));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const { cert, key } = createDevCertificate();
const other = createDevCertificate();
const certFile = file("cert.pem", cert);
const keyFile = file("key.pem", key);

function read(certPath: string, keyPath: string): { cert: string; key: string } {
  return readCertificateAndKey({ flag: "--cert-file", file: certPath }, { flag: "--key-file", file: keyPath });
}

function fails(what: () => unknown, expected: RegExp): void {
  assert.throws(what, (error) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, expected);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

describe("readCertificateAndKey", () => {
  test("gives what is in the files, the chain behind the certificate included", () => {
    assert.deepEqual(read(certFile, keyFile), { cert, key });
    const chain = cert + other.cert;
    assert.deepEqual(read(file("chain.pem", chain), keyFile), { cert: chain, key });
  });

  test("takes a key in its older form, both in one file, and lines that end as on Windows", () => {
    const sec1 = createPrivateKey(key).export({ format: "pem", type: "sec1" }).toString();
    assert.equal(read(certFile, file("sec1.pem", sec1)).key, sec1);
    for (const text of [`notes\n${key}${cert}`, `${cert}${key}`, `${cert}${key}`.replaceAll("\n", "\r\n")]) {
      const both = file("both.pem", text);
      assert.deepEqual(read(both, both), { cert: text, key: text });
    }
  });

  test("says which file cannot be read, and why", () => {
    fails(() => read(join(folder, "none.pem"), keyFile), /^--cert-file ".*none\.pem": there is no such file$/);
    fails(() => read(certFile, join(folder, "none.key")), /^--key-file ".*none\.key": there is no such file$/);
    fails(() => read(join(certFile, "below"), keyFile), /^--cert-file ".*below": there is no such file$/);
    fails(() => read(folder, keyFile), /^--cert-file ".*": it is a directory$/);
    fails(() => read("a\0b", keyFile), /^--cert-file "a\\u0000b": /);
  });

  test("says what was wanted and what is there instead", () => {
    const publicKey = createPublicKey(key).export({ format: "pem", type: "spki" }).toString();
    for (const [text, expected] of [
      ["", /^--cert-file ".*x\.pem": it must be a certificate in PEM, and it is empty$/],
      ["hello", /^--cert-file .*must be a certificate in PEM, and there is no PEM in it$/],
      [key, /^--cert-file .*must be a certificate in PEM, and what is in it begins with "BEGIN PRIVATE KEY"$/],
      [cert.replace("-----END", ""), /^--cert-file .*must be a certificate in PEM, and what .*"BEGIN CERTIFICATE"$/],
      [cert.replace("M", "!"), /^--cert-file ".*": its certificate 1 is broken: /],
      [cert + cert.slice(0, 60) + other.cert.slice(100), /^--cert-file ".*": its certificate 2 is broken: /],
    ] as const) {
      fails(() => read(file("x.pem", text), keyFile), expected);
    }
    for (const [text, expected] of [
      ["", /^--key-file ".*y\.pem": it must be a private key in PEM, and it is empty$/],
      [cert, /^--key-file .*must be a private key in PEM, and what is in it begins with "BEGIN CERTIFICATE"$/],
      [publicKey, /^--key-file .*must be a private key in PEM, and what is in it begins with "BEGIN PUBLIC KEY"$/],
      [key.replace("MI", "!!"), /^--key-file ".*": its key is broken: /],
      [key.slice(0, 100), /^--key-file ".*": its key is broken: /],
    ] as const) {
      fails(() => read(certFile, file("y.pem", text)), expected);
    }
  });

  test("refuses the key of another certificate, naming both files", () => {
    const others = file("other-key.pem", other.key);
    fails(() => read(certFile, others), /^--key-file ".*other-key\.pem": it is not the key of .* ".*cert\.pem"$/);
  });

  test("refuses an encrypted key, of either form", () => {
    const encryption = { cipher: "aes-256-cbc", passphrase: "secret", format: "pem" } as const;
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    for (const type of ["pkcs8", "sec1"] as const) {
      const encrypted = file("encrypted.pem", privateKey.export({ ...encryption, type }).toString());
      fails(() => read(certFile, encrypted), /^--key-file ".*": its key is encrypted, .*openssl pkey/);
    }
  });

  test("repeats no byte of a key", () => {
    const secret = key.split("\n")[1] ?? "";
    for (const [certPath, keyPath] of [
      [keyFile, keyFile],
      [certFile, file("broken-key.pem", `${key.slice(0, 100)}-----END PRIVATE KEY-----\n`)],
    ] as const) {
      assert.throws(
        () => read(certPath, keyPath),
        (error: Error) => !error.message.includes(secret.slice(0, 8)),
      );
    }
  });
});

describe("readAuthorities", () => {
  const readCa = (path: string): string => readAuthorities({ flag: "--ca-file", file: path });

  test("takes one certificate or several", () => {
    assert.equal(readCa(certFile), cert);
    assert.equal(readCa(file("two.pem", `# ours\n${cert}\n# theirs\n${other.cert}`)).includes(other.cert), true);
  });

  test("refuses what a TLS library would pass over in silence", () => {
    fails(() => readCa(join(folder, "none.pem")), /^--ca-file ".*none\.pem": there is no such file$/);
    fails(() => readCa(file("garbage.pem", "garbage")), /^--ca-file .*must be a certificate in PEM/);
    fails(() => readCa(keyFile), /^--ca-file .*must be a certificate in PEM, .*"BEGIN PRIVATE KEY"$/);
    fails(() => readCa(file("bad.pem", cert + other.cert.replace("MII", "AAA"))), /its certificate 2 is broken: /);
  });
});

test("certificateFiles wants both or none", () => {
  assert.equal(certificateFiles(undefined, undefined), undefined);
  assert.deepEqual(certificateFiles("c", "k"), {
    cert: { flag: "--cert-file", file: "c" },
    key: { flag: "--key-file", file: "k" },
  });
  fails(() => certificateFiles("c", undefined), /^--cert-file wants --key-file as well/);
  fails(() => certificateFiles(undefined, "k"), /^--key-file wants --cert-file as well/);
});
