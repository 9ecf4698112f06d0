import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { createDevCertificate } from "../../src/cli/dev-certificate.js";
import {
  openServerCertificate,
  type ServerCertificate,
  type ServerTlsFlags,
} from "../../src/cli/server-certificate.js";
import { UsageError } from "../../src/cli/usage-error.js";
import { Authority } from "../support/certificates.js";

const folder = mkdtempSync(join(tmpdir(), "barewire-server-certificate-"));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function open(flags: ServerTlsFlags): ServerCertificate {
  const certificate = openServerCertificate(flags);
  assert.ok(certificate !== undefined);
  return certificate;
}

describe("openServerCertificate", () => {
  test("without --tls there is none, and its flags are refused", () => {
    assert.equal(openServerCertificate({}), undefined);
    for (const name of ["cert-file", "key-file", "client-ca-file"]) {
      assert.throws(
        () => openServerCertificate({ [name]: "f" }),
        (error) => error instanceof UsageError && error.message === `--${name} is for TLS: say --tls as well`,
      );
    }
  });

  test("without files it makes a certificate, and remove() leaves nothing of it", () => {
    const certificate = open({ tls: true });
    assert.equal(certificate.isThrowAway, true);
    assert.equal(certificate.wantsClientCertificate, false);
    const caFile = certificate.caFile ?? "none";
    const authority = new X509Certificate(readFileSync(caFile));
    assert.ok(new X509Certificate(certificate.cert).verify(authority.publicKey));
    assert.ok(certificate.describe().includes(caFile));
    certificate.remove();
    assert.equal(existsSync(dirname(caFile)), false);
  });

  test("a mistake beside a certificate that was made leaves nothing on the disk", () => {
    const before = process.env["TMPDIR"];
    // A place of its own, as tests beside this one make certificates as well.
    process.env["TMPDIR"] = mkdtempSync(join(folder, "tmp-"));
    try {
      assert.throws(() => open({ tls: true, "client-ca-file": join(folder, "none") }), /--client-ca-file/);
      assert.deepEqual(readdirSync(process.env["TMPDIR"]), []);
      process.env["TMPDIR"] = join(folder, "none");
      assert.throws(
        () => open({ tls: true }),
        (error) => error instanceof UsageError && /^--tls: the certificate .* cannot be written/.test(error.message),
      );
    } finally {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
    }
  });

  test("files: describes whom it is for and until when, and stays theirs after remove()", () => {
    const { cert, key } = createDevCertificate(new Date("2041-01-01T00:00:00Z"));
    const certificate = open({ tls: true, "cert-file": file("c.pem", cert), "key-file": file("k.pem", key) });
    assert.deepEqual(certificate.tls, { cert, key });
    assert.equal(certificate.isThrowAway, false);
    const names = "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1";
    assert.equal(
      certificate.describe(new Date("2041-01-02")),
      `TLS with a certificate for "${names}", valid until 2041-01-08`,
    );
    assert.match(certificate.describe(new Date("2041-02-01")), /, NO LONGER VALID since 2041-01-08$/);
    assert.equal(certificate.caFile, undefined);
    certificate.remove();
    assert.ok(existsSync(join(folder, "c.pem")));
  });

  test("a certificate in a file that is its own authority is what clients are to trust", () => {
    const { cert, key } = new Authority().identity;
    const certificate = open({ tls: true, "cert-file": file("s.pem", cert), "key-file": file("sk.pem", key) });
    assert.equal(certificate.caFile, join(folder, "s.pem"));
  });

  test("--client-ca-file makes clients show a certificate", () => {
    const { cert } = createDevCertificate();
    const certificate = open({ tls: true, "client-ca-file": file("ca.pem", cert) });
    try {
      assert.equal(certificate.tls.clientCa, cert);
      assert.equal(certificate.tls.clientCertificate, "required");
      assert.equal(certificate.wantsClientCertificate, true);
      assert.match(certificate.describe(), /; clients must show one, too$/);
    } finally {
      certificate.remove();
    }
  });

  test("reread() takes new files, and keeps what it had when they or their user are no good", () => {
    const [first, second] = [createDevCertificate(), createDevCertificate()];
    const certificate = open({
      tls: true,
      "cert-file": file("c2.pem", first.cert),
      "key-file": file("k2.pem", first.key),
    });
    const used: unknown[] = [];
    file("c2.pem", second.cert);
    assert.throws(() => certificate.reread((tls) => used.push(tls)), /--key-file .* is not the key of/);
    assert.deepEqual([certificate.cert, used], [first.cert, []]);
    file("k2.pem", second.key);
    assert.throws(() =>
      certificate.reread(() => {
        throw new Error("the user says no");
      }),
    );
    assert.equal(certificate.cert, first.cert);
    certificate.reread((tls) => used.push(tls));
    assert.deepEqual(used, [{ cert: second.cert, key: second.key }]);
    assert.equal(certificate.cert, second.cert);
  });
});
