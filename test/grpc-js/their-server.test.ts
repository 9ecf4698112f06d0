/**
 * We call a server of @grpc/grpc-js: all four kinds and every way to call, metadata, errors, deadlines, cancellation, sizes
 * and numbers.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel, type Client, Code, codeName, StatusError } from "../../src/index.js";
import { AWKWARD_TEXT, Echo, ECHO_PROTO, type EchoMessageInit, type EchoService } from "../support/echo-service.js";
import {
  bytesOf,
  ECHO_WAYS,
  type EchoOutcome,
  type EchoWay,
  gate,
  openRequests,
  outcomeOf,
} from "../support/echo-ways.js";
import {
  type GrpcJsBehaviour,
  GrpcJsError,
  type GrpcJsMessage,
  grpcJsMetadata,
  type GrpcJsServed,
  grpcJsServiceOfText,
  serveGrpcJs,
} from "../support/grpc-js-peer.js";

const service = grpcJsServiceOfText(ECHO_PROTO, "barewire.test.Echo");

async function* echo(requests: AsyncIterable<GrpcJsMessage>): AsyncGenerator<GrpcJsMessage> {
  for await (const request of requests) yield request;
}

async function withTheirServer(
  behaviour: GrpcJsBehaviour,
  use: (client: Client<EchoService>, channel: Channel) => Promise<void>,
): Promise<void> {
  const server = await serveGrpcJs(service, {
    Unary: behaviour,
    ServerStreaming: behaviour,
    ClientStreaming: behaviour,
    BidiStreaming: behaviour,
  });
  const channel = new Channel(`127.0.0.1:${server.port}`);
  try {
    await use(channel.client(Echo), channel);
  } finally {
    await channel.destroy();
    await server.close();
  }
}

function requestsFor(way: EchoWay): EchoMessageInit[] {
  return Array.from({ length: way.manyRequests ? 3 : 1 }, (_, number) => ({ text: `message ${number}`, number }));
}

function assertCode({ status, error }: EchoOutcome, code: Code): void {
  assert.equal(codeName(status.code), codeName(code), status.message);
  assert.equal(error instanceof StatusError, code !== Code.OK);
}

for (const way of ECHO_WAYS) {
  describe(`our ${way.name} call to a grpc-js server`, () => {
    test("every message comes and goes", () =>
      withTheirServer(echo, async (client) => {
        const requests = requestsFor(way);
        const outcome = await outcomeOf(way.start(client, requests));
        assertCode(outcome, Code.OK);
        assert.deepEqual(
          outcome.messages.map(({ text, number }) => ({ text, number })),
          way.manyResponses ? requests : requests.slice(-1),
        );
      }));

    test("R42 R43 metadata travels both ways, repeated values kept apart on our side", () => {
      let received: GrpcJsServed["metadata"] | undefined;
      const behaviour: GrpcJsBehaviour = async function* (requests, call) {
        received = call.metadata;
        call.sendMetadata(
          grpcJsMetadata([
            ["x-head", "a, b"],
            ["x-head", "c"],
            ["x-head-bin", Uint8Array.of(0, 255)],
          ]),
        );
        call.trailers.add("x-trail", "d");
        call.trailers.add("x-trail-bin", Buffer.of(1));
        call.trailers.add("x-trail-bin", Buffer.of(2));
        yield* echo(requests);
      };
      return withTheirServer(behaviour, async (client) => {
        const metadata: [string, string | Uint8Array][] = [
          ["x-text", "one, two"],
          ["x-text", "three"],
          ["x-bytes-bin", Uint8Array.of(1, 2, 3)],
          ["x-bytes-bin", Uint8Array.of(254)],
        ];
        const outcome = await outcomeOf(way.start(client, requestsFor(way), { metadata }));
        assertCode(outcome, Code.OK);
        assert.deepEqual(received?.get("x-text"), ["one, two, three"]);
        assert.deepEqual(received.get("x-bytes-bin"), [Buffer.of(1, 2, 3), Buffer.of(254)]);
        assert.deepEqual(outcome.headers.getAll("x-head"), ["a, b", "c"]);
        assert.deepEqual(outcome.headers.getAll("x-head-bin"), [Uint8Array.of(0, 255)]);
        assert.equal(outcome.headers.has("x-trail"), false);
        assert.deepEqual(outcome.trailers.getAll("x-trail"), ["d"]);
        assert.deepEqual(outcome.trailers.getAll("x-trail-bin"), [Uint8Array.of(1), Uint8Array.of(2)]);
        assert.equal(outcome.trailers.has("x-head"), false);
      });
    });

    test("R66 every error code arrives, with its text and trailers, before and after messages", () => {
      let code: Code = Code.OK;
      let after = false;
      const behaviour: GrpcJsBehaviour = async function* () {
        if (after) yield { text: "before" };
        throw new GrpcJsError(code, `${codeName(code)}: ${AWKWARD_TEXT}`, grpcJsMetadata([["x-why", codeName(code)]]));
      };
      return withTheirServer(behaviour, async (client) => {
        for (after of [false, true]) {
          for (code of Object.values(Code).filter((one) => one !== Code.OK)) {
            const outcome = await outcomeOf(way.start(client, requestsFor(way)));
            assertCode(outcome, code);
            assert.equal(outcome.status.message, `${codeName(code)}: ${AWKWARD_TEXT}`);
            assert.equal(outcome.trailers.get("x-why"), codeName(code));
            assert.equal((outcome.error as StatusError).trailers?.get("x-why"), codeName(code));
            assert.equal(outcome.messages.length, after && way.manyResponses ? 1 : 0);
          }
        }
      });
    });

    test("R99 R8 our deadline reaches their handler, and ends the call on both sides", () => {
      const told = gate();
      let leftMs = 0;
      const behaviour: GrpcJsBehaviour = async function* (_requests, call) {
        leftMs = Number(call.deadline) - Date.now();
        await call.cancelled;
        told.open();
        yield {};
      };
      return withTheirServer(behaviour, async (client, channel) => {
        // Else the time may be over before there is a connection, and no handler ever runs.
        channel.connect();
        while (channel.state !== "READY") await channel.waitForStateChange(channel.state);
        const requests = way.manyRequests ? openRequests({}) : [{}];
        assertCode(await outcomeOf(way.start(client, requests, { timeoutMs: 150 })), Code.DEADLINE_EXCEEDED);
        await told.opened;
        assert.ok(leftMs > 0 && leftMs <= 151, `${leftMs} ms were left`);
      });
    });

    test("R108 our cancellation reaches their handler", () => {
      const told = gate();
      const running = gate();
      const behaviour: GrpcJsBehaviour = async function* (_requests, call) {
        running.open();
        await call.cancelled;
        told.open();
        yield {};
      };
      return withTheirServer(behaviour, async (client) => {
        const started = way.start(client, way.manyRequests ? openRequests({}) : [{}]);
        await running.opened;
        started.facts.cancel();
        assertCode(await outcomeOf(started), Code.CANCELLED);
        await told.opened;
      });
    });

    test("R50 empty messages and messages of 1 MiB and 3 MiB come and go", () =>
      withTheirServer(echo, async (client) => {
        for (const length of [0, 1024 * 1024, 3 * 1024 * 1024]) {
          const payload = bytesOf(length);
          const outcome = await outcomeOf(
            way.start(
              client,
              requestsFor(way).map(() => ({ payload })),
            ),
          );
          assertCode(outcome, Code.OK);
          assert.equal(outcome.messages.length, way.manyRequests && way.manyResponses ? 3 : 1);
          for (const message of outcome.messages) assert.ok(Buffer.from(message.payload).equals(payload));
        }
      }));

    test("R130 a response over 4 MiB is RESOURCE_EXHAUSTED", () =>
      withTheirServer(
        async function* () {
          yield { payload: Buffer.alloc(4 * 1024 * 1024) };
        },
        async (client) => {
          assertCode(await outcomeOf(way.start(client, requestsFor(way))), Code.RESOURCE_EXHAUSTED);
        },
      ));

    if (way.manyRequests) {
      test("R146 a server that is done early is understood, while requests are still open", () =>
        withTheirServer(
          async function* () {
            yield { text: "enough" };
          },
          async (client) => {
            const outcome = await outcomeOf(way.start(client, openRequests({ text: "first" })));
            assertCode(outcome, Code.OK);
            assert.equal(outcome.messages[0]?.text, "enough");
          },
        ));
    }
  });
}

describe("our client and a grpc-js server", () => {
  test("a service it does not have is UNIMPLEMENTED", () =>
    withTheirServer(echo, async (_client, channel) => {
      const { unary } = Echo.methods;
      const other = {
        typeName: "no.Such",
        methods: { unary: { ...unary, path: "/no.Such/Unary" } },
      };
      await assert.rejects(channel.client(other).unary({}), /UNIMPLEMENTED/);
    }));

  test("1,000 unary calls at once", () =>
    withTheirServer(echo, async (client) => {
      const answers = await Promise.all(Array.from({ length: 1000 }, (_, number) => client.unary({ number })));
      for (const [number, answer] of answers.entries()) assert.equal(answer.number, number);
    }));

  test("10,000 messages in each direction, in order", () => {
    function* many(): Generator<EchoMessageInit & GrpcJsMessage> {
      for (let number = 0; number < 10_000; number++) yield { number };
    }
    const behaviour: GrpcJsBehaviour = async function* (requests, call) {
      if (call.metadata.get("x-role")[0] === "count") {
        let number = 0;
        for await (const request of requests) assert.equal(request["number"], number++);
        yield { number };
      } else if (call.metadata.get("x-role")[0] === "many") yield* many();
      else yield* echo(requests);
    };
    return withTheirServer(behaviour, async (client) => {
      const counted = await client.clientStreaming(many(), { metadata: { "x-role": "count" } });
      assert.equal(counted.number, 10_000);
      for (const call of [
        client.serverStreaming({}, { metadata: { "x-role": "many" } }),
        client.bidiStreaming(many()),
      ]) {
        let expected = 0;
        for await (const { number } of call) assert.equal(number, expected++);
        assert.equal(expected, 10_000);
      }
    });
  });

  test("R78 a slow reader gets every message and then the error", () =>
    withTheirServer(
      async function* () {
        for (let number = 0; number < 200; number++) yield { number, payload: Buffer.alloc(10_000) };
        throw new GrpcJsError(Code.DATA_LOSS, "the rest is gone");
      },
      async (client) => {
        let expected = 0;
        await assert.rejects(async () => {
          for await (const { number } of client.serverStreaming({})) {
            assert.equal(number, expected++);
            if (number % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
          }
        }, /DATA_LOSS: the rest is gone/);
        assert.equal(expected, 200);
      },
    ));
});
