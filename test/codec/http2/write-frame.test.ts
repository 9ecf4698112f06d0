/**
 * Frames that are written, read back.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FrameDecoder, parseFrame } from "../../../src/codec/http2/frame.js";
import { HpackDecoder, type HeaderField } from "../../../src/codec/http2/hpack.js";
import {
  writeFrame,
  writeGoaway,
  writeHeaders,
  writeReset,
  writeWindowUpdate,
} from "../../../src/codec/http2/write-frame.js";

const plain = "plain" as const;

describe("frames that are written", () => {
  const read = (bytes: Buffer): unknown[] => new FrameDecoder().push(bytes).map((raw) => parseFrame(raw));

  test("say what they were to say", () => {
    assert.deepEqual(read(writeReset(7, "CANCEL")), [{ type: "RST_STREAM", streamId: 7, code: 8 }]);
    assert.deepEqual(
      read(writeGoaway(5, "ENHANCE_YOUR_CALM")),
      [{ type: "GOAWAY", lastStreamId: 5, code: 11, debug: new Uint8Array(0) }].map((one) => ({
        ...one,
        debug: Buffer.alloc(0),
      })),
    );
    assert.deepEqual(read(writeWindowUpdate(0, 65_536)), [{ type: "WINDOW_UPDATE", streamId: 0, increment: 65_536 }]);
    assert.equal(
      writeFrame("PING", 1, 0, Buffer.from("12345678")).toString("latin1"),
      "\0\0\x08\x06\x01\0\0\0\x0012345678",
    );
    assert.equal(writeFrame(200, 0, 0x7fff_ffff).toString("hex"), "000000c8007fffffff");
  });
});

describe("writeHeaders", () => {
  const fields: HeaderField[] = [
    { name: ":status", value: "200", representation: plain },
    { name: "x-secret", value: "s".repeat(40_000), representation: "never-indexed" },
    { name: "x-bytes", value: "\u00ff\u0080", representation: plain },
    { name: "x-127", value: "v".repeat(127), representation: plain },
    { name: "x-empty", value: "", representation: plain },
  ];

  test("goes on in CONTINUATION frames where it must, and reads as it was", () => {
    const frames = new FrameDecoder().push(writeHeaders(3, fields, true)).map((raw) => parseFrame(raw));
    assert.deepEqual(
      frames.map((frame) => [
        frame.type,
        "streamId" in frame && frame.streamId,
        "endsHeaders" in frame && frame.endsHeaders,
      ]),
      [
        ["HEADERS", 3, false],
        ["CONTINUATION", 3, false],
        ["CONTINUATION", 3, true],
      ],
    );
    assert.equal(frames[0]?.type === "HEADERS" && frames[0].endsStream, true);
    const block = Buffer.concat(frames.map((frame) => ("fragment" in frame ? frame.fragment : Buffer.alloc(0))));
    assert.deepEqual(new HpackDecoder().decode(block), fields);
  });

  test("needs nothing of its reader's table, and leaves it empty", () => {
    const decoder = new HpackDecoder();
    decoder.decode(Buffer.from("4003616263037879 7a".replace(" ", ""), "hex"));
    assert.notEqual(decoder.tableBytes, 0);
    const [raw] = new FrameDecoder().push(writeHeaders(1, [{ name: "a", value: "b", representation: plain }], false));
    decoder.decode(raw?.payload ?? Buffer.alloc(0));
    assert.equal(decoder.tableBytes, 0);
  });
});
