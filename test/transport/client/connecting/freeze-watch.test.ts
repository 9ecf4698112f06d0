/**
 * After the process has stood still, a silent connection is asked for a sign of life before it is used.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connection } from "../../../../src/transport/client/connecting/connection.js";
import { FreezeWatch } from "../../../../src/transport/client/connecting/freeze-watch.js";
import { FakeClock } from "../../../support/fake-clock.js";
import type { ServerPeer } from "../../../support/peer.js";
import { guardProcess } from "../../../support/peer-guard.js";
import { routed, turns, type Routed } from "../../../support/routed.js";

guardProcess();

test("only silence, and only behind a freeze, makes a connection doubtful", () => {
  const clock = new FakeClock();
  const connection = { bytesRead: 0 };
  let doubts = 0;
  const watch = new FreezeWatch(clock, {
    openConnections: () => [connection as Connection],
    doubt: () => doubts++,
  });
  watch.start();
  clock.pass(10 * 60_000);
  assert.equal(doubts, 0, "silence alone");
  clock.sleptMs += 4000;
  clock.pass(10_000);
  assert.equal(doubts, 0, "four seconds are nothing");
  clock.sleptMs += 3_600_000;
  clock.pass(10_000);
  assert.equal(doubts, 1);
  connection.bytesRead = 100;
  clock.pass(10_000);
  clock.sleptMs += 6000;
  clock.pass(10_000);
  assert.equal(doubts, 1, "something came not long ago");
  watch.stop();
  assert.equal(clock.nextInMs, Infinity);
});

/** A channel whose connection was silent while the machine slept. */
async function slept(channel: Routed): Promise<ServerPeer> {
  const call = channel.call();
  await call.settled;
  call.lease?.release();
  const peer = await channel.servers[0]?.connection();
  assert.ok(peer !== undefined);
  await peer.roundTrip();
  channel.clock.pass(20_000);
  channel.clock.sleptMs += 3_600_000;
  channel.clock.pass(10_000);
  return peer;
}

function pings(peer: ServerPeer): number {
  return peer.frames.filter((frame) => frame.name === "PING" && frame.flags === 0).length;
}

test("it is asked before the next call uses it, and not before there is one", async () => {
  await routed({}, async (channel) => {
    const peer = await slept(channel);
    await turns();
    assert.equal(pings(peer), 0);
    const call = channel.call();
    assert.equal(call.fate, "waits");
    await call.settled;
    assert.equal(call.fate, "ready");
    assert.equal(pings(peer), 1);
    assert.equal(channel.servers[0]?.connections.length, 1);
    assert.equal(channel.call().fate, "ready", "once is enough");
  });
});

test("one that does not answer is left, and the call goes over another", async () => {
  await routed({}, async (channel) => {
    const peer = await slept(channel);
    peer.autoAck = false;
    const call = channel.call();
    await call.settled;
    assert.equal(call.fate, "ready");
    assert.equal(channel.servers[0]?.connections.length, 2);
  });
});

test("R157 one that was asked twice already, and had no call since, is left without a word: a third PING could be one too many", async () => {
  await routed({}, async (channel) => {
    const peer = await slept(channel);
    for (let i = 0; i < 2; i++) {
      const call = channel.call();
      await call.settled;
      call.lease?.release();
      channel.clock.pass(40_000);
      channel.clock.sleptMs += 3_600_000;
      channel.clock.pass(10_000);
    }
    assert.equal(pings(peer), 2);
    const call = channel.call();
    await call.settled;
    assert.equal(call.fate, "ready");
    assert.equal(pings(peer), 2);
    assert.equal(channel.servers[0]?.connections.length, 2);
    await peer.disconnected();
  });
});
