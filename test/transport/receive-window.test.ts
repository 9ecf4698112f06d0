/** The receive window of a connection, on a session that a test holds in its hand. */
import assert from "node:assert/strict";
import type { Http2Session } from "node:http2";
import { describe, mock, test, type TestContext } from "node:test";
import { ReceiveWindow } from "../../src/transport/receive-window.js";

const FIRST = 65_535;

/** A session, what it was told, and a clock. */
function sessionOf(t: TestContext) {
  let nowMs = 0;
  mock.method(performance, "now", () => nowMs);
  t.after(() => mock.restoreAll());
  const windows: number[] = [];
  const pings: ((error: Error | null) => void)[] = [];
  const session = {
    socket: { remoteAddress: "127.0.0.1" as string | undefined },
    destroyed: false,
    takesPings: true,
    setLocalWindowSize: (bytes: number) => void windows.push(bytes),
    ping(answered: (error: Error | null) => void) {
      if (this.takesPings) pings.push(answered);
      return this.takesPings;
    },
  };
  return {
    session,
    windows,
    pings,
    window: (maxBytes: number) => new ReceiveWindow(session as unknown as Http2Session, maxBytes),
    /** A round trip of `ms` in which `bytes` come; what came before it is what makes it be measured. */
    roundTrip(window: ReceiveWindow, before: number, bytes: number, ms: number): void {
      window.received(before);
      const answered = pings.pop();
      assert.ok(answered, "a PING is under way");
      window.received(bytes);
      nowMs += ms;
      answered(null);
    },
  };
}

describe("R150 the receive window of a connection", () => {
  test("begins with what HTTP/2 begins with, or less where less is allowed", (t) => {
    const { window, windows } = sessionOf(t);
    window(4 << 20);
    window(10_000);
    assert.deepEqual(windows, [FIRST, 10_000]);
  });

  test("is not measured before half of it has come, and once at a time", (t) => {
    const { window, pings } = sessionOf(t);
    const receives = window(4 << 20);
    receives.received(32_767);
    assert.equal(pings.length, 0);
    receives.received(1);
    assert.equal(pings.length, 1);
    receives.received(1_000_000);
    assert.equal(pings.length, 1);
  });

  test("doubles up to its maximum while a full window comes in every round trip, and faster each time", (t) => {
    const { window, windows, roundTrip, pings } = sessionOf(t);
    const receives = window(200_000);
    roundTrip(receives, 32_768, 60_000, 10);
    roundTrip(receives, 65_536, 120_000, 10);
    assert.deepEqual(windows, [FIRST, 131_070, 200_000]);
    receives.received(10_000_000);
    assert.equal(pings.length, 0, "nothing is measured any more");
  });

  test("stays while the network brings less than it could", (t) => {
    const { window, windows, roundTrip } = sessionOf(t);
    const receives = window(4 << 20);
    for (let i = 0; i < 5; i++) roundTrip(receives, 32_768, 10_000, 10);
    assert.deepEqual(windows, [FIRST]);
  });

  test("stays when the last doubling has brought nothing: then something else is the bottleneck", (t) => {
    const { window, windows, roundTrip } = sessionOf(t);
    const receives = window(4 << 20);
    roundTrip(receives, 32_768, 60_000, 10);
    for (let i = 0; i < 5; i++) roundTrip(receives, 65_536, 60_000, 10);
    assert.deepEqual(windows, [FIRST, 131_070]);
  });

  test("the best that was seen is forgotten with time: a way that has become longer may still be filled", (t) => {
    const { window, windows, roundTrip } = sessionOf(t);
    const receives = window(4 << 20);
    roundTrip(receives, 32_768, 60_000, 1);
    for (let i = 0; i < 16; i++) roundTrip(receives, 65_536, 60_000, 2);
    assert.deepEqual(windows, [FIRST, 131_070]);
    roundTrip(receives, 65_536, 60_000, 2);
    assert.deepEqual(windows, [FIRST, 131_070, 262_140]);
  });

  test("stays at its first size on what is no TCP, whose buffers do not grow", (t) => {
    const { window, windows, session, pings } = sessionOf(t);
    session.socket.remoteAddress = undefined;
    window(4 << 20).received(10_000_000);
    assert.equal(pings.length, 0);
    assert.deepEqual(windows, [FIRST]);
  });

  test("a session that takes no PING, throws or has ended is asked again when more has come, and harms nobody", (t) => {
    const { window, windows, session, pings } = sessionOf(t);
    const receives = window(4 << 20);
    session.takesPings = false;
    receives.received(40_000);
    session.ping = () => {
      throw new Error("the session has been destroyed");
    };
    receives.received(40_000);
    session.destroyed = true;
    receives.received(40_000);
    assert.equal(pings.length, 0);
    assert.deepEqual(windows, [FIRST]);
  });

  test("an answer that comes when the session has ended changes nothing, and a PING that fails measures nothing", (t) => {
    const { window, windows, session, pings } = sessionOf(t);
    const receives = window(4 << 20);
    receives.received(40_000);
    receives.received(60_000);
    pings.pop()?.(new Error("cancelled"));
    receives.received(40_000);
    receives.received(60_000);
    session.destroyed = true;
    pings.pop()?.(null);
    assert.deepEqual(windows, [FIRST]);
  });
});
