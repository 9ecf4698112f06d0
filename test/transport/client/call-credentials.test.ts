/**
 * Call credentials: what they add to a call, when they are asked, and what becomes of a call whose credentials cannot be had.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Code,
  StatusError,
  type CallCredentials,
  type CredentialsRequest,
  type HandlerCall,
} from "../../../src/core.js";
import { Authority } from "../../support/certificates.js";
import { withEcho, type EchoServedOptions } from "../../support/echo-served.js";
import { ErrorCode } from "../../support/http2-frame.js";
import { guardProcess } from "../../support/peer-guard.js";
import { answer, begin, completeRequest, KINDS, outcome, scripted } from "../../support/peer-scripted.js";
import { said } from "../../support/peer-service.js";

guardProcess();

const authority = new Authority();
const bearer =
  (token: string): CallCredentials =>
  () => ({ authorization: `Bearer ${token}` });

/** A server that says who called, over TLS. */
async function whoCalls(
  credentials: CallCredentials | undefined,
  own: CallCredentials | undefined,
): Promise<readonly string[]> {
  let seen: readonly (string | Uint8Array)[] = [];
  const options: EchoServedOptions = {
    server: { tls: authority.issue() },
    channel: { tls: { ca: authority.cert }, credentials },
  };
  const unary = (request: { readonly text: string }, call: HandlerCall): { text: string } => {
    seen = call.metadata.getAll("authorization");
    return { text: request.text };
  };
  await withEcho({ unary }, async ({ client }) => void (await client.unary({}, { credentials: own })), options);
  return seen.map(String);
}

describe("call credentials", () => {
  test("R299 those of the channel and those of the call both apply, and are told what the call is", async () => {
    assert.deepEqual(await whoCalls(bearer("channel"), undefined), ["Bearer channel"]);
    assert.deepEqual(await whoCalls(undefined, async (request) => bearer("call")(request)), ["Bearer call"]);
    let asked: CredentialsRequest | undefined;
    const remember: CallCredentials = (request) => {
      asked = request;
      return { "x-other": "1" };
    };
    assert.deepEqual(await whoCalls(remember, bearer("call")), ["Bearer call"]);
    assert.match(asked?.authority ?? "", /^127\.0\.0\.1:\d+$/);
    assert.equal(asked?.serviceUrl, `https://${asked?.authority}/barewire.test.Echo`);
    assert.equal(asked?.method.name, "Unary");
  });

  test("R299 they are asked for on every attempt", async () => {
    let asked = 0;
    const counting: CallCredentials = async () => ({ "x-token": `token ${++asked}` });
    await scripted(
      async ({ server, client }) => {
        const result = outcome(client.unary(Buffer.from("hello")));
        const connection = await server.connection();
        const first = await connection.request();
        await connection.reply(first.streamId);
        connection.reset(first.streamId, ErrorCode.REFUSED_STREAM);
        const second = await connection.request();
        await connection.reply(second.streamId);
        answer(connection, second.streamId, ["done"]);
        assert.equal((await result).code, Code.OK);
        assert.deepEqual(
          [first, second].map((request) => said(request, "x-token")),
          ["token 1", "token 2"],
        );
      },
      { channel: { credentials: counting, credentialsInPlaintext: true } },
    );
  });

  test("R297 they are not sent in plaintext: UNAUTHENTICATED, they are not even asked, and nothing is connected", async () => {
    let asked = 0;
    const counting: CallCredentials = () => ({ "x-token": String(++asked) });
    await scripted(
      async ({ server, client }) => {
        for (const kind of KINDS) {
          const { code, message } = await outcome(begin(client, kind));
          assert.equal(code, Code.UNAUTHENTICATED);
          assert.match(message, /plaintext/);
        }
        assert.equal(server.connections.length, 0);
        assert.equal(asked, 0);
      },
      { channel: { credentials: counting }, nextCallWorks: false },
    );
  });

  test("R298 R136 credentials that cannot be had: UNAUTHENTICATED, or the code they say, unless only a server may say it", async () => {
    const cases: readonly (readonly [thrown: unknown, code: Code, message: RegExp])[] = [
      [new Error("the key is gone"), Code.UNAUTHENTICATED, /could not be had: the key is gone/],
      [new StatusError(Code.UNAVAILABLE, "try later"), Code.UNAVAILABLE, /^try later$/],
      [new StatusError(Code.PERMISSION_DENIED, "not you"), Code.PERMISSION_DENIED, /^not you$/],
      [
        new StatusError(Code.NOT_FOUND, "no key"),
        Code.INTERNAL,
        /only a server may say, which is a bug there: NOT_FOUND: no key/,
      ],
    ];
    for (const [thrown, code, message] of cases) {
      const failing: CallCredentials = () => {
        throw thrown;
      };
      for (const kind of KINDS) {
        await scripted(
          async ({ server, client }) => {
            const result = await outcome(begin(client, kind, { credentials: failing }));
            assert.equal(result.code, code, kind);
            assert.match(result.message, message);
            assert.equal(server.connections.length, 0);
            assert.equal(result.error?.cause, thrown);
          },
          { channel: { credentialsInPlaintext: true } },
        );
      }
    }
  });

  test("R298 metadata that is none is UNAUTHENTICATED, too", async () => {
    await scripted(
      async ({ client }) => {
        const { code, message } = await outcome(client.unary(Buffer.alloc(0), { credentials: () => ({ "a b": "c" }) }));
        assert.equal(code, Code.UNAUTHENTICATED);
        assert.match(message, /a b/);
      },
      { channel: { credentialsInPlaintext: true } },
    );
  });

  test("R99 R110 a deadline or a cancel while they are awaited ends the call at once, and nothing is sent", async () => {
    for (const how of ["deadline", "cancel"] as const) {
      await scripted(
        async ({ server, client }) => {
          const never: CallCredentials = () => new Promise(() => undefined);
          const options = { credentials: never, ...(how === "deadline" ? { timeoutMs: 20 } : {}) };
          const call = client.unary(Buffer.alloc(0), options);
          if (how === "cancel") call.cancel();
          const { code } = await outcome(call);
          assert.equal(code, how === "cancel" ? Code.CANCELLED : Code.DEADLINE_EXCEEDED);
          assert.equal(server.connections.length, 0);
        },
        { channel: { credentialsInPlaintext: true } },
      );
    }
  });

  test("a call that has completed its requests meanwhile sends all of them", async () => {
    let give: (metadata: { "x-token": string }) => void = () => undefined;
    const late: CallCredentials = () => new Promise((resolve) => (give = resolve));
    await scripted(
      async ({ server, client }) => {
        const result = outcome(client.clientStreaming([Buffer.from("a"), Buffer.from("b")], { credentials: late }));
        await new Promise((resolve) => setImmediate(resolve));
        assert.equal(server.connections.length, 0);
        give({ "x-token": "late" });
        const connection = await server.connection();
        const { streamId, messages } = await completeRequest(connection);
        assert.deepEqual(messages, ["a", "b"]);
        answer(connection, streamId, ["done"]);
        assert.equal((await result).code, Code.OK);
      },
      { channel: { credentialsInPlaintext: true } },
    );
  });
});
