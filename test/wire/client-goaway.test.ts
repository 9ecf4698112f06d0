/**
 * GOAWAY in every form a server may give it, right and wrong: what becomes of the calls that run and of the next one.
 *
 * Spec: RFC 9113 §6.8; PROTOCOL-HTTP2.md, "GOAWAY Frame".
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "../../src/core.js";
import { encodeFrame, ErrorCode, FrameType, uint32 } from "../support/http2-frame.js";
import type { ServerPeer } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { answer, begin, completeRequest, KINDS, outcome, scripted } from "../support/peer-scripted.js";
import { OK_TRAILERS, prefixed, RESPONSE_FIELDS } from "../support/peer-service.js";

guardProcess();

const MAX_STREAM_ID = 2 ** 31 - 1;

/** GOAWAYs that leave a call running; each is written by a peer whose one call is `streamId`. */
const GENTLE: Readonly<Record<string, (connection: ServerPeer, streamId: number) => void>> = {
  "the call's own id": (connection, streamId) => connection.goaway(streamId, ErrorCode.NO_ERROR),
  "the id of a call that was never made": (connection, streamId) =>
    connection.goaway(streamId + 100, ErrorCode.NO_ERROR),
  "the largest id": (connection) => connection.goaway(MAX_STREAM_ID, ErrorCode.NO_ERROR),
  "the reserved bit set": (connection, streamId) =>
    connection.goaway((streamId | 0x8000_0000) >>> 0, ErrorCode.NO_ERROR),
  "first the largest id, then the call's own": (connection, streamId) => {
    connection.goaway(MAX_STREAM_ID, ErrorCode.NO_ERROR);
    connection.goaway(streamId, ErrorCode.NO_ERROR);
  },
  "the same twice": (connection, streamId) => {
    connection.goaway(streamId, ErrorCode.NO_ERROR);
    connection.goaway(streamId, ErrorCode.NO_ERROR);
  },
  "a hundred of the largest id": (connection) => {
    for (let i = 0; i < 100; i++) connection.goaway(MAX_STREAM_ID, ErrorCode.NO_ERROR, "max_age");
  },
  "16 KiB of debug data": (connection, streamId) =>
    connection.goaway(streamId, ErrorCode.NO_ERROR, "\u0000\u001b[31m\u00ff\n".repeat(2000)),
};

describe("GOAWAY(NO_ERROR)", () => {
  for (const [what, write] of Object.entries(GENTLE)) {
    test(`R154 R152 ${what}: the call goes on at every moment, the next one connects anew`, async () => {
      for (const kind of KINDS) {
        for (const moment of ["before headers", "after headers", "in the middle of a message", "after all data"]) {
          await scripted(async ({ server, client, errors }) => {
            const result = outcome(begin(client, kind));
            const connection = await server.connection();
            const { streamId } = await completeRequest(connection);
            const message = prefixed("hello");
            if (moment === "before headers") write(connection, streamId);
            connection.headers(streamId, RESPONSE_FIELDS);
            if (moment === "after headers") write(connection, streamId);
            connection.data(streamId, message.subarray(0, 7));
            if (moment === "in the middle of a message") write(connection, streamId);
            connection.data(streamId, message.subarray(7));
            if (moment === "after all data") write(connection, streamId);
            await connection.frame("GOAWAY");
            connection.headers(streamId, OK_TRAILERS, { endStream: true });
            const { code, messages } = await result;
            assert.deepEqual([code, messages], [Code.OK, ["hello"]], `${kind} ${moment}`);
            await connection.disconnected();
            assert.deepEqual(errors, []);
          });
        }
      }
    });
  }
});

describe("GOAWAY with an error", () => {
  test("R155 R142 a higher id later, and an id that no client gives, are the server's errors: UNAVAILABLE", async () => {
    for (const later of [1, 2]) {
      for (const kind of KINDS) {
        await scripted(async ({ server, client, errors }) => {
          const result = outcome(begin(client, kind));
          const connection = await server.connection();
          const { streamId } = await completeRequest(connection);
          connection.headers(streamId, RESPONSE_FIELDS);
          if (later === 2) connection.goaway(streamId, ErrorCode.NO_ERROR);
          connection.goaway(streamId + later, ErrorCode.NO_ERROR);
          assert.equal((await result).code, Code.UNAVAILABLE, kind);
          await connection.disconnected();
          assert.deepEqual(errors, []);
        });
      }
    }
  });

  test("R156 every code, in the middle of messages: UNAVAILABLE, and what the server said is cut and escaped", async () => {
    const text = `\u0000\u001b[31m\u00ff\r\n${"x".repeat(10_000)}`;
    for (const code of [...Object.values(ErrorCode), 0xbeef, 0xffff_ffff]) {
      if (code === ErrorCode.NO_ERROR) continue;
      await scripted(async ({ server, client, errors }) => {
        const results = KINDS.map((kind) => outcome(begin(client, kind)));
        const connection = await server.connection();
        let last = 0;
        for (const _ of KINDS) {
          const { streamId } = await completeRequest(connection);
          connection.headers(streamId, RESPONSE_FIELDS);
          connection.data(streamId, prefixed("hello").subarray(0, 7));
          last = streamId;
        }
        await connection.roundTrip();
        connection.goaway(last, code, text);
        for (const { code: came, message } of await Promise.all(results)) {
          assert.equal(came, Code.UNAVAILABLE, `GOAWAY(${code})`);
          assert.match(message, /^[\x20-\x7e]{1,256}$/);
        }
        assert.deepEqual(errors, []);
      });
    }
  });
});

describe("GOAWAY while connecting", () => {
  const goaway = (code: number): Buffer =>
    encodeFrame(FrameType.GOAWAY, 0, 0, Buffer.concat([uint32(0), uint32(code), Buffer.from("not now")]));
  const settings = encodeFrame(FrameType.SETTINGS, 0, 0);

  for (const [what, bytes] of [
    ["instead of SETTINGS", goaway(ErrorCode.NO_ERROR)],
    ["with an error instead of SETTINGS", goaway(ErrorCode.INADEQUATE_SECURITY)],
    ["in one segment with SETTINGS", Buffer.concat([settings, goaway(ErrorCode.NO_ERROR)])],
    ["with an error in one segment with SETTINGS", Buffer.concat([settings, goaway(ErrorCode.ENHANCE_YOUR_CALM)])],
  ] as const) {
    test(`R136 R203 ${what}, by a server that then hangs up: UNAVAILABLE, and it is not called for ever`, async () => {
      await scripted(
        async ({ server, client, errors }) => {
          server.hear = (connection) => {
            connection.raw(bytes);
            connection.end();
          };
          for (const kind of KINDS) {
            const { code } = await outcome(begin(client, kind, { timeoutMs: 5000 }));
            assert.equal(code, Code.UNAVAILABLE, kind);
          }
          assert.ok(server.connections.length <= 3 * KINDS.length, `${server.connections.length} connections`);
          assert.deepEqual(errors, []);
        },
        { peer: { settings: false }, nextCallWorks: false },
      );
    });
  }

  test("R152 a GOAWAY that comes between two calls of one turn sends the second elsewhere", async () => {
    await scripted(async ({ server, client }) => {
      const first = outcome(client.unary(Buffer.from("first")));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      connection.goaway(streamId, ErrorCode.NO_ERROR);
      await connection.frame("GOAWAY");
      const second = outcome(client.unary(Buffer.from("second")));
      const next = await server.connection();
      const request = await completeRequest(next);
      answer(next, request.streamId, request.messages);
      answer(connection, streamId, ["first"]);
      assert.deepEqual((await first).messages, ["first"]);
      assert.deepEqual((await second).messages, ["second"]);
    });
  });
});
