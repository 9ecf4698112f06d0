/**
 * What a server does about clients that have fallen silent.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Code, StatusError, type HandlerCall } from "../../src/core.js";
import { ErrorCode } from "../support/http2-frame.js";
import { SESSIONS_GO_DEAF } from "../support/node-version.js";
import { guardProcess } from "../support/peer-guard.js";
import { served } from "../support/peer-served.js";
import { prefixed, requestFields } from "../support/peer-service.js";

guardProcess();

const BIDI_STREAMING = "/wire.Wire/BidiStreaming";

/** A handler that says nothing and waits for its signal; `ended` is the signal's reason. */
function waitingHandler(): {
  handler: (requests: unknown, call: HandlerCall) => AsyncGenerator<never>;
  ended: Promise<unknown>;
} {
  let tell: (reason: unknown) => void = () => undefined;
  const ended = new Promise<unknown>((resolve) => (tell = resolve));
  async function* handler(_requests: unknown, { signal }: HandlerCall): AsyncGenerator<never> {
    if (!signal.aborted) await once(signal, "abort");
    tell(signal.reason);
  }
  return { handler, ended };
}

describe("keepalive", () => {
  test("R187 a client that answers no PING is dropped and its handlers are cancelled", async () => {
    const { handler, ended } = waitingHandler();
    await served(
      { bidiStreaming: handler },
      async ({ connect }) => {
        const client = await connect();
        client.open(requestFields(BIDI_STREAMING));
        client.autoAck = false;
        await client.frame("PING");
        const reason = await ended;
        assert.ok(reason instanceof StatusError);
        assert.equal(reason.code, Code.CANCELLED);
        await client.until("the end of the connection", () => (client.closed ? true : undefined));
      },
      { keepaliveTimeMs: 100, keepaliveTimeoutMs: 100 },
    );
  });

  test("R187 a client that answers stays, however long it says nothing else", async () => {
    const { handler } = waitingHandler();
    await served(
      { bidiStreaming: handler },
      async ({ connect }) => {
        const client = await connect();
        client.open(requestFields(BIDI_STREAMING));
        for (let i = 0; i < 3; i++) await client.frame("PING");
        assert.equal(client.closed, false);
      },
      { keepaliveTimeMs: 50, keepaliveTimeoutMs: 5000 },
    );
  });

  test("a session that broke on what its client sent is dropped, and its handlers are cancelled", async () => {
    const { handler, ended } = waitingHandler();
    // Node 20 tells nobody, and a PING without an answer finds out; later versions end the session by themselves, at once.
    const keepalive = SESSIONS_GO_DEAF ? { keepaliveTimeMs: 100, keepaliveTimeoutMs: 100 } : {};
    await served(
      { bidiStreaming: handler },
      async ({ connect }) => {
        const client = await connect();
        client.open(requestFields(BIDI_STREAMING));
        await client.roundTrip();
        const start = performance.now();
        // A stream that was never opened: a connection error.
        client.send(0, 0, 99, prefixed("lost"));
        assert.equal((await client.frame("GOAWAY")).errorCode, ErrorCode.PROTOCOL_ERROR);
        const reason = await ended;
        assert.ok(reason instanceof StatusError);
        assert.equal(reason.code, Code.CANCELLED);
        if (SESSIONS_GO_DEAF) assert.ok(performance.now() - start >= 100, "it took the PING to notice");
        await client.until("the end of the connection", () => (client.closed ? true : undefined));
      },
      keepalive,
    );
  });
});
