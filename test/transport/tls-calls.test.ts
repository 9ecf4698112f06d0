/**
 * Calls over TLS: all kinds, who is at the other end, and every reason why there is none.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import {
  Channel,
  Code,
  Server,
  StatusError,
  type ChannelOptions,
  type HandlerCall,
  type Peer,
  type ServerTls,
} from "../../src/core.js";
import { Authority } from "../support/certificates.js";
import { withEcho } from "../support/echo-served.js";
import { Echo } from "../support/echo-service.js";
import { behaveAs, echo, ECHO_WAYS, outcomeOf } from "../support/echo-ways.js";
import { guardProcess } from "../support/peer-guard.js";

guardProcess();

const DAY_MS = 86_400_000;
const authority = new Authority();
const otherAuthority = new Authority("another authority");
const identity = authority.issue();
const trusting: ChannelOptions = { tls: { ca: authority.cert } };

/** The server's view of the client in one call. */
async function peerSeen(server: ServerTls, channel: ChannelOptions): Promise<Peer> {
  let peer: Peer | undefined;
  const unary = (request: { readonly text: string }, call: HandlerCall): { text: string } => {
    peer = call.peer;
    return { text: request.text };
  };
  await withEcho({ unary }, async ({ client }) => void (await client.unary({ text: "who" })), {
    server: { tls: server },
    channel,
  });
  assert.ok(peer !== undefined);
  return peer;
}

/** How a call to a port fails. */
async function failureAt(port: number, channel: ChannelOptions): Promise<StatusError> {
  const own = new Channel(`127.0.0.1:${port}`, channel);
  try {
    const error: unknown = await own
      .client(Echo)
      .unary({}, { timeoutMs: 8000 })
      .catch((thrown: unknown) => thrown);
    assert.ok(error instanceof StatusError, String(error));
    assert.equal(error.code, Code.UNAVAILABLE, error.message);
    assert.doesNotMatch(
      error.rawMessage,
      /127\.0\.0\.1|localhost|\n/,
      "the status says nothing of where the server is",
    );
    assert.ok(error.message.includes(`127.0.0.1:${port}`), error.message);
    return error;
  } finally {
    await own.destroy();
  }
}

/** How a call to a server of ours fails; afterwards the server answers one that is right. */
async function failure(
  server: ServerTls,
  channel: ChannelOptions,
  right: ChannelOptions = trusting,
): Promise<StatusError> {
  let error: StatusError | undefined;
  await withEcho(
    behaveAs(echo),
    async ({ client, port, serverErrors }) => {
      error = await failureAt(port, channel);
      if (right !== channel) await client.unary({});
      assert.deepEqual(serverErrors, []);
    },
    { server: { tls: server }, channel: right },
  );
  assert.ok(error !== undefined);
  return error;
}

async function listening(server: NetServer): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => undefined);
    sockets.add(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A TLS server that is not ours, and speaks no HTTP/2. */
function strangers(options: TlsOptions, answer = ""): Promise<{ port: number; close(): Promise<void> }> {
  const server = createTlsServer({ ...identity, ...options }, (socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(answer));
  });
  server.on("tlsClientError", () => undefined);
  return listening(server);
}

for (const way of ECHO_WAYS) {
  test(`${way.name} calls go over TLS`, () =>
    withEcho(
      behaveAs(echo),
      async ({ client, serverErrors }) => {
        const requests = Array.from({ length: way.manyRequests ? 50 : 1 }, (_, number) => ({
          text: "x".repeat(10_000),
          number,
        }));
        const { messages, status } = await outcomeOf(way.start(client, requests));
        assert.equal(status.code, Code.OK, status.message);
        assert.deepEqual(
          messages.map(({ number }) => number),
          (way.manyResponses ? requests : requests.slice(-1)).map(({ number }) => number),
        );
        assert.deepEqual(serverErrors, []);
      },
      { server: { tls: identity }, channel: trusting },
    ));
}

describe("the peer of a call", () => {
  test("R291 is told with TLS 1.3, a suite that HTTP/2 allows, and the name the client asked for", async () => {
    const { tls } = await peerSeen(identity, { tls: { ca: authority.cert, serverName: "localhost" } });
    assert.equal(tls?.protocol, "TLSv1.3");
    assert.match(tls.cipher, /^TLS_(?:AES|CHACHA20)/);
    assert.equal(tls.serverName, "localhost");
    assert.equal(tls.certificate, undefined);
  });

  test("R291 an IP address is no name to be asked for", async () => {
    assert.equal((await peerSeen(identity, trusting)).tls?.serverName, undefined);
  });

  test("has no TLS on plaintext", () =>
    withEcho({ unary: (_request, call) => ({ text: typeof call.peer.tls }) }, async ({ client }) =>
      assert.equal((await client.unary({})).text, "undefined"),
    ));

  test("R294 shows the client's certificate when it was asked for, shown and verified", async () => {
    const server: ServerTls = { ...identity, clientCa: authority.cert };
    const client = authority.issue({ names: ["client-7"] });
    const { tls } = await peerSeen(server, { tls: { ca: authority.cert, ...client } });
    assert.equal(tls?.certificate?.subject, "CN=client-7");
    assert.equal(tls.certificate.checkHost("client-7"), "client-7");
  });

  test("R294 a certificate nobody asked for is not shown", async () => {
    const client = authority.issue({ names: ["client-7"] });
    assert.equal((await peerSeen(identity, { tls: { ca: authority.cert, ...client } })).tls?.certificate, undefined);
  });

  test("R294 with an optional one a client may come without, and is nobody", async () => {
    const server: ServerTls = { ...identity, clientCa: authority.cert, clientCertificate: "optional" };
    assert.equal((await peerSeen(server, trusting)).tls?.certificate, undefined);
    const client = authority.issue({ names: ["client-8"] });
    const known = await peerSeen(server, { tls: { ca: authority.cert, ...client } });
    assert.equal(known.tls?.certificate?.subject, "CN=client-8");
  });
});

describe("a client certificate that is not accepted", () => {
  const client = authority.issue({ names: ["client-7"] });
  const right: ChannelOptions = { tls: { ca: authority.cert, ...client } };
  const strangersCertificate: ChannelOptions = { tls: { ca: authority.cert, ...otherAuthority.issue() } };

  test("R294 none: the server wants one", async () => {
    const error = await failure({ ...identity, clientCa: authority.cert }, trusting, right);
    assert.equal(error.rawMessage, "the server wants a client certificate");
    assert.match(error.message, /tls\.cert/);
  });

  test("R294 one of another authority: closed, and the hint says what it may be", async () => {
    const error = await failure({ ...identity, clientCa: authority.cert }, strangersCertificate, right);
    assert.equal(error.rawMessage, "the server closed the connection before it was ready");
    assert.match(error.message, /may not accept the client certificate/);
  });

  test("R294 one of another authority where none is required is refused all the same", async () => {
    let ran = 0;
    const unary = (): object => (ran++, {});
    await withEcho(
      { unary },
      async ({ client, port }) => {
        const stranger = new Channel(`127.0.0.1:${port}`, strangersCertificate);
        const { code, message } = await stranger.client(Echo).unary({}).status;
        assert.equal(code, Code.UNAVAILABLE);
        assert.match(message, /INADEQUATE_SECURITY/);
        await stranger.destroy();
        assert.equal(ran, 0);
        await client.unary({});
      },
      { server: { tls: { ...identity, clientCa: authority.cert, clientCertificate: "optional" } }, channel: right },
    );
  });

  test("R294 an expired one is refused as well", async () => {
    const expired = authority.issue({ validTo: new Date(Date.now() - 1000) });
    const tls = { ca: authority.cert, ...expired };
    await failure({ ...identity, clientCa: authority.cert }, { tls }, right);
  });
});

describe("a server that is not taken", () => {
  test("R293 its authority is not trusted, neither by default nor by name", async () => {
    for (const tls of [true, { ca: otherAuthority.cert }] as const) {
      const error = await failure(identity, { tls });
      assert.equal(error.rawMessage, "the server's certificate is not signed by a trusted authority");
      assert.match(error.message, /option tls\.ca/);
    }
  });

  test("R293 its certificate is for another name, and the names are told", async () => {
    const server = authority.issue({ names: ["one.example", "two.example"] });
    const error = await failure(server, trusting, { tls: { ca: authority.cert, serverName: "two.example" } });
    assert.equal(error.rawMessage, "the server's certificate is for another name");
    assert.match(error.message, /wanted "127\.0\.0\.1", the certificate has DNS:one\.example, DNS:two\.example/);
  });

  test("R293 names of a certificate are cut and escaped where they are told", async () => {
    const names = Array.from({ length: 40 }, (_, i) => `name-${i}\u001b[31m.example`);
    const error = await failure(authority.issue({ names: ["right", ...names] }), trusting, {
      tls: { ca: authority.cert, serverName: "right" },
    });
    assert.equal(error.rawMessage, "the server's certificate is for another name");
    // oxlint-disable-next-line no-control-regex -- none may be there
    assert.doesNotMatch(error.message, /[\u0000-\u001f]/);
    assert.ok(error.message.length < 600, error.message);
  });

  test("R293 its certificate has expired or is not valid yet, and the dates are told", async () => {
    const past = authority.issue({
      validFrom: new Date(Date.now() - 9 * DAY_MS),
      validTo: new Date("2020-02-03T04:05:06Z"),
    });
    const future = authority.issue({
      validFrom: new Date("2090-02-03T04:05:06Z"),
      validTo: new Date("2091-01-01T00:00:00Z"),
    });
    for (const [server, text] of [
      [past, /^the server's certificate has expired: .* to 2020-02-03T04:05:06/],
      [future, /^the server's certificate is not valid yet: .*from 2090-02-03T04:05:06/],
    ] as const) {
      const listener = await strangers(server);
      try {
        assert.match((await failureAt(listener.port, trusting)).rawMessage, text);
      } finally {
        await listener.close();
      }
    }
  });

  test("R293 an environment variable of Node's does not switch the verification off", async () => {
    const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      assert.match((await failure(identity, { tls: true })).rawMessage, /trusted authority/);
    } finally {
      if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
    }
  });

  test("R293 R289 the authority's host is what is verified; serverName goes before it", async () => {
    const server = authority.issue({ names: ["api.example"] });
    const { ca } = { ca: authority.cert };
    for (const channel of [
      { authority: "api.example:50051", tls: { ca } },
      { authority: "API.example", tls: { ca } },
      { authority: "other.example", tls: { ca, serverName: "api.example" } },
      { tls: { ca, serverName: "api.example." } },
    ]) {
      assert.match((await peerSeen(server, channel)).tls?.serverName ?? "", /^api\.example$/i);
    }
    assert.match(
      (await failure(server, { authority: "evil.example", tls: { ca } }, { authority: "api.example", tls: { ca } }))
        .rawMessage,
      /another name/,
    );
  });

  test("R292 it chooses no ALPN protocol, or knows HTTP/1.1 alone", async () => {
    for (const options of [{}, { ALPNProtocols: ["http/1.1"] }]) {
      const listener = await strangers(options, "HTTP/1.1 400 Bad Request\r\n\r\n");
      try {
        const error = await failureAt(listener.port, trusting);
        assert.equal(error.rawMessage, "the peer does not speak HTTP/2");
        assert.match(error.message, /ALPN/);
      } finally {
        await listener.close();
      }
    }
  });

  test("R291 it speaks no TLS version that the client takes, or the other way round", async () => {
    const listener = await strangers({ maxVersion: "TLSv1.2", ALPNProtocols: ["h2"] });
    try {
      const error = await failureAt(listener.port, { tls: { ca: authority.cert, minVersion: "TLSv1.3" } });
      assert.equal(error.rawMessage, "client and server have no TLS version in common");
    } finally {
      await listener.close();
    }
  });

  test("it speaks plaintext HTTP/2, HTTP/1.1 or SSH where TLS is spoken to it", async () => {
    await withEcho(behaveAs(echo), async ({ port }) => {
      const error = await failureAt(port, trusting);
      assert.equal(error.rawMessage, "the peer does not speak TLS");
      assert.match(error.message, /`tls: false`/);
    });
    for (const greeting of ["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.6\r\n"]) {
      const listener = await listening(createServer((socket) => socket.once("data", () => socket.end(greeting))));
      try {
        assert.equal((await failureAt(listener.port, trusting)).rawMessage, "the peer does not speak TLS");
      } finally {
        await listener.close();
      }
    }
  });

  test("it closes the connection where plaintext is spoken to its TLS", async () => {
    const error = await failure(identity, {});
    assert.equal(error.rawMessage, "the server closed the connection before it was ready");
    assert.match(error.message, /it may want TLS: option tls/);
  });

  test("it answers plaintext HTTP/2 in HTTP/1.1", async () => {
    const answer = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    const listener = await listening(createServer((socket) => socket.once("data", () => socket.end(answer))));
    try {
      const error = await failureAt(listener.port, {});
      assert.equal(error.rawMessage, "the peer does not speak HTTP/2");
      assert.match(error.message, /HTTP\/1\.1/);
    } finally {
      await listener.close();
    }
  });

  test("it accepts and says nothing: the connect timeout covers the handshake", async () => {
    const listener = await listening(createServer());
    try {
      const error = await failureAt(listener.port, { ...trusting, connectTimeoutMs: 60 });
      assert.match(error.message, /within 60 ms/);
    } finally {
      await listener.close();
    }
  });
});

describe("the authority of one call", () => {
  const server = authority.issue({ names: ["127.0.0.1", "*.svc.example"] });

  test("R290 is allowed when the certificate covers it, else the call fails and nothing is sent", () =>
    withEcho(
      behaveAs(echo),
      async ({ client, ended }) => {
        await client.unary({}, { authority: "any.svc.example:123" });
        for (const covered of ["evil.test", "example", "127.0.0.2:1"]) {
          const { code, message } = await client.unary({}, { authority: covered }).status;
          assert.equal(code, Code.UNAVAILABLE, covered);
          assert.equal(message, "the server's certificate is not for the authority of the call");
        }
        await client.unary({});
        assert.equal(ended.length, 2, "the server has seen two calls");
      },
      { server: { tls: server }, channel: trusting },
    ));

  test("R290 must be printable ASCII", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      assert.throws(() => client.serverStreaming({}, { authority: "a b" }), /option authority .*printable ASCII/);
      await client.unary({}, { authority: "anything.example" });
    }));
});

describe("replacing the certificate", () => {
  test("R295 new handshakes use it, a running call goes on, and what cannot be used changes nothing", () =>
    withEcho(
      behaveAs(echo),
      async ({ client, server, port }) => {
        const chat = client.bidiStreaming();
        await chat.send({ text: "before" });
        assert.equal((await chat.receive())?.text, "before");

        const next = new Channel(`127.0.0.1:${port}`, { tls: { ca: otherAuthority.cert } });
        try {
          assert.throws(() => server.updateTls({ cert: "nothing", key: identity.key }), /tls\.cert/);
          assert.throws(() => server.updateTls({ ...identity, clientCa: authority.cert }), /must stay the same/);
          assert.equal((await next.client(Echo).unary({}).status).code, Code.UNAVAILABLE, "the old one is still there");
          server.updateTls(otherAuthority.issue());
          await next.client(Echo).unary({}, { waitForReady: true });
        } finally {
          await next.destroy();
        }
        assert.match((await failureAt(port, trusting)).rawMessage, /trusted authority/);

        await chat.send({ text: "after" });
        assert.equal((await chat.receive())?.text, "after");
        chat.closeSend();
        assert.equal((await chat.status).code, Code.OK);
      },
      { server: { tls: identity }, channel: trusting },
    ));

  test("R295 client authorities are replaced with it, and a listener that comes later has it as well", async () => {
    const server = new Server({ tls: { ...identity, clientCa: otherAuthority.cert } });
    server.add(Echo, behaveAs(echo));
    const early = await server.listen("127.0.0.1:0");
    const opening = server.listen("127.0.0.1:0");
    server.updateTls({ ...identity, clientCa: authority.cert });
    const ports = [early.port, (await opening).port, (await server.listen("127.0.0.1:0")).port];
    try {
      for (const port of ports) {
        const channel = new Channel(`127.0.0.1:${port}`, { tls: { ca: authority.cert, ...authority.issue() } });
        assert.equal((await channel.client(Echo).unary({}).status).code, Code.OK);
        await channel.destroy();
        await failureAt(port, { tls: { ca: authority.cert, ...otherAuthority.issue() } });
      }
    } finally {
      await server.close({ graceMs: 0 });
    }
  });

  test("R295 a server made without TLS has nothing to replace", () => {
    assert.throws(() => new Server().updateTls(identity), /made without it/);
  });
});

describe("unix sockets", () => {
  const folder = mkdtempSync(join(tmpdir(), "barewire-tls-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("R289 work with TLS: the authority is localhost", async () => {
    const target = `unix:${join(folder, "a.sock")}`;
    const server = new Server({ tls: authority.issue({ names: ["localhost"] }) });
    let seen: Peer | undefined;
    server.add(Echo, { unary: (request, { peer }) => ((seen = peer), { text: request.text }) });
    const { address, port } = await server.listen(target);
    assert.deepEqual([address, port], [target, 0]);
    const channel = new Channel(target, trusting);
    assert.equal((await channel.client(Echo).unary({ text: "hello" })).text, "hello");
    assert.equal(seen?.address, "unix:");
    assert.equal(seen.tls?.serverName, "localhost");
    await channel.close();
    await server.close();
    assert.equal(existsSync(join(folder, "a.sock")), false, "the file goes with the server");
  });

  test("a file that is in use, and one that a killed server left, are told apart and not removed", async () => {
    const path = join(folder, "b.sock");
    const server = new Server();
    await server.listen(`unix:${path}`);
    const second = new Server();
    await assert.rejects(second.listen(`unix:${path}`), { code: "EADDRINUSE", message: /the address is in use/ });
    await server.close();

    const code = `require("node:net").createServer().listen(process.argv[1], () => process.send("up"))`;
    const child = spawn(process.execPath, ["-e", code, path], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
    await once(child, "message");
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.ok(existsSync(path));
    await assert.rejects(second.listen(`unix:${path}`), {
      code: "EADDRINUSE",
      message: /b\.sock is left over .*remove the file/,
    });
    assert.ok(existsSync(path));
    rmSync(path);
    await second.listen(`unix:${path}`);
    await second.close();
  });
});
