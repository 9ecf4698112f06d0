/**
 * Keepalive of a client: when it asks, on a clock of our own.
 */
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { KeepaliveTimer, type KeptConnection } from "../../../../src/transport/client/connecting/keepalive-timer.js";

const TIME_MS = 10_000;
const TIMEOUT_MS = 2000;

/** A connection that does what it is told, and time that goes when it is told. */
class Scene implements KeptConnection {
  bytesRead = 0;
  hasCalls = true;
  /** When it was asked. */
  readonly asked: number[] = [];
  died = false;
  nowMs = 0;
  /** Whether a PING is answered at once. */
  answers = true;
  /** What a PING that was not answered waits for. */
  answer: ((alive: boolean) => void) | undefined;
  readonly #timers: TestContext["mock"]["timers"];
  readonly timer: KeepaliveTimer;

  constructor(t: TestContext, withoutCalls = false, hasCalls = true) {
    this.#timers = t.mock.timers;
    this.#timers.enable({ apis: ["setTimeout"] });
    this.hasCalls = hasCalls;
    this.timer = new KeepaliveTimer({ timeMs: TIME_MS, timeoutMs: TIMEOUT_MS, withoutCalls }, this, () => this.nowMs);
  }

  probe(timeoutMs: number, answered: (alive: boolean) => void): void {
    assert.equal(timeoutMs, TIMEOUT_MS);
    this.asked.push(this.nowMs);
    if (this.answers) answered(true);
    else this.answer = answered;
  }

  dead(): void {
    this.died = true;
  }

  pass(ms: number): void {
    for (let i = 0; i < ms; i += 100) {
      this.nowMs += 100;
      this.#timers.tick(100);
    }
  }
}

describe("KeepaliveTimer", () => {
  test("R180 asks when the time has passed since the last byte was read, and again since the answer", (t) => {
    const scene = new Scene(t);
    scene.pass(TIME_MS - 100);
    assert.deepEqual(scene.asked, []);
    scene.pass(100);
    assert.deepEqual(scene.asked, [TIME_MS]);
    scene.pass(TIME_MS);
    assert.deepEqual(scene.asked, [TIME_MS, 2 * TIME_MS]);
  });

  test("R180 whatever is read puts it off", (t) => {
    const scene = new Scene(t);
    for (let i = 0; i < 20; i++) {
      scene.pass(TIME_MS / 2);
      scene.bytesRead += 9;
    }
    assert.deepEqual(scene.asked, []);
    scene.pass(TIME_MS + TIME_MS / 10);
    assert.equal(scene.asked.length, 1);
  });

  test("R181 nothing is asked without a call; one that comes after a long silence asks at once", (t) => {
    const scene = new Scene(t, false, false);
    scene.pass(10 * TIME_MS);
    assert.deepEqual(scene.asked, []);
    scene.hasCalls = true;
    scene.timer.callStarted();
    assert.deepEqual(scene.asked, [10 * TIME_MS]);
    scene.hasCalls = false;
    scene.pass(TIME_MS);
    assert.equal(scene.asked.length, 1);
  });

  test("R181 a call that comes after a short silence asks when the rest of the time has passed", (t) => {
    const scene = new Scene(t, false, false);
    scene.pass(TIME_MS / 2);
    scene.hasCalls = true;
    scene.timer.callStarted();
    scene.timer.callStarted();
    assert.deepEqual(scene.asked, []);
    scene.pass(TIME_MS / 2);
    assert.deepEqual(scene.asked, [TIME_MS]);
  });

  test("R181 where it is permitted, it asks without a call", (t) => {
    const scene = new Scene(t, true, false);
    scene.pass(3 * TIME_MS);
    assert.deepEqual(scene.asked, [TIME_MS, 2 * TIME_MS, 3 * TIME_MS]);
  });

  test("R182 no answer and no byte: the connection is dead, and nothing more is asked", (t) => {
    const scene = new Scene(t);
    scene.answers = false;
    scene.pass(TIME_MS);
    scene.pass(TIMEOUT_MS);
    scene.answer?.(false);
    assert.equal(scene.died, true);
    scene.pass(5 * TIME_MS);
    assert.equal(scene.asked.length, 1);
  });

  test("R182 any byte is a sign of life, though the answer itself is late", (t) => {
    const scene = new Scene(t);
    scene.answers = false;
    scene.pass(TIME_MS);
    scene.bytesRead += 1;
    scene.answer?.(false);
    assert.equal(scene.died, false);
    scene.answers = true;
    scene.pass(TIME_MS);
    assert.equal(scene.asked.length, 2);
  });

  test("stop: an answer that comes later changes nothing", (t) => {
    const scene = new Scene(t);
    scene.answers = false;
    scene.pass(TIME_MS);
    scene.timer.stop();
    scene.answer?.(false);
    assert.equal(scene.died, false);
    scene.pass(5 * TIME_MS);
    assert.equal(scene.asked.length, 1);
  });
});
