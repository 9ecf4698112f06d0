/**
 * Tunnels: what a proxy is asked, and everything it may answer.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2, createServer, type ClientHttp2Session, type Http2Server } from "node:http2";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import type { AddressInfo, Socket } from "node:net";
import { describe, test, type TestContext } from "node:test";
import { openTunnel, ProxyError } from "../../../../src/transport/client/connecting/proxy-connect.js";
import { Authority } from "../../../support/certificates.js";
import { startProxy, type ConnectProxy, type ProxyScript } from "../../../support/connect-proxy.js";

const MAX_HEAD_BYTES = 16 * 1024;

async function proxyFor(t: TestContext, script: ProxyScript): Promise<ConnectProxy> {
  const proxy = await startProxy(script);
  t.after(() => proxy.close());
  return proxy;
}

/** A socket that asks for a tunnel; whoever waits for `open` gets it when it leads to the target. */
function tunnelBy(proxy: ConnectProxy, authorization?: string): { socket: Socket; open: Promise<Socket> } {
  let opened: (socket: Socket) => void = () => undefined;
  const open = new Promise<Socket>((resolve) => (opened = resolve));
  const by = { host: "127.0.0.1", port: proxy.port, authorization };
  const socket = openTunnel({ proxy: by, host: "orders.example", port: 50_051, opened });
  return { socket, open };
}

async function sessionBy(t: TestContext, proxy: ConnectProxy): Promise<ClientHttp2Session> {
  const socket = await tunnelBy(proxy).open;
  const session = connectHttp2("http://localhost", { createConnection: () => socket });
  t.after(() => session.destroy());
  return session;
}

async function http2Server(t: TestContext): Promise<number> {
  const server: Http2Server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream) => {
    stream.respond({ ":status": 204 }, { endStream: true });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** The status that a request through the session gets. */
async function ask(session: ClientHttp2Session): Promise<unknown> {
  const stream = session.request({ ":path": "/" });
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  return headers[":status"];
}

async function failureOf({ socket }: { socket: Socket }): Promise<ProxyError> {
  const [error] = (await once(socket, "error")) as [unknown];
  assert.ok(error instanceof ProxyError, String(error));
  assert.equal(socket.destroyed, true);
  return error;
}

describe("openTunnel", () => {
  test("R300 asks for the target by name, and HTTP/2 begins when the tunnel is open", async (t) => {
    const proxy = await proxyFor(t, { to: await http2Server(t) });
    const session = await sessionBy(t, proxy);
    assert.equal(await ask(session), 204);
    assert.equal(await ask(session), 204);
    assert.deepEqual(proxy.heads, ["CONNECT orders.example:50051 HTTP/1.1\r\nhost: orders.example:50051\r\n\r\n"]);
  });

  test("R300 takes what the target says in one piece with the proxy's answer", async (t) => {
    const proxy = await proxyFor(t, {
      to: await http2Server(t),
      rides: true,
      opens: "HTTP/1.0 299 \r\nvia: x\r\n\r\n",
    });
    const session = await sessionBy(t, proxy);
    assert.equal(await ask(session), 204);
  });

  test("R300 TLS is spoken inside of the tunnel", async (t) => {
    const authority = new Authority();
    const server = createTlsServer(authority.issue({ names: ["localhost"] }), (socket) => socket.end("from inside"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const proxy = await proxyFor(t, { to: (server.address() as AddressInfo).port });
    const socket = connectTls({ socket: await tunnelBy(proxy).open, ca: authority.cert, servername: "localhost" });
    await once(socket, "secureConnect");
    const [chunk] = (await once(socket, "data")) as [Buffer];
    assert.equal(chunk.toString(), "from inside");
    socket.destroy();
  });

  test("R300 the proxy is told who asks, and no error says it", async (t) => {
    const proxy = await proxyFor(t, { answer: "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n" });
    const error = await failureOf(tunnelBy(proxy, "Basic c2VjcmV0"));
    assert.match(proxy.heads[0] ?? "", /\r\nproxy-authorization: Basic c2VjcmV0\r\n\r\n$/);
    assert.equal(error.text, "the proxy opened no tunnel to the server");
    assert.match(error.hint, /^it answered "HTTP\/1\.1 407 Proxy Authentication Required"; its URL takes credentials/);
    assert.doesNotMatch(JSON.stringify([error, error.message, error.stack]), /c2VjcmV0/);
  });

  test("R300 every other answer is an error that says what came, cut and escaped", async (t) => {
    const answers: readonly (readonly [string | Buffer, RegExp])[] = [
      ["HTTP/1.1 403 Forbidden\r\nx: y\r\n\r\nbody", /^it answered "HTTP\/1\.1 403 Forbidden"; it does not allow/],
      [
        "HTTP/1.1 502 Bad\u001b[2J\r\n\r\n",
        /^it answered "HTTP\/1\.1 502 Bad\\u001b\[2J"; it did not reach the target$/,
      ],
      ["HTTP/1.1 302 Found\r\nlocation: http://x/\r\n\r\n", /^it answered "HTTP\/1\.1 302 Found"$/],
      [`HTTP/1.1 500 ${"x".repeat(5000)}\r\n\r\n`, /^it answered "HTTP\/1\.1 500 x{10,200}…$/],
      ["HTTP/2 200\r\n\r\n", /^it answered "HTTP\/2 200"; that is not HTTP\/1\.1$/],
      ["HTTP/1.1 2000 OK\r\n\r\n", /that is not HTTP\/1\.1$/],
      ["SSH-2.0-x\r\n\r\n", /^it answered "SSH-2\.0-x"; that is not HTTP\/1\.1$/],
      ["\r\n\r\n", /^it answered ""; that is not/],
      ["", /^it closed the connection$/],
      ["HTTP/1.1 200 OK\r\n", /^it closed the connection in the middle of its answer$/],
      [Buffer.alloc(MAX_HEAD_BYTES + 1, "a"), /^its answer has no end$/],
    ];
    for (const [answer, hint] of answers) {
      const proxy = await proxyFor(t, { answer });
      assert.match((await failureOf(tunnelBy(proxy))).hint, hint);
    }
  });

  test("R300 an answer is read however it is cut", async (t) => {
    const proxy = await proxyFor(t, { to: await http2Server(t), byByte: true });
    const session = await sessionBy(t, proxy);
    assert.equal(await ask(session), 204);
  });

  test("R300 a proxy that cannot be reached is told as such", async (t) => {
    const proxy = await startProxy({ answer: "" });
    await proxy.close();
    const { socket } = tunnelBy(proxy);
    t.after(() => socket.destroy());
    const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
    assert.equal(error.code, "ECONNREFUSED");
  });
});
