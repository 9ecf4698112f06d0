/**
 * What is printed of a connection: what frames mean, what is hidden, and bytes that no library would send.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Side } from "../../../src/transport/inspect/conversation.js";
import { Secrets } from "../../../src/transport/inspect/header-words.js";
import { CLIENT_PREFACE, encodeFrame, encodeSettings, Flag, FrameType, uint32 } from "../../support/http2-frame.js";
import { encodeFields, type Field } from "../../support/http2-hpack.js";
import { capturedTypes, type Passed, printedLive as printed } from "../../support/inspected.js";

const PREFACE: Passed = ["client", CLIENT_PREFACE];
const HELLO: Passed = ["server", encodeFrame(FrameType.SETTINGS, 0, 0)];
const REQUEST: readonly Field[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/a.B/C"],
  ["content-type", "application/grpc"],
];

function headers(from: Side, fields: readonly Field[], flags = 0): Passed {
  return [from, encodeFrame(FrameType.HEADERS, Flag.END_HEADERS | flags, 1, encodeFields(fields))];
}

function message(from: Side, bytes: Uint8Array, flag = 0): Passed {
  return [from, encodeFrame(FrameType.DATA, 0, 1, Buffer.concat([Buffer.of(flag), uint32(bytes.length), bytes]))];
}

describe("LiveView", () => {
  test("hides secrets in headers and in their bytes, in parts of blocks, too, unless it is told otherwise", async () => {
    const secret: readonly Field[] = [...REQUEST, ["authorization", "Bearer abc"], ["x-key", "abc"], ["cookie", "abc"]];
    const block = encodeFields(secret);
    const inParts: Passed = [
      "client",
      Buffer.concat([
        encodeFrame(FrameType.HEADERS, 0, 3, block.subarray(0, 20)),
        encodeFrame(FrameType.CONTINUATION, Flag.END_HEADERS, 3, block.subarray(20)),
      ]),
    ];
    const passed = [PREFACE, headers("client", secret), inParts];
    const text = (await printed(passed, { hexBytes: 256, secrets: new Secrets({ more: ["X-Key"] }) })).join("\n");
    assert.doesNotMatch(text, /abc|61 62 63/);
    assert.equal(text.split("authorization: ***\n    x-key: ***\n    cookie: ***").length, 3);
    assert.equal(text.split("its bytes may hold a secret").length, 4);
    const all = (await printed(passed, { hexBytes: 256, secrets: new Secrets({ showAll: true }) })).join("\n");
    assert.match(all, /authorization: Bearer abc\n {4}x-key: abc\n {4}cookie: abc\n/);
    assert.match(all, /\|.*authorization|authoriz/);
  });

  test("escapes what would drive a terminal, and cuts what is long", async () => {
    const evil: readonly Field[] = [...REQUEST, ["x-evil", "\u001b[2J\r\nforged"], ["x-long", "y".repeat(5000)]];
    const goaway = Buffer.concat([uint32(1), uint32(11), Buffer.from("\u001b]0;pwned\u0007\nline")]);
    const text = (
      await printed([
        PREFACE,
        HELLO,
        headers("client", evil),
        message("client", Buffer.from([0x0a, 4, 0x1b, 0x5b, 0x32, 0x4a])),
        ["server", encodeFrame(FrameType.GOAWAY, 0, 0, goaway)],
      ])
    ).join("\n");
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f]/);
    assert.match(text, /x-evil: \\u001b\[2J\\u000d\\u000aforged/);
    assert.match(text, /y… \(5000 characters\)/);
    assert.match(text, /GOAWAY, \d+ bytes, ENHANCE_YOUR_CALM, last stream 1\n.*no new streams.*asks for too much\n/);
    assert.match(text, /streams above 1 were not looked at.*\n.*it says "\\u001b\]0;pwned\\u0007\\u000aline"/);
  });

  test("says in words what resets, malformed and unknown frames mean", async () => {
    const text = (
      await printed([
        PREFACE,
        HELLO,
        headers("client", REQUEST),
        ["client", encodeFrame(FrameType.RST_STREAM, 0, 1, uint32(8))],
        ["client", encodeFrame(FrameType.PING, 0, 0, Buffer.alloc(3))],
        ["client", encodeFrame(0x2a, 0x41, 5, Buffer.alloc(1))],
        ["client", encodeFrame(FrameType.DATA, Flag.PADDED | Flag.END_STREAM, 9, Buffer.of(2, 65, 0, 0))],
        ["client", encodeFrame(FrameType.SETTINGS, 0, 0, encodeSettings({ 3: 5, 99: 1 }))],
      ])
    ).join("\n");
    assert.match(text, /RST_STREAM stream 1, 4 bytes, CANCEL\n {4}stream 1 ends here: it is not wanted any more\n/);
    assert.match(text, /stream 1 \/a.B\/C ended by a reset of the client \(CANCEL\) after/);
    assert.match(text, /PING, 3 bytes\n {4}breaks the rules: its payload must be 8 bytes: there are 3/);
    assert.match(text, /frame of the unknown type 0x2a stream 5 0x41, 1 byte\n/);
    assert.match(text, /DATA stream 9 END_STREAM PADDED, 4 bytes, 3 of them padding\n/);
    assert.match(text, /MAX_CONCURRENT_STREAMS 5 \(calls the other side .*\n {4}0x63 1\n/);
  });

  test("opens compressed messages, decodes binary metadata and statuses", async () => {
    const zipped = gzipSync(Buffer.from([0x08, 0x96, 0x01]));
    const answer: readonly Field[] = [
      [":status", "200"],
      ["content-type", "application/grpc"],
      ["grpc-encoding", "gzip"],
      ["x-text-bin", Buffer.from("bare").toString("base64")],
      ["x-raw-bin", Buffer.from([0xff, 0]).toString("base64")],
    ];
    const status: readonly Field[] = [
      ["grpc-status", "5"],
      ["grpc-message", "no%20%E2%98%BA"],
    ];
    const text = (
      await printed([
        PREFACE,
        HELLO,
        headers("client", [...REQUEST, ["grpc-timeout", "2S"]]),
        headers("server", answer),
        message("server", zipped, 1),
        message("server", Buffer.from("nonsense"), 1),
        headers("server", status, Flag.END_STREAM),
      ])
    ).join("\n");
    assert.match(text, /grpc-timeout: 2S \(2000 ms\)\n/);
    assert.match(text, /x-text-bin: YmFyZQ==\n {4} {2}= "bare"\n {4}x-raw-bin: \/wA=\n {4} {2}= ff 00\n/);
    assert.match(text, /message 1, \d+ bytes of gzip, 3 plain\n {4}#1: varint 150 \(zigzag 75\)\n/);
    assert.match(text, /message 2, 8 bytes of gzip\n {4}it cannot be made plain: incorrect header check\n/);
    assert.match(text, /grpc-status: 5 \(NOT_FOUND\)\n {4}grpc-message: no%20%E2%98%BA \(no ☺\)\n/);
    assert.match(text, /stream 1 \/a.B\/C ended NOT_FOUND "no ☺" after/);
  });

  test("says who had no room, what of a call cannot be read, and what a binary value may mean", async () => {
    const window = Buffer.concat([Buffer.of(0), uint32(70_000), Buffer.alloc(65_530)]);
    const text = (
      await printed([
        PREFACE,
        HELLO,
        headers("client", [...REQUEST, ["x-msg-bin", "CJYB"], ["x-raw-bin", "/wA="]]),
        ["client", encodeFrame(FrameType.DATA, 0, 1, window)],
        ["server", encodeFrame(FrameType.WINDOW_UPDATE, 0, 1, uint32(9))],
        ["server", encodeFrame(FrameType.WINDOW_UPDATE, 0, 0, uint32(9))],
        ["server", encodeFrame(FrameType.DATA, 0, 1, Buffer.from("<html>"))],
      ])
    ).join("\n");
    assert.match(text, / {4}x-msg-bin: CJYB\n {6}= message\n {8}#1: varint 150 \(zigzag 75\)\n/);
    assert.match(text, /\nthe client had no room to send on stream 1 for 0\.0 ms\n/);
    assert.match(text, /\nthe client had no room to send on the connection for 0\.0 ms\n/);
    assert.match(text, /client ← server {2}stream 1: no more messages can be read: the flag in front .* is 60\n/);
  });

  test("hides secrets of trailers and of binary ones, too", async () => {
    const trailers: readonly Field[] = [
      ["grpc-status", "16"],
      ["grpc-message", "abc"],
      ["x-key-bin", "YWJj"],
      ["set-cookie", "abc"],
    ];
    const secrets = new Secrets({ more: ["x-key", "grpc-message"] });
    const passed = [PREFACE, HELLO, headers("client", REQUEST), headers("server", trailers, Flag.END_STREAM)];
    const text = (await printed(passed, { secrets, hexBytes: 256 })).join("\n");
    assert.doesNotMatch(text, /abc|YWJj/);
    assert.match(text, /grpc-message: \*\*\*\n {4}x-key-bin: \*\*\*\n {4}set-cookie: \*\*\*\n/);
    assert.match(text, /ended UNAUTHENTICATED "\*\*\*" after/);
  });

  test("bounds what a small message becomes", async () => {
    const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024));
    const fields = Buffer.concat(Array.from({ length: 5000 }, () => Buffer.from([0x08, 1])));
    const lines = await printed([
      PREFACE,
      headers("client", [...REQUEST, ["grpc-encoding", "gzip"]]),
      message("client", bomb, 1),
      message("client", fields),
    ]);
    const text = lines.join("\n");
    assert.match(text, /it is more than 1048576 bytes when it is plain, which are not shown/);
    assert.match(text, /… and 4800 lines more/);
    assert.ok(lines.length < 300, String(lines.length));
  });

  test("tells of a message that is not of the type it should be, and guesses", async () => {
    const text = (
      await printed(
        [
          PREFACE,
          headers("client", [
            ...REQUEST.slice(0, 2),
            [":path", "/order.OrderManagement/addOrder"],
            ...REQUEST.slice(3),
          ]),
          message("client", Buffer.from([0x0a, 1, 0xff])),
        ],
        { typesOf: capturedTypes() },
      )
    ).join("\n");
    assert.match(text, /it is no order.Order: .*\n {4}#1: bytes ff\n/);
  });

  test("keeps the order while it learns what a message is", async () => {
    let learnt: (types: undefined) => void = () => undefined;
    const types = new Promise<undefined>((resolve) => (learnt = resolve));
    const lines = printed([PREFACE, headers("client", REQUEST), message("client", Buffer.from([8, 1])), HELLO], {
      typesOf: () => types,
    });
    learnt(undefined);
    const heads = (await lines).filter((line) => !line.startsWith(" "));
    assert.deepEqual(heads.slice(2), [
      "client → server  DATA stream 1, 7 bytes",
      "client → server  stream 1 message 1, 2 bytes",
      "client ← server  SETTINGS, 0 bytes",
      "stream 1 /a.B/C ended with its connection after 0.0 ms",
      "",
    ]);
  });

  test("says so when a side speaks something else", async () => {
    assert.deepEqual(
      await printed([
        ["client", Buffer.from("GET /\u001b HTTP/1.1\r\nAuthorization: Bearer abc\r\n\r\n")],
        ["server", Buffer.from([0x16, 3, 1, 0])],
      ]),
      [
        `client → server  passed on unread, as it is no HTTP/2; it begins with "GET /\\u001b HTTP/1.1"`,
        "client ← server  passed on unread, as it is TLS",
        "",
      ],
    );
  });

  test("paints lines where colour is wanted", async () => {
    const [first] = await printed([PREFACE], { colour: true });
    assert.equal(first, "\u001b[36mclient → server\u001b[0m  the preface of HTTP/2, 24 bytes");
  });
});
