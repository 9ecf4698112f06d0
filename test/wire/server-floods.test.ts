/**
 * What a server does with clients that send more than any honest one: it holds no more memory, and serves the others.
 *
 * Spec: RFC 9113 §10.5 ("Denial-of-Service Considerations"); CVE-2019-9511 to 9518, CVE-2023-44487, CVE-2024-27316.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeFrame, encodeSettings, ErrorCode, Flag, FrameType, Setting, uint32 } from "../support/http2-frame.js";
import { encodeFields } from "../support/http2-hpack.js";
import { encodeHeaders, type RawClient } from "../support/peer.js";
import { flood, heldBack, holdsAtMost, repeated, type Ended } from "../support/peer-flood.js";
import { DROPS_IDLE_TALK } from "../support/node-version.js";
import { guardProcess } from "../support/peer-guard.js";
import { call, served } from "../support/peer-served.js";
import { messagesIn, prefixed, requestFields } from "../support/peer-service.js";

guardProcess();

/** How it ends for frames that say nothing. */
const IDLE_TALK = DROPS_IDLE_TALK ? "closed" : "taken";

const UNARY = "/wire.Wire/Unary";
const BIDI_STREAMING = "/wire.Wire/BidiStreaming";
const HELLO = [prefixed("hello")];
const MIB = 1024 * 1024;

/** A stream of the client's that is open, and one that has ended. */
interface Streams {
  readonly client: RawClient;
  readonly open: number;
  readonly ended: number;
}

interface Flood {
  readonly next: (streams: Streams) => () => Uint8Array;
  /** How it ends for a client that reads: `undefined` where that is Node's affair and differs between its versions. */
  readonly ends?: Ended;
}

/** Gives a batch of frames of new streams each time. */
function newStreams(count: number, frames: (streamId: number) => Uint8Array): (streams: Streams) => () => Uint8Array {
  return ({ client }) =>
    () =>
      Buffer.concat(Array.from({ length: count }, () => frames(client.nextStreamId())));
}

function openAndReset(path: string): (streamId: number) => Buffer {
  return (streamId) =>
    Buffer.concat([
      encodeHeaders(streamId, requestFields(path), false),
      encodeFrame(FrameType.RST_STREAM, 0, streamId, uint32(ErrorCode.CANCEL)),
    ]);
}

const PING = encodeFrame(FrameType.PING, 0, 0, Buffer.alloc(8));
const SETTINGS = encodeFrame(FrameType.SETTINGS, 0, 0);

const FLOODS: Readonly<Record<string, Flood>> = {
  "PING, many at a time": { next: () => repeated(PING, 2000), ends: "closed" },
  "PING, a few at a time": { next: () => repeated(PING, 100) },
  "SETTINGS, many at a time": { next: () => repeated(SETTINGS, 2000), ends: "closed" },
  "SETTINGS, a few at a time": { next: () => repeated(SETTINGS, 100), ends: "taken" },
  "SETTINGS that change the window each time": {
    next: () =>
      repeated(
        Buffer.concat(
          [1, 65_535].map((bytes) =>
            encodeFrame(FrameType.SETTINGS, 0, 0, encodeSettings({ [Setting.INITIAL_WINDOW_SIZE]: bytes })),
          ),
        ),
        50,
      ),
    ends: "taken",
  },
  "SETTINGS of many entries": {
    next: () =>
      repeated(encodeFrame(FrameType.SETTINGS, 0, 0, Buffer.alloc(6 * 100, encodeSettings({ 4: 65_535 }))), 10),
    ends: "closed",
  },
  "acknowledgements of SETTINGS that were never sent": {
    next: () => repeated(encodeFrame(FrameType.SETTINGS, Flag.ACK, 0), 100),
    ends: "closed",
  },
  "acknowledgements of PINGs that were never sent": {
    next: () => repeated(encodeFrame(FrameType.PING, Flag.ACK, 0, Buffer.alloc(8)), 100),
  },
  "DATA without a byte": {
    next: ({ open }) => repeated(encodeFrame(FrameType.DATA, 0, open), 500),
    ends: "closed",
  },
  "DATA of padding alone": {
    next: ({ open }) => repeated(encodeFrame(FrameType.DATA, Flag.PADDED, open, Buffer.of(0)), 500),
    ends: IDLE_TALK,
  },
  "DATA on a stream that has ended": {
    next: ({ ended }) => repeated(encodeFrame(FrameType.DATA, 0, ended, Buffer.alloc(100)), 100),
  },
  "PRIORITY of one stream": {
    next: ({ open }) => repeated(encodeFrame(FrameType.PRIORITY, 0, open, Buffer.of(0, 0, 0, 0, 16)), 500),
    ends: IDLE_TALK,
  },
  "PRIORITY of streams that do not exist": {
    next: ({ client }) => {
      let streamId = client.nextStreamId() + 1000;
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
    next: ({ open }) =>
      repeated(Buffer.concat([0x0a, 0x0c, 0xf0].map((type) => encodeFrame(type, 0xff, open, Buffer.alloc(50)))), 100),
    ends: "taken",
  },
  "WINDOW_UPDATE by one byte, of the connection": {
    next: () => repeated(encodeFrame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1)), 500),
    ends: "taken",
  },
  "WINDOW_UPDATE of a stream that has ended": {
    next: ({ ended }) => repeated(encodeFrame(FrameType.WINDOW_UPDATE, 0, ended, uint32(1)), 500),
    ends: "taken",
  },
  "RST_STREAM of a stream that has ended": {
    next: ({ ended }) => repeated(encodeFrame(FrameType.RST_STREAM, 0, ended, uint32(8)), 500),
  },
  GOAWAY: {
    next: () =>
      repeated(encodeFrame(FrameType.GOAWAY, 0, 0, Buffer.concat([uint32(0), uint32(0), Buffer.alloc(99)])), 50),
  },
  "header blocks in the middle of a request": {
    next: ({ open }) => repeated(encodeHeaders(open, [["x-again", "1"]], false), 200),
  },
  "streams opened and reset, of a method that waits": { next: newStreams(50, openAndReset(BIDI_STREAMING)) },
  "streams opened and reset, of no method": { next: newStreams(50, openAndReset("/no/Method")) },
  "streams opened beyond the limit": {
    next: newStreams(50, (streamId) => encodeHeaders(streamId, requestFields(BIDI_STREAMING), false)),
    ends: "closed",
  },
  "malformed requests": {
    next: newStreams(50, (streamId) => encodeHeaders(streamId, requestFields(UNARY, [["te", "gzip"]]), true)),
    ends: "closed",
  },
  "requests for no method": {
    next: newStreams(50, (streamId) => encodeHeaders(streamId, requestFields(`/no/${"x".repeat(300)}`), true)),
    ends: "taken",
  },
  "CONTINUATION without end": {
    next: ({ client }) => {
      const streamId = client.nextStreamId();
      client.send(FrameType.HEADERS, 0, streamId, encodeFields(requestFields(UNARY)));
      return repeated(encodeFrame(FrameType.CONTINUATION, 0, streamId, encodeFields([["x-more", "1"]])), 1);
    },
    ends: "closed",
  },
  "CONTINUATION without end and without a byte": {
    next: ({ client }) => {
      const streamId = client.nextStreamId();
      client.send(FrameType.HEADERS, 0, streamId);
      return repeated(encodeFrame(FrameType.CONTINUATION, 0, streamId), 1);
    },
    ends: "closed",
  },
  "CONTINUATION without end, of 16 KiB each": {
    next: ({ client }) => {
      const streamId = client.nextStreamId();
      client.send(FrameType.HEADERS, 0, streamId, encodeFields(requestFields(UNARY)));
      return repeated(
        encodeFrame(FrameType.CONTINUATION, 0, streamId, encodeFields([["x-more", "v".repeat(16_000)]])),
        1,
      );
    },
    ends: "closed",
  },
};

describe("floods", () => {
  for (const [what, { next, ends }] of Object.entries(FLOODS)) {
    test(`R94 ${what}: bounded memory, and the others are served`, async () => {
      await served({}, async ({ connect, errors }) => {
        const bystander = await connect();
        for (const reads of [true, false]) {
          const client = await connect();
          const open = client.open(requestFields(BIDI_STREAMING));
          const ended = client.open(requestFields(UNARY));
          client.data(ended, prefixed("hello"), { endStream: true });
          await client.reply(ended);
          let end: Ended | undefined;
          await holdsAtMost(8 * MIB, async () => {
            const flooding = flood(client, next({ client, open, ended }), { reads });
            const during = await call(bystander, UNARY, HELLO);
            assert.deepEqual(messagesIn(during.data), ["hello"], "the others are served during the flood");
            end = await flooding;
            if (reads && ends !== undefined) assert.equal(end, ends);
          });
          // One that was let go hears nothing more, one that read nothing has its answers before it; the third is whole.
          if (end !== "taken" || !reads) client.destroy();
        }
        assert.deepEqual(errors, []);
      });
    });
  }
});

describe("a client that reads nothing of its socket, with windows without end", () => {
  test("R143 handlers of all its streams are held back, in bounded memory", async () => {
    let yielded = 0;
    const serverStreaming = function* (): Generator<Uint8Array> {
      for (;;) {
        yielded++;
        yield Buffer.alloc(65_536);
      }
    };
    await served({ serverStreaming }, async ({ connect }) => {
      const client = await connect({ settings: { [Setting.INITIAL_WINDOW_SIZE]: 2 ** 31 - 1 } });
      client.windowUpdate(0, 2 ** 31 - 1 - 65_535);
      await client.roundTrip();
      client.socket.pause();
      await holdsAtMost(64 * MIB, async () => {
        for (let i = 0; i < 200; i++) {
          const streamId = client.open(requestFields("/wire.Wire/ServerStreaming"));
          client.data(streamId, prefixed("go"), { endStream: true });
        }
        await heldBack(() => yielded);
      });
      // What the system's own buffers take, and a message or two for each stream.
      assert.ok(yielded < 1000, `${yielded} messages of 64 KiB were taken`);
      client.destroy();
    });
  });
});
