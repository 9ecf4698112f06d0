/**
 * The documented captures, seen by the inspector: the same facts come out, and those that the documented tool cannot tell.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CAPTURED } from "./captured-frames.js";
import { capturedTypes, type Passed, passedIn, printedLive as printed } from "../support/inspected.js";

const capture = passedIn(CAPTURED.addOrder);

describe("The documented capture of addOrder and getOrder", () => {
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
      "client → server  PING, 8 bytes, 02041010090e0707",
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

/** The lines of a capture from its first HEADERS on, without frames that are not about the call. */
async function ofTheCall(name: "updateOrders" | "searchOrders" | "processOrders"): Promise<string[]> {
  const lines = await printed(passedIn(CAPTURED[name]), { typesOf: capturedTypes() });
  const blocks = lines.join("\n").split(/\n(?! )/);
  return blocks
    .filter((block) => block.includes("stream 1"))
    .join("\n")
    .split("\n");
}

function requestLines(method: string, bytes: number): string[] {
  return [
    `client → server  HEADERS stream 1 END_HEADERS, ${bytes} bytes`,
    "    :method: POST",
    "    :scheme: http",
    `    :path: /order.OrderManagement/${method}`,
    "    :authority: 127.0.0.1:9008",
    "    content-type: application/grpc",
    "    user-agent: grpc-go/1.44.1-dev",
    "    te: trailers",
  ];
}

const ANSWER = [
  "client ← server  HEADERS stream 1 END_HEADERS, 14 bytes",
  "    :status: 200",
  "    content-type: application/grpc",
];

function trailerLines(method: string): string[] {
  return [
    "client ← server  HEADERS stream 1 END_STREAM END_HEADERS, 24 bytes",
    "    grpc-status: 0 (OK)",
    "    grpc-message: ",
    `stream 1 /order.OrderManagement/${method} ended OK after 0.0 ms`,
  ];
}

/** The two orders of the captures, as they are printed at some depth. */
const ORDERS = [
  [
    'id: "101"',
    'items: "Oppo"',
    'items: "samung"',
    'description: "A with B"',
    "price: 2400",
    "addresses {",
    '  address: "Mike, Shanghai"',
    "}",
  ],
  [
    'id: "102"',
    'items: "iPhone XS"',
    'items: "Mac Book Pro"',
    'description: "C with D"',
    "price: 2500",
    "addresses {",
    '  address: "Sam, Beijing"',
    "  type: WORK",
    "}",
  ],
] as const;

function orderLines(index: 0 | 1, indent: string): string[] {
  return ORDERS[index].map((line) => indent + line);
}

describe("The documented captures of streams come out with the same facts, and with the names of the fields", () => {
  test("client streaming: updateOrders, which ends its requests with an empty DATA frame", async () => {
    assert.deepEqual(await ofTheCall("updateOrders"), [
      ...requestLines("updateOrders", 80),
      "client → server  DATA stream 1, 57 bytes",
      "client → server  stream 1 message 1, 52 bytes: order.Order",
      ...orderLines(0, "    "),
      "client → server  DATA stream 1, 68 bytes",
      "client → server  stream 1 message 2, 63 bytes: order.Order",
      ...orderLines(1, "    "),
      "client → server  DATA stream 1 END_STREAM, 0 bytes",
      ...ANSWER,
      "client ← server  DATA stream 1, 54 bytes",
      "client ← server  stream 1 message 1, 49 bytes: google.protobuf.StringValue",
      '    value: "Orders processed Updated Order IDs : 101, 102, "',
      ...trailerLines("updateOrders"),
    ]);
  });

  test("server streaming: searchOrders", async () => {
    assert.deepEqual(await ofTheCall("searchOrders"), [
      ...requestLines("searchOrders", 80),
      "client → server  DATA stream 1 END_STREAM, 13 bytes",
      "client → server  stream 1 message 1, 8 bytes: google.protobuf.StringValue",
      '    value: "iPhone"',
      ...ANSWER,
      "client ← server  DATA stream 1, 68 bytes",
      "client ← server  stream 1 message 1, 63 bytes: order.Order",
      ...orderLines(1, "    "),
      ...trailerLines("searchOrders"),
    ]);
  });

  test("both: processOrders", async () => {
    assert.deepEqual(await ofTheCall("processOrders"), [
      ...requestLines("processOrders", 81),
      "client → server  DATA stream 1, 10 bytes",
      "client → server  stream 1 message 1, 5 bytes: google.protobuf.StringValue",
      '    value: "101"',
      "client → server  DATA stream 1, 10 bytes",
      "client → server  stream 1 message 2, 5 bytes: google.protobuf.StringValue",
      '    value: "102"',
      "client → server  DATA stream 1 END_STREAM, 0 bytes",
      ...ANSWER,
      "client ← server  DATA stream 1, 93 bytes",
      "client ← server  stream 1 message 1, 88 bytes: order.CombinedShipment",
      '    id: "cmb - Mike, Shanghai"',
      '    status: "Processed!"',
      "    orderList {",
      ...orderLines(0, "      "),
      "    }",
      "client ← server  DATA stream 1, 102 bytes",
      "client ← server  stream 1 message 2, 97 bytes: order.CombinedShipment",
      '    id: "cmb - Sam, Beijing"',
      '    status: "Processed!"',
      "    orderList {",
      ...orderLines(1, "      "),
      "    }",
      ...trailerLines("processOrders"),
    ]);
  });

  test("what is about the connection comes out, too: settings, windows and pings", async () => {
    const text = (await printed(passedIn(CAPTURED.processOrders))).join("\n");
    for (const line of [
      "MAX_FRAME_SIZE 16384 (the longest payload of a frame that is taken, in bytes)",
      "the server may send 93 bytes more on the connection",
      "the client may send 10 bytes more on the connection",
      "client ← server  PING, 8 bytes, 02041010090e0707",
      "client → server  PING ACK, 8 bytes, 02041010090e0707",
    ]) {
      assert.ok(text.includes(line), line);
    }
  });
});
