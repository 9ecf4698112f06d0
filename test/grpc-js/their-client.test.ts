/**
 * @grpc/grpc-js calls our server: all four kinds, metadata, errors, deadlines, cancellation, sizes and numbers.
 */
import assert from "node:assert/strict";
import { Metadata as GrpcJsMetadata } from "@grpc/grpc-js";
import { describe, test } from "node:test";
import { Code, codeName, type Implementation, StatusError } from "../../src/index.js";
import { type EchoServed, withEcho } from "../support/echo-served.js";
import { AWKWARD_TEXT, ECHO_PROTO, type EchoMessageInit, type EchoService } from "../support/echo-service.js";
import { aborted, behaveAs, bytesOf, echo, type EchoBehaviour, gate } from "../support/echo-ways.js";
import {
  GrpcJsClient,
  type GrpcJsMessage,
  grpcJsMetadata,
  type GrpcJsOutcome,
  grpcJsServiceOfText,
} from "../support/grpc-js-peer.js";

const service = grpcJsServiceOfText(ECHO_PROTO, "barewire.test.Echo");

interface Kind {
  readonly name: "Unary" | "ServerStreaming" | "ClientStreaming" | "BidiStreaming";
  readonly manyRequests: boolean;
  readonly manyResponses: boolean;
}

const KINDS: readonly Kind[] = [
  { name: "Unary", manyRequests: false, manyResponses: false },
  { name: "ServerStreaming", manyRequests: false, manyResponses: true },
  { name: "ClientStreaming", manyRequests: true, manyResponses: false },
  { name: "BidiStreaming", manyRequests: true, manyResponses: true },
];

async function withTheirClient(
  implementation: Implementation<EchoService>,
  use: (client: GrpcJsClient, served: EchoServed) => Promise<void>,
): Promise<void> {
  await withEcho(implementation, async (served) => {
    const client = new GrpcJsClient(service, served.port);
    try {
      await use(client, served);
    } finally {
      client.close();
    }
  });
}

function assertStatus({ status }: GrpcJsOutcome, code: Code, details: string): void {
  assert.deepEqual({ code: codeName(status.code), details: status.details }, { code: codeName(code), details });
}

function requestsFor({ manyRequests }: Kind): GrpcJsMessage[] {
  return Array.from({ length: manyRequests ? 3 : 1 }, (_, number) => ({ text: `message ${number}`, number }));
}

async function* never(): AsyncGenerator<GrpcJsMessage> {
  yield { text: "first" };
  await new Promise(() => undefined);
}

for (const kind of KINDS) {
  describe(`a grpc-js client calls our ${kind.name}`, () => {
    test("every message comes and goes", () =>
      withTheirClient(behaveAs(echo), async (client) => {
        const requests = requestsFor(kind);
        const outcome = await client.call(kind.name, requests);
        assertStatus(outcome, Code.OK, "");
        const wanted = kind.manyResponses ? requests : requests.slice(-1);
        assert.deepEqual(
          outcome.messages.map(({ text, number }) => ({ text, number })),
          wanted,
        );
      }));

    test("R42 R43 metadata travels both ways; repeated text values arrive joined, as grpc-js merges them", () => {
      let received: [string, unknown][] = [];
      const behaviour: EchoBehaviour = async function* (requests, call) {
        received = [...call.metadata].filter(([name]) => name.startsWith("x-"));
        call.headers.append("x-head", "a, b").append("x-head", "c").append("x-head-bin", Uint8Array.of(0, 255));
        call.trailers
          .append("x-trail", "d")
          .append("x-trail-bin", Uint8Array.of(1))
          .append("x-trail-bin", Uint8Array.of(2));
        let answered = false;
        for await (const request of requests) {
          if (kind.manyResponses || !answered) yield request;
          answered = true;
        }
      };
      return withTheirClient(behaveAs(behaviour), async (client) => {
        const metadata = grpcJsMetadata([
          ["x-text", "one, two"],
          ["x-text", "three"],
          ["x-bytes-bin", Uint8Array.of(1, 2, 3)],
          ["x-bytes-bin", Uint8Array.of(254)],
        ]);
        const { headers, status } = await client.call(kind.name, requestsFor(kind), { metadata });
        assert.equal(status.code, Code.OK);
        const expected: [string, unknown][] = [
          ["x-text", "one, two"],
          ["x-text", "three"],
          ["x-bytes-bin", Uint8Array.of(1, 2, 3)],
          ["x-bytes-bin", Uint8Array.of(254)],
        ];
        assert.deepEqual(received, expected);
        assert.deepEqual(headers?.get("x-head"), ["a, b, c"]);
        assert.deepEqual(headers.get("x-head-bin"), [Buffer.of(0, 255)]);
        assert.deepEqual(headers.get("x-trail"), []);
        assert.deepEqual(status.metadata.get("x-trail"), ["d"]);
        assert.deepEqual(status.metadata.get("x-trail-bin"), [Buffer.of(1), Buffer.of(2)]);
        assert.deepEqual(status.metadata.get("x-head"), []);
      });
    });

    test("R138 R65 every error code arrives, with its text and trailers, before and after messages", () => {
      let code: Code = Code.OK;
      let after = false;
      const behaviour: EchoBehaviour = async function* (_requests, call) {
        call.trailers.set("x-why", codeName(code));
        if (after) yield { text: "before" };
        throw new StatusError(code, `${codeName(code)}: ${AWKWARD_TEXT}`);
      };
      return withTheirClient(behaveAs(behaviour), async (client) => {
        for (after of [false, true]) {
          for (code of Object.values(Code).filter((one) => one !== Code.OK)) {
            const outcome = await client.call(kind.name, requestsFor(kind));
            assertStatus(outcome, code, `${codeName(code)}: ${AWKWARD_TEXT}`);
            assert.deepEqual(outcome.status.metadata.get("x-why"), [codeName(code)]);
            assert.equal(outcome.messages.length, after && kind.manyResponses ? 1 : 0);
          }
        }
      });
    });

    test("R137 an exception of the handler is UNKNOWN", () =>
      withTheirClient(
        behaveAs(async function* () {
          throw new Error("the password is 1234");
        }),
        async (client, { serverErrors }) => {
          assertStatus(await client.call(kind.name, requestsFor(kind)), Code.UNKNOWN, "the handler failed");
          assert.equal(serverErrors.length, 1);
        },
      ));

    test("R25 a method without a handler is UNIMPLEMENTED", () =>
      withTheirClient({}, async (client) => {
        const { status } = await client.call(kind.name, requestsFor(kind));
        assert.equal(status.code, Code.UNIMPLEMENTED);
      }));

    test("R104 the client's deadline reaches the handler, and ends the call on both sides", () => {
      const told = gate<unknown>();
      let leftMs = 0;
      const behaviour: EchoBehaviour = async function* (_requests, call) {
        leftMs = (call.deadline as Date).getTime() - Date.now();
        told.open(await aborted(call.signal));
        yield {};
      };
      return withTheirClient(behaveAs(behaviour), async (client) => {
        // Else the time may be over before there is a connection, and no handler ever runs.
        await client.ready();
        const { status } = await client.call(kind.name, kind.manyRequests ? never() : [{}], {
          deadline: new Date(Date.now() + 150),
        });
        assert.equal(status.code, Code.DEADLINE_EXCEEDED);
        assert.ok(leftMs > 0 && leftMs <= 151, `${leftMs} ms were left`);
        const reason = await told.opened;
        assert.ok(reason instanceof StatusError);
        assert.ok(reason.code === Code.DEADLINE_EXCEEDED || reason.code === Code.CANCELLED);
      });
    });

    test("R89 R112 the client's cancellation reaches the handler", () => {
      const told = gate<unknown>();
      const behaviour: EchoBehaviour = async function* (_requests, call) {
        call.sendHeaders();
        told.open(await aborted(call.signal));
        yield {};
      };
      return withTheirClient(behaveAs(behaviour), async (client, { ended, callsEnded }) => {
        const call = client.start(kind.name, kind.manyRequests ? never() : [{}]);
        await call.answered;
        call.cancel();
        assert.equal((await call.outcome).status.code, Code.CANCELLED);
        const reason = await told.opened;
        assert.ok(reason instanceof StatusError);
        assert.equal(reason.code, Code.CANCELLED);
        await callsEnded(1);
        assert.equal(ended[0]?.code, Code.CANCELLED);
      });
    });

    test("R50 empty messages and messages of 1 MiB and 3 MiB come and go", () =>
      withTheirClient(behaveAs(echo), async (client) => {
        for (const length of [0, 1024 * 1024, 3 * 1024 * 1024]) {
          const payload = Buffer.from(bytesOf(length));
          const { messages, status } = await client.call(
            kind.name,
            requestsFor(kind).map(() => ({ payload })),
          );
          assert.equal(status.code, Code.OK, status.details);
          assert.equal(messages.length, kind.manyRequests && kind.manyResponses ? 3 : 1);
          for (const message of messages) assert.ok(payload.equals(message["payload"] as Buffer));
        }
      }));

    test("R130 a request over 4 MiB is RESOURCE_EXHAUSTED", () =>
      withTheirClient(behaveAs(echo), async (client) => {
        const { status } = await client.call(kind.name, [{ payload: Buffer.alloc(4 * 1024 * 1024) }]);
        assert.equal(status.code, Code.RESOURCE_EXHAUSTED);
      }));
  });
}

describe("a grpc-js client and our server", () => {
  test("no requests and no responses", () =>
    withTheirClient(
      behaveAs(async function* (requests) {
        let number = 0;
        for await (const _ of requests) number++;
        if (number > 0) yield { number };
      }),
      async (client) => {
        const { messages, status } = await client.call("BidiStreaming", []);
        assert.deepEqual([messages, status.code], [[], Code.OK]);
      },
    ));

  test("R146 a server that is done early is understood, while the client is still sending", () =>
    withTheirClient(
      behaveAs(async function* () {
        yield { text: "enough" };
      }),
      async (client) => {
        async function* endless(): AsyncGenerator<GrpcJsMessage> {
          for (;;) {
            yield { payload: Buffer.alloc(16_384) };
            await new Promise((resolve) => setImmediate(resolve));
          }
        }
        for (const name of ["ClientStreaming", "BidiStreaming"]) {
          const { messages, status } = await client.call(name, endless());
          assert.equal(status.code, Code.OK, status.details);
          assert.equal(messages[0]?.["text"], "enough");
        }
      },
    ));

  test("1,000 unary calls at once", () =>
    withTheirClient(behaveAs(echo), async (client) => {
      const outcomes = await Promise.all(
        Array.from({ length: 1000 }, (_, number) => client.call("Unary", [{ number }])),
      );
      for (const [number, { messages, status }] of outcomes.entries()) {
        assert.equal(status.code, Code.OK);
        assert.equal(messages[0]?.["number"], number);
      }
    }));

  test("10,000 messages in each direction, in order", () => {
    function* many(): Generator<EchoMessageInit & GrpcJsMessage> {
      for (let number = 0; number < 10_000; number++) yield { number };
    }
    const assertAll = ({ messages, status }: GrpcJsOutcome): void => {
      assert.equal(status.code, Code.OK);
      assert.equal(messages.length, 10_000);
      for (const [number, message] of messages.entries()) assert.equal(message["number"], number);
    };
    return withTheirClient(
      {
        serverStreaming: many,
        async clientStreaming(requests) {
          let expected = 0;
          for await (const { number } of requests) assert.equal(number, expected++);
          return { number: expected };
        },
        bidiStreaming: echo,
      },
      async (client) => {
        assertAll(await client.call("ServerStreaming", [{}]));
        assertAll(await client.call("BidiStreaming", many()));
        const { messages } = await client.call("ClientStreaming", many());
        assert.equal(messages[0]?.["number"], 10_000);
      },
    );
  });

  test("R154 a server that closes lets their running call end, and refuses the next", () => {
    const running = gate();
    const release = gate();
    return withTheirClient(
      behaveAs(async function* (requests) {
        running.open();
        await release.opened;
        yield* echo(requests);
      }),
      async (client, { server }) => {
        const call = client.start("Unary", [{ text: "drained" }]);
        await running.opened;
        const closed = server.close();
        release.open();
        const { messages, status } = await call.outcome;
        assert.equal(status.code, Code.OK);
        assert.equal(messages[0]?.["text"], "drained");
        await closed;
        const next = await client.call("Unary", [{}], { deadline: new Date(Date.now() + 5000) });
        assert.equal(next.status.code, Code.UNAVAILABLE);
      },
    );
  });

  test("a handler sees nothing of the transport in the metadata", () => {
    let names: string[] = [];
    return withTheirClient(
      behaveAs(async function* (requests, call) {
        names = [...call.metadata.keys()];
        yield* echo(requests);
      }),
      async (client) => {
        const metadata = new GrpcJsMetadata();
        metadata.set("x-mine", "1");
        await client.call("Unary", [{}], { metadata, deadline: new Date(Date.now() + 60_000) });
        for (const name of ["te", "content-type", "grpc-timeout", "grpc-encoding", "grpc-accept-encoding"]) {
          assert.equal(names.includes(name), false, name);
        }
        assert.ok(names.includes("x-mine") && names.includes("user-agent"));
      },
    );
  });
});
