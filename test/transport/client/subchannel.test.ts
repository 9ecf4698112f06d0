/**
 * A subchannel: which session a call gets, and when there is a new one.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import type { StatusError } from "../../../src/codec/status.js";
import {
  DEFAULT_CHANNEL_LIMITS,
  keepaliveTimeFrom,
  MIN_KEEPALIVE_TIME_MS,
  type ChannelLimits,
} from "../../../src/transport/client/limits.js";
import type { Lease } from "../../../src/transport/client/placement.js";
import { MAX_STREAMS_OF_A_SESSION, Subchannel } from "../../../src/transport/client/subchannel.js";
import { ErrorCode } from "../../support/http2-frame.js";
import { RawServer } from "../../support/peer.js";
import { Wire } from "../../support/peer-service.js";

/** A session with room, connecting if there is none. */
function leased(subchannel: Subchannel): Promise<Lease> {
  const lease = subchannel.take();
  if (lease !== undefined) return Promise.resolve(lease);
  return new Promise((resolve, reject) => {
    const wish = { method: Wire.methods.unary, metadata: undefined, waitForReady: false };
    subchannel.wait({ ...wish, ready: resolve, failed: (error: StatusError) => reject(error) });
  });
}

test("R164 a session is replaced before its stream ids run out; its calls may finish", async () => {
  // A client's ids are the odd numbers below 2^31.
  assert.ok(MAX_STREAMS_OF_A_SESSION < 2 ** 30);
  const server = await RawServer.listen();
  const subchannel = new Subchannel({ kind: "tcp", host: "127.0.0.1", port: server.port }, DEFAULT_CHANNEL_LIMITS);
  try {
    const first = await leased(subchannel);
    const { connection } = first;
    assert.equal(connection.streams, 1);
    connection.streams = MAX_STREAMS_OF_A_SESSION - 2;
    const lastButOne = await leased(subchannel);
    assert.equal(lastButOne.connection, connection);
    assert.equal(subchannel.state, "READY");
    const last = await leased(subchannel);
    assert.equal(last.connection, connection);
    assert.equal(subchannel.take(), undefined, "no stream beyond the last one");

    const next = await leased(subchannel);
    assert.notEqual(next.connection, connection);
    assert.equal((await leased(subchannel)).connection, next.connection);
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
    const closed = subchannel.close();
    subchannel.destroy();
    await server.close();
    await closed;
  }
});

/** Runs `use` with a subchannel to a server of ours. */
async function withSubchannel(
  limits: Partial<ChannelLimits>,
  use: (subchannel: Subchannel, server: RawServer, warnings: Error[]) => Promise<void>,
): Promise<void> {
  const server = await RawServer.listen();
  const warnings: Error[] = [];
  const subchannel = new Subchannel(
    { kind: "tcp", host: "127.0.0.1", port: server.port },
    { ...DEFAULT_CHANNEL_LIMITS, ...limits },
    { warn: (warning) => warnings.push(warning) },
  );
  try {
    await use(subchannel, server, warnings);
  } finally {
    const closed = subchannel.close();
    subchannel.destroy();
    await server.close();
    await closed;
  }
}

describe("keepalive", () => {
  test("R182 R181 a server that answers no PING while there is a call is dropped", async () => {
    await withSubchannel({ keepaliveTimeMs: 50, keepaliveTimeoutMs: 50 }, async (subchannel, server) => {
      const lease = await leased(subchannel);
      const peer = await server.connection();
      await peer.frame("PING");
      peer.autoAck = false;
      await peer.disconnected();
      assert.equal(lease.connection.lost, "no answer to a keepalive PING");
      assert.equal(subchannel.state, "IDLE");
    });
  });

  test("R178 R181 nothing is asked unless it is wanted, nor without a call", async () => {
    assert.equal(DEFAULT_CHANNEL_LIMITS.keepaliveTimeMs, Infinity);
    assert.equal(DEFAULT_CHANNEL_LIMITS.keepaliveTimeoutMs, 20_000);
    await withSubchannel({ keepaliveTimeMs: 20 }, async (subchannel, server) => {
      const lease = await leased(subchannel);
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
    await withSubchannel({ keepaliveTimeMs: 60 }, async (subchannel, server, warnings) => {
      for (const wanted of [120, 240]) {
        await leased(subchannel);
        const peer = await server.connection();
        await peer.frame("PING");
        peer.goaway(1, ErrorCode.ENHANCE_YOUR_CALM, "too_many_pings");
        await peer.disconnected();
        assert.match(warnings.at(-1)?.message ?? "", new RegExp(`pinged too often: keepalive is ${wanted} ms`));
      }
      assert.equal(warnings.length, 2);
      await leased(subchannel);
      const connected = performance.now();
      await (await server.connection()).frame("PING");
      assert.ok(performance.now() - connected > 180, "asked after four times as long");
    });
  });

  test("R184 its timers do not keep a process alive", async () => {
    await withSubchannel({ keepaliveTimeMs: 50_000 }, async (subchannel) => {
      const before = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
      await leased(subchannel);
      assert.equal(process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length, before);
    });
  });

  test("calls that hear nothing until their deadlines ask no more often than a server permits", async () => {
    await withSubchannel({}, async (subchannel, server) => {
      const { connection } = await leased(subchannel);
      const peer = await server.connection();
      for (let i = 0; i < 6; i++) {
        subchannel.suspect(connection);
        await peer.roundTrip();
      }
      const pings = (): number => peer.frames.filter((frame) => frame.name === "PING" && frame.flags === 0).length;
      assert.equal(pings(), 2);
      connection.heard++;
      subchannel.suspect(connection);
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
