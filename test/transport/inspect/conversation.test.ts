/**
 * A conversation, read from bytes that pass by.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Conversation, type SeenFrame, type Side } from "../../../src/transport/inspect/conversation.js";
import { CLIENT_PREFACE, encodeFrame, encodeSettings, Flag, FrameType } from "../../support/http2-frame.js";
import { encodeFields } from "../../support/http2-hpack.js";

interface Seen {
  readonly prefaces: number;
  readonly frames: readonly SeenFrame[];
  readonly foreign: readonly string[];
}

function see(...chunks: readonly (readonly [Side, Uint8Array])[]): Seen {
  let prefaces = 0;
  const frames: SeenFrame[] = [];
  const foreign: string[] = [];
  const conversation = new Conversation({
    preface: () => void prefaces++,
    frame: (seen) => void frames.push(seen),
    foreign: (from, bytes) => void foreign.push(`${from}: ${Buffer.from(bytes).toString("latin1")}`),
  });
  for (const [from, bytes] of chunks) conversation.push(from, bytes);
  return { prefaces, frames, foreign };
}

const SETTINGS = encodeFrame(FrameType.SETTINGS, 0, 0, encodeSettings({ 3: 100 }));
const REQUEST = encodeFields([
  [":method", "POST"],
  [":path", "/a.B/C"],
]);
const { HEADERS, CONTINUATION } = FrameType;
const { END_HEADERS, END_STREAM } = Flag;

describe("Conversation", () => {
  test("finds preface, frames and header lists, wherever the bytes are cut", () => {
    const client = Buffer.concat([
      CLIENT_PREFACE,
      SETTINGS,
      encodeFrame(HEADERS, END_HEADERS, 1, REQUEST),
      encodeFrame(FrameType.DATA, END_STREAM, 1, Buffer.from("\0\0\0\0\0")),
    ]);
    fc.assert(
      fc.property(fc.nat(client.length), fc.nat(client.length), (a, b) => {
        const [first, second] = a < b ? [a, b] : [b, a];
        const { prefaces, frames, foreign } = see(
          ["client", client.subarray(0, first)],
          ["client", client.subarray(first, second)],
          ["client", client.subarray(second)],
        );
        assert.deepEqual([prefaces, foreign], [1, []]);
        assert.deepEqual(
          frames.map(({ frame, endsStream }) => [frame.type, endsStream]),
          [
            ["SETTINGS", false],
            ["HEADERS", false],
            ["DATA", true],
          ],
        );
        assert.deepEqual(
          frames[1]?.fields?.map(({ value }) => value),
          ["POST", "/a.B/C"],
        );
      }),
    );
  });

  test("a header block over CONTINUATION frames is told with its last one, and so is the end of the stream", () => {
    const { frames } = see(
      ["client", CLIENT_PREFACE],
      ["client", encodeFrame(HEADERS, END_STREAM, 1, REQUEST.subarray(0, 5))],
      ["client", encodeFrame(CONTINUATION, 0, 1, REQUEST.subarray(5, 9))],
      ["client", encodeFrame(CONTINUATION, END_HEADERS, 1, REQUEST.subarray(9))],
    );
    assert.deepEqual(
      frames.map(({ fields, endsStream }) => [fields?.length, endsStream]),
      [
        [undefined, false],
        [undefined, false],
        [2, true],
      ],
    );
  });

  test("a block that cannot be read says why, and so do those after it in that direction alone", () => {
    const block = encodeFrame(HEADERS, END_HEADERS, 1, Buffer.of(0xff, 0xff, 0xff));
    const { frames } = see(
      ["client", Buffer.concat([CLIENT_PREFACE, block, encodeFrame(HEADERS, END_HEADERS, 3, REQUEST)])],
      ["server", Buffer.concat([SETTINGS, encodeFrame(HEADERS, END_HEADERS, 1, REQUEST)])],
    );
    const [first, second, , answer] = frames;
    assert.match(first?.unreadable ?? "", /ends in the middle/);
    assert.match(second?.unreadable ?? "", /an earlier header block could not/);
    assert.equal(answer?.fields?.length, 2);
  });

  test("a block that never ends is not kept", () => {
    const piece = encodeFrame(CONTINUATION, 0, 1, Buffer.alloc(16_000));
    const { frames } = see(
      ["client", CLIENT_PREFACE],
      ["client", encodeFrame(HEADERS, 0, 1, REQUEST)],
      ...Array.from({ length: 20 }, () => ["client", piece] as const),
      ["client", encodeFrame(CONTINUATION, END_HEADERS, 1)],
      ["client", encodeFrame(HEADERS, END_HEADERS, 3, REQUEST)],
      ["client", encodeFrame(CONTINUATION, END_HEADERS, 5)],
    );
    assert.match(frames.at(-3)?.unreadable ?? "", /^it is 320028 bytes, of which no more than 262144 are read$/);
    assert.match(frames.at(-2)?.unreadable ?? "", /an earlier header block was too long/);
    assert.match(frames.at(-1)?.unreadable ?? "", /continues no header block/);
  });

  test("one side's SETTINGS say how large a table the other one may have", () => {
    const larger = encodeFrame(FrameType.SETTINGS, 0, 0, encodeSettings({ 1: 8192 }));
    // A change of the table's size to 8192, and a field.
    const block = encodeFrame(HEADERS, END_HEADERS, 1, Buffer.from("3fe13f82", "hex"));
    const without = see(["client", Buffer.concat([CLIENT_PREFACE, block])]);
    assert.match(without.frames[0]?.unreadable ?? "", /is to have 8192 bytes, 4096 are allowed/);
    const agreed = see(["server", larger], ["client", Buffer.concat([CLIENT_PREFACE, block])]);
    assert.equal(agreed.frames[1]?.fields?.[0]?.value, "GET");
  });

  for (const [what, from, text] of [
    ["a client of HTTP/1.1", "client", "GET / HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["a client of TLS", "client", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ["a server of HTTP/1.1", "server", "HTTP/1.1 400 Bad Request\r\n\r\n"],
  ] as const) {
    test(`${what} is foreign, once, and nothing more is told of it`, () => {
      const bytes = Buffer.from(text, "latin1");
      const { prefaces, frames, foreign } = see(...[...bytes].map((byte) => [from, Buffer.of(byte)] as const), [
        from,
        SETTINGS,
      ]);
      assert.equal(foreign.length, 1);
      assert.ok(`${from}: ${text}`.startsWith(foreign[0] ?? "?"));
      assert.deepEqual([prefaces, frames.length], [0, 0]);
    });
  }

  test("never throws, whatever passes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(11), fc.nat(255), fc.nat(4), fc.uint8Array({ maxLength: 40 })), { maxLength: 20 }),
        (raw) => {
          const bytes = Buffer.concat(raw.map((frame) => encodeFrame(...frame)));
          const { frames } = see(
            ["client", CLIENT_PREFACE],
            ["client", bytes],
            ["server", SETTINGS],
            ["server", bytes],
          );
          assert.equal(frames.length, 2 * raw.length + 1);
        },
      ),
    );
  });
});
