/**
 * Targets, from end to end: a channel reaches what each of them names, and says why when it does not.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { Channel, Code, Server, StatusError, type ChannelOptions, type Resolution } from "../../src/index.js";
import { Echo } from "../support/echo-service.js";
import { behaveAs } from "../support/echo-ways.js";
import { RecordType, startNameServer } from "../support/name-server.js";

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));

/** Servers at these addresses, each of which answers with its own; returns where they listen. */
async function served(t: TestContext, ...addresses: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const address of addresses) {
    const server = new Server();
    const index = found.length;
    server.add(
      Echo,
      behaveAs(async function* (requests) {
        for await (const { text } of requests) yield { text: `${text} from ${index}` };
      }),
    );
    found.push((await server.listen(address)).address);
    t.after(() => server.close({ graceMs: 0 }));
  }
  return found;
}

function portOf(address: string): number {
  return Number(/\d+$/.exec(address)?.[0]);
}

async function ask(target: string | readonly string[], options: ChannelOptions = {}): Promise<string> {
  // Whatever proxy the machine has that runs this.
  const channel = new Channel(target, { proxy: false, ...options });
  try {
    return (await channel.client(Echo).unary({ text: "hello" }, { timeoutMs: 10_000 })).text;
  } finally {
    await channel.destroy();
  }
}

/** A port on loopback that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

describe("a channel reaches", () => {
  test("R215 R216 R218 names and addresses in every spelling", async (t) => {
    const [address = ""] = await served(t, "127.0.0.1:0");
    const port = portOf(address);
    const targets = [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      `dns:localhost:${port}`,
      `dns:///127.0.0.1:${port}`,
      `ipv4:127.0.0.1:${port}`,
      [`localhost:${port}`],
      [`127.0.0.1:${port}`, "127.0.0.1:1"],
    ];
    for (const target of targets) assert.equal(await ask(target), "hello from 0", String(target));
  });

  test("R216 IPv6 addresses", { skip: !hasIpv6 }, async (t) => {
    const [address = ""] = await served(t, "[::1]:0");
    for (const target of [address, `dns:///${address}`, `ipv6:${address}`])
      assert.equal(await ask(target), "hello from 0");
  });

  test("R216 unix sockets, abstract ones where there are any", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "barewire-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const [file = ""] = await served(t, `unix:${folder}/echo.sock`);
    assert.equal(await ask(file), "hello from 0");
    assert.equal(await ask(`unix://${folder}/echo.sock`), "hello from 0");
    if (process.platform !== "linux") return;
    const name = `unix-abstract:barewire-test-${process.pid}`;
    assert.deepEqual(await served(t, name), [name]);
    assert.equal(await ask(name), "hello from 0");
  });

  test("R216 a server refuses a socket's path that would be cut off, too", async () => {
    const server = new Server();
    await assert.rejects(server.listen(`unix:/tmp/${"a".repeat(200)}`), /107 bytes at most|103 bytes at most/);
    await server.close();
  });

  test("R216 R229 the first of a list that can be reached", async (t) => {
    const [first = "", second = ""] = await served(t, "127.0.0.1:0", "127.0.0.1:0");
    const nobody = `127.0.0.1:${await closedPort()}`;
    assert.equal(await ask([second, first]), "hello from 1");
    assert.equal(await ask([nobody, second]), "hello from 1");
    assert.equal(await ask(`ipv4:${nobody},${first}`), "hello from 0");
  });

  test("R219 R220 what a DNS server of its own says is behind a name", async (t) => {
    const [address = ""] = await served(t, "127.0.0.1:0");
    const dns = await startNameServer(() => ({ [RecordType.A]: [Buffer.of(127, 0, 0, 1)] }));
    t.after(() => dns.close());
    assert.equal(
      await ask(`dns://127.0.0.1:${dns.port}/orders.test:${portOf(address)}`, { tls: false }),
      "hello from 0",
    );
    assert.ok(dns.answered >= 2);
  });

  test("R227 what a resolver of one's own finds, by text, as an address, or one after the other", async (t) => {
    const [address = ""] = await served(t, "127.0.0.1:0");
    const asked: string[] = [];
    const found: readonly Resolution[] = [
      { endpoints: [address] },
      { endpoints: [{ kind: "tcp", host: "127.0.0.1", port: portOf(address) }] },
      { endpoints: [{ addresses: [address], weight: 2, attributes: { zone: "a" } }] },
    ];
    for (const resolution of found) {
      const resolvers = {
        consul: async function* ({ authority, path, scheme }: { authority: string; path: string; scheme: string }) {
          asked.push(`${scheme} ${authority} ${path}`);
          yield await Promise.resolve(resolution);
        },
      };
      assert.equal(await ask("consul://dc1/orders%20and/more", { resolvers, tls: false }), "hello from 0");
    }
    assert.deepEqual(new Set(asked), new Set(["consul dc1 orders and/more"]));
  });
});

describe("a target that leads nowhere", () => {
  async function failure(target: string, options: ChannelOptions = {}): Promise<StatusError> {
    const error: unknown = await ask(target, { tls: false, ...options }).then(
      (text) => assert.fail(`it answered ${text}`),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof StatusError, String(error));
    return error;
  }

  test("R222 a name that nobody knows is UNAVAILABLE, with the name and the reason where the text is for people", async (t) => {
    const dns = await startNameServer(() => ({}));
    t.after(() => dns.close());
    const error = await failure(`dns://127.0.0.1:${dns.port}/orders.test:1`);
    assert.equal(error.code, Code.UNAVAILABLE);
    assert.match(error.message, /the name orders\.test could not be resolved: query\w+ ENODATA/);
    assert.doesNotMatch(error.rawMessage, /orders\.test/);
  });

  test("R222 a resolver that throws, answers nothing, or answers nonsense is UNAVAILABLE and says so", async () => {
    const wrong: readonly (readonly [() => unknown, RegExp])[] = [
      [() => ({ endpoints: [] }), /the resolver found no address/],
      [() => undefined, /must be an object with endpoints/],
      [() => ({ endpoints: ["a b"] }), /Cannot read the address/],
      [() => Promise.reject(new Error("consul is down")), /consul is down/],
      [
        () => {
          throw new Error("consul is out");
        },
        /consul is out/,
      ],
    ];
    for (const [consul, message] of wrong) {
      const error = await failure("consul:///orders", { resolvers: { consul: consul as () => Resolution } });
      assert.equal(error.code, Code.UNAVAILABLE);
      assert.match(error.message, message);
    }
  });
});

test("R222 what was found once stays in use while nothing newer can be found", async (t) => {
  const [address = ""] = await served(t, "127.0.0.1:0");
  let fail: () => void = () => undefined;
  let askedAgain: () => void = () => undefined;
  const again = new Promise<void>((resolve) => (askedAgain = resolve));
  let asked = 0;
  const own = async function* (): AsyncGenerator<Resolution> {
    if (asked++ > 0) {
      askedAgain();
      throw new Error("still nothing");
    }
    yield { endpoints: [address] };
    await new Promise<void>((resolve) => (fail = resolve));
    throw new Error("no answer");
  };
  const channel = new Channel("own:///orders", { resolvers: { own }, tls: false, initialBackoffMs: 100 });
  t.after(() => channel.destroy());
  const client = channel.client(Echo);
  assert.equal((await client.unary({ text: "before" })).text, "before from 0");
  fail();
  await again;
  assert.equal((await client.unary({ text: "after" })).text, "after from 0");
});

test("plaintext to what may be anywhere has to be said on purpose", () => {
  const resolvers = { consul: (): Resolution => ({ endpoints: ["127.0.0.1:1"] }) };
  for (const target of ["consul:///orders", "orders.example", "ipv4:127.0.0.1,10.0.0.1"]) {
    assert.throws(() => new Channel(target, { resolvers }), /pass "tls: true" for TLS, or "tls: false"/);
  }
  assert.throws(() => new Channel(["localhost:1", "orders.example:1"]), /Channel to localhost:1,orders\.example:1 as/);
});
