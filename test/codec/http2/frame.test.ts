/**
 * HTTP/2 frames, read from bytes cut anywhere.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  CLIENT_PREFACE,
  errorCodeName,
  FrameDecoder,
  parseFrame,
  type Frame,
  type RawFrame,
} from "../../../src/codec/http2/frame.js";
import { encodeFrame, encodeSettings, uint32 } from "../../support/http2-frame.js";

function decodeAll(bytes: Uint8Array, cuts: readonly number[] = []): RawFrame[] {
  const decoder = new FrameDecoder();
  const frames: RawFrame[] = [];
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    // A copy, so that a frame which kept a view of an overwritten chunk would be seen.
    const chunk = Uint8Array.from(bytes.subarray(from, to));
    frames.push(...decoder.push(chunk));
    from = to;
  }
  assert.equal(decoder.waitingBytes, 0);
  return frames;
}

function parsed(type: number, flags: number, streamId: number, payload: Uint8Array): Frame {
  const [raw, ...more] = decodeAll(encodeFrame(type, flags, streamId, payload));
  assert.equal(more.length, 0);
  return parseFrame(raw as RawFrame);
}

describe("FrameDecoder", () => {
  const frame = fc.record({
    type: fc.integer({ min: 0, max: 255 }),
    flags: fc.integer({ min: 0, max: 255 }),
    streamId: fc.integer({ min: 0, max: 0x7fff_ffff }),
    payload: fc.uint8Array({ maxLength: 3000 }),
  });

  test("finds every frame, wherever the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat()), (frames, cuts) => {
        const bytes = Buffer.concat(
          frames.map(({ type, flags, streamId, payload }) => encodeFrame(type, flags, streamId, payload)),
        );
        const at = cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b);
        const found = decodeAll(bytes, at);
        assert.deepEqual(
          found.map(({ payload, ...rest }) => ({ ...rest, payload: Buffer.from(payload) })),
          frames.map(({ payload, ...rest }) => ({ ...rest, payload: Buffer.from(payload) })),
        );
      }),
    );
  });

  test("a byte at a time costs linear time, and memory for what has come", () => {
    const decoder = new FrameDecoder();
    const bytes = encodeFrame(0, 0, 1, Buffer.alloc(300_000, 7));
    const before = process.memoryUsage().arrayBuffers;
    // Declared: 16 MiB. Come: its header.
    new FrameDecoder().push(Uint8Array.of(255, 255, 255, 0, 0, 0, 0, 0, 1));
    assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000);
    const frames: RawFrame[] = [];
    for (const byte of bytes) frames.push(...decoder.push(Uint8Array.of(byte)));
    assert.equal(frames.length, 1);
    assert.equal(frames[0]?.payload.length, 300_000);
  });

  test("frames that were given out do not change when more bytes come", () => {
    const decoder = new FrameDecoder();
    const first = encodeFrame(0, 0, 1, Buffer.from("first"));
    const second = encodeFrame(0, 0, 1, Buffer.from("other"));
    decoder.push(first.subarray(0, 4));
    const [frame] = decoder.push(Buffer.concat([first.subarray(4), second.subarray(0, 11)]));
    decoder.push(second.subarray(11));
    assert.equal(Buffer.from(frame?.payload ?? []).toString(), "first");
  });
});

describe("parseFrame", () => {
  test("DATA, with and without padding", () => {
    const frame = parsed(0, 1, 5, Buffer.from("abc"));
    assert.ok(frame.type === "DATA");
    assert.equal(Buffer.from(frame.data).toString(), "abc");
    assert.deepEqual([frame.streamId, frame.endsStream, frame.paddedBytes], [5, true, undefined]);
    const padded = parsed(0, 8, 5, Buffer.from([2, 97, 0, 0]));
    assert.ok(padded.type === "DATA");
    assert.equal(Buffer.from(padded.data).toString(), "a");
    assert.equal(padded.paddedBytes, 3);
    assert.equal(padded.endsStream, false);
  });

  test("HEADERS with priority and padding: what is left is the fragment", () => {
    const payload = Buffer.concat([Buffer.of(1), uint32(0x8000_0003), Buffer.of(15), Buffer.from("xyz"), Buffer.of(0)]);
    const frame = parsed(1, 4 | 8 | 0x20, 7, payload);
    assert.ok(frame.type === "HEADERS");
    assert.deepEqual(frame.priority, { dependsOn: 3, exclusive: true, weight: 16 });
    assert.equal(Buffer.from(frame.fragment).toString(), "xyz");
    assert.deepEqual([frame.endsHeaders, frame.endsStream, frame.paddedBytes], [true, false, 2]);
  });

  test("SETTINGS by name, also gRPC's own and ones without a name", () => {
    const payload = Buffer.concat([
      encodeSettings({ 3: 250, 4: 262_144 }),
      Buffer.from("1a2b00000009fe0300000001", "hex"),
    ]);
    assert.deepEqual(parsed(4, 0, 0, payload), {
      type: "SETTINGS",
      ack: false,
      settings: [
        { name: "MAX_CONCURRENT_STREAMS", value: 250 },
        { name: "INITIAL_WINDOW_SIZE", value: 262_144 },
        { name: "0x1a2b", value: 9 },
        { name: "GRPC_ALLOW_TRUE_BINARY_METADATA", value: 1 },
      ],
    });
    assert.deepEqual(parsed(4, 1, 0, Buffer.alloc(0)), { type: "SETTINGS", ack: true, settings: [] });
  });

  test("the small ones", () => {
    assert.deepEqual(parsed(3, 0, 9, uint32(8)), { type: "RST_STREAM", streamId: 9, code: 8 });
    assert.deepEqual(parsed(8, 0, 0, uint32(0x8000_0064)), { type: "WINDOW_UPDATE", streamId: 0, increment: 100 });
    const goaway = parsed(7, 0, 0, Buffer.concat([uint32(31), uint32(11), Buffer.from("too_many_pings")]));
    assert.ok(goaway.type === "GOAWAY");
    assert.deepEqual([goaway.lastStreamId, errorCodeName(goaway.code)], [31, "ENHANCE_YOUR_CALM"]);
    assert.equal(Buffer.from(goaway.debug).toString(), "too_many_pings");
    const ping = parsed(6, 1, 0, Buffer.from("12345678"));
    assert.ok(ping.type === "PING" && ping.ack);
    const push = parsed(5, 4, 1, Buffer.concat([uint32(2), Buffer.from("h")]));
    assert.ok(push.type === "PUSH_PROMISE");
    assert.equal(push.promisedStreamId, 2);
    const more = parsed(9, 4, 1, Buffer.from("h"));
    assert.ok(more.type === "CONTINUATION" && more.endsHeaders);
    assert.deepEqual(parsed(2, 0, 3, Buffer.concat([uint32(1), Buffer.of(0)])), {
      type: "PRIORITY",
      streamId: 3,
      priority: { dependsOn: 1, exclusive: false, weight: 1 },
    });
    assert.deepEqual(parsed(0x21, 0, 3, Buffer.alloc(1)), { type: "unknown", streamId: 3, number: 0x21 });
    assert.equal(errorCodeName(0x77), "0x77");
  });

  for (const [what, type, flags, streamId, payload, reason] of [
    ["DATA on the connection", 0, 0, 0, Buffer.alloc(1), /must be on a stream/],
    ["padding longer than the frame", 0, 8, 1, Buffer.from([4, 0, 0]), /4 bytes of padding in a payload of 3/],
    ["a padded frame without the byte that says so", 1, 8, 1, Buffer.alloc(0), /1 bytes or more: there are 0/],
    ["priority cut short", 1, 0x24, 1, Buffer.alloc(3), /5 bytes or more: there are 3/],
    ["a short RST_STREAM", 3, 0, 1, Buffer.alloc(3), /must be 4 bytes: there are 3/],
    ["SETTINGS on a stream", 4, 0, 1, Buffer.alloc(0), /must be on the connection, and is on stream 1/],
    ["SETTINGS that are no list", 4, 0, 0, Buffer.alloc(7), /7 bytes are no list of settings/],
    ["an acknowledgement with settings", 4, 1, 0, Buffer.alloc(6), /must be 0 bytes: there are 6/],
    ["a long PING", 6, 0, 0, Buffer.alloc(9), /must be 8 bytes: there are 9/],
    ["a short GOAWAY", 7, 0, 0, Buffer.alloc(4), /8 bytes or more: there are 4/],
    ["a window that does not grow", 8, 0, 1, Buffer.alloc(4), /an increment of 0/],
    ["a promise of nothing", 5, 4, 1, Buffer.alloc(2), /4 bytes or more: there are 2/],
  ] as const) {
    test(`malformed, and says why: ${what}`, () => {
      const frame = parsed(type, flags, streamId, payload);
      assert.ok(frame.type === "malformed", frame.type);
      assert.match(frame.reason, reason);
    });
  }

  test("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(
        fc.nat(12),
        fc.nat(255),
        fc.nat(3),
        fc.uint8Array({ maxLength: 40 }),
        (type, flags, streamId, payload) => void parseFrame({ type, flags, streamId, payload }),
      ),
    );
  });
});

test("the preface is the RFC's", () => {
  assert.equal(CLIENT_PREFACE.toString("hex"), "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a".toLowerCase());
});
