/**
 * Channels with several servers, on the wire: who is connected, who gets the calls, and what is told when nobody can be reached.
 */
import assert from "node:assert/strict";
import { createServer, type AddressInfo, type Server as TcpServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { Channel, Code, type ChannelOptions, type Resolution } from "../../src/core.js";
import { Setting } from "../support/http2-frame.js";
import { RawServer, type Frame, type PeerOptions, type ServerPeer } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { answer, outcome } from "../support/peer-scripted.js";
import { Wire } from "../support/peer-service.js";

guardProcess();

/** A server that answers every call with its own name, and counts them. */
class Counted {
  calls = 0;
  readonly name: string;
  readonly server: RawServer;

  private constructor(name: string, server: RawServer) {
    this.name = name;
    this.server = server;
    server.hear = (connection) => {
      connection.hear = (frame) => this.#hear(connection, frame);
    };
  }

  static async listen(name: string, options: PeerOptions = {}): Promise<Counted> {
    return new Counted(name, await RawServer.listen(options));
  }

  #hear(connection: ServerPeer, { streamId, endStream, name }: Frame): void {
    if (!endStream || name !== "DATA") return;
    this.calls++;
    answer(connection, streamId, [this.name]);
  }

  get address(): string {
    return `127.0.0.1:${this.server.port}`;
  }
}

async function withServers(
  count: number,
  options: ChannelOptions & { peer?: PeerOptions },
  use: (servers: readonly Counted[], channel: Channel) => Promise<void>,
): Promise<void> {
  const { peer, ...channelOptions } = options;
  const servers = await Promise.all(Array.from({ length: count }, (_, at) => Counted.listen(String(at), peer)));
  const channel = new Channel(
    servers.map(({ address }) => address),
    channelOptions,
  );
  try {
    await use(servers, channel);
  } finally {
    await channel.destroy();
    await Promise.all(servers.map(({ server }) => server.close()));
  }
}

function call(channel: Channel): Promise<string> {
  return channel
    .client(Wire)
    .unary(Buffer.alloc(0), { timeoutMs: 10_000 })
    .then((bytes) => Buffer.from(bytes).toString());
}

/** A port where nobody listens, and one where somebody takes connections and says nothing, for ever. */
let refused: string;
let silent: string;
const hole: TcpServer = createServer((socket) => void socket.on("error", () => undefined).resume());
before(async () => {
  await new Promise<void>((resolve) => hole.listen(0, "127.0.0.1", resolve));
  silent = `127.0.0.1:${(hole.address() as AddressInfo).port}`;
  const gone = createServer();
  await new Promise<void>((resolve) => gone.listen(0, "127.0.0.1", resolve));
  refused = `127.0.0.1:${(gone.address() as AddressInfo).port}`;
  await new Promise((resolve) => gone.close(resolve));
});
after(() => hole.close());

describe("pick_first", () => {
  test("R228 R229 all calls go to the first server", async () => {
    await withServers(3, {}, async (servers, channel) => {
      for (let i = 0; i < 10; i++) assert.equal(await call(channel), "0");
      assert.deepEqual(
        servers.map(({ server }) => server.connections.length),
        [1, 0, 0],
      );
    });
  });

  test("R230 behind one that refuses the next is tried at once, beside one that says nothing after 250 ms", async () => {
    await withServers(1, {}, async ([live]) => {
      assert.ok(live !== undefined);
      for (const [first, atLeastMs] of [
        [refused, 0],
        [silent, 240],
      ] as const) {
        const channel = new Channel([first, live.address]);
        const began = performance.now();
        assert.equal(await call(channel), "0");
        const ms = performance.now() - began;
        assert.ok(ms >= atLeastMs && ms < 5000, `${ms} ms`);
        await channel.destroy();
      }
    });
  });

  test("R232 R233 when its server is gone the next one is taken", async () => {
    await withServers(2, {}, async (servers, channel) => {
      assert.equal(await call(channel), "0");
      await servers[0]?.server.close();
      while (channel.state === "READY") await channel.waitForStateChange("READY");
      assert.equal(await call(channel), "1");
    });
  });
});

describe("round_robin", () => {
  test("R236 300 calls over three servers: a hundred each", async () => {
    await withServers(3, { balancing: "round_robin" }, async (servers, channel) => {
      channel.connect();
      await Promise.all(servers.map(({ server }) => server.connection().then((peer) => peer.roundTrip())));
      await call(channel);
      await call(channel);
      await call(channel);
      for (const server of servers) server.calls = 0;
      await Promise.all(Array.from({ length: 300 }, () => call(channel)));
      for (const { calls } of servers) assert.ok(Math.abs(calls - 100) <= 1, servers.map((one) => one.calls).join());
    });
  });

  test("R235 R238 servers that come get calls, those that go get none, and no call notices", async () => {
    const servers = await Promise.all(["a", "b", "c"].map((name) => Counted.listen(name)));
    let push: (resolution: Resolution) => void = () => undefined;
    const listOf = (...at: number[]): Resolution => ({ endpoints: at.map((one) => servers[one]?.address ?? "") });
    let next = Promise.resolve(listOf(0, 1));
    const channel = new Channel("list:///x", {
      tls: false,
      balancing: "round_robin",
      resolvers: {
        async *list() {
          for (;;) {
            yield await next;
            next = new Promise((resolve) => (push = resolve));
          }
        },
      },
    });
    const names = async (wanted: string): Promise<void> => {
      const seen = new Set<string>();
      // Calls go on until all that are wanted have answered in a row of six.
      for (let row = ""; ;) {
        row = (row + (await call(channel))).slice(-6);
        seen.add(row);
        if ([...new Set(row)].toSorted().join("") === wanted && row.length === 6) return;
      }
    };
    try {
      await names("ab");
      push(listOf(1, 2));
      await names("bc");
      await servers[0]?.server.connections[0]?.disconnected();
      assert.deepEqual(
        servers.map(({ server }) => server.connections.length),
        [1, 1, 1],
        "b has kept its own",
      );
    } finally {
      await channel.destroy();
      await Promise.all(servers.map(({ server }) => server.close()));
    }
  });

  test("R237 a server that dies costs the calls it had; the others get the rest, and it is back when it is", async () => {
    await withServers(2, { balancing: "round_robin" }, async (servers, channel) => {
      while (servers.some(({ calls }) => calls === 0)) await call(channel);
      servers[0]?.server.connections[0]?.abort();
      const [before] = servers.map(({ calls }) => calls);
      let lost = 0;
      while (servers[0]?.calls === before) {
        const { code } = await outcome(channel.client(Wire).unary(Buffer.alloc(0)));
        if (code === Code.UNAVAILABLE) lost++;
        else assert.equal(code, Code.OK);
      }
      assert.ok(lost <= 1, "one call may have been on its way");
      assert.equal(servers[0]?.server.connections.length, 2);
    });
  });
});

test("R165 R162 calls beyond what one connection takes get further ones, up to the limit; the others wait their turn", async () => {
  const peer = { settings: { [Setting.MAX_CONCURRENT_STREAMS]: 10 } };
  const server = await RawServer.listen(peer);
  const channel = new Channel(`127.0.0.1:${server.port}`, { maxConnectionsPerAddress: 3 });
  try {
    const calls = Array.from({ length: 100 }, () => channel.client(Wire).unary(Buffer.alloc(0)));
    const held: [ServerPeer, number][] = [];
    for (let connections = 0; connections < 3; connections++) {
      const connection = await server.connection();
      for (let i = 0; i < 10; i++) held.push([connection, (await connection.request()).streamId]);
    }
    for (const connection of server.connections) await connection.roundTrip();
    assert.equal(server.connections.length, 3);
    for (const connection of server.connections) {
      assert.equal(connection.frames.filter(({ name }) => name === "HEADERS").length, 10);
      connection.hear = ({ streamId, endStream }) => {
        if (endStream) answer(connection, streamId, ["later"]);
      };
    }
    for (const [connection, streamId] of held) answer(connection, streamId, ["first"]);
    await Promise.all(calls);
    assert.equal(server.connections.length, 3);
  } finally {
    await channel.destroy();
    await server.close();
  }
});

describe("when nobody can be reached", () => {
  /** How a call ends, and how long that took. */
  async function failed(
    target: string | readonly string[],
    options: ChannelOptions = {},
  ): Promise<{ text: string; ms: number; code: Code }> {
    const channel = new Channel(target, options);
    const began = performance.now();
    try {
      const { code, error } = await outcome(channel.client(Wire).unary(Buffer.alloc(0), { timeoutMs: 5000 }));
      return { code, text: error?.message ?? "", ms: performance.now() - began };
    } finally {
      await channel.destroy();
    }
  }

  test("R222 a name that does not exist: the reason, soon", async () => {
    const { code, text } = await failed("dns:///nowhere.invalid:1", { tls: false });
    assert.ok(code === Code.UNAVAILABLE || code === Code.DEADLINE_EXCEEDED, text);
    if (code === Code.UNAVAILABLE) assert.match(text, /name could not be resolved .*nowhere\.invalid/);
  });

  test("R234 ports where nobody listens: each is named", async () => {
    const { code, text } = await failed([refused, "127.0.0.1:1"]);
    assert.equal(code, Code.UNAVAILABLE);
    assert.ok(text.includes(refused) && text.includes("127.0.0.1:1:") && text.includes("ECONNREFUSED"), text);
  });

  test("R193 a server that never says anything: the deadline of connecting, or the call's own", async () => {
    const early = await failed(silent, { connectTimeoutMs: 100 });
    assert.equal(early.code, Code.UNAVAILABLE);
    assert.match(early.text, /no HTTP\/2 SETTINGS within 100 ms/);
    const channel = new Channel(silent);
    const { code, error } = await outcome(channel.client(Wire).unary(Buffer.alloc(0), { timeoutMs: 50 }));
    assert.equal(code, Code.DEADLINE_EXCEEDED);
    assert.match(error?.message ?? "", /while waiting for a connection/);
    await channel.destroy();
  });

  test("R227 R222 resolvers that throw, hang, answer nothing, or nonsense", async () => {
    const ways: Readonly<Record<string, [resolver: () => never, text: RegExp]>> = {
      throws: [
        () => {
          throw new Error("no registry");
        },
        /UNAVAILABLE: .*\(no registry\)/,
      ],
      empty: [(): never => ({ endpoints: [] }) as never, /UNAVAILABLE: .*no address/],
      nonsense: [(): never => 5 as never, /UNAVAILABLE: .*must be an object with endpoints/],
      hangs: [(): never => new Promise(() => undefined) as never, /DEADLINE_EXCEEDED/],
    };
    for (const [scheme, [resolver, text]] of Object.entries(ways)) {
      const channel = new Channel(`${scheme}:///x`, { tls: false, resolvers: { [scheme]: resolver } });
      const { error } = await outcome(channel.client(Wire).unary(Buffer.alloc(0), { timeoutMs: 200 }));
      assert.match(error?.message ?? "", text);
      await channel.destroy();
    }
  });

  test("R211 R214 a call that waits for ready is answered by the server that comes; after that it fails as any other", async () => {
    const server = await RawServer.listen();
    const { port } = server;
    await server.close();
    const channel = new Channel(`127.0.0.1:${port}`);
    const client = channel.client(Wire);
    try {
      const waiting = client.unary(Buffer.alloc(0), { waitForReady: true, timeoutMs: 30_000 });
      assert.equal((await outcome(client.unary(Buffer.alloc(0)))).code, Code.UNAVAILABLE);
      const late = client.unary(Buffer.alloc(0), { waitForReady: true, timeoutMs: 20 });
      assert.equal((await outcome(late)).code, Code.DEADLINE_EXCEEDED);
      const unwanted = client.unary(Buffer.alloc(0), { waitForReady: true });
      unwanted.cancel();
      assert.equal((await outcome(unwanted)).code, Code.CANCELLED);
      const back = await RawServer.listen({}, undefined, port);
      try {
        channel.connect();
        const connection = await back.connection();
        await connection.request();
        connection.abort();
        assert.equal((await outcome(waiting)).code, Code.UNAVAILABLE);
      } finally {
        await back.close();
      }
    } finally {
      await channel.destroy();
    }
  });
});

describe("the channel's own", () => {
  test("R199 R201 R208 its state can be seen and waited for, until it is closed", async () => {
    await withServers(1, {}, async (_servers, channel) => {
      assert.equal(channel.state, "IDLE");
      const seen: string[] = [];
      const watching = (async (): Promise<void> => {
        for await (const state of channel.states()) seen.push(state);
      })();
      assert.equal(await channel.waitForStateChange("IDLE", { timeoutMs: 1 }), false);
      channel.connect();
      assert.equal(await channel.waitForStateChange("IDLE"), true);
      await call(channel);
      assert.equal(channel.state, "READY");
      await channel.close();
      await watching;
      assert.equal(seen[0], "IDLE");
      assert.equal(seen.at(-1), "SHUTDOWN");
      assert.throws(() => channel.waitForStateChange("SHUTDOWN", { timeoutMs: -1 }), /0 or more: current value is -1/);
    });
  });

  test("destroy() and close() in what follows a response end the channel in good order", async () => {
    for (const end of ["destroy", "close"] as const) {
      for (let round = 0; round < 20; round++) {
        await withServers(1, {}, async (_servers, channel) => {
          await call(channel);
          const answered = channel
            .client(Wire)
            .unary(Buffer.alloc(0))
            .then(() => channel[end]());
          await answered;
          assert.equal(channel.state, "SHUTDOWN");
        });
      }
    }
  });

  test("times that would be over at once are refused", () => {
    for (const options of [
      { connectTimeoutMs: 0 },
      { keepaliveTimeoutMs: 0 },
      { initialBackoffMs: 1 },
      { idleTimeoutMs: 10 },
      { connectionsPerAddress: 0 },
      { maxConnectionsPerAddress: 1.5 },
      { minResolutionIntervalMs: 0 },
    ]) {
      const [[name]] = Object.entries(options) as [[string, number]];
      assert.throws(() => new Channel("localhost:1", options), new RegExp(`Cannot use option ${name} as it must be`));
    }
  });
});
