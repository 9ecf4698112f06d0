/**
 * What a server's answers look like on the wire: header blocks, messages, trailers, and the order of it all.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, StatusError, type HandlerCall } from "../../src/core.js";
import { ErrorCode, Setting } from "../support/http2-frame.js";
import { field, fieldAll, type Frame } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { call, served } from "../support/peer-served.js";
import { messagesIn, prefixed, requestFields, said } from "../support/peer-service.js";

guardProcess();

const UNARY = "/wire.Wire/Unary";
const SERVER_STREAMING = "/wire.Wire/ServerStreaming";
const CLIENT_STREAMING = "/wire.Wire/ClientStreaming";
const BIDI_STREAMING = "/wire.Wire/BidiStreaming";
const ALL = [UNARY, SERVER_STREAMING, CLIENT_STREAMING, BIDI_STREAMING];
const HELLO = [prefixed("hello")];

function names(fields: readonly (readonly [string, string])[]): string[] {
  return fields.map(([name]) => name);
}

describe("form", () => {
  test("R59 R60 an OK answer is headers, messages and trailers, with the fields gRPC names and no others", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      for (const path of ALL) {
        const { headers, trailers, order, data } = await call(client, path, HELLO);
        assert.deepEqual(order, ["HEADERS", "DATA", "HEADERS+END_STREAM"], path);
        assert.deepEqual(headers, [
          [":status", "200"],
          ["content-type", "application/grpc"],
          ["grpc-accept-encoding", "identity,gzip,deflate"],
        ]);
        assert.deepEqual(trailers, [["grpc-status", "0"]]);
        assert.deepEqual(messagesIn(data), ["hello"]);
      }
    });
  });

  test("R59 R60 metadata of a handler stands behind the fields of the headers and with the status", async () => {
    await served(
      {
        unary: (request, { headers, trailers }) => {
          headers.append("x-head", "1").append("x-head", "2");
          trailers.append("x-tail", "3").append("x-tail-bin", Buffer.of(0, 1));
          return request;
        },
      },
      async ({ connect }) => {
        const { headers, trailers } = await call(await connect(), UNARY, HELLO);
        assert.deepEqual(names(headers), [":status", "content-type", "grpc-accept-encoding", "x-head", "x-head"]);
        assert.deepEqual(fieldAll(headers, "x-head"), ["1", "2"]);
        assert.equal(field(trailers, "grpc-status"), "0");
        assert.equal(field(trailers, "x-tail"), "3");
        assert.equal(field(trailers, "x-tail-bin"), "AAE");
        assert.equal(field(trailers, "x-head"), undefined);
      },
    );
  });

  test("R61 an error before anything was sent is one block, Trailers-Only", async () => {
    const fail = (): never => {
      throw new StatusError(Code.NOT_FOUND, "no such thing");
    };
    await served(
      { unary: fail, serverStreaming: fail, clientStreaming: fail, bidiStreaming: fail },
      async ({ connect }) => {
        const client = await connect();
        for (const path of ALL) {
          const { order, headers, data } = await call(client, path, HELLO);
          assert.equal(order[0], "HEADERS+END_STREAM", path);
          assert.deepEqual(headers, [
            [":status", "200"],
            ["content-type", "application/grpc"],
            ["grpc-status", "5"],
            ["grpc-message", "no such thing"],
          ]);
          assert.equal(data.length, 0);
        }
      },
    );
  });

  test("R62 headers wait for the first message, so that a handler which fails late is still Trailers-Only", async () => {
    let fail: (error: Error) => void = () => undefined;
    let began: () => void = () => undefined;
    const started = new Promise<void>((resolve) => (began = resolve));
    await served(
      {
        // eslint-disable-next-line require-yield
        async *serverStreaming() {
          began();
          await new Promise<void>((_resolve, reject) => (fail = reject));
        },
      },
      async ({ connect }) => {
        const client = await connect();
        const streamId = client.open(requestFields(SERVER_STREAMING));
        client.data(streamId, prefixed("go"), { endStream: true });
        await started;
        await client.roundTrip();
        assert.deepEqual(client.order(streamId), [], "nothing was said yet");
        fail(new StatusError(Code.ABORTED, "late"));
        const { order, grpcStatus } = await client.reply(streamId);
        assert.equal(order[0], "HEADERS+END_STREAM");
        assert.equal(grpcStatus, Code.ABORTED);
      },
    );
  });

  test("R149 sendHeaders sends them before any message, and the error that follows comes in trailers", async () => {
    let fail: (error: Error) => void = () => undefined;
    await served(
      {
        async unary(_request, call: HandlerCall) {
          call.headers.set("x-early", "yes");
          call.sendHeaders();
          await new Promise<void>((_resolve, reject) => (fail = reject));
          return Buffer.alloc(0);
        },
      },
      async ({ connect }) => {
        const client = await connect();
        const streamId = client.open(requestFields(UNARY));
        client.data(streamId, prefixed("go"), { endStream: true });
        const head = await client.frame("HEADERS", streamId);
        assert.equal(head.endStream, false);
        assert.equal(said(head, "x-early"), "yes");
        assert.equal(said(head, "grpc-status"), undefined);
        fail(new StatusError(Code.DATA_LOSS));
        const { order, trailers } = await client.reply(streamId);
        assert.deepEqual(order, ["HEADERS", "HEADERS+END_STREAM"]);
        assert.deepEqual(trailers, [["grpc-status", "15"]]);
      },
    );
  });

  test("R60 messages before an error are sent, in the order headers, messages, trailers", async () => {
    await served(
      {
        *serverStreaming(request) {
          yield request;
          yield request;
          throw new StatusError(Code.OUT_OF_RANGE, "that is all");
        },
      },
      async ({ connect }) => {
        const { order, data, grpcStatus, grpcMessage } = await call(await connect(), SERVER_STREAMING, HELLO);
        assert.deepEqual(order, ["HEADERS", "DATA", "HEADERS+END_STREAM"]);
        assert.deepEqual(messagesIn(data), ["hello", "hello"]);
        assert.deepEqual([grpcStatus, grpcMessage], [Code.OUT_OF_RANGE, "that is all"]);
      },
    );
  });

  test("R63 grpc-status is decimal without leading zeros, for every code", async () => {
    await served(
      {
        unary: (request) => {
          throw new StatusError(Number(Buffer.from(request).toString()) as Code);
        },
      },
      async ({ connect }) => {
        const client = await connect();
        for (let code = 1; code <= 16; code++) {
          const { trailers } = await call(client, UNARY, [prefixed(String(code))]);
          assert.equal(field(trailers, "grpc-status"), String(code));
          assert.equal(field(trailers, "grpc-message"), undefined, "no text, no field");
        }
      },
    );
  });

  test("R65 grpc-message is percent-encoded UTF-8 in upper-case hexadecimal, everything printable stays", async () => {
    const texts: readonly (readonly [text: string, wire: string])[] = [
      ["100% /?#", "100%25 /?#"],
      [
        "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n",
        "%09%0Atest with whitespace%0D%0Aand Unicode BMP %E2%98%BA and non-BMP %F0%9F%98%88%09%0A",
      ],
      ["\ud800", "%EF%BF%BD"],
      ["\u007f\u0000~", "%7F%00~"],
    ];
    await served(
      {
        unary: (request) => {
          throw new StatusError(Code.UNKNOWN, texts[Number(Buffer.from(request).toString())]?.[0] ?? "");
        },
      },
      async ({ connect }) => {
        const client = await connect();
        for (const [i, [, wire]] of texts.entries()) {
          assert.equal((await call(client, UNARY, [prefixed(String(i))])).grpcMessage, wire);
        }
      },
    );
  });

  test("R137 an exception that is no status is UNKNOWN, says nothing of itself, and reaches onError", async () => {
    const secret = new Error("the password is 1234");
    const reject = (): Promise<never> => Promise.reject(secret);
    const fail = (): never => {
      throw secret;
    };
    await served(
      {
        unary: fail,
        clientStreaming: reject,
        serverStreaming: reject,
        // eslint-disable-next-line require-yield
        async *bidiStreaming() {
          throw secret;
        },
      },
      async ({ connect, errors }) => {
        const client = await connect();
        for (const path of ALL) {
          const { grpcStatus, grpcMessage } = await call(client, path, HELLO);
          assert.equal(grpcStatus, Code.UNKNOWN, path);
          assert.ok(!grpcMessage.includes("1234"), grpcMessage);
        }
        assert.deepEqual(errors, [secret, secret, secret, secret]);
      },
    );
  });

  test("R36 a status cannot be set through metadata", async () => {
    const thrown: unknown[] = [];
    await served(
      {
        unary: (request, { trailers }) => {
          for (const name of ["grpc-status", "grpc-message"]) {
            try {
              trailers.set(name, "13");
            } catch (error) {
              thrown.push(error);
            }
          }
          return request;
        },
      },
      async ({ connect }) => {
        assert.deepEqual((await call(await connect(), UNARY, HELLO)).trailers, [["grpc-status", "0"]]);
      },
    );
    assert.equal(thrown.length, 2);
    assert.ok(thrown.every((error) => error instanceof TypeError));
  });

  test("R44 metadata that Node keeps single is sent twice or ends the call in INTERNAL, never in an exception", async () => {
    await served(
      {
        unary: (request, { headers }) => {
          headers.append("authorization", "a").append("authorization", "b");
          return request;
        },
        clientStreaming: async (_requests, { trailers }) => {
          trailers.append("age", "1").append("age", "2");
          return Buffer.alloc(0);
        },
      },
      async ({ connect }) => {
        const client = await connect();
        const first = await call(client, UNARY, HELLO);
        const second = await call(client, CLIENT_STREAMING, HELLO);
        if (first.grpcStatus === Code.OK) assert.deepEqual(fieldAll(first.headers, "authorization"), ["a", "b"]);
        else assert.equal(first.grpcStatus, Code.INTERNAL);
        if (second.grpcStatus === Code.OK) assert.deepEqual(fieldAll(second.trailers, "age"), ["1", "2"]);
        else assert.equal(second.grpcStatus, Code.INTERNAL, `order ${second.order.join(" ")}`);
      },
    );
  });

  test("a grpc-message of more than 8 KiB is cut there, between two escapes", async () => {
    const texts = [
      "x".repeat(100_000),
      `${"x".repeat(8191)}\u00e9`,
      `${"x".repeat(8187)}\u{1f600}`,
      "\u00e9".repeat(50_000),
    ];
    let text = "";
    const unary = (): never => {
      throw new StatusError(Code.NOT_FOUND, text);
    };
    await served({ unary }, async ({ connect }) => {
      const client = await connect();
      for (text of texts) {
        const { grpcStatus, grpcMessage } = await call(client, UNARY, HELLO);
        assert.equal(grpcStatus, Code.NOT_FOUND);
        assert.ok(grpcMessage.length <= 8192 && grpcMessage.length > 8185, String(grpcMessage.length));
        assert.match(grpcMessage, /^(?:[^%]|%[0-9A-F]{2})+$/);
      }
    });
  });

  test("metadata over the client's MAX_HEADER_LIST_SIZE ends its call INTERNAL, the limit itself passes", async () => {
    for (const where of ["headers", "trailers"] as const) {
      let bytes = 0;
      await served(
        {
          unary: (request, handlerCall) => {
            handlerCall[where].set("x-a", "v".repeat(bytes));
            return request;
          },
        },
        async ({ connect, errors }) => {
          const client = await connect({ settings: { [Setting.MAX_HEADER_LIST_SIZE]: 1000 } });
          await client.roundTrip();
          const first = await call(client, UNARY, HELLO);
          const size = first[where].reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
          bytes = 1000 - size;
          assert.equal((await call(client, UNARY, HELLO)).grpcStatus, Code.OK, where);
          assert.equal(errors.length, 0);
          bytes++;
          assert.equal((await call(client, UNARY, HELLO)).grpcStatus, Code.INTERNAL, where);
          assert.equal(errors.length, 1);
        },
      );
    }
  });

  test("R45 headers and trailers bigger than one frame are sent whole", async () => {
    const big = "v".repeat(63 * 1024);
    await served(
      {
        unary: (request, { headers, trailers }) => {
          headers.set("x-big", big);
          trailers.set("x-big", big);
          return request;
        },
      },
      async ({ connect }) => {
        const { headers, trailers, grpcStatus } = await call(await connect(), UNARY, HELLO);
        assert.equal(grpcStatus, Code.OK);
        assert.equal(field(headers, "x-big"), big);
        assert.equal(field(trailers, "x-big"), big);
      },
    );
  });

  test("R116 nothing is compressed: every flag byte is 0 and no coding is named", async () => {
    await served({}, async ({ connect }) => {
      const { data, headers } = await call(
        await connect(),
        UNARY,
        [prefixed(Buffer.alloc(10_000, "a"))],
        [["grpc-accept-encoding", "gzip,deflate,identity"]],
      );
      assert.equal(data[0], 0);
      assert.equal(data.length, 10_005);
      assert.equal(field(headers, "grpc-encoding"), undefined);
    });
  });

  test("R57 a small message is one DATA frame", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      const streamId = client.open(requestFields(UNARY));
      client.data(streamId, prefixed("hello"), { endStream: true });
      await client.reply(streamId);
      const data = client.on(streamId).filter((frame: Frame) => frame.name === "DATA");
      assert.deepEqual(
        data.map((frame) => frame.data.length),
        [10],
      );
    });
  });
});

describe("full duplex", () => {
  test("R146 R147 either side sends at any time, and the server goes on after the client's half-close", async () => {
    await served(
      {
        async *bidiStreaming(requests) {
          yield Buffer.from("first");
          for await (const request of requests) yield request;
          yield Buffer.from("after the half-close");
          yield Buffer.from("last");
        },
      },
      async ({ connect }) => {
        const client = await connect();
        const streamId = client.open(requestFields(BIDI_STREAMING));
        const first = await client.frame("DATA", streamId);
        assert.deepEqual(messagesIn(first.data), ["first"]);
        for (const text of ["ping", "pong"]) {
          client.data(streamId, prefixed(text));
          assert.deepEqual(messagesIn((await client.frame("DATA", streamId)).data), [text]);
        }
        client.data(streamId, Buffer.alloc(0), { endStream: true });
        const { data, grpcStatus } = await client.reply(streamId);
        assert.deepEqual(messagesIn(data).slice(3), ["after the half-close", "last"]);
        assert.equal(grpcStatus, Code.OK);
      },
    );
  });
});

describe("early end", () => {
  /** A client that sends the head of a call and never half-closes. */
  const never = { endStream: false };

  test("R91 R90 a handler that answers early ends with trailers, then RST_STREAM(NO_ERROR), in this order", async () => {
    await served(
      {
        clientStreaming: () => Buffer.from("enough"),
        // eslint-disable-next-line require-yield
        async *bidiStreaming() {
          throw new StatusError(Code.FAILED_PRECONDITION, "no");
        },
      },
      async ({ connect }) => {
        const client = await connect();
        const answered = client.open(requestFields(CLIENT_STREAMING), never);
        const refused = client.open(requestFields(BIDI_STREAMING), never);
        const unknown = client.open(requestFields("/wire.Wire/Nope"), never);
        for (const streamId of [answered, refused, unknown]) {
          assert.equal((await client.frame("RST_STREAM", streamId)).errorCode, ErrorCode.NO_ERROR);
        }
        assert.deepEqual(client.order(answered), ["HEADERS", "DATA", "HEADERS+END_STREAM", "RST_STREAM(0)"]);
        assert.deepEqual(client.order(refused), ["HEADERS+END_STREAM", "RST_STREAM(0)"]);
        assert.deepEqual(client.order(unknown), ["HEADERS+END_STREAM", "RST_STREAM(0)"]);
        assert.equal((await client.reply(answered)).grpcStatus, Code.OK);
        assert.equal((await client.reply(refused)).grpcStatus, Code.FAILED_PRECONDITION);
      },
    );
  });

  test("R91 three hundred calls at once all get their trailers before the reset", async () => {
    await served(
      { clientStreaming: () => Buffer.from("enough") },
      async ({ connect }) => {
        const client = await connect();
        const streams = Array.from({ length: 300 }, () => client.open(requestFields(CLIENT_STREAMING), never));
        for (const streamId of streams) {
          assert.equal((await client.frame("RST_STREAM", streamId)).errorCode, ErrorCode.NO_ERROR);
          assert.deepEqual(client.order(streamId), ["HEADERS", "DATA", "HEADERS+END_STREAM", "RST_STREAM(0)"]);
        }
      },
      { maxConcurrentStreams: 400 },
    );
  });

  test("R91 R90 a call that was half-closed is not reset", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      const streams = ALL.map((path) => {
        const streamId = client.open(requestFields(path));
        client.data(streamId, prefixed("hello"), { endStream: true });
        return streamId;
      });
      for (const streamId of streams) await client.reply(streamId);
      await call(client, UNARY, HELLO);
      await client.roundTrip();
      assert.deepEqual(
        client.frames.filter((frame) => frame.name === "RST_STREAM"),
        [],
      );
    });
  });

  test("R91 R135 a client in the middle of 8 MB gets the answer and is let go", async () => {
    const body = prefixed(Buffer.alloc(8 * 1024 * 1024));
    await served(
      {
        clientStreaming: () => Buffer.from("enough"),
        // eslint-disable-next-line require-yield
        async *bidiStreaming(requests) {
          for await (const request of requests) {
            void request;
            throw new StatusError(Code.RESOURCE_EXHAUSTED, "too much");
          }
        },
      },
      async ({ connect }) => {
        const client = await connect();
        // One answers at once; one is stopped by the declared size; one is unknown; one fails at the first message.
        const cases = [
          { path: CLIENT_STREAMING, bytes: body, status: Code.OK },
          { path: UNARY, bytes: body, status: Code.RESOURCE_EXHAUSTED },
          { path: "/wire.Wire/Nope", bytes: body, status: Code.UNIMPLEMENTED },
          { path: BIDI_STREAMING, bytes: Buffer.concat([prefixed("a"), body]), status: Code.RESOURCE_EXHAUSTED },
        ];
        for (const { path, bytes, status } of cases) {
          const streamId = client.open(requestFields(path));
          // Ends when everything is sent or the stream is reset: a client that is left blocked fails here.
          await client.body(streamId, bytes, { endStream: true });
          const { grpcStatus, order } = await client.reply(streamId);
          assert.equal(grpcStatus, status, path);
          assert.equal(order.filter((frame) => frame === "HEADERS+END_STREAM").length, 1, path);
        }
      },
    );
  });

  test("R91 streams that ended early are closed: many more than the stream limit in a row", async () => {
    await served(
      { clientStreaming: () => Buffer.from("enough") },
      async ({ connect }) => {
        const client = await connect();
        for (let round = 0; round < 20; round++) {
          const streams = Array.from({ length: 10 }, () => client.open(requestFields(CLIENT_STREAMING), never));
          for (const streamId of streams) {
            assert.equal((await client.frame("RST_STREAM", streamId)).errorCode, ErrorCode.NO_ERROR);
          }
        }
      },
      { maxConcurrentStreams: 10 },
    );
  });
});
