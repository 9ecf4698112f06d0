/**
 * A subchannel: which session a call gets, and when there is a new one.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { SYSTEM_CLOCK } from "../../../../src/transport/client/clock.js";
import {
  DEFAULT_CHANNEL_LIMITS,
  keepaliveTimeFrom,
  MIN_KEEPALIVE_TIME_MS,
  type ChannelLimits,
} from "../../../../src/transport/client/limits.js";
import type { Lease } from "../../../../src/transport/client/balancing/placement.js";
import { MAX_STREAMS_OF_A_SESSION, Subchannel } from "../../../../src/transport/client/connecting/subchannel.js";
import { ErrorCode } from "../../../support/http2-frame.js";
import { RawServer } from "../../../support/peer.js";

/** A subchannel with whoever has it. */
class Tested {
  readonly subchannel: Subchannel;
  readonly warnings: Error[] = [];
  readonly gone: Promise<void>;
  /** Hears of anything. */
  hear: (() => void) | undefined;

  constructor(port: number, asked: Partial<ChannelLimits> = {}) {
    const limits = { ...DEFAULT_CHANNEL_LIMITS, ...asked };
    const options = { limits, clock: SYSTEM_CLOCK, keepalive: { timeMs: limits.keepaliveTimeMs } };
    let gone: () => void = () => undefined;
    this.gone = new Promise((resolve) => (gone = resolve));
    this.subchannel = new Subchannel({ kind: "tcp", host: "127.0.0.1", port }, options, {
      stateChanged: () => this.hear?.(),
      roomMade: () => this.hear?.(),
      gone,
      warn: (warning) => this.warnings.push(warning),
    });
  }

  /** A session with room, connecting if there is none. */
  async leased(): Promise<Lease> {
    for (;;) {
      const lease = this.subchannel.take();
      if (lease !== undefined) return lease;
      const heard = new Promise<void>((resolve) => (this.hear = resolve));
      this.subchannel.connect();
      await heard;
      assert.notEqual(this.subchannel.state, "TRANSIENT_FAILURE", this.subchannel.failure?.hint);
    }
  }
}

test("R164 a session is replaced before its stream ids run out; its calls may finish", async () => {
  // A client's ids are the odd numbers below 2^31.
  assert.ok(MAX_STREAMS_OF_A_SESSION < 2 ** 30);
  const server = await RawServer.listen();
  const tested = new Tested(server.port);
  const { subchannel } = tested;
  try {
    const first = await tested.leased();
    const { connection } = first;
    assert.equal(connection.streams, 1);
    connection.streams = MAX_STREAMS_OF_A_SESSION - 2;
    const lastButOne = await tested.leased();
    assert.equal(lastButOne.connection, connection);
    assert.equal(subchannel.state, "READY");
    const last = await tested.leased();
    assert.equal(last.connection, connection);
    assert.equal(subchannel.take(), undefined, "no stream beyond the last one");

    const next = await tested.leased();
    assert.notEqual(next.connection, connection);
    assert.equal((await tested.leased()).connection, next.connection);
    assert.equal(server.connections.length, 2);

    assert.equal(connection.session.closed, false, "the old one waits for its calls");
    first.release();
    lastButOne.release();
    assert.equal(connection.session.closed, false);
    const closed = once(connection.session, "close");
    last.release();
    await closed;
    assert.equal(next.connection.session.closed, false);
    assert.equal(subchannel.state, "READY");
  } finally {
    subchannel.destroy();
    await server.close();
    await tested.gone;
  }
});

/** Runs `use` with a subchannel to a server of ours. */
async function withSubchannel(
  limits: Partial<ChannelLimits>,
  use: (tested: Tested, server: RawServer) => Promise<void>,
): Promise<void> {
  const server = await RawServer.listen();
  const tested = new Tested(server.port, limits);
  try {
    await use(tested, server);
  } finally {
    tested.subchannel.destroy();
    await server.close();
    await tested.gone;
  }
}

describe("keepalive", () => {
  test("R182 R181 a server that answers no PING while there is a call is dropped", async () => {
    await withSubchannel({ keepaliveTimeMs: 50, keepaliveTimeoutMs: 50 }, async (tested, server) => {
      const lease = await tested.leased();
      const peer = await server.connection();
      await peer.frame("PING");
      peer.autoAck = false;
      await peer.disconnected();
      assert.equal(lease.connection.lost, "no answer to a keepalive PING");
      assert.equal(tested.subchannel.state, "IDLE");
    });
  });

  test("R178 R181 nothing is asked unless it is wanted, nor without a call", async () => {
    assert.equal(DEFAULT_CHANNEL_LIMITS.keepaliveTimeMs, Infinity);
    assert.equal(DEFAULT_CHANNEL_LIMITS.keepaliveTimeoutMs, 20_000);
    await withSubchannel({ keepaliveTimeMs: 20 }, async (tested, server) => {
      const lease = await tested.leased();
      const peer = await server.connection();
      await peer.frame("PING");
      lease.release();
      const pings = (): number => peer.frames.filter((frame) => frame.name === "PING" && frame.flags === 0).length;
      await peer.roundTrip();
      const before = pings();
      for (const end = performance.now() + 200; performance.now() < end;) await peer.roundTrip();
      assert.ok(pings() - before <= 1, `${pings() - before} PINGs without a call`);
    });
  });

  test("R157 a server that complains of too many PINGs is asked half as often from the next connection on, and it is told", async () => {
    await withSubchannel({ keepaliveTimeMs: 60 }, async (tested, server) => {
      for (const wanted of [120, 240]) {
        await tested.leased();
        const peer = await server.connection();
        await peer.frame("PING");
        peer.goaway(1, ErrorCode.ENHANCE_YOUR_CALM, "too_many_pings");
        await peer.disconnected();
        assert.match(tested.warnings.at(-1)?.message ?? "", new RegExp(`pinged too often: keepalive is ${wanted} ms`));
      }
      assert.equal(tested.warnings.length, 2);
      const began = performance.now();
      await tested.leased();
      await (await server.connection()).frame("PING");
      assert.ok(performance.now() - began >= 239, "asked after four times as long");
    });
  });

  test("R184 its timers do not keep a process alive", async () => {
    await withSubchannel({ keepaliveTimeMs: 50_000 }, async (tested) => {
      const before = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
      await tested.leased();
      assert.equal(process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length, before);
    });
  });

  test("calls that hear nothing until their deadlines ask no more often than a server permits", async () => {
    await withSubchannel({}, async (tested, server) => {
      const { connection } = await tested.leased();
      const peer = await server.connection();
      for (let i = 0; i < 6; i++) {
        tested.subchannel.suspect(connection);
        await peer.roundTrip();
      }
      const pings = (): number => peer.frames.filter((frame) => frame.name === "PING" && frame.flags === 0).length;
      assert.equal(pings(), 2);
      connection.heard++;
      tested.subchannel.suspect(connection);
      await peer.roundTrip();
      assert.equal(pings(), 3);
    });
  });
});

test("R179 a keepalive time below ten seconds is taken as ten", () => {
  assert.equal(MIN_KEEPALIVE_TIME_MS, 10_000);
  for (const [asked, taken] of [
    [0, 10_000],
    [9999, 10_000],
    [10_001, 10_001],
    [Infinity, Infinity],
  ] as const) {
    assert.equal(keepaliveTimeFrom(asked), taken);
  }
});
