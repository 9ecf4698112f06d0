/**
 * What a client does with frames that are odd or wrong, one at a time, and with header blocks in pieces: a stream's fault
 * costs the call, a connection's its calls, and what HTTP/2 says is to be ignored costs nothing.
 *
 * Spec: RFC 9113 §4 to §6, §8.1.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "../../src/core.js";
import { encodeFrame, encodeSettings, ErrorCode, Flag, FrameType, Setting, uint32 } from "../support/http2-frame.js";
import { encodeFields, type Field } from "../support/http2-hpack.js";
import type { ServerPeer } from "../support/peer.js";
import { holdsAtMost } from "../support/peer-flood.js";
import { DROPS_IDLE_TALK } from "../support/node-version.js";
import { guardProcess } from "../support/peer-guard.js";
import { answer, begin, completeRequest, KINDS, outcome, scripted } from "../support/peer-scripted.js";
import { OK_TRAILERS, prefixed, RESPONSE_FIELDS } from "../support/peer-service.js";

guardProcess();

const MAX_WINDOW = 2 ** 31 - 1;

type Write = (connection: ServerPeer, streamId: number, ended: number) => void;

function raw(type: number, flags: number, on: "connection" | "stream" | "ended", payload?: Uint8Array): Write {
  return (connection, streamId, ended) => {
    connection.send(type, flags, on === "connection" ? 0 : on === "stream" ? streamId : ended, payload);
  };
}

function settings(id: number, value: number): Write {
  return raw(FrameType.SETTINGS, 0, "connection", encodeSettings({ [id]: value }));
}

/** Frames between the headers and the message of a response that change nothing about it. */
const HARMLESS: Readonly<Record<string, Write>> = {
  "a frame of an unknown type, on the stream": raw(0xee, 0xff, "stream", Buffer.alloc(30)),
  "a frame of an unknown type, on the connection": raw(0xee, 0xff, "connection", Buffer.alloc(30)),
  ALTSVC: raw(0x0a, 0, "connection", Buffer.from('\0\x05http:h2=":1"', "latin1")),
  ORIGIN: raw(0x0c, 0, "connection", Buffer.from("\0\x08http://a", "latin1")),
  PRIORITY: raw(FrameType.PRIORITY, 0, "stream", Buffer.of(0, 0, 0, 0, 16)),
  "DATA of no bytes": raw(FrameType.DATA, 0, "stream"),
  "DATA of padding alone": raw(FrameType.DATA, Flag.PADDED, "stream", Buffer.of(3, 0, 0, 0)),
  "WINDOW_UPDATE of a stream that has ended": raw(FrameType.WINDOW_UPDATE, 0, "ended", uint32(1)),
  "WINDOW_UPDATE of the stream, half-closed": raw(FrameType.WINDOW_UPDATE, 0, "stream", uint32(1)),
  "RST_STREAM of a stream that has ended": raw(FrameType.RST_STREAM, 0, "ended", uint32(ErrorCode.CANCEL)),
  "SETTINGS that nobody knows": settings(0xbeef, 7),
  "SETTINGS of a table of 4 GiB": settings(Setting.HEADER_TABLE_SIZE, 2 ** 32 - 1),
  "SETTINGS of no table": settings(Setting.HEADER_TABLE_SIZE, 0),
  "SETTINGS of no window": settings(Setting.INITIAL_WINDOW_SIZE, 0),
};

describe("frames that are to be ignored", () => {
  for (const [what, write] of Object.entries(HARMLESS)) {
    test(`R94 ${what}`, async () => {
      await scripted(async ({ server, client, errors }) => {
        for (const kind of KINDS) {
          const before = outcome(client.unary(Buffer.from("hello")));
          const connection = server.connections[0] ?? (await server.connection());
          const ended = await completeRequest(connection);
          answer(connection, ended.streamId, ["m"]);
          assert.equal((await before).code, Code.OK);
          const result = outcome(begin(client, kind));
          const { streamId } = await completeRequest(connection);
          connection.headers(streamId, RESPONSE_FIELDS);
          write(connection, streamId, ended.streamId);
          connection.data(streamId, prefixed("m"));
          connection.headers(streamId, OK_TRAILERS, { endStream: true });
          const { code, messages } = await result;
          assert.deepEqual([code, messages], [Code.OK, ["m"]], kind);
          connection.settings({ [Setting.INITIAL_WINDOW_SIZE]: 65_535 });
        }
        assert.deepEqual(errors, []);
        assert.equal(server.connections.length, 1);
      });
    });
  }
});

/** Frames that break a stream: the client resets it, and its other calls go on. */
const COSTS_THE_CALL: Readonly<Record<string, Write>> = {
  "a second header block that does not end the stream": (connection, streamId) =>
    connection.headers(streamId, [["x-again", "1"]]),
  "a second :status": (connection, streamId) => connection.headers(streamId, [[":status", "200"]], { endStream: true }),
  "a request's pseudo-header in trailers": (connection, streamId) =>
    connection.headers(streamId, [[":path", "/"], ...OK_TRAILERS], { endStream: true }),
  "an upper-case name in trailers": (connection, streamId) =>
    connection.headers(streamId, [["X-A", "1"], ...OK_TRAILERS], { endStream: true }),
  "a connection header in trailers": (connection, streamId) =>
    connection.headers(streamId, [["connection", "close"], ...OK_TRAILERS], { endStream: true }),
};

/** Whole responses that break HTTP/2. */
const MALFORMED: Readonly<Record<string, Write>> = {
  "two :status": (connection, streamId) => connection.headers(streamId, [[":status", "200"], ...RESPONSE_FIELDS]),
  "a :status behind other fields": (connection, streamId) =>
    connection.headers(streamId, [
      ["content-type", "application/grpc"],
      [":status", "200"],
    ]),
  "a :status of four digits": (connection, streamId) => connection.headers(streamId, [[":status", "2000"]]),
  "a :path": (connection, streamId) => connection.headers(streamId, [[":path", "/"], ...RESPONSE_FIELDS]),
  "transfer-encoding": (connection, streamId) =>
    connection.headers(streamId, [...RESPONSE_FIELDS, ["transfer-encoding", "chunked"]]),
  "an informational block that ends the stream": (connection, streamId) =>
    connection.headers(streamId, [[":status", "103"]], { endStream: true }),
  "101": (connection, streamId) => connection.headers(streamId, [[":status", "101"]]),
  "content-length above the length": (connection, streamId) => {
    connection.headers(streamId, [...RESPONSE_FIELDS, ["content-length", "7"]]);
    connection.data(streamId, prefixed("m"));
    connection.headers(streamId, OK_TRAILERS, { endStream: true });
  },
  "two values of content-length": (connection, streamId) =>
    connection.headers(streamId, [...RESPONSE_FIELDS, ["content-length", "6"], ["content-length", "7"]]),
};

describe("streams that break HTTP/2", () => {
  const cases = [
    ...Object.entries(COSTS_THE_CALL).map(([what, write]): [string, Write] => [
      what,
      (connection, streamId, ended) => {
        connection.headers(streamId, RESPONSE_FIELDS);
        connection.data(streamId, prefixed("m"));
        write(connection, streamId, ended);
      },
    ]),
    ...Object.entries(MALFORMED),
  ];
  for (const [what, write] of cases) {
    test(`R94 R136 ${what}: INTERNAL, the stream is reset, and the other calls go on`, async () => {
      await scripted(async ({ server, client, errors }) => {
        for (const kind of KINDS) {
          const neighbour = outcome(client.unary(Buffer.from("neighbour")));
          const connection = server.connections[0] ?? (await server.connection());
          const other = await completeRequest(connection);
          const result = outcome(begin(client, kind));
          const { streamId } = await completeRequest(connection);
          write(connection, streamId, 0);
          const { code, messages } = await result;
          assert.equal(code, Code.INTERNAL, kind);
          if (messages.length > 0) assert.deepEqual(messages, ["m"]);
          answer(connection, other.streamId, ["m"]);
          assert.equal((await neighbour).code, Code.OK);
        }
        assert.deepEqual(errors, []);
        assert.equal(server.connections.length, 1);
      });
    });
  }
});

test("R94 R136 content-length below the length: the call ends, with its connection where that is an error of the connection", async () => {
  for (const kind of KINDS) {
    await scripted(async ({ server, client }) => {
      const result = outcome(begin(client, kind));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      connection.headers(streamId, [...RESPONSE_FIELDS, ["content-length", "3"]]);
      connection.data(streamId, prefixed("m"));
      assert.equal((await result).code, DROPS_IDLE_TALK ? Code.UNAVAILABLE : Code.INTERNAL, kind);
    });
  }
});

describe("fields that HTTP/2 does not allow", () => {
  test("R34 R94 names and values of forbidden characters are left out, and the call goes on", async () => {
    const odd: readonly Field[] = [
      ["x a", "1"],
      ["", "1"],
      ["x:a", "1"],
      ["x-a", "1\r\nx-b: 2"],
      ["x-a", "\0"],
    ];
    await scripted(async ({ server, client }) => {
      const call = client.unary(Buffer.alloc(0));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      connection.headers(streamId, [...RESPONSE_FIELDS, ...odd]);
      connection.data(streamId, prefixed("m"));
      connection.headers(streamId, [...odd, ...OK_TRAILERS], { endStream: true });
      assert.equal(Buffer.from(await call).toString(), "m");
      assert.deepEqual([...(await call.headers), ...(await call.trailers)], []);
    });
  });
});

/** Frames that break the connection. */
const COSTS_THE_CONNECTION: Readonly<Record<string, Write>> = {
  "PRIORITY of 4 bytes": raw(FrameType.PRIORITY, 0, "stream", Buffer.alloc(4)),
  "DATA of the connection": raw(FrameType.DATA, 0, "connection", Buffer.alloc(5)),
  "DATA whose padding is longer than the frame": raw(FrameType.DATA, Flag.PADDED, "stream", Buffer.of(9, 0)),
  "DATA of a stream that never was": (connection, streamId) => connection.data(streamId + 1000, Buffer.alloc(5)),
  "a frame over the size limit": raw(FrameType.DATA, 0, "stream", Buffer.alloc(16_385)),
  "WINDOW_UPDATE of the connection by nothing": raw(FrameType.WINDOW_UPDATE, 0, "connection", uint32(0)),
  "WINDOW_UPDATE of a stream by nothing": raw(FrameType.WINDOW_UPDATE, 0, "stream", uint32(0)),
  "WINDOW_UPDATE of the connection beyond the largest window": raw(
    FrameType.WINDOW_UPDATE,
    0,
    "connection",
    uint32(MAX_WINDOW),
  ),
  "WINDOW_UPDATE of 3 bytes": raw(FrameType.WINDOW_UPDATE, 0, "stream", Buffer.alloc(3)),
  "WINDOW_UPDATE of a stream that never was": (connection, streamId) => connection.windowUpdate(streamId + 1000, 1),
  "RST_STREAM of the connection": raw(FrameType.RST_STREAM, 0, "connection", uint32(0)),
  "RST_STREAM of 3 bytes": raw(FrameType.RST_STREAM, 0, "stream", Buffer.alloc(3)),
  "RST_STREAM of a stream that never was": (connection, streamId) => connection.reset(streamId + 1000, 8),
  "SETTINGS of a window beyond the largest": settings(Setting.INITIAL_WINDOW_SIZE, 2 ** 31),
  "SETTINGS of frames below the least size": settings(Setting.MAX_FRAME_SIZE, 16_383),
  "SETTINGS of frames beyond the largest size": settings(Setting.MAX_FRAME_SIZE, 2 ** 24),
  "SETTINGS that allow pushes, which a server may not say": settings(Setting.ENABLE_PUSH, 1),
  "SETTINGS of a stream": raw(FrameType.SETTINGS, 0, "stream"),
  "an acknowledgement of SETTINGS with a payload": raw(FrameType.SETTINGS, Flag.ACK, "connection", Buffer.alloc(6)),
  "an acknowledgement of SETTINGS that were never sent": raw(FrameType.SETTINGS, Flag.ACK, "connection"),
  "an acknowledgement of a PING that was never sent": raw(FrameType.PING, Flag.ACK, "connection", Buffer.alloc(8)),
  "PING of 7 bytes": raw(FrameType.PING, 0, "connection", Buffer.alloc(7)),
  "PING of a stream": raw(FrameType.PING, 0, "stream", Buffer.alloc(8)),
  "GOAWAY of a stream": raw(FrameType.GOAWAY, 0, "stream", Buffer.alloc(8)),
  "GOAWAY of 7 bytes": raw(FrameType.GOAWAY, 0, "connection", Buffer.alloc(7)),
  "CONTINUATION without HEADERS": raw(FrameType.CONTINUATION, Flag.END_HEADERS, "stream", Buffer.of(0x88)),
  "a frame between HEADERS and CONTINUATION": (connection, streamId) => {
    connection.send(FrameType.HEADERS, 0, streamId, encodeFields(RESPONSE_FIELDS).subarray(0, 20));
    connection.send(FrameType.PING, 0, 0, Buffer.alloc(8));
  },
  "CONTINUATION of another stream": (connection, streamId, ended) => {
    const block = encodeFields(RESPONSE_FIELDS);
    connection.send(FrameType.HEADERS, 0, streamId, block.subarray(0, 20));
    connection.send(FrameType.CONTINUATION, Flag.END_HEADERS, ended, block.subarray(20));
  },
  "a block that ends in the middle of a field": (connection, streamId) => {
    const block = encodeFields(RESPONSE_FIELDS);
    connection.send(FrameType.HEADERS, Flag.END_HEADERS, streamId, block.subarray(0, block.length - 3));
  },
  "a table size above the one that was offered": (connection, streamId) =>
    connection.send(FrameType.HEADERS, Flag.END_HEADERS, streamId, Buffer.from("3fffffff0f88", "hex")),
};

describe("frames that break the connection", () => {
  /** Runs one call of each kind into it. */
  async function breakConnection(what: string, write: Write): Promise<void> {
    await scripted(async ({ server, client, errors }) => {
      const before = client.unary(Buffer.from("hello"));
      const connection = await server.connection();
      const ended = await completeRequest(connection);
      answer(connection, ended.streamId, ["m"]);
      await before;
      const results = KINDS.map((kind) => outcome(begin(client, kind, { timeoutMs: 1000 })));
      const streams: number[] = [];
      for (const _ of KINDS) streams.push((await completeRequest(connection)).streamId);
      write(connection, streams[0] ?? 0, ended.streamId);
      await connection.frame("GOAWAY");
      connection.abort();
      for (const { code } of await Promise.all(results)) {
        const isFitting = code === Code.UNAVAILABLE || code === Code.DEADLINE_EXCEEDED || code === Code.INTERNAL;
        assert.ok(isFitting, `${what}: ${code}`);
      }
      assert.deepEqual(errors, [], what);
    });
  }

  // On Node 20 some of these leave a session that hears nothing any more: its calls end by their deadlines, and the next one
  // after a PING without an answer, two seconds later. So they wait side by side.
  const titles = Object.keys(COSTS_THE_CONNECTION);
  test(`R94 each of ${titles.length} ends its calls in an error, and the next call connects anew`, async () => {
    await Promise.all(
      Object.entries(COSTS_THE_CONNECTION).map(async ([what, write]) => {
        try {
          await breakConnection(what, write);
        } catch (cause) {
          throw new Error(what, { cause });
        }
      }),
    );
  });
});

describe("header blocks in pieces", () => {
  /** HEADERS and CONTINUATION frames with the block cut at these places. */
  function pieces(streamId: number, fields: readonly Field[], cuts: readonly number[], flags = 0): Buffer {
    const block = encodeFields(fields);
    const places = [0, ...cuts, block.length];
    return Buffer.concat(
      places.slice(1).map((to, i) => {
        const end = i === places.length - 2 ? Flag.END_HEADERS : 0;
        const type = i === 0 ? FrameType.HEADERS : FrameType.CONTINUATION;
        return encodeFrame(type, end | (i === 0 ? flags : 0), streamId, block.subarray(places[i], to));
      }),
    );
  }

  test("R45 headers, trailers and Trailers-Only cut in two at every byte, and in eight pieces", async () => {
    await scripted(async ({ server, client }) => {
      const headers: readonly Field[] = [...RESPONSE_FIELDS, ["x-a", "1"]];
      const trailers: readonly Field[] = [...OK_TRAILERS, ["x-b", "2"]];
      const only: readonly Field[] = [...RESPONSE_FIELDS, ["grpc-status", "5"], ["grpc-message", "told"]];
      const eight = [1, 2, 3, 4, 5, 6, 7];
      const lengths = [headers, trailers, only].map((fields) => encodeFields(fields).length);
      for (let cut = 0; cut <= Math.max(...lengths) + 1; cut++) {
        const [first, second, third] = lengths.map((length) => (cut <= length ? [cut] : eight)) as [
          number[],
          number[],
          number[],
        ];
        const call = client.unary(Buffer.alloc(0));
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await completeRequest(connection);
        connection.raw(pieces(streamId, headers, first));
        connection.data(streamId, prefixed("m"));
        connection.raw(pieces(streamId, trailers, second, Flag.END_STREAM));
        assert.equal(Buffer.from(await call).toString(), "m", `cut at ${cut}`);
        assert.deepEqual([...(await call.headers)], [["x-a", "1"]]);
        assert.deepEqual([...(await call.trailers)], [["x-b", "2"]]);
        const failing = outcome(client.unary(Buffer.alloc(0)));
        const request = await completeRequest(connection);
        connection.raw(pieces(request.streamId, only, third, Flag.END_STREAM));
        const { code, message } = await failing;
        assert.deepEqual([code, message], [Code.NOT_FOUND, "told"], `cut at ${cut}`);
      }
    });
  });

  test("blocks with padding and with a priority are read like any other", async () => {
    await scripted(async ({ server, client }) => {
      const priority = Buffer.of(0, 0, 0, 0, 200);
      for (const [flags, head, tail] of [
        [Flag.PADDED, Buffer.of(0), Buffer.alloc(0)],
        [Flag.PADDED, Buffer.of(255), Buffer.alloc(255)],
        [Flag.PRIORITY, priority, Buffer.alloc(0)],
        [Flag.PADDED | Flag.PRIORITY, Buffer.concat([Buffer.of(7), priority]), Buffer.alloc(7)],
      ] as const) {
        const result = outcome(client.unary(Buffer.alloc(0)));
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await completeRequest(connection);
        const padded = (fields: readonly Field[]): Buffer => Buffer.concat([head, encodeFields(fields), tail]);
        connection.send(FrameType.HEADERS, flags | Flag.END_HEADERS, streamId, padded(RESPONSE_FIELDS));
        connection.data(streamId, prefixed("m"), { padding: 17 });
        const last = flags | Flag.END_HEADERS | Flag.END_STREAM;
        connection.send(FrameType.HEADERS, last, streamId, padded(OK_TRAILERS));
        const { code, messages } = await result;
        assert.deepEqual([code, messages], [Code.OK, ["m"]]);
      }
    });
  });

  test("R75 a small block that unpacks to megabytes is RESOURCE_EXHAUSTED, acknowledged limit or not", async () => {
    const field = encodeFields([["x-bin", "AAAA".repeat(1000)]]);
    field[0] = 0x40;
    for (const acknowledges of [true, false]) {
      await scripted(async ({ server, client }) => {
        // A server that never acknowledges SETTINGS is held to them all the same.
        const usual = server.hear;
        server.hear = (connection) => {
          usual?.(connection);
          connection.autoAck = acknowledges;
        };
        const first = outcome(client.unary(Buffer.alloc(0)));
        const connection = await server.connection();
        const request = await completeRequest(connection);
        connection.headers(request.streamId, [...RESPONSE_FIELDS, ["grpc-status", "5"]], { endStream: true });
        assert.equal((await first).code, Code.NOT_FOUND);
        let held = false;
        // Each is 7.6 MB, and the last one may not be collected yet.
        await holdsAtMost(16 * 1024 * 1024, async () => {
          const everywhere = ["headers", "trailers", "only"] as const;
          for (const where of [...everywhere, ...everywhere, ...everywhere, ...everywhere]) {
            const result = outcome(client.unary(Buffer.alloc(0)));
            const { streamId } = await completeRequest(connection);
            const bomb = Buffer.concat([held ? Buffer.alloc(0) : field, Buffer.alloc(1900, 0xbe)]);
            const block = (fields: readonly Field[]): Buffer => Buffer.concat([encodeFields(fields), bomb]);
            held = true;
            if (where === "trailers") {
              connection.headers(streamId, RESPONSE_FIELDS);
              connection.data(streamId, prefixed("m"));
              connection.send(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, streamId, block(OK_TRAILERS));
            } else {
              const flags = Flag.END_HEADERS | (where === "only" ? Flag.END_STREAM : 0);
              const status: readonly Field[] = where === "only" ? [["grpc-status", "5"]] : [];
              connection.send(FrameType.HEADERS, flags, streamId, block([...RESPONSE_FIELDS, ...status]));
            }
            assert.equal((await result).code, Code.RESOURCE_EXHAUSTED, where);
          }
        });
      });
    }
  });
});
