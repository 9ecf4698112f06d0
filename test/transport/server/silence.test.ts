/**
 * When a silent client is asked, with a session that is only what is looked at.
 */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import { describe, test, type TestContext } from "node:test";
import { watchSilence } from "../../../src/transport/server/silence.js";

const LIMITS = { keepaliveTimeMs: 8000, keepaliveTimeoutMs: 500 };

class Session extends EventEmitter {
  readonly socket = { bytesRead: 0 };
  destroyed = false;
  readonly pings: ((error: Error | null) => void)[] = [];

  ping(answered: (error: Error | null) => void): boolean {
    this.pings.push(answered);
    return true;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

function watch(t: TestContext, limits = LIMITS): { session: Session; tick: (ms: number) => void } {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const session = new Session();
  watchSilence(session as unknown as ServerHttp2Session, limits);
  // In steps, as a timer that is set within one tick begins at the end of it.
  const tick = (ms: number): void => {
    for (let passed = 0; passed < ms; passed++) t.mock.timers.tick(1);
  };
  return { session, tick };
}

describe("watchSilence", () => {
  test("R187 a client is asked when the time has passed, and dropped when it does not answer in its time", async (t) => {
    const { session, tick } = watch(t);
    tick(7999);
    assert.equal(session.pings.length, 0);
    tick(1);
    assert.equal(session.pings.length, 1);
    tick(499);
    assert.equal(session.destroyed, false);
    tick(1);
    // What has come meanwhile is read first.
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(session.destroyed, true, "it is dropped");
  });

  test("R187 one that answers is asked again when it is silent for as long again", (t) => {
    const { session, tick } = watch(t);
    for (let asked = 1; asked <= 3; asked++) {
      tick(8000);
      assert.equal(session.pings.length, asked);
      session.pings.at(-1)?.(null);
    }
    assert.equal(session.destroyed, false);
  });

  test("any byte is a sign of life, and the silence counts from then on, an eighth more or less", (t) => {
    const { session, tick } = watch(t);
    for (let byte = 0; byte < 10; byte++) {
      tick(7000);
      session.socket.bytesRead++;
    }
    assert.equal(session.pings.length, 0);
    tick(8000);
    assert.equal(session.pings.length, 0);
    tick(1000);
    assert.equal(session.pings.length, 1);
  });

  test("a session that has closed has no timer left, and 0 sets none", (t) => {
    const closed = watch(t);
    closed.session.destroy();
    closed.tick(100_000);
    assert.equal(closed.session.pings.length, 0);
    const never = new Session();
    watchSilence(never as unknown as ServerHttp2Session, { ...LIMITS, keepaliveTimeMs: 0 });
    closed.tick(100_000);
    assert.equal(never.pings.length, 0);
    assert.equal(never.listenerCount("close"), 0);
  });
});
