/**
 * What is printed of a connection: the documented captures with their facts, and bytes that no library would send.
 */
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { loadProto } from "../../../src/core.js";
import { ConnectionWatch, type Reading } from "../../../src/transport/inspect/connection-watch.js";
import type { Side } from "../../../src/transport/inspect/conversation.js";
import { Secrets } from "../../../src/transport/inspect/header-words.js";
import { LiveView, type LiveViewOptions } from "../../../src/transport/inspect/live-view.js";
import type { TypesOf } from "../../../src/transport/inspect/message-words.js";
import { OrderedOutput } from "../../../src/transport/inspect/ordered-output.js";
import { CLIENT_PREFACE, encodeFrame, encodeSettings, Flag, FrameType, uint32 } from "../../support/http2-frame.js";
import { encodeFields, type Field } from "../../support/http2-hpack.js";

type Passed = readonly [from: Side, bytes: Uint8Array];

const AT_MS = new Date(2026, 0, 2, 3, 4, 5, 6).getTime();

/** The lines that are printed of what passes, without the time and the connection's number. */
async function printed(
  passed: readonly Passed[],
  { reading, ...options }: Partial<LiveViewOptions> & { readonly reading?: Reading } = {},
): Promise<string[]> {
  let text = "";
  const out = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk);
      done();
    },
  });
  const output = new OrderedOutput(out);
  const view = new LiveView(output, {
    secrets: new Secrets(),
    hexBytes: 0,
    colour: false,
    typesOf: () => undefined,
    ...options,
  });
  const watch = new ConnectionWatch(7, (event) => view.hear(event), { reading });
  for (const [from, bytes] of passed) watch.push(from, bytes, AT_MS);
  watch.closed(AT_MS);
  await output.flushed();
  const lines = text.split("\n").map((line) => line.replace("03:04:05.006 [7] ", ""));
  assert.deepEqual(lines.splice(-2), ["closed", ""]);
  return [...lines, ""];
}

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

/** The frames of the documented capture of addOrder and getOrder, hexadecimal as printed there. */
const CAPTURE: readonly (readonly [Side, string])[] = [
  ["client", "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a"],
  ["server", "000006040000000000000500004000"],
  ["server", "000000040100000000"],
  ["client", "000000040000000000"],
  ["server", "00000408000000000000000039"],
  ["server", "0000080600000000000204101009 0e0707"],
  ["client", "000000040100000000"],
  [
    "client",
    "00004e01040000000183864597 60f6485b17d56485b340ea1cc5a4b52581c926ab242d9f418a089d5c0b8170dc7c007b5f8b1d75d0620d263d4c4d65647a8d9acac8b4c7602bb4d2e15a42f740027465864d833505b11f",
  ],
  [
    "client",
    "00003900010000000100000000340a0331303112096950686f6e65205853120c4d616320426f6f6b2050726f2500c00f452a0f0a0d546f6d2c205368616e67686169",
  ],
  ["client", "00000806010000000002041010090e0707"],
  ["server", "00000e010400000001885f8b1d75d0620d263d4c4d6564"],
  ["server", "00001700000000000100000000120a104f726465722041646465643a20313031"],
  ["server", "000018010500000001 40889acac8b21234da8f013040899acac8b5254207317f00"],
  ["client", "00000408000000000000000017"],
  ["client", "00001f01040000000383864597 60f6485b17d56485b340ea1cc5a4b525898a9d56485b3fc2c1c0bf"],
  ["client", "00000a00010000000300000000050a03313031"],
  ["server", "00000201040000000388c0"],
  [
    "server",
    "00003900000000000300000000340a0331303112096950686f6e65205853120c4d616320426f6f6b2050726f2500c00f452a0f0a0d546f6d2c205368616e67686169",
  ],
  ["server", "000002010500000003bfbe"],
];

const capture = CAPTURE.map(([from, hex]): Passed => [from, Buffer.from(hex.replaceAll(" ", ""), "hex")]);

/** The types of the documented service, as they were when it was captured. */
function capturedTypes(): TypesOf {
  const path = fileURLToPath(new URL("../../golden/order-as-captured.proto", import.meta.url));
  const { methods } = loadProto(path).service("order.OrderManagement");
  return (called) => Object.values(methods).find((method) => method.path === called);
}

describe("The documented capture", () => {
  test("comes out with the same facts, and with the names of the fields", async () => {
    const lines = await printed(capture, { typesOf: capturedTypes() });
    assert.deepEqual(lines.slice(0, 23), [
      "client → server  the preface of HTTP/2, 24 bytes",
      "client ← server  SETTINGS, 6 bytes",
      "    MAX_FRAME_SIZE 16384 (the longest payload of a frame that is taken, in bytes)",
      "client ← server  SETTINGS ACK, 0 bytes",
      "    the other side's settings are in force",
      "client → server  SETTINGS, 0 bytes",
      "    nothing but the defaults",
      "client ← server  WINDOW_UPDATE, 4 bytes",
      "    the client may send 57 bytes more on the connection",
      "client ← server  PING, 8 bytes, 02041010090e0707",
      "    are you there?",
      "client → server  SETTINGS ACK, 0 bytes",
      "    the other side's settings are in force",
      "client → server  HEADERS stream 1 END_HEADERS, 78 bytes",
      "    :method: POST",
      "    :scheme: http",
      "    :path: /order.OrderManagement/addOrder",
      "    :authority: 127.0.0.1:9008",
      "    content-type: application/grpc",
      "    user-agent: grpc-go/1.44.1-dev",
      "    te: trailers",
      "client → server  DATA stream 1 END_STREAM, 57 bytes",
      "client → server  stream 1 message 1, 52 bytes: order.Order",
    ]);
    assert.deepEqual(lines.slice(23, 45), [
      '    id: "101"',
      '    items: "iPhone XS"',
      '    items: "Mac Book Pro"',
      "    price: 2300",
      "    addresses {",
      '      address: "Tom, Shanghai"',
      "    }",
      "client → server  PING ACK, 8 bytes, 02041010090e0707",
      "    the answer to a PING with the same bytes",
      "client ← server  HEADERS stream 1 END_HEADERS, 14 bytes",
      "    :status: 200",
      "    content-type: application/grpc",
      "client ← server  DATA stream 1, 23 bytes",
      "client ← server  stream 1 message 1, 18 bytes: google.protobuf.StringValue",
      '    value: "Order Added: 101"',
      "client ← server  HEADERS stream 1 END_STREAM END_HEADERS, 24 bytes",
      "    grpc-status: 0 (OK)",
      "    grpc-message: ",
      "stream 1 /order.OrderManagement/addOrder ended OK after 0.0 ms",
      "client → server  WINDOW_UPDATE, 4 bytes",
      "    the server may send 23 bytes more on the connection",
      "client → server  HEADERS stream 3 END_HEADERS, 31 bytes",
    ]);
    // What the documented tool has lost by its second call: the dynamic table.
    const second = lines.slice(45).join("\n");
    assert.match(second, /:path: \/order.OrderManagement\/getOrder\n {4}:authority: 127.0.0.1:9008\n/);
    assert.match(second, /user-agent: grpc-go\/1.44.1-dev\n {4}te: trailers\n/);
    assert.match(second, /:status: 200\n {4}content-type: application\/grpc\n/);
    assert.match(
      second,
      /grpc-status: 0 \(OK\)\n {4}grpc-message: \nstream 3 \/order.OrderManagement\/getOrder ended OK/,
    );
  });

  test("comes out with its bytes, and without a schema with values that the documented tool does not print", async () => {
    const text = (await printed(capture, { hexBytes: 256 })).join("\n");
    for (const line of [
      "00000000  50 52 49 20 2a 20 48 54  54 50 2f 32 2e 30 0d 0a  |PRI * HTTP/2.0..|",
      "00000010  0d 0a 53 4d 0d 0a 0d 0a                           |..SM....|",
      "00000000  00 00 06 04 00 00 00 00  00 00 05 00 00 40 00     |.............@.|",
      "00000050  86 4d 83 35 05 b1 1f                              |.M.5...|",
      "00000030  45 2a 0f 0a 0d 54 6f 6d  2c 20 53 68 61 6e 67 68  |E*...Tom, Shangh|",
      '#2: text "iPhone XS"',
      "#4: fixed32 1158660096 (float 2300)",
      "#5: message {",
      '  #1: text "Tom, Shanghai"',
    ]) {
      assert.ok(text.includes(`    ${line}\n`), line);
    }
  });

  test("comes out the same when its bytes are cut anywhere", async () => {
    const whole = await printed(capture);
    const bytewise = capture.flatMap(([from, bytes]) => [...bytes].map((byte): Passed => [from, Buffer.of(byte)]));
    assert.deepEqual(await printed(bytewise), whole);
  });

  test("is frames alone where calls are not wanted", async () => {
    const text = (await printed(capture, { reading: "frames" })).join("\n");
    assert.doesNotMatch(text, /message 1|ended/);
    assert.match(text, /:path: \/order.OrderManagement\/getOrder/);
  });
});

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
