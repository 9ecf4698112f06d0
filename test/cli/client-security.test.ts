import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { readSecurity, type SecurityFlags } from "../../src/cli/client-security.js";
import { createDevCertificate, writeDevCertificate } from "../../src/cli/dev-certificate.js";
import { UsageError } from "../../src/cli/usage-error.js";

const dev = createDevCertificate();
const { caFile, certFile, keyFile, remove } = writeDevCertificate(dev);
after(remove);

describe("readSecurity", () => {
  test("says to a channel what the flags say, and nothing more", () => {
    for (const [flags, expected] of [
      [{}, {}],
      [{ plaintext: true }, { tls: false }],
      [{ tls: true }, { tls: {} }],
      [{ tls: true, "ca-file": caFile }, { tls: { ca: dev.ca } }],
      [
        { tls: true, "ca-file": caFile, "server-host-override": "a.example" },
        { tls: { ca: dev.ca }, authority: "a.example" },
      ],
      [{ tls: true, "cert-file": certFile, "key-file": keyFile }, { tls: { cert: dev.cert, key: dev.key } }],
    ] as const) {
      assert.deepEqual(readSecurity(flags), expected);
    }
  });

  test("refuses flags that contradict each other, or change nothing", () => {
    for (const [flags, expected] of [
      [{ "ca-file": caFile }, /^--ca-file is for TLS: say --tls as well$/],
      [{ "ca-file": caFile, plaintext: true }, /^--ca-file is for TLS/],
      [{ "server-host-override": "a" }, /^--server-host-override is for TLS/],
      [{ "cert-file": caFile, "key-file": keyFile }, /^--cert-file is for TLS/],
      [{ "key-file": keyFile }, /^--key-file is for TLS/],
      [{ tls: true, plaintext: true }, /^--tls and --plaintext are opposites/],
      [{ tls: true, "cert-file": caFile }, /^--cert-file wants --key-file as well/],
      [{ tls: true, "key-file": keyFile }, /^--key-file wants --cert-file as well/],
      [{ tls: true, "ca-file": keyFile }, /^--ca-file ".*": it must be a certificate/],
      [{ tls: true, "server-host-override": "" }, /^--server-host-override must be .*: current value is ""$/],
      [{ tls: true, "server-host-override": "a b" }, /current value is "a b"$/],
    ] as const satisfies readonly (readonly [SecurityFlags, RegExp])[]) {
      assert.throws(
        () => readSecurity(flags),
        (error) => error instanceof UsageError && expected.test(error.message),
        JSON.stringify(flags),
      );
    }
  });
});
