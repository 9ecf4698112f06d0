/**
 * Retries and hedging with @grpc/grpc-js: our client against their server, and theirs against ours.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, Metadata, StatusError } from "../../src/index.js";
import { withEcho } from "../support/echo-served.js";
import { Echo, ECHO_PROTO } from "../support/echo-service.js";
import { behaveAs, ECHO_WAYS, outcomeOf } from "../support/echo-ways.js";
import {
  GrpcJsClient,
  GrpcJsError,
  grpcJsServiceOfText,
  serveGrpcJs,
  type GrpcJsBehaviour,
} from "../support/grpc-js-peer.js";
import { HEDGING, policedAt, RETRY } from "../support/policed.js";

const service = grpcJsServiceOfText(ECHO_PROTO, "barewire.test.Echo");
const PREVIOUS = "grpc-previous-rpc-attempts";

/** Their server, which fails the first two attempts. */
async function withTheirServer(use: (port: number, seen: (string | undefined)[]) => Promise<void>): Promise<void> {
  const seen: (string | undefined)[] = [];
  const behaviour: GrpcJsBehaviour = async function* (requests, call) {
    const texts: unknown[] = [];
    for await (const { text } of requests) texts.push(text);
    seen.push(call.metadata.get(PREVIOUS)[0]?.toString());
    if (seen.length < 3) throw new GrpcJsError(Code.UNAVAILABLE, "not yet");
    yield { text: texts.join(" ") };
  };
  const server = await serveGrpcJs(service, {
    Unary: behaviour,
    ServerStreaming: behaviour,
    ClientStreaming: behaviour,
    BidiStreaming: behaviour,
  });
  try {
    await use(server.port, seen);
  } finally {
    await server.close();
  }
}

describe("our client and their server", () => {
  for (const way of ECHO_WAYS) {
    const requests = way.manyRequests ? [{ text: "one" }, { text: "two" }] : [{ text: "one" }];
    const wanted = way.manyRequests ? "one two" : "one";

    test(`R255 R260 R267 R269 ${way.name}: a retry policy gets an answer out of the third attempt`, async () => {
      await withTheirServer(async (port, seen) => {
        await policedAt(Echo, port, { retry: { ...RETRY, initialBackoffMs: 1 } }, async (client) => {
          const { messages, status } = await outcomeOf(way.start(client, requests));
          assert.equal(status.code, Code.OK, status.message);
          assert.deepEqual(
            messages.map(({ text }) => text),
            [wanted],
          );
          assert.deepEqual(seen, [undefined, "1", "2"]);
        });
      });
    });

    test(`R271 R273 R279 ${way.name}: a hedging policy, too`, async () => {
      await withTheirServer(async (port, seen) => {
        await policedAt(Echo, port, { hedging: { ...HEDGING, hedgingDelayMs: 60_000 } }, async (client) => {
          const { messages, status } = await outcomeOf(way.start(client, requests));
          assert.equal(status.code, Code.OK, status.message);
          assert.deepEqual(
            messages.map(({ text }) => text),
            [wanted],
          );
          assert.deepEqual(seen, [undefined, "1", "2"]);
        });
      });
    });
  }
});

describe("their client and our server", () => {
  const policy = {
    maxAttempts: 3,
    initialBackoff: "0.001s",
    maxBackoff: "0.001s",
    backoffMultiplier: 1,
    retryableStatusCodes: ["UNAVAILABLE"],
  };
  const config = JSON.stringify({ methodConfig: [{ name: [{}], retryPolicy: policy }] });

  for (const [pushback, attempts] of [
    [undefined, 3],
    ["0", 3],
    ["1", 3],
    ["-1", 1],
  ] as const) {
    test(`R262 R267 a handler that fails with pushback ${pushback ?? "left out"} is run ${attempts} times`, async () => {
      const seen: (string | undefined)[] = [];
      const trailers = new Metadata(pushback === undefined ? {} : { "grpc-retry-pushback-ms": pushback });
      const behaviour = behaveAs(async function* (requests, call) {
        seen.push(call.metadata.get(PREVIOUS));
        for await (const request of requests) {
          if (seen.length > 0) throw new StatusError(Code.UNAVAILABLE, "come again", { trailers });
          yield request;
        }
      });
      await withEcho(behaviour, async ({ port }) => {
        const client = new GrpcJsClient(service, port, { "grpc.service_config": config });
        try {
          const { status } = await client.call("Unary", [{}]);
          assert.equal(status.code, Code.UNAVAILABLE);
          assert.deepEqual(seen, [undefined, "1", "2"].slice(0, attempts));
        } finally {
          client.close();
        }
      });
    });
  }
});
