/**
 * Compressed messages between us and @grpc/grpc-js. Its server takes them and sends none.
 */
import assert from "node:assert/strict";
import { compressionAlgorithms } from "@grpc/grpc-js";
import { describe, test } from "node:test";
import { Channel, Code, deflate, type ServerOptions } from "../../src/index.js";
import { withEcho } from "../support/echo-served.js";
import { Echo, ECHO_PROTO } from "../support/echo-service.js";
import { behaveAs, echo, type EchoBehaviour, ECHO_WAYS, outcomeOf } from "../support/echo-ways.js";
import { CODINGS } from "../support/flagged.js";
import { GrpcJsClient, type GrpcJsMessage, grpcJsServiceOfText, serveGrpcJs } from "../support/grpc-js-peer.js";

const service = grpcJsServiceOfText(ECHO_PROTO, "barewire.test.Echo");
const METHODS = ["Unary", "ServerStreaming", "ClientStreaming", "BidiStreaming"] as const;

/** Two that are compressed at once, one that is too short, and one that is compressed beside the event loop. */
const TEXTS = ["long ".repeat(500), "long, too ".repeat(500), "short", "huge ".repeat(60_000)];
async function* theirEcho(requests: AsyncIterable<GrpcJsMessage>): AsyncGenerator<GrpcJsMessage> {
  for await (const request of requests) yield request;
}

const ALGORITHMS = { gzip: compressionAlgorithms.gzip, deflate: compressionAlgorithms.deflate } as const;

for (const coding of CODINGS) {
  describe(coding, () => {
    test("R118 a grpc-js client compresses its requests, and takes our compressed responses", async () => {
      const flags: boolean[] = [];
      const behaviour: EchoBehaviour = async function* (requests, call) {
        for await (const request of requests) {
          assert.equal(call.compression, coding);
          flags.push(call.requestCompressed);
          yield request;
        }
      };
      const server: ServerOptions = { compression: { send: coding } };
      await withEcho(
        behaveAs(behaviour),
        async ({ port }) => {
          const client = new GrpcJsClient(service, port, {
            "grpc.default_compression_algorithm": ALGORITHMS[coding],
          });
          try {
            for (const name of METHODS) {
              const many = name === "ClientStreaming" || name === "BidiStreaming";
              const texts = many ? TEXTS : TEXTS.slice(-1);
              flags.length = 0;
              const { status, messages } = await client.call(
                name,
                texts.map((text) => ({ text })),
              );
              assert.equal(status.code, Code.OK, `${name}: ${status.details}`);
              assert.deepEqual(
                messages.map(({ text }) => text),
                name === "BidiStreaming" ? TEXTS : TEXTS.slice(-1),
              );
              // grpc-js compresses every message, however short.
              assert.deepEqual(
                flags,
                texts.map(() => true),
              );
            }
          } finally {
            client.close();
          }
        },
        { server },
      );
    });

    test("R118 a grpc-js server takes our compressed requests", async () => {
      const server = await serveGrpcJs(service, Object.fromEntries(METHODS.map((name) => [name, theirEcho])));
      const channel = new Channel(`127.0.0.1:${server.port}`, { compression: { send: coding } });
      try {
        for (const way of ECHO_WAYS) {
          const texts = way.manyRequests ? TEXTS : TEXTS.slice(-1);
          const started = way.start(
            channel.client(Echo),
            texts.map((text) => ({ text })),
          );
          const { status, messages } = await outcomeOf(started);
          assert.equal(status.code, Code.OK, `${way.name}: ${status.message}`);
          assert.deepEqual(
            messages.map(({ text }) => text),
            way.manyResponses ? texts : TEXTS.slice(-1),
          );
          assert.equal(started.facts.responseCompressed, false);
        }
      } finally {
        await channel.destroy();
        await server.close();
      }
    });
  });
}

test("R122 a grpc-js client whose coding was switched off is told so by name", async () => {
  await withEcho(
    behaveAs(echo),
    async ({ port }) => {
      const client = new GrpcJsClient(service, port, { "grpc.default_compression_algorithm": ALGORITHMS.gzip });
      try {
        const { status } = await client.call("Unary", [{ text: "hello" }]);
        assert.equal(status.code, Code.UNIMPLEMENTED);
        assert.match(status.details, /grpc-encoding "gzip" is not supported; supported: identity, deflate/);
      } finally {
        client.close();
      }
    },
    { server: { compression: { codings: [deflate] } } },
  );
});
