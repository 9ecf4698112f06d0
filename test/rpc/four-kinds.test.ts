/**
 * One list of cases, run for every kind of method and every way to call it.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type CallOptions,
  Code,
  codeName,
  type EndedCall,
  type HandlerCall,
  type Metadata,
  StatusError,
} from "../../src/index.js";
import { withEcho } from "../support/echo-served.js";
import { AWKWARD_TEXT, type EchoMessageInit } from "../support/echo-service.js";
import {
  aborted,
  behaveAs,
  bytesOf,
  echo,
  ECHO_WAYS,
  type EchoBehaviour,
  type EchoOutcome,
  type EchoWay,
  gate,
  openRequests,
  outcomeOf,
} from "../support/echo-ways.js";

const ERROR_CODES = Object.values(Code).filter((code) => code !== Code.OK);
const TEXTS = ["", "plain", AWKWARD_TEXT, "%", "%41%zz%", "ends with %", "\ud800 lone surrogate", "é".repeat(300)];

/** As many requests as the way sends. */
function requestsFor(way: EchoWay, count = 3): EchoMessageInit[] {
  return Array.from({ length: way.manyRequests ? count : 1 }, (_, index) => ({
    text: `message ${index}`,
    number: index,
  }));
}

/** Reads every request, then sends as many responses as the kind does. */
function answer(way: EchoWay, ...responses: EchoMessageInit[]): EchoBehaviour {
  return async function* (requests) {
    for await (const _ of requests);
    yield* way.manyResponses ? responses : responses.slice(0, 1);
  };
}

function assertOk({ error, status }: EchoOutcome): void {
  assert.equal(error, undefined);
  assert.deepEqual(status, { code: Code.OK, message: "" });
}

function assertStatus({ error, status }: EchoOutcome, code: Code, message: string | RegExp): StatusError {
  assert.ok(error instanceof StatusError, `a StatusError was wanted, ${String(error)} came`);
  assert.equal(codeName(error.code), codeName(code));
  if (typeof message === "string") assert.equal(error.rawMessage, message);
  else assert.match(error.rawMessage, message);
  assert.deepEqual(status, { code: error.code, message: error.rawMessage });
  return error;
}

function valuesOf(metadata: Metadata): [string, string][] {
  return [...metadata].map(([name, value]) => [
    name,
    typeof value === "string" ? value : Buffer.from(value).toString("hex"),
  ]);
}

/** Metadata whose names begin with `prefix`: text, bytes and repeated values with commas, in an order of its own. */
function sampleMetadata(prefix: string): [string, string | Uint8Array][] {
  return [
    [`${prefix}-text`, "one, two"],
    [`${prefix}-bin`, Uint8Array.of(0, 1, 255)],
    [`${prefix}-text`, "three"],
    [`${prefix}-bin`, Uint8Array.of(7)],
    [`${prefix}-empty-bin`, new Uint8Array()],
    [`${prefix}-empty`, ""],
    [`${prefix}.dot_name-0`, "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"],
  ];
}

function expectedMetadata(prefix: string): Record<string, string[]> {
  return {
    [`${prefix}-text`]: ["one, two", "three"],
    [`${prefix}-bin`]: ["0001ff", "07"],
    [`${prefix}-empty-bin`]: [""],
    [`${prefix}-empty`]: [""],
    [`${prefix}.dot_name-0`]: ["!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"],
  };
}

function byName(metadata: Metadata, except: readonly string[] = []): Record<string, string[]> {
  const names: Record<string, string[]> = {};
  for (const [name, value] of valuesOf(metadata)) if (!except.includes(name)) (names[name] ??= []).push(value);
  return names;
}

/** Fills what a handler can send beside its messages. */
function fillMetadata(call: HandlerCall): void {
  for (const [name, value] of sampleMetadata("x-head")) call.headers.append(name, value);
  for (const [name, value] of sampleMetadata("x-trail")) call.trailers.append(name, value);
}

for (const way of ECHO_WAYS) {
  describe(way.name, () => {
    testMessages(way);
    testMetadata(way);
    testErrors(way);
    testDeadlines(way);
    testCancellation(way);
    testWire(way);
  });
}

function testMessages(way: EchoWay): void {
  test("every message goes out and comes back, in order, and the status is OK", () =>
    withEcho(behaveAs(echo), async ({ client, serverErrors, unobserved, ended, callsEnded }) => {
      const requests = requestsFor(way, 20);
      const outcome = await outcomeOf(way.start(client, requests));
      assertOk(outcome);
      const expected = requests.map((request) => ({ text: "", payload: new Uint8Array(), number: 0, ...request }));
      const last = expected.slice(-1);
      assert.deepEqual(
        outcome.messages.map((message) => ({ ...message, payload: new Uint8Array(message.payload) })),
        way.manyResponses ? expected : last,
      );
      await callsEnded(1);
      const [call] = ended as [EndedCall];
      assert.equal(call.code, Code.OK);
      assert.equal(call.received, requests.length);
      assert.equal(call.sent, outcome.messages.length);
      assert.ok(call.durationMs >= 0);
      assert.deepEqual([serverErrors, unobserved], [[], []]);
    }));

  test("R50 an empty message is one message, in both directions", () => {
    let received = 0;
    const behaviour: EchoBehaviour = async function* (requests) {
      for await (const _ of requests) received++;
      yield* way.manyResponses ? [{}, {}, {}] : [{}];
    };
    return withEcho(behaveAs(behaviour), async ({ client }) => {
      const outcome = await outcomeOf(way.start(client, [{}, {}, {}]));
      assertOk(outcome);
      assert.equal(received, way.manyRequests ? 3 : 1);
      assert.equal(outcome.messages.length, way.manyResponses ? 3 : 1);
      for (const message of outcome.messages)
        assert.deepEqual({ ...message }, { text: "", payload: new Uint8Array(), number: 0 });
    });
  });

  test("messages of 1 MiB go out and come back unchanged", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      const payload = bytesOf(1024 * 1024);
      const requests = requestsFor(way).map((request) => ({ ...request, payload }));
      const outcome = await outcomeOf(way.start(client, requests));
      assertOk(outcome);
      assert.equal(outcome.messages.length, way.manyResponses ? requests.length : 1);
      for (const message of outcome.messages) assert.ok(Buffer.from(message.payload).equals(payload));
    }));

  if (way.manyRequests) {
    test("no request at all: the handler's loop ends at once", () =>
      withEcho(
        behaveAs(async function* (requests) {
          let count = 0;
          for await (const _ of requests) count++;
          yield { number: count + 100 };
        }),
        async ({ client }) => {
          const outcome = await outcomeOf(way.start(client, []));
          assertOk(outcome);
          assert.deepEqual(
            outcome.messages.map((message) => message.number),
            [100],
          );
        },
      ));
  }

  if (way.manyResponses) {
    test("no response at all: OK with no messages", () =>
      withEcho(behaveAs(answer(way)), async ({ client }) => {
        const outcome = await outcomeOf(way.start(client, requestsFor(way)));
        assertOk(outcome);
        assert.deepEqual(outcome.messages, []);
      }));
  }

  test("R25 R136 a method without a handler is UNIMPLEMENTED, and the text names it", () =>
    withEcho({}, async ({ client }) => {
      const error = assertStatus(
        await outcomeOf(way.start(client, requestsFor(way))),
        Code.UNIMPLEMENTED,
        /not implemented/,
      );
      assert.match(error.rawMessage, new RegExp(`"${way.kind.charAt(0).toUpperCase()}${way.kind.slice(1)}"`));
      assert.match(error.rawMessage, /barewire\.test\.Echo/);
      assert.equal(error.origin, "remote");
    }));

  test("R204 a channel that is closed fails the call UNAVAILABLE", () =>
    withEcho(behaveAs(echo), async ({ client, channel, ended }) => {
      await channel.close();
      const error = assertStatus(await outcomeOf(way.start(client, requestsFor(way))), Code.UNAVAILABLE, /closed/);
      assert.equal(error.origin, "local");
      assert.deepEqual(ended, []);
    }));
}

function testMetadata(way: EchoWay): void {
  test("R42 R43 R41 metadata travels in both directions: text, bytes and repeated values, headers apart from trailers", () => {
    let received: Record<string, string[]> | undefined;
    const behaviour: EchoBehaviour = async function* (requests, call) {
      received = byName(call.metadata, ["user-agent"]);
      fillMetadata(call);
      yield* answer(way, {})(requests, call);
    };
    return withEcho(behaveAs(behaviour), async ({ client }) => {
      const metadata = sampleMetadata("x-sent");
      const outcome = await outcomeOf(way.start(client, requestsFor(way), { metadata }));
      assertOk(outcome);
      assert.deepEqual(received, expectedMetadata("x-sent"));
      assert.deepEqual(byName(outcome.headers), expectedMetadata("x-head"));
      assert.deepEqual(byName(outcome.trailers), expectedMetadata("x-trail"));
    });
  });

  test("without metadata, none arrives", () => {
    let names: string[] | undefined;
    const behaviour: EchoBehaviour = async function* (requests, call) {
      names = [...call.metadata.keys()];
      yield* answer(way, {})(requests, call);
    };
    return withEcho(behaveAs(behaviour), async ({ client }) => {
      const outcome = await outcomeOf(way.start(client, requestsFor(way)));
      assertOk(outcome);
      assert.deepEqual(names, ["user-agent"]);
      assert.deepEqual([outcome.headers.size, outcome.trailers.size], [0, 0]);
    });
  });

  test("R149 headers sent on demand arrive before any message", () => {
    const headersSeen = gate();
    const behaviour: EchoBehaviour = async function* (requests, call) {
      call.headers.set("x-early", "yes");
      call.sendHeaders();
      call.sendHeaders();
      await headersSeen.opened;
      yield* answer(way, { text: "late" })(requests, call);
    };
    return withEcho(behaveAs(behaviour), async ({ client }) => {
      const started = way.start(client, requestsFor(way));
      const headers = await started.facts.headers;
      assert.equal(headers.get("x-early"), "yes");
      headersSeen.open();
      const outcome = await outcomeOf(started);
      assertOk(outcome);
      assert.equal(outcome.messages[0]?.text, "late");
      assert.equal(await started.facts.headers, headers);
    });
  });

  test("R43 R138 an error before any message carries all its metadata in the trailers", () => {
    const behaviour: EchoBehaviour = async function* (_requests, call) {
      call.trailers.append("x-trail", "from the call");
      const { Metadata: MetadataClass } = await import("../../src/index.js");
      const trailers = new MetadataClass([
        ["x-trail", "from the error"],
        ["x-details-bin", Uint8Array.of(9, 8)],
      ]);
      throw new StatusError(Code.ABORTED, "refused", { trailers });
    };
    return withEcho(behaveAs(behaviour), async ({ client }) => {
      const outcome = await outcomeOf(way.start(client, requestsFor(way)));
      const error = assertStatus(outcome, Code.ABORTED, "refused");
      assert.equal(outcome.headers.size, 0);
      const expected = { "x-trail": ["from the call", "from the error"], "x-details-bin": ["0908"] };
      assert.deepEqual(byName(outcome.trailers), expected);
      assert.deepEqual(byName(error.trailers as Metadata), expected);
      assert.equal(error.origin, "remote");
    });
  });
}

function testErrors(way: EchoWay): void {
  test("R138 R61 every error code arrives with its text", () => {
    let code: Code = Code.OK;
    const behaviour: EchoBehaviour = async function* () {
      throw new StatusError(code, `this is ${codeName(code)}`);
    };
    return withEcho(
      behaveAs(behaviour),
      async ({ client, serverErrors, observer }) => {
        assert.equal(ERROR_CODES.length, 16);
        for (code of ERROR_CODES) {
          const outcome = await outcomeOf(way.start(client, requestsFor(way)));
          const error = assertStatus(outcome, code, `this is ${codeName(code)}`);
          assert.equal(error.message, `${codeName(code)}: this is ${codeName(code)}`);
          assert.deepEqual(outcome.messages, []);
        }
        assert.deepEqual(serverErrors, []);
        for (const id of observer.conversation.streamIds) {
          const frames = observer.conversation.streamFrames("fromServer", id).filter(isBlockOrData);
          assert.deepEqual(
            frames.map((frame) => [frame.type, frame.endStream]),
            [["HEADERS", true]],
            "a call without messages is answered Trailers-Only",
          );
        }
      },
      { observed: true },
    );
  });

  test("R65 R66 R67 the text of a status arrives whole, whatever is in it", () => {
    let text = "";
    let after = false;
    const behaviour: EchoBehaviour = async function* () {
      if (after) yield {};
      throw new StatusError(Code.FAILED_PRECONDITION, text);
    };
    return withEcho(behaveAs(behaviour), async ({ client }) => {
      for (after of [false, true]) {
        for (text of TEXTS) {
          const outcome = await outcomeOf(way.start(client, requestsFor(way)));
          assertStatus(outcome, Code.FAILED_PRECONDITION, text.replace("\ud800", "\ufffd"));
        }
      }
    });
  });

  test("R60 R78 an error after messages: the messages arrive first, then the status with its trailers", () => {
    const behaviour: EchoBehaviour = async function* (_requests, call) {
      call.headers.set("x-head", "1");
      for (let number = 0; number < (way.manyResponses ? 10 : 1); number++) yield { number };
      call.trailers.set("x-trail", "2");
      throw new StatusError(Code.DATA_LOSS, "the rest is gone");
    };
    return withEcho(behaveAs(behaviour), async ({ client }) => {
      const outcome = await outcomeOf(way.start(client, requestsFor(way)));
      const error = assertStatus(outcome, Code.DATA_LOSS, "the rest is gone");
      assert.equal(error.trailers?.get("x-trail"), "2");
      assert.equal(outcome.trailers.get("x-trail"), "2");
      assert.equal(outcome.trailers.has("x-head"), false);
      if (way.manyResponses) {
        assert.equal(outcome.headers.get("x-head"), "1");
        assert.deepEqual(
          outcome.messages.map((message) => message.number),
          [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        );
      }
    });
  });

  const secrets: readonly unknown[] = [
    new Error("the password is 1234"),
    new TypeError("the password is 1234"),
    "the password is 1234",
    { code: 5, details: "the password is 1234" },
    Object.assign(new Error("the password is 1234"), { code: Code.NOT_FOUND }),
    undefined,
    null,
    42,
  ];

  test("R137 R136 an exception that is no status is UNKNOWN, is reported, and its text stays here", () => {
    let thrown: unknown;
    // oxlint-disable-next-line typescript/only-throw-error -- what handlers throw is not ours to choose
    const fail = (): never => {
      throw thrown;
    };
    const behaviours: Record<string, EchoBehaviour> = {
      "thrown at once": () => fail(),
      "thrown in the iterator": async function* () {
        yield await new Promise<EchoMessageInit>((resolve) => setImmediate(resolve, {})).then(fail);
      },
      "thrown in a synchronous iterator": function* () {
        yield {};
        fail();
      },
    };
    let current: EchoBehaviour = echo;
    return withEcho(
      behaveAs((requests, call) => current(requests, call)),
      async ({ client, serverErrors }) => {
        for (const [name, behaviour] of Object.entries(behaviours)) {
          current = behaviour;
          for (thrown of secrets) {
            const outcome = await outcomeOf(way.start(client, requestsFor(way)));
            const error = assertStatus(outcome, Code.UNKNOWN, /^(?!.*password)/s);
            assert.doesNotMatch(
              JSON.stringify([error.message, error.trailers, outcome.headers]),
              /password|1234/,
              name,
            );
            assert.equal(serverErrors.length, 1, name);
            assert.equal(serverErrors.pop(), thrown, name);
          }
        }
      },
    );
  });

  test("R137 a handler that throws before it returns anything, or rejects, is UNKNOWN too", () => {
    const secret = new Error("the password is 1234");
    let asynchronous = false;
    const fail = (): never | Promise<never> => {
      if (asynchronous) return Promise.reject(secret);
      throw secret;
    };
    return withEcho(
      { unary: fail, serverStreaming: fail, clientStreaming: fail, bidiStreaming: fail },
      async ({ client, serverErrors }) => {
        for (asynchronous of [false, true]) {
          const outcome = await outcomeOf(way.start(client, requestsFor(way)));
          assertStatus(outcome, Code.UNKNOWN, "the handler failed");
          assert.deepEqual(serverErrors.splice(0), [secret]);
        }
      },
    );
  });

  test("R138 a StatusError thrown synchronously or rejected sets the status and is not reported", () => {
    let asynchronous = false;
    const fail = (): never | Promise<never> => {
      const error = new StatusError(Code.PERMISSION_DENIED, "not you");
      if (asynchronous) return Promise.reject(error);
      throw error;
    };
    return withEcho(
      { unary: fail, serverStreaming: fail, clientStreaming: fail, bidiStreaming: fail },
      async ({ client, serverErrors }) => {
        for (asynchronous of [false, true]) {
          assertStatus(await outcomeOf(way.start(client, requestsFor(way))), Code.PERMISSION_DENIED, "not you");
        }
        assert.deepEqual(serverErrors, []);
      },
    );
  });
}

function testDeadlines(way: EchoWay): void {
  test("R99 R104 R112 R136 the deadline ends the call on both sides; the handler knows it beforehand", () => {
    const handler = gate<{ readonly deadline: Date | undefined; readonly reason: unknown; readonly at: number }>();
    const behaviour: EchoBehaviour = async function* (_requests, call) {
      const { deadline } = call;
      const at = Date.now();
      const reason = await aborted(call.signal);
      handler.open({ deadline, reason, at });
      yield {};
    };
    return withEcho(behaveAs(behaviour), async ({ channel, client }) => {
      // Else the time may be over before there is a connection, and no handler ever runs.
      channel.connect();
      while (channel.state !== "READY") await channel.waitForStateChange(channel.state);
      const startedAt = performance.now();
      const outcome = await outcomeOf(way.start(client, openOrOne(way), { timeoutMs: 150 }));
      const tookMs = performance.now() - startedAt;
      const error = assertStatus(outcome, Code.DEADLINE_EXCEEDED, /150 ms/);
      assert.equal(error.origin, "local");
      assert.deepEqual(outcome.messages, []);
      assert.ok(tookMs >= 149, `${tookMs} ms is too early`);
      const { deadline, reason, at } = await handler.opened;
      assert.ok(deadline instanceof Date);
      assert.ok(deadline.getTime() - at <= 151, `${deadline.getTime() - at} ms were left`);
      assert.ok(reason instanceof StatusError);
      assert.ok(reason.code === Code.DEADLINE_EXCEEDED || reason.code === Code.CANCELLED);
    });
  });

  test("a `deadline` in the options is a point in time; one in the far future changes nothing", () => {
    const deadlines: (Date | undefined)[] = [];
    const behaviour: EchoBehaviour = async function* (requests, call) {
      deadlines.push(call.deadline);
      yield* answer(way, {})(requests, call);
    };
    return withEcho(behaveAs(behaviour), async ({ client }) => {
      const deadline = new Date(Date.now() + 60_000);
      assertOk(await outcomeOf(way.start(client, requestsFor(way), { deadline })));
      const [seen] = deadlines;
      assert.ok(seen instanceof Date);
      assert.ok(Math.abs(seen.getTime() - deadline.getTime()) < 5000);
    });
  });

  test("R106 a timeout longer than a timer can count never fires early", () =>
    withEcho(
      behaveAs(async function* (requests, call) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        assert.equal(call.signal.aborted, false);
        yield* answer(way, { number: (call.deadline as Date).getTime() > Date.now() + 2 ** 31 ? 1 : 0 })(
          requests,
          call,
        );
      }),
      async ({ client }) => {
        const outcome = await outcomeOf(way.start(client, requestsFor(way), { timeoutMs: 2 ** 31 + 10_000_000 }));
        assertOk(outcome);
        assert.equal(outcome.messages[0]?.number, 1);
      },
    ));

  test("R103 without a deadline the handler has none", () => {
    const seen = gate<Date | undefined>();
    const behaviour: EchoBehaviour = async function* (requests, call) {
      seen.open(call.deadline);
      yield* answer(way, {})(requests, call);
    };
    return withEcho(behaveAs(behaviour), async ({ client }) => {
      assertOk(await outcomeOf(way.start(client, requestsFor(way))));
      assert.equal(await seen.opened, undefined);
    });
  });

  test("R98 a deadline that has passed ends the call with nothing sent", () =>
    withEcho(
      behaveAs(echo),
      async ({ client, observer, ended }) => {
        const late: CallOptions[] = [{ timeoutMs: 0 }, { timeoutMs: -5 }, { deadline: new Date(Date.now() - 1) }];
        for (const options of late) {
          const outcome = await outcomeOf(way.start(client, requestsFor(way), options));
          assertStatus(outcome, Code.DEADLINE_EXCEEDED, /deadline/);
        }
        assert.equal(observer.conversations.length, 0, "not even a connection was made");
        assert.deepEqual(ended, []);
      },
      { observed: true },
    ));
}

/** Requests that leave the call open where the kind allows it. */
function openOrOne(way: EchoWay): ReturnType<typeof openRequests> | EchoMessageInit[] {
  return way.manyRequests ? openRequests({ text: "first" }) : [{ text: "first" }];
}

function isBlockOrData(frame: { readonly type: unknown }): boolean {
  return frame.type === "HEADERS" || frame.type === "DATA" || frame.type === "CONTINUATION";
}

const CANCEL = 8;

function testCancellation(way: EchoWay): void {
  const causes: Record<string, (controller: AbortController, cancel: () => void) => void> = {
    "cancel()": (_controller, cancel) => cancel(),
    "its signal": (controller) => controller.abort(new Error("not needed any more")),
  };
  for (const [cause, trigger] of Object.entries(causes)) {
    test(`R108 R109 R112 R89 R136 ${cause} cancels: CANCELLED here, RST_STREAM(CANCEL) on the wire, the handler is told`, () => {
      const running = gate();
      const told = gate<unknown>();
      let endSeen = false;
      const behaviour: EchoBehaviour = async function* (requests, call) {
        void aborted(call.signal).then((reason) => told.open(reason));
        running.open();
        try {
          for await (const _ of requests);
          endSeen = true;
        } catch (error) {
          assert.ok(error instanceof StatusError);
        }
        await told.opened;
        yield {};
      };
      return withEcho(
        behaveAs(behaviour),
        async ({ client, observer, serverErrors, ended, callsEnded }) => {
          const controller = new AbortController();
          const started = way.start(client, openOrOne(way), { signal: controller.signal });
          await running.opened;
          trigger(controller, () => started.facts.cancel());
          const outcome = await outcomeOf(started);
          const error = assertStatus(outcome, Code.CANCELLED, /cancel/);
          assert.equal(error.origin, "local");
          const reason = await told.opened;
          assert.ok(reason instanceof StatusError);
          assert.equal(reason.code, Code.CANCELLED);
          await callsEnded(1);
          assert.equal(ended[0]?.code, Code.CANCELLED);
          assert.deepEqual(serverErrors, []);
          const frames = observer.conversation.streamFrames("fromClient", observer.conversation.streamIds[0] as number);
          const resets = frames.filter((frame) => frame.type === "RST_STREAM");
          assert.deepEqual(
            resets.map((frame) => frame.payload.readUInt32BE(0)),
            [CANCEL],
          );
          if (way.manyRequests) {
            assert.equal(
              frames.some((frame) => frame.endStream),
              false,
              "the application has not half-closed",
            );
            assert.equal(endSeen, false, "the handler never sees a complete request stream");
          }
        },
        { observed: true },
      );
    });
  }

  test("R110 a call whose signal is aborted already sends nothing", () =>
    withEcho(
      behaveAs(echo),
      async ({ client, observer, ended }) => {
        const reason = new Error("too late");
        const outcome = await outcomeOf(way.start(client, requestsFor(way), { signal: AbortSignal.abort(reason) }));
        const error = assertStatus(outcome, Code.CANCELLED, /signal/);
        assert.equal(error.cause, reason);
        assert.equal(observer.conversations.length, 0);
        assert.deepEqual(ended, []);
      },
      { observed: true },
    ));

  test("R110 a call that is cancelled before it could be sent is CANCELLED at once", () =>
    withEcho(behaveAs(echo), async ({ client, ended }) => {
      const started = way.start(client, openOrOne(way));
      started.facts.cancel();
      assertStatus(await outcomeOf(started), Code.CANCELLED, /cancel/);
      // A call on the same connection afterwards proves that nothing of the first one was on its way.
      assert.equal((await client.unary({ text: "next" })).text, "next");
      assert.deepEqual(
        ended.map((call) => call.code),
        [Code.OK],
      );
    }));

  test("cancel() after the end changes nothing", () =>
    withEcho(behaveAs(echo), async ({ client }) => {
      const started = way.start(client, requestsFor(way));
      const outcome = await outcomeOf(started);
      assertOk(outcome);
      started.facts.cancel();
      started.facts.cancel();
      assert.equal((await started.facts.status).code, Code.OK);
    }));

  test("R112 a handler that goes on sending after a cancel neither throws nor fills memory", () => {
    let yielded = 0;
    const payload = bytesOf(1000);
    const finished = gate();
    const behaviour: EchoBehaviour = async function* (_requests, call) {
      call.sendHeaders();
      await aborted(call.signal);
      try {
        for (; yielded < (way.manyResponses ? 100_000 : 1); yielded++) yield { payload };
      } finally {
        finished.open();
      }
    };
    return withEcho(behaveAs(behaviour), async ({ client, serverErrors, callsEnded }) => {
      const started = way.start(client, openOrOne(way));
      await started.facts.headers;
      started.facts.cancel();
      await callsEnded(1);
      await finished.opened;
      if (way.manyResponses) assert.ok(yielded < 5, `${yielded} messages were taken from a call that is over`);
      assert.deepEqual(serverErrors, []);
    });
  });

  test("R159 R113 R142 a lost connection: UNAVAILABLE here, CANCELLED there", () => {
    const running = gate();
    const told = gate<unknown>();
    const behaviour: EchoBehaviour = async function* (_requests, call) {
      running.open();
      told.open(await aborted(call.signal));
      yield {};
    };
    return withEcho(
      behaveAs(behaviour),
      async ({ client, observer, ended, callsEnded }) => {
        const started = way.start(client, openOrOne(way));
        await running.opened;
        observer.cut();
        assertStatus(await outcomeOf(started), Code.UNAVAILABLE, /connection/);
        const reason = await told.opened;
        assert.ok(reason instanceof StatusError);
        assert.equal(reason.code, Code.CANCELLED);
        await callsEnded(1);
        assert.equal(ended[0]?.code, Code.CANCELLED);
      },
      { observed: true },
    );
  });
}

function testWire(way: EchoWay): void {
  test("R59 R60 R15 R161 the frames of a call that succeeds: headers, messages and one end in each direction", () =>
    withEcho(
      behaveAs(echo),
      async ({ client, channel, observer }) => {
        assertOk(await outcomeOf(way.start(client, requestsFor(way))));
        await channel.close();
        const [id] = observer.conversation.streamIds as [number];
        const sent = observer.conversation.streamFrames("fromClient", id);
        assert.equal(sent[0]?.type, "HEADERS");
        assert.equal(sent[0].endStream, false);
        const ends = sent.filter((frame) => frame.endStream);
        assert.deepEqual(
          ends.map((frame) => frame.type),
          ["DATA"],
        );
        assert.equal(sent.filter(isBlockOrData).at(-1), ends[0], "nothing follows the end");
        assert.equal(
          sent.some((frame) => frame.type === "RST_STREAM"),
          false,
        );
        const received = observer.conversation.streamFrames("fromServer", id).filter(isBlockOrData);
        const shape = received.map((frame) => `${frame.type}${frame.endStream ? " END" : ""}`);
        assert.equal(shape[0], "HEADERS");
        assert.equal(shape.at(-1), "HEADERS END");
        assert.deepEqual([...new Set(shape.slice(1, -1))], ["DATA"]);
        assert.equal(observer.conversation.messages("fromClient", id).length, way.manyRequests ? 3 : 1);
        assert.equal(
          observer.conversation.messages("fromServer", id).length,
          way.manyResponses && way.manyRequests ? 3 : 1,
        );
        const goaways = observer.conversation.frames("fromClient").filter((frame) => frame.type === "GOAWAY");
        assert.equal(goaways[0]?.payload.readUInt32BE(4), 0, "the client says NO_ERROR before it closes");
      },
      { observed: true },
    ));

  test("R91 a server that is done before the client has half-closed: trailers, then RST_STREAM(NO_ERROR); the call is OK", () => {
    const behaviour: EchoBehaviour = async function* () {
      yield { text: "early" };
    };
    return withEcho(
      behaveAs(behaviour),
      async ({ client, observer, callsEnded }) => {
        const outcome = await outcomeOf(way.start(client, openOrOne(way)));
        assertOk(outcome);
        assert.equal(outcome.messages[0]?.text, "early");
        await callsEnded(1);
        await client.unary({ text: "settle" });
        const [id] = observer.conversation.streamIds as [number];
        const frames = observer.conversation.streamFrames("fromServer", id);
        const end = frames.findIndex((frame) => frame.endStream);
        assert.equal(frames[end]?.type, "HEADERS");
        const after = frames.slice(end + 1).filter((frame) => frame.type === "RST_STREAM");
        for (const reset of after) assert.equal(reset.payload.readUInt32BE(0), 0);
        assert.equal(frames.slice(0, end).filter((frame) => frame.type === "RST_STREAM").length, 0);
        assert.equal(after.length, way.manyRequests ? 1 : 0, "nothing is reset when both sides are done");
      },
      { observed: true },
    );
  });
}
