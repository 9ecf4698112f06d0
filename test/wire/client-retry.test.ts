/**
 * Transparent retries: a call that no handler can have seen is sent once more, whole, without the application noticing.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "../../src/core.js";
import { ErrorCode } from "../support/http2-frame.js";
import { field, type ServerPeer } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { answer, begin, completeRequest, KINDS, outcome, scripted } from "../support/peer-scripted.js";
import { prefixed, RESPONSE_FIELDS, said } from "../support/peer-service.js";

guardProcess();

/** Ways in which a server says that it took nothing of a call, and whether the call needs another connection then. */
const REFUSALS: Readonly<Record<string, { refuse(connection: ServerPeer, streamId: number): void; moves: boolean }>> = {
  "RST_STREAM(REFUSED_STREAM)": {
    refuse: (connection, streamId) => connection.reset(streamId, ErrorCode.REFUSED_STREAM),
    moves: false,
  },
  "GOAWAY with a lower id": {
    refuse: (connection, streamId) => connection.goaway(streamId - 2 > 0 ? streamId - 2 : 0, ErrorCode.NO_ERROR),
    moves: true,
  },
  "GOAWAY with a lower id and an error code": {
    refuse: (connection) => connection.goaway(0, ErrorCode.ENHANCE_YOUR_CALM, "later"),
    moves: true,
  },
};

describe("a call that the server did not take", () => {
  for (const [way, { refuse, moves }] of Object.entries(REFUSALS)) {
    test(`R265 R153 ${way}: calls of all kinds are sent once more, with all they had sent`, async () => {
      for (const kind of KINDS) {
        await scripted(async ({ server, client }) => {
          const result = outcome(begin(client, kind));
          const first = await server.connection();
          const refused = await completeRequest(first);
          refuse(first, refused.streamId);
          const second = moves ? await server.connection() : first;
          const again = await completeRequest(second);
          assert.deepEqual(again.messages, refused.messages);
          answer(second, again.streamId, ["done"]);
          const { code, messages } = await result;
          assert.deepEqual([code, messages], [Code.OK, ["done"]]);
        });
      }
    });

    test(`R265 ${way}: the second refusal is the answer`, async () => {
      for (const kind of KINDS) {
        await scripted(async ({ server, client }) => {
          const result = outcome(begin(client, kind));
          const first = await server.connection();
          refuse(first, (await completeRequest(first)).streamId);
          const second = moves ? await server.connection() : first;
          refuse(second, (await completeRequest(second)).streamId);
          assert.equal((await result).code, Code.UNAVAILABLE);
          assert.equal(server.connections.length, moves ? 2 : 1);
        });
      }
    });
  }

  test("R14 a transparent retry does not count: it carries no grpc-previous-rpc-attempts, and what is left of the timeout", async () => {
    await scripted(async ({ server, client }) => {
      const call = client.unary(Buffer.from("hello"), { timeoutMs: 60_000, metadata: { "x-own": "kept" } });
      const connection = await server.connection();
      const first = await connection.request();
      await connection.reply(first.streamId);
      connection.reset(first.streamId, ErrorCode.REFUSED_STREAM);
      const second = await connection.request();
      for (const request of [first, second]) {
        assert.equal(said(request, "grpc-previous-rpc-attempts"), undefined);
        assert.equal(said(request, "x-own"), "kept");
      }
      const [before, after] = [first, second].map((request) => nanoseconds(said(request, "grpc-timeout") ?? ""));
      assert.ok((after ?? 0) < (before ?? 0), `${after} is less than ${before}`);
      await connection.reply(second.streamId);
      answer(connection, second.streamId, ["there"]);
      assert.equal(Buffer.from(await call).toString(), "there");
    });
  });

  test("R260 what was sent before the refusal and what is sent after it arrive in order, with the half-close", async () => {
    await scripted(async ({ server, client }) => {
      const chat = client.bidiStreaming();
      const connection = await server.connection();
      const first = await connection.request();
      await chat.send(Buffer.from("one"));
      await chat.send(Buffer.from("two"));
      await connection.until("both messages", () => (connection.received(first.streamId) >= 16 ? true : undefined));
      connection.goaway(0, ErrorCode.NO_ERROR);
      void chat.send(Buffer.from("three"));
      const second = await server.connection();
      const request = await second.request();
      await second.until("three messages", () => (second.received(request.streamId) >= 26 ? true : undefined));
      void chat.send(Buffer.from("four"));
      chat.closeSend();
      await second.reply(request.streamId);
      const data = Buffer.concat(second.on(request.streamId).map((frame) => frame.data));
      assert.deepEqual(data, Buffer.concat(["one", "two", "three", "four"].map((text) => prefixed(text))));
      answer(second, request.streamId, ["done"]);
      assert.equal((await outcome(chat)).code, Code.OK);
    });
  });

  test("R260 messages sent between the refusal and the next stream are not lost, however many", async () => {
    await scripted(async ({ server, client }) => {
      const texts = Array.from({ length: 2000 }, (_, i) => `message ${i} ${"x".repeat(i % 100)}`);
      async function* source(): AsyncGenerator<Uint8Array> {
        for (const text of texts) {
          yield Buffer.from(text);
          if (texts.indexOf(text) % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
      }
      const result = outcome(client.clientStreaming(source()));
      const first = await server.connection();
      const { streamId } = await first.request();
      await first.until("some messages", () => (first.received(streamId) > 20_000 ? true : undefined));
      first.goaway(0, ErrorCode.NO_ERROR);
      const second = await server.connection();
      const request = await completeRequest(second);
      assert.deepEqual(request.messages, texts);
      answer(second, request.streamId, ["done"]);
      assert.equal((await result).code, Code.OK);
    });
  });

  test("R259 headers commit the call: a refusal after them is the answer", async () => {
    await scripted(async ({ server, client }) => {
      const result = outcome(client.unary(Buffer.from("hello")));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      connection.headers(streamId, RESPONSE_FIELDS);
      connection.reset(streamId, ErrorCode.REFUSED_STREAM);
      assert.equal((await result).code, Code.UNAVAILABLE);
      assert.equal(connection.frames.filter((frame) => frame.name === "HEADERS").length, 1);
    });
  });

  test("R259 a call that has sent more than is kept cannot be sent again", async () => {
    for (const [bytes, again] of [
      [1000, true],
      [1001, false],
    ] as const) {
      await scripted(
        async ({ server, client }) => {
          const result = outcome(client.unary(Buffer.alloc(bytes - 5)));
          const connection = await server.connection();
          const { streamId } = await completeRequest(connection);
          connection.reset(streamId, ErrorCode.REFUSED_STREAM);
          if (again) {
            const next = await completeRequest(connection);
            answer(connection, next.streamId, ["done"]);
          }
          assert.equal((await result).code, again ? Code.OK : Code.UNAVAILABLE);
        },
        { channel: { maxRetryBufferBytes: 1000 } },
      );
    }
  });

  test("R110 a cancel between the attempts sends nothing more, and CANCELLED is the answer", async () => {
    await scripted(async ({ server, client }) => {
      const chat = client.bidiStreaming();
      const connection = await server.connection();
      const { streamId } = await connection.request();
      connection.goaway(0, ErrorCode.NO_ERROR);
      const second = await server.connection();
      chat.cancel();
      assert.equal((await outcome(chat)).code, Code.CANCELLED);
      await second.roundTrip();
      const ends = second.frames
        .filter((frame) => frame.name === "HEADERS")
        .map((frame) => second.order(frame.streamId));
      for (const order of ends) assert.deepEqual(order, ["HEADERS", `RST_STREAM(${ErrorCode.CANCEL})`]);
      assert.equal(field(connection.on(streamId)[0]?.fields ?? [], ":method"), "POST");
    });
  });

  test("R266 headers that are too large to be sent are an answer, not a reason to try again", async () => {
    await scripted(async ({ server, client }) => {
      // One field beyond 64 KiB is refused by nghttp2 itself, as if the server had.
      const result = await outcome(client.unary(Buffer.alloc(0), { metadata: { "x-large": "x".repeat(70_000) } }));
      assert.equal(result.code, Code.INTERNAL);
      const [connection] = server.connections;
      assert.deepEqual(connection?.frames.filter((frame) => frame.name === "HEADERS") ?? [], []);
    });
  });
});

function nanoseconds(timeout: string): number {
  const units: Readonly<Record<string, number>> = { n: 1, u: 1e3, m: 1e6, S: 1e9, M: 6e10, H: 3.6e12 };
  return Number(timeout.slice(0, -1)) * (units[timeout.slice(-1)] ?? Number.NaN);
}
