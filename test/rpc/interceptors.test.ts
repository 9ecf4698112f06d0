/**
 * Interceptors on both sides, for every kind of method and every way to call it.
 */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { describe, test } from "node:test";
import {
  type Call,
  type CallEnd,
  Code,
  codeName,
  type HandlerCall,
  type Interceptor,
  interceptMethod,
  Metadata,
  Server,
  StatusError,
} from "../../src/index.js";
import { withEcho } from "../support/echo-served.js";
import { Echo, type EchoMessage, type EchoMessageInit } from "../support/echo-service.js";
import { behaveAs, echo, ECHO_WAYS, type EchoWay, gate, outcomeOf } from "../support/echo-ways.js";

const passOn: Interceptor = (_call, next) => next();

function requestsFor(way: EchoWay): EchoMessageInit[] {
  return Array.from({ length: way.manyRequests ? 3 : 1 }, (_, number) => ({ text: `message ${number}`, number }));
}

/** An iterable as an interceptor would wrap it. */
async function* marked(messages: AsyncIterable<unknown>, mark: string): AsyncGenerator<EchoMessage> {
  for await (const message of messages) {
    const echoed = message as EchoMessage;
    yield { ...echoed, text: `${echoed.text} ${mark}` };
  }
}

const markBoth =
  (mark: string): Interceptor =>
  async (call, next) => {
    const reply = await next({ messages: marked(call.messages, `>${mark}`) });
    return { ...reply, messages: marked(reply.messages, `<${mark}`) };
  };

function lastText(way: EchoWay): string {
  return `message ${way.manyRequests && !way.manyResponses ? 2 : 0}`;
}

for (const way of ECHO_WAYS) {
  describe(`${way.name}: interceptors`, () => {
    test("R321 R322 run in order around each other, on both sides, and what they do not touch stays as it is", () => {
      const steps: string[] = [];
      const step =
        (name: string): Interceptor =>
        async (_call, next) => {
          steps.push(`${name} in`);
          const reply = await next();
          steps.push(`${name} out`);
          return reply;
        };
      const server = { interceptors: [step("server 1"), step("server 2")] };
      const channel = { interceptors: [step("client 1"), passOn, step("client 2")] };
      return withEcho(
        behaveAs(echo),
        async ({ client }) => {
          const outcome = await outcomeOf(way.start(client, requestsFor(way)));
          assert.equal(outcome.status.code, Code.OK);
          assert.equal(outcome.messages.length, way.manyResponses ? requestsFor(way).length : 1);
          const names = ["client 1", "client 2", "server 1", "server 2"];
          assert.deepEqual(
            steps.filter((one) => one.endsWith("in")),
            names.map((name) => `${name} in`),
          );
          assert.deepEqual(steps.toSorted(), names.flatMap((name) => [`${name} in`, `${name} out`]).toSorted());
          assert.ok(steps.indexOf("client 2 out") < steps.indexOf("client 1 out"));
          assert.ok(steps.indexOf("server 2 out") < steps.indexOf("server 1 out"));
        },
        { server, channel },
      );
    });

    test("R321 R322 may replace the messages of both directions, on both sides", () =>
      withEcho(
        behaveAs(echo),
        async ({ client }) => {
          const { messages, status } = await outcomeOf(way.start(client, requestsFor(way)));
          assert.equal(status.code, Code.OK);
          assert.equal(messages[0]?.text, `${lastText(way)} >b >a >d >c <c <d <a <b`);
          assert.equal(messages.length, way.manyResponses ? requestsFor(way).length : 1);
        },
        {
          server: { interceptors: [markBoth("d"), markBoth("c")] },
          channel: { interceptors: [markBoth("b"), markBoth("a")] },
        },
      ));

    test("R321 a client's may change metadata, and see headers and trailers", () => {
      let seen: unknown[] = [];
      const behaviour = behaveAs(async function* (requests, call) {
        call.headers.set("x-heard", call.metadata.get("x-said") ?? "nothing");
        call.trailers.set("x-last", "words");
        yield* echo(requests);
      });
      const interceptor: Interceptor = async (call, next) => {
        call.metadata.set("x-said", `${call.metadata.get("x-said") ?? ""} and more`);
        const reply = await next();
        call.onEnd(({ trailers }) => (seen = [reply.headers.get("x-heard"), trailers.get("x-last")]));
        assert.match(call.peer?.address ?? "", /^127\.0\.0\.1:\d+$/);
        return reply;
      };
      return withEcho(
        behaviour,
        async ({ client }) => {
          const options = { metadata: { "x-said": "something" } };
          const outcome = await outcomeOf(way.start(client, requestsFor(way), options));
          assert.equal(outcome.headers.get("x-heard"), "something and more");
          assert.equal(outcome.trailers.get("x-last"), "words");
          assert.deepEqual(seen, ["something and more", "words"]);
          assert.deepEqual(options, { metadata: { "x-said": "something" } });
        },
        { channel: { interceptors: [interceptor] } },
      );
    });

    test("R322 a server's may change metadata, headers and trailers, and see the handler's", () => {
      const behaviour = behaveAs(async function* (requests, call) {
        call.headers.set("x-user", call.metadata.get("x-user") ?? "nobody");
        yield* echo(requests);
      });
      const interceptor: Interceptor = async (call, next) => {
        const metadata = new Metadata(call.metadata).set("x-user", "ada");
        const reply = await next({ metadata });
        reply.trailers.set("x-served-by", "me");
        return reply;
      };
      return withEcho(
        behaviour,
        async ({ client }) => {
          const outcome = await outcomeOf(way.start(client, requestsFor(way), { metadata: { "x-user": "eve" } }));
          assert.equal(outcome.headers.get("x-user"), "ada");
          assert.equal(outcome.trailers.get("x-served-by"), "me");
        },
        { server: { interceptors: [interceptor] } },
      );
    });

    for (const side of ["client", "server"] as const) {
      test(`R321 R322 on the ${side} may answer without going on`, () => {
        let reached = false;
        const behaviour = behaveAs(async function* (requests) {
          reached = true;
          yield* echo(requests);
        });
        const answer: Interceptor = async () => ({
          headers: new Metadata({ "x-from": "the interceptor" }),
          messages: marked(
            (async function* () {
              yield { text: "an answer", payload: new Uint8Array(), number: 1 };
            })(),
            "!",
          ),
          trailers: new Metadata({ "x-end": "of it" }),
        });
        return withEcho(
          behaviour,
          async ({ client, unobserved }) => {
            const outcome = await outcomeOf(way.start(client, requestsFor(way)));
            assert.equal(outcome.status.code, Code.OK);
            assert.deepEqual(
              outcome.messages.map(({ text }) => text),
              ["an answer !"],
            );
            assert.equal(outcome.headers.get("x-from"), "the interceptor");
            assert.equal(outcome.trailers.get("x-end"), "of it");
            assert.equal(reached, false);
            assert.deepEqual(unobserved, []);
          },
          { [side === "client" ? "channel" : "server"]: { interceptors: [answer] } },
        );
      });

      test(`R281 R321 R322 on the ${side} may end a call with any status`, () => {
        const refuse: Interceptor = () => {
          throw new StatusError(Code.OUT_OF_RANGE, "not from here", { trailers: { "x-why": "because" } });
        };
        return withEcho(
          behaveAs(echo),
          async ({ client }) => {
            const { error, trailers, status } = await outcomeOf(way.start(client, requestsFor(way)));
            assert.ok(error instanceof StatusError);
            assert.deepEqual([error.code, error.rawMessage], [Code.OUT_OF_RANGE, "not from here"]);
            assert.equal(status.code, Code.OUT_OF_RANGE);
            assert.equal(trailers.get("x-why"), "because");
          },
          { [side === "client" ? "channel" : "server"]: { interceptors: [passOn, refuse] } },
        );
      });

      test(`R321 R322 on the ${side} may make another status of a failure`, () => {
        const rename = (error: unknown): Error =>
          error instanceof StatusError
            ? new StatusError(Code.NOT_FOUND, `was ${codeName(error.code)}`)
            : new StatusError(Code.FAILED_PRECONDITION, String((error as Error).message));
        async function* renamed(messages: AsyncIterable<unknown>): AsyncGenerator {
          try {
            yield* messages;
          } catch (error) {
            throw rename(error);
          }
        }
        const interceptor: Interceptor = async (_call, next) => {
          try {
            const reply = await next();
            return { ...reply, messages: renamed(reply.messages) };
          } catch (error) {
            throw rename(error);
          }
        };
        const behaviour = behaveAs(async function* () {
          throw side === "client" ? new StatusError(Code.ABORTED, "no") : new Error("a bug of the domain");
        });
        return withEcho(
          behaviour,
          async ({ client, serverErrors }) => {
            const { status } = await outcomeOf(way.start(client, requestsFor(way)));
            const wanted =
              side === "client"
                ? { code: Code.NOT_FOUND, message: "was ABORTED" }
                : { code: Code.FAILED_PRECONDITION, message: "a bug of the domain" };
            assert.deepEqual(status, wanted);
            assert.deepEqual(serverErrors, []);
          },
          { [side === "client" ? "channel" : "server"]: { interceptors: [interceptor] } },
        );
      });

      test(`R321 R322 on the ${side}, what one throws that is no status is not swallowed`, () => {
        const bug = new TypeError("cannot read properties of a bug");
        const interceptor: Interceptor = async (_call, next) => {
          await next();
          throw bug;
        };
        return withEcho(
          behaveAs(echo),
          async ({ client, serverErrors }) => {
            const { error } = await outcomeOf(way.start(client, requestsFor(way)));
            assert.ok(error instanceof StatusError);
            if (side === "client") {
              assert.deepEqual([error.code, error.cause], [Code.INTERNAL, bug]);
              assert.match(error.message, /an interceptor of \/barewire\.test\.Echo\/\w+ failed: cannot read/);
            } else {
              assert.equal(error.code, Code.UNKNOWN);
              assert.deepEqual(serverErrors, [bug]);
            }
          },
          { [side === "client" ? "channel" : "server"]: { interceptors: [interceptor] } },
        );
      });

      test(`R321 R322 on the ${side} hear once how a call ended, when it went well and when it did not`, () => {
        const ends: CallEnd[] = [];
        const two = gate();
        const interceptor: Interceptor = (call, next) => {
          call.onEnd((end) => {
            ends.push(end);
            if (ends.length === 2) two.open();
          });
          return next();
        };
        const behaviour = behaveAs(async function* (requests, call) {
          if (call.metadata.has("x-fail")) throw new StatusError(Code.ABORTED, "as asked");
          yield* echo(requests);
        });
        return withEcho(
          behaviour,
          async ({ client }) => {
            await outcomeOf(way.start(client, requestsFor(way)));
            await outcomeOf(way.start(client, requestsFor(way), { metadata: { "x-fail": "yes" } }));
            await two.opened;
            const [well, badly] = ends;
            assert.deepEqual([well?.status, well?.error], [{ code: Code.OK, message: "" }, undefined]);
            const [out, back] = [way.manyRequests ? 3 : 1, way.manyRequests && way.manyResponses ? 3 : 1];
            assert.deepEqual([well?.sent, well?.received], side === "client" ? [out, back] : [back, out]);
            assert.ok((well?.durationMs ?? -1) >= 0);
            assert.deepEqual(badly?.status, { code: Code.ABORTED, message: "as asked" });
            assert.equal(badly?.error?.code, Code.ABORTED);
          },
          { [side === "client" ? "channel" : "server"]: { interceptors: [interceptor] } },
        );
      });

      test(`R321 R322 on the ${side} cannot go on twice`, () => {
        let second: unknown;
        const interceptor: Interceptor = async (_call, next) => {
          const reply = await next();
          second = await next().catch((error: unknown) => error);
          return reply;
        };
        return withEcho(
          behaveAs(echo),
          async ({ client }) => {
            const { status } = await outcomeOf(way.start(client, requestsFor(way)));
            assert.equal(status.code, Code.OK);
            assert.match(String(second), /Cannot run next\(\) twice for one call to/);
          },
          { [side === "client" ? "channel" : "server"]: { interceptors: [interceptor] } },
        );
      });
    }

    test("R321 what is sent while a client's waits goes out afterwards, in order", () => {
      const token = gate<string>();
      const waits: Interceptor = async (call, next) => {
        call.metadata.set("x-token", await token.opened);
        return next();
      };
      return withEcho(
        behaveAs(async function* (requests, call) {
          call.headers.set("x-token", call.metadata.get("x-token") ?? "");
          yield* echo(requests);
        }),
        async ({ client }) => {
          const started = way.start(client, requestsFor(way));
          setImmediate(() => token.open("fresh"));
          const { messages, headers, status } = await outcomeOf(started);
          assert.equal(status.code, Code.OK);
          assert.equal(headers.get("x-token"), "fresh");
          const wanted = requestsFor(way).map(({ text }) => text);
          assert.deepEqual(
            messages.map(({ text }) => text),
            way.manyResponses ? wanted : wanted.slice(-1),
          );
        },
        { channel: { interceptors: [waits] } },
      );
    });

    test("R99 the deadline ends a call whose interceptor waits, and its signal says so", () => {
      let reason: unknown;
      const waits: Interceptor = async (call, next) => {
        await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
        reason = call.signal.reason;
        await new Promise(() => undefined);
        return next();
      };
      return withEcho(
        behaveAs(echo),
        async ({ client }) => {
          const { error } = await outcomeOf(way.start(client, requestsFor(way), { timeoutMs: 20 }));
          assert.ok(error instanceof StatusError);
          assert.equal(error.code, Code.DEADLINE_EXCEEDED);
          assert.equal(reason, error);
        },
        { channel: { interceptors: [waits] } },
      );
    });

    test("R99 the deadline ends a call whose interceptor waits after the network has answered", () => {
      const waits: Interceptor = async (_call, next) => {
        await next();
        return new Promise(() => undefined);
      };
      return withEcho(
        behaveAs(echo),
        async ({ client }) => {
          const { error } = await outcomeOf(way.start(client, requestsFor(way), { timeoutMs: 400 }));
          assert.equal((error as StatusError).code, Code.DEADLINE_EXCEEDED);
        },
        { channel: { interceptors: [waits] } },
      );
    });

    test("R108 a call is cancelled while its interceptor waits, by cancel() and by its signal", () => {
      const waits: Interceptor = async (_call, next) => {
        await new Promise(() => undefined);
        return next();
      };
      return withEcho(
        behaveAs(echo),
        async ({ client, unobserved }) => {
          const byCall = way.start(client, requestsFor(way));
          byCall.facts.cancel();
          assert.equal((await outcomeOf(byCall)).status.code, Code.CANCELLED);
          const controller = new AbortController();
          const bySignal = way.start(client, requestsFor(way), { signal: controller.signal });
          controller.abort();
          assert.equal((await outcomeOf(bySignal)).status.code, Code.CANCELLED);
          assert.deepEqual(unobserved, []);
        },
        { channel: { interceptors: [waits] } },
      );
    });

    test("R321 a deadline and a signal of an interceptor's end the call", () => {
      const controller = new AbortController();
      const adds: Interceptor = (call, next) =>
        call.metadata.has("x-late")
          ? next({ deadline: new Date(Date.now() + 20) })
          : next({ ...call, signal: controller.signal });
      return withEcho(
        behaveAs(async function* (_requests, call) {
          await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
        }),
        async ({ client }) => {
          const late = await outcomeOf(way.start(client, requestsFor(way), { metadata: { "x-late": "yes" } }));
          assert.equal(late.status.code, Code.DEADLINE_EXCEEDED);
          const aborted = outcomeOf(way.start(client, requestsFor(way)));
          controller.abort();
          assert.equal((await aborted).status.code, Code.CANCELLED);
        },
        { channel: { interceptors: [adds] } },
      );
    });

    test("R322 a deadline of a server's interceptor ends the call, and the handler hears of it", () => {
      const aborted = gate<unknown>();
      const limit: Interceptor = (_call, next) => next({ deadline: new Date(Date.now() + 20) });
      return withEcho(
        behaveAs(async function* (_requests, call) {
          await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
          aborted.open(call.signal.reason);
        }),
        async ({ client }) => {
          const { status } = await outcomeOf(way.start(client, requestsFor(way)));
          assert.equal(status.code, Code.DEADLINE_EXCEEDED);
          assert.equal(((await aborted.opened) as StatusError).code, Code.DEADLINE_EXCEEDED);
        },
        { server: { interceptors: [limit] } },
      );
    });

    test("R322 the handler runs where next() was called, and is given the same call", () => {
      const users = new WeakMap<Call | HandlerCall, string>();
      const context = new AsyncLocalStorage<string>();
      const seen: unknown[] = [];
      const interceptor: Interceptor = async (call, next) => {
        await new Promise(setImmediate);
        users.set(call, "ada");
        return context.run("a context", () => next());
      };
      return withEcho(
        behaveAs(async function* (requests, call) {
          seen.push(users.get(call), context.getStore());
          await new Promise(setImmediate);
          seen.push(context.getStore());
          yield* echo(requests);
          seen.push(context.getStore());
        }),
        async ({ client }) => {
          await outcomeOf(way.start(client, requestsFor(way)));
          assert.deepEqual(seen, ["ada", "a context", "a context", "a context"]);
        },
        { server: { interceptors: [interceptor] } },
      );
    });
  });
}

test("R322 interceptors of a server run for methods that are implemented, and for no others", async () => {
  const seen: string[] = [];
  const note: Interceptor = (call, next) => {
    seen.push(call.method.localName);
    return next();
  };
  await withEcho(
    { unary: (request) => request },
    async ({ client }) => {
      await client.unary({});
      await assert.rejects(async () => client.clientStreaming([]), { code: Code.UNIMPLEMENTED });
      assert.deepEqual(seen, ["unary"]);
    },
    { server: { interceptors: [note] } },
  );
});

test("R321 R322 interceptors of a client and of a service run inside those of channel and server", async () => {
  const steps: string[] = [];
  const step =
    (name: string): Interceptor =>
    (_call, next) => {
      steps.push(name);
      return next();
    };
  const server = new Server({ interceptors: [step("server")] });
  server.add(Echo, { unary: (request) => request }, { interceptors: [step("service")] });
  const { port } = await server.listen("127.0.0.1:0");
  const { Channel } = await import("../../src/index.js");
  const channel = new Channel(`127.0.0.1:${port}`, { interceptors: [step("channel")] });
  await channel.client(Echo, { interceptors: [step("client")] }).unary({});
  assert.deepEqual(steps, ["channel", "client", "server", "service"]);
  await channel.close();
  await server.close();
});

test("interceptMethod runs for its own method only", async () => {
  const seen: (string | undefined)[] = [];
  const interceptor = interceptMethod(Echo.methods.unary, async (call, next) => {
    for await (const { text } of call.messages) seen.push(text);
    return next({ messages: marked(call.messages, "?") });
  });
  await withEcho(
    behaveAs(echo),
    async ({ client }) => {
      await client.clientStreaming([{ text: "not this" }]);
      assert.equal((await client.unary({ text: "this" })).text, "this ?");
      assert.deepEqual(seen, ["this"]);
    },
    { channel: { interceptors: [interceptor] } },
  );
});

describe("mistakes of interceptors", () => {
  const wrong: readonly [string, Interceptor, RegExp][] = [
    [
      "no reply",
      () => Promise.resolve(undefined as never),
      /must return a reply, \{ headers, messages, trailers \}: it returned undefined/,
    ],
    ["no promise", () => 5 as never, /must return a reply.*it returned number/],
    [
      "a deadline that is none",
      (_call, next) => next({ deadline: new Date(Number.NaN) }),
      /deadline must be a valid Date/,
    ],
    ["a signal that is none", (_call, next) => next({ signal: {} as never }), /signal must be an AbortSignal/],
    ["metadata that is none", (_call, next) => next({ metadata: {} as never }), /metadata must be Metadata/],
    ["messages that are none", (_call, next) => next({ messages: [] as never }), /messages must be an async iterable/],
    ["no listener", (call, next) => (call.onEnd(undefined as never), next()), /the listener must be a function/],
  ];
  for (const [name, interceptor, text] of wrong) {
    test(`${name}: the error says what was wanted and what came, on both sides`, async () => {
      await withEcho(
        behaveAs(echo),
        async ({ client }) => assert.rejects(async () => client.unary({}), { code: Code.INTERNAL, message: text }),
        { channel: { interceptors: [interceptor] } },
      );
      await withEcho(
        behaveAs(echo),
        async ({ client, serverErrors }) => {
          await assert.rejects(async () => client.unary({}), { code: Code.UNKNOWN });
          assert.match(String(serverErrors[0]), text);
        },
        { server: { interceptors: [interceptor] } },
      );
    });
  }

  test("what is no list of functions is refused by name", () => {
    assert.throws(
      () => new Server({ interceptors: passOn as never }),
      /interceptors as it must be an array of functions/,
    );
    assert.throws(
      () => new Server({ interceptors: [5] as never }),
      /current value is an array with something else in it/,
    );
  });

  test("a listener that throws keeps nobody from hearing, and goes to onError", () => {
    const heard: string[] = [];
    const interceptor: Interceptor = (call, next) => {
      call.onEnd(() => {
        throw new Error("in a listener");
      });
      call.onEnd(({ status }) => heard.push(codeName(status.code)));
      return next();
    };
    return withEcho(
      behaveAs(echo),
      async ({ client, unobserved }) => {
        await client.unary({});
        assert.deepEqual(heard, ["OK"]);
        assert.match(String(unobserved[0]), /in a listener/);
      },
      { channel: { interceptors: [interceptor] } },
    );
  });
});

describe("sending by hand while a client's interceptor waits", () => {
  test("a wrong message throws where it is sent, and what is changed afterwards has been said already", () => {
    const go = gate();
    const waits: Interceptor = async (_call, next) => {
      await go.opened;
      return next();
    };
    return withEcho(
      behaveAs(echo),
      async ({ client }) => {
        const call = client.bidiStreaming();
        const message = { text: "as it was" };
        void call.send(message);
        message.text = "as it is now";
        assert.throws(() => void call.send({ number: "one" } as never), TypeError);
        call.closeSend();
        assert.throws(() => void call.send({}), /after closeSend/);
        go.open();
        assert.equal((await call.receive())?.text, "as it was");
        assert.equal(await call.receive(), undefined);
      },
      { channel: { interceptors: [waits] } },
    );
  });

  test("R146 sends wait for room, and without waiting end the call RESOURCE_EXHAUSTED", () => {
    const go = gate();
    const waits: Interceptor = async (_call, next) => {
      await go.opened;
      return next();
    };
    return withEcho(
      behaveAs(echo),
      async ({ client }) => {
        const payload = new Uint8Array(40_000);
        const patient = client.clientStreaming();
        const room = patient.send({ payload });
        assert.ok(room instanceof Promise);
        const hasty = client.clientStreaming();
        for (let i = 0; i < 200; i++) void hasty.send({ payload });
        assert.equal((await hasty.status).code, Code.RESOURCE_EXHAUSTED);
        go.open();
        await room;
        assert.equal((await patient.finish()).payload.length, payload.length);
      },
      { channel: { interceptors: [waits] } },
    );
  });
});

test("a failure that nobody observed goes to onError, once, and an exception as its cause", () => {
  const told = gate<unknown>();
  const refuse: Interceptor = () => Promise.reject(new Error("a bug"));
  return withEcho(
    behaveAs(echo),
    async ({ client }) => {
      client.bidiStreaming();
      const error = (await told.opened) as StatusError;
      assert.deepEqual([error.code, (error.cause as Error).message], [Code.INTERNAL, "a bug"]);
    },
    { channel: { interceptors: [refuse], onError: told.open } },
  );
});
