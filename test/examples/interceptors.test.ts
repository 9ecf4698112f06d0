/**
 * The examples of interceptors do what they say.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { attachToken, checkToken, type Token, userOf } from "../../examples/authentication.js";
import { statusOf } from "../../examples/domain-errors.js";
import { logCalls } from "../../examples/logging.js";
import { CallMetrics } from "../../examples/metrics.js";
import { Code, StatusError } from "../../src/index.js";
import { Health } from "../../src/services/health.js";
import { withEcho } from "../support/echo-served.js";
import { gate } from "../support/echo-ways.js";

const HOUR_MS = 3_600_000;

describe("examples/authentication", () => {
  /** A server that knows its good tokens, and says who calls. */
  function guarded(good: ReadonlyMap<string, string>): {
    readonly server: { readonly interceptors: readonly ReturnType<typeof checkToken>[] };
    readonly handlers: Parameters<typeof withEcho>[0];
  } {
    return {
      server: { interceptors: [checkToken(async (token) => good.get(token))] },
      handlers: { unary: (_request, call) => ({ text: userOf(call) }) },
    };
  }

  test("the handler learns who calls, and one token serves many calls", async () => {
    let fetched = 0;
    const fetchToken = async (): Promise<Token> => {
      fetched++;
      return { value: "good", expiresAtMs: Date.now() + HOUR_MS };
    };
    const { server, handlers } = guarded(new Map([["good", "ada"]]));
    await withEcho(
      handlers,
      async ({ client }) => {
        const answers = await Promise.all([client.unary({}), client.unary({})]);
        assert.deepEqual(
          answers.map(({ text }) => text),
          ["ada", "ada"],
        );
        assert.equal(fetched, 1);
      },
      { server, channel: { interceptors: [attachToken(fetchToken)] } },
    );
  });

  test("a token that runs out, or is refused, is replaced", async () => {
    const tokens: Token[] = [
      { value: "old", expiresAtMs: Date.now() + 1 },
      { value: "revoked", expiresAtMs: Date.now() + HOUR_MS },
      { value: "good", expiresAtMs: Date.now() + HOUR_MS },
    ];
    const { server, handlers } = guarded(new Map([["good", "ada"]]));
    await withEcho(
      handlers,
      async ({ client }) => {
        await assert.rejects(async () => client.unary({}), { code: Code.UNAUTHENTICATED });
        assert.equal((await client.unary({})).text, "ada");
        assert.equal(tokens.length, 0);
      },
      { server, channel: { interceptors: [attachToken(async () => tokens.shift() as Token)] } },
    );
  });

  test("without a token, or without one to be had, a call is UNAUTHENTICATED; health is for everybody", async () => {
    const { server, handlers } = guarded(new Map());
    await withEcho(
      handlers,
      async ({ client, channel }) => {
        await assert.rejects(async () => client.unary({}), { code: Code.UNAUTHENTICATED });
        assert.equal((await channel.client(Health).check({})).status, 1);
      },
      { server },
    );
    const none = attachToken(() => Promise.reject(new Error("the other server is down")));
    await withEcho(
      handlers,
      async ({ client }) => {
        const error = await client.unary({}).catch((thrown: unknown) => thrown);
        assert.ok(error instanceof StatusError && error.code === Code.UNAUTHENTICATED);
        assert.match(String(error.cause), /the other server is down/);
      },
      { server, channel: { interceptors: [none] } },
    );
  });
});

describe("examples/logging", () => {
  test("every call is one line on either side, and nobody can make it two", async () => {
    const lines: string[] = [];
    const both = gate();
    const log = logCalls((line) => {
      lines.push(line);
      if (lines.length === 2) both.open();
    });
    await withEcho(
      {
        unary() {
          throw new StatusError(Code.NOT_FOUND, "no such\nthing");
        },
      },
      async ({ client }) => {
        await assert.rejects(async () => client.unary({}));
        await both.opened;
        for (const [i, side] of ["server", "client"].entries()) {
          const line = lines.find((one) => one.startsWith(side)) ?? "";
          assert.match(line, /^\w+ \/barewire\.test\.Echo\/Unary 127\.0\.0\.1:\d+ NOT_FOUND "no such\\nthing" \(/);
          assert.match(line, i === 0 ? /\(0 sent, 1 received, / : /\(1 sent, 0 received, /);
        }
      },
      { server: { interceptors: [log] }, channel: { interceptors: [log] } },
    );
  });
});

describe("examples/metrics", () => {
  test("calls are counted while they run, by how they end, and timed", async () => {
    const metrics = new CallMetrics();
    const go = gate();
    const running = gate();
    await withEcho(
      {
        async unary(request) {
          if (request.text === "fail") throw new StatusError(Code.ABORTED, "as asked");
          running.open();
          await go.opened;
          return request;
        },
      },
      async ({ client, callsEnded }) => {
        const call = client.unary({});
        await running.opened;
        assert.match(metrics.toText(), /^rpc_running\{method="\/barewire\.test\.Echo\/Unary"\} 1$/m);
        go.open();
        await call;
        await assert.rejects(async () => client.unary({ text: "fail" }));
        await callsEnded(2);
        const text = metrics.toText();
        assert.match(text, /^rpc_running\{.*\} 0$/m);
        assert.match(text, /^rpc_ended_total\{.*code="OK"\} 1$/m);
        assert.match(text, /^rpc_ended_total\{.*code="ABORTED"\} 1$/m);
        assert.match(text, /^rpc_duration_seconds_bucket\{.*le="\+Inf"\} 2$/m);
        assert.match(text, /^rpc_duration_seconds_count\{.*\} 2$/m);
      },
      { server: { interceptors: [metrics.interceptor] } },
    );
  });
});

describe("examples/domain-errors", () => {
  class NotFound extends Error {}
  const translate = (error: unknown): unknown =>
    error instanceof NotFound ? new StatusError(Code.NOT_FOUND, error.message, { cause: error }) : error;

  test("what a handler throws becomes a status, before its first message and after", () =>
    withEcho(
      {
        unary() {
          throw new NotFound("order 7");
        },
        *serverStreaming() {
          yield {};
          throw new NotFound("order 8");
        },
        clientStreaming() {
          throw new Error("not of the domain");
        },
      },
      async ({ client, serverErrors }) => {
        await assert.rejects(async () => client.unary({}), { code: Code.NOT_FOUND, rawMessage: "order 7" });
        const call = client.serverStreaming({});
        await call.receive();
        await assert.rejects(() => call.receive(), { code: Code.NOT_FOUND, rawMessage: "order 8" });
        await assert.rejects(async () => client.clientStreaming([]), { code: Code.UNKNOWN });
        assert.equal(serverErrors.length, 1);
      },
      { server: { interceptors: [statusOf(translate)] } },
    ));
});
