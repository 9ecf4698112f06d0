/**
 * Compression on the server: what it makes of compressed requests, and when and how its responses are compressed.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, deflate, gzip, type Compressor, type HandlerCall, type ServerOptions } from "../../src/core.js";
import { CODINGS, compressed, flaggedIn, opened, ZLIB } from "../support/flagged.js";
import type { Field } from "../support/http2-hpack.js";
import { field, type RawClient } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { call, served } from "../support/peer-served.js";
import { messagesIn, prefix, prefixed, requestFields } from "../support/peer-service.js";
import { flip, flipped, slowCompressor } from "../support/test-codings.js";

guardProcess();

const UNARY = "/wire.Wire/Unary";
const SERVER_STREAMING = "/wire.Wire/ServerStreaming";
const CLIENT_STREAMING = "/wire.Wire/ClientStreaming";
const BIDI_STREAMING = "/wire.Wire/BidiStreaming";
const ALL = [UNARY, SERVER_STREAMING, CLIENT_STREAMING, BIDI_STREAMING];
const LONG = "long enough to be compressed ".repeat(100);
const HUGE = "huge, so that it is done beside the event loop ".repeat(4000);

const GZIP: Field = ["grpc-encoding", "gzip"];
const TAKES_ALL: Field = ["grpc-accept-encoding", "identity,deflate,gzip"];

function takes(list: string): Field {
  return ["grpc-accept-encoding", list];
}

function compressing(compression: ServerOptions["compression"] = { send: "gzip" }): ServerOptions {
  return { compression };
}

/** Sends a request that is larger than a frame. */
async function upload(
  client: RawClient,
  path: string,
  body: Uint8Array,
  extra: readonly Field[],
): ReturnType<typeof call> {
  const streamId = client.open(requestFields(path, extra));
  await client.body(streamId, body, { endStream: true });
  return client.reply(streamId);
}

describe("compressed requests", () => {
  test("R118 R127 gzip and deflate are taken, short and huge, for all four kinds", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      for (const coding of CODINGS) {
        for (const path of ALL) {
          for (const text of ["", "hello", LONG, HUGE]) {
            const reply = await upload(client, path, compressed(text, coding), [["grpc-encoding", coding]]);
            assert.equal(reply.grpcStatus, Code.OK, `${path} ${coding} ${reply.grpcMessage}`);
            assert.deepEqual(messagesIn(reply.data), [text]);
          }
        }
      }
    });
  });

  test("R53 flag 0 is a plain message under any coding, and the handler learns which it was", async () => {
    const seen: boolean[] = [];
    await served(
      {
        async *bidiStreaming(requests, handlerCall) {
          for await (const request of requests) {
            seen.push(handlerCall.requestCompressed);
            yield request;
          }
        },
        unary(request, handlerCall) {
          seen.push(handlerCall.requestCompressed);
          return request;
        },
      },
      async ({ connect }) => {
        const client = await connect();
        const body = Buffer.concat([
          compressed("one", "gzip"),
          prefixed("two"),
          compressed(HUGE, "gzip"),
          prefixed("4"),
        ]);
        const streamed = await upload(client, BIDI_STREAMING, body, [GZIP]);
        assert.deepEqual(messagesIn(streamed.data), ["one", "two", HUGE, "4"]);
        assert.deepEqual(seen.splice(0), [true, false, true, false]);
        for (const message of [compressed("x", "gzip"), prefixed("x")]) await call(client, UNARY, [message], [GZIP]);
        await call(client, UNARY, [prefixed("x")]);
        assert.deepEqual(seen, [true, false, false]);
      },
    );
  });

  test("R126 bytes that cannot be decompressed are INTERNAL; no handler of one request runs, other calls go on", async () => {
    const broken = [
      Buffer.from("not gzip"),
      ZLIB.gzip.compress(LONG).subarray(0, -8),
      Buffer.concat([ZLIB.gzip.compress(LONG), Buffer.from("more")]),
      Buffer.concat([ZLIB.gzip.compress(LONG), Buffer.alloc(9)]),
      ZLIB.gzip.compress(Buffer.from(HUGE).map((byte, i) => byte ^ ((i * i) >> 3))).subarray(0, -8),
      ZLIB.deflate.compress(LONG),
      Buffer.alloc(0),
    ];
    let ran = 0;
    await served(
      {
        unary: (request) => {
          ran++;
          return request;
        },
        *serverStreaming(request) {
          ran++;
          yield request;
        },
      },
      async ({ connect, ended }) => {
        const client = await connect();
        const other = client.open(requestFields(BIDI_STREAMING, [GZIP]));
        client.data(other, compressed("before", "gzip"));
        for (const path of ALL) {
          for (const bytes of broken) {
            const reply = await upload(client, path, prefixed(bytes, 1), [GZIP]);
            assert.equal(reply.grpcStatus, Code.INTERNAL, `${path} ${bytes.length}`);
            assert.match(decodeURIComponent(reply.grpcMessage), /cannot decompress a message with "gzip"/);
          }
        }
        client.data(other, compressed("after", "gzip"), { endStream: true });
        assert.deepEqual(messagesIn((await client.reply(other)).data), ["before", "after"]);
        assert.equal(ended.filter(({ code }) => code === Code.INTERNAL).length, ALL.length * broken.length);
      },
    );
    assert.equal(ran, 0);
  });

  test("R131 what is too large when decompressed is RESOURCE_EXHAUSTED, and the limit passes", async () => {
    await served(
      {},
      async ({ connect }) => {
        const client = await connect();
        for (const coding of CODINGS) {
          const extra: Field[] = [["grpc-encoding", coding]];
          for (const path of ALL) {
            const equal = await call(client, path, [compressed("x".repeat(1000), coding)], extra);
            assert.equal(equal.grpcStatus, Code.OK, path);
            const over = await call(client, path, [compressed("x".repeat(1001), coding)], extra);
            assert.equal(over.grpcStatus, Code.RESOURCE_EXHAUSTED, path);
            assert.ok(over.grpcMessage.includes("1000 bytes"), over.grpcMessage);
            const bomb = await call(client, path, [compressed(new Uint8Array(900_000), coding)], extra);
            assert.equal(bomb.grpcStatus, Code.RESOURCE_EXHAUSTED, path);
          }
        }
      },
      { maxReceiveBytes: 1000 },
    );
  });

  test("R131 50 KB that stand for 50 MiB cost less than 50 MiB, twenty at once", async () => {
    const bomb = compressed(new Uint8Array(50 * 1024 * 1024), "gzip");
    await served({}, async ({ connect }) => {
      const client = await connect();
      await upload(client, UNARY, bomb, [GZIP]);
      const before = process.memoryUsage();
      const replies = await Promise.all(Array.from({ length: 20 }, () => upload(client, UNARY, bomb, [GZIP])));
      const after = process.memoryUsage();
      for (const { grpcStatus } of replies) assert.equal(grpcStatus, Code.RESOURCE_EXHAUSTED);
      const grown = after.arrayBuffers - before.arrayBuffers;
      assert.ok(grown < 200 * 1024 * 1024, `${grown} bytes for what stands for a thousand MiB`);
    });
  });

  test("R130 the limit holds for the compressed size, too, from the prefix alone", async () => {
    await served(
      {},
      async ({ connect }) => {
        const client = await connect();
        const streamId = client.open(requestFields(UNARY, [GZIP]));
        client.data(streamId, prefix(1001, 1));
        assert.equal((await client.reply(streamId)).grpcStatus, Code.RESOURCE_EXHAUSTED);
      },
      { maxReceiveBytes: 1000 },
    );
  });

  test("R122 R124 a coding that is not known, or was switched off, is UNIMPLEMENTED although every flag is 0", async () => {
    const cases: [ServerOptions["compression"], string, string][] = [
      [undefined, "br", "identity,gzip,deflate"],
      [{ codings: [] }, "gzip", "identity"],
      [{ codings: [deflate] }, "gzip", "identity,deflate"],
    ];
    for (const [compression, coding, accepted] of cases) {
      await served(
        {},
        async ({ connect }) => {
          const client = await connect();
          for (const path of ALL) {
            for (const message of [prefixed("plain"), prefixed("flagged", 1)]) {
              const reply = await call(client, path, [message], [["grpc-encoding", coding], TAKES_ALL]);
              assert.equal(reply.grpcStatus, Code.UNIMPLEMENTED);
              assert.equal(field(reply.headers, "grpc-accept-encoding"), accepted);
              assert.ok(reply.grpcMessage.includes(`"${coding}"`), reply.grpcMessage);
              assert.ok(reply.grpcMessage.endsWith(`supported: ${accepted.replaceAll(",", ", ")}`), reply.grpcMessage);
            }
          }
        },
        compression === undefined ? {} : { compression },
      );
    }
  });

  test("R123 every coding that is taken is advertised, those of the application's own as well", async () => {
    await served(
      {},
      async ({ connect }) => {
        const client = await connect();
        const accepted = field((await call(client, UNARY, [prefixed("x")])).headers, "grpc-accept-encoding");
        assert.equal(accepted, "identity,x-flip,gzip");
        const flippedHello = prefixed(flipped(Buffer.from("hello")), 1);
        const reply = await call(client, UNARY, [flippedHello], [["grpc-encoding", "x-flip"]]);
        assert.deepEqual(messagesIn(reply.data), ["hello"]);
      },
      compressing({ codings: [flip, gzip] }),
    );
  });

  test("a request that is being decompressed when its client goes away starts no handler", async () => {
    const slow = slowCompressor();
    let ran = 0;
    await served(
      { unary: () => Buffer.from(String(++ran)) },
      async ({ connect, ended }) => {
        const client = await connect();
        const streamId = client.open(requestFields(UNARY, [["grpc-encoding", "x-slow"]]));
        client.data(streamId, prefixed("x", 1), { endStream: true });
        await slow.begun(1);
        client.reset(streamId, 8);
        await client.roundTrip();
        slow.work[0]?.finish();
        await client.roundTrip();
        assert.deepEqual(
          ended.map(({ code }) => code),
          [Code.CANCELLED],
        );
      },
      compressing({ codings: [slow] }),
    );
    assert.equal(ran, 0);
  });
});

describe("compressed responses", () => {
  test("R118 R120 the server's coding is applied for all four kinds, whatever the request's was", async () => {
    for (const coding of CODINGS) {
      await served(
        {},
        async ({ connect }) => {
          const client = await connect();
          for (const path of ALL) {
            for (const text of [LONG, HUGE]) {
              const reply = await upload(client, path, prefixed(text), [TAKES_ALL]);
              assert.equal(field(reply.headers, "grpc-encoding"), coding, path);
              assert.deepEqual(opened(reply.data, coding), [`z:${text}`], path);
              assert.equal(reply.grpcStatus, Code.OK);
              assert.deepEqual(reply.order.at(-1), "HEADERS+END_STREAM");
            }
          }
          const other = coding === "gzip" ? "deflate" : "gzip";
          const reply = await call(client, UNARY, [compressed(LONG, other)], [["grpc-encoding", other], TAKES_ALL]);
          assert.deepEqual(opened(reply.data, coding), [`z:${LONG}`]);
        },
        compressing({ send: coding }),
      );
    }
  });

  test("R121 a coding that the client did not list is not used, and nothing is said of it", async () => {
    await served(
      {},
      async ({ connect }) => {
        const client = await connect();
        for (const extra of [
          [],
          [takes("identity")],
          [takes("identity,deflate")],
          [takes("gzip2, x-gzip")],
          [takes("")],
        ]) {
          for (const path of ALL) {
            const reply = await call(client, path, [prefixed(LONG)], extra);
            assert.equal(field(reply.headers, "grpc-encoding"), undefined);
            assert.deepEqual(opened(reply.data, "gzip"), [LONG], path);
          }
        }
        const reply = await call(client, UNARY, [prefixed(LONG)], [takes("identity , gzip")]);
        assert.deepEqual(opened(reply.data, "gzip"), [`z:${LONG}`]);
      },
      compressing(),
    );
  });

  test("R116 R119 short and empty messages stay plain, and the coding is named all the same", async () => {
    const list = ["", "x", "x".repeat(1023), "x".repeat(1024)];
    await served(
      {
        *serverStreaming() {
          for (const text of list) yield Buffer.from(text);
        },
      },
      async ({ connect }) => {
        const client = await connect();
        for (const text of list) {
          const reply = await call(client, UNARY, [prefixed(text)], [TAKES_ALL]);
          const isLong = text.length >= 1024;
          assert.deepEqual(opened(reply.data, "gzip"), [isLong ? `z:${text}` : text]);
          assert.equal(field(reply.headers, "grpc-encoding"), "gzip");
        }
        const reply = await call(client, SERVER_STREAMING, [prefixed("")], [TAKES_ALL]);
        assert.equal(field(reply.headers, "grpc-encoding"), "gzip");
        assert.deepEqual(
          opened(reply.data, "gzip"),
          list.map((text, i) => (i === 3 ? `z:${text}` : text)),
        );
      },
      compressing(),
    );
  });

  test("R117 a handler chooses for its call: another coding, or none", async () => {
    const choose = (request: Uint8Array, handlerCall: HandlerCall): Uint8Array => {
      const [name = "", message = ""] = Buffer.from(request).toString().split(":");
      assert.equal(handlerCall.compression, "gzip");
      handlerCall.compression = name;
      assert.equal(handlerCall.compression, name);
      return Buffer.from(message);
    };
    await served(
      {
        unary: choose,
        *serverStreaming(request, handlerCall) {
          yield choose(request, handlerCall);
        },
      },
      async ({ connect }) => {
        const client = await connect();
        for (const path of [UNARY, SERVER_STREAMING]) {
          const off = await call(client, path, [prefixed(`identity:${LONG}`)], [TAKES_ALL]);
          assert.equal(field(off.headers, "grpc-encoding"), undefined);
          assert.deepEqual(opened(off.data, "gzip"), [LONG]);
          const other = await call(client, path, [prefixed(`deflate:${LONG}`)], [TAKES_ALL]);
          assert.equal(field(other.headers, "grpc-encoding"), "deflate");
          assert.deepEqual(opened(other.data, "deflate"), [`z:${LONG}`]);
        }
      },
      compressing(),
    );
  });

  test("R117 R121 what a handler chooses is not used either when the client does not take it", async () => {
    const seen: string[] = [];
    await served(
      {
        unary(request, handlerCall) {
          handlerCall.compression = "gzip";
          seen.push(handlerCall.compression);
          return request;
        },
      },
      async ({ connect }) => {
        const client = await connect();
        const without = await call(client, UNARY, [prefixed(LONG)], [takes("identity,deflate")]);
        assert.deepEqual(opened(without.data, "gzip"), [LONG]);
        const taken = await call(client, UNARY, [prefixed(LONG)], [TAKES_ALL]);
        assert.deepEqual(opened(taken.data, "gzip"), [`z:${LONG}`]);
      },
    );
    assert.deepEqual(seen, ["identity", "gzip"]);
  });

  test("R117 a handler switches message by message, whatever their size", async () => {
    await served(
      {
        async *serverStreaming(_, handlerCall) {
          assert.equal(handlerCall.compress, true);
          yield Buffer.from(LONG);
          handlerCall.compress = false;
          assert.equal(handlerCall.compress, false);
          yield Buffer.from(HUGE);
          handlerCall.compress = true;
          yield Buffer.from("short");
          yield Buffer.alloc(0);
          yield Buffer.from(HUGE);
          handlerCall.compress = false;
          yield Buffer.from("last");
        },
      },
      async ({ connect }) => {
        const reply = await call(await connect(), SERVER_STREAMING, [prefixed("")], [TAKES_ALL]);
        assert.deepEqual(opened(reply.data, "gzip"), [`z:${LONG}`, HUGE, "z:short", "", `z:${HUGE}`, "last"]);
      },
      compressing(),
    );
  });

  test("a coding the server does not know, or one set too late, is an error in the handler", async () => {
    const thrown: unknown[] = [];
    const note = (run: () => void): void => {
      try {
        run();
      } catch (error) {
        thrown.push(error);
      }
    };
    await served(
      {
        async *serverStreaming(_, handlerCall) {
          note(() => (handlerCall.compression = "br"));
          handlerCall.sendHeaders();
          note(() => (handlerCall.compression = "deflate"));
          yield Buffer.from(LONG);
        },
        *bidiStreaming(_, handlerCall) {
          yield Buffer.from(LONG);
          note(() => (handlerCall.compression = "deflate"));
          yield Buffer.from(LONG);
        },
      },
      async ({ connect }) => {
        const client = await connect();
        const one = await call(client, SERVER_STREAMING, [prefixed("")], [TAKES_ALL]);
        assert.deepEqual(opened(one.data, "gzip"), [`z:${LONG}`]);
        const two = await call(client, BIDI_STREAMING, [prefixed("")], [TAKES_ALL]);
        assert.deepEqual(opened(two.data, "gzip"), [`z:${LONG}`, `z:${LONG}`]);
      },
      compressing(),
    );
    assert.ok(thrown[0] instanceof TypeError);
    assert.match(thrown[0].message, /"br" as the codings here are identity, gzip, deflate/);
    for (const error of thrown.slice(1)) assert.match(String(error), /Cannot set the compression of .* as its headers/);
    assert.equal(thrown.length, 3);
  });

  test("the trailers wait for what is being compressed, and headers do not", async () => {
    const slow = slowCompressor();
    await served(
      {
        *serverStreaming() {
          yield Buffer.from("first");
          yield Buffer.from("second");
        },
      },
      async ({ connect }) => {
        const client = await connect();
        for (const path of [UNARY, SERVER_STREAMING]) {
          const before = slow.work.length;
          const count = path === UNARY ? 1 : 2;
          const streamId = client.open(requestFields(path, [takes("x-slow")]));
          client.data(streamId, prefixed("first"), { endStream: true });
          for (let i = 1; i <= count; i++) {
            await slow.begun(before + i);
            await client.roundTrip();
            assert.equal(client.order(streamId).length, i, "headers, and one message for each that is ready");
            slow.work[before + i - 1]?.finish();
          }
          const reply = await client.reply(streamId);
          assert.equal(reply.grpcStatus, Code.OK);
          const messages = flaggedIn(reply.data).map(({ payload }) => Buffer.from(flipped(payload)).toString());
          assert.deepEqual(messages, ["first", "second"].slice(0, count));
        }
      },
      compressing({ send: "x-slow", codings: [slow], minBytes: 0 }),
    );
  });

  test("R112 a client that goes away while its response is being compressed harms nobody", async () => {
    const slow = slowCompressor();
    await served(
      {},
      async ({ connect, errors }) => {
        const client = await connect();
        for (const path of ALL) {
          const before = slow.work.length;
          const streamId = client.open(requestFields(path, [takes("x-slow")]));
          client.data(streamId, prefixed("hello"), { endStream: true });
          await slow.begun(before + 1);
          client.reset(streamId, 8);
          await client.roundTrip();
          slow.work[before]?.finish();
          await client.roundTrip();
        }
        assert.deepEqual(errors, []);
      },
      compressing({ send: "x-slow", codings: [slow], minBytes: 0 }),
    );
  });

  test("a deadline does not wait for what is being compressed", async () => {
    const slow = slowCompressor();
    await served(
      {
        async *serverStreaming() {
          yield Buffer.from("never");
          await new Promise(() => undefined);
        },
      },
      async ({ connect }) => {
        const client = await connect();
        const extra: Field[] = [takes("x-slow"), ["grpc-timeout", "50m"]];
        const reply = await call(client, SERVER_STREAMING, [prefixed("")], extra);
        assert.equal(reply.grpcStatus, Code.DEADLINE_EXCEEDED);
        assert.equal(reply.data.length, 0);
        assert.equal(slow.work.length, 1);
      },
      compressing({ send: "x-slow", codings: [slow], minBytes: 0 }),
    );
  });

  test("a response that cannot be compressed is INTERNAL without the reason, which onError hears", async () => {
    const reason = new Error("the reason");
    const atOnce: Compressor = {
      ...flip,
      compress() {
        throw reason;
      },
    };
    const later: Compressor = { ...flip, compress: () => Promise.reject(reason) };
    for (const compressor of [atOnce, later]) {
      await served(
        {},
        async ({ connect, errors }) => {
          const client = await connect();
          for (const path of ALL) {
            const reply = await call(client, path, [prefixed("hello")], [takes("x-flip")]);
            assert.equal(reply.grpcStatus, Code.INTERNAL, path);
            assert.equal(decodeURIComponent(reply.grpcMessage), "cannot encode wire.Bytes");
            const error = (errors as Error[]).pop();
            assert.equal(error?.cause, reason);
            assert.equal(errors.length, 0);
          }
        },
        // The server must be able to say that it is well.
        compressing({ send: "x-flip", codings: [compressor], minBytes: 5 }),
      );
    }
  });
});
