/**
 * The DNS as a resolver: what is asked, what comes of the answers, and what of none.
 */
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { dnsResolver, type DnsQueries } from "../../../../src/transport/client/naming/dns-resolver.js";
import { namingOf } from "../../../../src/transport/client/naming/naming.js";
import { routesTo } from "../../../../src/transport/client/naming/proxy.js";
import type { Resolution } from "../../../../src/transport/client/naming/resolver.js";
import { parseTarget } from "../../../../src/transport/client/naming/target.js";
import { checkResolvers, resolverOf } from "../../../../src/transport/client/naming/target-resolver.js";
import { RecordType, startNameServer, textRecord, type DnsRecords } from "../../../support/name-server.js";

/** A DNS that answers from a list, and notes what it was asked. */
class ListedDns implements DnsQueries {
  readonly asked: string[] = [];
  cancelled = 0;
  readonly #addresses: readonly string[] | Error;
  readonly #texts: readonly (readonly string[])[] | Error;

  constructor(addresses: readonly string[] | Error, texts: readonly (readonly string[])[] | Error = []) {
    this.#addresses = addresses;
    this.#texts = texts;
  }

  addresses(host: string): Promise<readonly string[]> {
    this.asked.push(host);
    return this.#addresses instanceof Error ? Promise.reject(this.#addresses) : Promise.resolve(this.#addresses);
  }

  texts(name: string): Promise<readonly (readonly string[])[]> {
    this.asked.push(`TXT ${name}`);
    return this.#texts instanceof Error ? Promise.reject(this.#texts) : Promise.resolve(this.#texts);
  }

  cancel(): void {
    this.cancelled++;
  }
}

async function resolve(text: string, queries: DnsQueries, percentile?: number): Promise<Resolution> {
  const target = parseTarget(text);
  const resolver = dnsResolver(target, { queries: () => queries, percentile });
  return (await resolver(target, new AbortController().signal)) as Resolution;
}

function failure(code: string): Error {
  return Object.assign(new Error(`queryX ${code} name`), { code });
}

describe("dnsResolver", () => {
  test("R220 every address is an endpoint of its own, in the order of the answer, and none is there twice", async () => {
    const queries = new ListedDns(["10.0.0.2", "2001:db8::1", "10.0.0.1", "10.0.0.2"]);
    const { endpoints, serviceConfig } = await resolve("orders.example:50051", queries);
    assert.deepEqual(endpoints, [
      { kind: "tcp", host: "10.0.0.2", port: 50_051 },
      { kind: "tcp", host: "2001:db8::1", port: 50_051 },
      { kind: "tcp", host: "10.0.0.1", port: 50_051 },
    ]);
    assert.equal(serviceConfig, undefined);
    assert.deepEqual(queries.asked, ["orders.example"]);
  });

  test("a failure says which name and why, and no address is an empty list", async () => {
    await assert.rejects(resolve("orders.example", new ListedDns(failure("ENOTFOUND"))), (error: Error) => {
      assert.equal(error.message, "the name orders.example could not be resolved: queryX ENOTFOUND name");
      assert.equal((error.cause as { code?: string }).code, "ENOTFOUND");
      return true;
    });
    assert.deepEqual((await resolve("orders.example", new ListedDns([]))).endpoints, []);
  });

  test("R224 R226 a service config is looked up when that is asked for, and not otherwise", async () => {
    const record = [[`grpc_config=${JSON.stringify([{ serviceConfig: { id: 1 } }])}`]];
    const asked = new ListedDns(["10.0.0.1"], record);
    assert.deepEqual((await resolve("orders.example:1", asked, 50)).serviceConfig, { id: 1 });
    assert.deepEqual(asked.asked.toSorted(), ["TXT _grpc_config.orders.example", "orders.example"]);
    const unasked = new ListedDns(["10.0.0.1"], record);
    assert.equal((await resolve("orders.example:1", unasked)).serviceConfig, undefined);
    assert.deepEqual(unasked.asked, ["orders.example"]);
  });

  test("R224 no record is no config; one that cannot be had or read is an error, and the addresses count all the same", async () => {
    const configFor = async (texts: readonly (readonly string[])[] | Error): Promise<unknown> => {
      const { endpoints, serviceConfig } = await resolve("orders.example", new ListedDns(["10.0.0.1"], texts), 0);
      assert.equal(endpoints.length, 1);
      return serviceConfig;
    };
    for (const none of [failure("ENOTFOUND"), failure("ENODATA"), [], [["v=spf1"]]])
      assert.equal(await configFor(none), undefined);
    const lost = (await configFor(failure("ESERVFAIL"))) as Error;
    assert.equal(lost.message, "no answer for _grpc_config.orders.example: queryX ESERVFAIL name");
    const broken = (await configFor([["grpc_config={}"]])) as Error;
    assert.match(broken.message, /^Cannot use the service config of the TXT record as it must be a list/);
  });

  test("R225 localhost has no records, and an IP literal is not asked about at all", async () => {
    for (const host of ["localhost", "LOCALHOST.", "a.localhost:1"]) {
      const queries = new ListedDns(["127.0.0.1"], new Error("asked"));
      assert.equal((await resolve(host, queries, 0)).serviceConfig, undefined);
      assert.equal(queries.asked.length, 1);
    }
    for (const literal of ["10.0.0.1", "[::1]:5", ":80"]) {
      assert.throws(() => dnsResolver(parseTarget(literal)), /as it is no name/);
      const target = parseTarget(literal);
      const resolver = resolverOf(target, { routes: () => undefined, percentile: 0 });
      assert.deepEqual(resolver(target, new AbortController().signal), { endpoints: target.addresses });
    }
  });

  test("whoever stops waiting stops the query", async () => {
    let answer: (addresses: readonly string[]) => void = () => undefined;
    const queries = new ListedDns([]);
    queries.addresses = () => new Promise((done) => (answer = done));
    const target = parseTarget("orders.example");
    const controller = new AbortController();
    const pending = dnsResolver(target, { queries: () => queries })(target, controller.signal) as Promise<Resolution>;
    controller.abort();
    assert.equal(queries.cancelled, 1);
    answer([]);
    await pending;
    const after = new AbortController();
    await dnsResolver(target, { queries: () => new ListedDns([]) })(target, after.signal);
    after.abort();
    assert.equal(queries.cancelled, 1);
  });

  test("R220 the system knows this machine by its name", async () => {
    const target = parseTarget("localhost:5");
    const { endpoints } = (await dnsResolver(target)(target, new AbortController().signal)) as Resolution;
    assert.ok(endpoints.length > 0);
    for (const one of endpoints) assert.match((one as { host: string }).host, /^(?:127\.0\.0\.1|::1)$/);
  });
});

describe("R219 a target with a DNS server", () => {
  async function ask(t: TestContext, records: DnsRecords, percentile?: number): Promise<Resolution> {
    const server = await startNameServer(() => records);
    t.after(() => server.close());
    const target = parseTarget(`dns://127.0.0.1:${server.port}/orders.example:7`);
    return (await dnsResolver(target, { percentile })(target, new AbortController().signal)) as Resolution;
  }

  test("R219 asks that server for both families and for the config", async (t) => {
    const v6 = Buffer.from("20010db8000000000000000000000001", "hex");
    const config = textRecord(`grpc_config=${JSON.stringify([{ serviceConfig: { a: 1 } }])}`);
    const answers = {
      [RecordType.A]: [Buffer.of(10, 0, 0, 1), Buffer.of(10, 0, 0, 2)],
      [RecordType.AAAA]: [v6],
      [RecordType.TXT]: [config],
    };
    const { endpoints, serviceConfig } = await ask(t, answers, 0);
    const hosts = endpoints.map((one) => (one as { host: string }).host);
    assert.equal(hosts[0], "2001:db8::1");
    assert.deepEqual(hosts.slice(1).toSorted(), ["10.0.0.1", "10.0.0.2"]);
    assert.deepEqual(serviceConfig, { a: 1 });
  });

  test("R219 one family is enough, and the failure that counts is not that of the family that is not there", async (t) => {
    const { endpoints } = await ask(t, { [RecordType.A]: [Buffer.of(10, 0, 0, 1)] });
    assert.deepEqual(endpoints, [{ kind: "tcp", host: "10.0.0.1", port: 7 }]);
    await assert.rejects(ask(t, {}), /the name orders\.example could not be resolved: query(?:A|Aaaa) ENODATA/);
    await assert.rejects(ask(t, { [RecordType.A]: "fails" }), /could not be resolved: queryA ESERVFAIL/);
  });
});

describe("resolverOf", () => {
  const signal = new AbortController().signal;

  test("R216 what says itself where it is needs nobody to ask", () => {
    for (const target of ["ipv4:10.0.0.1,10.0.0.2:5", "unix:/run/a.sock", ["a.example:1", "b.example:2"]]) {
      const parsed = parseTarget(target);
      const resolver = resolverOf(parsed, { routes: () => undefined });
      assert.deepEqual(resolver(parsed, signal), { endpoints: parsed.addresses });
    }
  });

  test("R300 a name behind a proxy is the proxy's to resolve", () => {
    const target = parseTarget("orders.inside:5");
    const routes = routesTo(target, "http://proxy:3128", {});
    assert.deepEqual(resolverOf(target, { routes, percentile: 0 })(target, signal), {
      endpoints: [{ kind: "tcp", host: "orders.inside", port: 5 }],
    });
  });

  test("R227 a scheme of one's own has its own resolver", () => {
    const found = { endpoints: ["10.0.0.1:1"] };
    const resolvers = { consul: () => found, dns: () => ({ endpoints: [] }) };
    const consul = parseTarget("consul:///orders", ["consul", "dns"]);
    assert.equal(resolverOf(consul, { resolvers, routes: () => undefined }), resolvers.consul);
    const dns = parseTarget("dns:///orders", ["consul", "dns"]);
    assert.equal(resolverOf(dns, { resolvers, routes: () => undefined }), resolvers.dns);
  });

  test("R227 resolvers are functions by scheme", () => {
    checkResolvers(undefined);
    checkResolvers({ consul: () => ({ endpoints: [] }), "a+b.c-1": () => ({ endpoints: [] }) });
    for (const wrong of [null, 5, [], () => undefined])
      assert.throws(() => checkResolvers(wrong), /option resolvers as it must be an object/);
    for (const scheme of ["", "1a", "A", "a b", "a:"]) {
      assert.throws(() => checkResolvers({ [scheme]: () => ({ endpoints: [] }) }), /a scheme must be a letter/);
    }
    assert.throws(() => checkResolvers({ a: 5 }), /its "a" must be a function: current value is number/);
  });
});

describe("namingOf", () => {
  test("R215 R227 R300 puts target, resolver and proxy together, from options and environment", () => {
    const found = { endpoints: [] };
    const own = namingOf("consul:///orders", { resolvers: { consul: () => found } }, 0, {
      https_proxy: "http://proxy",
    });
    assert.equal(own.target.scheme, "consul");
    assert.equal(own.resolver(own.target, new AbortController().signal), found);
    const proxied = namingOf("orders.example", {}, 0, { https_proxy: "http://proxy:1" });
    assert.equal(proxied.routes({ kind: "tcp", host: "orders.example", port: 443 })?.host, "proxy");
    assert.equal(
      namingOf("orders.example", { proxy: false }, 0, { https_proxy: "?" }).target.serverName,
      "orders.example",
    );
    assert.throws(
      () => namingOf("orders.example", {}, 0, { https_proxy: "ftp://x" }),
      /environment variable https_proxy/,
    );
    assert.throws(
      () => namingOf("a", { serviceConfigFromDns: 1 as never }, 0),
      /option serviceConfigFromDns as it must be true or false/,
    );
    assert.throws(() => namingOf("a", { resolvers: 5 as never }, 0), /option resolvers/);
  });
});
