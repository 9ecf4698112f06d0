/**
 * What becomes known of a method only while its call waits for a server: a resolver says it together with the addresses.
 *
 * Spec: client_channel_specification.md; gRFC A21.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, StatusError } from "../../src/core.js";
import type { MethodSettings } from "../../src/transport/client/settings/method-settings.js";
import { guardProcess } from "../support/peer-guard.js";
import { answer, begin, completeRequest, KINDS, outcome } from "../support/peer-scripted.js";
import { prefixed, RESPONSE_FIELDS, said } from "../support/peer-service.js";
import { failWith, HEDGING, policed, RETRY, type Policed } from "../support/policed.js";

guardProcess();

const NOTHING: MethodSettings = {};

/** Runs `use` with calls that begin before anybody knows of `late`. */
async function late(settings: MethodSettings, use: (policed: Policed) => Promise<void>): Promise<void> {
  let asked = 0;
  await policed({ owner: { settings: () => (asked++ === 0 ? NOTHING : settings) } }, use);
}

describe("settings that come while a call waits for its first server", () => {
  for (const kind of KINDS) {
    test(`R255 ${kind}: its retry policy counts`, async () => {
      await late({ retry: RETRY }, async ({ server, client, clock }) => {
        const result = outcome(begin(client, kind));
        const connection = await server.connection();
        failWith(connection, (await completeRequest(connection)).streamId, Code.UNAVAILABLE);
        assert.equal(await clock.fire(), 100);
        answer(connection, (await completeRequest(connection)).streamId, ["done"]);
        assert.deepEqual((await result).messages, ["done"]);
      });
    });

    test(`R271 ${kind}: its hedging policy counts, from the moment it has a server`, async () => {
      await late({ hedging: HEDGING }, async ({ server, client, clock }) => {
        const call = begin(client, kind);
        const result = outcome(call);
        const connection = await server.connection();
        const first = await completeRequest(connection);
        assert.equal(await clock.fire(), 50);
        const second = await completeRequest(connection);
        answer(connection, second.streamId, ["done"]);
        assert.deepEqual((await result).messages, ["done"]);
        await connection.frame("RST_STREAM", first.streamId);
        assert.deepEqual(
          call.attempts.map(({ previous }) => previous),
          [0, 1],
        );
      });
    });
  }

  test("R271 hedging without a delay", async () => {
    await late({ hedging: { ...HEDGING, hedgingDelayMs: 0 } }, async ({ server, client }) => {
      const result = outcome(begin(client, "unary"));
      const connection = await server.connection();
      const streams: number[] = [];
      for (let i = 0; i < 3; i++) streams.push((await completeRequest(connection)).streamId);
      answer(connection, streams[0] as number, ["done"]);
      assert.deepEqual((await result).messages, ["done"]);
    });
  });

  test("R258 the policy counts for the failure to find a server, too", async () => {
    for (const settings of [{ retry: RETRY }, { hedging: { ...HEDGING, hedgingDelayMs: 0 } }]) {
      let asked = 0;
      await policed({ owner: { settings: () => (asked++ === 0 ? NOTHING : settings) } }, async (given) => {
        const { server, client, clock, turns } = given;
        turns.failures.push({ error: new StatusError(Code.UNAVAILABLE, "nobody") });
        const result = outcome(begin(client, "unary"));
        if ("retry" in settings) await clock.fire();
        const connection = await server.connection();
        answer(connection, (await completeRequest(connection)).streamId, ["done"]);
        assert.deepEqual((await result).messages, ["done"]);
      });
    }
  });

  test("R213 a call that is to wait for a server asks again instead of failing", async () => {
    await late({ waitForReady: true }, async ({ server, client, turns }) => {
      turns.failures.push({ error: new StatusError(Code.UNAVAILABLE, "nobody") });
      const result = outcome(begin(client, "unary"));
      const connection = await server.connection();
      answer(connection, (await completeRequest(connection)).streamId, ["done"]);
      assert.deepEqual((await result).messages, ["done"]);
      assert.equal(turns.wishes[0]?.waitForReady, true);
    });
  });

  test("R105 R256 a deadline that becomes known counts from the beginning, if it is the nearer one", async () => {
    await late({ timeoutMs: 2000 }, async ({ server, client }) => {
      const result = outcome(begin(client, "unary", { timeoutMs: 60_000 }));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      const [request] = connection.on(streamId);
      assert.match((request && said(request, "grpc-timeout")) ?? "", /^(\d{1,4}m|\d{1,7}u|\d{1,8}n)$/);
      const { code, message } = await result;
      assert.deepEqual(
        [code, message],
        [Code.DEADLINE_EXCEEDED, "the deadline of 2000 ms passed while waiting for the response"],
      );
    });
    await late({ timeoutMs: 0 }, async ({ server, client, turns }) => {
      const result = outcome(begin(client, "unary"));
      await server.connection();
      assert.equal((await result).code, Code.DEADLINE_EXCEEDED);
      assert.deepEqual(turns.released, [undefined]);
    });
    await late({ timeoutMs: 60_000 }, async ({ client }) => {
      const { message } = await outcome(begin(client, "unary", { timeoutMs: 100 }));
      assert.match(message, /^the deadline of 100 ms passed/);
    });
  });

  test("R133 limits that become known count for what comes, and for what is sent from then on", async () => {
    await late({ maxReceiveBytes: 4, maxSendBytes: 4 }, async ({ server, client }) => {
      const chat = client.bidiStreaming();
      const connection = await server.connection();
      const { streamId } = await connection.request();
      assert.throws(() => chat.send(Buffer.from("12345")), StatusError);
      connection.headers(streamId, RESPONSE_FIELDS);
      connection.data(streamId, prefixed("12345"));
      assert.equal((await outcome(chat)).code, Code.RESOURCE_EXHAUSTED);
    });
  });
});
