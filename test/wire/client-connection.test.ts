/**
 * What becomes of a client's calls when their connection is refused, lost, full, or told to go away.
 */
import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { Channel, Code } from "../../src/core.js";
import { ErrorCode, Flag, Setting } from "../support/http2-frame.js";
import type { ServerPeer } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import {
  answer,
  begin,
  completeRequest,
  KINDS,
  MANY_RESPONSES,
  outcome,
  scripted,
  type Scripted,
  type ScriptedOptions,
} from "../support/peer-scripted.js";
import { OK_TRAILERS, prefixed, RESPONSE_FIELDS, Wire } from "../support/peer-service.js";

guardProcess();

const ONE_CONNECTION: ScriptedOptions = { channel: { maxConnectionsPerAddress: 1 } };
const MAX_STREAM_ID = 2 ** 31 - 1;

describe("loss of the connection", () => {
  const ways: Readonly<Record<string, (connection: ServerPeer) => void>> = {
    "a FIN": (connection) => connection.end(),
    "a TCP RST": (connection) => connection.abort(),
    "a protocol error": (connection) => connection.windowUpdate(0, 0),
  };
  const moments: Readonly<Record<string, (connection: ServerPeer, streamId: number) => void>> = {
    "before headers": () => undefined,
    "after headers": (connection, streamId) => connection.headers(streamId, RESPONSE_FIELDS),
    "in the middle of a message": (connection, streamId) => {
      connection.headers(streamId, RESPONSE_FIELDS);
      connection.data(streamId, prefixed("hello").subarray(0, 7));
    },
    "between messages": (connection, streamId) => {
      connection.headers(streamId, RESPONSE_FIELDS);
      connection.data(streamId, prefixed("hello"));
    },
  };

  for (const [how, lose] of Object.entries(ways)) {
    test(`R159 R142 ${how} at every moment ends the calls of all kinds UNAVAILABLE, and the next call connects anew`, async () => {
      for (const lead of Object.values(moments)) {
        await scripted(async ({ server, client }) => {
          const results = KINDS.map((kind) => outcome(begin(client, kind)));
          const connection = await server.connection();
          for (const _ of KINDS) {
            const { streamId } = await completeRequest(connection);
            lead(connection, streamId);
          }
          await connection.roundTrip();
          lose(connection);
          for (const { code } of await Promise.all(results)) assert.equal(code, Code.UNAVAILABLE);
        });
      }
    });
  }

  test("R142 a connection lost while a request is being sent ends the call UNAVAILABLE, and its producer is stopped", async () => {
    await scripted(
      async ({ server, client }) => {
        let closed = false;
        async function* requests(): AsyncGenerator<Uint8Array> {
          try {
            for (;;) yield Buffer.alloc(65_536);
          } finally {
            closed = true;
          }
        }
        const result = outcome(client.clientStreaming(requests()));
        const connection = await server.connection();
        const { streamId } = await connection.request();
        await connection.until("a full window", () => (connection.received(streamId) === 65_535 ? true : undefined));
        connection.abort();
        assert.equal((await result).code, Code.UNAVAILABLE);
        await new Promise((resolve) => setImmediate(resolve));
        assert.ok(closed, "the generator's finally has run");
      },
      { peer: { autoWindow: false } },
    );
  });

  test("R159 R162 2,000 calls wait for a stream when the connection is lost: each is answered on the next one", async () => {
    await scripted(
      async ({ server, client }) => {
        const running = Array.from({ length: 100 }, () => outcome(client.unary(Buffer.alloc(0))));
        const waiting = Array.from({ length: 2000 }, (_, i) => outcome(client.wellbeing(Buffer.from(String(i)))));
        const connection = await server.connection();
        for (const _ of running) await completeRequest(connection);
        connection.abort();
        for (const { code } of await Promise.all(running)) assert.equal(code, Code.UNAVAILABLE);
        for (const { code } of await Promise.all(waiting)) assert.equal(code, Code.OK);
        assert.equal(server.connections.length, 2);
      },
      { peer: { settings: { [Setting.MAX_CONCURRENT_STREAMS]: 100 } }, ...ONE_CONNECTION },
    );
  });

  test("R160 a call that may have been seen is not sent again after the connection is lost", async () => {
    await scripted(async ({ server, client }) => {
      const result = outcome(client.unary(Buffer.from("once")));
      const connection = await server.connection();
      await completeRequest(connection);
      connection.abort();
      assert.equal((await result).code, Code.UNAVAILABLE);
      assert.equal(server.connections.length, 1, "no second connection was made for it");
    });
  });
});

describe("connecting", () => {
  test("R203 a server that never sends SETTINGS fails the call UNAVAILABLE when the connect timeout has passed", async () => {
    await scripted(
      async ({ server, client, errors }) => {
        const { code, error: failure } = await outcome(client.unary(Buffer.alloc(0)));
        assert.equal(code, Code.UNAVAILABLE);
        assert.match(failure?.message ?? "", /SETTINGS/);
        const connection = await server.connection();
        await connection.disconnected();
        assert.ok(!connection.frames.some((frame) => frame.name === "HEADERS"), "nothing was sent before SETTINGS");
        assert.deepEqual(errors, []);
      },
      { peer: { settings: false }, channel: { connectTimeoutMs: 50 }, nextCallWorks: false },
    );
  });

  test("R163 R203 before the server's SETTINGS no stream is opened at all, behind them all that wait", async () => {
    await scripted(
      async ({ server, client }) => {
        const calls = Array.from({ length: 150 }, (_, i) => client.wellbeing(Buffer.from(String(i))));
        const connection = await server.connection();
        await connection.frame("SETTINGS");
        // A PING may not come before SETTINGS: there is nothing but time to wait for.
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        assert.ok(!connection.frames.some((frame) => frame.name === "HEADERS"), "a stream was opened before SETTINGS");
        connection.settings({});
        connection.autoAck = true;
        await Promise.all(calls);
        assert.equal(connection.frames.filter((frame) => frame.name === "HEADERS").length, 150);
      },
      { peer: { settings: false }, nextCallWorks: false },
    );
  });

  test("a port where nobody listens is UNAVAILABLE and named, for every call", async () => {
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const channel = new Channel(`127.0.0.1:${port}`);
    try {
      for (const kind of KINDS) {
        const { code, error } = await outcome(begin(channel.client(Wire), kind));
        assert.equal(code, Code.UNAVAILABLE);
        assert.ok(error?.message.includes(`127.0.0.1:${port}`), error?.message);
      }
    } finally {
      await channel.close();
    }
  });

  test("a server that is not HTTP/2 is UNAVAILABLE: it hangs up, or answers in HTTP/1.1", async () => {
    for (const greeting of ["", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "SSH-2.0-OpenSSH_9.6\r\n"]) {
      const listener = createServer((socket) => {
        socket.on("error", () => undefined);
        socket.resume();
        socket.end(greeting);
      });
      await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
      const channel = new Channel(`127.0.0.1:${(listener.address() as AddressInfo).port}`, { connectTimeoutMs: 1000 });
      try {
        const { code } = await outcome(channel.client(Wire).unary(Buffer.alloc(0)));
        assert.equal(code, Code.UNAVAILABLE, JSON.stringify(greeting));
      } finally {
        await channel.destroy();
        await new Promise((resolve) => listener.close(resolve));
      }
    }
  });

  test("R99 a server that never answers is left at the deadline", async () => {
    await scripted(
      async ({ client }) => {
        assert.equal((await outcome(client.unary(Buffer.alloc(0), { timeoutMs: 30 }))).code, Code.DEADLINE_EXCEEDED);
      },
      { peer: { settings: false }, nextCallWorks: false },
    );
  });
});

describe("GOAWAY", () => {
  /** Opens a call that has its headers and one message, so that it is known to run. */
  async function running({ server, client }: Scripted): Promise<{
    connection: ServerPeer;
    streamId: number;
    chat: ReturnType<typeof client.bidiStreaming>;
  }> {
    const chat = client.bidiStreaming();
    const connection = server.connections.at(-1) ?? (await server.connection());
    const { streamId } = await connection.request();
    connection.headers(streamId, RESPONSE_FIELDS);
    connection.data(streamId, prefixed("one"));
    assert.equal(Buffer.from((await chat.receive()) ?? []).toString(), "one");
    return { connection, streamId, chat };
  }

  test("R152 R154 code 0: calls up to the last id go on to their end, a new one takes a new connection", async () => {
    await scripted(async (script) => {
      const { connection, streamId, chat } = await running(script);
      connection.goaway(streamId, ErrorCode.NO_ERROR);
      await connection.roundTrip();
      const next = script.client.unary(Buffer.from("elsewhere"));
      const second = await script.server.connection();
      const request = await completeRequest(second);
      assert.deepEqual(request.messages, ["elsewhere"]);
      answer(second, request.streamId, ["there"]);
      assert.equal(Buffer.from(await next).toString(), "there");
      void chat.send(Buffer.from("still"));
      chat.closeSend();
      await connection.reply(streamId);
      connection.data(streamId, prefixed("two"));
      connection.headers(streamId, OK_TRAILERS, { endStream: true });
      const { code, messages } = await outcome(chat);
      assert.deepEqual([code, messages], [Code.OK, ["two"]]);
      assert.equal(
        connection.frames.filter((frame) => frame.name === "HEADERS").length,
        1,
        "nothing new was sent here",
      );
    });
  });

  test("R153 calls beyond the last id leave the connection, the others go on", async () => {
    await scripted(async (script) => {
      const { connection, streamId, chat } = await running(script);
      const beyond = [script.client.unary(Buffer.from("a")), script.client.unary(Buffer.from("b"))];
      await completeRequest(connection);
      await completeRequest(connection);
      connection.goaway(streamId, ErrorCode.NO_ERROR);
      const second = await script.server.connection();
      for (const call of beyond) {
        const request = await completeRequest(second);
        answer(second, request.streamId, request.messages);
        await call;
      }
      connection.headers(streamId, OK_TRAILERS, { endStream: true });
      assert.equal((await outcome(chat)).code, Code.OK);
    });
  });

  test("R155 a first GOAWAY with the highest id ends nothing, the second ends what is beyond its id", async () => {
    await scripted(async (script) => {
      const { connection, streamId, chat } = await running(script);
      const other = script.client.unary(Buffer.from("beyond"));
      await completeRequest(connection);
      connection.goaway(MAX_STREAM_ID, ErrorCode.NO_ERROR);
      await connection.roundTrip();
      await connection.roundTrip();
      assert.equal(script.server.connections.length, 1, "nothing has left it yet");
      connection.goaway(streamId, ErrorCode.NO_ERROR);
      const second = await script.server.connection();
      const request = await completeRequest(second);
      assert.deepEqual(request.messages, ["beyond"]);
      answer(second, request.streamId, ["there"]);
      assert.equal(Buffer.from(await other).toString(), "there");
      connection.headers(streamId, OK_TRAILERS, { endStream: true });
      assert.equal((await outcome(chat)).code, Code.OK);
    });
  });

  test("R156 an error code ends every call UNAVAILABLE, whatever a reset with that code would mean", async () => {
    const codes = Object.values(ErrorCode).filter((code) => code !== ErrorCode.NO_ERROR);
    for (const code of codes) {
      await scripted(async ({ server, client }) => {
        const results = KINDS.map((kind) => outcome(begin(client, kind)));
        const connection = await server.connection();
        for (const _ of KINDS) await completeRequest(connection);
        connection.goaway(MAX_STREAM_ID, code, "too_many_things");
        for (const result of await Promise.all(results)) {
          assert.equal(result.code, Code.UNAVAILABLE, `GOAWAY(${code})`);
          assert.ok(result.message.includes("too_many_things"), result.message);
        }
      });
    }
  });

  test("R152 a GOAWAY between two calls is not noticed by the second", async () => {
    await scripted(async ({ server, client }) => {
      for (let i = 0; i < 20; i++) {
        const call = client.unary(Buffer.from(`call ${i}`));
        const connection = await server.connection();
        const { streamId, messages } = await completeRequest(connection);
        assert.deepEqual(messages, [`call ${i}`]);
        answer(connection, streamId, ["m"]);
        connection.goaway(streamId, ErrorCode.NO_ERROR);
        await call;
        await connection.disconnected();
      }
      assert.equal(server.connections.length, 20);
    });
  });

  test("R158 a GOAWAY with no call in flight connects nothing until the next call", async () => {
    await scripted(async ({ server, client }) => {
      await client.wellbeing(Buffer.from("connect"));
      const connection = await server.connection();
      connection.goaway(1, ErrorCode.NO_ERROR);
      await connection.disconnected();
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(server.connections.length, 1);
    });
  });
});

describe("stream limit of the server", () => {
  test("R162 calls beyond MAX_CONCURRENT_STREAMS wait for one another", async () => {
    await scripted(
      async ({ server, client }) => {
        const calls = Array.from({ length: 10 }, (_, i) => client.unary(Buffer.from(`call ${i}`)));
        const connection = await server.connection();
        for (let i = 0; i < calls.length; i += 2) {
          const pair = [await completeRequest(connection), await completeRequest(connection)];
          await connection.roundTrip();
          assert.equal(connection.frames.filter((frame) => frame.name === "HEADERS").length, i + 2);
          for (const { streamId, messages } of pair) answer(connection, streamId, messages);
        }
        for (const [i, call] of calls.entries()) assert.equal(Buffer.from(await call).toString(), `call ${i}`);
      },
      { peer: { settings: { [Setting.MAX_CONCURRENT_STREAMS]: 2 } }, ...ONE_CONNECTION },
    );
  });

  test("R162 a limit of 0 holds calls back until it is raised", async () => {
    await scripted(
      async ({ server, client }) => {
        const calls = [client.unary(Buffer.from("a")), client.unary(Buffer.from("b"))];
        const connection = await server.connection();
        await connection.frame("SETTINGS");
        await connection.roundTrip();
        await connection.roundTrip();
        assert.ok(!connection.frames.some((frame) => frame.name === "HEADERS"));
        connection.settings({ [Setting.MAX_CONCURRENT_STREAMS]: 1 });
        const first = await completeRequest(connection);
        await connection.roundTrip();
        assert.equal(connection.frames.filter((frame) => frame.name === "HEADERS").length, 1);
        answer(connection, first.streamId, first.messages);
        const second = await completeRequest(connection);
        answer(connection, second.streamId, second.messages);
        assert.deepEqual(
          (await Promise.all(calls)).map((bytes) => Buffer.from(bytes).toString()),
          ["a", "b"],
        );
      },
      { peer: { settings: { [Setting.MAX_CONCURRENT_STREAMS]: 0 } } },
    );
  });

  test("R162 a limit lowered later holds for the calls that follow", async () => {
    await scripted(async ({ server, client }) => {
      const first = client.bidiStreaming();
      const connection = await server.connection();
      const one = await connection.request();
      connection.settings({ [Setting.MAX_CONCURRENT_STREAMS]: 1 });
      await connection.roundTrip();
      const second = client.unary(Buffer.from("waits"));
      await connection.roundTrip();
      assert.equal(connection.frames.filter((frame) => frame.name === "HEADERS").length, 1);
      answer(connection, one.streamId, []);
      first.closeSend();
      assert.equal((await outcome(first)).code, Code.OK);
      const two = await completeRequest(connection);
      answer(connection, two.streamId, two.messages);
      assert.equal(Buffer.from(await second).toString(), "waits");
      connection.settings({ [Setting.MAX_CONCURRENT_STREAMS]: 100 });
    }, ONE_CONNECTION);
  });

  test("R162 calls that wait move on to a new connection when theirs goes away", async () => {
    await scripted(
      async ({ server, client }) => {
        const calls = [client.unary(Buffer.from("a")), client.unary(Buffer.from("b"))];
        const connection = await server.connection();
        const first = await completeRequest(connection);
        connection.goaway(first.streamId, ErrorCode.NO_ERROR);
        const next = await server.connection();
        const second = await completeRequest(next);
        assert.deepEqual(second.messages, ["b"]);
        answer(next, second.streamId, second.messages);
        answer(connection, first.streamId, first.messages);
        assert.deepEqual(
          (await Promise.all(calls)).map((bytes) => Buffer.from(bytes).toString()),
          ["a", "b"],
        );
      },
      { peer: { settings: { [Setting.MAX_CONCURRENT_STREAMS]: 1 } } },
    );
  });

  test("R162 R136 a server that takes no stream and hangs up fails the call that waits UNAVAILABLE, and is not called again", async () => {
    await scripted(
      async ({ server, client }) => {
        server.hear = (connection) => {
          connection.hear = ({ name, flags }) => {
            if (name === "SETTINGS" && (flags & Flag.ACK) !== 0) connection.end();
          };
        };
        for (const kind of KINDS)
          assert.equal((await outcome(begin(client, kind, { timeoutMs: 5000 }))).code, Code.UNAVAILABLE, kind);
        assert.ok(server.connections.length <= 2 * KINDS.length, `${server.connections.length} connections`);
      },
      { peer: { settings: { [Setting.MAX_CONCURRENT_STREAMS]: 0 } }, nextCallWorks: false },
    );
  });
});

describe("broken HTTP/2", () => {
  const scripts: Readonly<Record<string, (connection: ServerPeer, streamId: number) => void>> = {
    "DATA before HEADERS": (connection, streamId) => connection.data(streamId, prefixed("m")),
    "trailers before headers": (connection, streamId) => connection.headers(streamId, OK_TRAILERS, { endStream: true }),
    "a block without :status": (connection, streamId) =>
      connection.headers(streamId, [["content-type", "application/grpc"]]),
    "a :status that is no number": (connection, streamId) =>
      connection.headers(
        streamId,
        [
          [":status", "abc"],
          ["content-type", "application/grpc"],
        ],
        { endStream: true },
      ),
    "an upper-case name": (connection, streamId) =>
      connection.headers(streamId, [...RESPONSE_FIELDS, ["X-Upper", "1"]]),
    "a connection header": (connection, streamId) =>
      connection.headers(streamId, [...RESPONSE_FIELDS, ["connection", "close"]]),
    "a pushed stream": (connection, streamId) => connection.send(5, 4, streamId, Buffer.from("0000000282", "hex")),
    "HEADERS on a stream nobody opened": (connection) => connection.headers(4, RESPONSE_FIELDS),
    "a header block that is not HPACK": (connection, streamId) =>
      connection.send(1, 4, streamId, Buffer.from("ffffffffff", "hex")),
    "WINDOW_UPDATE by nothing": (connection) => connection.windowUpdate(0, 0),
    "a SETTINGS frame of 5 bytes": (connection) => connection.send(4, 0, 0, Buffer.alloc(5)),
  };

  // On Node 20 some of these leave a session that hears nothing any more, not even the end of its socket, and tells nobody:
  // the call ends by its deadline, and a PING without an answer makes way for the next one.
  for (const [what, script] of Object.entries(scripts)) {
    test(`R94 ${what} ends the call in an error and nothing else`, async () => {
      for (const kind of ["unary", ...MANY_RESPONSES] as const) {
        await scripted(async ({ server, client, errors }) => {
          const result = outcome(begin(client, kind, { timeoutMs: 300 }));
          const connection = await server.connection();
          const { streamId } = await completeRequest(connection);
          script(connection, streamId);
          // Some of these Node notices without a word to its user: the peer then hangs up.
          await connection.until("an answer", () =>
            connection.frames.some((frame) => frame.name === "GOAWAY" || frame.name === "RST_STREAM")
              ? true
              : undefined,
          );
          if (connection.frames.some((frame) => frame.name === "GOAWAY")) connection.abort();
          const { code } = await result;
          assert.notEqual(code, Code.OK);
          assert.deepEqual(errors, []);
        });
      }
    });
  }
});
