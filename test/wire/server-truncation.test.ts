/**
 * What a server makes of a request that stops at any of its bytes: by a half-close, a reset, or the end of the connection.
 *
 * Spec: PROTOCOL-HTTP2.md, "Length-Prefixed-Message", "Errors"; statuscodes.md (cardinality).
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "../../src/core.js";
import { CLIENT_PREFACE, encodeFrame, ErrorCode, Flag, FrameType } from "../support/http2-frame.js";
import { encodeHeaders, RawClient } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { call, served, type Served } from "../support/peer-served.js";
import { messagesIn, prefixed, requestFields } from "../support/peer-service.js";

guardProcess();

const UNARY = "/wire.Wire/Unary";
const SERVER_STREAMING = "/wire.Wire/ServerStreaming";
const CLIENT_STREAMING = "/wire.Wire/ClientStreaming";
const BIDI_STREAMING = "/wire.Wire/BidiStreaming";

const FIRST = prefixed("abc");
const BOTH = Buffer.concat([FIRST, prefixed("de")]);
/** Where no message is cut. */
const WHOLE = [0, FIRST.length, BOTH.length];

/** Every place a text of so many bytes can stop at. */
function cuts(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length + 1 }, (_, cut) => cut);
}

/** Waits until `count` calls have been told as ended. */
async function endedCalls({ ended }: Served, client: RawClient, count: number): Promise<void> {
  const guard = AbortSignal.timeout(10_000);
  while (ended.length < count) {
    if (guard.aborted) throw new Error(`wanted ${count} ended calls, there are ${ended.length}`);
    await client.roundTrip();
  }
}

describe("a request that stops", () => {
  test("R55 R79 at any byte, by END_STREAM, where one message is wanted", async () => {
    let ran = 0;
    const unary = (request: Uint8Array): Uint8Array => {
      ran++;
      return request;
    };
    await served({ unary, serverStreaming: (request) => [unary(request)] }, async ({ connect }) => {
      const client = await connect();
      for (const path of [UNARY, SERVER_STREAMING]) {
        for (const cut of cuts(BOTH)) {
          const expected =
            cut === FIRST.length ? Code.OK : cut > 0 && cut < FIRST.length ? Code.INTERNAL : Code.UNIMPLEMENTED;
          const reply = await call(client, path, [BOTH.subarray(0, cut)]);
          assert.equal(reply.grpcStatus, expected, `${path} after ${cut} bytes: ${reply.grpcMessage}`);
        }
      }
    });
    assert.equal(ran, 2, "the handlers have seen the whole requests and no other");
  });

  test("R55 at any byte, by END_STREAM, where many are taken", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      for (const path of [CLIENT_STREAMING, BIDI_STREAMING]) {
        for (const cut of cuts(BOTH)) {
          const reply = await call(client, path, [BOTH.subarray(0, cut)]);
          assert.equal(reply.grpcStatus, WHOLE.includes(cut) ? Code.OK : Code.INTERNAL, `${path} after ${cut} bytes`);
          if (path === BIDI_STREAMING) {
            const whole = ["abc", "de"].filter((_, i) => cut >= (WHOLE[i + 1] ?? 0));
            assert.deepEqual(messagesIn(reply.data), whole, `what was whole after ${cut} bytes is answered`);
          }
        }
      }
    });
  });

  test("R89 R82 at any byte, by RST_STREAM: nothing is sent, the call is CANCELLED, no handler gets half a request", async () => {
    let ran = 0;
    const unary = (request: Uint8Array): Uint8Array => {
      ran++;
      return request;
    };
    await served({ unary, serverStreaming: (request) => [unary(request)] }, async (server) => {
      const client = await server.connect();
      let calls = 0;
      for (const path of [UNARY, SERVER_STREAMING, CLIENT_STREAMING]) {
        for (const cut of cuts(path === CLIENT_STREAMING ? BOTH : FIRST)) {
          const streamId = client.open(requestFields(path));
          client.data(streamId, BOTH.subarray(0, cut));
          client.reset(streamId, ErrorCode.CANCEL);
          calls++;
          await client.roundTrip();
          assert.deepEqual(client.order(streamId), [], `${path} after ${cut} bytes`);
        }
      }
      await endedCalls(server, client, calls);
      assert.ok(server.ended.every(({ code }) => code === Code.CANCELLED));
      assert.deepEqual(server.errors, []);
    });
    assert.equal(ran, 0);
  });

  const ways: Readonly<Record<string, (client: RawClient) => void>> = {
    "a FIN": (client) => client.end(),
    "a TCP RST": (client) => client.abort(),
  };
  for (const [how, lose] of Object.entries(ways)) {
    test(`R113 R94 at any byte of its connection, by ${how}: no handler runs, a call that had begun is CANCELLED`, async () => {
      const bytes = Buffer.concat([
        CLIENT_PREFACE,
        encodeFrame(FrameType.SETTINGS, 0, 0),
        encodeHeaders(1, requestFields(UNARY), false),
        encodeFrame(FrameType.DATA, Flag.END_STREAM, 1, prefixed("hello")),
      ]);
      let ran = 0;
      const unary = (request: Uint8Array): Uint8Array => {
        ran++;
        return request;
      };
      await served({ unary }, async (server) => {
        for (let from = 0; from < bytes.length; from += 40) {
          const batch = cuts(bytes.subarray(from, from + 39)).map(async (offset) => {
            const cut = from + offset;
            if (cut >= bytes.length) return;
            const client = await RawClient.connectSilently(server.port, { settings: false });
            client.raw(bytes.subarray(0, cut));
            lose(client);
            await client.disconnected();
          });
          await Promise.all(batch);
        }
        await call(await server.connect(), "/wire.Wire/Wellbeing", [prefixed("well")]);
        const codes = server.ended.filter(({ path }) => path === UNARY).map(({ code }) => code);
        assert.ok(codes.every((code) => code === Code.CANCELLED));
        if (how === "a FIN") assert.equal(codes.length, 9 + 10, "every cut behind the headers was a call");
        assert.deepEqual(server.errors, []);
      });
      assert.equal(ran, 0);
    });
  }
});
