/**
 * What a server does with the bytes of a request's messages, however they are cut, padded, cut short or wrong.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, Server } from "../../src/core.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import { encodeFrame, ErrorCode, FrameType } from "../support/http2-frame.js";
import { field, RawClient, type Reply } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { call, served } from "../support/peer-served.js";
import { cpuMsSince } from "../support/processor-time.js";
import { messagesIn, prefix, prefixed, requestFields } from "../support/peer-service.js";

guardProcess();

const UNARY = "/wire.Wire/Unary";
const SERVER_STREAMING = "/wire.Wire/ServerStreaming";
const CLIENT_STREAMING = "/wire.Wire/ClientStreaming";
const BIDI_STREAMING = "/wire.Wire/BidiStreaming";
const ALL = [UNARY, SERVER_STREAMING, CLIENT_STREAMING, BIDI_STREAMING];
const ONE_REQUEST = [UNARY, SERVER_STREAMING];
const MANY_REQUESTS = [CLIENT_STREAMING, BIDI_STREAMING];

describe("length prefix", () => {
  test("R55 a request that ends in the middle of a message is INTERNAL for all four kinds", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      for (const path of ALL) {
        for (const bytes of [Buffer.of(0), prefix(5).subarray(0, 4), prefix(5), prefixed("hello").subarray(0, 9)]) {
          const reply = await call(client, path, [bytes]);
          assert.equal(reply.grpcStatus, Code.INTERNAL, `${path} after ${bytes.length} bytes`);
          assert.match(reply.grpcMessage, /middle of a message/);
        }
      }
    });
  });

  test("R55 whole messages before the cut are handled, then the reader learns of it", async () => {
    const received: string[] = [];
    let thrown: unknown;
    await served(
      {
        async clientStreaming(requests) {
          try {
            for await (const request of requests) received.push(Buffer.from(request).toString());
          } catch (error) {
            thrown = error;
            throw error;
          }
          return Buffer.from("not reached");
        },
      },
      async ({ connect }) => {
        const client = await connect();
        const streamId = client.open(requestFields(CLIENT_STREAMING));
        client.data(streamId, Buffer.concat([prefixed("one"), prefixed("two")]));
        await client.roundTrip();
        client.data(streamId, prefix(5), { endStream: true });
        const reply = await client.reply(streamId);
        assert.equal(reply.grpcStatus, Code.INTERNAL);
      },
    );
    assert.deepEqual(received, ["one", "two"]);
    assert.equal((thrown as { code?: number }).code, Code.INTERNAL);
  });

  test("R51 a flag byte other than 0 and 1 is INTERNAL", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      for (const path of ALL) {
        for (const flag of [2, 7, 128, 255]) {
          const reply = await call(client, path, [prefixed("hello", flag)]);
          assert.equal(reply.grpcStatus, Code.INTERNAL, `${path} flag ${flag}`);
          assert.ok(reply.grpcMessage.includes(String(flag)), reply.grpcMessage);
        }
      }
    });
  });

  test("R52 flag 1 without grpc-encoding, or with identity, is INTERNAL and says so", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      for (const path of ALL) {
        for (const extra of [[], [["grpc-encoding", "identity"]]] as const) {
          const reply = await call(client, path, [prefixed("hello", 1)], extra);
          assert.equal(reply.grpcStatus, Code.INTERNAL, path);
          assert.match(reply.grpcMessage, /compressed flag set without a grpc-encoding/);
        }
      }
    });
  });

  test("R130 a message over the limit is refused from its prefix, before any payload has come", async () => {
    await served(
      {},
      async ({ connect }) => {
        const client = await connect();
        for (const path of ALL) {
          for (const declared of [1001, 0x7fff_ffff, 0xffff_ffff]) {
            const streamId = client.open(requestFields(path));
            client.data(streamId, prefix(declared));
            const reply = await client.reply(streamId);
            assert.equal(reply.grpcStatus, Code.RESOURCE_EXHAUSTED, `${path} ${declared}`);
            assert.ok(reply.grpcMessage.includes(`${declared}`), reply.grpcMessage);
            assert.ok(reply.grpcMessage.includes("1000"), reply.grpcMessage);
            assert.equal((await client.frame("RST_STREAM", streamId)).errorCode, ErrorCode.NO_ERROR);
          }
        }
      },
      { maxReceiveBytes: 1000 },
    );
  });

  test("R130 a message of exactly the limit passes, and the limit is 4 MiB unless it is set", async () => {
    const four = 4 * 1024 * 1024;
    const unary = (request: Uint8Array): Uint8Array => Buffer.from(String(request.length));
    await served({ unary }, async ({ connect }) => {
      const client = await connect();
      const equal = client.open(requestFields(UNARY));
      await client.body(equal, prefixed(Buffer.alloc(four)), { endStream: true });
      const passed = await client.reply(equal);
      assert.equal(passed.grpcStatus, Code.OK);
      assert.deepEqual(messagesIn(passed.data), [String(four)]);
      const over = client.open(requestFields(UNARY));
      client.data(over, prefix(four + 1));
      assert.equal((await client.reply(over)).grpcStatus, Code.RESOURCE_EXHAUSTED);
    });
  });

  test("R50 a message of no bytes is a message", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      const empty = prefixed("");
      for (const path of ALL) {
        const reply = await call(client, path, [empty]);
        assert.equal(reply.grpcStatus, Code.OK, path);
        assert.deepEqual(messagesIn(reply.data), [""], path);
      }
      const three = await call(client, BIDI_STREAMING, [Buffer.concat([empty, empty, empty])]);
      assert.deepEqual(messagesIn(three.data), ["", "", ""]);
    });
  });
});

describe("cutting", () => {
  const requests = ["", "a", "bc", "defghij", ""];
  const bytes = Buffer.concat(requests.map((text) => prefixed(text)));

  test("R48 the same messages come out wherever the stream is cut in two", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      for (let cut = 0; cut <= bytes.length; cut++) {
        const reply = await call(client, BIDI_STREAMING, [bytes.subarray(0, cut), bytes.subarray(cut)]);
        assert.deepEqual([cut, reply.grpcStatus, messagesIn(reply.data)], [cut, Code.OK, requests]);
      }
    });
  });

  test("R48 the same messages come out of DATA frames of one byte, each read on its own", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      for (const path of MANY_REQUESTS) {
        const streamId = client.open(requestFields(path));
        for (const byte of bytes) {
          client.data(streamId, Buffer.of(byte));
          await client.roundTrip();
        }
        client.data(streamId, Buffer.alloc(0), { endStream: true });
        const reply = await client.reply(streamId);
        assert.equal(reply.grpcStatus, Code.OK);
        assert.equal(messagesIn(reply.data).join(""), requests.join(""));
      }
      const unary = await call(
        client,
        UNARY,
        Array.from(prefixed("byte by byte"), (byte) => Buffer.of(byte)),
      );
      assert.deepEqual(messagesIn(unary.data), ["byte by byte"]);
    });
  });

  test("R48 empty messages in 250,000 DATA frames of one byte, unread for now, cost no more than their bytes", async () => {
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    let count = 0;
    let tookMs = Infinity;
    await served(
      {
        async clientStreaming(requests) {
          await gate;
          const before = process.cpuUsage();
          for await (const { length } of requests) count += length === 0 ? 1 : 0;
          tookMs = cpuMsSince(before);
          return Buffer.alloc(0);
        },
      },
      async ({ connect }) => {
        const client = await connect();
        // The server's window holds once its SETTINGS are acknowledged.
        await client.roundTrip();
        const streamId = client.open(requestFields(CLIENT_STREAMING));
        const frame = encodeFrame(FrameType.DATA, 0, streamId, Buffer.of(0));
        client.raw(Buffer.concat(Array.from({ length: 250_000 }, () => frame)));
        await client.roundTrip();
        client.data(streamId, Buffer.alloc(0), { endStream: true });
        go();
        assert.equal((await client.reply(streamId)).grpcStatus, Code.OK);
      },
    );
    assert.equal(count, 50_000);
    assert.ok(tookMs < 2000, `reading took ${tookMs} ms`);
  });

  test("R48 hundreds of messages in one DATA frame come out one by one", async () => {
    const many = Array.from({ length: 500 }, (_, i) => `message ${i}`);
    await served({}, async ({ connect }) => {
      const reply = await call(await connect(), BIDI_STREAMING, [Buffer.concat(many.map((text) => prefixed(text)))]);
      assert.deepEqual(messagesIn(reply.data), many);
    });
  });

  test("R49 300 KB in DATA frames of 5 bytes and 255 of padding come through without a stall", async () => {
    const payload = Buffer.alloc(300_000, "p");
    const message = prefixed(payload);
    const unary = (request: Uint8Array): Uint8Array => Buffer.from(String(payload.equals(request)));
    await served({ unary }, async ({ connect }) => {
      const client = await connect();
      const streamId = client.open(requestFields(UNARY));
      // Padding counts against the window: 261 bytes a frame, so the whole takes many windows.
      let room = 65_535;
      const granted = (): number =>
        client.frames
          .filter((frame) => frame.name === "WINDOW_UPDATE" && frame.streamId === 0)
          .reduce((sum, frame) => sum + frame.payload.readUInt32BE(0), 0);
      let sent = 0;
      for (let at = 0; at < message.length; at += 5) {
        if (room + granted() - sent < 261) {
          await client.until("more window", () => (room + granted() - sent >= 261 ? true : undefined));
        }
        const last = at + 5 >= message.length;
        client.data(streamId, message.subarray(at, at + 5), { padding: 255, endStream: last });
        sent += 261;
      }
      room = 0;
      const reply = await client.reply(streamId);
      assert.equal(reply.grpcStatus, Code.OK);
      assert.deepEqual(messagesIn(reply.data), ["true"]);
    });
  });

  test("R49 DATA frames that are nothing but padding say nothing", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      const streamId = client.open(requestFields(UNARY));
      for (const byte of prefixed("hello")) {
        client.data(streamId, Buffer.alloc(0), { padding: 255 });
        client.data(streamId, Buffer.of(byte), { padding: 1 });
      }
      client.data(streamId, Buffer.alloc(0), { padding: 10, endStream: true });
      assert.deepEqual(messagesIn((await client.reply(streamId)).data), ["hello"]);
    });
  });
});

describe("cardinality", () => {
  test("R79 R30 no request message is UNIMPLEMENTED where one is wanted, and no handler runs", async () => {
    let ran = 0;
    const handlers = {
      unary: (request: Uint8Array): Uint8Array => {
        ran++;
        return request;
      },
      serverStreaming: (request: Uint8Array): Uint8Array[] => {
        ran++;
        return [request];
      },
    };
    await served(handlers, async ({ connect }) => {
      const client = await connect();
      for (const path of ONE_REQUEST) {
        // END_STREAM on HEADERS, and on an empty DATA frame behind it.
        for (const chunks of [[], [Buffer.alloc(0)]]) {
          const reply = await call(client, path, chunks);
          assert.equal(reply.grpcStatus, Code.UNIMPLEMENTED, path);
          assert.match(reply.grpcMessage, /no message/);
        }
      }
    });
    assert.equal(ran, 0);
  });

  test("R79 two request messages are UNIMPLEMENTED where one is wanted, in one frame, two, or without a half-close", async () => {
    let ran = 0;
    const unary = (request: Uint8Array): Uint8Array => {
      ran++;
      return request;
    };
    const serverStreaming = (request: Uint8Array): Uint8Array[] => [unary(request)];
    await served({ unary, serverStreaming }, async ({ connect }) => {
      const client = await connect();
      const two = [prefixed("one"), prefixed("two")];
      for (const path of ONE_REQUEST) {
        for (const chunks of [two, [Buffer.concat(two)], [prefixed("one"), prefix(3)]]) {
          const reply = await call(client, path, chunks);
          assert.equal(reply.grpcStatus, Code.UNIMPLEMENTED, path);
          assert.match(reply.grpcMessage, /more than one message/);
        }
        const open = client.open(requestFields(path));
        client.data(open, Buffer.concat(two));
        assert.equal((await client.reply(open)).grpcStatus, Code.UNIMPLEMENTED, path);
      }
    });
    assert.equal(ran, 0);
  });

  test("R30 END_STREAM on HEADERS is a clean empty stream where many are taken", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      const collected = await call(client, CLIENT_STREAMING, []);
      assert.equal(collected.grpcStatus, Code.OK);
      assert.deepEqual(messagesIn(collected.data), [""]);
      const chat = await call(client, BIDI_STREAMING, []);
      assert.equal(chat.grpcStatus, Code.OK);
      assert.deepEqual(messagesIn(chat.data), []);
    });
  });

  test("R29 trailers behind a request are its half-close and nothing else", async () => {
    let names: string[] = [];
    await served(
      {
        unary: (request, { metadata }) => {
          names = [...metadata.keys()];
          return request;
        },
      },
      async ({ connect }) => {
        const client = await connect();
        for (const path of ALL) {
          const streamId = client.open(requestFields(path));
          client.data(streamId, prefixed("hello"));
          client.headers(streamId, [["x-trailer", "late"]], { endStream: true });
          const reply = await client.reply(streamId);
          assert.equal(reply.grpcStatus, Code.OK, path);
          assert.deepEqual(messagesIn(reply.data), ["hello"], path);
        }
      },
    );
    assert.deepEqual(names, [], "they are no metadata");
  });
});

describe("protobuf", () => {
  /** Calls a RouteGuide method with bytes. */
  async function route(path: string, payloads: readonly Buffer[]): Promise<Reply> {
    const server = new Server().add(RouteGuide, {
      getFeature: (point) => ({ name: "somewhere", location: point }),
      recordRoute: async (points) => {
        for await (const point of points) void point;
        return { pointCount: 1 };
      },
    });
    const { port } = await server.listen("127.0.0.1:0");
    const client = await RawClient.connect(port);
    try {
      const reply = await call(client, path, payloads);
      const next = await call(client, "/routeguide.RouteGuide/GetFeature", [prefixed("")]);
      assert.equal(next.grpcStatus, Code.OK, "the next call works");
      return reply;
    } finally {
      client.destroy();
      await server.close({ graceMs: 0 });
    }
  }

  test("R58 a request that is not protobuf is INTERNAL and names the type", async () => {
    const garbage = [
      Buffer.from("ff", "hex"),
      Buffer.from("08", "hex"),
      Buffer.from("08ffffffffffffffffffffff01", "hex"),
      Buffer.from("0affffffff0f", "hex"),
      Buffer.from("07", "hex"),
      Buffer.from("00", "hex"),
      Buffer.alloc(4096, 0xff),
    ];
    for (const path of ["/routeguide.RouteGuide/GetFeature", "/routeguide.RouteGuide/RecordRoute"]) {
      for (const bytes of garbage) {
        const reply = await route(path, [prefixed(bytes)]);
        assert.equal(reply.grpcStatus, Code.INTERNAL, `${path} ${bytes.toString("hex", 0, 12)}: ${reply.grpcMessage}`);
        assert.ok(reply.grpcMessage.includes("routeguide.Point"), reply.grpcMessage);
        assert.equal(field(reply.headers, ":status"), "200");
      }
    }
  });
});

describe("broken HTTP/2", () => {
  const frames: readonly (readonly [what: string, bytes: Buffer])[] = [
    ["DATA on stream 0", encodeFrame(FrameType.DATA, 0, 0, Buffer.from("x"))],
    ["DATA on an idle stream", encodeFrame(FrameType.DATA, 0, 9, Buffer.from("x"))],
    ["HEADERS on an even stream", encodeFrame(FrameType.HEADERS, 4, 2, Buffer.of(0x82))],
    ["a header block that is not HPACK", encodeFrame(FrameType.HEADERS, 4, 1, Buffer.from("ffffffffff", "hex"))],
    ["a frame over the size limit", encodeFrame(FrameType.PING, 0, 0, Buffer.alloc(20_000))],
    ["a PING of 7 bytes", encodeFrame(FrameType.PING, 0, 0, Buffer.alloc(7))],
    ["a SETTINGS frame of 5 bytes", encodeFrame(FrameType.SETTINGS, 0, 0, Buffer.alloc(5))],
    ["CONTINUATION without HEADERS", encodeFrame(FrameType.CONTINUATION, 4, 1, Buffer.of(0x82))],
    ["WINDOW_UPDATE by nothing", encodeFrame(FrameType.WINDOW_UPDATE, 0, 0, Buffer.alloc(4))],
    ["RST_STREAM of an idle stream", encodeFrame(FrameType.RST_STREAM, 0, 7, Buffer.alloc(4))],
    ["PUSH_PROMISE from a client", encodeFrame(FrameType.PUSH_PROMISE, 4, 1, Buffer.alloc(5))],
  ];

  for (const [what, bytes] of frames) {
    test(`R94 ${what} costs at most the connection it came on`, async () => {
      await served({}, async ({ connect, errors }) => {
        const good = await connect();
        const running = good.open(requestFields(BIDI_STREAMING));
        good.data(running, prefixed("before"));
        await good.frame("DATA", running);
        const bad = await connect();
        bad.raw(bytes);
        await bad.frame("GOAWAY");
        bad.destroy();
        good.data(running, prefixed("after"), { endStream: true });
        const reply = await good.reply(running);
        assert.deepEqual(messagesIn(reply.data), ["before", "after"]);
        assert.deepEqual(errors, []);
      });
    });
  }

  test("R94 bytes that are no HTTP/2 lose their connection: HTTP/1.1, TLS, noise, nothing", async () => {
    await served({}, async ({ port, errors }) => {
      for (const bytes of [
        Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n"),
        Buffer.from(
          "POST /wire.Wire/Unary HTTP/1.1\r\nContent-Type: application/grpc\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0",
        ),
        Buffer.from("16030100c4010000c00303", "hex"),
        Buffer.alloc(1024, 0xa5),
      ]) {
        const client = await RawClient.connectSilently(port);
        client.raw(bytes);
        await client.disconnected();
      }
      const silent = await RawClient.connectSilently(port);
      silent.end();
      await silent.disconnected();
      const aborted = await RawClient.connectSilently(port);
      aborted.abort();
      await aborted.disconnected();
      assert.deepEqual(errors, []);
    });
  });
});
