/**
 * What TLS is told: each part that cannot work is refused when it is given, by name.
 */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { describe, test } from "node:test";
import { Channel, Server, type ChannelTls, type ServerTls } from "../../src/core.js";
import { reasonOf } from "../../src/transport/tls.js";
import { Authority } from "../support/certificates.js";

const authority = new Authority();
const { cert, key } = authority.issue();
const other = authority.issue();
const encrypted = createPrivateKey(key)
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "opens" })
  .toString();
const garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

const SERVER: Readonly<Record<string, readonly [tls: unknown, text: RegExp]>> = {
  "no key": [{ cert }, /must have both cert and key/],
  "no certificate": [{ key }, /must have both cert and key/],
  "a certificate that is none": [{ cert: garbage, key }, /tls\.cert .*certificate in PEM/],
  "a certificate of the wrong type": [
    { cert: 5, key },
    /tls\.cert .*PEM, as a string or bytes: current value is number/,
  ],
  "a key that is none": [{ cert, key: cert }, /tls\.key .*private key in PEM/],
  "the key of another certificate": [{ cert, key: other.key }, /tls\.key .*key of another certificate/],
  "an encrypted key without passphrase": [{ cert, key: encrypted }, /tls\.key .*private key in PEM/],
  "the wrong passphrase": [{ cert, key: encrypted, passphrase: "no" }, /tls\.key .*passphrase opens/],
  "a passphrase of the wrong type": [{ cert, key, passphrase: 5 }, /tls\.passphrase .*string/],
  "authorities that are none": [{ cert, key, clientCa: garbage }, /tls\.clientCa .*certificate in PEM/],
  "a list of no authorities": [{ cert, key, clientCa: [] }, /tls\.clientCa .*at least one/],
  "client certificates without authorities": [{ cert, key, clientCertificate: "required" }, /clientCa must say/],
  "another word for client certificates": [
    { cert, key, clientCa: authority.cert, clientCertificate: "maybe" },
    /"required" or "optional"/,
  ],
  "a version that HTTP/2 does not allow": [
    { cert, key, minVersion: "TLSv1.1" },
    /tls\.minVersion .*current value is "TLSv1\.1"/,
  ],
  "an option that does not exist": [{ cert, key, clientCA: cert }, /no option "clientCA"; did you mean "clientCa"/],
  "a switch": [true, /must be an object/],
};

const CHANNEL: Readonly<Record<string, readonly [tls: unknown, text: RegExp]>> = {
  "a certificate without key": [{ cert }, /tls\.key .*belong/],
  "a key without certificate": [{ key }, /tls\.cert .*belong/],
  "the key of another certificate": [{ cert, key: other.key }, /tls\.key .*key of another certificate/],
  "authorities that are none": [{ ca: [authority.cert, "nothing"] }, /tls\.ca .*certificate in PEM/],
  "a name that is empty": [{ serverName: "" }, /tls\.serverName .*empty/],
  "a name that is none": [{ serverName: "a b" }, /neither a host name nor an IP address/],
  "a version that HTTP/2 does not allow": [{ minVersion: "SSLv3" }, /tls\.minVersion/],
  "an option that switches verification off": [{ rejectUnauthorized: false }, /no option "rejectUnauthorized"/],
  "a word": ["yes", /option tls .*true, false or an object: current value is string/],
  "an array": [[], /option tls .*true, false or an object: current value is an array/],
  null: [null, /option tls .*current value is null/],
};

describe("option tls", () => {
  for (const [what, [tls, text]] of Object.entries(SERVER)) {
    test(`of a server: ${what} is refused, and nothing of a key is shown`, () => {
      assert.throws(
        () => new Server({ tls: tls as ServerTls }),
        (error) => refusedWith(error, text),
      );
    });
  }

  for (const [what, [tls, text]] of Object.entries(CHANNEL)) {
    test(`of a channel: ${what} is refused`, () => {
      assert.throws(
        () => new Channel("localhost:1", { tls: tls as ChannelTls }),
        (error) => refusedWith(error, text),
      );
    });
  }

  test("takes strings and bytes, an encrypted key with its passphrase, one authority or several", () => {
    const bytes = new TextEncoder();
    assert.ok(new Server({ tls: { cert: bytes.encode(cert), key: bytes.encode(key) } }));
    assert.ok(new Server({ tls: { cert, key: encrypted, passphrase: "opens" } }));
    assert.ok(new Server({ tls: { cert, key, clientCa: [authority.cert, bytes.encode(authority.cert)] } }));
    assert.ok(new Channel("localhost:1", { tls: { ca: authority.cert, cert, key, minVersion: "TLSv1.3" } }));
  });

  test("must be given for another machine, and the error names both choices", () => {
    assert.throws(() => new Channel("example.com:1"), /"tls: true" for TLS, or "tls: false" for plaintext/);
    assert.ok(new Channel("example.com:1", { tls: true }));
    assert.ok(new Channel("example.com:1", { tls: false }));
  });
});

test("reasons are OpenSSL's words alone, and those of every address that was tried", () => {
  const error = Object.assign(new Error("80EC:error:0A00:SSL routines:f:bad thing:../deps/x.c:1:\n"), {
    reason: "bad thing",
  });
  assert.equal(reasonOf(error), "bad thing");
  assert.equal(reasonOf(new Error("one\ntwo")), "one");
  assert.equal(reasonOf(new AggregateError([new Error("a"), new Error("b")])), "a; b");
  assert.equal(reasonOf("text"), "text");
});

function refusedWith(error: unknown, text: RegExp): boolean {
  assert.ok(error instanceof TypeError);
  assert.match(error.message, text);
  assert.ok(!error.message.includes(key.split("\n")[1] ?? "?"));
  return true;
}
