/**
 * What a client puts on the wire: the header block, the messages, the half-close, and nothing before it is time.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Channel, Code, VERSION } from "../../src/core.js";
import { decodeSettings, ErrorCode, Flag, FrameType, Setting } from "../support/http2-frame.js";
import { SENDS_REPEATED_FIELDS } from "../support/node-version.js";
import { field, fieldAll, RawServer } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { answer, begin, completeRequest, KINDS, outcome, scripted } from "../support/peer-scripted.js";
import { granted, messagesIn, OK_TRAILERS, prefixed, RESPONSE_FIELDS, said, Wire } from "../support/peer-service.js";

guardProcess();

const UA = `grpc-node-barewire/${VERSION}`;

describe("header block", () => {
  test("R1 R3 R4 R5 R6 R7 R9 R10 R11 R13 a request has gRPC's fields, in gRPC's words, and no others", async () => {
    await scripted(async ({ server, client }) => {
      for (const [i, kind] of KINDS.entries()) {
        const call = begin(client, kind);
        const connection = server.connections[0] ?? (await server.connection());
        const { fields, streamId, endStream } = await connection.request();
        assert.deepEqual(fields, [
          [":method", "POST"],
          [":scheme", "http"],
          [":path", `/wire.Wire/${kind.charAt(0).toUpperCase()}${kind.slice(1)}`],
          [":authority", `127.0.0.1:${server.port}`],
          ["te", "trailers"],
          ["content-type", "application/grpc"],
          ["grpc-accept-encoding", "identity,gzip,deflate"],
          ["user-agent", UA],
        ]);
        assert.equal(endStream, false, "a request's end is never on its headers");
        assert.equal(streamId, 2 * i + 1);
        await connection.reply(streamId);
        answer(connection, streamId, ["done"]);
        assert.equal((await outcome(call)).code, Code.OK);
      }
    });
  });

  test("R8 R12 grpc-timeout stands first behind the pseudo-headers, custom metadata last and in order", async () => {
    await scripted(async ({ server, client }) => {
      const metadata = [
        ["x-b", "2"],
        ["x-a", "1"],
        ["x-b", "3"],
      ] as const;
      const call = client.unary(Buffer.alloc(0), { timeoutMs: 60_000, metadata });
      const connection = await server.connection();
      const { fields, streamId } = await connection.request();
      assert.deepEqual(
        fields.map(([name]) => name),
        [
          ...[":method", ":scheme", ":path", ":authority", "grpc-timeout"],
          ...["te", "content-type", "grpc-accept-encoding", "user-agent", "x-b", "x-b", "x-a"],
        ],
      );
      assert.deepEqual(fieldAll(fields, "x-b"), ["2", "3"]);
      answer(connection, streamId, [""]);
      await call;
    });
  });

  test("R11 an application's user-agent goes in front of the library's, in one value", async () => {
    await scripted(async ({ server, client }) => {
      const call = client.unary(Buffer.alloc(0), { metadata: { "user-agent": "shop/3.1" } });
      const connection = await server.connection();
      const { fields, streamId } = await connection.request();
      assert.deepEqual(fieldAll(fields, "user-agent"), [`shop/3.1 ${UA}`]);
      assert.match(UA, /^grpc-[a-z]+(-[a-z]+)?\/[0-9.]+/);
      answer(connection, streamId, [""]);
      await call;
    });
  });

  test("R4 :authority is the channel's when one is set", async () => {
    await scripted(
      async ({ server, client }) => {
        const call = client.unary(Buffer.alloc(0));
        const connection = await server.connection();
        const { fields, streamId } = await connection.request();
        assert.equal(field(fields, ":authority"), "orders.example");
        assert.equal(field(fields, "host"), undefined);
        answer(connection, streamId, [""]);
        await call;
      },
      { channel: { authority: "orders.example" } },
    );
  });

  test("R289 :authority is the target as it was given, localhost for a unix socket, or what the options say", async () => {
    const folder = mkdtempSync(join(tmpdir(), "barewire-authority-"));
    try {
      const tcp = await RawServer.listen();
      const unix = await RawServer.listen({}, undefined, join(folder, "socket"));
      const targets: readonly (readonly [RawServer, target: string, authority: string, set?: string])[] = [
        [tcp, `127.0.0.1:${tcp.port}`, `127.0.0.1:${tcp.port}`],
        [tcp, `localhost:${tcp.port}`, `localhost:${tcp.port}`],
        [tcp, `LocalHost:${tcp.port}`, `LocalHost:${tcp.port}`],
        [tcp, `:${tcp.port}`, `localhost:${tcp.port}`],
        [tcp, `localhost:${tcp.port}`, "orders.example:1", "orders.example:1"],
        [unix, `unix:${join(folder, "socket")}`, "localhost"],
        [unix, `unix://${join(folder, "socket")}`, "localhost"],
        [unix, `unix:${join(folder, "socket")}`, "orders.example", "orders.example"],
      ];
      for (const [server, target, authority, set] of targets) {
        const channel = new Channel(target, { authority: set });
        const call = channel.client(Wire).unary(Buffer.alloc(0));
        const connection = await server.connection();
        const { streamId, fields } = await connection.request();
        assert.deepEqual(fieldAll(fields, ":authority"), [authority], target);
        answer(connection, streamId, [""]);
        await call;
        await channel.destroy();
      }
      await tcp.close();
      await unix.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("R37 binary metadata is base64 of the standard alphabet without padding", async () => {
    await scripted(async ({ server, client }) => {
      const values = [Buffer.of(), Buffer.of(0xff), Buffer.of(0xff, 0xfe), Buffer.of(0xfb, 0xff, 0xbf)];
      const call = client.unary(Buffer.alloc(0), { metadata: { "x-bin": values } });
      const connection = await server.connection();
      const { fields, streamId } = await connection.request();
      assert.deepEqual(fieldAll(fields, "x-bin"), ["", "/w", "//4", "+/+/"]);
      answer(connection, streamId, [""]);
      await call;
    });
  });

  test("R325 a server that offers true binary metadata gets base64 all the same, and is not told of it", async () => {
    await scripted(
      async ({ server, client }) => {
        const call = client.unary(Buffer.alloc(0), { metadata: { "x-bin": Buffer.of(0xfb, 0xff) } });
        const connection = await server.connection();
        const { fields, streamId } = await connection.request();
        assert.equal(field(fields, "x-bin"), "+/8");
        const { payload } = await connection.frame("SETTINGS", 0);
        assert.equal(decodeSettings(payload).has(Setting.GRPC_TRUE_BINARY_METADATA), false);
        answer(connection, streamId, [""]);
        await call;
      },
      { peer: { settings: { [Setting.GRPC_TRUE_BINARY_METADATA]: 1 } } },
    );
  });

  test("authorization and cookie are never indexed", async () => {
    await scripted(async ({ server, client }) => {
      const call = client.unary(Buffer.alloc(0), {
        metadata: { authorization: "Bearer 1", cookie: "a=1", "x-a": "1" },
      });
      const connection = await server.connection();
      const { fields, representations, streamId } = await connection.request();
      const how = (name: string): unknown => representations[fields.findIndex(([one]) => one === name)];
      assert.equal(how("authorization"), "never-indexed");
      assert.equal(how("cookie"), "never-indexed");
      assert.notEqual(how("x-a"), "never-indexed");
      answer(connection, streamId, [""]);
      await call;
    });
  });

  test("R44 a name that Node keeps single is sent twice, or its call ends INTERNAL where Node cannot", async () => {
    await scripted(async ({ server, client }) => {
      const open = client.bidiStreaming();
      const connection = await server.connection();
      const { streamId } = await connection.request();
      const metadata = [
        ["authorization", "a"],
        ["date", "today"],
        ["authorization", "b"],
        ["date", "tomorrow"],
      ] as const;
      for (const kind of KINDS) {
        const twice = outcome(begin(client, kind, { metadata }));
        if (SENDS_REPEATED_FIELDS) {
          const request = await connection.request();
          assert.deepEqual(fieldAll(request.fields, "authorization"), ["a", "b"]);
          assert.deepEqual(fieldAll(request.fields, "date"), ["today", "tomorrow"]);
          answer(connection, request.streamId, ["m"]);
          assert.equal((await twice).code, Code.OK);
        } else {
          assert.equal((await twice).code, Code.INTERNAL);
          assert.match((await twice).message, /authorization/);
        }
      }
      answer(connection, streamId, ["still here"]);
      assert.deepEqual((await outcome(open)).messages, ["still here"]);
    });
  });

  test("R31 R32 metadata that is not legal fails its call and leaves the connection whole", async () => {
    await scripted(async ({ server, client }) => {
      const open = client.bidiStreaming();
      const connection = await server.connection();
      const { streamId } = await connection.request();
      for (const metadata of [{ "bad name": "x" }, { "x-a": "line\nbreak" }, { "x-a": "größe" }, { ":path": "/x" }]) {
        await assert.rejects(async () => client.unary(Buffer.alloc(0), { metadata }), TypeError);
      }
      await connection.roundTrip();
      assert.equal(connection.frames.filter((frame) => frame.name === "HEADERS").length, 1, "nothing of them was sent");
      answer(connection, streamId, ["still here"]);
      assert.deepEqual((await outcome(open)).messages, ["still here"]);
    });
  });

  test("R16 a header list over the server's MAX_HEADER_LIST_SIZE fails its call INTERNAL, and nothing is sent", async () => {
    await scripted(
      async ({ server, client, errors }) => {
        const open = client.bidiStreaming();
        const connection = await server.connection();
        const { streamId, fields } = await connection.request();
        // RFC 9113 §6.5.2: "the length of the field name and value […] plus an overhead of 32 octets for each field line".
        const without = fields.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
        const filling = 1000 - without - "x-a".length - 32 + "/wire.Wire/BidiStreaming".length;
        for (const kind of KINDS) {
          const path = Wire.methods[kind].path;
          const fit = filling - path.length;
          const over = await outcome(begin(client, kind, { metadata: { "x-a": "v".repeat(fit + 1) } }));
          assert.equal(over.code, Code.INTERNAL, kind);
          assert.equal(over.error?.origin, "local");
          assert.match(over.message, /1001 bytes.* 1000/);
          await connection.roundTrip();
          const result = outcome(begin(client, kind, { metadata: { "x-a": "v".repeat(fit) } }));
          const next = await completeRequest(connection);
          answer(connection, next.streamId, ["m"]);
          assert.equal((await result).code, Code.OK, kind);
        }
        assert.deepEqual(
          connection.frames.filter(({ name }) => name === "HEADERS").map((frame) => frame.streamId),
          [1, 3, 5, 7, 9],
          "nothing was sent of the calls that failed",
        );
        answer(connection, streamId, ["still here"]);
        assert.deepEqual((await outcome(open)).messages, ["still here"]);
        assert.equal(server.connections.length, 1);
        assert.deepEqual(errors, []);
      },
      { peer: { settings: { [Setting.MAX_HEADER_LIST_SIZE]: 1000 } } },
    );
  });

  test("R16 without a word of the server 64 KiB are taken as its limit", async () => {
    await scripted(async ({ server, client }) => {
      const { code } = await outcome(client.unary(Buffer.alloc(0), { metadata: { "x-a": "v".repeat(70_000) } }));
      assert.equal(code, Code.INTERNAL);
      const connection = await server.connection();
      await connection.roundTrip();
      assert.ok(!connection.frames.some(({ name }) => name === "HEADERS"));
    });
  });

  test("R45 request metadata bigger than one frame is sent whole", async () => {
    await scripted(async ({ server, client }) => {
      const big = "v".repeat(60_000);
      const call = client.unary(Buffer.alloc(0), { metadata: { "x-big": big } });
      const connection = await server.connection();
      const { fields, streamId } = await connection.request();
      assert.equal(field(fields, "x-big"), big);
      answer(connection, streamId, [""]);
      await call;
    });
  });
});

describe("messages and half-close", () => {
  test("R15 R57 a unary request is one DATA frame with END_STREAM, also when the message is empty", async () => {
    await scripted(async ({ server, client }) => {
      for (const text of ["", "hello"]) {
        const call = client.unary(Buffer.from(text));
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await connection.request();
        const { order, data } = await connection.reply(streamId);
        assert.deepEqual(order, ["HEADERS", "DATA+END_STREAM"]);
        assert.equal(data.length, 5 + text.length);
        assert.deepEqual(messagesIn(data), [text]);
        answer(connection, streamId, [""]);
        await call;
      }
    });
  });

  test("R15 a stream of no messages is an empty DATA frame with END_STREAM", async () => {
    await scripted(async ({ server, client }) => {
      for (const call of [client.clientStreaming([]), client.bidiStreaming([])]) {
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await connection.request();
        const { order, data } = await connection.reply(streamId);
        assert.deepEqual(order, ["HEADERS", "DATA+END_STREAM"]);
        assert.equal(data.length, 0);
        answer(connection, streamId, [""]);
        assert.equal((await outcome(call)).code, Code.OK);
      }
    });
  });

  test("R148 R147 a stream is opened before its first message, and half-closed when the application says so", async () => {
    await scripted(async ({ server, client }) => {
      const chat = client.bidiStreaming();
      const connection = await server.connection();
      const { streamId } = await connection.request();
      connection.headers(streamId, [
        [":status", "200"],
        ["content-type", "application/grpc"],
        ["x-first", "server"],
      ]);
      assert.equal((await chat.headers).get("x-first"), "server");
      await connection.roundTrip();
      assert.deepEqual(connection.order(streamId), ["HEADERS"]);
      void chat.send(Buffer.from("one"));
      assert.deepEqual(messagesIn((await connection.frame("DATA", streamId)).data), ["one"]);
      assert.deepEqual(connection.order(streamId), ["HEADERS", "DATA"]);
      chat.closeSend();
      const end = await connection.frame("DATA", streamId);
      assert.ok(end.endStream);
      connection.data(streamId, Buffer.from("0000000003646f74", "hex"));
      connection.headers(streamId, [["grpc-status", "0"]], { endStream: true });
      assert.deepEqual((await outcome(chat)).messages, ["dot"]);
    });
  });

  test("R143 a server that does not read holds the request iterable back", async () => {
    await scripted(
      async ({ server, client }) => {
        let yielded = 0;
        function* requests(): Generator<Uint8Array> {
          for (; yielded < 200; yielded++) yield Buffer.alloc(65_536);
        }
        const call = client.clientStreaming(requests());
        const connection = await server.connection();
        const { streamId } = await connection.request();
        await connection.until("a full window", () => (connection.received(streamId) === 65_535 ? true : undefined));
        for (let i = 0; i < 20; i++) await connection.roundTrip();
        const held = yielded;
        assert.ok(held <= 4, `${held} messages of 64 KiB were taken for a window of 64 KiB`);
        for (let i = 0; i < 20; i++) await connection.roundTrip();
        assert.equal(yielded, held);
        connection.autoWindow = true;
        connection.windowUpdate(0, 65_535);
        connection.windowUpdate(streamId, 65_535);
        const { data } = await connection.reply(streamId);
        assert.equal(data.length, 200 * 65_541);
        answer(connection, streamId, [""]);
        assert.equal((await outcome(call)).code, Code.OK);
      },
      { peer: { autoWindow: false } },
    );
  });
});

describe("connection", () => {
  test("R200 R206 nothing is connected before the first call, which then waits for the connection", async () => {
    await scripted(async ({ server, client }) => {
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(server.connections.length, 0);
      const call = client.unary(Buffer.alloc(0));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      answer(connection, streamId, ["yes"]);
      assert.equal(Buffer.from(await call).toString(), "yes");
    });
  });

  test("R150 the client announces its windows, lets that of the connection grow, and refuses pushes", async () => {
    await scripted(
      async ({ server, client }) => {
        const call = client.serverStreaming(Buffer.alloc(0));
        const received = (async () => {
          let bytes = 0;
          for await (const message of call) bytes += message.length;
          return bytes;
        })();
        const connection = await server.connection();
        const settings = decodeSettings((await connection.frame("SETTINGS")).payload);
        assert.equal(settings.get(Setting.ENABLE_PUSH), 0);
        assert.equal(settings.get(Setting.INITIAL_WINDOW_SIZE), 100_000);
        const { streamId } = await connection.request();
        await connection.roundTrip();
        assert.equal(granted(connection), 0, "it begins as every kernel can bear it");
        connection.autoAck = false;
        connection.headers(streamId, RESPONSE_FIELDS);
        await connection.body(streamId, prefixed(Buffer.alloc(40_000)));
        const ping = await connection.frame("PING");
        await connection.body(streamId, prefixed(Buffer.alloc(30_000)));
        connection.send(FrameType.PING, Flag.ACK, 0, ping.payload);
        await connection.until("a larger window", () => (granted(connection) > 2 * 40_000 ? true : undefined));
        connection.headers(streamId, OK_TRAILERS, { endStream: true });
        assert.equal(await received, 70_000);
      },
      { channel: { streamWindowBytes: 100_000, connectionWindowBytes: 131_070 } },
    );
  });

  test("R161 closing a channel says GOAWAY(NO_ERROR) before the connection ends", async () => {
    await scripted(
      async ({ server, client, channel }) => {
        const call = client.unary(Buffer.alloc(0));
        const connection = await server.connection();
        const { streamId } = await connection.request();
        answer(connection, streamId, [""]);
        await call;
        const closed = channel.close();
        assert.equal((await connection.frame("GOAWAY")).errorCode, ErrorCode.NO_ERROR);
        await connection.disconnected();
        await closed;
        assert.equal((await outcome(client.unary(Buffer.alloc(0)))).code, Code.UNAVAILABLE);
      },
      { nextCallWorks: false },
    );
  });

  test("R97 grpc-timeout is the time that is left when the headers are written", async () => {
    await scripted(
      async ({ server, client }) => {
        const call = client.unary(Buffer.alloc(0), { timeoutMs: 2000 });
        const connection = await server.connection();
        const began = performance.now();
        while (performance.now() - began < 60) await new Promise((resolve) => setImmediate(resolve));
        // Only now may the client send: the connection is not ready before its SETTINGS.
        connection.settings({});
        const request = await connection.request();
        const timeout = /^(\d+)([num])$/.exec(said(request, "grpc-timeout") ?? "");
        const unitMs = { n: 1e-6, u: 1e-3, m: 1 }[timeout?.[2] ?? ""] ?? Number.NaN;
        const leftMs = Number(timeout?.[1]) * unitMs;
        assert.ok(leftMs < 1940 && leftMs > 0, `${leftMs} ms of 2000 left after 60`);
        answer(connection, request.streamId, [""]);
        await call;
      },
      { peer: { settings: false } },
    );
  });
});
