/**
 * Nothing of a call or a connection outlives it: the leaks there were, and those there must never be.
 */
import assert from "node:assert/strict";
import { getEventListeners, once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Channel, Code } from "../../src/index.js";
import { withEcho, type EchoServed } from "../support/echo-served.js";
import { Echo, type EchoMessageInit } from "../support/echo-service.js";
import { behaveAs, echo, gate } from "../support/echo-ways.js";
import { countHeap } from "./heap.js";
import { RudeServer } from "./rude-server.js";

const LONG_MS = 3_600_000;
const PATIENCE_MS = 10_000;

/** Waits until there is no object of these classes; fails with how many there are. */
async function gone(...classes: readonly string[]): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const heap = await countHeap();
    const left = classes.filter((name) => heap.has(name)).map((name) => `${name}: ${heap.get(name)}`);
    if (left.length === 0) return;
    if (performance.now() > until) assert.fail(`not gone: ${left.join(", ")}`);
    await sleep(50);
  }
}

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length;
}

async function* three(): AsyncGenerator<EchoMessageInit> {
  for (let number = 0; number < 3; number++) yield { number };
}

describe("calls", () => {
  test("R92 10,000 calls that are answered before their half-close leave no stream open on either side", async () => {
    const server = await RudeServer.listen();
    const channel = new Channel(`127.0.0.1:${server.port}`);
    const client = channel.client(Echo);
    const options = { metadata: { rude: "early" } };
    const one = async (turn: number): Promise<void> => {
      const call = turn % 2 === 0 ? client.clientStreaming(options) : client.bidiStreaming(options);
      if ("receive" in call) for await (const _ of call);
      assert.equal((await call.status).code, Code.OK);
    };
    try {
      for (let turn = 0; turn < 10_000; turn += 100) {
        await Promise.all(Array.from({ length: 100 }, (_, index) => one(turn + index)));
      }
      await gone("ClientHttp2Stream", "ServerHttp2Stream", "ClientCall");
    } finally {
      await channel.destroy();
      await server.close();
    }
  });

  test("a signal that many calls share has one listener while they run and none when they have ended", (t) => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    t.after(() => process.off("warning", onWarning));
    const release = gate();
    return withEcho(
      behaveAs(async function* (requests) {
        await release.opened;
        yield* echo(requests);
      }),
      async ({ client }) => {
        const { signal } = new AbortController();
        for (let call = 0; call < 10_000; call += 100) {
          const ended = Promise.all(Array.from({ length: 100 }, () => client.unary({ text: "a" }, { signal })));
          assert.equal(listeners(signal), 1);
          release.open();
          await ended;
          assert.equal(listeners(signal), 0);
        }
        await gone("ClientCall", "Attempt");
        assert.deepEqual(warnings, []);
      },
    );
  });

  /** Starts calls of both kinds, has all of them come, and reads `count` messages of each. */
  async function unread({ client, callsEnded }: EchoServed, signal: AbortSignal, count: number): Promise<void> {
    const options = { signal, timeoutMs: LONG_MS };
    for (const call of [client.serverStreaming({}, options), client.bidiStreaming([], options)]) {
      for (let taken = 0; taken < count; taken++) await call.receive();
    }
    await callsEnded(2);
    await client.unary({});
  }

  for (const count of [0, 1]) {
    test(`that have come whole and of which ${count} messages were taken are kept by neither deadline nor signal`, () =>
      withEcho(behaveAs(three), async (served) => {
        const { signal } = new AbortController();
        await unread(served, signal, count);
        await gone("ClientCall", "Deadline", "ClientHttp2Stream");
        assert.equal(listeners(signal), 0);
      }));
  }

  test("that have come whole end by their signal all the same, for whoever waits for the status", () =>
    withEcho(behaveAs(three), async ({ client, callsEnded }) => {
      const controller = new AbortController();
      const { signal } = controller;
      const early = client.serverStreaming({}, { signal });
      const earlyStatus = early.status;
      const late = client.serverStreaming({}, { signal });
      const read = client.serverStreaming({}, { signal });
      const after = client.serverStreaming({}, { signal });
      await callsEnded(4);
      for (const call of [early, late, read, after]) assert.equal((await call.receive())?.number, 0);
      const lateTrailers = late.trailers;
      assert.equal(listeners(signal), 1);
      controller.abort();
      assert.equal((await earlyStatus).code, Code.CANCELLED);
      assert.deepEqual([...(await lateTrailers)], []);
      await assert.rejects(read.receive(), { code: Code.CANCELLED });
      assert.equal((await after.status).code, Code.CANCELLED);
      assert.equal(listeners(signal), 0);
    }));

  test("that have come whole end at their deadline all the same, for whoever waits for the status", () =>
    withEcho(behaveAs(three), async ({ client, callsEnded }) => {
      const calls = [0, 1].map(() => client.serverStreaming({}, { timeoutMs: 500 }));
      await callsEnded(2);
      for (const call of calls) assert.equal((await call.receive())?.number, 0);
      const statuses = await Promise.all(calls.map((call) => call.status));
      assert.deepEqual(
        statuses.map(({ code }) => code),
        [Code.DEADLINE_EXCEEDED, Code.DEADLINE_EXCEEDED],
      );
    }));
});

describe("connections", () => {
  const CLASSES = ["ServerSession", "ServerHttp2Session", "ClientHttp2Session", "Connection"];

  test("that have closed are kept by no timer, on either side", () =>
    withEcho(behaveAs(echo), async ({ port }) => {
      for (let turn = 0; turn < 20; turn++) {
        const channel = new Channel(`127.0.0.1:${port}`);
        await channel.client(Echo).unary({ text: "a" }, { timeoutMs: LONG_MS });
        await (turn % 2 === 0 ? channel.close() : channel.destroy());
      }
      await gone(...CLASSES);
    }));

  test("of strangers who say nothing, or nothing of use, are kept by no timer", () =>
    withEcho(behaveAs(echo), async ({ port }) => {
      for (const bytes of ["", "GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0"]) {
        const socket = connect(port, "127.0.0.1").on("error", () => undefined);
        await once(socket, "connect");
        const closed = once(socket, "close");
        socket.resume();
        socket.end(bytes);
        await closed;
      }
      await gone(...CLASSES);
    }));
});
