/**
 * Compression through and through: our client and our server, all kinds of calls and every way to make them.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";
import { Code, type Compressor } from "../../src/index.js";
import { type EchoServedOptions, withEcho } from "../support/echo-served.js";
import { behaveAs, bytesOf, echo, type EchoBehaviour, ECHO_WAYS, outcomeOf } from "../support/echo-ways.js";

const BOTH: EchoServedOptions = {
  server: { compression: { send: "deflate" } },
  channel: { compression: { send: "gzip" } },
};

/** From nothing to what is compressed beside the event loop, with what cannot get shorter between. */
const SIZES = [0, 10, 5000, 200_000, 3, 1_500_000, 40_000, 70_000];

for (const way of ECHO_WAYS) {
  describe(way.name, () => {
    test("R118 R120 messages of all sizes come and go in order, compressed one way and another way back", () =>
      withEcho(
        behaveAs(echo),
        async ({ client }) => {
          const sizes = way.manyRequests ? SIZES : [1_500_000];
          const requests = sizes.map((size, number) => ({ payload: bytesOf(size), number }));
          const { status, messages } = await outcomeOf(way.start(client, requests));
          assert.equal(status.code, Code.OK, status.message);
          const wanted = way.manyResponses ? requests : requests.slice(-1);
          assert.deepEqual(
            messages.map(({ payload, number }) => [number, Buffer.from(payload).equals(bytesOf(sizes[number] ?? 0))]),
            wanted.map(({ number }) => [number, true]),
          );
        },
        BOTH,
      ));

    test("R117 both sides see whether messages were compressed", () => {
      const seen: boolean[] = [];
      const behaviour: EchoBehaviour = async function* (requests, call) {
        for await (const request of requests) {
          seen.push(call.requestCompressed);
          yield request;
        }
      };
      return withEcho(
        behaveAs(behaviour),
        async ({ client }) => {
          const requests = [{ payload: bytesOf(5000) }];
          const compressed = way.start(client, requests);
          assert.equal((await outcomeOf(compressed)).status.code, Code.OK);
          assert.equal(compressed.facts.responseCompressed, true);
          const plain = way.start(client, requests, { compression: "identity" });
          assert.equal((await outcomeOf(plain)).status.code, Code.OK);
          assert.deepEqual(seen, [true, false]);
        },
        BOTH,
      );
    });

    test("a message over the limit after it was decompressed ends the call, on either side", async () => {
      const requests = [{ payload: new Uint8Array(50_000) }];
      await withEcho(
        behaveAs(echo),
        async ({ client }) => {
          const { status } = await outcomeOf(way.start(client, requests));
          assert.equal(status.code, Code.RESOURCE_EXHAUSTED);
          assert.match(status.message, /decompressed, larger than the limit of 40000/);
        },
        { ...BOTH, server: { ...BOTH.server, maxReceiveBytes: 40_000 } },
      );
      await withEcho(
        behaveAs(echo),
        async ({ client }) => {
          const { status } = await outcomeOf(way.start(client, requests));
          assert.equal(status.code, Code.RESOURCE_EXHAUSTED);
        },
        { ...BOTH, channel: { ...BOTH.channel, maxReceiveBytes: 40_000 } },
      );
    });
  });
}

test("a hundred calls at once, of all kinds, each get their own", () =>
  withEcho(
    behaveAs(echo),
    async ({ client }) => {
      await Promise.all(
        Array.from({ length: 102 }, async (_, i) => {
          const way = ECHO_WAYS[i % ECHO_WAYS.length] as (typeof ECHO_WAYS)[number];
          const text = `${i} `.repeat(i % 3 === 0 ? 30_000 : 800);
          const { messages, status } = await outcomeOf(way.start(client, [{ text, number: i }]));
          assert.equal(status.code, Code.OK, status.message);
          assert.deepEqual(
            messages.map((message) => [message.number, message.text]),
            [[i, text]],
          );
        }),
      );
    },
    BOTH,
  ));

test("R127 a coding of the application's own works like the built-in ones", async () => {
  const brotli: Compressor = {
    name: "br",
    compress: brotliCompressSync,
    decompress: (bytes, maxBytes) => brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, maxBytes) }),
  };
  const compression = { send: "br", codings: [brotli] };
  await withEcho(
    behaveAs(async function* (requests, call) {
      for await (const request of requests) {
        assert.ok(call.requestCompressed);
        yield request;
      }
    }),
    async ({ client }) => {
      const call = client.unary({ payload: bytesOf(30_000) });
      assert.deepEqual((await call).payload, bytesOf(30_000));
      assert.ok(call.responseCompressed);
      const bomb = client.unary({ payload: new Uint8Array(5_000_000) });
      assert.equal((await bomb.status).code, Code.RESOURCE_EXHAUSTED);
    },
    { server: { compression }, channel: { compression } },
  );
});

test("R128 a call that a handler makes is compressed as its channel says, not as the call it serves", async () => {
  const seen: boolean[] = [];
  await withEcho(
    {
      unary: (request, call) => {
        seen.push(call.requestCompressed);
        return request;
      },
    },
    async (inner) => {
      await withEcho(
        { unary: (request) => inner.client.unary(request) },
        async ({ client }) => {
          const call = client.unary({ payload: bytesOf(5000) });
          await call;
          assert.ok(call.responseCompressed);
        },
        BOTH,
      );
    },
  );
  assert.deepEqual(seen, [false]);
});

test("while large messages are compressed and decompressed, the event loop goes on", () =>
  withEcho(
    behaveAs(echo),
    async ({ client }) => {
      let turns = 0;
      let over = false;
      const turn = (): void => {
        turns++;
        if (!over) setImmediate(turn);
      };
      turn();
      // Messages that take longest: they hardly get shorter.
      const payload = bytesOf(3_000_000);
      const { payload: back } = await client.unary({ payload });
      over = true;
      assert.equal(back.length, payload.length);
      assert.ok(turns > 10, `${turns} turns`);
    },
    BOTH,
  ));
