/**
 * Events as JSON: every one of them is made here, and held against docs/inspector-events.md, field by field.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { CallFilter } from "../../../src/transport/inspect/call-filter.js";
import { ConnectionWatch } from "../../../src/transport/inspect/connection-watch.js";
import { FilteredEvents } from "../../../src/transport/inspect/filtered-events.js";
import { Secrets } from "../../../src/transport/inspect/header-words.js";
import { JsonView, type JsonViewOptions } from "../../../src/transport/inspect/json-view.js";
import { Tally } from "../../../src/transport/inspect/tally.js";
import type { Hear, WireEvent } from "../../../src/transport/inspect/wire-event.js";
import { CAPTURED } from "../../golden/captured-frames.js";
import { CLIENT_PREFACE, encodeFrame, Flag, FrameType, uint32 } from "../../support/http2-frame.js";
import { encodeFields, type Field } from "../../support/http2-hpack.js";
import { AT_MS, capturedTypes, type Passed, passedIn, printedBy, watch } from "../../support/inspected.js";

type Line = Readonly<Record<string, unknown>>;

const { DATA, GOAWAY, HEADERS, PING, PUSH_PROMISE, RST_STREAM, WINDOW_UPDATE } = FrameType;
const { END_HEADERS, END_STREAM, PADDED } = Flag;
const OPENED: readonly Passed[] = [
  ["client", Buffer.concat([CLIENT_PREFACE, encodeFrame(FrameType.SETTINGS, 0, 0)])],
  ["server", encodeFrame(FrameType.SETTINGS, 0, 0)],
];

async function textOf(tell: (hear: Hear) => void, options: Partial<JsonViewOptions> = {}): Promise<string> {
  return await printedBy((output) => {
    const view = new JsonView(output, { secrets: new Secrets(), hexBytes: 0, typesOf: () => undefined, ...options });
    tell((event) => view.hear(event));
  });
}

async function linesOf(tell: (hear: Hear) => void, options?: Partial<JsonViewOptions>): Promise<Line[]> {
  const text = await textOf(tell, options);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

function request(streamId: number, more: readonly Field[] = [], path = "/a.B/C"): Passed {
  const fields: readonly Field[] = [
    [":method", "POST"],
    [":path", path],
    ["content-type", "application/grpc"],
    ...more,
  ];
  return ["client", encodeFrame(HEADERS, END_HEADERS, streamId, encodeFields(fields))];
}

function answer(streamId: number, fields: readonly Field[], flags = 0): Passed {
  return ["server", encodeFrame(HEADERS, END_HEADERS | flags, streamId, encodeFields(fields))];
}

function data(from: Passed[0], streamId: number, bytes: Uint8Array, flag = 0, flags = 0): Passed {
  return [from, encodeFrame(DATA, flags, streamId, Buffer.concat([Buffer.of(flag), uint32(bytes.length), bytes]))];
}

/** A connection on which everything happens that there is to be told. */
const EVERYTHING: readonly Passed[] = [
  ...OPENED,
  request(1, [["grpc-encoding", "gzip"]]),
  data("client", 1, gzipSync(Buffer.from([8, 1])), 1),
  data("client", 1, Buffer.from("nonsense"), 1),
  data(
    "client",
    1,
    Buffer.from([0x0a, 1, 0x41, 0x1d, 0, 0, 0, 0, 0x29, 1, 2, 3, 4, 5, 6, 7, 8, 0x22, 2, 8, 1]),
    0,
    END_STREAM,
  ),
  answer(1, [
    [":status", "200"],
    ["content-type", "application/grpc+json"],
  ]),
  data("server", 1, Buffer.from('{"a":1}')),
  ["server", encodeFrame(DATA, PADDED, 1, Buffer.of(2, 7, 0, 0))],
  answer(
    1,
    [
      ["grpc-status", "5"],
      ["grpc-message", "no%20such"],
      ["x-bin", "YmFyZQ=="],
    ],
    END_STREAM,
  ),
  request(
    3,
    Array.from({ length: 600 }, (_, i): Field => [`x-${i}`, "y"]),
  ),
  ["client", encodeFrame(DATA, 0, 3, Buffer.alloc(65_000))],
  ["client", encodeFrame(DATA, 0, 3, Buffer.alloc(535)), 5],
  ["server", encodeFrame(WINDOW_UPDATE, 0, 3, uint32(1000)), 7.25],
  ["server", encodeFrame(WINDOW_UPDATE, 0, 0, uint32(1000)), 1],
  ["server", encodeFrame(PING, 0, 0, Buffer.from("12345678"))],
  ["server", encodeFrame(PING, 0, 0, Buffer.alloc(3))],
  ["server", encodeFrame(PUSH_PROMISE, END_HEADERS, 1, Buffer.concat([uint32(2), encodeFields([[":path", "/"]])]))],
  ["server", encodeFrame(FrameType.SETTINGS, 0, 0, Buffer.from("000300000005", "hex"))],
  ["server", encodeFrame(0x2a, 0, 1, Buffer.alloc(1))],
  ["client", encodeFrame(RST_STREAM, 0, 3, uint32(8))],
  request(5),
  ["server", encodeFrame(DATA, 0, 5, Buffer.from("<html>"))],
  ["client", encodeFrame(HEADERS, END_HEADERS, 9, Buffer.of(0xff, 0xff))],
  ["server", encodeFrame(GOAWAY, 0, 0, Buffer.concat([uint32(5), uint32(11), Buffer.from("calm")]))],
];

/** Tells of everything, and of what no single connection can be. */
function tellEverything(hear: Hear): void {
  const tally = new Tally(hear);
  const both = (event: WireEvent): void => {
    hear(event);
    tally.hear(event);
  };
  hear({ kind: "listening", atMs: AT_MS, address: "a:1", remote: "b:2", certificate: "TLS", caFile: "/ca.pem" });
  hear({ kind: "handshake-failed", atMs: AT_MS, peer: "c:3", error: new Error("no") });
  watch((event) => {
    if (event.kind === "message" && event.call.streamId === 1) {
      both({ kind: "fault", atMs: AT_MS, connection: event.connection, fault: "reset", streamId: 1, call: event.call });
    }
    both(event);
  }, EVERYTHING);
  const lone = new ConnectionWatch(8, both);
  lone.opened(AT_MS, "c:3", "a:1");
  lone.unreachable(AT_MS, new Error("nobody there"));
  lone.push("client", Buffer.from("GET / HTTP/1.1\r\n\r\n"), AT_MS);
  lone.halfClosed("client", AT_MS);
  lone.closed(AT_MS, { from: "server", error: new Error("it broke") });
  const held = new FilteredEvents(new CallFilter({ statuses: ["lost"] }), hear, 0);
  watch((event) => held.hear(event), [...OPENED, request(1)]);
  tally.end(AT_MS);
}

/** The tables of the page: by event the fields, and of each its type and whether it may be missing. */
function documented(): Map<string, Map<string, { readonly type: string; readonly isOptional: boolean }>> {
  const page = readFileSync(new URL("../../../docs/inspector-events.md", import.meta.url), "utf8");
  const tables = new Map<string, Map<string, { type: string; isOptional: boolean }>>();
  for (const section of page.split(/^### /m).slice(1)) {
    const name = /^`?([^`\n]+)`?/.exec(section)?.[1] ?? "";
    const rows = [...section.matchAll(/^\| `(\w+)(\??)` +\| (\w+) +\|/gm)];
    tables.set(
      name,
      new Map(rows.map(([, field = "", mark, type = ""]) => [field, { type, isOptional: mark === "?" }])),
    );
  }
  return tables;
}

function hasType(value: unknown, type: string): boolean {
  if (type === "any") return true;
  if (type === "text") return typeof value === "string";
  if (type === "side") return value === "client" || value === "server";
  if (type === "list") return Array.isArray(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}

describe("barewire trace --json", () => {
  test("has exactly the events and fields that docs/inspector-events.md tells of", async () => {
    const tables = documented();
    const head = tables.get("Every event") ?? new Map<string, never>();
    tables.delete("Every event");
    const seen = new Set<string>();
    const types = capturedTypes();
    const lines = [
      ...(await linesOf(tellEverything, { hexBytes: 16 })),
      ...(await linesOf((hear) => watch(hear, passedIn(CAPTURED.addOrder)), { typesOf: types })),
    ];
    for (const line of lines) {
      const event = String(line["event"]);
      const fields = tables.get(event);
      assert.ok(fields !== undefined, `${event} is not documented`);
      for (const [name, value] of Object.entries(line)) {
        const field = fields.get(name) ?? head.get(name);
        assert.ok(field !== undefined, `${event}.${name} is not documented`);
        assert.ok(hasType(value, field.type), `${event}.${name} is no ${field.type}: ${JSON.stringify(value)}`);
        seen.add(`${event}.${name}`);
      }
      for (const [name, { isOptional }] of [...head, ...fields]) {
        assert.ok(isOptional || name in line, `${event}.${name} is missing: ${JSON.stringify(line)}`);
      }
    }
    const told = [...tables].flatMap(([event, fields]) => [...fields.keys()].map((name) => `${event}.${name}`));
    assert.deepEqual(
      told.filter((name) => !seen.has(name)),
      [],
    );
  });

  test("tells messages by their types, in ProtoJSON, and times to the microsecond", async () => {
    const lines = await linesOf((hear) => watch(hear, passedIn(CAPTURED.searchOrders)), { typesOf: capturedTypes() });
    const messages = lines.filter(({ event }) => event === "message");
    assert.deepEqual(
      messages.map(({ from, number, length, type, message }) => ({ from, number, length, type, message })),
      [
        { from: "client", number: 1, length: 8, type: "google.protobuf.StringValue", message: "iPhone" },
        {
          from: "server",
          number: 1,
          length: 63,
          type: "order.Order",
          message: {
            id: "102",
            items: ["iPhone XS", "Mac Book Pro"],
            description: "C with D",
            price: 2500,
            addresses: [{ address: "Sam, Beijing", type: "WORK" }],
          },
        },
      ],
    );
    assert.equal(messages[0]?.["time"], `${new Date(AT_MS).toISOString().slice(0, -1)}000Z`);
  });

  test("guesses where no type is known, and tells of windows and ends", async () => {
    const lines = await linesOf(tellEverything);
    const of = (event: string): Line[] => lines.filter((line) => line["event"] === event && line["connection"] === 7);
    assert.deepEqual(of("message")[2]?.["guess"], [
      { field: 1, text: "A" },
      { field: 3, fixed32: 0 },
      { field: 5, fixed64: "578437695752307201" },
      { field: 4, message: [{ field: 1, varint: "1" }] },
    ]);
    assert.deepEqual(of("message")[0]?.["plainLength"], 2);
    assert.match(String(of("message")[1]?.["problem"]), /cannot be made plain/);
    assert.deepEqual(
      of("freed").map(({ stream, ms }) => [stream, ms]),
      [
        [3, 7.25],
        [0, 8.25],
      ],
    );
    const ends = of("call-ended").map(({ time: _time, event: _event, connection: _connection, ...end }) => end);
    assert.deepEqual(ends.slice(0, 2), [
      {
        stream: 1,
        method: "/a.B/C",
        how: "status",
        status: "NOT_FOUND",
        statusMessage: "no such",
        ms: 0,
        requests: 3,
        responses: 1,
      },
      {
        stream: 3,
        method: "/a.B/C",
        how: "reset",
        from: "client",
        code: "CANCEL",
        ms: 13.25,
        requests: 13_107,
        responses: 0,
      },
    ]);
  });

  test("hides secrets in headers, in trailers, in binary ones and in bytes, and shows them when told to", async () => {
    const secret: readonly Passed[] = [
      ...OPENED,
      request(1, [
        ["authorization", "Bearer abc"],
        ["x-key-bin", Buffer.from("abc").toString("base64")],
      ]),
      answer(1, [
        [":status", "200"],
        ["set-cookie", "abc"],
      ]),
      answer(
        1,
        [
          ["grpc-status", "5"],
          ["grpc-message", "abc"],
          ["x-key", "abc"],
        ],
        END_STREAM,
      ),
    ];
    const tell = (hear: Hear): void => watch(hear, secret);
    const hidden = await textOf(tell, { secrets: new Secrets({ more: ["X-Key", "grpc-message"] }), hexBytes: 999 });
    assert.doesNotMatch(hidden, /abc|YWJj|616263/);
    assert.equal(hidden.split('"value":"***"').length, 6);
    const shown = await textOf(tell, { secrets: new Secrets({ showAll: true }), hexBytes: 999 });
    assert.match(shown, /"name":"authorization","value":"Bearer abc"/);
    assert.match(shown, /"name":"x-key-bin","value":"YWJj","meaning":"\\"abc\\""/);
    assert.match(shown, /"statusMessage":"abc"/);
  });

  test("is one line an event whatever strangers write, without what drives a terminal, and bounded", async () => {
    const evil = "\u001b[2J\u009b\u202e\u2028\nforged";
    const text = await textOf((hear) =>
      watch(hear, [
        ...OPENED,
        request(
          1,
          [
            ["x-evil", evil],
            ["x-long", "y".repeat(20_000)],
          ],
          `/${evil}/${"z".repeat(9000)}`,
        ),
        data("client", 1, Buffer.concat(Array.from({ length: 9000 }, () => Buffer.from([0x0a, 1, 0x41])))),
        data("client", 1, Buffer.concat([Buffer.from([0x0a, 0xc0, 0xc4, 0x07]), Buffer.alloc(123_456, "x")])),
        ["server", encodeFrame(GOAWAY, 0, 0, Buffer.concat([uint32(1), uint32(0), Buffer.from(evil)]))],
      ]),
    );
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u202e]/);
    for (const line of text.trimEnd().split("\n")) {
      assert.ok(line.length < 300_000, String(line.length));
      JSON.parse(line);
    }
    assert.match(text, /y… \(20000 characters\)/);
  });

  test("says so when a message would be too much JSON", async () => {
    const group = Buffer.concat(
      Array.from({ length: 9000 }, () => Buffer.concat([Buffer.from([0x0a, 100]), Buffer.alloc(100, 1)])),
    );
    const lines = await linesOf((hear) => watch(hear, [...OPENED, request(1), data("client", 1, group)]));
    const message = lines.find(({ event }) => event === "message");
    assert.match(String(message?.["problem"]), /^too long to be shown: it is \d+ characters of JSON$/);
    assert.equal(message?.["guess"], undefined);
  });
});
