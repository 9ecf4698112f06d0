/**
 * What a server promises to those who implement a service: what a handler may be, may return and may rely on.
 */
import assert from "node:assert/strict";
import { connect, type IncomingHttpHeaders } from "node:http2";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import {
  type CallFacts,
  Channel,
  Code,
  type HandlerCall,
  type Implementation,
  loadProto,
  type MessageType,
  Metadata,
  type Method,
  type MethodKind,
  Server,
  type Service,
  StatusError,
} from "../../src/index.js";
import { withEcho } from "../support/echo-served.js";
import { Echo, ECHO_PROTO, type EchoMessage, type EchoMessageInit, type EchoService } from "../support/echo-service.js";
import { aborted, behaveAs, bytesOf, echo, ECHO_WAYS, gate, openRequests, outcomeOf } from "../support/echo-ways.js";

async function textsOf(messages: AsyncIterable<EchoMessage>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of messages) texts.push(text);
  return texts;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("an implementation", () => {
  test("may be an instance of a class: `this` is kept, and it may have other methods and fields", () => {
    class Prefixer {
      readonly #prefix: string;
      calls = 0;
      constructor(prefix: string) {
        this.#prefix = prefix;
      }
      unary(request: EchoMessage): EchoMessageInit {
        return { text: this.add(request.text) };
      }
      *serverStreaming(request: EchoMessage): Generator<EchoMessageInit> {
        yield { text: this.add(request.text) };
      }
      async clientStreaming(requests: AsyncIterable<EchoMessage>): Promise<EchoMessageInit> {
        return { text: this.add((await textsOf(requests)).join()) };
      }
      async *bidiStreaming(requests: AsyncIterable<EchoMessage>): AsyncGenerator<EchoMessageInit> {
        for await (const { text } of requests) yield { text: this.add(text) };
      }
      add(text: string): string {
        this.calls++;
        return this.#prefix + text;
      }
    }
    const prefixer = new Prefixer("> ");
    return withEcho(prefixer, async ({ client }) => {
      for (const way of ECHO_WAYS) {
        const { messages } = await outcomeOf(way.start(client, [{ text: "a" }]));
        assert.deepEqual(
          messages.map(({ text }) => text),
          ["> a"],
        );
      }
      assert.equal(prefixer.calls, ECHO_WAYS.length);
    });
  });

  test("may inherit its handlers", () => {
    class Base {
      unary(): EchoMessageInit {
        return { text: this.name() };
      }
      name(): string {
        return "base";
      }
    }
    class Derived extends Base {
      override name(): string {
        return "derived";
      }
    }
    return withEcho(new Derived(), async ({ client }) => {
      assert.equal((await client.unary({})).text, "derived");
    });
  });

  test("with a name the service does not have is a TypeError at add, with the nearest name", () => {
    const wrong: [object, RegExp][] = [
      [{ unray: () => ({}) }, /barewire\.test\.Echo.*"unray".*did you mean "unary"\?/],
      [{ Unary: () => ({}) }, /did you mean "unary"\?/],
      [{ server_streaming: () => [] }, /did you mean "serverStreaming"\?/],
      [{ somethingElse: () => ({}) }, /"somethingElse".*unary, serverStreaming, clientStreaming, bidiStreaming/],
      [{ unary: () => ({}), constructor: () => ({}) }, /"constructor"/],
    ];
    for (const [implementation, text] of wrong) {
      assert.throws(
        () => new Server().add(Echo, implementation),
        (error) => error instanceof TypeError && text.test(error.message),
      );
    }
  });

  test("R25 R136 without handlers for methods named as what every object has: they are UNIMPLEMENTED", async () => {
    const schema = loadProto({
      "inherited.proto": `syntax = "proto3"; package barewire.test; message Nothing {}
        service Inherited {
          rpc Constructor(Nothing) returns (Nothing);
          rpc ValueOf(Nothing) returns (Nothing);
          rpc ToString(Nothing) returns (stream Nothing);
          rpc HasOwnProperty(stream Nothing) returns (Nothing);
          rpc ToLocaleString(Nothing) returns (Nothing);
        }`,
    });
    // A schema calls them `constructor_`, `valueOf_` and so on; a descriptor of one's own need not.
    const service: Service = {
      typeName: "barewire.test.Inherited",
      methods: Object.fromEntries(
        Object.values(schema.service("barewire.test.Inherited").methods).map((method) => {
          const localName = method.localName.slice(0, -1);
          return [localName, { ...method, localName }];
        }),
      ),
    };
    class Handlers {
      toLocaleString(): string {
        return {} as string;
      }
    }
    for (const [implementation, implemented] of [
      [{}, false],
      [new Handlers(), true],
    ] as const) {
      const errors: unknown[] = [];
      const server = new Server({ onError: (error) => errors.push(error) }).add(
        service,
        implementation as Implementation<typeof service>,
      );
      const { port } = await server.listen("127.0.0.1:0");
      const channel = new Channel(`127.0.0.1:${port}`);
      const client = channel.client(service) as unknown as Record<string, (input: unknown) => CallFacts>;
      const code = async (name: string): Promise<Code | undefined> =>
        (await client[name]?.(name === "hasOwnProperty" ? [] : {}).status)?.code;
      for (const name of ["constructor", "valueOf", "toString", "hasOwnProperty"]) {
        assert.equal(await code(name), Code.UNIMPLEMENTED, name);
      }
      assert.equal(await code("toLocaleString"), implemented ? Code.OK : Code.UNIMPLEMENTED);
      assert.deepEqual(errors, []);
      await channel.close();
      await server.close();
    }
  });

  test("that is none is a TypeError at add", () => {
    const wrong: unknown[] = [undefined, null, 5, "text", () => ({}), { unary: 5 }, { unary: {} }, { unary: null }];
    for (const implementation of wrong) {
      assert.throws(() => new Server().add(Echo, implementation as Implementation<EchoService>), TypeError);
    }
  });

  test("cannot be added twice", () => {
    const server = new Server().add(Echo, {});
    assert.throws(() => server.add(Echo, {}), /barewire\.test\.Echo.*already/);
    assert.deepEqual(
      server.services.filter(({ typeName }) => !typeName.startsWith("grpc.")),
      [Echo],
    );
  });

  test("may be added while the server is listening", async () => {
    const server = new Server();
    const { port } = await server.listen("127.0.0.1:0");
    const channel = new Channel(`127.0.0.1:${port}`);
    const client = channel.client(Echo);
    await assert.rejects(client.unary({}), /UNIMPLEMENTED/);
    server.add(Echo, behaveAs(echo));
    assert.equal((await client.unary({ text: "now" })).text, "now");
    await channel.close();
    await server.close();
  });
});

/** A service of one method, whose name, kind and message types are made up. */
function serviceOf(path: string, kind: MethodKind, types: Partial<Pick<Method, "request" | "response">> = {}): Service {
  const { request, response } = Echo.methods.unary;
  const typeName = path.slice(1, path.lastIndexOf("/"));
  const name = path.slice(path.lastIndexOf("/") + 1);
  const method = { kind, name, localName: "call", path, request, response, ...types } as unknown as Method;
  return { typeName, methods: { call: method } };
}

interface AnyClient {
  call(first?: unknown, second?: unknown): Promise<EchoMessage> & AsyncIterable<EchoMessage>;
}

function anyClient(channel: Channel, service: Service): AnyClient {
  return channel.client(service) as unknown as AnyClient;
}

describe("a method", () => {
  const unknown: [string, RegExp][] = [
    ["/barewire.test.Echo/Missing", /unknown method "Missing" of service "barewire\.test\.Echo"/],
    ["/barewire.test.Echo/unary", /unknown method "unary"/],
    ["/barewire.test.Ekho/Unary", /unknown service "barewire\.test\.Ekho"/],
    ["/Echo/Unary", /unknown service "Echo"/],
    ["/barewire.test.Echo/", /unknown method ""/],
    ["/Unary", /malformed method path/],
    ["//Unary", /unknown service ""|malformed/],
    ["/barewire.test.Echo/Unary/Unary", /unknown service "barewire\.test\.Echo\/Unary"/],
    ["/barewire.test/Echo/Unary", /unknown service "barewire\.test\/Echo"/],
  ];
  for (const [path, text] of unknown) {
    test(`R25 ${path} is UNIMPLEMENTED`, () =>
      withEcho(behaveAs(echo), async ({ channel, serverErrors }) => {
        await assert.rejects(anyClient(channel, serviceOf(path, "unary")).call({}), (error) => {
          assert.ok(error instanceof StatusError);
          assert.equal(error.code, Code.UNIMPLEMENTED);
          assert.match(error.rawMessage, text);
          return true;
        });
        assert.deepEqual(serverErrors, []);
      }));
  }

  for (const kind of ["unary", "serverStreaming"] as const) {
    const path = `/barewire.test.Echo/${kind === "unary" ? "Unary" : "ServerStreaming"}`;
    for (const count of [0, 2, 3]) {
      test(`R79 R136 ${kind}: ${count} requests instead of one are UNIMPLEMENTED, and no handler runs`, () => {
        let ran = false;
        const behaviour = async function* (): AsyncGenerator<EchoMessageInit> {
          ran = true;
          yield {};
        };
        return withEcho(behaveAs(behaviour), async ({ channel }) => {
          const requests = Array.from({ length: count }, (_, number) => ({ number }));
          const call = anyClient(channel, serviceOf(path, "bidiStreaming")).call(requests);
          await assert.rejects(textsOf(call), (error) => {
            assert.ok(error instanceof StatusError);
            assert.equal(error.code, Code.UNIMPLEMENTED);
            assert.match(error.rawMessage, /exactly one/);
            return true;
          });
          assert.equal(ran, false);
        });
      });
    }
  }

  for (const kind of ["unary", "clientStreaming"] as const) {
    for (const count of [0, 2, 3]) {
      test(`R80 R136 ${kind}: ${count} responses instead of one are UNIMPLEMENTED`, () => {
        const behaviour = async function* (): AsyncGenerator<EchoMessageInit> {
          for (let number = 0; number < count; number++) yield { number };
        };
        return withEcho(behaveAs(behaviour), async ({ channel }) => {
          const client = anyClient(channel, serviceOf("/barewire.test.Echo/BidiStreaming", kind));
          await assert.rejects(kind === "unary" ? client.call({}) : client.call([]), (error) => {
            assert.ok(error instanceof StatusError);
            assert.equal(error.code, Code.UNIMPLEMENTED);
            assert.match(error.rawMessage, /exactly one/);
            return true;
          });
        });
      });
    }

    test(`R81 R77 ${kind}: an error counts more than the number of responses`, () => {
      let count = 0;
      const behaviour = async function* (): AsyncGenerator<EchoMessageInit> {
        for (let number = 0; number < count; number++) yield { number };
        throw new StatusError(Code.OUT_OF_RANGE, "no");
      };
      return withEcho(behaveAs(behaviour), async ({ channel }) => {
        const client = anyClient(channel, serviceOf("/barewire.test.Echo/BidiStreaming", kind));
        for (count of [0, 1]) {
          await assert.rejects(kind === "unary" ? client.call({}) : client.call([]), /OUT_OF_RANGE: no/);
        }
      });
    });
  }

  /** Bytes as they are: "anything with encode and decode can be a message codec". */
  const bytes: MessageType<Uint8Array> = {
    typeName: "bytes",
    encode: (message) => message,
    decode: (message) => new Uint8Array(message),
  };

  test("may have any codec with encode and decode", async () => {
    const service = serviceOf("/test.Bytes/Call", "bidiStreaming", { request: bytes, response: bytes });
    const server = new Server().add(service, { call: (requests: AsyncIterable<Uint8Array>) => requests } as never);
    const { port } = await server.listen("127.0.0.1:0");
    const channel = new Channel(`127.0.0.1:${port}`);
    const received: Uint8Array[] = [];
    const sent = [new Uint8Array(), Uint8Array.of(1, 2, 3), bytesOf(100_000)];
    for await (const message of anyClient(channel, service).call(sent) as AsyncIterable<unknown>) {
      received.push(message as Uint8Array);
    }
    assert.deepEqual(received, sent);
    await channel.close();
    await server.close();
  });

  for (const way of ECHO_WAYS.filter(({ name }) => !name.endsWith("by hand"))) {
    test(`R58 R136 ${way.name}: a request that cannot be decoded is INTERNAL`, () =>
      withEcho(behaveAs(echo), async ({ channel, serverErrors }) => {
        const service = serviceOf(Echo.methods[way.kind].path, way.kind, { request: bytes });
        const garbage = Uint8Array.of(0x0a, 0xff, 0xff);
        const call = anyClient(channel, service).call(way.manyRequests ? [garbage] : garbage);
        await assert.rejects(way.manyResponses ? textsOf(call) : call, (error) => {
          assert.ok(error instanceof StatusError);
          assert.equal(error.code, Code.INTERNAL);
          assert.equal(error.origin, "remote");
          assert.match(error.rawMessage, /barewire\.test\.EchoMessage/);
          return true;
        });
        assert.deepEqual(serverErrors, []);
      }));

    test(`R58 R136 ${way.name}: a response that cannot be decoded is INTERNAL`, async () => {
      const service = serviceOf(Echo.methods[way.kind].path, way.kind, { response: bytes });
      const garbage = Uint8Array.of(0x0a, 0xff, 0xff);
      const server = new Server().add(service, { call: () => (way.manyResponses ? [garbage] : garbage) });
      const { port } = await server.listen("127.0.0.1:0");
      const channel = new Channel(`127.0.0.1:${port}`);
      const { error, status } = await outcomeOf(way.start(channel.client(Echo), [{}]));
      assert.ok(error instanceof StatusError);
      assert.equal(error.code, Code.INTERNAL);
      assert.equal(error.origin, "local");
      assert.equal(status.code, Code.INTERNAL);
      await channel.close();
      await server.close();
    });

    for (const [side, options] of [
      ["server", { server: { maxReceiveBytes: 1000 } }],
      ["client", { channel: { maxReceiveBytes: 1000 } }],
    ] as const) {
      test(`R130 R136 ${way.name}: a message over the ${side}'s limit is RESOURCE_EXHAUSTED, one at the limit passes`, () =>
        withEcho(
          behaveAs(echo),
          async ({ client }) => {
            // Tag and length of the payload are three bytes.
            const exact = await outcomeOf(way.start(client, [{ payload: bytesOf(997) }]));
            assert.equal(exact.error, undefined);
            assert.equal(exact.messages[0]?.payload.length, 997);
            const over = await outcomeOf(way.start(client, [{ payload: bytesOf(998) }]));
            assert.equal(over.status.code, Code.RESOURCE_EXHAUSTED);
            assert.match(over.status.message, /1001 bytes.*1000 bytes/);
          },
          options,
        ));
    }

    test(`R130 ${way.name}: the limit is 4 MiB when nothing is said`, () =>
      withEcho(behaveAs(echo), async ({ client }) => {
        const limit = 4 * 1024 * 1024;
        const exact = await outcomeOf(way.start(client, [{ payload: bytesOf(limit - 5) }]));
        assert.equal(exact.status.code, Code.OK);
        const over = await outcomeOf(way.start(client, [{ payload: bytesOf(limit - 4) }]));
        assert.equal(over.status.code, Code.RESOURCE_EXHAUSTED);
      }));

    test(`R132 R136 ${way.name}: a response over the server's send limit is RESOURCE_EXHAUSTED`, () =>
      withEcho(
        behaveAs(async function* (requests) {
          for await (const { number } of requests) yield { payload: bytesOf(number) };
        }),
        async ({ client }) => {
          assert.equal((await outcomeOf(way.start(client, [{ number: 900 }]))).status.code, Code.OK);
          assert.equal((await outcomeOf(way.start(client, [{ number: 2000 }]))).status.code, Code.RESOURCE_EXHAUSTED);
        },
        { server: { maxSendBytes: 1000 } },
      ));
  }
});

describe("a handler that answers with many messages", () => {
  const messages = [{ text: "a" }, { text: "b" }, { text: "c" }];
  async function* later(): AsyncGenerator<EchoMessageInit> {
    for (const message of messages) yield await Promise.resolve(message);
  }
  const sources: Record<string, () => unknown> = {
    "an array": () => messages,
    "a Set": () => new Set(messages),
    "a Map's values": () => new Map(messages.map((message) => [message.text, message])).values(),
    "a generator": function* () {
      yield* messages;
    },
    "an async generator": later,
    "a Readable": () => Readable.from(messages),
    "a promise of an array": () => Promise.resolve(messages),
    "a promise of a generator": async () => messages.values(),
    "a promise of an async generator": async () => later(),
    "an iterator of its own": () => ({
      [Symbol.asyncIterator]() {
        let next = 0;
        return {
          next: () =>
            Promise.resolve(next < 3 ? { done: false, value: messages[next++] } : { done: true, value: undefined }),
        };
      },
    }),
  };
  for (const [name, source] of Object.entries(sources)) {
    test(`may return ${name}`, () => {
      const handler = source as () => EchoMessageInit[];
      return withEcho({ serverStreaming: handler, bidiStreaming: handler }, async ({ client, serverErrors }) => {
        assert.deepEqual(await textsOf(client.serverStreaming({})), ["a", "b", "c"]);
        assert.deepEqual(await textsOf(client.bidiStreaming([])), ["a", "b", "c"]);
        assert.deepEqual(serverErrors, []);
      });
    });
  }

  for (const [name, value] of Object.entries({
    undefined: undefined,
    null: null,
    string: "abc",
    number: 5,
    object: {},
  })) {
    test(`and returns ${name} has failed: UNKNOWN, and onError hears why`, () => {
      const handler = (() => value) as unknown as () => EchoMessageInit[];
      return withEcho({ serverStreaming: handler, bidiStreaming: handler }, async ({ client, serverErrors }) => {
        await assert.rejects(textsOf(client.serverStreaming({})), /UNKNOWN/);
        await assert.rejects(textsOf(client.bidiStreaming([])), /UNKNOWN/);
        assert.equal(serverErrors.length, 2);
        for (const error of serverErrors) {
          assert.ok(error instanceof TypeError);
          assert.match(error.message, /Streaming must return an iterable/);
        }
      });
    });
  }

  test("that cannot be encoded half-way: the messages before it arrive, then INTERNAL; onError hears the path", () => {
    const wrong = [{ text: "a" }, { text: "b" }, { text: 5 as never }, { text: "never" }];
    return withEcho({ serverStreaming: () => wrong, bidiStreaming: () => wrong }, async ({ client, serverErrors }) => {
      for (const call of [client.serverStreaming({}), client.bidiStreaming([])]) {
        const texts: string[] = [];
        await assert.rejects(
          async () => {
            for await (const { text } of call) texts.push(text);
          },
          (error) => {
            assert.ok(error instanceof StatusError);
            assert.equal(error.code, Code.INTERNAL);
            assert.doesNotMatch(error.message, /5/);
            return true;
          },
        );
        assert.deepEqual(texts, ["a", "b"]);
        const reported = serverErrors.pop();
        assert.ok(reported instanceof TypeError);
        assert.match(reported.message, /text/);
      }
      assert.deepEqual(serverErrors, []);
    });
  });

  test("whose generator is told when the client cancels: its finally block runs", () => {
    const cleaned = gate();
    const cleanedSync = gate();
    return withEcho(
      {
        async *serverStreaming(_request, call) {
          try {
            for (;;) {
              yield {};
              await new Promise((resolve) => setImmediate(resolve));
              if (call.signal.aborted) break;
            }
          } finally {
            cleaned.open();
          }
        },
        *bidiStreaming() {
          try {
            for (;;) yield { payload: bytesOf(10_000) };
          } finally {
            cleanedSync.open();
          }
        },
      },
      async ({ client, serverErrors }) => {
        const first = client.serverStreaming({});
        await first.receive();
        first.cancel();
        await cleaned.opened;
        const second = client.bidiStreaming();
        await second.receive();
        second.cancel();
        await cleanedSync.opened;
        assert.deepEqual(serverErrors, []);
      },
    );
  });
});

describe("a handler that answers with one message", () => {
  test("may return a value or a promise", () => {
    const handlers: Implementation<EchoService>[] = [
      { unary: () => ({ text: "a" }), clientStreaming: () => ({ text: "a" }) },
      { unary: async () => ({ text: "a" }), clientStreaming: async () => ({ text: "a" }) },
    ];
    return Promise.all(
      handlers.map((implementation) =>
        withEcho(implementation, async ({ client }) => {
          assert.equal((await client.unary({})).text, "a");
          assert.equal((await client.clientStreaming([{}, {}])).text, "a");
        }),
      ),
    ).then(() => undefined);
  });

  for (const value of [undefined, null]) {
    test(`R140 and returns ${value} has failed: UNKNOWN, never OK without a message`, () => {
      const handler = (() => value) as unknown as () => EchoMessageInit;
      return withEcho({ unary: handler, clientStreaming: handler }, async ({ client, serverErrors }) => {
        await assert.rejects(client.unary({}), /UNKNOWN/);
        await assert.rejects(client.clientStreaming([]), /UNKNOWN/);
        for (const error of serverErrors.splice(0, 2))
          assert.ok(error instanceof TypeError && /must return a message/.test(error.message));
        assert.deepEqual(serverErrors, []);
      });
    });
  }

  for (const code of [0, 17, -1, 2.5, Number.NaN, "5", undefined, null]) {
    test(`R139 and throws a StatusError of ${typeof code} ${code} cannot make one: the call is UNKNOWN, and onError hears why`, () => {
      const handler = (): never => {
        throw new StatusError(code as unknown as Code, "made up");
      };
      return withEcho({ unary: handler, clientStreaming: handler }, async ({ client, serverErrors }) => {
        for (const call of [client.unary({}), client.clientStreaming([])]) {
          await assert.rejects(call, /UNKNOWN/);
          const { code: came, message } = await call.status;
          assert.equal(came, Code.UNKNOWN);
          assert.ok(!message.includes("made up"), message);
        }
        assert.equal(serverErrors.length, 2);
        for (const error of serverErrors) assert.ok(error instanceof TypeError, `${String(error)} must be a TypeError`);
      });
    });
  }

  const thenables: readonly (readonly [what: string, make: () => object])[] = [
    [
      "whose `then` throws",
      () => ({
        // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
        then() {
          throw new Error("not a promise after all");
        },
      }),
    ],
    [
      "whose `then` cannot even be read",
      () => ({
        // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
        get then(): never {
          throw new Error("not a promise after all");
        },
      }),
    ],
  ];
  for (const [what, make] of thenables) {
    test(`R137 R94 and returns a thing ${what} has failed: UNKNOWN, and the server goes on`, () => {
      const answer = (): never => make() as never;
      return withEcho(
        { unary: answer, serverStreaming: answer, clientStreaming: answer, bidiStreaming: answer },
        async ({ client, serverErrors }) => {
          for (const way of ECHO_WAYS) {
            const { status } = await outcomeOf(way.start(client, [{}], { timeoutMs: 5000 }));
            assert.equal(status.code, Code.UNKNOWN, way.name);
          }
          assert.deepEqual(
            serverErrors.map((error) => error instanceof Error && error.message),
            ECHO_WAYS.map(() => "not a promise after all"),
          );
        },
      );
    });
  }

  test("that cannot be encoded: INTERNAL, and onError hears the path", () => {
    const handler = (): EchoMessageInit => ({ number: "5" as never });
    return withEcho({ unary: handler, clientStreaming: handler }, async ({ client, serverErrors }) => {
      await assert.rejects(client.unary({}), /INTERNAL/);
      await assert.rejects(client.clientStreaming([]), /INTERNAL/);
      for (const error of serverErrors.splice(0, 2))
        assert.ok(error instanceof TypeError && /number/.test(error.message));
      assert.deepEqual(serverErrors, []);
    });
  });
});

describe("the requests of a call", () => {
  test("may be left early: the handler goes on, and so does the call", () =>
    withEcho(
      {
        async clientStreaming(requests, call) {
          for await (const { text } of requests) {
            await settle();
            assert.equal(call.signal.aborted, false);
            return { text: `only ${text}` };
          }
          return {};
        },
        async *bidiStreaming(requests) {
          for await (const { text } of requests) {
            yield { text: `only ${text}` };
            break;
          }
          await settle();
          yield { text: "and on" };
        },
      },
      async ({ client, serverErrors, callsEnded, ended }) => {
        const requests = Array.from({ length: 10 }, (_, number) => ({ text: String(number) }));
        assert.equal((await client.clientStreaming(requests)).text, "only 0");
        assert.deepEqual(await textsOf(client.bidiStreaming(requests)), ["only 0", "and on"]);
        assert.deepEqual(await textsOf(client.bidiStreaming(openRequests({ text: "open" }))), ["only open", "and on"]);
        await callsEnded(3);
        assert.deepEqual(
          ended.map(({ code }) => code),
          [Code.OK, Code.OK, Code.OK],
        );
        assert.deepEqual(serverErrors, []);
      },
    ));

  test("may be left early while the client has much more to send: it is not stuck", () =>
    withEcho(
      {
        async clientStreaming(requests) {
          for await (const _ of requests) break;
          return { text: "enough" };
        },
      },
      async ({ client }) => {
        const payload = bytesOf(64 * 1024);
        let sent = 0;
        function* requests(): Generator<EchoMessageInit> {
          for (; sent < 1000; sent++) yield { payload };
        }
        assert.equal((await client.clientStreaming(requests())).text, "enough");
        assert.ok(sent < 1000, "the rest is not even asked for");
      },
    ));

  test("need not be read at all", () =>
    withEcho({ clientStreaming: () => ({ text: "I know" }) }, async ({ client }) => {
      assert.equal((await client.clientStreaming([{}, {}, {}])).text, "I know");
      assert.equal((await client.clientStreaming(openRequests({}))).text, "I know");
    }));

  test("R109 R112 throw the reason of the cancellation into the loop of a handler that was busy when it came", () => {
    const busy = gate();
    const ended = gate<unknown>();
    return withEcho(
      {
        async clientStreaming(requests, { signal }) {
          try {
            for await (const _ of requests) {
              busy.open();
              await aborted(signal);
              await settle();
            }
            ended.open("a clean end");
          } catch (error) {
            ended.open(error);
          }
          return {};
        },
      },
      async ({ client, serverErrors }) => {
        const call = client.clientStreaming();
        await call.send({});
        await busy.opened;
        call.cancel();
        const error = await ended.opened;
        assert.ok(error instanceof StatusError, String(error));
        assert.equal(error.code, Code.CANCELLED);
        assert.deepEqual(serverErrors, []);
      },
    );
  });

  test("R112 throw the reason of the cancellation into the handler's loop", () => {
    const thrown = gate<unknown>();
    return withEcho(
      {
        async clientStreaming(requests, call) {
          try {
            for await (const _ of requests) call.sendHeaders();
          } catch (error) {
            assert.equal(error, call.signal.reason);
            thrown.open(error);
          }
          return {};
        },
      },
      async ({ client, serverErrors }) => {
        const call = client.clientStreaming();
        await call.send({});
        await call.headers;
        call.cancel();
        const error = await thrown.opened;
        assert.ok(error instanceof StatusError);
        assert.equal(error.code, Code.CANCELLED);
        await settle();
        assert.deepEqual(serverErrors, []);
      },
    );
  });
});

describe("a StatusError", () => {
  test("R43 R138 takes its trailers as Metadata, as an object or as pairs, and refuses what is none", () => {
    const inits = [
      { "x-why": "because" },
      new Metadata({ "x-why": "because" }),
      [["x-why", "because"]] as const,
      new Map([["x-why", "because"]]),
    ];
    const behaviour = behaveAs(async function* (requests) {
      for await (const { number } of requests) {
        throw new StatusError(Code.NOT_FOUND, "x", { trailers: inits[number] });
      }
      yield {};
    });
    return withEcho(behaviour, async ({ client, serverErrors }) => {
      for (const way of ECHO_WAYS) {
        for (const number of inits.keys()) {
          const { status, trailers } = await outcomeOf(way.start(client, [{ number }], { timeoutMs: 5000 }));
          assert.equal(status.code, Code.NOT_FOUND, way.name);
          assert.deepEqual(trailers.getAll("x-why"), ["because"]);
        }
      }
      assert.throws(() => new StatusError(Code.NOT_FOUND, "x", { trailers: { "bad name": "x" } }), TypeError);
      assert.throws(() => new StatusError(Code.NOT_FOUND, "x", { trailers: 5 as never }), TypeError);
      assert.deepEqual(serverErrors, []);
    });
  });
});

describe("a handler's call", () => {
  test("tells the method, the peer, and metadata without what belongs to the transport", () => {
    let seen: HandlerCall | undefined;
    return withEcho(
      {
        unary(_request, call) {
          seen = call;
          return {};
        },
      },
      async ({ client }) => {
        await client.unary({}, { metadata: { "x-mine": "1", "user-agent": "my-app/2" }, timeoutMs: 60_000 });
        assert.ok(seen !== undefined);
        assert.equal(seen.method, Echo.methods.unary);
        assert.match(seen.peer.address, /^127\.0\.0\.1:\d+$/);
        assert.deepEqual([...seen.metadata.keys()].toSorted(), ["user-agent", "x-mine"]);
        assert.match(seen.metadata.get("user-agent") ?? "", /^my-app\/2 grpc-node-barewire\/\d/);
      },
    );
  });

  test("has a signal that is not aborted by a good end, and one asked for late tells what happened", () => {
    const calls: HandlerCall[] = [];
    const late = gate<AbortSignal>();
    return withEcho(
      {
        unary(_request, call) {
          calls.push(call);
          return {};
        },
        async clientStreaming(requests, call) {
          await textsOf(requests).catch(() => undefined);
          late.open(call.signal);
          return {};
        },
      },
      async ({ client, callsEnded }) => {
        await client.unary({});
        await callsEnded(1);
        assert.equal(calls[0]?.signal.aborted, false);
        const call = client.clientStreaming();
        await settle();
        call.cancel();
        const signal = await Promise.race([late.opened, settle().then(() => late.opened)]);
        assert.equal(signal.aborted, true);
        assert.ok(signal.reason instanceof StatusError);
        assert.equal(signal.reason.code, Code.CANCELLED);
      },
    );
  });

  test("may be kept: sendHeaders(), headers and trailers do no harm after the end", () => {
    let kept: HandlerCall | undefined;
    return withEcho(
      {
        unary(_request, call) {
          kept = call;
          return {};
        },
      },
      async ({ client, callsEnded, serverErrors }) => {
        await client.unary({});
        await callsEnded(1);
        assert.ok(kept !== undefined);
        kept.sendHeaders();
        kept.headers.set("x-late", "1");
        kept.trailers.set("x-late", "1");
        kept.sendHeaders();
        assert.equal((await client.unary({})).text, "");
        assert.deepEqual(serverErrors, []);
      },
    );
  });

  test("R36 R35 refuses metadata that would pose as the protocol's own", () => {
    // google.rpc.Status: the code, and the text behind its length.
    const details = new Uint8Array(Buffer.from("\x08\x06\x12\x0cthe real one"));
    return withEcho(
      {
        unary(_request, call) {
          for (const name of ["grpc-status", "grpc-message", "grpc-encoding", ":status", "content-type", "te"]) {
            assert.throws(() => call.trailers.append(name, "0"), TypeError, name);
            assert.throws(() => call.headers.set(name, "0"), TypeError, name);
          }
          throw new StatusError(Code.ALREADY_EXISTS, "the real one", {
            trailers: new Metadata({ "grpc-status-details-bin": details }),
          });
        },
      },
      async ({ client }) => {
        await assert.rejects(client.unary({}), (error) => {
          assert.ok(error instanceof StatusError);
          assert.equal(error.message.startsWith("ALREADY_EXISTS: the real one"), true);
          assert.deepEqual(error.trailers?.get("grpc-status-details-bin"), details);
          return true;
        });
      },
    );
  });

  test("R42 metadata that was received can be sent back as it is", () =>
    withEcho(
      {
        unary(_request, call) {
          call.headers.merge(call.metadata);
          call.trailers.merge(call.metadata);
          return {};
        },
      },
      async ({ client }) => {
        const metadata: [string, string | Uint8Array][] = [
          ["x-a", "1, 2"],
          ["x-b-bin", bytesOf(300)],
          ["x-a", "3"],
        ];
        const call = client.unary({}, { metadata });
        await call;
        for (const received of [await call.headers, await call.trailers]) {
          assert.deepEqual(received.getAll("x-a"), ["1, 2", "3"]);
          assert.deepEqual(received.getAll("x-b-bin"), [bytesOf(300)]);
        }
      },
    ));
});

/** One raw call through node:http2 that sends a timeout and never resets the stream. */
function rawCall(
  port: number,
  path: string,
  headers: Record<string, string>,
  end: boolean,
): Promise<IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", reject);
    const stream = session.request(
      { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers", ...headers },
      { endStream: false },
    );
    let told: IncomingHttpHeaders = {};
    stream.on("response", (received) => (told = received));
    stream.on("trailers", (received) => (told = received));
    stream.on("error", reject);
    stream.on("close", () => {
      session.close();
      resolve(told);
    });
    stream.resume();
    const empty = Buffer.alloc(5);
    if (end) stream.end(empty);
    else stream.write(empty);
  });
}

describe("a deadline", () => {
  for (const way of ECHO_WAYS.filter(({ name }) => !name.endsWith("by hand"))) {
    test(`R102 R112 ${way.name}: is kept by the server, too: the handler is told, the client gets DEADLINE_EXCEEDED`, () => {
      const told = gate<unknown>();
      const implementation = behaveAs(async function* (_requests, call) {
        told.open(await aborted(call.signal));
        yield {};
      });
      return withEcho(implementation, async ({ port, ended, callsEnded, serverErrors }) => {
        const { path } = Echo.methods[way.kind];
        const trailers = await rawCall(port, path, { "grpc-timeout": "50m" }, !way.manyRequests);
        assert.equal(trailers["grpc-status"], String(Code.DEADLINE_EXCEEDED));
        const reason = await told.opened;
        assert.ok(reason instanceof StatusError);
        assert.equal(reason.code, Code.DEADLINE_EXCEEDED);
        await callsEnded(1);
        assert.equal(ended[0]?.code, Code.DEADLINE_EXCEEDED);
        assert.deepEqual(serverErrors, []);
      });
    });
  }

  test("R102 that had passed before the request arrived: no handler runs", () => {
    let ran = false;
    const implementation = behaveAs(() => {
      ran = true;
      return [{}];
    });
    return withEcho(implementation, async ({ port }) => {
      const trailers = await rawCall(port, Echo.methods.unary.path, { "grpc-timeout": "0n" }, true);
      assert.equal(trailers["grpc-status"], String(Code.DEADLINE_EXCEEDED));
      assert.equal(ran, false);
    });
  });

  test("R95 in any of the six units reaches the handler", () => {
    const seen: number[] = [];
    const implementation = behaveAs((_requests, call) => {
      seen.push(((call.deadline as Date).getTime() - Date.now()) / 1000);
      return [{}];
    });
    return withEcho(implementation, async ({ port }) => {
      const timeouts = { "2H": 7200, "3M": 180, "50S": 50, "90000m": 90, "70000000u": 70, "99999999n": 0.1 };
      for (const [timeout, seconds] of Object.entries(timeouts)) {
        const trailers = await rawCall(port, Echo.methods.unary.path, { "grpc-timeout": timeout }, true);
        if (timeout !== "99999999n") assert.equal(trailers["grpc-status"], "0", timeout);
        const left = seen.pop();
        assert.ok(left !== undefined && Math.abs(left - seconds) < 5, `${timeout}: ${left} s`);
      }
    });
  });
});

describe("an error of a client call inside a handler", () => {
  /** A server whose handlers pass every call on to another one. */
  async function withRelay(
    target: string | undefined,
    use: (client: ReturnType<typeof clientOf>, relayed: unknown[]) => Promise<void>,
  ): Promise<void> {
    const failing = behaveAs(async function* (_requests, call) {
      call.trailers.set("x-internal", "a secret of the back end");
      throw new StatusError(Code.FAILED_PRECONDITION, "not now", {
        trailers: new Metadata({ "x-more": "another secret" }),
      });
    });
    await withEcho(failing, async ({ port }) => {
      const upstream = new Channel(target ?? `127.0.0.1:${port}`);
      const relayed: unknown[] = [];
      const relay: Implementation<EchoService> = behaveAs(async function* () {
        try {
          yield await upstream.client(Echo).unary({});
        } catch (error) {
          relayed.push(error);
          throw error;
        }
      });
      try {
        await withEcho(relay, async ({ client, serverErrors }) => {
          await use(client, relayed);
          assert.deepEqual(serverErrors, []);
        });
      } finally {
        await upstream.close();
      }
    });
  }
  function clientOf(channel: Channel): ReturnType<typeof channel.client<EchoService>> {
    return channel.client(Echo);
  }

  for (const way of ECHO_WAYS) {
    test(`${way.name}: travels as its code and text only`, () =>
      withRelay(undefined, async (client, relayed) => {
        const { error, trailers, headers } = await outcomeOf(way.start(client, [{}]));
        assert.ok(error instanceof StatusError);
        assert.equal(error.code, Code.FAILED_PRECONDITION);
        assert.equal(error.rawMessage, "not now");
        assert.deepEqual([headers.size, trailers.size], [0, 0]);
        const [inner] = relayed;
        assert.ok(inner instanceof StatusError);
        assert.equal(inner.trailers?.get("x-internal"), "a secret of the back end");
      }));
  }

  test("travels with its trailers when it is rethrown by StatusError.forward", () => {
    const failing = behaveAs(async function* () {
      throw new StatusError(Code.RESOURCE_EXHAUSTED, "quota", { trailers: new Metadata({ "x-quota": "10" }) });
    });
    return withEcho(failing, async ({ client: upstream }) => {
      const relay = behaveAs(async function* () {
        try {
          yield await upstream.unary({});
        } catch (error) {
          throw StatusError.forward(error as StatusError);
        }
      });
      await withEcho(relay, async ({ client }) => {
        const { status, trailers } = await outcomeOf({ facts: client.unary({}), collect: async () => undefined });
        assert.deepEqual(status, { code: Code.RESOURCE_EXHAUSTED, message: "quota" });
        assert.equal(trailers.get("x-quota"), "10");
      });
    });
  });

  test("does not tell the client where the back end is", () =>
    withRelay("127.0.0.1:1", async (client, relayed) => {
      const { error } = await outcomeOf({
        facts: client.unary({}),
        collect: async () => void (await client.unary({})),
      });
      assert.ok(error instanceof StatusError);
      assert.equal(error.code, Code.UNAVAILABLE);
      assert.match((relayed[0] as StatusError).message, /127\.0\.0\.1:1/, "who calls it is told");
      assert.doesNotMatch(error.message, /127\.0\.0\.1/, "who calls us is not");
    }));
});

describe("the callbacks of a server", () => {
  test("hear how every call ended, unknown methods included", () =>
    withEcho(behaveAs(echo), async ({ client, channel, ended, callsEnded }) => {
      await client.unary({});
      await assert.rejects(anyClient(channel, serviceOf("/no.Such/Method", "unary")).call({}), /UNIMPLEMENTED/);
      await client.clientStreaming([{}, {}, {}]);
      await callsEnded(3);
      assert.deepEqual(
        ended.map(({ path, code, received, sent }) => ({ path, code, received, sent })),
        [
          { path: "/barewire.test.Echo/Unary", code: Code.OK, received: 1, sent: 1 },
          { path: "/no.Such/Method", code: Code.UNIMPLEMENTED, received: 0, sent: 0 },
          { path: "/barewire.test.Echo/ClientStreaming", code: Code.OK, received: 3, sent: 1 },
        ],
      );
      for (const { peer } of ended) assert.match(peer, /^127\.0\.0\.1:\d+$/);
    }));

  test("may throw: what onCallEnd throws goes to onError, and the calls go on", () => {
    const heard: unknown[] = [];
    const broken = new Error("onCallEnd is broken");
    return withEcho(
      behaveAs(echo),
      async ({ client }) => {
        assert.equal((await client.unary({ text: "a" })).text, "a");
        assert.equal((await client.unary({ text: "b" })).text, "b");
        assert.deepEqual(heard, [broken, broken]);
      },
      {
        server: {
          onError: (error) => heard.push(error),
          onCallEnd: () => {
            throw broken;
          },
        },
      },
    );
  });
});

test("a dynamic service serves and calls without types", async () => {
  const service = loadProto({ "echo.proto": ECHO_PROTO }).service("barewire.test.Echo");
  const server = new Server().add(service, {
    unary: (request: unknown) => request as object,
    bidiStreaming: (requests: AsyncIterable<unknown>) => requests as AsyncIterable<object>,
  });
  const { port } = await server.listen("127.0.0.1:0");
  const channel = new Channel(`127.0.0.1:${port}`);
  const client = channel.client(service) as unknown as Record<
    "unary" | "bidiStreaming",
    (input: unknown) => Promise<Record<string, unknown>> & AsyncIterable<Record<string, unknown>>
  >;
  const answer = await client.unary({ text: "dynamic", number: -5 });
  assert.deepEqual({ ...answer }, { text: "dynamic", payload: new Uint8Array(), number: -5 });
  const numbers: unknown[] = [];
  for await (const { number } of client.bidiStreaming([{ number: 1 }, { number: 2 }])) numbers.push(number);
  assert.deepEqual(numbers, [1, 2]);
  await channel.close();
  await server.close();
});

describe("a status or metadata beyond what the client takes", () => {
  const HUGE = "x".repeat(100_000);
  type Misdeed = (call: HandlerCall) => void;
  const misdeeds: readonly (readonly [what: string, code: Code, misdeed: Misdeed])[] = [
    [
      "a text of 100 KB keeps its code and is cut",
      Code.NOT_FOUND,
      () => {
        throw new StatusError(Code.NOT_FOUND, HUGE);
      },
    ],
    [
      "a text of 100 KB of escapes keeps its code and is cut",
      Code.NOT_FOUND,
      () => {
        throw new StatusError(Code.NOT_FOUND, "\u00e9".repeat(100_000));
      },
    ],
    ["headers of 100 KB: INTERNAL", Code.INTERNAL, ({ headers }) => void headers.set("x-huge", HUGE)],
    ["trailers of 100 KB: INTERNAL", Code.INTERNAL, ({ trailers }) => void trailers.set("x-huge", HUGE)],
    [
      "headers of 100 KB sent on demand: INTERNAL",
      Code.INTERNAL,
      (call) => (call.headers.set("x-huge", HUGE), call.sendHeaders()),
    ],
    [
      "an error with trailers of 100 KB: INTERNAL",
      Code.INTERNAL,
      () => {
        throw new StatusError(Code.NOT_FOUND, "n", { trailers: { "x-huge": HUGE } });
      },
    ],
    [
      "trailers a little over the client's limit of 16 KiB: INTERNAL",
      Code.INTERNAL,
      ({ trailers }) => void trailers.set("x-huge", "x".repeat(16 * 1024)),
    ],
  ];
  for (const [what, code, misdeed] of misdeeds) {
    test(`R94 ${what}; the other calls of the connection go on`, () => {
      const release = gate();
      const running = gate();
      const behaviour = behaveAs(async function* (requests, call) {
        for await (const request of requests) {
          if (request.text === "slow") {
            running.open();
            await release.opened;
          }
          if (request.text === "bad") misdeed(call);
          yield request;
        }
      });
      return withEcho(
        behaviour,
        async ({ client, serverErrors, observer }) => {
          const slow = client.unary({ text: "slow" });
          await running.opened;
          for (const way of ECHO_WAYS) {
            const { status } = await outcomeOf(way.start(client, [{ text: "bad" }], { timeoutMs: 5000 }));
            assert.equal(status.code, code, `${way.name}: ${status.message.slice(0, 200)}`);
            if (code === Code.NOT_FOUND) assert.match(status.message, /^(?:x{8192}|\u00e9{1365}\ufffd?)$/);
          }
          release.open();
          assert.equal((await slow).text, "slow");
          assert.equal((await client.unary({ text: "next" })).text, "next");
          assert.equal(observer.conversations.length, 1, "the connection is still the same");
          assert.equal(serverErrors.length, code === Code.INTERNAL ? ECHO_WAYS.length : 0);
        },
        { observed: true },
      );
    });
  }
});
