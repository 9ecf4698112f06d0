/**
 * Proxies, from end to end: calls through an HTTP CONNECT proxy, and what a call says that finds no way through.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test, type TestContext } from "node:test";
import { Channel, Code, Server, StatusError, type ChannelOptions, type ServerOptions } from "../../src/index.js";
import { Authority } from "../support/certificates.js";
import { startProxy, type ConnectProxy, type ProxyScript } from "../support/connect-proxy.js";
import { Echo } from "../support/echo-service.js";
import { behaveAs, echo } from "../support/echo-ways.js";

async function echoPort(t: TestContext, options: ServerOptions = {}): Promise<number> {
  const server = new Server(options);
  server.add(Echo, behaveAs(echo));
  const { port } = await server.listen("127.0.0.1:0");
  t.after(() => server.close({ graceMs: 0 }));
  return port;
}

async function proxyFor(t: TestContext, script: ProxyScript): Promise<ConnectProxy> {
  const proxy = await startProxy(script);
  t.after(() => proxy.close());
  return proxy;
}

function channelBy(t: TestContext, proxy: ConnectProxy, options: ChannelOptions = {}): Channel {
  const channel = new Channel("orders.test:50051", { tls: false, proxy: `http://127.0.0.1:${proxy.port}`, ...options });
  t.after(() => channel.destroy());
  return channel;
}

async function failureOf(channel: Channel): Promise<StatusError> {
  const error: unknown = await channel
    .client(Echo)
    .unary({ text: "x" }, { timeoutMs: 10_000 })
    .catch((reason: unknown) => reason);
  assert.ok(error instanceof StatusError, String(error));
  return error;
}

describe("a call through a proxy", () => {
  test("R300 goes to the target by name, in plaintext where that is said", async (t) => {
    for (const rides of [false, true]) {
      const proxy = await proxyFor(t, { to: await echoPort(t), rides });
      const client = channelBy(t, proxy).client(Echo);
      assert.equal((await client.unary({ text: "one" })).text, "one");
      const chat = client.bidiStreaming([{ text: "two" }, { text: "three" }]);
      const texts: string[] = [];
      for await (const { text } of chat) texts.push(text);
      assert.deepEqual(texts, ["two", "three"]);
      assert.deepEqual(proxy.heads, ["CONNECT orders.test:50051 HTTP/1.1\r\nhost: orders.test:50051\r\n\r\n"]);
    }
  });

  test("R300 has TLS with the target inside of the tunnel", async (t) => {
    const authority = new Authority();
    const port = await echoPort(t, { tls: authority.issue({ names: ["orders.test"] }) });
    const proxy = await proxyFor(t, { to: port });
    const client = channelBy(t, proxy, { tls: { ca: authority.cert } }).client(Echo);
    assert.equal((await client.unary({ text: "secret" })).text, "secret");
    const other = await proxyFor(t, { to: await echoPort(t, { tls: authority.issue({ names: ["other.test"] }) }) });
    const error = await failureOf(channelBy(t, other, { tls: { ca: authority.cert } }));
    assert.match(error.message, /the server's certificate is for another name.*wanted "orders\.test"/);
  });

  test("R300 that the proxy refuses is UNAVAILABLE, and says what the proxy said and nothing of its credentials", async (t) => {
    const proxy = await proxyFor(t, { answer: "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n" });
    const error = await failureOf(channelBy(t, proxy, { proxy: `http://me:s3cret@127.0.0.1:${proxy.port}` }));
    assert.equal(error.code, Code.UNAVAILABLE);
    assert.equal(error.rawMessage, "the proxy opened no tunnel to the server");
    assert.match(
      error.message,
      /it answered "HTTP\/1\.1 407 Proxy Authentication Required"; its URL takes credentials/,
    );
    assert.match(proxy.heads[0] ?? "", /proxy-authorization: Basic/);
    assert.doesNotMatch(`${error.stack} ${String(error.cause)}`, /s3cret|czNjcmV0/);
  });

  test("R300 of a proxy that says nothing ends with the time for connecting", async (t) => {
    const proxy = await proxyFor(t, { answer: "", ends: false });
    const error = await failureOf(channelBy(t, proxy, { connectTimeoutMs: 200 }));
    assert.equal(error.code, Code.UNAVAILABLE);
    assert.match(error.message, /within 200 ms/);
  });

  test("R300 of a proxy that cannot be reached says so", async (t) => {
    const proxy = await startProxy({ answer: "" });
    await proxy.close();
    const error = await failureOf(channelBy(t, proxy));
    assert.equal(error.code, Code.UNAVAILABLE);
    assert.match(error.message, /ECONNREFUSED/);
  });

  test("R300 is not made to this machine, whatever the environment says", async (t) => {
    const proxy = await proxyFor(t, { answer: "HTTP/1.1 403 No\r\n\r\n" });
    const channel = new Channel(`127.0.0.1:${await echoPort(t)}`, { proxy: `http://127.0.0.1:${proxy.port}` });
    t.after(() => channel.destroy());
    assert.equal((await channel.client(Echo).unary({ text: "straight" })).text, "straight");
    assert.deepEqual(proxy.heads, []);
  });

  test("R300 an idle channel behind a proxy does not keep the process alive, and the environment names the proxy", async (t) => {
    const authority = new Authority();
    const plain = await proxyFor(t, { to: await echoPort(t) });
    const port = await echoPort(t, { tls: authority.issue({ names: ["orders.test"] }) });
    const secure = { tls: { ca: authority.cert }, proxy: `http://127.0.0.1:${(await proxyFor(t, { to: port })).port}` };
    const program = `
      import { Channel } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};
      import { Echo } from ${JSON.stringify(new URL("../support/echo-service.ts", import.meta.url).href)};
      const channels = [{ tls: false }, ${JSON.stringify(secure)}].map((options) => new Channel("orders.test:1", options));
      for (const channel of channels) console.log((await channel.client(Echo).unary({ text: "through" })).text);`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", program], {
      env: { ...process.env, grpc_proxy: `http://127.0.0.1:${plain.port}`, no_grpc_proxy: "x.test" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    const [code] = (await once(child, "close")) as [number];
    assert.equal(code, 0);
    assert.equal(Buffer.concat(chunks).toString(), "through\nthrough\n");
  });
});
