/**
 * What the strictest peers look at beyond the status: fields that must not be there, or not twice, in every answer of a
 * server and every request of a client, whichever the kind and however the call ends.
 *
 * Spec: PROTOCOL-HTTP2.md, "Requests", "Responses"; gRFC L44; RFC 9113 §8.1, §8.2.2.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CallOptions, Code, type HandlerCall, type Implementation, StatusError } from "../../src/core.js";
import { ErrorCode } from "../support/http2-frame.js";
import type { Field } from "../support/http2-hpack.js";
import { encodeHeaders, field, fieldAll, type Frame, type Reply, type ServerPeer } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { begin, KINDS, type Kind, MANY_RESPONSES, outcome, scripted } from "../support/peer-scripted.js";
import { call, served } from "../support/peer-served.js";
import { OK_TRAILERS, prefix, prefixed, RESPONSE_FIELDS, type Wire } from "../support/peer-service.js";

guardProcess();

/** What a peer allows once for each message, whatever metadata there is. */
const ONCE = [
  ...[":method", ":scheme", ":path", ":authority", ":status", "te", "content-type", "user-agent", "date", "server"],
  ...[
    "grpc-status",
    "grpc-message",
    "grpc-status-details-bin",
    "grpc-timeout",
    "grpc-encoding",
    "grpc-accept-encoding",
  ],
];

/** A `google.rpc.Status` that says code 5, as bytes. */
const DETAILS = Buffer.of(8, 5);

/** Values in an order, with a comma, with spaces within, of every length that base64 would pad. */
function decorate({ headers, trailers }: HandlerCall): void {
  for (const metadata of [headers, trailers]) {
    for (const value of ["b", "a, c", "b", ""]) metadata.append("x-text", value);
    for (const length of [0, 1, 2, 3, 4]) metadata.append("x-bytes-bin", Buffer.alloc(length, 0xfb));
  }
}

const PADDED = /=/;

function checkFields(fields: readonly Field[], where: string): void {
  for (const name of ONCE) {
    assert.ok(fieldAll(fields, name).length <= 1, `${name} stands once: ${where}`);
  }
  for (const [name, value] of fields) {
    assert.equal(name, name.toLowerCase(), where);
    if (name.endsWith("-bin")) assert.doesNotMatch(value, PADDED, `${name} is not padded: ${where}`);
    assert.doesNotMatch(name, /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade)$/, where);
  }
}

/** Refuses an answer as the strictest client would. */
function checkAnswer({ headers, trailers, order }: Reply, where: string): void {
  const all = headers === trailers ? headers : [...headers, ...trailers];
  checkFields(headers, where);
  checkFields(trailers, where);
  assert.equal(fieldAll(all, "grpc-status").length, 1, `there is one grpc-status: ${where}`);
  assert.match(field(trailers, "grpc-status") ?? "", /^(?:0|[1-9]\d?)$/, where);
  if (field(trailers, "grpc-status") === "0") {
    assert.deepEqual(fieldAll(all, "grpc-message"), [], `there is no grpc-message beside OK: ${where}`);
    assert.deepEqual(fieldAll(all, "grpc-status-details-bin"), [], `there are no details beside OK: ${where}`);
  }
  const end = order.findIndex((one) => one.endsWith("+END_STREAM"));
  assert.ok(end >= 0, `the stream ends: ${where}`);
  assert.deepEqual(
    order.slice(end + 1).filter((one) => one !== "RST_STREAM(0)"),
    [],
    `nothing follows the end: ${where}`,
  );
}

type Handlers = Implementation<typeof Wire>;
type Ending = (call: HandlerCall) => void;

/** Handlers of the four kinds that answer with what they are given, and then end so. */
function endingIn(end: Ending): Handlers {
  return {
    unary: (request, call) => (end(call), request),
    *serverStreaming(request, call) {
      yield request;
      end(call);
    },
    async clientStreaming(requests, call) {
      let last = new Uint8Array();
      for await (const request of requests) last = new Uint8Array(request);
      end(call);
      return last;
    },
    async *bidiStreaming(requests, call) {
      yield* requests;
      end(call);
    },
  };
}

const ENDINGS: Readonly<Record<string, Ending>> = {
  OK: () => undefined,
  "OK with metadata": decorate,
  "OK with the details of an error in its trailers": ({ trailers }) => {
    trailers.set("grpc-status-details-bin", DETAILS);
  },
  "an error with metadata": (call) => {
    decorate(call);
    throw new StatusError(Code.NOT_FOUND, "100 %\n☺", { trailers: { "x-more": ["1", "2"] } });
  },
  "an error with details": () => {
    throw new StatusError(Code.NOT_FOUND, "", { trailers: { "grpc-status-details-bin": DETAILS } });
  },
  "an exception": () => {
    throw new Error("a secret");
  },
  "headers sent before": (call) => {
    decorate(call);
    call.sendHeaders();
  },
};

describe("what no server may answer", () => {
  for (const [name, end] of Object.entries(ENDINGS)) {
    test(`R36 R37 R60 R67 ${name}: one status, no text or details beside OK, no padding, no field twice`, async () => {
      await served(endingIn(end), async ({ connect }) => {
        const client = await connect();
        for (const kind of KINDS) {
          const path = `/wire.Wire/${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
          checkAnswer(await call(client, path, [prefixed("hello")]), `${kind}, ${name}`);
        }
      });
    });
  }

  const REQUESTS: Readonly<Record<string, { path?: string; chunk?: Uint8Array; extra?: readonly Field[] }>> = {
    "a method that does not exist": { path: "/wire.Wire/Nothing" },
    "a service that does not exist": { path: "/no.Such/Unary" },
    "a coding that does not exist": { extra: [["grpc-encoding", "none-such"]] },
    "a timeout that is none": { extra: [["grpc-timeout", "soon"]] },
    "binary metadata that is none": { extra: [["x-bin", "***"]] },
    "a deadline that has passed": { extra: [["grpc-timeout", "0n"]] },
    "a message that is too large": { chunk: prefix(5_000_000) },
    "a message with a flag that does not exist": { chunk: prefixed("hello", 2) },
    "no message": { chunk: Buffer.alloc(0) },
  };
  for (const [name, { path = "/wire.Wire/Unary", chunk = prefixed("hello"), extra = [] }] of Object.entries(REQUESTS)) {
    test(`R60 the answer to ${name} is as strict as any`, async () => {
      await served({}, async ({ connect }) => {
        const reply = await call(await connect(), path, [chunk], extra);
        checkAnswer(reply, name);
        assert.notEqual(reply.grpcStatus, 0);
      });
    });
  }

  test("R42 the values of a name are the handler's, in its order", async () => {
    await served(endingIn(decorate), async ({ connect }) => {
      const { headers, trailers } = await call(await connect(), "/wire.Wire/Unary", [prefixed("hello")]);
      for (const fields of [headers, trailers]) {
        assert.deepEqual(fieldAll(fields, "x-text"), ["b", "a, c", "b", ""]);
        assert.deepEqual(fieldAll(fields, "x-bytes-bin"), ["", "+w", "+/s", "+/v7", "+/v7+w"]);
      }
    });
  });
});

const METADATA = [
  ["x-text", "b"],
  ["x-text", "a, c"],
  ["x-text", "b"],
  ["user-agent", "mine/1"],
  ["x-bytes-bin", Buffer.of(0xfb)],
  ["x-bytes-bin", Buffer.of(0xfb, 0xfb)],
] as const;

const OPTIONS: Readonly<Record<string, CallOptions>> = {
  nothing: {},
  "a short timeout": { timeoutMs: 5000.5 },
  "a timeout of three hundred years": { timeoutMs: 1e13 },
  "metadata and compression": { metadata: METADATA, compression: "gzip", timeoutMs: 60_000 },
};

/** Refuses a request as the strictest server would. */
function checkRequest(frames: readonly Frame[], where: string): void {
  const blocks = frames.filter(({ name }) => name === "HEADERS");
  assert.equal(blocks.length, 1, `there are no request trailers: ${where}`);
  const [{ fields } = { fields: [] }] = blocks;
  checkFields(fields, where);
  assert.deepEqual(fieldAll(fields, "te"), ["trailers"], where);
  assert.deepEqual(fieldAll(fields, "content-type"), ["application/grpc"], where);
  for (const timeout of fieldAll(fields, "grpc-timeout")) assert.match(timeout, /^\d{1,8}[HMSmun]$/, where);
  assert.ok(frames.findLast(({ name }) => name === "DATA")?.endStream, `the last DATA ends it: ${where}`);
}

/** Every request that came on any connection. */
function requestsOn(connections: readonly ServerPeer[]): Frame[] {
  return connections.flatMap(({ frames }) => frames.filter(({ name }) => name === "HEADERS"));
}

describe("what no client may send", () => {
  for (const [name, options] of Object.entries(OPTIONS)) {
    test(`R6 R8 R15 R37 R96 with ${name}: te, no field twice, no trailers, a timeout of eight digits at most`, async () => {
      await scripted(async ({ server, client }) => {
        for (const kind of KINDS) {
          const started = begin(client, kind, options);
          const connection = server.connections[0] ?? (await server.connection());
          const { streamId, fields } = await connection.request();
          await connection.reply(streamId);
          answerOk(connection, streamId);
          assert.equal((await outcome(started)).code, Code.OK);
          checkRequest(connection.on(streamId), `${kind} with ${name}`);
          assert.equal(fieldAll(fields, "grpc-timeout").length, options.timeoutMs === undefined ? 0 : 1);
          if (options.metadata !== undefined) assert.deepEqual(fieldAll(fields, "x-text"), ["b", "a, c", "b"]);
        }
      });
    });
  }

  const FAILURES: Readonly<Record<string, (connection: ServerPeer, streamId: number) => void>> = {
    "UNAVAILABLE behind headers": (connection, streamId) => {
      connection.headers(streamId, RESPONSE_FIELDS);
      connection.headers(streamId, [["grpc-status", "14"]], { endStream: true });
    },
    "UNAVAILABLE at once": (connection, streamId) =>
      connection.headers(streamId, [...RESPONSE_FIELDS, ["grpc-status", "14"]], { endStream: true }),
    "HTTP status 503": (connection, streamId) =>
      connection.headers(streamId, [[":status", "503"]], { endStream: true }),
    "RST_STREAM(INTERNAL_ERROR)": (connection, streamId) => connection.reset(streamId, ErrorCode.INTERNAL_ERROR),
    "RST_STREAM(NO_ERROR)": (connection, streamId) => connection.reset(streamId, ErrorCode.NO_ERROR),
    "the end of the connection": (connection) => connection.end(),
  };
  for (const [name, fail] of Object.entries(FAILURES)) {
    test(`R160 ${name} is the end of a call: there is one request for it, and no second`, async () => {
      for (const kind of KINDS) {
        await scripted(async ({ server, client }) => {
          const started = begin(client, kind);
          const connection = await server.connection();
          const { streamId } = await connection.request();
          fail(connection, streamId);
          assert.notEqual((await outcome(started)).code, Code.OK);
          // What comes after it on the channel is the next call, so a second request would have come before.
          const next = client.wellbeing(Buffer.from("well"));
          await next;
          const paths = requestsOn(server.connections).map(({ fields }) => field(fields, ":path"));
          assert.deepEqual(paths.slice(1), ["/wire.Wire/Wellbeing"], kind);
        });
      }
    });
  }
});

describe("what no client may lose", () => {
  test("R78 the last message, though the error stands right behind it in the same segment", async () => {
    for (const kind of MANY_RESPONSES) {
      for (const messages of [["one"], ["one", "two"], ["one", "", "three"]]) {
        const { code, messages: came } = await answeredAtOnce(kind, messages);
        assert.deepEqual({ code, came }, { code: Code.ABORTED, came: messages });
      }
    }
  });

  async function answeredAtOnce(kind: Kind, messages: readonly string[]): ReturnType<typeof outcome> {
    let ended: Awaited<ReturnType<typeof outcome>> | undefined;
    await scripted(async ({ server, client }) => {
      const started = begin(client, kind);
      const connection = await server.connection();
      const { streamId } = await connection.request();
      connection.socket.cork();
      connection.raw(encodeHeaders(streamId, RESPONSE_FIELDS, false));
      for (const message of messages) connection.data(streamId, prefixed(message));
      connection.raw(encodeHeaders(streamId, [["grpc-status", "10"]], true));
      connection.reset(streamId, ErrorCode.NO_ERROR);
      connection.socket.uncork();
      ended = await outcome(started);
    });
    return ended ?? assert.fail("the call did not end");
  }
});

function answerOk(connection: ServerPeer, streamId: number): void {
  connection.headers(streamId, RESPONSE_FIELDS);
  connection.data(streamId, prefixed("done"));
  connection.headers(streamId, OK_TRAILERS, { endStream: true });
}
