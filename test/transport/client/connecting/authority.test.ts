/**
 * Authorities: what a target's is, and which host one names.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../../../src/transport/address.js";
import { checkAuthority, defaultAuthority, hostOf } from "../../../../src/transport/client/connecting/authority.js";

test("R289 the authority is the target as it was given, percent-encoded, and localhost for a unix socket", () => {
  const authorities: Readonly<Record<string, string>> = {
    "example.com:50051": "example.com:50051",
    "example.com": "example.com",
    "Example.COM:1": "Example.COM:1",
    "[::1]:50051": "[::1]:50051",
    ":50051": "localhost:50051",
    "bücher.example:1": "b%C3%BCcher.example:1",
    "unix:/run/a.sock": "localhost",
  };
  for (const [target, authority] of Object.entries(authorities)) {
    assert.equal(defaultAuthority(target, parseAddress(target, 443)), authority, target);
    assert.doesNotThrow(() => checkAuthority(authority));
  }
});

test("the host of an authority is without port, brackets and percent-encoding", () => {
  const hosts: Readonly<Record<string, string>> = {
    "example.com:50051": "example.com",
    "example.com": "example.com",
    "[::1]:50051": "::1",
    "[fe80::1%eth0]:1": "fe80::1%eth0",
    "b%C3%BCcher.example:1": "bücher.example",
    "10.0.0.1:443": "10.0.0.1",
  };
  for (const [authority, host] of Object.entries(hosts)) assert.equal(hostOf(authority), host);
});

test("what cannot stand in a header is no authority", () => {
  for (const authority of ["", "a b", "a\r\nb", "ü", 5, null]) {
    assert.throws(() => checkAuthority(authority), /option authority .*printable ASCII/);
  }
});
