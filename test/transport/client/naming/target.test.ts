/**
 * Targets: every spelling that is taken, what follows from it, and how others are refused.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { hostOf } from "../../../../src/transport/client/connecting/authority.js";
import { parseTarget, SCHEMES } from "../../../../src/transport/client/naming/target.js";

const onLinux = { skip: process.platform !== "linux" && "abstract sockets are Linux's" };

/** What a channel would look up, or connect to. */
function found(target: string | readonly string[]): unknown {
  const { name, addresses } = parseTarget(target);
  const shown = (addresses ?? []).map((one) => (one.kind === "unix" ? one.path : `${one.host} ${one.port}`));
  return name === undefined ? shown : `${name.host} ${name.port}`;
}

function refuses(target: unknown, message: RegExp, schemes: readonly string[] = []): void {
  assert.throws(() => parseTarget(target as string, schemes), { name: "TypeError", message }, String(target));
}

describe("parseTarget", () => {
  test("R215 R216 R217 names in the DNS, with and without the scheme, and the port that is meant without one", () => {
    const names: Readonly<Record<string, string>> = {
      "orders.example:50051": "orders.example 50051",
      "orders.example": "orders.example 443",
      "Orders.Example.:1": "Orders.Example. 1",
      "dns:orders.example:50051": "orders.example 50051",
      "dns:orders.example": "orders.example 443",
      "dns:/orders.example:1": "orders.example 1",
      "dns:///orders.example": "orders.example 443",
      "DNS:///orders.example:1": "orders.example 1",
      "dns:///my_service.ns:0": "my_service.ns 0",
      "dns:///a%2Db.example": "a-b.example 443",
      "localhost:50051": "localhost 50051",
      localhost: "localhost 443",
      "dns.example:443": "dns.example 443",
      "unixes:80": "unixes 80",
    };
    for (const [target, name] of Object.entries(names)) {
      assert.equal(found(target), name, target);
      assert.equal(parseTarget(target).scheme, "dns");
      assert.equal(parseTarget(target).text, target);
    }
  });

  test("R218 IP literals need no query", () => {
    const literals: Readonly<Record<string, string>> = {
      "10.0.0.1:50051": "10.0.0.1 50051",
      "10.0.0.1": "10.0.0.1 443",
      "dns:10.0.0.1": "10.0.0.1 443",
      "[::1]:50051": "::1 50051",
      "[::1]": "::1 443",
      "dns:///[2001:db8::1]:80": "2001:db8::1 80",
      "dns:[::ffff:10.0.0.1]": "::ffff:10.0.0.1 443",
      "[fe80::1%eth0]:80": "fe80::1%eth0 80",
      "dns:///[fe80::1%25eth0]:80": "fe80::1%eth0 80",
      ":50051": " 50051",
      "dns:///:50051": " 50051",
    };
    for (const [target, address] of Object.entries(literals)) assert.deepEqual(found(target), [address], target);
  });

  test("R216 lists of addresses by their scheme, and as a list", () => {
    assert.deepEqual(found("ipv4:10.0.0.1:50051,10.0.0.2"), ["10.0.0.1 50051", "10.0.0.2 443"]);
    assert.deepEqual(found("ipv4:///10.0.0.1"), ["10.0.0.1 443"]);
    assert.deepEqual(found("ipv6:[::1]:50051,[::2],2001:db8::3"), ["::1 50051", "::2 443", "2001:db8::3 443"]);
    assert.deepEqual(found(["a.example:1", "10.0.0.1", "[::1]:2", "unix:/run/a.sock"]), [
      ...["a.example 1", "10.0.0.1 443", "::1 2", "/run/a.sock"],
    ]);
    assert.equal(parseTarget(["a:1", "b:2"]).text, "a:1,b:2");
    for (const target of [
      "ipv4:",
      "ipv4:::1",
      "ipv4:[::1]",
      "ipv4:a.example",
      "ipv4:10.0.0.1,",
      "ipv4:10.0.0.1, 10.0.0.2",
      "ipv4:1.2.3",
    ]) {
      refuses(target, /must be a list of IPv4 addresses, "ipv4:10.0.0.1:50051,10.0.0.2": current value is "ipv4:/);
    }
    for (const target of ["ipv6:", "ipv6:10.0.0.1", "ipv6:[::1]:99999", "ipv6:[g::]"])
      refuses(target, /must be a list of IPv6 addresses/);
    refuses("ipv4://server/10.0.0.1", /without a server in front/);
    refuses([], /a list of at least one address/);
    refuses(["a:1", 5], /address .*current value is number/);
    refuses(["a:1", "b c"], /address .*current value is "b c"/);
  });

  test("R216 unix sockets by path, taken as it is written", () => {
    const paths: Readonly<Record<string, string>> = {
      "unix:run/a.sock": "run/a.sock",
      "unix:/run/a.sock": "/run/a.sock",
      "unix:///run/a.sock": "/run/a.sock",
      "unix:///run/a%20b?c#d": "/run/a%20b?c#d",
    };
    for (const [target, path] of Object.entries(paths)) assert.deepEqual(found(target), [path], target);
    for (const target of ["unix:", "unix:/", "unix://", "unix:///", "unix://server/run/a.sock", "unix:a\0b"]) {
      refuses(target, /"unix:path": current value is "unix:/);
    }
  });

  test("R216 abstract unix sockets have a NUL in front", onLinux, () => {
    assert.deepEqual(found("unix-abstract:orders"), ["\0orders"]);
    for (const target of ["unix-abstract:", "unix-abstract:a\0b"]) refuses(target, /current value is "unix-abstract:/);
  });

  test("R216 a socket's path is refused where the system would cut it off", onLinux, () => {
    assert.deepEqual(found(`unix:/${"a".repeat(106)}`), [`/${"a".repeat(106)}`]);
    refuses(`unix:/${"a".repeat(107)}`, /as the path of a unix socket as it must have 107 bytes at most: it has 108$/);
    refuses(`unix:/${"ä".repeat(54)}`, /it has 109$/);
    refuses(`unix-abstract:${"a".repeat(107)}`, /it has 108$/);
  });

  test("R219 a DNS server is an IP address in front of the name", () => {
    const server = (target: string): unknown => {
      const { host, port } = parseTarget(target).dnsServer ?? { host: "none", port: 0 };
      return `${host} ${port}`;
    };
    assert.equal(server("dns://8.8.8.8/orders.example:1"), "8.8.8.8 53");
    assert.equal(server("dns://8.8.8.8:5353/orders.example"), "8.8.8.8 5353");
    assert.equal(server("dns://[2001:4860:4860::8888]:53/orders.example"), "2001:4860:4860::8888 53");
    assert.equal(server("dns:///orders.example"), "none 0");
    for (const target of [
      "dns://resolver.example/a",
      "dns://8.8.8.8:x/a",
      "dns://8.8.8.8:53:53/a",
      "dns://a@8.8.8.8/a",
    ]) {
      refuses(target, /must be "dns:\/\/server\/host" with the IP address of a DNS server, or "dns:\/\/\/host"/);
    }
    refuses("dns://orders.example:50051", /must be "dns:\/\/\/host:port"/);
  });

  test("R215 a scheme that the channel has a resolver for is that resolver's, and its own come first", () => {
    const target = parseTarget("consul://dc1/orders/a%20b%2f?x#y", ["consul"]);
    const { scheme, authority, path, serverName, isLocal, name, addresses } = target;
    assert.deepEqual({ scheme, authority, path }, { scheme: "consul", authority: "dc1", path: "orders/a b/?x#y" });
    assert.deepEqual({ serverName, isLocal }, { serverName: "orders%2Fa%20b%2f%3Fx%23y", isLocal: false });
    assert.deepEqual([name, addresses], [undefined, undefined]);
    assert.equal(parseTarget("CONSUL:orders", ["consul"]).path, "orders");
    assert.equal(parseTarget("dns:///whatever you like", ["dns"]).path, "whatever you like");
    assert.deepEqual(SCHEMES, ["dns", "ipv4", "ipv6", "unix", "unix-abstract"]);
  });

  test("R215 what no scheme takes is tried as a name, and the error says what was meant", () => {
    refuses(
      "http://localhost:80",
      /current value is "http:\/\/localhost:80"; a channel has no http: its option tls says/,
    );
    refuses("https://orders.example", /a channel has no https/);
    refuses("dsn:///orders.example", /no scheme "dsn" is known: did you mean "dns"\?$/);
    refuses("consul:///orders", /no scheme "consul" is known: option resolvers can have one$/);
    refuses("consul:///orders", /did you mean "consul2"\?$/, ["consul2"]);
    for (const target of [
      "",
      "a b:1",
      "host:port",
      "localhost:99999",
      "::1",
      "::1:80",
      "[::1",
      "a@b:1",
      "a?b",
      "a/b:1",
      "a:1,b:2",
      "ü..x",
    ]) {
      refuses(target, /must be "host:port", "dns:\/\/\/host:port"/);
    }
    refuses("orders:port", /current value is "orders:port"$/);
    for (const target of [5, null, undefined, {}]) refuses(target, /must be "host:port"/);
    refuses("x".repeat(5000), /^.{1,400}$/);
  });

  test("R215 names of other alphabets are asked for in ASCII", () => {
    assert.equal(found("bücher.example:1"), "xn--bcher-kva.example 1");
    assert.equal(found("dns:///b%C3%BCcher.example"), "xn--bcher-kva.example 443");
    assert.equal(found("例え.テスト"), "xn--r8jz45g.xn--zckzah 443");
    refuses(`${"ü".repeat(64)}.example`, /must be/);
  });

  test("R289 the server's name is the path as it was written", () => {
    const names: Readonly<Record<string, string>> = {
      "example.com:50051": "example.com:50051",
      "dns:///example.com": "example.com",
      "dns://8.8.8.8/example.com:1": "example.com:1",
      "Example.COM:1": "Example.COM:1",
      "dns:[::1]:50051": "[::1]:50051",
      ":50051": "localhost:50051",
      "dns:///:50051": "localhost:50051",
      "bücher.example:1": "b%C3%BCcher.example:1",
      "unix:/run/a.sock": "localhost",
      "ipv4:10.0.0.1:1,10.0.0.2:2": "10.0.0.1:1",
      "ipv6:::1,::2": "[::1]",
    };
    for (const [target, name] of Object.entries(names)) assert.equal(parseTarget(target).serverName, name, target);
    assert.equal(
      parseTarget('x:a b/c?d#e"\\^{}|<>`', ["x"]).serverName,
      "a%20b%2Fc%3Fd%23e%22%5C%5E%7B%7D%7C%3C%3E%60",
    );
    assert.equal(parseTarget(["a.example:1", "b.example:2"]).serverName, "a.example:1");
    assert.equal(parseTarget(["unix:/a", "b.example:2"]).serverName, "localhost");
    assert.equal(hostOf(parseTarget("ipv6:::1").serverName), "::1");
  });

  test("a target is local when all of it is", () => {
    for (const target of [
      "localhost",
      "dns:///a.localhost:1",
      "127.0.0.1",
      "[::1]:1",
      ":1",
      "unix:/a",
      "ipv4:127.0.0.1,127.0.0.2",
    ]) {
      assert.ok(parseTarget(target).isLocal, target);
    }
    assert.ok(parseTarget(["localhost:1", "unix:/a"]).isLocal);
    for (const target of ["a.example", "ipv4:127.0.0.1,10.0.0.1", "dns://127.0.0.1/a.example"]) {
      assert.ok(!parseTarget(target).isLocal, target);
    }
    assert.ok(!parseTarget(["localhost:1", "b.example:1"]).isLocal);
  });

  test("R215 any text is a target, or a TypeError of bounded length", () => {
    const piece = fc.constantFrom(
      "dns",
      "ipv4",
      "ipv6",
      "unix",
      ":",
      "//",
      "/",
      "[",
      "]",
      "::1",
      "10.0.0.1",
      "a.b",
      "%41",
      "%",
      ",",
      "\0",
      "ü",
      "99999",
      "1",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join("")),
        ),
        (text) => {
          try {
            const target = parseTarget(text);
            assert.ok(target.name !== undefined || (target.addresses?.length ?? 0) > 0);
            assert.match(target.serverName, /^[\x21-\x7e]+$/);
          } catch (error) {
            assert.ok(error instanceof TypeError, String(error));
            assert.ok(error.message.length < 800);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
