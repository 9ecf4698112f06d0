/** Addresses: every spelling that is taken, and the ones that are not. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatAddress, formatHostPort, isLoopback, parseAddress } from "../../src/transport/address.js";

describe("parseAddress", () => {
  test("reads host and port, IPv6 in brackets, and unix paths", () => {
    const cases: readonly (readonly [text: string, address: unknown])[] = [
      ["localhost:50051", { kind: "tcp", host: "localhost", port: 50_051 }],
      ["127.0.0.1:0", { kind: "tcp", host: "127.0.0.1", port: 0 }],
      [":8080", { kind: "tcp", host: "", port: 8080 }],
      ["[::1]:1", { kind: "tcp", host: "::1", port: 1 }],
      ["[fe80::1%eth0]:65535", { kind: "tcp", host: "fe80::1%eth0", port: 65_535 }],
      ["[::ffff:10.0.0.1]:80", { kind: "tcp", host: "::ffff:10.0.0.1", port: 80 }],
      ["unix:run/s.sock", { kind: "unix", path: "run/s.sock" }],
      ["unix:/run/s.sock", { kind: "unix", path: "/run/s.sock" }],
      ["unix:///run/s.sock", { kind: "unix", path: "/run/s.sock" }],
    ];
    for (const [text, address] of cases) assert.deepEqual(parseAddress(text), address, text);
  });

  test("R217 the default port counts where there is none", () => {
    assert.deepEqual(parseAddress("orders.example", 443), { kind: "tcp", host: "orders.example", port: 443 });
    assert.deepEqual(parseAddress("[::1]", 443), { kind: "tcp", host: "::1", port: 443 });
    assert.deepEqual(parseAddress("orders.example:80", 443), { kind: "tcp", host: "orders.example", port: 80 });
  });

  test("refuses everything else with a TypeError that shows it", () => {
    const wrong = [
      ...["", "localhost", "::1", "::1:80", "[::1]", "[::1", "host:", "host:x", "host:-1", "host:65536", "host:123456"],
      ...["a b:80", "http://host:80", "host:80/path", "unix:", "unix://", "unix:///", "[]:80"],
    ];
    for (const text of wrong) {
      assert.throws(() => parseAddress(text), { name: "TypeError", message: /"host:port"/ }, text);
    }
    for (const text of ["unix://run/s.sock", "unix:a\0b", "unix-abstract:", "unix-abstract:a\0b"]) {
      assert.throws(() => parseAddress(text), { name: "TypeError", message: /"unix:path"/ }, text);
    }
    assert.throws(() => parseAddress(5 as unknown as string), TypeError);
    assert.throws(
      () => parseAddress(`${"x".repeat(5000)}:`),
      (error: Error) => error.message.length < 400,
    );
  });
});

describe("parseAddress, on Linux", { skip: process.platform !== "linux" }, () => {
  test("R216 an abstract socket's path has a NUL in front, and is written back without it", () => {
    assert.deepEqual(parseAddress("unix-abstract:orders"), { kind: "unix", path: "\0orders" });
    assert.equal(formatAddress(parseAddress("unix-abstract:orders")), "unix-abstract:orders");
  });

  test("R216 a path that the system would cut off is refused", () => {
    const longest = `unix:/${"a".repeat(106)}`;
    assert.equal(formatAddress(parseAddress(longest)), longest);
    for (const text of [`${longest}a`, `unix:${"ä".repeat(54)}`, `unix-abstract:${"a".repeat(107)}`]) {
      assert.throws(() => parseAddress(text), { name: "TypeError", message: /107 bytes at most: it has 108/ }, text);
    }
  });
});

describe("formatAddress", () => {
  test("writes what parseAddress reads", () => {
    for (const text of ["localhost:50051", "[::1]:80", "127.0.0.1:1", "unix:/run/s.sock"]) {
      assert.equal(formatAddress(parseAddress(text)), text);
    }
  });

  test("formatHostPort puts brackets around IPv6 only", () => {
    assert.equal(formatHostPort("::1", 80), "[::1]:80");
    assert.equal(formatHostPort("h", 80), "h:80");
  });
});

describe("isLoopback", () => {
  test("knows this machine by its names and addresses, and nobody else's", () => {
    const here = [
      "localhost:1",
      "LocalHost:1",
      "a.localhost:1",
      "127.0.0.1:1",
      "127.200.3.4:1",
      "[::1]:1",
      ":1",
      "unix:/s",
    ];
    for (const text of here) assert.ok(isLoopback(parseAddress(text)), text);
    const elsewhere = ["example.com:1", "localhost.example.com:1", "10.0.0.1:1", "0.0.0.0:1", "127.example.com:1"];
    for (const text of [...elsewhere, "[::]:1", "[fe80::1]:1", "notlocalhost:1"]) {
      assert.ok(!isLoopback(parseAddress(text)), text);
    }
  });
});
