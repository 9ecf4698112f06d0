/**
 * Answers of proxies and web servers: every HTTP status, with bodies that look like anything, with and without a status of
 * gRPC's own.
 *
 * Spec: http-grpc-status-mapping.md; PROTOCOL-HTTP2.md, "Responses".
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "../../src/core.js";
import type { Field } from "../support/http2-hpack.js";
import { holdsAtMost } from "../support/peer-flood.js";
import { guardProcess } from "../support/peer-guard.js";
import { begin, completeRequest, KINDS, outcome, scripted, type Kind, type Outcome } from "../support/peer-scripted.js";
import { OK_TRAILERS, prefix, prefixed } from "../support/peer-service.js";

guardProcess();

/** http-grpc-status-mapping.md; every other status is UNKNOWN. */
const LISTED: ReadonlyMap<number, Code> = new Map<number, Code>([
  [400, Code.INTERNAL],
  [401, Code.UNAUTHENTICATED],
  [403, Code.PERMISSION_DENIED],
  [404, Code.UNIMPLEMENTED],
  [429, Code.UNAVAILABLE],
  [502, Code.UNAVAILABLE],
  [503, Code.UNAVAILABLE],
  [504, Code.UNAVAILABLE],
]);

/** All statuses of HTTP but 200 and the informational ones, which are no answers. */
const STATUSES = Array.from({ length: 399 }, (_, i) => i + 201);
/** The listed ones and some that are not. */
const SOME_STATUSES = [...LISTED.keys(), 204, 302, 408, 413, 415, 421, 431, 451, 500, 501, 505, 511, 599, 999];

/** Bodies, each with what it would be to a reader of messages. */
const BODIES: Readonly<Record<string, Buffer>> = {
  "HTML, the length of gigabytes": Buffer.from("<html><body><h1>Bad gateway</h1></body></html>"),
  nothing: Buffer.alloc(0),
  "a prefix of 4 GiB": prefix(0xffff_ffff),
  "a message": prefixed("m"),
  "a compressed message": prefixed("m", 1),
  "a flag that does not exist": prefixed("m", 255),
  "half a prefix": Buffer.alloc(3),
  "100 KB of text": Buffer.alloc(100_000, "<p>sorry</p>\n"),
};

interface Answer {
  readonly fields: readonly Field[];
  readonly body?: Buffer;
  /** What ends the stream: END_STREAM on the last frame, or trailers. */
  readonly trailers?: readonly Field[];
}

/** One kind that takes one message, and one that takes many. */
const TWO_KINDS: readonly Kind[] = ["unary", "serverStreaming"];

/** Gives each answer to one call of each kind; says how they ended. */
async function outcomesOf(answers: readonly Answer[], kinds = TWO_KINDS): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  await scripted(async ({ server, client, errors }) => {
    for (const { fields, body, trailers } of answers) {
      for (const kind of kinds) {
        const result = outcome(begin(client, kind));
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await completeRequest(connection);
        connection.headers(streamId, fields, { endStream: body === undefined && trailers === undefined });
        if (body !== undefined) await connection.body(streamId, body);
        if (body !== undefined && trailers === undefined)
          connection.data(streamId, Buffer.alloc(0), { endStream: true });
        if (trailers !== undefined) connection.headers(streamId, trailers, { endStream: true });
        outcomes.push(await result);
      }
    }
    assert.deepEqual(errors, []);
    assert.equal(server.connections.length, 1, "the connection is as good as before");
  });
  return outcomes;
}

function http(status: number, ...more: readonly Field[]): Field[] {
  return [[":status", String(status)], ...more];
}

describe("answers that are not gRPC", () => {
  test("R83 R84 every HTTP status there is", async () => {
    const outcomes = await outcomesOf(
      STATUSES.map((status) => ({ fields: http(status) })),
      ["unary"],
    );
    for (const [i, { code, message }] of outcomes.entries()) {
      const status = STATUSES[i] ?? 0;
      assert.equal(code, LISTED.get(status) ?? Code.UNKNOWN, `HTTP ${status}`);
      assert.ok(message.includes(String(status)), message);
    }
  });

  for (const [what, body] of Object.entries(BODIES)) {
    test(`R86 R83 a body of ${what} is never read as messages, whatever stands around it`, async () => {
      const types: readonly (readonly Field[])[] = [
        [["content-type", "text/html; charset=utf-8"]],
        [["content-type", "application/grpc"]],
        [],
      ];
      const trailers = [undefined, OK_TRAILERS, [["x-trailer", "1"]]] as const;
      const answers = SOME_STATUSES.filter((status) => status !== 204 || body.length === 0).flatMap((status) =>
        types.flatMap((type) =>
          trailers.map((end): Answer => ({ fields: http(status, ...type), body, ...(end && { trailers: end }) })),
        ),
      );
      const outcomes = await outcomesOf(answers);
      for (const [i, { code, message, messages }] of outcomes.entries()) {
        const status = Number(answers[Math.floor(i / TWO_KINDS.length)]?.fields[0]?.[1]);
        assert.equal(code, LISTED.get(status) ?? Code.UNKNOWN, `HTTP ${status}: ${message}`);
        assert.ok(message.includes(`${status}`), message);
        assert.deepEqual(messages, []);
      }
    });
  }

  test("R72 a grpc-status in the block counts more than any HTTP status, with a body and without", async () => {
    const status: readonly Field[] = [
      ["grpc-status", "5"],
      ["grpc-message", "told"],
    ];
    const answers = SOME_STATUSES.flatMap((one): Answer[] => [
      { fields: http(one, ["content-type", "application/grpc"], ...status) },
      { fields: http(one, ["content-type", "text/html"], ...status) },
      { fields: http(one, ...status) },
    ]);
    const withBody = SOME_STATUSES.filter((one) => one !== 204).map((one): Answer => ({
      fields: http(one, ["content-type", "text/html"], ...status),
      body: Buffer.from("<html>"),
    }));
    for (const { code, message } of await outcomesOf([...answers, ...withBody])) {
      assert.deepEqual([code, message], [Code.NOT_FOUND, "told"]);
    }
  });

  test("R76 R72 no HTTP status but 200 is OK for its messages: grpc-status 0 beside it is OK only where the stream ends", async () => {
    const [ends, goesOn] = await outcomesOf([
      { fields: http(503, ["content-type", "application/grpc"], ["grpc-status", "0"]) },
    ]);
    // One message was wanted; where many are, none is fine.
    assert.equal(ends?.code, Code.UNIMPLEMENTED);
    assert.equal(goesOn?.code, Code.OK);
  });

  test("R76 R83 grpc-status 0 beside an error of HTTP, with a body to come, is what HTTP says", async () => {
    const fields = http(503, ["content-type", "application/grpc"], ["grpc-status", "0"]);
    const outcomes = await outcomesOf([{ fields, body: Buffer.from("sorry") }], KINDS);
    assert.deepEqual(
      outcomes.map(({ code }) => code),
      KINDS.map(() => Code.UNAVAILABLE),
    );
  });

  test("R86 R94 a body without end is left: the stream is reset, and nothing of it is held", async () => {
    await scripted(async ({ server, client }) => {
      const endless = Buffer.alloc(8 * 1024 * 1024, "<p>");
      for (const kind of KINDS) {
        const result = outcome(begin(client, kind));
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await completeRequest(connection);
        await holdsAtMost(2 * 1024 * 1024, async () => {
          connection.headers(streamId, http(502, ["content-type", "text/html"]));
          const sent = await connection.body(streamId, endless);
          assert.ok(sent < endless.length, "the server was told to stop");
        });
        assert.equal((await result).code, Code.UNAVAILABLE);
        assert.ok(
          connection.order(streamId).some((frame) => frame.startsWith("RST_STREAM")),
          "the stream is reset",
        );
      }
    });
  });
});
