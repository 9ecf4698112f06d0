/**
 * What a client does with a server that sends more than any honest one: it holds no more memory, its call ends, and the
 * next one works.
 *
 * Spec: RFC 9113 §10.5 ("Denial-of-Service Considerations"); CVE-2019-9512 to 9518, CVE-2024-27316.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "../../src/core.js";
import { encodeFrame, encodeSettings, ErrorCode, Flag, FrameType, Setting, uint32 } from "../support/http2-frame.js";
import { encodeFields, type Field } from "../support/http2-hpack.js";
import { encodeHeaders, type ServerPeer } from "../support/peer.js";
import { flood, heldBack, holdsAtMost, repeated, type Ended } from "../support/peer-flood.js";
import { DROPS_IDLE_TALK } from "../support/node-version.js";
import { guardProcess } from "../support/peer-guard.js";
import { answer, completeRequest, outcome, scripted } from "../support/peer-scripted.js";
import { OK_TRAILERS, prefixed, RESPONSE_FIELDS } from "../support/peer-service.js";

guardProcess();

/** How it ends for frames that say nothing. */
const IDLE_TALK = DROPS_IDLE_TALK ? "closed" : "taken";

const MIB = 1024 * 1024;

interface Flood {
  /** Gives the frames; `open` waits for its answer, `ended` has had it. */
  readonly next: (connection: ServerPeer, open: number, ended: number) => () => Uint8Array;
  /** How it ends; `undefined` where that is Node's affair and differs between its versions. */
  readonly ends?: Ended;
  /** Whether the call that runs can still be answered when all was taken. Default true. */
  readonly answerable?: false;
}

const INFORMATIONAL: readonly Field[] = [
  [":status", "103"],
  ["link", "</style.css>"],
];

const FLOODS: Readonly<Record<string, Flood>> = {
  "PING, many at a time": {
    next: () => repeated(encodeFrame(FrameType.PING, 0, 0, Buffer.alloc(8)), 2000),
    ends: "closed",
  },
  "PING, a few at a time": {
    next: () => repeated(encodeFrame(FrameType.PING, 0, 0, Buffer.alloc(8)), 100),
    ends: "taken",
  },
  "SETTINGS, many at a time": { next: () => repeated(encodeFrame(FrameType.SETTINGS, 0, 0), 2000), ends: "closed" },
  "SETTINGS, a few at a time": { next: () => repeated(encodeFrame(FrameType.SETTINGS, 0, 0), 100), ends: "taken" },
  "SETTINGS that change the streams each time": {
    next: () =>
      repeated(
        Buffer.concat(
          [0, 1, 2 ** 32 - 1].map((most) =>
            encodeFrame(FrameType.SETTINGS, 0, 0, encodeSettings({ [Setting.MAX_CONCURRENT_STREAMS]: most })),
          ),
        ),
        50,
      ),
    ends: "taken",
  },
  "DATA without a byte": {
    next: (connection, open) => {
      connection.headers(open, RESPONSE_FIELDS);
      return repeated(encodeFrame(FrameType.DATA, 0, open), 500);
    },
    ends: "closed",
  },
  "DATA of padding alone": {
    next: (connection, open) => {
      connection.headers(open, RESPONSE_FIELDS);
      return repeated(encodeFrame(FrameType.DATA, Flag.PADDED, open, Buffer.of(0)), 500);
    },
    ends: IDLE_TALK,
    answerable: false,
  },
  "DATA of a stream that has ended": {
    next: (_connection, _open, ended) => repeated(encodeFrame(FrameType.DATA, 0, ended, Buffer.alloc(100)), 100),
  },
  "informational blocks": {
    next: (_connection, open) => repeated(encodeHeaders(open, INFORMATIONAL, false), 100),
    ends: "taken",
  },
  "header blocks in the middle of a response": {
    next: (connection, open) => {
      connection.headers(open, RESPONSE_FIELDS);
      return repeated(encodeHeaders(open, [["x-again", "1"]], false), 200);
    },
    answerable: false,
  },
  "header blocks of a stream that has ended": {
    next: (_connection, _open, ended) => repeated(encodeHeaders(ended, RESPONSE_FIELDS, false), 200),
  },
  "RST_STREAM of a stream that has ended": {
    next: (_connection, _open, ended) => repeated(encodeFrame(FrameType.RST_STREAM, 0, ended, uint32(8)), 500),
  },
  "WINDOW_UPDATE by one byte, of the connection": {
    next: () => repeated(encodeFrame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1)), 500),
    ends: "taken",
  },
  "WINDOW_UPDATE of a stream that has ended": {
    next: (_connection, _open, ended) => repeated(encodeFrame(FrameType.WINDOW_UPDATE, 0, ended, uint32(1)), 500),
    ends: "taken",
  },
  "PRIORITY of streams that do not exist": {
    next: () => {
      let streamId = 1001;
      return () =>
        Buffer.concat(
          Array.from({ length: 500 }, () =>
            encodeFrame(FrameType.PRIORITY, 0, (streamId += 2), Buffer.of(0, 0, 0, 0, 16)),
          ),
        );
    },
    ends: IDLE_TALK,
  },
  "frames of unknown types": {
    next: (_connection, open) => repeated(encodeFrame(0xf0, 0xff, open, Buffer.alloc(50)), 300),
    ends: "taken",
  },
  ALTSVC: {
    next: () => {
      const payload = Buffer.from(`\0\x08http://a${"h2=:1".repeat(20)}`, "latin1");
      return repeated(encodeFrame(0x0a, 0, 0, payload), 100);
    },
  },
  ORIGIN: {
    next: () => repeated(encodeFrame(0x0c, 0, 0, Buffer.from("\0\x08http://a".repeat(20), "latin1")), 100),
  },
  "pushed streams": {
    next: (_connection, open) => {
      let promised = 0;
      const block = encodeFields([
        [":method", "GET"],
        [":path", "/"],
        [":scheme", "http"],
        [":authority", "a"],
      ]);
      return () =>
        encodeFrame(FrameType.PUSH_PROMISE, Flag.END_HEADERS, open, Buffer.concat([uint32((promised += 2)), block]));
    },
    ends: "closed",
  },
  "CONTINUATION without end": {
    next: (connection, open) => {
      connection.send(FrameType.HEADERS, 0, open, encodeFields(RESPONSE_FIELDS));
      return repeated(encodeFrame(FrameType.CONTINUATION, 0, open, encodeFields([["x-more", "v".repeat(9000)]])), 1);
    },
    ends: "closed",
  },
  "CONTINUATION without end and without a byte": {
    next: (connection, open) => {
      connection.send(FrameType.HEADERS, 0, open);
      return repeated(encodeFrame(FrameType.CONTINUATION, 0, open), 1);
    },
    ends: "closed",
  },
};

/** What a call may end in that had the flood instead of an answer. */
const POSSIBLE: readonly Code[] = [
  Code.OK,
  Code.UNAVAILABLE,
  Code.INTERNAL,
  Code.RESOURCE_EXHAUSTED,
  Code.DEADLINE_EXCEEDED,
];

describe("floods", () => {
  for (const [what, { next, ends, answerable }] of Object.entries(FLOODS)) {
    test(`R94 ${what}: bounded memory, the call ends, and the next one works`, async () => {
      await scripted(async ({ server, client, errors }) => {
        const before = client.unary(Buffer.from("hello"));
        const connection = await server.connection();
        const ended = await completeRequest(connection);
        answer(connection, ended.streamId, ["m"]);
        await before;
        const result = outcome(client.serverStreaming(Buffer.from("hello"), { timeoutMs: 30_000 }));
        const { streamId } = await completeRequest(connection);
        let end: Ended | undefined;
        await holdsAtMost(8 * MIB, async () => {
          end = await flood(connection, next(connection, streamId, ended.streamId));
        });
        if (ends !== undefined) assert.equal(end, ends);
        if (end === "taken" && answerable !== false) {
          answer(connection, streamId, ["m"]);
          const { code, messages } = await result;
          assert.deepEqual([code, messages], [Code.OK, ["m"]]);
        } else {
          if (end === "taken") connection.headers(streamId, OK_TRAILERS, { endStream: true });
          else connection.abort();
          const { code } = await result;
          if (end !== "taken") assert.notEqual(code, Code.OK);
          assert.ok(POSSIBLE.includes(code), `the call ended ${code}`);
        }
        assert.deepEqual(errors, []);
      });
    });
  }

  test("R94 R99 a server that asks for answers and reads none: bounded memory, and the call ends at its deadline", async () => {
    for (const frame of [encodeFrame(FrameType.PING, 0, 0, Buffer.alloc(8)), encodeFrame(FrameType.SETTINGS, 0, 0)]) {
      await scripted(
        async ({ server, client }) => {
          const result = outcome(client.unary(Buffer.from("hello"), { timeoutMs: 1000 }));
          const connection = await server.connection();
          await completeRequest(connection);
          await holdsAtMost(8 * MIB, async () => {
            await flood(connection, repeated(frame, 200), { reads: false, bytes: 2 * MIB });
          });
          assert.equal((await result).code, Code.DEADLINE_EXCEEDED);
        },
        { nextCallWorks: false },
      );
    }
  });

  test("R130 R145 messages sent without end to a call that does not read: a window's worth is held", async () => {
    await scripted(async ({ server, client }) => {
      const call = client.serverStreaming(Buffer.from("hello"));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      connection.headers(streamId, RESPONSE_FIELDS);
      const message = prefixed(Buffer.alloc(8000));
      const endless = Buffer.concat(Array.from({ length: 1000 }, () => message));
      let sent = 0;
      await holdsAtMost(2 * MIB, async () => {
        void connection.body(streamId, endless).then((bytes) => (sent = bytes));
        for (let i = 0; i < 20; i++) await connection.roundTrip();
      });
      assert.equal(sent, 0, "the rest is held back");
      call.cancel();
      assert.equal((await call.status).code, Code.CANCELLED);
      assert.equal((await connection.frame("RST_STREAM", streamId)).errorCode, ErrorCode.CANCEL);
    });
  });
});

describe("a server that reads nothing of its socket, with windows without end", () => {
  test("R143 R99 the iterables of all calls are held back, in bounded memory, and the calls end at their deadlines", async () => {
    let yielded = 0;
    async function* requests(): AsyncGenerator<Uint8Array> {
      for (;;) {
        yielded++;
        yield Buffer.alloc(65_536);
      }
    }
    await scripted(
      async ({ server, client }) => {
        await client.wellbeing(Buffer.from("connected"));
        const connection = await server.connection();
        connection.windowUpdate(0, 2 ** 31 - 1 - 65_535);
        await connection.roundTrip();
        connection.socket.pause();
        await holdsAtMost(64 * MIB, async () => {
          const results = Array.from({ length: 90 }, () =>
            outcome(client.clientStreaming(requests(), { timeoutMs: 1000 })),
          );
          await heldBack(() => yielded);
          for (const { code } of await Promise.all(results)) assert.equal(code, Code.DEADLINE_EXCEEDED);
        });
        assert.ok(yielded < 1000, `${yielded} messages of 64 KiB were taken`);
      },
      { peer: { settings: { [Setting.INITIAL_WINDOW_SIZE]: 2 ** 31 - 1 } }, nextCallWorks: false },
    );
  });
});
