/**
 * Compression on the client: when and how its requests are compressed, and what it makes of compressed responses.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Channel,
  Code,
  deflate,
  gzip,
  type CallOptions,
  type ChannelOptions,
  type Compressor,
} from "../../src/core.js";
import { CODINGS, compressed, flaggedIn, opened, ZLIB } from "../support/flagged.js";
import type { Field } from "../support/http2-hpack.js";
import type { Reply, ServerPeer } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import {
  answer,
  begin,
  KINDS,
  MANY_RESPONSES,
  ONE_RESPONSE,
  outcome,
  scripted,
  type Kind,
  type Outcome,
  type Scripted,
} from "../support/peer-scripted.js";
import { OK_TRAILERS, prefixed, RESPONSE_FIELDS, said } from "../support/peer-service.js";
import { flip, flipped, slowCompressor } from "../support/test-codings.js";

guardProcess();

const LONG = "long enough to be compressed ".repeat(100);
const HUGE = "huge, so that it is done beside the event loop ".repeat(4000);

function compressing(compression: ChannelOptions["compression"] = { send: "gzip" }): { channel: ChannelOptions } {
  return { channel: { compression: { minBytes: 1024, ...compression } } };
}

/** What the server saw of a call with one request. */
interface Seen {
  readonly coding: string | undefined;
  readonly accepted: string | undefined;
  readonly data: Buffer;
}

/** Makes a call of a kind, answers it, and says what it looked like. */
async function seen(
  { server, client }: Scripted,
  kind: Kind,
  text: string,
  options?: CallOptions,
  fields: readonly Field[] = [],
): Promise<Seen> {
  const bytes = Buffer.from(text);
  const call =
    kind === "unary" || kind === "serverStreaming" ? client[kind](bytes, options) : client[kind]([bytes], options);
  const ended = outcome(call);
  const connection = server.connections[0] ?? (await server.connection());
  const head = await connection.request();
  const { data } = await connection.reply(head.streamId);
  connection.headers(head.streamId, [...RESPONSE_FIELDS, ...fields]);
  connection.data(head.streamId, prefixed("done"));
  connection.headers(head.streamId, OK_TRAILERS, { endStream: true });
  assert.equal((await ended).code, Code.OK);
  return { coding: said(head, "grpc-encoding"), accepted: said(head, "grpc-accept-encoding"), data };
}

describe("compressed requests", () => {
  test("R116 R9 nothing is compressed unless asked for; what can be taken is said", async () => {
    await scripted(async (all) => {
      for (const kind of KINDS) {
        for (const text of ["hello", HUGE]) {
          const { coding, accepted, data } = await seen(all, kind, text);
          assert.deepEqual([coding, accepted], [undefined, "identity,gzip,deflate"]);
          assert.deepEqual(opened(data, "gzip"), [text], kind);
        }
      }
    });
    await scripted(
      async (all) => {
        assert.equal((await seen(all, "unary", "x")).accepted, "identity");
      },
      compressing({ codings: [] }),
    );
    await scripted(
      async (all) => assert.equal((await seen(all, "unary", "x")).accepted, "identity,x-flip,deflate"),
      compressing({ codings: [flip, deflate] }),
    );
  });

  test("R118 the channel's coding is applied and named for all four kinds", async () => {
    for (const coding of CODINGS) {
      await scripted(
        async (all) => {
          for (const kind of KINDS) {
            for (const text of [LONG, HUGE]) {
              const request = await seen(all, kind, text);
              assert.equal(request.coding, coding);
              assert.deepEqual(opened(request.data, coding), [`z:${text}`], kind);
            }
          }
        },
        compressing({ send: coding }),
      );
    }
  });

  test("R119 R118 every message but an empty one is compressed, and the coding is named all the same", async () => {
    await scripted(
      async (all) => {
        for (const kind of KINDS) {
          for (const text of ["", "x", LONG]) {
            const { coding, data } = await seen(all, kind, text);
            assert.deepEqual(opened(data, "gzip"), [text === "" ? "" : `z:${text}`], kind);
            assert.equal(coding, "gzip");
          }
        }
      },
      { channel: { compression: { send: "gzip" } } },
    );
  });

  test("messages shorter than minBytes stay plain", async () => {
    await scripted(
      async (all) => {
        for (const kind of KINDS) {
          assert.deepEqual(opened((await seen(all, kind, "x".repeat(1023))).data, "gzip"), ["x".repeat(1023)]);
          assert.deepEqual(opened((await seen(all, kind, "x".repeat(1024))).data, "gzip"), [`z:${"x".repeat(1024)}`]);
        }
      },
      compressing({ send: "gzip", minBytes: 1024 }),
    );
  });

  test("R117 a call says otherwise: another coding, or none; without the channel's word as well", async () => {
    await scripted(async (all) => {
      for (const kind of KINDS) {
        const none = await seen(all, kind, LONG, { compression: "identity" });
        assert.equal(none.coding, undefined);
        assert.deepEqual(opened(none.data, "gzip"), [LONG]);
        const other = await seen(all, kind, LONG, { compression: "deflate" });
        assert.equal(other.coding, "deflate");
        assert.deepEqual(opened(other.data, "deflate"), [`z:${LONG}`]);
      }
    }, compressing());
    await scripted(async (all) => {
      const one = await seen(all, "unary", LONG, { compression: "gzip" });
      assert.deepEqual(opened(one.data, "gzip"), [`z:${LONG}`]);
    });
  });

  test("R117 a message says otherwise, whatever its size, and order is kept", async () => {
    await scripted(async ({ server, client }) => {
      for (const kind of ["clientStreaming", "bidiStreaming"] as const) {
        const call = client[kind]();
        const send = (text: string, compress?: boolean): unknown =>
          call.send(Buffer.from(text), compress === undefined ? undefined : { compress });
        await send(LONG);
        await send(LONG, false);
        await send("x", true);
        await send("", true);
        void send(HUGE);
        void send(HUGE, false);
        void send("y");
        void send("z", true);
        call.closeSend();
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await connection.request();
        const { data } = await connection.reply(streamId);
        const wanted = [`z:${LONG}`, LONG, "z:x", "", `z:${HUGE}`, HUGE, "y", "z:z"];
        assert.deepEqual(opened(data, "gzip"), wanted, kind);
        answer(connection, streamId, [""]);
        await ("finish" in call ? call.finish() : call.receive());
      }
    }, compressing());
  });

  test("a coding that the channel does not know is a TypeError, of the channel or of the call", async () => {
    assert.throws(() => new Channel("localhost:1", { compression: { send: "br" } }), {
      name: "TypeError",
      message: /"br" as the codings here are identity, gzip, deflate/,
    });
    await scripted(
      async ({ client }) => {
        const options = { compression: "deflate" };
        const wanted = { name: "TypeError", message: /"deflate" as the codings here are identity, gzip/ };
        await assert.rejects(client.unary(Buffer.alloc(0), options), wanted);
        await assert.rejects(client.clientStreaming([], options), wanted);
        assert.throws(() => client.serverStreaming(Buffer.alloc(0), options), wanted);
        assert.throws(() => client.bidiStreaming(options), wanted);
      },
      compressing({ codings: [gzip] }),
    );
  });

  test("R129 a client that has learnt what a server takes uses nothing else", async () => {
    await scripted(async (all) => {
      assert.equal(
        (await seen(all, "unary", LONG, {}, [["grpc-accept-encoding", "identity, deflate"]])).coding,
        "gzip",
      );
      for (const kind of KINDS) {
        const plain = await seen(all, kind, LONG);
        assert.equal(plain.coding, undefined);
        assert.deepEqual(opened(plain.data, "gzip"), [LONG]);
        assert.equal((await seen(all, kind, LONG, { compression: "deflate" })).coding, "deflate");
      }
      await seen(all, "unary", "x", {}, [["grpc-accept-encoding", "gzip"]]);
      assert.equal((await seen(all, "unary", LONG)).coding, "gzip");
    }, compressing());
  });

  test("R129 it learns from a refusal, too", async () => {
    await scripted(async (all) => {
      const call = outcome(all.client.unary(Buffer.from(LONG)));
      const connection = await all.server.connection();
      const { streamId } = await connection.request();
      const refusal: Field[] = [...RESPONSE_FIELDS, ["grpc-status", "12"], ["grpc-accept-encoding", "identity"]];
      connection.headers(streamId, refusal, { endStream: true });
      assert.equal((await call).code, Code.UNIMPLEMENTED);
      await connection.reply(streamId);
      assert.equal((await seen(all, "unary", LONG)).coding, undefined);
    }, compressing());
  });

  test("the half-close waits for what is being compressed", async () => {
    const slow = slowCompressor();
    await scripted(
      async ({ server, client }) => {
        for (const kind of KINDS) {
          const before = slow.work.length;
          const call = outcome(begin(client, kind));
          const connection = server.connections[0] ?? (await server.connection());
          const { streamId, fields } = await connection.request();
          assert.ok(fields.some(([name, value]) => name === "grpc-encoding" && value === "x-slow"));
          await slow.begun(before + 1);
          await connection.roundTrip();
          assert.deepEqual(connection.order(streamId), ["HEADERS"]);
          slow.work[before]?.finish();
          const { data, order } = await connection.reply(streamId);
          assert.deepEqual(flaggedIn(data), [{ flag: 1, payload: Buffer.from(flipped(Buffer.from("hello"))) }]);
          assert.equal(order.at(-1), "DATA+END_STREAM");
          answer(connection, streamId, ["done"]);
          assert.equal((await call).code, Code.OK);
        }
      },
      { ...compressing({ send: "x-slow", codings: [slow], minBytes: 5 }) },
    );
  });

  test("R109 a call cancelled, or answered, while its request is being compressed sends nothing of it", async () => {
    const slow = slowCompressor();
    await scripted(
      async ({ server, client }) => {
        for (const kind of KINDS) {
          for (const how of ["cancel", "answer"] as const) {
            const before = slow.work.length;
            const call = begin(client, kind);
            const ended = outcome(call);
            const connection = server.connections[0] ?? (await server.connection());
            const { streamId } = await connection.request();
            await slow.begun(before + 1);
            if (how === "cancel") call.cancel();
            else answer(connection, streamId, ["early"]);
            assert.equal((await ended).code, how === "cancel" ? Code.CANCELLED : Code.OK);
            slow.work[before]?.finish();
            const { data, order } = await connection.reply(streamId);
            assert.equal(data.length, 0);
            assert.equal(order.includes("RST_STREAM(8)"), how === "cancel", String(order));
            await connection.roundTrip();
          }
        }
      },
      compressing({ send: "x-slow", codings: [slow], minBytes: 5 }),
    );
  });

  test("a request that cannot be compressed is INTERNAL with the reason, and cancels", async () => {
    const reason = new Error("the reason");
    const atOnce: Compressor = {
      ...flip,
      compress() {
        throw reason;
      },
    };
    const later: Compressor = { ...flip, compress: () => Promise.reject(reason) };
    for (const compressor of [atOnce, later]) {
      await scripted(
        async ({ client }) => {
          for (const kind of KINDS) {
            if (compressor === atOnce && kind === "serverStreaming") {
              assert.throws(() => begin(client, kind), /Cannot compress wire\.Bytes with "x-flip": the reason/);
              continue;
            }
            const call = begin(client, kind);
            const error: unknown =
              Symbol.asyncIterator in call
                ? await call[Symbol.asyncIterator]()
                    .next()
                    .catch((thrown: unknown) => thrown)
                : await call.then(undefined, (thrown: unknown) => thrown);
            assert.match(String(error), /Cannot compress wire\.Bytes with "x-flip": the reason/, kind);
            assert.equal((await call.status).code, Code.INTERNAL);
          }
        },
        compressing({ send: "x-flip", codings: [compressor], minBytes: 5 }),
      );
    }
  });

  test("bytes that wait to be compressed count for maxQueuedBytes", async () => {
    const slow = slowCompressor();
    await scripted(
      async ({ client }) => {
        const call = client.bidiStreaming();
        for (let i = 0; i < 4; i++) void call.send(Buffer.alloc(30_000));
        assert.deepEqual((await call.status).code, Code.RESOURCE_EXHAUSTED);
      },
      {
        channel: { maxQueuedBytes: 50_000, compression: { send: "x-slow", codings: [slow], minBytes: 1024 } },
      },
    );
  });
});

type Respond = (connection: ServerPeer, streamId: number) => void;

/** One call of a kind for every script, on one channel. */
async function answered(
  kind: Kind,
  scripts: readonly Respond[],
  channel: ChannelOptions = {},
  peek?: (reply: Reply) => void,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  await scripted(
    async ({ server, client }) => {
      for (const respond of scripts) {
        const ended = outcome(begin(client, kind));
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await connection.request();
        peek?.(await connection.reply(streamId));
        respond(connection, streamId);
        outcomes.push(await ended);
      }
    },
    { channel },
  );
  return outcomes;
}

/** Headers that name a coding, messages as they are, and OK. */
function respond(coding: string, ...messages: readonly Buffer[]): Respond {
  return (connection, streamId) => {
    connection.headers(streamId, [...RESPONSE_FIELDS, ["grpc-encoding", coding]]);
    void (async () => {
      await connection.body(streamId, Buffer.concat(messages));
      connection.headers(streamId, OK_TRAILERS, { endStream: true });
    })();
  };
}

describe("compressed responses", () => {
  test("R118 R127 gzip and deflate are taken, short and huge, for all four kinds", async () => {
    for (const kind of KINDS) {
      const texts = ["", "hello", LONG, HUGE];
      const scripts = CODINGS.flatMap((coding) => texts.map((text) => respond(coding, compressed(text, coding))));
      const outcomes = await answered(kind, scripts);
      outcomes.forEach(({ code, messages, message }, i) => {
        assert.equal(code, Code.OK, `${kind}: ${message}`);
        assert.deepEqual(messages, [texts[i % texts.length]]);
      });
    }
  });

  test("R53 plain and compressed messages come in order, and the call says which it was", async () => {
    await scripted(async ({ server, client }) => {
      for (const kind of MANY_RESPONSES) {
        const call = kind === "serverStreaming" ? client.serverStreaming(Buffer.alloc(0)) : client.bidiStreaming();
        assert.equal(call.responseCompressed, false);
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await connection.request();
        const messages = [compressed("a", "gzip"), prefixed("b"), compressed(HUGE, "gzip"), prefixed("d")];
        respond("gzip", ...messages)(connection, streamId);
        const came: [string, boolean][] = [];
        for await (const message of call) came.push([Buffer.from(message).toString(), call.responseCompressed]);
        assert.deepEqual(came, [
          ["a", true],
          ["b", false],
          [HUGE, true],
          ["d", false],
        ]);
      }
      for (const flag of [true, false]) {
        const call = client.unary(Buffer.alloc(0));
        const [connection] = server.connections as [ServerPeer];
        const { streamId } = await connection.request();
        respond("gzip", flag ? compressed("a", "gzip") : prefixed("a"))(connection, streamId);
        await call;
        assert.equal(call.responseCompressed, flag);
      }
    });
  });

  test("R126 bytes that cannot be decompressed are INTERNAL, and what came before is given out", async () => {
    const broken = [
      Buffer.from("not gzip"),
      ZLIB.gzip.compress(LONG).subarray(0, -8),
      Buffer.concat([ZLIB.gzip.compress(LONG), Buffer.from("more")]),
      Buffer.concat([ZLIB.gzip.compress(LONG), Buffer.alloc(9)]),
      ZLIB.deflate.compress(LONG),
      Buffer.alloc(0),
      Buffer.concat([ZLIB.gzip.compress(Buffer.from(HUGE)), Buffer.from("x")]),
    ];
    for (const kind of KINDS) {
      const many = MANY_RESPONSES.includes(kind);
      const first = many ? [compressed("first", "gzip"), prefixed("second")] : [];
      const outcomes = await answered(
        kind,
        broken.map((bytes) => respond("gzip", ...first, prefixed(bytes, 1))),
      );
      for (const { code, message, messages } of outcomes) {
        assert.equal(code, Code.INTERNAL, `${kind}: ${message}`);
        assert.match(message, /cannot decompress a message with "gzip"/);
        assert.deepEqual(messages, many ? ["first", "second"] : []);
      }
    }
  });

  test("R131 what is too large when decompressed is RESOURCE_EXHAUSTED, and the limit passes", async () => {
    const bomb = compressed(new Uint8Array(50 * 1024 * 1024), "gzip");
    for (const kind of KINDS) {
      const outcomes = await answered(
        kind,
        [
          respond("gzip", compressed("x".repeat(60_000), "gzip")),
          respond("gzip", compressed("x".repeat(60_001), "gzip")),
          respond("gzip", bomb),
        ],
        { maxReceiveBytes: 60_000 },
      );
      assert.deepEqual(
        outcomes.map(({ code }) => code),
        [Code.OK, Code.RESOURCE_EXHAUSTED, Code.RESOURCE_EXHAUSTED],
        kind,
      );
      assert.match(outcomes[1]?.message ?? "", /60000 bytes/);
    }
  });

  test("R124 R125 a coding that was switched off is like one that nobody knows; one's own is taken", async () => {
    const channel = { compression: { codings: [flip] } };
    for (const kind of KINDS) {
      const [off, own, plain] = await answered(
        kind,
        [
          respond("gzip", compressed("hello", "gzip")),
          respond("x-flip", prefixed(flipped(Buffer.from("hello")), 1)),
          respond("gzip", prefixed("plain")),
        ],
        channel,
      );
      assert.equal(off?.code, Code.INTERNAL);
      assert.match(off.message, /"gzip", which is not supported; supported: identity,x-flip/);
      assert.deepEqual(own?.messages, ["hello"]);
      assert.deepEqual(plain?.messages, ["plain"]);
    }
  });

  test("a response that is being decompressed when the call is cancelled is dropped", async () => {
    const slow = slowCompressor();
    await scripted(
      async ({ server, client }) => {
        for (const kind of [...ONE_RESPONSE, ...MANY_RESPONSES]) {
          const before = slow.work.length;
          const call = begin(client, kind);
          const ended = outcome(call);
          const connection = server.connections[0] ?? (await server.connection());
          const { streamId } = await connection.request();
          await connection.reply(streamId);
          respond("x-slow", prefixed("hello", 1))(connection, streamId);
          await slow.begun(before + 1);
          call.cancel();
          const { code, messages } = await ended;
          assert.deepEqual([code, messages], [Code.CANCELLED, []], kind);
          slow.work[before]?.finish();
        }
      },
      { channel: { compression: { codings: [slow] } } },
    );
  });
});
