/**
 * Restarts under load: a server that goes and another that comes lose no call, and run none twice.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel, Code, Server, StatusError, type HandlerCall } from "../../src/core.js";
import { guardProcess } from "../support/peer-guard.js";
import { Wire } from "../support/peer-service.js";

guardProcess();

/** Makes servers at one address that count how often each request was run. */
function countingServer(runs: Map<string, number>): Server {
  const server = new Server();
  const ran = (request: Uint8Array): string => {
    const id = Buffer.from(request).toString();
    runs.set(id, (runs.get(id) ?? 0) + 1);
    return id;
  };
  return server.add(Wire, {
    async unary(request) {
      const id = ran(request);
      // Some are still running when their server starts to go.
      if (id.endsWith("7")) await new Promise((resolve) => setTimeout(resolve, 3));
      if (id.endsWith("9")) throw new StatusError(Code.ABORTED, id);
      return request;
    },
    async *bidiStreaming(requests, _call: HandlerCall) {
      for await (const request of requests) {
        ran(request);
        yield request;
      }
    },
  });
}

describe("restarts under load", () => {
  test("R170 R265 twenty restarts during a loop of calls: every call ends with its own status, and runs once", async () => {
    const runs = new Map<string, number>();
    let server = countingServer(runs);
    const { port } = await server.listen("127.0.0.1:0");
    const channel = new Channel(`127.0.0.1:${port}`);
    const client = channel.client(Wire);
    let restarting = true;
    let calls = 0;

    async function loop(worker: number): Promise<void> {
      for (let i = 0; restarting; i++) {
        calls++;
        const id = `${worker}-${i}`;
        try {
          const answer = await client.unary(Buffer.from(id), { timeoutMs: 10_000 });
          assert.equal(Buffer.from(answer).toString(), id);
          assert.ok(!id.endsWith("9"));
        } catch (error) {
          assert.ok(error instanceof StatusError, String(error));
          assert.deepEqual([error.code, error.rawMessage], [Code.ABORTED, id]);
        }
      }
    }

    try {
      const workers = Array.from({ length: 16 }, async (_, worker) => loop(worker));
      for (let restart = 0; restart < 20; restart++) {
        const before = calls;
        while (calls < before + 50) await new Promise((resolve) => setImmediate(resolve));
        const next = countingServer(runs);
        const old = server;
        // The old one stops listening in the same turn, and drains while the new one serves.
        const closed = old.close();
        await next.listen(`127.0.0.1:${port}`);
        server = next;
        await closed;
      }
      restarting = false;
      await Promise.all(workers);
      assert.ok(calls >= 1000, `${calls} calls`);
      const twice = [...runs].filter(([, count]) => count !== 1);
      assert.deepEqual(twice, [], "each ran once");
      assert.equal(runs.size, calls);
    } finally {
      restarting = false;
      await channel.destroy();
      await server.close({ graceMs: 0 });
    }
  });

  test("R168 R170 connections that grow old under load cost no call", async () => {
    const runs = new Map<string, number>();
    const peers = new Set<string>();
    const server = new Server({ maxConnectionAgeMs: 100, maxConnectionAgeGraceMs: 5000 });
    server.add(Wire, {
      unary(request, call) {
        peers.add(call.peer.address);
        const id = Buffer.from(request).toString();
        runs.set(id, (runs.get(id) ?? 0) + 1);
        return request;
      },
    });
    const { port } = await server.listen("127.0.0.1:0");
    const channel = new Channel(`127.0.0.1:${port}`);
    const client = channel.client(Wire);
    try {
      // Each lives for a tenth of a second: eight take less than one, unless others have the processor.
      const untilMs = performance.now() + 30_000;
      const isEnough = (): boolean => peers.size >= 8 || performance.now() > untilMs;
      let calls = 0;
      await Promise.all(
        Array.from({ length: 8 }, async (_, worker) => {
          for (let i = 0; !isEnough(); i++) {
            calls++;
            const id = `${worker}-${i}`;
            assert.equal(Buffer.from(await client.unary(Buffer.from(id))).toString(), id);
          }
        }),
      );
      assert.equal(runs.size, calls);
      assert.ok([...runs.values()].every((count) => count === 1));
      assert.ok(peers.size >= 8, `${peers.size} connections`);
    } finally {
      await channel.destroy();
      await server.close({ graceMs: 0 });
    }
  });
});
