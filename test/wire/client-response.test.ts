/**
 * What a client makes of a response: good ones, odd ones, and every bad one by name.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel, Code } from "../../src/core.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import { ErrorCode } from "../support/http2-frame.js";
import type { Field } from "../support/http2-hpack.js";
import { RawServer, type ServerPeer } from "../support/peer.js";
import { DROPS_SPACED_VALUES } from "../support/node-version.js";
import { guardProcess } from "../support/peer-guard.js";
import {
  answer,
  begin,
  completeRequest,
  KINDS,
  MANY_RESPONSES,
  ONE_RESPONSE,
  outcome,
  scripted,
  type Kind,
  type Outcome,
  type ScriptedOptions,
} from "../support/peer-scripted.js";
import { OK_TRAILERS, prefix, prefixed, RESPONSE_FIELDS } from "../support/peer-service.js";

guardProcess();

type Respond = (connection: ServerPeer, streamId: number) => void;

/** Makes one call of a kind for every script, on one channel, and says how each ended. */
async function answered(kind: Kind, scripts: readonly Respond[], options?: ScriptedOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  await scripted(async ({ server, client, errors }) => {
    for (const respond of scripts) {
      const result = outcome(begin(client, kind));
      const connection = server.connections[0] ?? (await server.connection());
      const { streamId } = await completeRequest(connection);
      respond(connection, streamId);
      outcomes.push(await result);
    }
    assert.deepEqual(errors, [], "every failure was observed");
  }, options);
  return outcomes;
}

/** The same for one script and every kind. */
async function everyKind(respond: Respond, check: (outcome: Outcome, kind: Kind) => void): Promise<void> {
  for (const kind of KINDS) {
    const [result] = await answered(kind, [respond]);
    assert.ok(result !== undefined);
    check(result, kind);
  }
}

function trailersOnly(...fields: readonly Field[]): Respond {
  return (connection, streamId) => connection.headers(streamId, [...RESPONSE_FIELDS, ...fields], { endStream: true });
}

/** Headers, one message `"m"`, then `end`. */
function afterMessage(end: Respond): Respond {
  return (connection, streamId) => {
    connection.headers(streamId, RESPONSE_FIELDS);
    connection.data(streamId, prefixed("m"));
    end(connection, streamId);
  };
}

function endWith(...fields: readonly Field[]): Respond {
  return (connection, streamId) => connection.headers(streamId, fields, { endStream: true });
}

describe("status", () => {
  test("R68 a stream that ends on DATA, without trailers, is INTERNAL", async () => {
    await everyKind(
      (connection, streamId) => {
        connection.headers(streamId, RESPONSE_FIELDS);
        connection.data(streamId, prefixed("m"), { endStream: true });
      },
      ({ code }, kind) => assert.equal(code, Code.INTERNAL, kind),
    );
  });

  test("R68 R76 trailers without grpc-status are UNKNOWN, whatever came before", async () => {
    await everyKind(afterMessage(endWith(["x-trailer", "1"])), ({ code }, kind) => {
      assert.equal(code, Code.UNKNOWN, kind);
    });
    await everyKind(trailersOnly(), ({ code }, kind) => assert.equal(code, Code.UNKNOWN, kind));
  });

  test("R69 a grpc-status in headers that do not end the stream counts for nothing", async () => {
    const headers: Respond = (connection, streamId) => {
      connection.headers(streamId, [...RESPONSE_FIELDS, ["grpc-status", "9"], ["grpc-message", "early"]]);
    };
    await everyKind(
      (connection, streamId) => {
        headers(connection, streamId);
        connection.data(streamId, prefixed("m"));
        connection.headers(streamId, OK_TRAILERS, { endStream: true });
      },
      ({ code, messages }, kind) => {
        assert.equal(code, Code.OK, kind);
        assert.deepEqual(messages, ["m"]);
      },
    );
    await everyKind(
      (connection, streamId) => {
        headers(connection, streamId);
        connection.data(streamId, Buffer.alloc(0), { endStream: true });
      },
      ({ code }, kind) => assert.equal(code, Code.INTERNAL, kind),
    );
  });

  test("R64 a grpc-status that is no number is UNKNOWN; so is a number that is no code, which the message keeps", async () => {
    const values = ["", "x", "OK", "-1", "0x0", "1.0", "1e0", " ", "17", "99", "4294967296", "99999999999999999999"];
    const outcomes = await answered(
      "unary",
      values.flatMap((value) => [
        trailersOnly(["grpc-status", value], ["grpc-message", "told"]),
        afterMessage(endWith(["grpc-status", value])),
      ]),
    );
    for (const [i, { code, message }] of outcomes.entries()) {
      const value = values[Math.floor(i / 2)] ?? "";
      assert.equal(code, Code.UNKNOWN, value);
      if (/^\d+$/.test(value)) assert.ok(message.includes(value), message);
    }
  });

  test("R81 each of the sixteen errors is told as it came, with no message and with its text", async () => {
    const codes = Array.from({ length: 16 }, (_, i) => i + 1);
    for (const kind of KINDS) {
      const outcomes = await answered(
        kind,
        codes.map((code) => trailersOnly(["grpc-status", String(code)], ["grpc-message", `text ${code}`])),
      );
      assert.deepEqual(
        outcomes.map(({ code, message }) => [code, message]),
        codes.map((code) => [code, `text ${code}`]),
      );
      assert.ok(outcomes.every(({ error }) => error?.origin === "remote"));
    }
  });

  test("R66 R67 any %XX of grpc-message is undone, and nothing broken fails the call", async () => {
    const cases: readonly (readonly [wire: string | undefined, text: string])[] = [
      ["%25%2F%23%3f%3F", "%/#??"],
      ["%E2%98%BA %f0%9f%98%88", "☺ 😈"],
      ["100%", "100%"],
      ["%zz%2", "%zz%2"],
      ["%ff", "\ufffd"],
      ["%E2%98", "\ufffd"],
      ["a%0A%09b", "a\n\tb"],
      ["", ""],
      [undefined, ""],
    ];
    const outcomes = await answered(
      "unary",
      cases.map(([wire]) =>
        trailersOnly(["grpc-status", "2"], ...(wire === undefined ? [] : [["grpc-message", wire] as const])),
      ),
    );
    assert.deepEqual(
      outcomes.map(({ message }) => message),
      cases.map(([, text]) => text),
    );
  });

  test("R78 every message that arrived comes out before the status, for OK and for an error", async () => {
    for (const kind of MANY_RESPONSES) {
      const many = Array.from({ length: 300 }, (_, i) => `m${i}`);
      const send: Respond = (connection, streamId) => {
        connection.headers(streamId, RESPONSE_FIELDS);
        connection.data(streamId, Buffer.concat(many.map((text) => prefixed(text))));
      };
      const [ok, failed] = await answered(kind, [
        (connection, streamId) => (send(connection, streamId), endWith(["grpc-status", "0"])(connection, streamId)),
        (connection, streamId) => (send(connection, streamId), endWith(["grpc-status", "10"])(connection, streamId)),
      ]);
      assert.deepEqual(ok?.messages, many);
      assert.deepEqual(failed?.messages, many);
      assert.deepEqual([ok?.code, failed?.code], [Code.OK, Code.ABORTED]);
    }
  });

  const endings: Readonly<Record<string, Respond>> = {
    "RST_STREAM(NO_ERROR)": (connection, streamId) => connection.reset(streamId, ErrorCode.NO_ERROR),
    "RST_STREAM(CANCEL)": (connection, streamId) => connection.reset(streamId, ErrorCode.CANCEL),
    "RST_STREAM(INTERNAL_ERROR)": (connection, streamId) => connection.reset(streamId, ErrorCode.INTERNAL_ERROR),
    "a FIN": (connection) => connection.end(),
    "a GOAWAY and a FIN": (connection, streamId) => (connection.goaway(streamId, ErrorCode.NO_ERROR), connection.end()),
    "a TCP RST": (connection) => connection.abort(),
  };
  for (const [how, end] of Object.entries(endings)) {
    for (const [when, taken] of [
      ["at once", false],
      ["later", true],
    ] as const) {
      test(`R78 ${how} ${when} behind 160 KB of messages and OK: a slow reader gets all of them, or an error`, async () => {
        for (const byHand of [false, true]) {
          await scripted(async ({ server, client }) => {
            const call = byHand ? client.bidiStreaming() : client.serverStreaming(Buffer.from("go"));
            const connection = await server.connection();
            const { streamId } = byHand ? await connection.request() : await completeRequest(connection);
            connection.headers(streamId, RESPONSE_FIELDS);
            const payload = Buffer.alloc(4000, 1);
            for (let i = 0; i < 40; i++) connection.data(streamId, prefixed(payload));
            connection.headers(streamId, OK_TRAILERS, { endStream: true });
            // What the reader's own side has taken in is safe: then nothing but OK with everything will do.
            if (taken) await connection.roundTrip();
            end(connection, streamId);
            if (how.startsWith("RST_STREAM")) await connection.roundTrip();
            else await connection.disconnected();
            for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
            const { code, messages } = await outcome(call);
            if (taken) assert.equal(code, Code.OK);
            if (code === Code.OK) assert.equal(messages.length, 40, "OK with less than all messages");
          });
        }
      });
    }
  }

  test("R88 a whole answer followed by RST_STREAM(NO_ERROR) in one segment is delivered, before the half-close", async () => {
    await scripted(async ({ server, client }) => {
      const byHand = client.clientStreaming();
      const connection = await server.connection();
      const first = await connection.request();
      connection.socket.cork();
      answer(connection, first.streamId, ["whole"]);
      connection.reset(first.streamId, ErrorCode.NO_ERROR);
      connection.socket.uncork();
      await connection.roundTrip();
      await connection.roundTrip();
      // The application looks only now.
      assert.equal(Buffer.from(await byHand.finish()).toString(), "whole");
      assert.deepEqual(await byHand.status, { code: Code.OK, message: "" });

      const chat = client.bidiStreaming();
      const second = await connection.request();
      connection.socket.cork();
      answer(connection, second.streamId, ["one", "two"]);
      connection.reset(second.streamId, ErrorCode.NO_ERROR);
      connection.socket.uncork();
      await connection.roundTrip();
      const result = await outcome(chat);
      assert.deepEqual([result.code, result.messages], [Code.OK, ["one", "two"]]);
    });
  });
});

describe("not gRPC", () => {
  const HTTP_STATUSES: readonly (readonly [httpStatus: number, code: Code])[] = [
    [400, Code.INTERNAL],
    [401, Code.UNAUTHENTICATED],
    [403, Code.PERMISSION_DENIED],
    [404, Code.UNIMPLEMENTED],
    [429, Code.UNAVAILABLE],
    [431, Code.UNKNOWN],
    [502, Code.UNAVAILABLE],
    [503, Code.UNAVAILABLE],
    [504, Code.UNAVAILABLE],
    ...[201, 302, 409, 412, 413, 415, 418, 500, 505, 599].map((status) => [status, Code.UNKNOWN] as const),
  ];
  const HTML = Buffer.from("<html><body><h1>Bad gateway</h1></body></html>");

  for (const contentType of ["application/grpc", "text/html", undefined]) {
    test(`R83 R84 R86 the HTTP status decides without a grpc-status, with content-type ${contentType ?? "none"}`, async () => {
      const fields = (status: number): Field[] => [
        [":status", String(status)],
        ...(contentType === undefined ? [] : [["content-type", contentType] as const]),
      ];
      for (const kind of ["unary", "serverStreaming"] as const) {
        for (const withBody of [false, true]) {
          const outcomes = await answered(
            kind,
            HTTP_STATUSES.map(([status]) => (connection, streamId) => {
              connection.headers(streamId, fields(status), { endStream: !withBody });
              if (withBody) connection.data(streamId, HTML, { endStream: true });
            }),
          );
          for (const [i, { code, message }] of outcomes.entries()) {
            const [status, expected] = HTTP_STATUSES[i] ?? [0, Code.OK];
            assert.equal(code, expected, `${status} ${withBody ? "with" : "without"} a body`);
            assert.ok(message.includes(String(status)), message);
          }
        }
      }
    });
  }

  test("R72 a grpc-status beside another HTTP status wins", async () => {
    const fields: readonly Field[] = [
      [":status", "503"],
      ["content-type", "application/grpc"],
      ["grpc-status", "5"],
      ["grpc-message", "told"],
    ];
    await everyKind(
      (connection, streamId) => connection.headers(streamId, fields, { endStream: true }),
      ({ code, message }, kind) => assert.deepEqual([code, message], [Code.NOT_FOUND, "told"], kind),
    );
  });

  test("R73 HTTP 200 with another content-type is UNKNOWN and says both", async () => {
    for (const type of ["text/html", "application/json", "application/grpc-web+proto", "application/grpcfoo"]) {
      const fields: readonly Field[] = [
        [":status", "200"],
        ["content-type", type],
      ];
      const outcomes = await answered("unary", [
        (connection, streamId) => {
          connection.headers(streamId, fields);
          connection.data(streamId, HTML, { endStream: true });
        },
        (connection, streamId) => connection.headers(streamId, fields, { endStream: true }),
        (connection, streamId) => {
          connection.headers(streamId, fields);
          connection.data(streamId, prefixed("m"));
          connection.headers(streamId, OK_TRAILERS, { endStream: true });
        },
      ]);
      for (const { code, message } of outcomes) {
        assert.equal(code, Code.UNKNOWN, type);
        assert.ok(message.includes("200") && message.includes(type), message);
      }
    }
  });

  test("R74 a subtype the client cannot decode is INTERNAL and named", async () => {
    await everyKind(
      (connection, streamId) => {
        connection.headers(streamId, [
          [":status", "200"],
          ["content-type", "application/grpc+json"],
        ]);
        connection.data(streamId, prefixed("{}"));
        connection.headers(streamId, OK_TRAILERS, { endStream: true });
      },
      ({ code, message }, kind) => {
        assert.equal(code, Code.INTERNAL, kind);
        assert.ok(message.includes("json"), message);
      },
    );
  });

  test("gRPC's content-type is taken with +proto and with parameters", async () => {
    const types = ["application/grpc+proto", "application/grpc; charset=utf-8", "Application/gRPC"];
    const outcomes = await answered(
      "unary",
      types.map((type) => (connection, streamId) => {
        connection.headers(streamId, [
          [":status", "200"],
          ["content-type", type],
        ]);
        connection.data(streamId, prefixed("m"));
        connection.headers(streamId, OK_TRAILERS, { endStream: true });
      }),
    );
    assert.deepEqual(
      outcomes.map(({ code }) => code),
      [Code.OK, Code.OK, Code.OK],
    );
  });

  test("R70 informational blocks before the response are skipped", async () => {
    await everyKind(
      (connection, streamId) => {
        for (const status of ["100", "103", "103"])
          connection.headers(streamId, [
            [":status", status],
            ["x-hint", "1"],
          ]);
        answer(connection, streamId, ["m"]);
      },
      ({ code, messages }, kind) => assert.deepEqual([code, messages], [Code.OK, ["m"]], kind),
    );
  });

  test("R71 a second block that does not end the stream is INTERNAL", async () => {
    await everyKind(
      (connection, streamId) => {
        connection.headers(streamId, RESPONSE_FIELDS);
        connection.data(streamId, prefixed("m"));
        connection.headers(streamId, [["x-again", "1"]]);
      },
      ({ code }, kind) => assert.equal(code, Code.INTERNAL, kind),
    );
  });
});

describe("messages", () => {
  test("R80 two messages where one is wanted are UNIMPLEMENTED, also without trailers", async () => {
    for (const kind of ONE_RESPONSE) {
      const two = Buffer.concat([prefixed("a"), prefixed("b")]);
      const outcomes = await answered(kind, [
        (connection, streamId) => answer(connection, streamId, ["a", "b"]),
        (connection, streamId) => {
          connection.headers(streamId, RESPONSE_FIELDS);
          connection.data(streamId, two);
        },
      ]);
      for (const { code } of outcomes) assert.equal(code, Code.UNIMPLEMENTED, kind);
    }
  });

  test("R80 OK without a message where one is wanted is UNIMPLEMENTED", async () => {
    for (const kind of ONE_RESPONSE) {
      const outcomes = await answered(kind, [
        trailersOnly(["grpc-status", "0"]),
        (connection, streamId) => answer(connection, streamId, []),
      ]);
      for (const { code, message } of outcomes) {
        assert.equal(code, Code.UNIMPLEMENTED, kind);
        assert.match(message, /no message/);
      }
    }
  });

  test("R81 R77 an error needs no message, and one that came before it does not matter", async () => {
    for (const kind of ONE_RESPONSE) {
      const outcomes = await answered(kind, [
        trailersOnly(["grpc-status", "5"]),
        afterMessage(endWith(["grpc-status", "5"])),
      ]);
      for (const { code, messages } of outcomes) assert.deepEqual([code, messages], [Code.NOT_FOUND, []]);
    }
  });

  test("R50 many kinds take OK without messages, and messages of no bytes", async () => {
    for (const kind of MANY_RESPONSES) {
      const outcomes = await answered(kind, [
        trailersOnly(["grpc-status", "0"]),
        (connection, streamId) => answer(connection, streamId, ["", "", ""]),
      ]);
      assert.deepEqual(
        outcomes.map(({ code, messages }) => [code, messages]),
        [
          [Code.OK, []],
          [Code.OK, ["", "", ""]],
        ],
      );
    }
  });

  test("R55 an OK in the middle of a message is INTERNAL, an error stays what it is", async () => {
    for (const kind of KINDS) {
      for (const part of [Buffer.of(0), prefix(5), prefixed("hello").subarray(0, 9)]) {
        const cut =
          (status: string): Respond =>
          (connection, streamId) => {
            connection.headers(streamId, RESPONSE_FIELDS);
            connection.data(streamId, part);
            connection.headers(streamId, [["grpc-status", status]], { endStream: true });
          };
        const [ok, failed] = await answered(kind, [cut("0"), cut("10")]);
        assert.equal(ok?.code, Code.INTERNAL, kind);
        assert.equal(failed?.code, Code.ABORTED, kind);
      }
    }
  });

  test("R51 R52 R125 flag bytes: not 0 or 1, 1 without a coding, 1 with a coding that is not supported", async () => {
    const flagged =
      (flag: number, ...coding: readonly Field[]): Respond =>
      (connection, streamId) => {
        connection.headers(streamId, [...RESPONSE_FIELDS, ...coding]);
        connection.data(streamId, prefixed("m", flag));
        connection.headers(streamId, OK_TRAILERS, { endStream: true });
      };
    for (const kind of KINDS) {
      const [seven, none, identity, unknown] = await answered(kind, [
        flagged(7),
        flagged(1),
        flagged(1, ["grpc-encoding", "identity"]),
        flagged(1, ["grpc-encoding", "made-up"]),
      ]);
      for (const result of [seven, none, identity, unknown]) assert.equal(result?.code, Code.INTERNAL, kind);
      assert.ok(seven?.message.includes("7"), seven?.message);
      assert.match(none?.message ?? "", /compressed flag set without a grpc-encoding/);
      assert.match(identity?.message ?? "", /compressed flag set without a grpc-encoding/);
      assert.ok(unknown?.message.includes('"made-up"'), unknown?.message);
    }
  });

  test("R53 flag 0 is a plain message, whatever coding was declared", async () => {
    await everyKind(
      (connection, streamId) => {
        connection.headers(streamId, [...RESPONSE_FIELDS, ["grpc-encoding", "made-up"]]);
        connection.data(streamId, prefixed("plain", 0));
        connection.headers(streamId, OK_TRAILERS, { endStream: true });
      },
      ({ code, messages }, kind) => assert.deepEqual([code, messages], [Code.OK, ["plain"]], kind),
    );
  });

  test("R130 a message over the limit is refused from its prefix and the stream is cancelled; one of the limit passes", async () => {
    for (const kind of KINDS) {
      await scripted(
        async ({ server, client }) => {
          const equal = outcome(begin(client, kind));
          const connection = await server.connection();
          const first = await completeRequest(connection);
          answer(connection, first.streamId, ["x".repeat(1000)]);
          assert.equal((await equal).code, Code.OK);
          const over = outcome(begin(client, kind));
          const second = await completeRequest(connection);
          connection.headers(second.streamId, RESPONSE_FIELDS);
          connection.data(second.streamId, prefix(1001));
          const { code, message, error } = await over;
          assert.equal(code, Code.RESOURCE_EXHAUSTED, kind);
          assert.ok(message.includes("1001") && message.includes("1000"), message);
          assert.equal(error?.origin, "local");
          assert.equal((await connection.frame("RST_STREAM", second.streamId)).errorCode, ErrorCode.CANCEL);
        },
        { channel: { maxReceiveBytes: 1000 } },
      );
    }
  });

  test("R130 the limit is 4 MiB unless it is set", async () => {
    const four = 4 * 1024 * 1024;
    await scripted(async ({ server, client }) => {
      const equal = outcome(begin(client, "unary"));
      const connection = await server.connection();
      const first = await completeRequest(connection);
      connection.headers(first.streamId, RESPONSE_FIELDS);
      await connection.body(first.streamId, prefixed(Buffer.alloc(four)));
      connection.headers(first.streamId, OK_TRAILERS, { endStream: true });
      const passed = await equal;
      assert.deepEqual([passed.code, passed.messages[0]?.length], [Code.OK, four]);
      const over = outcome(begin(client, "unary"));
      const second = await completeRequest(connection);
      connection.headers(second.streamId, RESPONSE_FIELDS);
      connection.data(second.streamId, prefix(four + 1));
      assert.equal((await over).code, Code.RESOURCE_EXHAUSTED);
    });
  });

  test("R48 the same messages come out wherever the response is cut in two, and byte by byte", async () => {
    const texts = ["", "a", "bc", "defghij", ""];
    const bytes = Buffer.concat(texts.map((text) => prefixed(text)));
    const cuts = Array.from({ length: bytes.length + 1 }, (_, cut): Respond => (connection, streamId) => {
      connection.headers(streamId, RESPONSE_FIELDS);
      connection.data(streamId, bytes.subarray(0, cut));
      connection.data(streamId, bytes.subarray(cut));
      connection.headers(streamId, OK_TRAILERS, { endStream: true });
    });
    const single: Respond = (connection, streamId) => {
      connection.headers(streamId, RESPONSE_FIELDS);
      for (const byte of bytes) connection.data(streamId, Buffer.of(byte));
      connection.headers(streamId, OK_TRAILERS, { endStream: true });
    };
    for (const kind of MANY_RESPONSES) {
      for (const { code, messages } of await answered(kind, [...cuts, single])) {
        assert.deepEqual([code, messages], [Code.OK, texts]);
      }
    }
  });

  test("R49 300 KB in DATA frames of 5 bytes and 255 of padding come through without a stall", async () => {
    await scripted(async ({ server, client }) => {
      const result = outcome(begin(client, "unary"));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      const message = prefixed(Buffer.alloc(300_000, "p"));
      connection.headers(streamId, RESPONSE_FIELDS);
      const granted = (id: number): number =>
        connection.frames
          .filter((frame) => frame.name === "WINDOW_UPDATE" && frame.streamId === id)
          .reduce((sum, frame) => sum + frame.payload.readUInt32BE(0), 0);
      let sent = 0;
      for (let at = 0; at < message.length; at += 5) {
        // The stream's window starts at 256 KiB, the connection's at 65,535 before its first WINDOW_UPDATE.
        const room = (): number => Math.min(65_535 + granted(0), 262_144 + granted(streamId)) - sent;
        if (at % 500 === 0 && room() < 261 * 100) {
          await connection.until("more window", () => (room() >= 261 * 100 ? true : undefined));
        }
        connection.data(streamId, message.subarray(at, at + 5), { padding: 255 });
        sent += 261;
      }
      connection.headers(streamId, OK_TRAILERS, { endStream: true });
      const { code, messages } = await result;
      assert.equal(code, Code.OK);
      assert.equal(messages[0], "p".repeat(300_000));
    });
  });

  test("R58 a response that is not protobuf is INTERNAL and names the type", async () => {
    const server = await RawServer.listen();
    const channel = new Channel(`127.0.0.1:${server.port}`);
    const guide = channel.client(RouteGuide);
    try {
      for (const hex of ["ff", "08", "0affffffff0f", "07", "00"]) {
        for (const call of [guide.getFeature({}), guide.listFeatures({})]) {
          const result = (async () => {
            if (Symbol.asyncIterator in call) for await (const feature of call) void feature;
            else await call;
          })();
          const connection = server.connections[0] ?? (await server.connection());
          const { streamId } = await completeRequest(connection);
          connection.headers(streamId, RESPONSE_FIELDS);
          connection.data(streamId, prefixed(Buffer.from(hex, "hex")));
          connection.headers(streamId, OK_TRAILERS, { endStream: true });
          await assert.rejects(result, { code: Code.INTERNAL, message: /routeguide\.Feature/ });
          assert.equal((await call.status).code, Code.INTERNAL);
        }
      }
      const next = guide.getFeature({});
      const { streamId } = await completeRequest(server.connections[0] ?? (await server.connection()));
      answer(server.connections[0] ?? (await server.connection()), streamId, [""]);
      assert.equal((await next).name, "");
    } finally {
      const destroyed = channel.destroy();
      await server.close();
      await destroyed;
    }
  });
});

describe("metadata of a response", () => {
  test("R43 R42 R38 R39 headers and trailers are kept apart, in order, with commas, padded or not", async () => {
    await scripted(async ({ server, client }) => {
      const call = client.unary(Buffer.alloc(0));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      connection.headers(streamId, [
        ...RESPONSE_FIELDS,
        ["x-a", "1,2"],
        ["x-b", "b"],
        ["x-a", "3"],
        ["date", "yesterday"],
        ["date", "today"],
        ["y-bin", "AAE=,AAI"],
      ]);
      connection.data(streamId, prefixed("m"));
      connection.headers(streamId, [["x-a", "4"], ["y-bin", "AAM"], ["y-bin", "AAQ="], ...OK_TRAILERS], {
        endStream: true,
      });
      await call;
      const hex = (values: readonly Uint8Array[]): string[] => values.map((one) => Buffer.from(one).toString("hex"));
      const headers = await call.headers;
      const trailers = await call.trailers;
      assert.deepEqual(headers.getAll("x-a"), ["1,2", "3"]);
      assert.deepEqual(headers.getAll("date"), ["yesterday", "today"]);
      assert.deepEqual(hex(headers.getAll("y-bin")), ["0001", "0002"]);
      assert.deepEqual(trailers.getAll("x-a"), ["4"]);
      assert.deepEqual(hex(trailers.getAll("y-bin")), ["0003", "0004"]);
      assert.deepEqual([...headers.keys()], ["x-a", "x-b", "date", "y-bin"]);
      assert.deepEqual([...trailers.keys()], ["x-a", "y-bin"]);
    });
  });

  test("R33 a value with spaces at its ends arrives without them, or not at all where Node drops it", async () => {
    await scripted(async ({ server, client }) => {
      const call = client.unary(Buffer.alloc(0));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      const spaced = [" before", "after ", "\t both ", "in the middle"].map((value) => ["x-a", value] as const);
      connection.headers(streamId, [...RESPONSE_FIELDS, ...spaced]);
      connection.data(streamId, prefixed("m"));
      connection.headers(streamId, [...spaced, ...OK_TRAILERS], { endStream: true });
      await call;
      const expected = DROPS_SPACED_VALUES ? ["in the middle"] : ["before", "after", "both", "in the middle"];
      assert.deepEqual((await call.headers).getAll("x-a"), expected);
      assert.deepEqual((await call.trailers).getAll("x-a"), expected);
    });
  });

  test("R43 in a Trailers-Only response everything is trailing metadata, and the error carries it", async () => {
    await scripted(async ({ server, client }) => {
      const call = client.unary(Buffer.alloc(0));
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      trailersOnly(["grpc-status", "5"], ["x-a", "1"])(connection, streamId);
      const { error } = await outcome(call);
      assert.deepEqual([...(await call.headers)], []);
      assert.deepEqual([...(await call.trailers)], [["x-a", "1"]]);
      assert.equal(error?.trailers?.get("x-a"), "1");
    });
  });

  test("R40 a binary value that is not base64 is INTERNAL, in headers, trailers and Trailers-Only", async () => {
    for (const kind of KINDS) {
      const outcomes = await answered(kind, [
        (connection, streamId) => {
          connection.headers(streamId, [...RESPONSE_FIELDS, ["x-bin", "!"]]);
          connection.data(streamId, prefixed("m"));
          connection.headers(streamId, OK_TRAILERS, { endStream: true });
        },
        afterMessage(endWith(["grpc-status", "0"], ["x-bin", "AA_-"])),
        trailersOnly(["grpc-status", "5"], ["x-bin", "A"]),
      ]);
      for (const { code, message } of outcomes) {
        assert.equal(code, Code.INTERNAL, kind);
        assert.ok(message.includes("x-bin"), message);
      }
    }
  });

  test("R34 text that is not ASCII fails nothing", async () => {
    await everyKind(
      (connection, streamId) => {
        const odd: Field = ["x-a", Buffer.from("größe ☺").toString("latin1")];
        connection.headers(streamId, [...RESPONSE_FIELDS, odd]);
        connection.data(streamId, prefixed("m"));
        connection.headers(streamId, [...OK_TRAILERS, odd], { endStream: true });
      },
      ({ code, messages }, kind) => assert.deepEqual([code, messages], [Code.OK, ["m"]], kind),
    );
  });

  test("R45 response headers and trailers in CONTINUATION frames are read", async () => {
    await scripted(
      async ({ server, client }) => {
        const call = client.unary(Buffer.alloc(0));
        const connection = await server.connection();
        const { streamId } = await completeRequest(connection);
        const big: Field = ["x-big", "v".repeat(60_000)];
        connection.headers(streamId, [...RESPONSE_FIELDS, big]);
        connection.data(streamId, prefixed("m"));
        connection.headers(streamId, [...OK_TRAILERS, big], { endStream: true });
        await call;
        assert.equal((await call.headers).get("x-big")?.length, 60_000);
        assert.equal((await call.trailers).get("x-big")?.length, 60_000);
      },
      { channel: { maxHeaderListBytes: 64 * 1024 } },
    );
  });

  test("R75 headers, trailers and Trailers-Only over the limit are RESOURCE_EXHAUSTED", async () => {
    const big: Field = ["x-big", "v".repeat(17_000)];
    const [warm, ...outcomes] = await answered("unary", [
      // The limit holds for streams that were opened after the server had acknowledged it.
      (connection, streamId) => answer(connection, streamId, ["m"]),
      (connection, streamId) => connection.headers(streamId, [...RESPONSE_FIELDS, big]),
      afterMessage(endWith(["grpc-status", "0"], big)),
      trailersOnly(["grpc-status", "5"], big),
    ]);
    assert.equal(warm?.code, Code.OK);
    assert.equal(outcomes.length, 3);
    for (const { code } of outcomes) assert.equal(code, Code.RESOURCE_EXHAUSTED);
  });
});
