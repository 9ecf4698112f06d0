/**
 * What a client's calls promise, sentence by sentence: when a call is a promise, what its parts tell, and how it ends.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import {
  type CallFacts,
  type CallOptions,
  Channel,
  Code,
  type Implementation,
  Metadata,
  Server,
  StatusError,
} from "../../src/index.js";
import { withEcho } from "../support/echo-served.js";
import { Echo, type EchoMessage, type EchoMessageInit, type EchoService } from "../support/echo-service.js";
import {
  aborted,
  behaveAs,
  bytesOf,
  echo,
  ECHO_WAYS,
  type EchoBehaviour,
  type EchoWay,
  gate,
  openRequests,
  outcomeOf,
} from "../support/echo-ways.js";

const rejections: unknown[] = [];
const noteRejection = (reason: unknown): void => void rejections.push(reason);
before(() => process.on("unhandledRejection", noteRejection));
after(() => {
  process.off("unhandledRejection", noteRejection);
  assert.deepEqual(rejections, []);
});

/** Long enough for whatever is reported late to have been reported. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Fails when `promise` takes longer than it ever should. */
async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const failing: EchoBehaviour = async function* (_requests, call) {
  call.trailers.set("x-why", "because");
  throw new StatusError(Code.NOT_FOUND, "no such thing");
};

function isNotFound(error: unknown): boolean {
  return error instanceof StatusError && error.code === Code.NOT_FOUND;
}

/** Sends `count` messages, then ends as `end` says. */
function sending(count: number, end?: StatusError): EchoBehaviour {
  return async function* () {
    for (let number = 0; number < count; number++) yield { number };
    if (end !== undefined) throw end;
  };
}

/** Resolves when everything the server had sent for calls that are over has been received. */
async function roundTrip(client: { unary(message: EchoMessageInit): Promise<unknown> }): Promise<void> {
  await client.unary({ text: "round trip" }).catch(() => undefined);
}

/** How a call begins that cannot begin: by a throw or by a rejection. */
async function startError(start: () => unknown): Promise<unknown> {
  try {
    await (start() as PromiseLike<unknown>);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("a call is a promise", () => {
  test("where one message comes back and nothing is left to send, with then, catch and finally", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      for (const call of [client.unary({ text: "a" }), client.clientStreaming([{ text: "a" }])]) {
        assert.ok(call instanceof Promise);
        const steps: string[] = [];
        const message = await call.then((answer) => {
          steps.push("then");
          return answer;
        });
        await call.finally(() => steps.push("finally"));
        assert.equal(await call.catch(() => assert.fail("it did not fail")), message);
        assert.equal(message.text, "a");
        assert.deepEqual(steps, ["then", "finally"]);
        const [first, second] = await Promise.all([call, call]);
        assert.equal(first, second);
      }
    }));

  test("whose catch and finally work when it fails", () =>
    withEcho(behaveAs(failing), async ({ client, unobserved }) => {
      for (const call of [client.unary({}), client.clientStreaming([])]) {
        assert.ok(isNotFound(await call.catch((error: unknown) => error)));
        let finished = false;
        await assert.rejects(
          call.finally(() => (finished = true)),
          isNotFound,
        );
        assert.equal(finished, true);
        assert.deepEqual(
          (await Promise.allSettled([call])).map(({ status }) => status),
          ["rejected"],
        );
      }
      await settle();
      assert.deepEqual(unobserved, []);
    }));

  test("whose then gives an ordinary promise", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      const derived = client.unary({}).then(() => 1);
      assert.equal(derived.constructor, Promise);
      assert.equal("cancel" in derived, false);
      assert.equal(await derived, 1);
    }));

  test("and nowhere else: the others have no then, so returning one from an async function does not await it", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      const calls = {
        serverStreaming: () => client.serverStreaming({ text: "a" }),
        clientStreaming: () => client.clientStreaming(),
        bidi: () => client.bidiStreaming(),
        bidiWithRequests: () => client.bidiStreaming([{ text: "a" }]),
      };
      for (const [name, start] of Object.entries(calls)) {
        const returned: CallFacts = await (async () => start())();
        assert.equal("then" in returned, false, name);
        assert.equal(typeof returned.cancel, "function", name);
        returned.cancel();
      }
    }));
});

describe("a call starts", () => {
  test("when the method is called, whoever awaits it", () => {
    const began: string[] = [];
    const allBegan = gate();
    const behaviour: EchoBehaviour = async function* (_requests, call) {
      began.push(call.method.localName);
      if (began.length === 4) allBegan.open();
      yield {};
    };
    return withEcho(behaveAs(behaviour), async ({ client }) => {
      void client.unary({});
      client.serverStreaming({});
      void client.clientStreaming([]);
      client.bidiStreaming([]);
      await allBegan.opened;
      assert.deepEqual(began.toSorted(), ["bidiStreaming", "clientStreaming", "serverStreaming", "unary"]);
    });
  });

  test("R148 R146 without waiting for a message: the server may answer first", () =>
    withEcho(
      behaveAs(async function* () {
        yield { text: "first word" };
      }),
      async ({ client }) => {
        const chat = client.bidiStreaming();
        assert.equal((await chat.receive())?.text, "first word");
        const upload = client.clientStreaming();
        assert.equal((await upload.status).code, Code.OK);
        assert.equal((await upload.finish()).text, "first word");
      },
    ));

  test("R147 R146 both directions are free of each other: ping-pong, and answers after the half-close", () =>
    withEcho(
      behaveAs(async function* (requests) {
        for await (const { text } of requests) yield { text: text.toUpperCase() };
        for (let number = 1; number <= 3; number++) yield { number };
      }),
      async ({ client }) => {
        const chat = client.bidiStreaming();
        for (const text of ["a", "b", "c"]) {
          await chat.send({ text });
          assert.equal((await chat.receive())?.text, text.toUpperCase());
        }
        chat.closeSend();
        const rest: number[] = [];
        for await (const { number } of chat) rest.push(number);
        assert.deepEqual(rest, [1, 2, 3]);
      },
    ));

  test("not, when its options are wrong: a TypeError names the option and the nearest one", () =>
    withEcho(behaveAs(echo), async ({ client, ended }) => {
      const wrong: [object, RegExp][] = [
        [{ timeoutMS: 5 }, /"timeoutMS".*did you mean "timeoutMs"/],
        [{ timeoutMs: Number.NaN }, /timeoutMs must be/],
        [{ timeoutMs: "5" }, /timeoutMs must be/],
        [{ deadline: new Date(Number.NaN) }, /deadline must be/],
        [{ deadline: 5 }, /deadline must be/],
      ];
      for (const way of ECHO_WAYS) {
        for (const [options, text] of wrong) {
          const error = await startError(() => way.start(client, [{}], options).facts);
          assert.ok(error instanceof TypeError, `${way.name}: ${String(error)}`);
          assert.match(error.message, text);
        }
      }
      await roundTrip(client);
      assert.equal(ended.length, 1, "none of them was sent");
    }));

  test("R31 R32 R35 not, when its metadata cannot be sent: a TypeError, and the connection goes on", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      await roundTrip(client);
      const wrong: object[] = [
        { "bad name": "x" },
        { "": "x" },
        { ünicode: "x" },
        { "x-text": "ünicode" },
        { "x-text": "line\nbreak" },
        { "x-bytes-bin": "text" },
        { "x-text": Uint8Array.of(1) },
        { "grpc-status": "0" },
        { "grpc-timeout": "1S" },
        { ":path": "/" },
        { te: "gzip" },
        { "content-type": "text/html" },
      ];
      for (const way of ECHO_WAYS) {
        for (const metadata of wrong) {
          const error = await startError(() => way.start(client, [{}], { metadata } as CallOptions).facts);
          assert.ok(error instanceof TypeError, `${way.name} ${JSON.stringify(metadata)}: ${String(error)}`);
        }
      }
      assert.equal((await client.unary({ text: "still here" })).text, "still here");
    }));

  test("not, when what it is given has the wrong shape", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      const wrong: Record<string, () => unknown> = {
        "a message instead of many": () => client.clientStreaming({ text: "a" } as CallOptions),
        "a message instead of many, bidi": () => client.bidiStreaming({ text: "a" } as CallOptions),
        "a message and options": () => client.clientStreaming({ text: "a" } as never, { timeoutMs: 5 }),
        "no message": () => client.unary(undefined as never),
        "no message, streaming": () => client.serverStreaming(undefined as never),
      };
      for (const [name, start] of Object.entries(wrong)) {
        const error = await startError(start);
        assert.ok(error instanceof TypeError, `${name}: ${String(error)}`);
      }
    }));
});

for (const way of ECHO_WAYS) {
  describe(`${way.name}: headers, trailers and status`, () => {
    test("never reject, and are the same promises every time", () =>
      withEcho(behaveAs(failing), async ({ client }) => {
        const { facts, collect } = way.start(client, [{}]);
        const { headers, trailers, status } = facts;
        assert.equal((await headers).size, 0);
        assert.equal((await status).code, Code.NOT_FOUND);
        assert.equal((await trailers).get("x-why"), "because");
        assert.deepEqual([facts.headers, facts.trailers, facts.status], [headers, trailers, status]);
        assert.equal(facts.headers, headers);
        assert.equal(facts.trailers, trailers);
        assert.equal(facts.status, status);
        await assert.rejects(collect([]), isNotFound);
      }));

    test("may be asked for after the end", () =>
      withEcho(
        behaveAs(async function* (requests, call) {
          call.headers.set("x-a", "1");
          call.trailers.set("x-b", "2");
          yield* echo(requests);
        }),
        async ({ client }) => {
          const { facts, collect } = way.start(client, [{}]);
          await collect([]);
          await settle();
          assert.equal((await facts.headers).get("x-a"), "1");
          assert.equal((await facts.trailers).get("x-b"), "2");
          assert.equal((await facts.status).code, Code.OK);
        },
      ));

    test("tell of a call that never reached a server", async () => {
      const channel = new Channel("127.0.0.1:1");
      const { facts, collect } = way.start(channel.client(Echo), [{}]);
      const status = await facts.status;
      assert.equal(status.code, Code.UNAVAILABLE);
      assert.deepEqual([(await facts.headers).size, (await facts.trailers).size], [0, 0]);
      await assert.rejects(collect([]), (error) => error instanceof StatusError && error.code === Code.UNAVAILABLE);
      await channel.close();
    });
  });

  describe(`${way.name}: a failure`, () => {
    test("is a StatusError that carries the trailers", () =>
      withEcho(behaveAs(failing), async ({ client }) => {
        await assert.rejects(way.start(client, [{}]).collect([]), (error) => {
          assert.ok(error instanceof StatusError && error instanceof Error);
          assert.equal(error.code, Code.NOT_FOUND);
          assert.equal(error.rawMessage, "no such thing");
          assert.match(error.message, /^NOT_FOUND: no such thing/);
          assert.equal(error.origin, "remote");
          assert.ok(error.trailers instanceof Metadata);
          assert.equal(error.trailers.get("x-why"), "because");
          return true;
        });
      }));

    test("that somebody heard of is not reported to onError", () =>
      withEcho(behaveAs(failing), async ({ client, unobserved }) => {
        await outcomeOf(way.start(client, [{}]));
        await way.start(client, [{}]).facts.status;
        await settle();
        assert.deepEqual(unobserved, []);
      }));

    test("by cancel() or the call's own signal is not reported to onError", () =>
      withEcho(behaveAs(echo), async ({ client, unobserved }) => {
        const controller = new AbortController();
        startUnobserved(client, way.name, { signal: controller.signal });
        controller.abort();
        startUnobserved(client, way.name).cancel();
        await roundTrip(client);
        await settle();
        assert.deepEqual(unobserved, []);
      }));
  });
}

/** A call that nobody looks at: `outcomeOf` and the like would. */
function startUnobserved(
  client: ReturnType<Channel["client"]> extends never ? never : ReturnType<typeof echoClient>,
  way: string,
  options: CallOptions = {},
): CallFacts {
  if (way === "unary") return client.unary({}, options);
  if (way === "server streaming") return client.serverStreaming({}, options);
  if (way === "client streaming") return client.clientStreaming([{}], options);
  if (way === "client streaming by hand") return client.clientStreaming(options);
  if (way === "bidi streaming") return client.bidiStreaming([{}], options);
  return client.bidiStreaming(options);
}

function echoClient(channel: Channel): ReturnType<typeof channel.client<EchoService>> {
  return channel.client(Echo);
}

describe("a call that nobody looks at", () => {
  const ignoring: Record<string, (facts: CallFacts) => unknown> = {
    "is dropped": () => undefined,
    "is asked for its headers only": (facts) => facts.headers,
    "is asked for its trailers only": (facts) => facts.trailers,
  };
  for (const { name: way } of ECHO_WAYS) {
    for (const [name, ignore] of Object.entries(ignoring)) {
      test(`${way}: that fails and ${name} goes to the channel's onError exactly once, and raises nothing`, () => {
        const heard: [unknown, string][] = [];
        return withEcho(
          behaveAs(failing),
          async ({ client, callsEnded }) => {
            ignore(startUnobserved(client, way));
            await callsEnded(1);
            await roundTrip(client);
            await settle();
            assert.equal(heard.length, 1);
            const [error, path] = heard[0] as [unknown, string];
            assert.ok(isNotFound(error));
            assert.match(path, /^\/barewire\.test\.Echo\//);
            assert.deepEqual(rejections, []);
          },
          { channel: { onError: (error, path) => heard.push([error, path]) } },
        );
      });
    }

    test(`${way}: that goes well goes to nobody`, () =>
      withEcho(
        behaveAs(async function* () {
          yield {};
        }),
        async ({ client, callsEnded, unobserved }) => {
          startUnobserved(client, way);
          await callsEnded(1);
          await roundTrip(client);
          await settle();
          assert.deepEqual(unobserved, []);
        },
      ));

    test(`${way}: that cannot connect goes to onError once`, async () => {
      const heard: unknown[] = [];
      const told = gate();
      const channel = new Channel("127.0.0.1:1", {
        onError: (error) => {
          heard.push(error);
          told.open();
        },
      });
      startUnobserved(channel.client(Echo), way);
      await told.opened;
      await settle();
      assert.equal(heard.length, 1);
      assert.ok(heard[0] instanceof StatusError && heard[0].code === Code.UNAVAILABLE);
      await channel.close();
    });
  }

  test("does no harm when onError itself throws", () =>
    withEcho(
      behaveAs(failing),
      async ({ client, callsEnded }) => {
        const written: string[] = [];
        const { write } = process.stderr;
        process.stderr.write = ((text: string) => written.push(text)) as unknown as typeof write;
        try {
          client.serverStreaming({});
          await callsEnded(1);
          await roundTrip(client);
          await settle();
        } finally {
          process.stderr.write = write;
        }
        assert.match(written.join(""), /onError is broken/);
      },
      {
        channel: {
          onError: () => {
            throw new Error("onError is broken");
          },
        },
      },
    ));

  test("is told on stderr by default, in one line and the stack", () =>
    withEcho(behaveAs(failing), async ({ port, callsEnded }) => {
      const channel = new Channel(`127.0.0.1:${port}`);
      const written: string[] = [];
      const { write } = process.stderr;
      process.stderr.write = ((text: string) => written.push(text)) as unknown as typeof write;
      try {
        channel.client(Echo).serverStreaming({});
        await callsEnded(1);
        await roundTrip(channel.client(Echo));
        await settle();
      } finally {
        process.stderr.write = write;
      }
      assert.equal(written.length, 1);
      assert.match(
        written[0] as string,
        /^barewire: \/barewire\.test\.Echo\/ServerStreaming .*NOT_FOUND: no such thing/,
      );
      await channel.close();
    }));
});

describe("the messages of a call", () => {
  const lost = new StatusError(Code.DATA_LOSS, "the rest is gone");

  test("R78 all come before the error, however late they are read", () =>
    withEcho(behaveAs(sending(50, lost)), async ({ client, callsEnded }) => {
      for (const call of [client.serverStreaming({}), client.bidiStreaming([])]) {
        const before = performance.now();
        await callsEnded(1);
        await roundTrip(client);
        assert.ok(performance.now() > before);
        const numbers: number[] = [];
        await assert.rejects(async () => {
          for await (const { number } of call) numbers.push(number);
        }, /DATA_LOSS: the rest is gone/);
        assert.deepEqual(
          numbers,
          Array.from({ length: 50 }, (_, index) => index),
        );
      }
    }));

  test("R78 the status is told after the last of them", () =>
    withEcho(behaveAs(sending(3)), async ({ client, callsEnded }) => {
      const call = client.serverStreaming({});
      let told = false;
      void call.status.then(() => (told = true));
      await callsEnded(1);
      await roundTrip(client);
      await settle();
      for (const number of [0, 1, 2]) {
        assert.equal(told, false);
        assert.equal((await call.receive())?.number, number);
      }
      assert.equal((await call.status).code, Code.OK);
    }));

  test("receive() gives undefined after the last, as often as it is asked", () =>
    withEcho(behaveAs(sending(1)), async ({ client }) => {
      const call = client.serverStreaming({});
      assert.equal((await call.receive())?.number, 0);
      assert.equal(await call.receive(), undefined);
      assert.equal(await call.receive(), undefined);
    }));

  test("receive() throws the error as often as it is asked", () =>
    withEcho(behaveAs(sending(1, lost)), async ({ client }) => {
      const call = client.bidiStreaming();
      assert.equal((await call.receive())?.number, 0);
      await assert.rejects(call.receive(), /DATA_LOSS/);
      await assert.rejects(call.receive(), /DATA_LOSS/);
    }));

  test("receive() asked several times at once gives them in order", () =>
    withEcho(behaveAs(sending(3)), async ({ client }) => {
      const call = client.serverStreaming({});
      const received = await Promise.all([call.receive(), call.receive(), call.receive(), call.receive()]);
      assert.deepEqual(
        received.map((message) => message?.number),
        [0, 1, 2, undefined],
      );
    }));

  test("are iterated once: a second time is a TypeError that names the method", () =>
    withEcho(behaveAs(sending(2)), async ({ client }) => {
      for (const call of [client.serverStreaming({}), client.bidiStreaming([])]) {
        for await (const _ of call);
        await assert.rejects(
          async () => {
            for await (const _ of call);
          },
          (error) => error instanceof TypeError && /second time/.test(error.message) && /Echo\//.test(error.message),
        );
      }
    }));

  test("belong to whoever received them: reading on does not change them", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      const call = client.bidiStreaming(
        Array.from({ length: 200 }, (_, number) => ({ number, payload: bytesOf(50 + number) })),
      );
      const kept: EchoMessage[] = [];
      for await (const message of call) kept.push(message);
      assert.equal(kept.length, 200);
      for (const [number, message] of kept.entries()) {
        assert.equal(message.number, number);
        assert.ok(Buffer.from(message.payload).equals(bytesOf(50 + number)));
      }
    }));
});

describe("leaving the loop", () => {
  const leaving: Record<string, (call: AsyncIterable<EchoMessage>) => Promise<void>> = {
    break: async (call) => {
      for await (const _ of call) break;
    },
    return: async (call) => {
      for await (const _ of call) return;
    },
    throw: async (call) => {
      await assert.rejects(async () => {
        for await (const _ of call) throw new Error("out of the loop");
      }, /out of the loop/);
    },
  };
  for (const [name, leave] of Object.entries(leaving)) {
    for (const kind of ["serverStreaming", "bidiStreaming"] as const) {
      test(`R108 R112 ${kind}: by ${name} cancels the call`, () => {
        const told = gate<unknown>();
        const behaviour: EchoBehaviour = async function* (_requests, call) {
          yield { number: 0 };
          told.open(await aborted(call.signal));
        };
        return withEcho(
          behaveAs(behaviour),
          async ({ client, unobserved, observer, callsEnded }) => {
            const call = kind === "serverStreaming" ? client.serverStreaming({}) : client.bidiStreaming(openRequests());
            await leave(call);
            assert.equal((await call.status).code, Code.CANCELLED);
            const reason = await told.opened;
            assert.ok(reason instanceof StatusError && reason.code === Code.CANCELLED);
            await callsEnded(1);
            const resets = observer.conversation.frames("fromClient").filter((frame) => frame.type === "RST_STREAM");
            assert.deepEqual(
              resets.map((frame) => frame.payload.readUInt32BE(0)),
              [8],
            );
            await settle();
            assert.deepEqual(unobserved, []);
          },
          { observed: true },
        );
      });

      test(`${kind}: by ${name} when the status has arrived changes nothing: the call was OK`, () =>
        withEcho(behaveAs(sending(3)), async ({ client, callsEnded, ended }) => {
          const call = kind === "serverStreaming" ? client.serverStreaming({}) : client.bidiStreaming([]);
          await callsEnded(1);
          await roundTrip(client);
          await leave(call);
          assert.deepEqual(await call.status, { code: Code.OK, message: "" });
          assert.equal(ended[0]?.code, Code.OK);
        }));
    }
  }

  test("R111 but cancel() wins over a status that has arrived and was not told yet", () =>
    withEcho(behaveAs(sending(3)), async ({ client, callsEnded }) => {
      const call = client.serverStreaming({});
      await callsEnded(1);
      await roundTrip(client);
      assert.equal((await call.receive())?.number, 0);
      call.cancel();
      await assert.rejects(call.receive(), /CANCELLED/);
      assert.equal((await call.status).code, Code.CANCELLED);
    }));
});

describe("an iterable of requests", () => {
  test("that the call does not need any more gets return(): a generator", () => {
    const returned = gate();
    function* endless(): Generator<EchoMessageInit> {
      try {
        for (let number = 0; ; number++) yield { number, payload: bytesOf(10_000) };
      } finally {
        returned.open();
      }
    }
    return withEcho(behaveAs(failing), async ({ client }) => {
      await assert.rejects(client.clientStreaming(endless()), isNotFound);
      await returned.opened;
    });
  });

  test("that the call does not need any more gets return(): an async generator", () => {
    const returned = gate();
    async function* endless(): AsyncGenerator<EchoMessageInit> {
      try {
        for (let number = 0; ; number++) {
          yield { number };
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        returned.open();
      }
    }
    return withEcho(behaveAs(failing), async ({ client }) => {
      const call = client.bidiStreaming(endless());
      await assert.rejects(call.receive(), isNotFound);
      await returned.opened;
    });
  });

  const ends: Record<string, (call: CallFacts) => void> = {
    "is cancelled": (call) => call.cancel(),
    "is failed by the server": () => undefined,
  };
  for (const [name, end] of Object.entries(ends)) {
    test(`gets return() at once when the call ${name}, also while its next() is blocked`, () => {
      const events: string[] = [];
      const asked = gate();
      const returned = gate();
      const blocked: AsyncIterable<EchoMessageInit> = {
        [Symbol.asyncIterator]: () => ({
          next() {
            events.push("next");
            asked.open();
            return new Promise(() => undefined);
          },
          return() {
            events.push("return");
            returned.open();
            return new Promise(() => undefined);
          },
        }),
      };
      const behaviour: EchoBehaviour = async function* (_requests, call) {
        await asked.opened;
        if (name === "is cancelled") await aborted(call.signal);
        throw new StatusError(Code.NOT_FOUND, "");
      };
      return withEcho(behaveAs(behaviour), async ({ client }) => {
        const call = client.clientStreaming(blocked);
        await asked.opened;
        end(call);
        await assert.rejects(call);
        await returned.opened;
        assert.deepEqual(events, ["next", "return"]);
      });
    });
  }

  test("an async generator blocked in await is over once what it awaits comes; nothing of it is sent", () => {
    const blockedAt = gate();
    const release = gate();
    const done = gate<string>();
    async function* requests(): AsyncGenerator<EchoMessageInit> {
      let last = "entered";
      try {
        yield { text: "one" };
        blockedAt.open();
        await release.opened;
        last = "resumed";
        yield { text: "two" };
        last = "went on";
      } finally {
        done.open(last);
      }
    }
    const behaviour: EchoBehaviour = async function* () {
      await blockedAt.opened;
      yield { text: "done" };
    };
    return withEcho(behaveAs(behaviour), async ({ client, ended, callsEnded }) => {
      assert.equal((await client.clientStreaming(requests())).text, "done");
      release.open();
      assert.equal(await done.opened, "resumed");
      await callsEnded(1);
      assert.ok((ended[0]?.received ?? 0) <= 1);
    });
  });

  test("that throws ends the call, and the server never takes its requests for complete", () => {
    const read = gate();
    const seen = gate<{ readonly count: number; readonly complete: boolean }>();
    const behaviour: EchoBehaviour = async function* (requests) {
      let count = 0;
      let complete = false;
      try {
        for await (const _ of requests) {
          count++;
          read.open();
        }
        complete = true;
      } finally {
        seen.open({ count, complete });
      }
    };
    const broken = new Error("the source is broken");
    async function* requests(): AsyncGenerator<EchoMessageInit> {
      yield { number: 1 };
      await read.opened;
      throw broken;
    }
    return withEcho(behaveAs(behaviour), async ({ client }) => {
      await assert.rejects(client.clientStreaming(requests()), (error) => {
        assert.ok(error instanceof StatusError);
        assert.equal(error.origin, "local");
        assert.equal(error.cause, broken);
        assert.match(error.rawMessage, /the source is broken/);
        return true;
      });
      assert.deepEqual(await seen.opened, { count: 1, complete: false });
    });
  });

  test("that throws a StatusError ends the call with it", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      const mine = new StatusError(Code.ABORTED, "changed my mind");
      function* requests(): Generator<EchoMessageInit> {
        yield {};
        throw mine;
      }
      await assert.rejects(client.clientStreaming(requests()), (error) => error === mine);
      const call = client.bidiStreaming(requests());
      await assert.rejects(call.receive(), (error) => error === mine);
      assert.deepEqual(await call.status, { code: Code.ABORTED, message: "changed my mind" });
    }));

  test("with a wrong message fails the call, and the cause names the path", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      await assert.rejects(client.clientStreaming([{ text: "good" }, { text: 5 as never }]), (error) => {
        assert.ok(error instanceof StatusError);
        assert.ok(error.cause instanceof TypeError);
        assert.match(error.cause.message, /text/);
        return true;
      });
    }));

  test("may be any iterable: an array, a Set, a generator, a Readable", () =>
    withEcho(
      behaveAs(async function* (requests) {
        let text = "";
        for await (const message of requests) text += message.text;
        yield { text };
      }),
      async ({ client }) => {
        const { Readable } = await import("node:stream");
        const messages = [{ text: "a" }, { text: "b" }, { text: "c" }];
        const sources = [messages, new Set(messages), messages.values(), Readable.from(messages)];
        for (const source of sources) {
          assert.equal((await client.clientStreaming(source)).text, "abc");
          assert.equal((await client.clientStreaming(source, {})).text.length <= 3, true);
        }
      },
    ));

  test("leaves no sending by hand", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      const call = client.bidiStreaming([{ text: "a" }]);
      assert.throws(() => call.send({ text: "b" }), /iterable/);
      assert.throws(() => call.closeSend(), /iterable/);
      assert.equal((await call.receive())?.text, "a");
      assert.equal(await call.receive(), undefined);
    }));
});

describe("send()", () => {
  test("encodes before it returns: the object may be changed afterwards", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      const call = client.bidiStreaming();
      const payload = bytesOf(40_000);
      const message = { text: "as it was", payload };
      for (let count = 0; count < 3; count++) {
        message.text = `as it was ${count}`;
        payload.fill(count);
        void call.send(message);
        message.text = "changed";
        payload.fill(99);
      }
      call.closeSend();
      for (let count = 0; count < 3; count++) {
        const received = await call.receive();
        assert.equal(received?.text, `as it was ${count}`);
        assert.ok(received.payload.every((byte) => byte === count));
      }
      assert.equal(await call.receive(), undefined);
    }));

  test("R143 returns nothing while there is room, else a promise that waits for the reader", () => {
    const release = gate();
    let taken = 0;
    const behaviour: EchoBehaviour = async function* (requests) {
      await release.opened;
      for await (const _ of requests) taken++;
      yield { number: taken };
    };
    return withEcho(
      behaveAs(behaviour),
      async ({ client }) => {
        const call = client.clientStreaming();
        assert.equal(call.send({ text: "small" }), undefined);
        const payload = bytesOf(16_384);
        let sent = 1;
        let room: Promise<void> | undefined;
        while (sent < 1000 && (room = call.send({ payload })) === undefined) {
          sent++;
          await settle();
        }
        assert.ok(room instanceof Promise, `there was still room after ${sent} messages`);
        sent++;
        assert.ok(sent * 16_384 < 2 * 1024 * 1024, `${sent} messages are in flight`);
        let open = false;
        void room.then(() => (open = true));
        await settle();
        assert.equal(open, false);
        release.open();
        await room;
        assert.equal((await call.finish()).number, sent);
      },
      {},
    );
  });

  test("of a wrong message throws a TypeError that names the path, and the call stays usable", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      const call = client.bidiStreaming();
      void call.send({ text: "before" });
      const wrong: [unknown, RegExp][] = [
        [{ text: 5 }, /text/],
        [{ number: "many" }, /number/],
        [{ number: 2 ** 31 }, /number/],
        [{ payload: [1, 2] }, /payload/],
        [undefined, /EchoMessage/],
        ["text", /EchoMessage/],
      ];
      for (const [message, path] of wrong) {
        assert.throws(
          () => call.send(message as never),
          (error) => error instanceof TypeError && path.test(error.message),
        );
      }
      void call.send({ text: "after" });
      call.closeSend();
      const texts: string[] = [];
      for await (const { text } of call) texts.push(text);
      assert.deepEqual(texts, ["before", "after"]);
      assert.equal((await call.status).code, Code.OK);
    }));

  test("after closeSend() or finish() throws", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      const chat = client.bidiStreaming();
      chat.closeSend();
      chat.closeSend();
      assert.throws(() => chat.send({}), /closeSend/);
      assert.equal(await chat.receive(), undefined);
      const upload = client.clientStreaming();
      await upload.send({ text: "one" });
      const answer = upload.finish();
      assert.throws(() => upload.send({}), /closeSend/);
      assert.equal((await answer).text, "one");
      assert.equal(await upload.finish(), await answer);
    }));

  test("after the call has ended does nothing; the reason is in the status", () =>
    withEcho(behaveAs(failing), async ({ client }) => {
      for (const call of [client.bidiStreaming(), client.clientStreaming()]) {
        assert.equal((await call.status).code, Code.NOT_FOUND);
        assert.equal(call.send({ text: "too late" }), undefined);
        assert.equal(call.send({ text: "too late" }), undefined);
        call.closeSend();
        assert.equal((await call.status).message, "no such thing");
      }
    }));

  test("that waits for room is let go when the call ends", () => {
    const behaviour: EchoBehaviour = async function* (_requests, call) {
      await aborted(call.signal);
    };
    return withEcho(behaveAs(behaviour), async ({ client }) => {
      const call = client.bidiStreaming();
      let room: Promise<void> | undefined;
      for (let count = 0; count < 1000 && room === undefined; count++) {
        room = call.send({ payload: bytesOf(16_384) });
        await settle();
      }
      assert.ok(room instanceof Promise);
      call.cancel();
      await room;
      assert.equal((await call.status).code, Code.CANCELLED);
    });
  });

  for (const [name, options, bytes] of [
    ["4 MiB", {}, 4 * 1024 * 1024],
    ["the limit that is set", { maxQueuedBytes: 100_000 }, 100_000],
  ] as const) {
    test(`never awaited: more than ${name} waiting fails the call RESOURCE_EXHAUSTED`, () => {
      const behaviour: EchoBehaviour = async function* (_requests, call) {
        await aborted(call.signal);
      };
      return withEcho(
        behaveAs(behaviour),
        async ({ client }) => {
          for (const connected of [false, true]) {
            const call = client.clientStreaming();
            if (connected) await settle();
            const payload = bytesOf(10_000);
            let sent = 0;
            for (; sent < (bytes + 1_000_000) / payload.length; sent++) void call.send({ payload });
            const status = await call.status;
            assert.equal(status.code, Code.RESOURCE_EXHAUSTED);
            assert.match(status.message, /await what send\(\) returns/);
            await assert.rejects(call.finish(), /RESOURCE_EXHAUSTED/);
          }
        },
        { channel: options },
      );
    });
  }

  test("R132 R136 the one request or an iterable's over the send limit: promise, messages and status say RESOURCE_EXHAUSTED", () =>
    withEcho(
      behaveAs(echo),
      async ({ client, unobserved }) => {
        const big = { payload: bytesOf(2000) };
        const calls = {
          unary: client.unary(big),
          serverStreaming: client.serverStreaming(big),
          clientStreaming: client.clientStreaming([{}, big]),
          bidiStreaming: client.bidiStreaming([{}, big]),
        };
        const exhausted = (error: unknown): boolean =>
          error instanceof StatusError && error.code === Code.RESOURCE_EXHAUSTED && error.origin === "local";
        for (const [kind, call] of Object.entries(calls)) {
          if (call instanceof Promise) await assert.rejects(call, exhausted, kind);
          else await assert.rejects(call.receive(), exhausted, kind);
          assert.equal((await call.status).code, Code.RESOURCE_EXHAUSTED, kind);
        }
        assert.equal((await client.unary({ text: "next" })).text, "next");
        assert.deepEqual(unobserved, []);
      },
      { channel: { maxSendBytes: 1000 } },
    ));

  test("R132 of a message over the send limit throws RESOURCE_EXHAUSTED, and it is not sent", () =>
    withEcho(
      behaveAs(echo),
      async ({ client, ended }) => {
        const call = client.bidiStreaming();
        assert.throws(
          () => call.send({ payload: bytesOf(2000) }),
          (error) => error instanceof StatusError && error.code === Code.RESOURCE_EXHAUSTED,
        );
        await call.send({ payload: bytesOf(900) });
        call.closeSend();
        assert.equal((await call.receive())?.payload.length, 900);
        assert.equal(await call.receive(), undefined);
        await assert.rejects(client.unary({ payload: bytesOf(2000) }), /RESOURCE_EXHAUSTED/);
        await settle();
        assert.equal(ended.length, 1);
      },
      { channel: { maxSendBytes: 1000 } },
    ));
});

describe("Channel", () => {
  test("takes plaintext as meant for this machine only", async () => {
    const local = [
      "localhost:1",
      "LOCALHOST:1",
      "a.localhost:1",
      "127.0.0.1:1",
      "127.8.9.10:1",
      "[::1]:1",
      "unix:/tmp/x",
    ];
    for (const target of local) await new Channel(target).close();
    const elsewhere = [
      "example.com:443",
      "10.0.0.1:1",
      "192.168.1.1:1",
      "0.0.0.0:1",
      "[::]:1",
      "[fe80::1]:1",
      "localhost.example.com:1",
      "127.0.0.1.example.com:1",
      "example.com",
    ];
    for (const target of elsewhere) {
      assert.throws(
        () => new Channel(target),
        (error) => {
          assert.ok(error instanceof TypeError);
          assert.ok(error.message.includes(target), error.message);
          assert.match(error.message, /tls: false/);
          assert.match(error.message, /TLS|tls: true/);
          return true;
        },
      );
      await new Channel(target, { tls: false }).close();
    }
  });

  test("refuses what is no target and what is no option", () => {
    for (const target of [
      "",
      "host:port",
      "localhost:99999",
      "a b:1",
      "unix:",
      "http://localhost:1",
      "::1",
      5 as never,
    ]) {
      assert.throws(() => new Channel(target), TypeError, String(target));
    }
    assert.throws(() => new Channel("localhost:1", { maxRecieveBytes: 5 } as object), /did you mean "maxReceiveBytes"/);
    assert.throws(() => new Channel("localhost:1", { maxReceiveBytes: -1 }), TypeError);
    assert.throws(() => new Channel("localhost:1", { maxReceiveBytes: "5" as never }), TypeError);
    for (const authority of ["", "a b", "a\nb", "\u00e4", 5 as never, null as never]) {
      assert.throws(() => new Channel("localhost:1", { authority }), {
        name: "TypeError",
        message: /option authority/,
      });
    }
  });

  test("R200 R206 R207 connects nothing before the first call, which waits for the connection; the next ones share it", () =>
    withEcho(
      behaveAs(echo),
      async ({ client, observer }) => {
        await settle();
        assert.equal(observer.conversations.length, 0);
        const calls = Array.from({ length: 10 }, (_, number) => client.unary({ number }));
        const answers = await Promise.all(calls);
        assert.deepEqual(
          answers.map(({ number }) => number),
          [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        );
        assert.equal(observer.conversations.length, 1);
      },
      { observed: true },
    ));

  test("R209 R136 a refused connection fails the call UNAVAILABLE, and the text says where and why", async () => {
    const closed = createServer();
    closed.listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, "close");
    const channel = new Channel(`127.0.0.1:${port}`);
    await assert.rejects(channel.client(Echo).unary({}), (error) => {
      assert.ok(error instanceof StatusError);
      assert.equal(error.code, Code.UNAVAILABLE);
      assert.equal(error.origin, "local");
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}`));
      assert.match(error.message, /ECONNREFUSED/);
      return true;
    });
    await channel.close();
  });

  describe("while it is connecting", () => {
    interface Silence {
      readonly target: string;
      readonly accepted: Promise<unknown>;
      /** Closes the connections from the other end. */
      hangUp(): void;
    }

    /** Accepts connections, says nothing and does not even read. */
    async function withSilence(use: (silence: Silence) => Promise<void>): Promise<void> {
      const sockets = new Set<Socket>();
      const listener = createServer({ pauseOnConnect: true }, (socket) => {
        sockets.add(socket);
        socket.on("error", () => undefined);
      });
      listener.listen(0, "127.0.0.1");
      await once(listener, "listening");
      const accepted = once(listener, "connection");
      const hangUp = (): void => {
        for (const socket of sockets) socket.destroy();
      };
      try {
        const { port } = listener.address() as AddressInfo;
        await use({ target: `127.0.0.1:${port}`, accepted, hangUp });
      } finally {
        hangUp();
        listener.close();
        await once(listener, "close");
      }
    }

    for (const way of ECHO_WAYS) {
      test(`R99 ${way.name}: the deadline counts`, () =>
        withSilence(async ({ target, hangUp }) => {
          const channel = new Channel(target);
          const outcome = await outcomeOf(way.start(channel.client(Echo), [{}], { timeoutMs: 60 }));
          assert.equal(outcome.status.code, Code.DEADLINE_EXCEEDED);
          assert.match(outcome.status.message, /60 ms/);
          hangUp();
          await channel.destroy();
        }));

      test(`R110 ${way.name}: cancel() works at once`, () =>
        withSilence(async ({ target, accepted, hangUp }) => {
          const channel = new Channel(target);
          const started = way.start(channel.client(Echo), [{}]);
          const outcome = outcomeOf(started);
          await accepted;
          started.facts.cancel();
          assert.equal((await outcome).status.code, Code.CANCELLED);
          hangUp();
          await channel.destroy();
        }));

      test(`R204 ${way.name}: closing the channel fails it UNAVAILABLE`, () =>
        withSilence(async ({ target, accepted, hangUp }) => {
          const channel = new Channel(target);
          const outcome = outcomeOf(way.start(channel.client(Echo), [{}]));
          await accepted;
          const closed = channel.close();
          assert.equal((await outcome).status.code, Code.UNAVAILABLE);
          hangUp();
          await closed;
        }));
    }

    for (const method of ["close", "destroy"] as const) {
      test(`${method}() of the channel resolves although the server never closes its side`, () =>
        withSilence(async ({ target, accepted }) => {
          const channel = new Channel(target);
          const call = outcomeOf((ECHO_WAYS[0] as EchoWay).start(channel.client(Echo), [{}]));
          await accepted;
          await settle();
          await within(3000, `channel.${method}()`, channel[method]());
          assert.equal((await call).status.code, Code.UNAVAILABLE);
        }));
    }
  });

  test("R204 close(): calls that run finish, new ones fail at once", () => {
    const release = gate();
    return withEcho(
      behaveAs(async function* (requests) {
        await release.opened;
        yield* echo(requests);
      }),
      async ({ client, channel }) => {
        const running = client.unary({ text: "running" });
        const headers = client.unary({ text: "too" });
        await settle();
        await settle();
        const closed = channel.close();
        await assert.rejects(client.unary({}), /UNAVAILABLE/);
        release.open();
        assert.equal((await running).text, "running");
        assert.equal((await headers).text, "too");
        await closed;
        await channel.close();
      },
    );
  });

  test("destroy(): calls that run fail UNAVAILABLE", () => {
    const running = gate();
    return withEcho(
      behaveAs(async function* (_requests, call) {
        running.open();
        await aborted(call.signal);
        yield {};
      }),
      async ({ client, channel }) => {
        const call = client.unary({});
        await running.opened;
        const ended = outcomeOf({ facts: call, collect: async () => void (await call) });
        await channel.destroy();
        const { error } = await ended;
        assert.ok(error instanceof StatusError);
        assert.equal(error.code, Code.UNAVAILABLE);
      },
    );
  });

  test("R204 R136 destroy(): whose calls it ends, and whose never begin, is said by them", () => {
    const running = gate();
    return withEcho(
      behaveAs(async function* (_requests, call) {
        running.open();
        await aborted(call.signal);
        yield {};
      }),
      async ({ client, channel }) => {
        const { status } = client.unary({});
        await running.opened;
        await channel.destroy();
        assert.match((await status).message, /the channel was destroyed/);
        const { code, message } = await client.unary({}).status;
        assert.equal(code, Code.UNAVAILABLE);
        assert.match(message, /the channel is closed/);
      },
    );
  });

  test("R152 R206 finds the server again after it was restarted on the same port", async () => {
    const implementation: Implementation<EchoService> = behaveAs(echo);
    const first = new Server().add(Echo, implementation);
    const { port } = await first.listen("127.0.0.1:0");
    const channel = new Channel(`127.0.0.1:${port}`);
    const client = channel.client(Echo);
    assert.equal((await client.unary({ text: "one" })).text, "one");
    await first.close();
    await assert.rejects(client.unary({ text: "nobody there" }), /UNAVAILABLE/);

    const second = new Server().add(Echo, implementation);
    await second.listen(`127.0.0.1:${port}`);
    assert.equal((await client.unary({ text: "two" }, { waitForReady: true })).text, "two");
    // Restarted while the channel is idle: the application notices nothing.
    await second.close();
    const third = new Server().add(Echo, implementation);
    await third.listen(`127.0.0.1:${port}`);
    assert.equal((await client.unary({ text: "three" })).text, "three");
    await channel.close();
    await third.close();
  });

  test("R162 opens no more streams than the server allows; the other calls wait their turn", () => {
    let running = 0;
    let most = 0;
    return withEcho(
      behaveAs(async function* (requests) {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        yield* echo(requests);
      }),
      async ({ client }) => {
        const answers = await Promise.all(Array.from({ length: 50 }, (_, number) => client.unary({ number })));
        assert.equal(answers.length, 50);
        assert.ok(most <= 3, `${most} ran at once`);
      },
      { server: { maxConcurrentStreams: 3 }, channel: { maxConnectionsPerAddress: 1 } },
    );
  });

  test("R162 a call that waits for its turn has its deadline and can be cancelled", () => {
    const release = gate();
    const running = gate();
    return withEcho(
      behaveAs(async function* (requests) {
        running.open();
        await release.opened;
        yield* echo(requests);
      }),
      async ({ client, ended, callsEnded }) => {
        const first = client.unary({ text: "first" });
        await running.opened;
        const late = client.unary({ text: "late" }, { timeoutMs: 40 });
        const unwanted = client.unary({ text: "unwanted" });
        const waiting = client.unary({ text: "waiting" });
        unwanted.cancel();
        await assert.rejects(unwanted, /CANCELLED/);
        await assert.rejects(late, /DEADLINE_EXCEEDED/);
        release.open();
        assert.equal((await first).text, "first");
        assert.equal((await waiting).text, "waiting");
        await callsEnded(2);
        assert.equal(ended.length, 2);
      },
      { server: { maxConcurrentStreams: 1 }, channel: { maxConnectionsPerAddress: 1 } },
    );
  });

  test("1,000 unary calls at once all get their own answer", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      const answers = await Promise.all(Array.from({ length: 1000 }, (_, number) => client.unary({ number })));
      assert.deepEqual(
        answers.map(({ number }) => number),
        Array.from({ length: 1000 }, (_, number) => number),
      );
    }));

  test("R115 1,000 calls cancelled with data in flight leave the channel as good as new", () => {
    const payload = bytesOf(30_000);
    return withEcho(
      behaveAs(async function* (requests) {
        for await (const { number } of requests) for (let sent = 0; sent < number; sent++) yield { payload };
      }),
      async ({ client, callsEnded, serverErrors }) => {
        for (let round = 0; round < 100; round++) {
          const calls = Array.from({ length: 10 }, () => client.serverStreaming({ number: 50 }));
          await Promise.all(calls.map((call) => call.receive()));
          for (const call of calls) call.cancel();
        }
        await callsEnded(1000);
        const call = client.serverStreaming({ number: 200 });
        let bytes = 0;
        for await (const { payload } of call) bytes += payload.length;
        assert.equal(bytes, 200 * 30_000);
        assert.deepEqual(serverErrors, []);
      },
    );
  });

  test("speaks over a unix socket, in all four kinds", async () => {
    const { mkdtemp, rm } = await import("node:fs/promises");
    const { join } = await import("node:path");
    const { tmpdir } = await import("node:os");
    const directory = await mkdtemp(join(tmpdir(), "barewire-"));
    const path = join(directory, "echo.sock");
    const server = new Server().add(Echo, behaveAs(echo));
    const { address, port } = await server.listen(`unix:${path}`);
    assert.deepEqual([address, port], [`unix:${path}`, 0]);
    const channel = new Channel(`unix:${path}`);
    for (const way of ECHO_WAYS) {
      const outcome = await outcomeOf(way.start(channel.client(Echo), [{ text: way.name }]));
      assert.equal(outcome.status.code, Code.OK);
      assert.equal(outcome.messages[0]?.text, way.name);
    }
    await channel.close();
    await server.close();
    await rm(directory, { recursive: true });
  });
});
