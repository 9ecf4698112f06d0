/**
 * Taps: a server and a channel show what passes, inside of TLS, and behave as without.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { CLIENT_PREFACE } from "../../src/codec/http2/frame.js";
import { Channel, Code, Server, StatusError, type Peer, type Tap, type TapSide } from "../../src/index.js";
import { socketPair } from "../../src/transport/socket-pair.js";
import { connectInProcess } from "../../src/testing.js";
import { Authority } from "../support/certificates.js";
import { Echo } from "../support/echo-service.js";
import { withEcho } from "../support/echo-served.js";
import { behaveAs, bytesOf, echo, ECHO_WAYS, gate, outcomeOf } from "../support/echo-ways.js";

/** What a tap was shown of one connection. */
class Shown {
  readonly side: TapSide;
  readonly bytes: Record<TapSide, Buffer[]> = { client: [], server: [] };
  readonly events: string[] = [];
  hold: ((from: TapSide) => Promise<void> | undefined) | undefined;
  readonly #closed = gate();

  constructor(side: TapSide) {
    this.side = side;
  }

  get closed(): Promise<void> {
    return this.#closed.opened;
  }

  all(from: TapSide): Buffer {
    return Buffer.concat(this.bytes[from]);
  }

  tell(event: string): void {
    this.events.push(event);
    if (event.startsWith("closed")) this.#closed.open();
  }
}

/** A tap that keeps everything. */
function keeping(connections: Shown[]): Tap {
  return {
    connection: ({ side }) => {
      const shown = new Shown(side);
      connections.push(shown);
      return {
        opened: (local, remote) => shown.tell(`opened ${local} ${remote}`.replaceAll(/\d{4,}/g, "N")),
        bytes: (from, chunk) => {
          shown.bytes[from].push(Buffer.from(chunk));
          return shown.hold?.(from);
        },
        halfClosed: () => undefined,
        closed: (error) => shown.tell(`closed${error === undefined ? "" : ` ${error.message}`}`),
      };
    },
  };
}

const authority = new Authority();
const identity = authority.issue();
const ownIdentity = authority.issue({ names: ["the client"] });

const SECURITIES = {
  plaintext: { server: {}, channel: {} },
  TLS: {
    server: { tls: { ...identity, clientCa: authority.cert } },
    channel: { tls: { ca: authority.cert, ...ownIdentity } },
  },
} as const;

describe("a tap", () => {
  for (const [security, options] of Object.entries(SECURITIES)) {
    test(`${security}: both ends are shown the same bytes, in the clear, of calls of every kind`, async () => {
      const [atServer, atClient]: [Shown[], Shown[]] = [[], []];
      let peer: Peer | undefined;
      const behaviour = behaveAs(async function* (requests, call) {
        ({ peer } = call);
        yield* echo(requests);
      });
      const served = {
        server: { ...options.server, tap: keeping(atServer) },
        channel: { ...options.channel, tap: keeping(atClient) },
      };
      await withEcho(
        behaviour,
        async ({ client }) => {
          for (const way of ECHO_WAYS) {
            const { error, messages } = await outcomeOf(
              way.start(client, [{ text: "in the clear", payload: bytesOf(200_000) }]),
            );
            assert.equal(error, undefined);
            assert.deepEqual(messages[0]?.payload, bytesOf(200_000));
          }
        },
        served,
      );
      const [server, client] = [atServer[0], atClient[0]];
      assert.ok(server !== undefined && client !== undefined && atServer.length === 1 && atClient.length === 1);
      await Promise.all([server.closed, client.closed]);
      assert.deepEqual([server.side, client.side], ["server", "client"]);
      for (const from of ["client", "server"] as const) {
        // What one end wrote last, the other need not have read.
        const [short, long] = [server.all(from), client.all(from)].toSorted((a, b) => a.length - b.length);
        assert.ok(short !== undefined && long !== undefined && short.length > 500_000);
        assert.ok(long.subarray(0, short.length).equals(short));
        assert.ok(short.includes("in the clear"));
      }
      assert.ok(client.all("client").subarray(0, CLIENT_PREFACE.length).equals(CLIENT_PREFACE));
      assert.deepEqual(client.events, ["opened 127.0.0.1:N 127.0.0.1:N", "closed"]);
      // Who the peer is, a stand-in does not know.
      assert.match(peer?.address ?? "", /^127\.0\.0\.1:\d+$/);
      assert.equal(peer?.tls?.certificate?.subject, security === "TLS" ? "CN=the client" : undefined);
    });
  }

  test("in process as well, on either side", async () => {
    const shown: Shown[] = [];
    const pair = connectInProcess((server) => server.add(Echo, behaveAs(echo)), {
      server: { tap: keeping(shown) },
      channel: { tap: keeping(shown) },
    });
    assert.equal((await pair.client(Echo).unary({ text: "hello" })).text, "hello");
    await pair.close();
    await Promise.all(shown.map(({ closed }) => closed));
    assert.deepEqual(shown.map(({ side }) => side).toSorted(), ["client", "server"]);
    for (const one of shown) assert.ok(one.all("server").includes("hello"));
    assert.equal(shown[0]?.events[0], "opened a local stream a local stream");
  });

  test("what passes waits for who looks at it", async () => {
    const shown: Shown[] = [];
    await withEcho(
      behaveAs(echo),
      async ({ client }) => {
        await client.unary({ text: "before" });
        const released = gate();
        const heldOnce = gate();
        assert.ok(shown[0] !== undefined);
        shown[0].hold = (from) => {
          if (from === "client") return undefined;
          heldOnce.open();
          return released.opened;
        };
        let hasCome = false;
        const answer = client.unary({ text: "after" }).then(() => (hasCome = true));
        await heldOnce.opened;
        await new Promise((resolve) => setTimeout(resolve, 50));
        assert.equal(hasCome, false);
        released.open();
        await answer;
      },
      { server: { tap: keeping(shown) } },
    );
  });

  test("a server that closes gracefully lets calls end, and leaves nothing behind", async () => {
    const shown: Shown[] = [];
    const [begun, finish] = [gate(), gate()];
    const server = new Server({ tap: keeping(shown) });
    server.add(
      Echo,
      behaveAs(async function* (requests) {
        begun.open();
        await finish.opened;
        yield* echo(requests);
      }),
    );
    const { address } = await server.listen("127.0.0.1:0");
    const channel = new Channel(address);
    const call = channel.client(Echo).unary({ text: "last" });
    await begun.opened;
    const closed = server.close();
    finish.open();
    assert.equal((await call).text, "last");
    await closed;
    await shown[0]?.closed;
    assert.ok(shown[0]?.all("server").includes("last"));
    await channel.close();
  });

  test("a server that is cut ends also where a client does not read", async () => {
    const shown: Shown[] = [];
    const server = new Server({ tap: keeping(shown) });
    server.add(
      Echo,
      behaveAs(function* () {
        for (;;) yield { payload: bytesOf(100_000) };
      }),
    );
    const { address } = await server.listen("127.0.0.1:0");
    const channel = new Channel(address, { onError: () => undefined });
    const call = channel.client(Echo).serverStreaming({});
    await call.receive();
    await server.close({ graceMs: 0 });
    await shown[0]?.closed;
    await channel.destroy();
    await assert.rejects(async () => {
      for await (const message of call) assert.equal(message.payload.length, 100_000);
    });
  });

  test("a connection that cannot be made says why, as without, and is never opened", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    await new Promise((resolve) => taken.close(resolve));
    const shown: Shown[] = [];
    const channel = new Channel(`127.0.0.1:${port}`, { tap: keeping(shown) });
    await assert.rejects(
      channel.client(Echo).unary({}),
      (error) => error instanceof StatusError && error.code === Code.UNAVAILABLE && /ECONNREFUSED/.test(error.message),
    );
    await channel.destroy();
    assert.match(shown[0]?.events.join() ?? "", /^closed connect ECONNREFUSED/);
  });

  test("a server that is not trusted is refused, as without", async () => {
    const shown: Shown[] = [];
    const server = new Server({ tls: new Authority("somebody else").issue() }).add(Echo, behaveAs(echo));
    const { address } = await server.listen("127.0.0.1:0");
    const channel = new Channel(address, {
      tls: { ca: authority.cert },
      tap: keeping(shown),
      onError: () => undefined,
    });
    await assert.rejects(
      channel.client(Echo).unary({}),
      (error) => error instanceof StatusError && error.code === Code.UNAVAILABLE && /certificate/.test(error.message),
    );
    await channel.destroy();
    await server.close({ graceMs: 0 });
    assert.equal(shown[0]?.all("client").length, 0);
  });

  test("one that throws is told of, and calls go on", async () => {
    for (const what of ["connection", "opened", "bytes", "promise", "closed"] as const) {
      const fail = (): never => {
        throw new Error(`no ${what}`);
      };
      const listener = {
        opened: what === "opened" ? fail : () => undefined,
        bytes:
          what === "bytes" ? fail : () => (what === "promise" ? Promise.reject(new Error("no promise")) : undefined),
        halfClosed: () => undefined,
        closed: what === "closed" ? fail : () => undefined,
      };
      const tap: Tap = { connection: what === "connection" ? fail : () => listener };
      let told: readonly unknown[] = [];
      await withEcho(
        behaveAs(echo),
        async ({ client, serverErrors }) => {
          told = serverErrors;
          assert.equal((await client.unary({ text: "a" })).text, "a");
        },
        { server: { tap } },
      );
      assert.deepEqual(told.map(String), [`Error: no ${what}`]);
    }
  });

  test("that does not want a connection costs it nothing", async () => {
    let asked = 0;
    const tap: Tap = {
      connection: () => {
        asked++;
        return undefined;
      },
    };
    await withEcho(behaveAs(echo), async ({ client }) => assert.equal((await client.unary({ text: "a" })).text, "a"), {
      server: { tap },
      channel: { tap },
    });
    assert.equal(asked, 2);
  });

  test("one whose functions return what they should not is put up with, and a promise of theirs that fails is told of", async () => {
    const listener = {
      opened: () => Promise.reject(new Error("no promise")),
      bytes: (_from: TapSide, chunk: Buffer) => chunk.length as never,
      halfClosed: () => undefined,
      closed: () => undefined,
    };
    let told: readonly unknown[] = [];
    await withEcho(
      behaveAs(echo),
      async ({ client, serverErrors }) => {
        told = serverErrors;
        assert.equal((await client.unary({ text: "a" })).text, "a");
      },
      { server: { tap: { connection: () => listener } } },
    );
    assert.deepEqual(told.map(String), ["Error: no promise"]);
  });

  test("refuses what is none", () => {
    for (const tap of [null, {}, "inspector", () => undefined]) {
      assert.throws(() => new Server({ tap: tap as never }), /option tap .* what inspector\(\) returns/);
      assert.throws(
        () => new Channel("localhost:1", { tap: tap as never }),
        /option tap .* what inspector\(\) returns/,
      );
    }
  });
});

test("a socket pair is connected with itself, in both directions, and each ends alone", async () => {
  const [near, far] = await socketPair();
  near.write("there");
  far.write("back");
  assert.equal(String((await once(far.resume(), "data"))[0]), "there");
  assert.equal(String((await once(near, "data"))[0]), "back");
  near.end();
  await once(far, "end");
  far.end();
  await once(near, "close");
});
