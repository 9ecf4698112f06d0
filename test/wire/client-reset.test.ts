/**
 * How a client's call ends before its time: reset by the server, cancelled by the application, or past its deadline.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, type CallFacts } from "../../src/core.js";
import { ErrorCode } from "../support/http2-frame.js";
import type { ServerPeer } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { answer, begin, completeRequest, KINDS, MANY_RESPONSES, outcome, scripted } from "../support/peer-scripted.js";
import { granted, OK_TRAILERS, prefixed, RESPONSE_FIELDS } from "../support/peer-service.js";

guardProcess();

/** What a received RST_STREAM means. STREAM_CLOSED is INTERNAL as elsewhere, codes that do not exist as well. */
const MEANING: readonly (readonly [reset: number, code: Code])[] = [
  [ErrorCode.NO_ERROR, Code.INTERNAL],
  [ErrorCode.PROTOCOL_ERROR, Code.INTERNAL],
  [ErrorCode.INTERNAL_ERROR, Code.INTERNAL],
  [ErrorCode.FLOW_CONTROL_ERROR, Code.INTERNAL],
  [ErrorCode.SETTINGS_TIMEOUT, Code.INTERNAL],
  [ErrorCode.STREAM_CLOSED, Code.INTERNAL],
  [ErrorCode.FRAME_SIZE_ERROR, Code.INTERNAL],
  [ErrorCode.REFUSED_STREAM, Code.UNAVAILABLE],
  [ErrorCode.CANCEL, Code.CANCELLED],
  [ErrorCode.COMPRESSION_ERROR, Code.INTERNAL],
  [ErrorCode.CONNECT_ERROR, Code.INTERNAL],
  [ErrorCode.ENHANCE_YOUR_CALM, Code.RESOURCE_EXHAUSTED],
  [ErrorCode.INADEQUATE_SECURITY, Code.PERMISSION_DENIED],
  [ErrorCode.HTTP_1_1_REQUIRED, Code.INTERNAL],
  [0xbeef, Code.INTERNAL],
];

const MOMENTS: Readonly<Record<string, (connection: ServerPeer, streamId: number) => void>> = {
  "before headers": () => undefined,
  "after headers": (connection, streamId) => connection.headers(streamId, RESPONSE_FIELDS),
  "in the middle of a message": (connection, streamId) => {
    connection.headers(streamId, RESPONSE_FIELDS);
    connection.data(streamId, prefixed("hello").subarray(0, 7));
  },
  "after all data": (connection, streamId) => {
    connection.headers(streamId, RESPONSE_FIELDS);
    connection.data(streamId, prefixed("hello"));
  },
};

describe("reset by the server", () => {
  for (const [moment, lead] of Object.entries(MOMENTS)) {
    // A call that was refused before anything came may be tried again, which makes it another test.
    const codes = MEANING.filter(([reset]) => moment !== "before headers" || reset !== ErrorCode.REFUSED_STREAM);
    test(`R87 ${moment}: every code of the table, for all four kinds`, async () => {
      await scripted(async ({ server, client }) => {
        for (const kind of KINDS) {
          for (const [reset, code] of codes) {
            const result = outcome(begin(client, kind));
            const connection = server.connections[0] ?? (await server.connection());
            const { streamId } = await completeRequest(connection);
            lead(connection, streamId);
            connection.reset(streamId, reset);
            assert.equal((await result).code, code, `${kind} RST_STREAM(${reset})`);
          }
        }
      });
    });
  }

  test("R87 R78 between messages and in the middle of the second: those before come out first, or the error does", async () => {
    await scripted(async ({ server, client }) => {
      for (const kind of MANY_RESPONSES) {
        for (const bytes of [
          [prefixed("one"), prefixed("two")],
          [prefixed("one"), prefixed("two").subarray(0, 6)],
        ]) {
          for (const [reset, code] of MEANING) {
            const result = outcome(begin(client, kind));
            const connection = server.connections[0] ?? (await server.connection());
            const { streamId } = await completeRequest(connection);
            connection.headers(streamId, RESPONSE_FIELDS);
            for (const chunk of bytes) connection.data(streamId, chunk);
            connection.reset(streamId, reset);
            const { code: came, messages } = await result;
            assert.equal(came, code, `${kind} RST_STREAM(${reset})`);
            assert.deepEqual(messages, ["one", "two"].slice(0, messages.length));
          }
        }
      }
    });
  });

  test("R88 behind the trailers of a call that has half-closed, a reset with any code changes nothing", async () => {
    await scripted(async ({ server, client }) => {
      for (const kind of KINDS) {
        for (const [reset] of MEANING) {
          for (const end of ["OK", "an error", "Trailers-Only"] as const) {
            const result = outcome(begin(client, kind));
            const connection = server.connections[0] ?? (await server.connection());
            const { streamId } = await completeRequest(connection);
            connection.socket.cork();
            if (end === "Trailers-Only") {
              connection.headers(streamId, [...RESPONSE_FIELDS, ["grpc-status", "10"]], { endStream: true });
            } else {
              connection.headers(streamId, RESPONSE_FIELDS);
              connection.data(streamId, prefixed("m"));
              connection.headers(streamId, end === "OK" ? OK_TRAILERS : [["grpc-status", "10"]], { endStream: true });
            }
            connection.reset(streamId, reset);
            connection.socket.uncork();
            const { code, messages } = await result;
            assert.equal(code, end === "OK" ? Code.OK : Code.ABORTED, `${kind} ${end} RST_STREAM(${reset})`);
            if (end === "OK") assert.deepEqual(messages, ["m"]);
          }
        }
      }
    });
  });

  test("R88 R78 behind the trailers of a call that still sends: the status that came, or the reset's, and never half an OK", async () => {
    await scripted(async ({ server, client }) => {
      for (const [reset, code] of MEANING) {
        for (const taken of [true, false]) {
          const call = client.bidiStreaming();
          const result = outcome(call);
          const connection = server.connections[0] ?? (await server.connection());
          const { streamId } = await connection.request();
          connection.socket.cork();
          answer(connection, streamId, ["one", "two"]);
          connection.socket.uncork();
          if (taken) await connection.roundTrip();
          connection.reset(streamId, reset);
          const { code: came, messages } = await result;
          if (taken || reset === ErrorCode.NO_ERROR) assert.equal(came, Code.OK, `RST_STREAM(${reset})`);
          else assert.ok(came === Code.OK || came === code, `RST_STREAM(${reset}): ${came}`);
          if (came === Code.OK) assert.deepEqual(messages, ["one", "two"]);
        }
      }
    });
  });

  test("R87 a reset while the request is blocked by flow control ends the call, also NO_ERROR after headers", async () => {
    for (const [reset, code] of MEANING) {
      if (reset === ErrorCode.REFUSED_STREAM) continue;
      for (const withHeaders of [true, false]) {
        await scripted(
          async ({ server, client }) => {
            const result = outcome(client.unary(Buffer.alloc(300_000)));
            const connection = await server.connection();
            const { streamId } = await connection.request();
            await connection.until("a full window", () =>
              connection.received(streamId) === 65_535 ? true : undefined,
            );
            if (withHeaders) connection.headers(streamId, RESPONSE_FIELDS);
            connection.reset(streamId, reset);
            assert.equal((await result).code, code, `RST_STREAM(${reset})`);
            connection.autoWindow = true;
            connection.windowUpdate(0, 65_535);
          },
          { peer: { autoWindow: false } },
        );
      }
    }
  });

  test("R92 a call that is answered before its half-close frees its stream", async () => {
    await scripted(async ({ server, client }) => {
      for (let i = 0; i < 200; i++) {
        const call = i % 2 === 0 ? client.clientStreaming() : client.bidiStreaming();
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await connection.request();
        answer(connection, streamId, ["m"]);
        const { code } = await outcome("finish" in call ? Object.assign(call.finish(), { ...facts(call) }) : call);
        assert.equal(code, Code.OK);
        const { order } = await connection.reply(streamId);
        assert.match(order.at(-1) ?? "", /^(DATA\+END_STREAM|RST_STREAM\(0\))$/);
      }
    });
  });

  test("R92 a server that refuses a long upload early gives its status, and the stream is freed", async () => {
    await scripted(
      async ({ server, client }) => {
        const result = outcome(client.unary(Buffer.alloc(300_000)));
        const connection = await server.connection();
        const { streamId } = await connection.request();
        await connection.until("a full window", () => (connection.received(streamId) === 65_535 ? true : undefined));
        connection.headers(streamId, [...RESPONSE_FIELDS, ["grpc-status", "8"], ["grpc-message", "too large"]], {
          endStream: true,
        });
        const { code, message } = await result;
        assert.deepEqual([code, message], [Code.RESOURCE_EXHAUSTED, "too large"]);
        const reset = await connection.frame("RST_STREAM", streamId);
        assert.equal(reset.errorCode, ErrorCode.NO_ERROR);
        connection.autoWindow = true;
        connection.windowUpdate(0, 65_535);
      },
      { peer: { autoWindow: false } },
    );
  });
});

/** The promises of a call, which a spread does not copy. */
function facts(call: CallFacts): CallFacts {
  const { status, headers, trailers, responseCompressed, attempts } = call;
  return { status, headers, trailers, responseCompressed, attempts, cancel: () => call.cancel() };
}

describe("cancelled by the application", () => {
  test("R108 R109 an open request stream is reset with CANCEL, without END_STREAM before it", async () => {
    await scripted(async ({ server, client }) => {
      for (const kind of ["clientStreaming", "bidiStreaming"] as const) {
        for (const how of ["cancel", "signal"] as const) {
          const controller = new AbortController();
          const call = client[kind]({ signal: controller.signal });
          const connection = server.connections[0] ?? (await server.connection());
          const { streamId } = await connection.request();
          for (const text of ["one", "two"]) {
            void call.send(Buffer.from(text));
            await connection.frame("DATA", streamId);
          }
          if (how === "cancel") call.cancel();
          else controller.abort();
          assert.equal((await call.status).code, Code.CANCELLED);
          const reset = await connection.frame("RST_STREAM", streamId);
          assert.equal(reset.errorCode, ErrorCode.CANCEL);
          await connection.roundTrip();
          assert.deepEqual(connection.order(streamId), ["HEADERS", "DATA", "DATA", "RST_STREAM(8)"]);
        }
      }
    });
  });

  test("R109 also with a message just written, and with one blocked by flow control", async () => {
    await scripted(
      async ({ server, client }) => {
        const call = client.bidiStreaming();
        const connection = await server.connection();
        const { streamId } = await connection.request();
        void call.send(Buffer.alloc(300_000));
        await connection.until("a full window", () => (connection.received(streamId) === 65_535 ? true : undefined));
        void call.send(Buffer.from("behind"));
        call.cancel();
        assert.equal((await connection.frame("RST_STREAM", streamId)).errorCode, ErrorCode.CANCEL);
        assert.ok(!connection.order(streamId).includes("DATA+END_STREAM"));
        connection.autoWindow = true;
        connection.windowUpdate(0, 65_535);
      },
      { peer: { autoWindow: false } },
    );
  });

  test("R108 a call that waits for its answer is reset with CANCEL: all kinds, before and after headers and messages", async () => {
    await scripted(async ({ server, client }) => {
      for (const kind of KINDS) {
        for (const lead of Object.values(MOMENTS)) {
          const call = begin(client, kind);
          const result = outcome(call);
          const connection = server.connections[0] ?? (await server.connection());
          const { streamId } = await completeRequest(connection);
          lead(connection, streamId);
          await connection.roundTrip();
          call.cancel();
          assert.equal((await result).code, Code.CANCELLED, kind);
          assert.equal((await connection.frame("RST_STREAM", streamId)).errorCode, ErrorCode.CANCEL);
        }
      }
    });
  });

  test("R108 leaving the loop cancels", async () => {
    await scripted(async ({ server, client }) => {
      for (const kind of MANY_RESPONSES) {
        const call = begin(client, kind);
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await completeRequest(connection);
        connection.headers(streamId, RESPONSE_FIELDS);
        connection.data(streamId, prefixed("one"));
        assert.ok(Symbol.asyncIterator in call);
        for await (const message of call) {
          assert.equal(Buffer.from(message).toString(), "one");
          break;
        }
        assert.equal((await connection.frame("RST_STREAM", streamId)).errorCode, ErrorCode.CANCEL);
        assert.equal((await call.status).code, Code.CANCELLED);
      }
    });
  });

  test("R110 a call cancelled while its connection is made sends nothing", async () => {
    await scripted(
      async ({ server, client }) => {
        const call = client.unary(Buffer.from("never"));
        const aborted = client.unary(Buffer.from("never"), { signal: AbortSignal.abort() });
        const connection = await server.connection();
        await connection.frame("SETTINGS");
        call.cancel();
        assert.equal((await outcome(call)).code, Code.CANCELLED);
        assert.equal((await outcome(aborted)).code, Code.CANCELLED);
        connection.settings({});
        connection.autoAck = true;
        await connection.roundTrip();
        assert.ok(!connection.frames.some((frame) => frame.name === "HEADERS"));
      },
      { peer: { settings: false } },
    );
  });

  test("R110 a call cancelled while it waits for a stream sends nothing", async () => {
    await scripted(
      async ({ server, client }) => {
        const first = client.unary(Buffer.from("first"));
        const connection = await server.connection();
        const { streamId } = await completeRequest(connection);
        const second = client.unary(Buffer.from("second"));
        await connection.roundTrip();
        second.cancel();
        assert.equal((await outcome(second)).code, Code.CANCELLED);
        answer(connection, streamId, ["m"]);
        await first;
        await connection.roundTrip();
        assert.equal(connection.frames.filter((frame) => frame.name === "HEADERS").length, 1);
      },
      { peer: { settings: { 3: 1 } } },
    );
  });

  test("R111 R100 CANCELLED wins over a status that came but was not told yet", async () => {
    await scripted(async ({ server, client }) => {
      const call = client.serverStreaming(Buffer.alloc(0));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      connection.headers(streamId, RESPONSE_FIELDS);
      connection.data(streamId, prefixed("unread"));
      connection.headers(
        streamId,
        [
          ["grpc-status", "0"],
          ["x-a", "1"],
        ],
        { endStream: true },
      );
      await call.headers;
      await connection.roundTrip();
      await connection.roundTrip();
      call.cancel();
      assert.equal((await call.status).code, Code.CANCELLED);
      assert.deepEqual([...(await call.trailers)], [], "nothing of the trailers is used");
      await assert.rejects(call.receive(), { code: Code.CANCELLED });
    });
  });

  test("R111 R99 so do the signal and the deadline, with messages unread", async () => {
    await scripted(async ({ server, client }) => {
      const abort = new AbortController();
      const cases = [
        [{ signal: abort.signal }, Code.CANCELLED],
        [{ timeoutMs: 300 }, Code.DEADLINE_EXCEEDED],
      ] as const;
      for (const [options, code] of cases) {
        const call = client.serverStreaming(Buffer.alloc(0), options);
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await completeRequest(connection);
        answer(connection, streamId, ["m0", "m1", "m2", "m3", "m4"]);
        assert.equal(Buffer.from((await call.receive()) ?? []).toString(), "m0");
        await connection.roundTrip();
        abort.abort();
        if (options === cases[1][0]) await new Promise((resolve) => setTimeout(resolve, options.timeoutMs));
        await assert.rejects(call.receive(), { code });
        assert.equal((await call.status).code, code);
      }
    });
  });

  test("an OK that has come is not undone by the request iterable: it is cancelled in return(), or throws", async () => {
    await scripted(async ({ server, client }) => {
      let returned = false;
      const iterable: AsyncIterable<Uint8Array> = {
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise(() => undefined),
          return: () => {
            returned = true;
            call.cancel();
            return Promise.resolve({ done: true, value: undefined });
          },
        }),
      };
      const call = client.clientStreaming(iterable);
      const connection = await server.connection();
      answer(connection, (await connection.request()).streamId, ["answer"]);
      assert.equal(Buffer.from(await call).toString(), "answer");
      assert.deepEqual(await call.status, { code: Code.OK, message: "" });
      assert.ok(returned);

      let fail: (error: Error) => void = () => undefined;
      const failure = new Promise<never>((_resolve, reject) => (fail = reject));
      async function* throwing(): AsyncGenerator<Uint8Array> {
        yield Buffer.from("request");
        await failure;
      }
      const chat = client.bidiStreaming(throwing());
      const { streamId } = await connection.request();
      answer(connection, streamId, ["m0", "m1", "m2"]);
      await connection.roundTrip();
      fail(new Error("the source is closed"));
      await connection.roundTrip();
      const result = await outcome(chat);
      assert.deepEqual([result.code, result.messages], [Code.OK, ["m0", "m1", "m2"]]);
    });
  });

  test("R115 after a thousand cancels with data on the way the connection works and its window is whole", async () => {
    await scripted(async ({ server, client }) => {
      const chunk = prefixed(Buffer.alloc(8000));
      let sent = 0;
      for (let i = 0; i < 1000; i++) {
        const call = client.serverStreaming(Buffer.alloc(0));
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await completeRequest(connection);
        connection.headers(streamId, RESPONSE_FIELDS);
        connection.data(streamId, chunk);
        call.cancel();
        assert.equal((await call.status).code, Code.CANCELLED);
        // These cross the reset on their way.
        connection.data(streamId, chunk);
        connection.headers(streamId, OK_TRAILERS, { endStream: true });
        sent += 2 * chunk.length;
        if (i % 50 === 49) await connection.roundTrip();
      }
      assert.equal(server.connections.length, 1, "it was one connection all the time");
      const [connection] = server.connections;
      assert.ok(connection !== undefined);
      assert.ok(sent > 4 * 1024 * 1024, "many times more than the window was sent");
      await connection.roundTrip();
      const left = 65_535 + granted(connection) - sent;
      assert.ok(
        left > 65_535 / 2,
        `${left} bytes of the connection's window are left: it is given back when half of it is used`,
      );
    });
  });
});

describe("deadline", () => {
  test("R99 the call ends DEADLINE_EXCEEDED here and is reset with CANCEL, at every moment and for all kinds", async () => {
    await scripted(async ({ server, client }) => {
      await client.wellbeing(Buffer.from("connected"));
      const connection = await server.connection();
      await connection.request();
      for (const kind of KINDS) {
        for (const [moment, lead] of Object.entries(MOMENTS)) {
          const result = outcome(begin(client, kind, { timeoutMs: 30 }));
          const { streamId } = await connection.request();
          lead(connection, streamId);
          const { code, error } = await result;
          assert.equal(code, Code.DEADLINE_EXCEEDED, `${kind} ${moment}`);
          assert.equal(error?.origin, "local");
          assert.equal((await connection.frame("RST_STREAM", streamId)).errorCode, ErrorCode.CANCEL);
          answer(connection, streamId, ["late"]);
          // Nothing came of some of these, so that the next call waits for the answer to a PING: its deadline must not pass meanwhile.
          await connection.roundTrip();
        }
      }
    });
  });

  test("R99 a deadline counts while the connection is made and while the call waits for a stream", async () => {
    await scripted(
      async ({ server, client }) => {
        assert.equal((await outcome(client.unary(Buffer.alloc(0), { timeoutMs: 30 }))).code, Code.DEADLINE_EXCEEDED);
        const connection = await server.connection();
        connection.settings({ 3: 1 });
        connection.autoAck = true;
        await connection.roundTrip();
        assert.ok(!connection.frames.some((frame) => frame.name === "HEADERS"), "nothing was sent for it");
        const first = client.unary(Buffer.alloc(0));
        const { streamId } = await completeRequest(connection);
        assert.equal((await outcome(client.unary(Buffer.alloc(0), { timeoutMs: 30 }))).code, Code.DEADLINE_EXCEEDED);
        answer(connection, streamId, [""]);
        await first;
      },
      { peer: { settings: false } },
    );
  });

  test("R98 a deadline of nothing or in the past sends nothing, not even a connection", async () => {
    await scripted(async ({ server, client }) => {
      for (const kind of KINDS) {
        for (const options of [{ timeoutMs: 0 }, { timeoutMs: -5 }, { deadline: new Date(Date.now() - 1000) }]) {
          const { code, error } = await outcome(begin(client, kind, options));
          assert.equal(code, Code.DEADLINE_EXCEEDED, kind);
          assert.equal(error?.origin, "local");
        }
      }
      assert.equal(server.connections.length, 0);
    });
  });

  test("R101 a CANCEL that comes when the deadline has passed is DEADLINE_EXCEEDED", async () => {
    await scripted(async ({ server, client }) => {
      await client.wellbeing(Buffer.from("connected"));
      const connection = await server.connection();
      await connection.request();
      const result = outcome(client.unary(Buffer.alloc(0), { timeoutMs: 20 }));
      const { streamId } = await connection.request();
      connection.reset(streamId, ErrorCode.CANCEL);
      // Keeps the process busy past the deadline, so that its timer and the reset are found in one go.
      const began = performance.now();
      while (performance.now() - began < 30);
      assert.equal((await result).code, Code.DEADLINE_EXCEEDED);
    });
  });

  test("R106 a deadline beyond the longest timer never comes early", async () => {
    await scripted(async ({ server, client }) => {
      for (const timeoutMs of [2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
        const call = client.unary(Buffer.alloc(0), { timeoutMs });
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await completeRequest(connection);
        await new Promise((resolve) => setTimeout(resolve, 10));
        answer(connection, streamId, ["in time"]);
        assert.equal(Buffer.from(await call).toString(), "in time");
      }
    });
  });
});
