/**
 * Asking a silent peer for a sign of life.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Http2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { probe, silenceMs } from "../../src/transport/keepalive.js";
import { SESSIONS_GO_DEAF } from "../support/node-version.js";

type Acknowledge = (error: Error | null, durationMs: number, payload: Buffer) => void;

/** A session that hands out the callback of its PING. */
function session(ping: (acknowledge: Acknowledge) => boolean): Http2Session {
  return { ping } as unknown as Http2Session;
}

function answerOf(peer: Http2Session, timeoutMs = 10_000): Promise<boolean> {
  return new Promise((resolve) => probe(peer, timeoutMs, resolve));
}

describe("probe", () => {
  test("an acknowledgement is life", async () => {
    const answered = answerOf(
      session((acknowledge) => {
        setImmediate(() => acknowledge(null, 1, Buffer.alloc(8)));
        return true;
      }),
    );
    assert.equal(await answered, true);
  });

  test("no acknowledgement in time is death, and a late one changes nothing", async () => {
    let late: Acknowledge | undefined;
    const keepAlive = setInterval(() => undefined, 1000);
    try {
      const answers: boolean[] = [];
      const peer = session((acknowledge) => {
        late = acknowledge;
        return true;
      });
      await new Promise<void>((resolve) => {
        probe(peer, 20, (alive) => {
          answers.push(alive);
          resolve();
        });
      });
      late?.(null, 1, Buffer.alloc(8));
      assert.deepEqual(answers, [false]);
    } finally {
      clearInterval(keepAlive);
    }
  });

  test("a session that takes no PING, or cancels it, is dead", async () => {
    assert.equal(await answerOf(session(() => false)), false);
    assert.equal(
      await answerOf(
        session(() => {
          throw new Error("destroyed");
        }),
      ),
      false,
    );
    const cancelled = session((acknowledge) => {
      acknowledge(new Error("cancelled"), 0, Buffer.alloc(8));
      return true;
    });
    assert.equal(await answerOf(cancelled), false);
  });
});

describe("a process that was held up", () => {
  test("R182 does not take its own silence for its peer's", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    try {
      await once(client, "remoteSettings");
      const answered = answerOf(client, 50);
      // As by a debugger, SIGSTOP or much work: the time is over before anything could be read.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
      assert.equal(await answered, true);
    } finally {
      client.destroy();
      server.close();
    }
  });

  test("R182 asks for as long as it was told to, and once more at most", async () => {
    const keepAlive = setInterval(() => undefined, 1000);
    try {
      const answered = answerOf(
        session(() => true),
        50,
      );
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
      const start = performance.now();
      const holdingUp = setInterval(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200), 1);
      assert.equal(await answered, false);
      clearInterval(holdingUp);
      assert.ok(performance.now() - start >= 45);
    } finally {
      clearInterval(keepAlive);
    }
  });
});

test("silenceMs is what was asked for, and at most a minute where sessions go deaf", () => {
  assert.equal(silenceMs(5000), 5000);
  const twoHours = 2 * 60 * 60 * 1000;
  assert.equal(silenceMs(twoHours), SESSIONS_GO_DEAF ? 60_000 : twoHours);
});
