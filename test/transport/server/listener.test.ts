/**
 * Where a server takes connections: at its addresses, each of which can be given up alone, and from the application.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { duplexPair, PassThrough } from "node:stream";
import { describe, test } from "node:test";
import { Channel, Code, Server, StatusError, type HandlerCall } from "../../../src/core.js";
import { Authority } from "../../support/certificates.js";
import { RawClient } from "../../support/peer.js";
import { guardProcess } from "../../support/peer-guard.js";
import { call } from "../../support/peer-served.js";
import { prefixed, requestFields, Wire } from "../../support/peer-service.js";

guardProcess();

const UNARY = "/wire.Wire/Unary";
const HELLO = prefixed("hello");

interface Held {
  readonly server: Server;
  /** Lets the calls that wait go on. */
  release(): void;
  /** The `count`th call has reached its handler. */
  arrived(count: number): Promise<HandlerCall>;
}

/** A server whose unary calls wait, and whose others echo. */
function holding(options: ConstructorParameters<typeof Server>[0] = {}): Held {
  const server = new Server({ permitKeepaliveTimeMs: 0, permitKeepaliveWithoutCalls: true, ...options });
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const calls: HandlerCall[] = [];
  const waiting: (() => void)[] = [];
  server.add(Wire, {
    async unary(request, handlerCall) {
      calls.push(handlerCall);
      for (const wake of waiting) wake();
      await released;
      return request;
    },
    wellbeing: (request) => request,
  });
  const arrived = (count: number): Promise<HandlerCall> =>
    new Promise((resolve) => {
      const look = (): void => {
        const one = calls[count - 1];
        if (one !== undefined) resolve(one);
      };
      waiting.push(look);
      look();
    });
  return { server, release, arrived };
}

function begin(client: RawClient): number {
  const streamId = client.open(requestFields(UNARY));
  client.data(streamId, HELLO, { endStream: true });
  return streamId;
}

async function works(client: RawClient): Promise<void> {
  assert.equal((await call(client, "/wire.Wire/Wellbeing", [HELLO])).grpcStatus, Code.OK);
}

function goaways(client: RawClient): number {
  return client.frames.filter(({ name }) => name === "GOAWAY").length;
}

async function isRefused(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const refused = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(false));
    socket.once("error", () => resolve(true));
  });
  socket.destroy();
  return refused;
}

describe("an address that is given up", () => {
  test("R173 R172 takes no connections and no calls; what runs there ends by itself, and the others know nothing of it", async () => {
    const { server, release, arrived } = holding();
    const kept = await server.listen("127.0.0.1:0");
    const given = await server.listen("127.0.0.1:0");
    const [near, far] = [await RawClient.connect(kept.port), await RawClient.connect(given.port)];
    const streams = [begin(near), begin(far)] as const;
    await arrived(2);
    const closed = given.close();
    await far.until("the second GOAWAY", () => (goaways(far) === 2 ? true : undefined));
    assert.equal(await isRefused(given.port), true);
    await works(near);
    const late = await RawClient.connect(kept.port);
    await works(late);
    release();
    assert.equal((await far.reply(streams[1])).grpcStatus, Code.OK);
    assert.equal((await near.reply(streams[0])).grpcStatus, Code.OK);
    await closed;
    await far.disconnected();
    await works(near);
    assert.equal(goaways(near), 0);
    near.destroy();
    late.destroy();
    await server.close();
  });

  test("R173 R171 its calls are cut after the grace, those of the other addresses are not", async () => {
    const { server, release, arrived } = holding();
    const kept = await server.listen("127.0.0.1:0");
    const given = await server.listen("127.0.0.1:0");
    const far = await RawClient.connect(given.port);
    const cut = begin(far);
    const { signal } = await arrived(1);
    const near = await RawClient.connect(kept.port);
    const spared = begin(near);
    const other = await arrived(2);
    const patient = given.close({ graceMs: 60_000 });
    await given.close({ graceMs: 0 });
    await patient;
    assert.equal((await far.reply(cut)).grpcStatus, Code.UNAVAILABLE);
    assert.ok(signal.reason instanceof StatusError);
    assert.equal(other.signal.aborted, false);
    release();
    assert.equal((await near.reply(spared)).grpcStatus, Code.OK);
    near.destroy();
    await server.close();
  });

  test("R173 is free for another server, and for the same one", async () => {
    const { server } = holding();
    const first = await server.listen("127.0.0.1:0");
    await first.close();
    await first.close();
    const again = await server.listen(first.address);
    assert.equal(again.address, first.address);
    const client = await RawClient.connect(again.port);
    await works(client);
    client.destroy();
    await server.close({ graceMs: 0 });
    await again.close();
  });

  test("R173 is closed by the server's own close as well, whose shorter grace counts", async () => {
    const { server, arrived } = holding();
    const listening = await server.listen("127.0.0.1:0");
    const client = await RawClient.connect(listening.port);
    const streamId = begin(client);
    await arrived(1);
    const patient = listening.close({ graceMs: 60_000 });
    await server.close({ graceMs: 0 });
    await patient;
    assert.equal((await client.reply(streamId)).grpcStatus, Code.UNAVAILABLE);
  });

  test("may be given up by `await using`, and refuses a grace that is none", async () => {
    const { server } = holding();
    const listening = await server.listen("127.0.0.1:0");
    await assert.rejects(listening.close({ graceMs: -1 }), TypeError);
    assert.equal(await isRefused(listening.port), false, "a close that was refused closes nothing");
    await listening[Symbol.asyncDispose]();
    assert.equal(await isRefused(listening.port), true);
    await server.close();
  });

  test("counts no more among the connections there may be", async () => {
    const errors: unknown[] = [];
    const { server } = holding({ maxConnections: 1, onError: (error) => errors.push(error) });
    const first = await server.listen("127.0.0.1:0");
    const second = await server.listen("127.0.0.1:0");
    const held = await RawClient.connect(first.port);
    await works(held);
    const refused = connect(second.port, "127.0.0.1");
    refused.on("error", () => undefined);
    await once(refused, "close");
    assert.equal(errors.length, 1, "one limit for all addresses together");
    await first.close({ graceMs: 0 });
    const client = await RawClient.connect(second.port);
    await works(client);
    client.destroy();
    await server.close();
  });
});

describe("an address that is taken", () => {
  test("R174 serves from the moment there is one: the services it has then, and those that come later", async () => {
    const server = new Server();
    const { port } = await server.listen("127.0.0.1:0");
    const client = await RawClient.connect(port);
    assert.equal((await call(client, UNARY, [HELLO])).grpcStatus, Code.UNIMPLEMENTED);
    server.add(Wire, { unary: (request) => request });
    assert.equal((await call(client, UNARY, [HELLO])).grpcStatus, Code.OK);
    client.destroy();
    await server.close();
  });
});

describe("a connection from elsewhere", () => {
  test("R175 a socket that another server accepted is served, drained and counted like any other", async () => {
    const errors: unknown[] = [];
    const { server, release, arrived } = holding({ maxConnections: 1, onError: (error) => errors.push(error) });
    const front = createServer((socket) => server.serve(socket));
    await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
    const { port } = front.address() as AddressInfo;
    const client = await RawClient.connect(port);
    const streamId = begin(client);
    assert.match((await arrived(1)).peer.address, /^127\.0\.0\.1:\d+$/);
    const refused = connect(port, "127.0.0.1");
    refused.on("error", () => undefined);
    await once(refused, "close");
    assert.match(String(errors[0]), /connections are refused/);
    const closed = server.close();
    await client.until("two GOAWAYs", () => (goaways(client) === 2 ? true : undefined));
    release();
    assert.equal((await client.reply(streamId)).grpcStatus, Code.OK);
    await closed;
    await client.disconnected();
    await new Promise((resolve) => front.close(resolve));
  });

  test("R175 a duplex without a network below is served too", async (t) => {
    // Nothing here is known to the event loop, which would take it for the end.
    const awake = setInterval(() => undefined, 60_000);
    t.after(() => clearInterval(awake));
    const { server, release } = holding();
    release();
    const [near, far] = duplexPair();
    server.serve(far);
    const session = connectHttp2("http://in-process", { createConnection: () => near });
    const stream = session.request(Object.fromEntries(requestFields(UNARY)));
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    const [trailers, ended] = [once(stream, "trailers"), once(stream, "close")];
    stream.end(HELLO);
    const [fields] = (await trailers) as [Record<string, string>];
    assert.equal(fields["grpc-status"], "0");
    await ended;
    assert.deepEqual(Buffer.concat(chunks), Buffer.from(HELLO));
    const gone = once(session, "close");
    await server.close();
    await gone;
  });

  test("R175 with TLS the client shakes hands on it", async () => {
    const authority = new Authority();
    const { server, release, arrived } = holding({ tls: authority.issue({ names: ["localhost"] }) });
    release();
    const front = createServer((socket) => server.serve(socket));
    await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
    const { port } = front.address() as AddressInfo;
    const channel = new Channel(`localhost:${port}`, { tls: { ca: authority.cert } });
    assert.deepEqual(await channel.client(Wire).unary(Buffer.from("hello")), new Uint8Array(Buffer.from("hello")));
    assert.equal((await arrived(1)).peer.tls?.serverName, "localhost");
    await channel.close();
    await server.close();
    await new Promise((resolve) => front.close(resolve));
  });

  test("R175 what is no duplex is refused by name, and anything once the server is closed", async () => {
    const server = new Server();
    for (const wrong of [undefined, null, {}, "socket"] as unknown as Socket[]) {
      assert.throws(() => server.serve(wrong), /Cannot serve this as it must be a socket/);
    }
    await server.close();
    const stream = new PassThrough();
    assert.throws(() => server.serve(stream), /Cannot serve a connection as the server is closed/);
    assert.equal(stream.destroyed, false, "it is left to whoever has it");
  });
});
