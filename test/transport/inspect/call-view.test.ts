/**
 * Calls as blocks: the documented captures, times and waits, and calls that never end.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CallView, type CallViewOptions } from "../../../src/transport/inspect/call-view.js";
import { ConnectionWatch } from "../../../src/transport/inspect/connection-watch.js";
import { Secrets } from "../../../src/transport/inspect/header-words.js";
import type { Hear } from "../../../src/transport/inspect/wire-event.js";
import { CAPTURED } from "../../golden/captured-frames.js";
import { CLIENT_PREFACE, encodeFrame, Flag, FrameType, uint32 } from "../../support/http2-frame.js";
import { encodeFields, type Field } from "../../support/http2-hpack.js";
import { AT_MS, capturedTypes, type Passed, passedIn, printedBy, watch } from "../../support/inspected.js";

const { DATA, GOAWAY, HEADERS, RST_STREAM, WINDOW_UPDATE } = FrameType;
const { END_HEADERS, END_STREAM } = Flag;

/** The lines that are printed, without those of the connection. */
async function blocks(
  tell: readonly Passed[] | ((hear: Hear) => void),
  options: Partial<CallViewOptions> = {},
  maxLines?: number,
): Promise<string[]> {
  const text = await printedBy((output) => {
    const all = { secrets: new Secrets(), colour: false, typesOf: () => undefined, ...options };
    const view = new CallView(output, all, maxLines);
    const hear: Hear = (event) => view.hear(event);
    if (typeof tell === "function") tell(hear);
    else watch(hear, tell);
  });
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.replace("03:04:05.006 [7] ", ""))
    .filter((line) => !/^(?:\S+ \[7\] )?(?:accepted|connected|closed)/.test(line));
}

const OPENED: Passed = ["client", CLIENT_PREFACE];
const HELLO: Passed = ["server", encodeFrame(FrameType.SETTINGS, 0, 0)];

function request(streamId = 1, afterMs = 0, more: readonly Field[] = []): Passed {
  const fields = encodeFields([
    [":method", "POST"],
    [":path", "/a.B/C"],
    ["content-type", "application/grpc"],
    ...more,
  ]);
  return ["client", encodeFrame(HEADERS, END_HEADERS, streamId, fields), afterMs];
}

function answer(fields: readonly Field[], afterMs = 0, flags = 0): Passed {
  return ["server", encodeFrame(HEADERS, END_HEADERS | flags, 1, encodeFields(fields)), afterMs];
}

function data(from: Passed[0], bytes: Uint8Array, afterMs = 0, flags = 0): Passed {
  return [from, encodeFrame(DATA, flags, 1, bytes), afterMs];
}

function message(from: Passed[0], bytes: Uint8Array, afterMs = 0, flags = 0): Passed {
  return data(from, Buffer.concat([Buffer.of(0), uint32(bytes.length), bytes]), afterMs, flags);
}

describe("CallView", () => {
  test("shows the documented capture of processOrders", async () => {
    const lines = await blocks(passedIn(CAPTURED.processOrders), { typesOf: capturedTypes() });
    assert.deepEqual(lines, [
      "stream 1 /order.OrderManagement/processOrders ended OK after 0.0 ms",
      "          0.0 ms  →  headers: user-agent: grpc-go/1.44.1-dev",
      '          0.0 ms  →  message 1, 5 bytes: google.protobuf.StringValue: value: "101"',
      '          0.0 ms  →  message 2, 5 bytes: google.protobuf.StringValue: value: "102"',
      "          0.0 ms  →  no more requests",
      "          0.0 ms  ←  headers",
      "          0.0 ms  ←  first byte",
      '          0.0 ms  ←  message 1, 88 bytes: order.CombinedShipment: id: "cmb - Mike, Shanghai" status: "Processed!" orderList { id: "101" items: "Oppo" items: "samung" description: "A with B" price: 2400 addresses { address: "Mike, Shanghai" } }',
      '          0.0 ms  ←  message 2, 97 bytes: order.CombinedShipment: id: "cmb - Sam, Beijing" status: "Processed!" orderList { id: "102" items: "iPhone XS" items: "Mac Book Pro" description: "C with D" price: 2500 addresses { address: "Sam, Beijing" type: WORK } }',
      "          0.0 ms  ←  trailers: grpc-status: 0 (OK), grpc-message:",
      "    sent 2 messages of 10 bytes, received 2 messages of 185 bytes",
    ]);
  });

  test("says when everything passed, and puts each silence down to who ended it", async () => {
    const lines = await blocks([
      OPENED,
      HELLO,
      request(),
      message("client", Buffer.from([8, 1]), 2),
      answer(
        [
          [":status", "200"],
          ["content-type", "application/grpc"],
        ],
        30,
      ),
      data("server", Buffer.from([0, 0, 0, 0, 2, 8]), 40),
      data("server", Buffer.from([1]), 5),
      message("client", Buffer.from([8, 2]), 100, END_STREAM),
      answer(
        [
          ["grpc-status", "5"],
          ["grpc-message", "none"],
        ],
        3,
        END_STREAM,
      ),
    ]);
    assert.deepEqual(lines, [
      'stream 1 /a.B/C ended NOT_FOUND "none" after 180.0 ms',
      "          0.0 ms  →  headers",
      "          2.0 ms  →  message 1, 2 bytes: #1: varint 1 (true)",
      "         32.0 ms  ←  headers",
      "         72.0 ms  ←  first byte",
      "         77.0 ms  ←  message 1, 2 bytes: #1: varint 1 (true)",
      "        177.0 ms  →  message 2, 2 bytes: #1: varint 2 (zigzag 1)",
      "        177.0 ms  →  no more requests",
      "        180.0 ms  ←  trailers: grpc-status: 5 (NOT_FOUND), grpc-message: none",
      "    sent 2 messages of 4 bytes, received 1 message of 2 bytes",
      "    waited for the client 102.0 ms (2 times, longest 100.0 ms), for the server 78.0 ms (4 times, longest 40.0 ms)",
    ]);
  });

  test("says who had no room, on the stream and on the connection", async () => {
    const lines = await blocks([
      OPENED,
      HELLO,
      request(),
      answer([[":status", "200"]], 1),
      data("server", Buffer.concat([Buffer.of(0), uint32(70_000), Buffer.alloc(65_530)]), 1),
      ["client", encodeFrame(WINDOW_UPDATE, 0, 1, uint32(5000)), 20],
      ["client", encodeFrame(WINDOW_UPDATE, 0, 0, uint32(5000)), 10],
      data("server", Buffer.alloc(4470), 1),
      ["client", encodeFrame(RST_STREAM, 0, 1, uint32(8)), 1],
      ["server", encodeFrame(GOAWAY, 0, 0, Buffer.concat([uint32(1), uint32(0)]))],
    ]);
    assert.deepEqual(lines, [
      "03:04:05.038 [7] the server had no room to send on the connection for 30.0 ms",
      "stream 1 /a.B/C ended by a reset of the client (CANCEL) after 34.0 ms",
      "          0.0 ms  →  headers",
      "          1.0 ms  ←  headers",
      "          2.0 ms  ←  first byte",
      "          2.0 ms     the server has used up its room on the stream",
      "         22.0 ms     the server has room again, after 20.0 ms",
      `         33.0 ms  ←  message 1, 70000 bytes: ${"00".repeat(32)}`,
      "         34.0 ms  →  RST_STREAM stream 1, 4 bytes, CANCEL",
      "    sent 0 messages of 0 bytes, received 1 message of 70000 bytes",
      "    waited for the client 21.0 ms (2 times, longest 20.0 ms), for the server 13.0 ms (3 times, longest 11.0 ms)",
      "    without room to send on the stream: the server 20.0 ms",
      "03:04:05.040 [7] the server: GOAWAY, 8 bytes, NO_ERROR, last stream 1",
    ]);
  });

  test("hides secrets, and what strangers write moves no cursor", async () => {
    const evil: readonly Field[] = [
      ["authorization", "Bearer abc"],
      ["x-key-bin", "YWJj"],
      ["x-evil", "\u001b[2J\nforged"],
    ];
    const passed: readonly Passed[] = [
      OPENED,
      HELLO,
      request(1, 0, evil),
      message("client", Buffer.from("0a031b5b4a", "hex")),
      answer(
        [
          ["grpc-status", "16"],
          ["x-key", "abc"],
          ["cookie", "abc"],
        ],
        0,
        END_STREAM,
      ),
    ];
    const text = (await blocks(passed, { secrets: new Secrets({ more: ["x-key"] }) })).join("\n");
    assert.doesNotMatch(text, /abc|YWJj/);
    assert.match(text, /headers: authorization: \*\*\*, x-key-bin: \*\*\*, x-evil: \\u001b\[2J\\u000aforged\n/);
    assert.match(text, /trailers: grpc-status: 16 \(UNAUTHENTICATED\), x-key: \*\*\*, cookie: \*\*\*\n/);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f]/);
    const painted = (await blocks(passed, { colour: true })).join("\n");
    assert.ok(painted.includes("ended \u001b[31mUNAUTHENTICATED\u001b[0m after"));
  });

  test("keeps the beginning and the end of a call that goes on and on", async () => {
    const many = Array.from({ length: 500 }, () => message("client", Buffer.from([8, 1]), 1));
    const lines = await blocks([OPENED, HELLO, request(), ...many]);
    assert.equal(lines.length, 1 + 30 + 1 + 30 + 2);
    assert.match(lines[30] ?? "", /29\.0 ms {2}→ {2}message 29,/);
    assert.equal(lines[31], "    … 441 lines left out");
    assert.match(lines[32] ?? "", /471\.0 ms {2}→ {2}message 471,/);
    assert.match(lines[61] ?? "", /500\.0 ms {2}→ {2}message 500,/);
    assert.match(lines[62] ?? "", /sent 500 messages of 1000 bytes/);
  });

  test("keeps no more of thousands of calls than of a few, and has room again when they end", async () => {
    const lines = await blocks(
      (hear) => {
        for (const number of [1, 2]) {
          const connection = new ConnectionWatch(number, hear);
          connection.push("client", CLIENT_PREFACE, AT_MS);
          for (let streamId = 1; streamId < 2000; streamId += 2) connection.push("client", request(streamId)[1], AT_MS);
          connection.closed(AT_MS);
        }
      },
      {},
      // Room is given back when a block is written, which the second connection comes before.
      1500,
    );
    assert.equal(lines.filter((line) => line.includes("ended with its connection")).length, 2000);
    assert.equal(lines.filter((line) => line.endsWith("→  headers")).length, 1500);
    assert.equal(lines.filter((line) => line.endsWith("… 1 lines left out")).length, 500);
  });

  test("shows a message whose type is still asked for in its place", async () => {
    let learnt: (types: undefined) => void = () => undefined;
    const types = new Promise<undefined>((resolve) => (learnt = resolve));
    const lines = blocks([OPENED, HELLO, request(), message("client", Buffer.from([8, 1]))], { typesOf: () => types });
    learnt(undefined);
    assert.match((await lines)[2] ?? "", /message 1, 2 bytes: #1: varint 1 \(true\)$/);
  });

  test("says what cannot be read: messages, headers, and a side that speaks something else", async () => {
    const text = (
      await blocks([
        OPENED,
        ["server", Buffer.from("HTTP/1.1 400 Bad Request\r\n")],
        request(),
        data("client", Buffer.from("<html>")),
        ["client", encodeFrame(HEADERS, END_HEADERS, 1, Buffer.of(0xff))],
      ])
    ).join("\n");
    assert.match(
      text,
      /passed on unread what the server says, as it is no HTTP\/2; it begins with "HTTP\/1\.1 400 Bad Request"/,
    );
    assert.match(text, /→ {2}no more messages can be read: the flag in front of a message must be 0 or 1, and is 60/);
    assert.match(text, /→ {2}headers that cannot be read: /);
  });
});
