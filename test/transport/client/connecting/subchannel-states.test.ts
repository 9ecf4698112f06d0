/**
 * A subchannel in trouble: its states, its backoff to the millisecond, and connections that come and go. Time is the test's own.
 */
import assert from "node:assert/strict";
import { createServer, type AddressInfo, type Server } from "node:net";
import { describe, test } from "node:test";
import type { ConnectivityState } from "../../../../src/transport/client/connectivity.js";
import { DEFAULT_CHANNEL_LIMITS, type ChannelLimits } from "../../../../src/transport/client/limits.js";
import { Subchannel, TRANSITIONS } from "../../../../src/transport/client/connecting/subchannel.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { Setting } from "../../../support/http2-frame.js";
import { RawServer, type PeerOptions } from "../../../support/peer.js";
import { guardProcess } from "../../../support/peer-guard.js";

guardProcess();

/** A subchannel whose every state is remembered. */
class Watched {
  readonly clock = new FakeClock();
  readonly states: ConnectivityState[] = ["IDLE"];
  readonly subchannel: Subchannel;
  readonly gone: Promise<void>;
  rooms = 0;
  readonly #waiting = new Set<() => void>();

  constructor(port: number, asked: Partial<ChannelLimits> = {}) {
    const limits = { ...DEFAULT_CHANNEL_LIMITS, ...asked };
    let gone: () => void = () => undefined;
    this.gone = new Promise((resolve) => (gone = resolve));
    const { clock } = this;
    const options = { limits, clock, keepalive: { timeMs: Infinity } };
    this.subchannel = new Subchannel({ kind: "tcp", host: "127.0.0.1", port }, options, {
      stateChanged: () => {
        this.states.push(this.subchannel.state);
        this.#wake();
      },
      roomMade: () => {
        this.rooms++;
        this.#wake();
      },
      gone,
      warn: () => undefined,
    });
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Waits until something is so, which is looked at whenever something has changed. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  /** Waits for a state. */
  at(state: ConnectivityState): Promise<void> {
    return this.until(() => this.subchannel.state === state);
  }
}

/** A server that takes connections, and says `greeting` before it closes them; it counts them. */
async function rude(greeting: Buffer | undefined): Promise<{ port: number; taken(): number; close(): Promise<void> }> {
  let taken = 0;
  const server: Server = createServer((socket) => {
    taken++;
    socket.on("error", () => undefined);
    socket.resume();
    socket.end(greeting ?? Buffer.alloc(0));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    taken: () => taken,
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

async function withPeer(
  peer: PeerOptions,
  limits: Partial<ChannelLimits>,
  use: (watched: Watched, server: RawServer) => Promise<void>,
): Promise<void> {
  const server = await RawServer.listen(peer);
  const watched = new Watched(server.port, limits);
  try {
    await use(watched, server);
  } finally {
    watched.subchannel.destroy();
    await server.close();
    await watched.gone;
  }
}

/** An empty SETTINGS frame. */
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

describe("backoff", () => {
  for (const [what, greeting] of [
    ["closes every connection", undefined],
    ["closes every connection behind its SETTINGS", SETTINGS],
  ] as const) {
    test(`R197 R194 a server that ${what} is tried about 13 times in 540 seconds`, async () => {
      const server = await rude(greeting);
      const watched = new Watched(server.port);
      const { clock, subchannel } = watched;
      try {
        const began: number[] = [];
        while (clock.now() < 540_000) {
          began.push(clock.now());
          subchannel.connect();
          await watched.at("TRANSIENT_FAILURE");
          clock.pass(clock.nextInMs);
          assert.equal(subchannel.state, "IDLE");
        }
        assert.ok(began.length >= 12 && began.length <= 15, `${began.length} attempts`);
        assert.deepEqual(
          began.slice(0, 4).map((ms) => Math.round(ms)),
          [0, 1000, 2600, 5160],
        );
        assert.equal(server.taken(), began.length);
      } finally {
        subchannel.destroy();
        await watched.gone;
        await server.close();
      }
    });
  }

  test("R194 R193 a server that never sends SETTINGS is given up after 20 seconds, later after as long as the delay; the delay grows", async () => {
    await withPeer({ settings: false }, {}, async ({ clock, subchannel }, server) => {
      const lasted: number[] = [];
      for (let attempt = 0; attempt < 10; attempt++) {
        subchannel.connect();
        await server.connection();
        const began = clock.now();
        while (subchannel.state === "CONNECTING") {
          clock.pass(clock.nextInMs);
          // The drop comes in the next turn, its end some turns later.
          for (let turn = 0; turn < 20 && subchannel.state === "CONNECTING"; turn++) {
            await new Promise((resolve) => setImmediate(resolve));
          }
        }
        lasted.push(clock.now() - began);
        assert.equal(subchannel.failure?.phase, "settings");
        clock.pass(clock.nextInMs);
        assert.equal(subchannel.state, "IDLE");
      }
      assert.deepEqual(
        lasted.slice(0, 6),
        Array.from({ length: 6 }, () => 20_000),
      );
      // 1.6^9 seconds.
      assert.ok((lasted[9] ?? 0) > 60_000, `the tenth lasted ${lasted[9]} ms`);
    });
  });

  test("R194 a session that was of use makes the next delay the first one again", async () => {
    await withPeer({}, {}, async (watched, server) => {
      const { clock, subchannel } = watched;
      for (let round = 0; round < 3; round++) {
        subchannel.connect();
        await watched.at("READY");
        const lease = subchannel.take();
        lease?.release();
        (await server.connection()).abort();
        await watched.at("IDLE");
      }
      subchannel.connect();
      await watched.at("READY");
      // Gone at once, without having been of use.
      (await server.connection()).abort();
      await watched.at("TRANSIENT_FAILURE");
      assert.equal(Math.round(clock.nextInMs), 1000);
    });
  });

  test("R195 the first and the longest delay are options", async () => {
    const server = await rude(undefined);
    const watched = new Watched(server.port, { initialBackoffMs: 200, maxBackoffMs: 300 });
    const { clock, subchannel } = watched;
    const delays: number[] = [];
    for (let attempt = 0; attempt < 4; attempt++) {
      subchannel.connect();
      await watched.at("TRANSIENT_FAILURE");
      delays.push(Math.round(clock.nextInMs));
      clock.pass(clock.nextInMs);
    }
    assert.deepEqual(delays, [200, 300, 300, 300]);
    subchannel.destroy();
    await watched.gone;
    await server.close();
  });

  test("R196 R198 each address has its own, which can be ended", async () => {
    const server = await rude(undefined);
    const [one, other] = [new Watched(server.port), new Watched(server.port)];
    one.subchannel.connect();
    await one.at("TRANSIENT_FAILURE");
    assert.equal(other.subchannel.state, "IDLE");
    other.subchannel.connect();
    assert.equal(other.subchannel.state, "CONNECTING");
    one.subchannel.connect();
    assert.equal(one.subchannel.state, "TRANSIENT_FAILURE", "not before its time");
    one.subchannel.resetBackoff();
    assert.equal(one.subchannel.state, "IDLE");
    one.subchannel.connect();
    await one.at("TRANSIENT_FAILURE");
    assert.equal(Math.round(one.clock.nextInMs), 1600, "the delays go on growing");
    for (const { subchannel, gone } of [one, other]) {
      subchannel.destroy();
      await gone;
    }
    await server.close();
  });
});

describe("states", () => {
  test("R202 it connects when it is asked to and not else, is idle again when its connection is lost or its backoff over", async () => {
    await withPeer({}, {}, async (watched, server) => {
      const { subchannel, clock } = watched;
      assert.equal(subchannel.take(), undefined, "asking for room connects nothing");
      assert.equal(subchannel.state, "IDLE");
      subchannel.connect();
      subchannel.connect();
      await watched.at("READY");
      subchannel.connect();
      subchannel.take()?.release();
      (await server.connection()).end();
      await watched.at("IDLE");
      clock.pass(100_000);
      assert.deepEqual(watched.states, ["IDLE", "CONNECTING", "READY", "IDLE"]);
      assert.equal(server.connections.length, 1);
      await server.close();
      subchannel.connect();
      await watched.at("TRANSIENT_FAILURE");
      assert.match(subchannel.failure?.hint ?? "", /ECONNREFUSED/);
      assert.equal(subchannel.failure?.phase, "tcp");
      clock.pass(2000);
      assert.deepEqual(watched.states.slice(4), ["CONNECTING", "TRANSIENT_FAILURE", "IDLE"]);
      subchannel.shutDown();
      subchannel.connect();
      assert.equal(subchannel.state, "SHUTDOWN");
    });
  });

  test("R202 its table says so", () => {
    assert.deepEqual(TRANSITIONS, {
      IDLE: ["CONNECTING", "SHUTDOWN"],
      CONNECTING: ["READY", "TRANSIENT_FAILURE", "SHUTDOWN"],
      READY: ["IDLE", "TRANSIENT_FAILURE", "SHUTDOWN"],
      TRANSIENT_FAILURE: ["IDLE", "SHUTDOWN"],
      SHUTDOWN: [],
    });
  });
});

describe("several connections", () => {
  const two: PeerOptions = { settings: { [Setting.MAX_CONCURRENT_STREAMS]: 2 } };

  test("R165 a further one is made when all are full, one at a time, up to the limit", async () => {
    await withPeer(two, { maxConnectionsPerAddress: 3 }, async (watched, server) => {
      const { subchannel } = watched;
      subchannel.connect();
      await watched.at("READY");
      const leases = [subchannel.take(), subchannel.take()];
      assert.equal(server.connections.length, 1);
      for (const connections of [2, 3]) {
        assert.equal(subchannel.take(), undefined, "no room");
        assert.equal(subchannel.take(), undefined, "one attempt at a time");
        await watched.until(() => subchannel.hasRoom);
        leases.push(subchannel.take(), subchannel.take());
        assert.equal(server.connections.length, connections);
      }
      assert.equal(subchannel.take(), undefined);
      await (await server.connection()).roundTrip();
      assert.equal(server.connections.length, 3, "not a fourth");
      assert.equal(new Set(leases.map((lease) => lease?.connection)).size, 3);
      assert.ok(leases.every((lease) => lease !== undefined));
      leases[0]?.release();
      assert.equal(subchannel.take()?.connection, leases[0]?.connection);
      assert.equal(subchannel.openCalls, 6);
      assert.equal(watched.states.filter((state) => state === "READY").length, 1, "READY all the time");
    });
  });

  test("R165 a further one that cannot be made is tried again when its backoff is over, for those who wait", async () => {
    await withPeer(two, { maxConnectionsPerAddress: 2 }, async (watched, server) => {
      const { subchannel, clock } = watched;
      subchannel.connect();
      await watched.at("READY");
      subchannel.take();
      subchannel.take();
      server.hear = (connection) => connection.abort();
      assert.equal(subchannel.take(), undefined);
      while (subchannel.failure === undefined) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(subchannel.state, "READY");
      assert.equal(subchannel.take(), undefined);
      assert.equal(server.connections.length, 2, "not before its time");
      server.hear = undefined;
      const { rooms } = watched;
      clock.pass(2000);
      assert.equal(watched.rooms, rooms + 1, "those who wait are told to ask again");
      assert.equal(subchannel.take(), undefined);
      await watched.until(() => subchannel.hasRoom);
      assert.equal(server.connections.length, 3);
    });
  });

  test("connectionsPerAddress: so many are made, calls go to the one with the fewest, and a lost one is replaced when there are calls", async () => {
    await withPeer({}, { connectionsPerAddress: 3 }, async (watched, server) => {
      const { subchannel } = watched;
      subchannel.connect();
      await watched.at("READY");
      await watched.until(() => server.connections.length === 3 && watched.rooms === 2);
      const leases = Array.from({ length: 6 }, () => subchannel.take());
      const connections = new Set(leases.map((lease) => lease?.connection));
      assert.equal(connections.size, 3);
      for (const connection of connections) assert.equal(connection?.openStreams, 2);
      server.connections[0]?.abort();
      const left = (): number => [...subchannel.connections].filter(({ retired }) => !retired).length;
      while (left() > 2) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(subchannel.state, "READY");
      assert.ok(subchannel.take() !== undefined);
      await watched.until(() => server.connections.length === 4);
    });
  });

  test("R162 a server that allows no streams at all gets no further connection", async () => {
    await withPeer({ settings: { [Setting.MAX_CONCURRENT_STREAMS]: 0 } }, {}, async (watched, server) => {
      watched.subchannel.connect();
      await watched.at("READY");
      assert.equal(watched.subchannel.take(), undefined);
      await (await server.connection()).roundTrip();
      assert.equal(server.connections.length, 1);
    });
  });
});
