/**
 * Which targets go through a proxy: the option, the environment, and what is excepted.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Proxy } from "../../../../src/transport/client/connecting/proxy-connect.js";
import { routesTo, type Environment } from "../../../../src/transport/client/naming/proxy.js";
import { parseTarget } from "../../../../src/transport/client/naming/target.js";

/** The proxy on the way to all of a target's addresses, or to the one that is found behind its name. */
function via(target: string | readonly string[], environment: Environment, option?: unknown): (Proxy | undefined)[] {
  const parsed = parseTarget(target, ["consul"]);
  const routes = routesTo(parsed, option, environment);
  return (parsed.addresses ?? [{ kind: "tcp", host: "192.0.2.1", port: 1 }]).map(routes);
}

function shown(proxy: Proxy | undefined): string {
  return proxy === undefined ? "direct" : `${proxy.host} ${proxy.port}`;
}

function isDirect(target: string, noProxy: string): boolean {
  return via(target, { https_proxy: "http://proxy:3128", no_proxy: noProxy }).every((proxy) => proxy === undefined);
}

describe("routesTo", () => {
  test("R300 the environment names the proxy: grpc_proxy, https_proxy, http_proxy, in this order", () => {
    const route = (environment: Environment): string => shown(via("orders.example:1", environment)[0]);
    const all = {
      grpc_proxy: "http://a:1",
      https_proxy: "http://b:2",
      HTTPS_PROXY: "http://c:3",
      http_proxy: "http://d:4",
    };
    assert.equal(route(all), "a 1");
    assert.equal(route({ ...all, grpc_proxy: "" }), "b 2");
    assert.equal(route({ ...all, grpc_proxy: undefined, https_proxy: undefined }), "c 3");
    assert.equal(route({ http_proxy: "http://d" }), "d 80");
    assert.equal(route({ http_proxy: "d:3128" }), "d 3128");
    assert.equal(route({ http_proxy: "http://[::1]:3128/" }), "::1 3128");
    assert.equal(route({ HTTP_PROXY: "http://e:5" }), "direct");
    assert.equal(route({}), "direct");
  });

  test("R300 the option comes before the environment, and false means none", () => {
    const environment = { https_proxy: "http://a:1", no_proxy: "*" };
    assert.equal(shown(via("orders.example", environment, "http://b:2")[0]), "b 2");
    assert.equal(shown(via("orders.example", { https_proxy: "http://a:1" }, false)[0]), "direct");
    for (const option of [true, 5, null, {}]) {
      assert.throws(() => via("orders.example", {}, option), {
        name: "TypeError",
        message: /option proxy as it must be false or a URL/,
      });
    }
  });

  test("R300 this machine and unix sockets are never reached through a proxy", () => {
    const local = [
      "localhost:1",
      "localhost.",
      "a.localhost",
      "127.0.0.1",
      "[::1]:1",
      ":1",
      "unix:/run/a.sock",
      "ipv4:127.0.0.2",
    ];
    for (const target of local) {
      for (const option of [undefined, "http://b:2"]) {
        assert.deepEqual(via(target, { https_proxy: "http://a:1" }, option), [undefined], target);
      }
    }
  });

  test("R300 each address of a list goes its own way, and what a resolver of one's own finds goes straight", () => {
    const environment = { https_proxy: "http://a:1", no_proxy: "10.0.0.2" };
    assert.deepEqual(via("ipv4:10.0.0.1,10.0.0.2", environment).map(shown), ["a 1", "direct"]);
    assert.deepEqual(via(["b.example:1", "127.0.0.1:2", "unix:/a"], environment).map(shown), [
      "a 1",
      "direct",
      "direct",
    ]);
    assert.deepEqual(via("consul:///orders", environment).map(shown), ["direct"]);
  });

  test("R300 a name that is excepted goes straight to whatever is found behind it, and another through the proxy", () => {
    const environment = { https_proxy: "http://a:1", no_proxy: "orders.example" };
    assert.deepEqual(via("orders.example", environment).map(shown), ["direct"]);
    assert.deepEqual(via("shop.example", environment).map(shown), ["a 1"]);
  });

  test("R300 no_proxy has domains with all below them, addresses, blocks of them, ports, and a star for all", () => {
    const cases: readonly (readonly [list: string, direct: readonly string[], proxied: readonly string[]])[] = [
      ["*", ["orders.example", "10.0.0.1", "[2001:db8::1]"], []],
      [
        "example.com",
        ["example.com", "a.b.example.com:1", "EXAMPLE.com."],
        ["myexample.com", "example.com.org", "com"],
      ],
      [".example.com", ["example.com", "a.example.com"], ["aexample.com"]],
      ["*.example.com", ["example.com", "a.example.com"], ["aexample.com"]],
      ["a, b.example  c.example\t,,", ["a", "b.example", "x.c.example"], ["d"]],
      ["10.0.0.1", ["10.0.0.1:5"], ["10.0.0.10", "110.0.0.1", "a.10.0.0.1.example"]],
      ["10.0.0.0/8", ["10.255.0.1"], ["11.0.0.1", "10.example"]],
      ["0.0.0.0/0", ["8.8.8.8"], ["[2001:db8::1]", "a.example"]],
      ["2001:db8::/32", ["[2001:db8:1::1]:443"], ["[2001:db9::1]", "10.0.0.1"]],
      ["[2001:db8::1]:443,2001:db8::2", ["[2001:db8::1]", "[2001:db8::2]:80"], ["[2001:db8::1]:80"]],
      ["orders.example:50051", ["orders.example:50051", "a.orders.example:50051"], ["orders.example:443"]],
      ["10.0.0.0/8:50051", ["10.0.0.1:50051"], ["10.0.0.1"]],
      ["10.0.0.0/33,10.0.0.0/x,10.0.0.0/,10.0.0.0/8/8,.,:80,/", [], ["10.0.0.1", "a.example", "a.example:80"]],
    ];
    for (const [list, direct, proxied] of cases) {
      for (const target of direct) assert.ok(isDirect(target, list), `${target} under ${list}`);
      for (const target of proxied) assert.ok(!isDirect(target, list), `${target} not under ${list}`);
    }
    const names = {
      https_proxy: "http://a:1",
      no_grpc_proxy: "one.example",
      no_proxy: "two.example",
      NO_PROXY: "three.example",
    };
    assert.equal(shown(via("one.example", names)[0]), "direct");
    assert.equal(shown(via("two.example", names)[0]), "a 1");
    assert.equal(shown(via("three.example", { ...names, no_grpc_proxy: "", no_proxy: undefined })[0]), "direct");
  });

  test("R300 user and password become proxy-authorization", () => {
    const authorization = (url: string): string | undefined => via("a.example", { https_proxy: url })[0]?.authorization;
    const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString("base64")}`;
    assert.equal(authorization("http://me:secret@proxy:1"), basic("me:secret"));
    assert.equal(authorization("http://m%40e:s%3Ae%C3%A4@proxy:1"), basic("m@e:s:eä"));
    assert.equal(authorization("http://me:50%@proxy:1"), basic("me:50%"));
    assert.equal(authorization("me@proxy:1"), basic("me:"));
    assert.equal(authorization("http://proxy:1"), undefined);
  });

  test("R300 what is no proxy is refused by where it stands, and never repeated", () => {
    const secrets = [
      "https://me:secret@proxy",
      "socks5://me:secret@proxy",
      "http://me:secret@proxy:99999",
      "http://",
      "me:secret@a b",
    ];
    for (const text of secrets) {
      for (const [of, run] of [
        ["the environment variable https_proxy", () => via("a.example", { https_proxy: text })],
        ["option proxy", () => via("a.example", {}, text)],
      ] as const) {
        assert.throws(run, (error: Error) => {
          assert.ok(error instanceof TypeError);
          assert.match(error.message, new RegExp(`^Cannot use ${of} as it must be "http://host:port"`));
          assert.doesNotMatch(JSON.stringify([error, error.message, error.stack, error.cause]), /secret/);
          return true;
        });
      }
    }
    assert.throws(
      () => via("a.example", { https_proxy: "https://proxy" }),
      /its scheme is "https"; option proxy of the channel overrides it/,
    );
    // A variable that does not count here is none of this channel's business.
    assert.deepEqual(via("localhost", { https_proxy: "socks5://proxy" }), [undefined]);
  });
});
