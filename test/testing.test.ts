/**
 * `barewire/testing`: all kinds of calls in one process, and every fault as its user sees it.
 */
import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { Code, codeName, Server, StatusError, type CallOptions } from "../src/index.js";
import { connectInProcess, type ConnectInProcessOptions, type InProcess } from "../src/testing.js";
import { Echo, type EchoService } from "./support/echo-service.js";
import {
  aborted,
  behaveAs,
  bytesOf,
  echo,
  ECHO_WAYS,
  gate,
  openRequests,
  outcomeOf,
  type EchoBehaviour,
  type EchoRequests,
} from "./support/echo-ways.js";
import type { Client } from "../src/index.js";

interface Connected extends InProcess {
  readonly echo: Client<EchoService>;
  /** How many calls have come to a handler. */
  readonly served: () => number;
}

/** Runs `use` with a channel and a server in process; everything is closed afterwards. */
async function withPair(
  behaviour: EchoBehaviour,
  use: (connected: Connected) => Promise<void>,
  options: ConnectInProcessOptions = {},
): Promise<void> {
  let served = 0;
  const counting = behaveAs(async function* (requests, call) {
    served++;
    yield* behaviour(requests, call);
  });
  const connected = connectInProcess((server) => server.add(Echo, counting), {
    ...options,
    channel: { onError: () => undefined, ...options.channel },
  });
  try {
    await use({ ...connected, echo: connected.client(Echo), served: () => served });
  } finally {
    await connected.close();
  }
}

/** Five messages. */
const FIVE: EchoBehaviour = function* () {
  for (let number = 1; number <= 5; number++) yield { number, payload: bytesOf(3000) };
};

/** How many messages of a server streaming call came, and how it ended: `"3 then INTERNAL"`. */
async function streamed(client: Client<EchoService>, options?: CallOptions): Promise<string> {
  let messages = 0;
  const call = client.serverStreaming({}, options);
  try {
    for await (const message of call) {
      messages++;
      assert.equal(message.number, messages);
    }
  } catch (error) {
    assert.ok(error instanceof StatusError);
  }
  return `${messages} then ${codeName((await call.status).code)}`;
}

async function ended(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "OK",
    (error: unknown) => {
      assert.ok(error instanceof StatusError);
      return codeName(error.code);
    },
  );
}

describe("connectInProcess", () => {
  for (const way of ECHO_WAYS) {
    test(`${way.name}: messages, metadata, statuses and trailers as over a network`, () =>
      withPair(
        async function* (requests, call) {
          call.headers.set("x-seen", call.metadata.get("x-sent") ?? "nothing");
          call.trailers.set("x-bin", Uint8Array.of(1, 2, 3));
          yield* echo(requests);
          if (call.metadata.get("x-fail") !== undefined) throw new StatusError(Code.DATA_LOSS, "gone ☺");
        },
        async ({ echo: client }) => {
          const requests = way.manyRequests
            ? [{ text: "a" }, { payload: bytesOf(3_000_000) }]
            : [{ payload: bytesOf(3_000_000) }];
          const metadata = { "x-sent": "yes" };
          const outcome = await outcomeOf(way.start(client, requests, { metadata }));
          assert.equal(outcome.error, undefined);
          assert.equal(outcome.messages.at(-1)?.payload.length, 3_000_000);
          assert.equal(outcome.headers.get("x-seen"), "yes");
          assert.deepEqual([...(outcome.trailers.get("x-bin") ?? [])], [1, 2, 3]);
          const failed = await outcomeOf(way.start(client, requests, { metadata: { "x-fail": "yes" } }));
          assert.deepEqual([failed.status.code, failed.status.message], [Code.DATA_LOSS, "gone ☺"]);
        },
      ));

    test(`${way.name}: a cancelled call and one that is out of time end on the server too`, () => {
      let running = gate();
      let told = gate<unknown>();
      return withPair(
        async function* (_requests, call) {
          running.open();
          told.open(await aborted(call.signal));
          yield {};
        },
        async ({ echo: client, served }) => {
          const requests = (): EchoRequests => (way.manyRequests ? openRequests({}) : [{}]);
          const controller = new AbortController();
          const first = outcomeOf(way.start(client, requests(), { signal: controller.signal }));
          await running.opened;
          controller.abort();
          assert.equal((await first).status.code, Code.CANCELLED);
          assert.equal(((await told.opened) as StatusError).code, Code.CANCELLED);
          [running, told] = [gate(), gate()];
          const second = await outcomeOf(way.start(client, requests(), { timeoutMs: 100 }));
          assert.equal(second.status.code, Code.DEADLINE_EXCEEDED);
          // On a machine that is busy the time may be up before the handler runs.
          if (served() === 2) await told.opened;
        },
      );
    });
  }

  test("a slow reader slows its sender down", () => {
    let sent = 0;
    return withPair(
      function* () {
        for (; sent < 2000; sent++) yield { payload: bytesOf(10_000) };
      },
      async ({ echo: client }) => {
        const call = client.serverStreaming({});
        await call.receive();
        await new Promise((resolve) => setTimeout(resolve, 100));
        assert.ok(sent < 500, `${sent} messages of 10 kB were made though nobody read`);
        let received = 1;
        for (let message = await call.receive(); message !== undefined; message = await call.receive()) received++;
        assert.equal(received, 2000);
      },
    );
  });

  test("the server has health and reflection, and the options it is given", async () => {
    const { server, close } = connectInProcess((one) => one.add(Echo, behaveAs(echo)), {
      server: { reflection: false },
    });
    assert.deepEqual(
      server.services.map(({ typeName }) => typeName),
      ["grpc.health.v1.Health", "barewire.test.Echo"],
    );
    await close();
  });

  test("several channels may talk to one server, which is not closed with them", async () => {
    const server = new Server().add(Echo, behaveAs(echo));
    const first = connectInProcess(server);
    const second = connectInProcess(server, { channel: { maxReceiveBytes: 10 } });
    assert.equal((await first.client(Echo).unary({ text: "long enough" })).text, "long enough");
    assert.equal(await ended(second.client(Echo).unary({ text: "long enough" })), "RESOURCE_EXHAUSTED");
    await second.close();
    assert.equal(await ended(first.client(Echo).unary({})), "OK");
    await first.close();
    await server.close();
    const third = connectInProcess(server);
    assert.equal(await ended(third.client(Echo).unary({})), "UNAVAILABLE");
    await third.close();
  });

  test("closing ends calls that run, and leaves nothing behind", () => {
    const running = gate();
    const told = gate<unknown>();
    return withPair(
      async function* (_requests, call) {
        running.open();
        told.open(await aborted(call.signal));
        yield {};
      },
      async ({ echo: client, close }) => {
        const call = ended(client.unary({}));
        await running.opened;
        const startedAt = performance.now();
        await close();
        assert.ok(performance.now() - startedAt < 5000);
        assert.equal(await call, "UNAVAILABLE");
        await told.opened;
      },
    );
  });

  test("`await using` closes it, too", async () => {
    let again: Client<EchoService>;
    {
      await using connected = connectInProcess((server) => server.add(Echo, behaveAs(echo)));
      again = connected.client(Echo);
      assert.equal(await ended(again.unary({})), "OK");
    }
    assert.equal(await ended(again.unary({})), "UNAVAILABLE");
  });

  test("refuses what cannot be meant", () => {
    const refused = (one: unknown, options: unknown, error: RegExp): void => {
      assert.throws(() => connectInProcess(one as Server, options as ConnectInProcessOptions), error);
    };
    refused("server", {}, /there must be a Server or a function that adds to one: current value is string/);
    refused(async () => undefined, {}, /must not be async: make the Server before/);
    refused(new Server(), { server: {} }, /option server as the server is there already/);
    refused(() => undefined, { fault: [] }, /there is no option "fault"/);
    refused(() => undefined, { faults: ["rest"] }, /did you mean "reset"\?/);
    refused(() => undefined, { channel: { balance: 1 } }, /no option "balance"/);
  });
});

describe("faults", () => {
  const STREAM_CASES: readonly (readonly [fault: string, unary: string, stream: string])[] = [
    ["reset", "INTERNAL", "0 then INTERNAL"],
    ["reset CANCEL", "CANCELLED", "0 then CANCELLED"],
    ["reset after 3 messages", "OK", "3 then INTERNAL"],
    ["reset ENHANCE_YOUR_CALM after 1 request", "RESOURCE_EXHAUSTED", "0 then RESOURCE_EXHAUSTED"],
    ["reset before trailers", "INTERNAL", "5 then INTERNAL"],
    ["status=PERMISSION_DENIED", "PERMISSION_DENIED", "0 then PERMISSION_DENIED"],
    ["status=ABORTED after 2 responses", "OK", "2 then ABORTED"],
    ["status=ABORTED before headers", "ABORTED", "0 then ABORTED"],
    ["status=ABORTED before trailers", "ABORTED", "5 then ABORTED"],
    ["drop", "UNAVAILABLE", "0 then UNAVAILABLE"],
    ["drop after 2 messages", "OK", "2 then UNAVAILABLE"],
    ["drop before trailers", "UNAVAILABLE", "5 then UNAVAILABLE"],
    ["truncate", "UNAVAILABLE", "0 then UNAVAILABLE"],
    ["truncate after 3 messages", "OK", "3 then UNAVAILABLE"],
    ["goaway after 3 messages", "OK", "5 then OK"],
    ["goaway INTERNAL_ERROR after 3 messages", "OK", "3 then UNAVAILABLE"],
    ["delay 30ms ±10ms", "OK", "5 then OK"],
    ["delay 30ms after 2 messages", "OK", "5 then OK"],
    ["status=ABORTED on ServerStreaming", "OK", "0 then ABORTED"],
    ["status=ABORTED on barewire.test.Echo/Unary", "ABORTED", "5 then OK"],
  ];

  for (const [text, unary, stream] of STREAM_CASES) {
    test(`${text}: unary ${unary}, streaming ${stream}; afterwards all is well`, () =>
      withPair(FIVE, async ({ echo: client, fault, clearFaults }) => {
        const armed = fault(text);
        // One response of a unary call ends behind the fifth: as many messages as one.
        assert.equal(await ended(client.unary({})), unary);
        assert.equal(await streamed(client), stream);
        assert.ok(armed.fired > 0);
        clearFaults();
        assert.equal(await ended(client.unary({})), "OK");
        assert.equal(await streamed(client), "5 then OK");
      }));
  }

  test("a call that is failed at its beginning never comes to the server; one that is failed at its end has been served", () =>
    withPair(FIVE, async ({ echo: client, fault, clearFaults, served }) => {
      for (const text of ["status=UNAVAILABLE", "reset", "drop"]) {
        fault(text);
        assert.notEqual(await ended(client.unary({})), "OK");
        clearFaults();
      }
      assert.equal(served(), 0);
      fault("status=UNAVAILABLE before headers");
      assert.equal(await ended(client.unary({})), "UNAVAILABLE");
      assert.equal(served(), 1);
    }));

  test("once, twice, N times, after N calls; the handle counts and removes", () =>
    withPair(FIVE, async ({ echo: client, fault }) => {
      const outcomes = async (calls: number): Promise<string> => {
        let text = "";
        for (let call = 0; call < calls; call++) text += (await ended(client.unary({}))) === "OK" ? "." : "x";
        return text;
      };
      const twice = fault("status=ABORTED twice");
      assert.equal(await outcomes(4), "xx..");
      assert.equal(twice.fired, 2);
      fault("status=ABORTED after 2 calls once");
      assert.equal(await outcomes(4), "..x.");
      const always = fault({ kind: "status", code: Code.ABORTED, on: Echo.methods.unary });
      assert.equal(await outcomes(3), "xxx");
      always.remove();
      assert.equal(await outcomes(2), "..");
      assert.equal(always.fired, 3);
    }));

  test("a status carries its text and metadata", () =>
    withPair(FIVE, async ({ echo: client, fault }) => {
      fault({
        kind: "status",
        code: "UNAVAILABLE",
        message: "hören ☺",
        metadata: { "grpc-retry-pushback-ms": "-1", "a-bin": Uint8Array.of(9) },
      });
      const call = client.unary({});
      assert.equal(await ended(call), "UNAVAILABLE");
      assert.equal((await call.status).message, "hören ☺");
      const trailers = await call.trailers;
      assert.equal(trailers.get("grpc-retry-pushback-ms"), "-1");
      assert.deepEqual([...(trailers.get("a-bin") ?? [])], [9]);
    }));

  test("a GOAWAY at the beginning of a call: it is made once more on another connection, and served once", () =>
    withPair(FIVE, async ({ echo: client, fault, served }) => {
      assert.equal(await ended(client.unary({})), "OK");
      const armed = fault("goaway once");
      assert.equal(await ended(client.unary({})), "OK");
      assert.equal(armed.fired, 1);
      assert.equal(served(), 2);
    }));

  test("a GOAWAY with a grace: what runs by then is lost, not before", () => {
    const release = gate();
    return withPair(
      async function* () {
        yield { number: 1 };
        await release.opened;
        yield { number: 2 };
      },
      async ({ echo: client, fault }) => {
        fault("goaway then 50ms after 1 message");
        const startedAt = performance.now();
        assert.equal(await streamed(client), "1 then UNAVAILABLE");
        assert.ok(performance.now() - startedAt >= 49);
        release.open();
      },
    );
  });

  test("stall: the answer never comes, and the client's deadline ends the call on both sides", () => {
    const told = gate<unknown>();
    return withPair(
      async function* (_requests, call) {
        yield { number: 1 };
        told.open(await aborted(call.signal));
      },
      async ({ echo: client, channel, fault }) => {
        // Else the time may be over before there is a connection.
        channel.connect();
        while (channel.state !== "READY") await channel.waitForStateChange(channel.state);
        fault("stall after 1 message");
        assert.equal(await streamed(client, { timeoutMs: 200 }), "1 then DEADLINE_EXCEEDED");
        await told.opened;
      },
    );
  });

  test("freeze: nothing passes any more, and the connection is given up when nobody answers", () =>
    withPair(FIVE, async ({ echo: client, fault }) => {
      assert.equal(await ended(client.unary({})), "OK");
      fault("freeze once");
      assert.equal(await ended(client.unary({}, { timeoutMs: 50 })), "DEADLINE_EXCEEDED");
      // The channel asks for a sign of life before it uses the connection again.
      assert.equal(await ended(client.unary({})), "OK");
    }));

  test("refuse: there is no connection to be had", () =>
    withPair(
      FIVE,
      async ({ echo: client, served }) => {
        assert.equal(await ended(client.unary({})), "UNAVAILABLE");
        assert.equal(served(), 0);
      },
      { faults: ["refuse"] },
    ));

  test("now: what runs is hit, what begins later is not", () => {
    const running = [gate(), gate()];
    let calls = 0;
    return withPair(
      async function* (_requests, call) {
        running[calls++]?.open();
        if (calls > 2) yield* FIVE([] as never, call);
        else await aborted(call.signal);
      },
      async ({ echo: client, fault }) => {
        const first = streamed(client);
        await running[0]?.opened;
        const missed = fault("reset on Unary now");
        assert.equal(missed.fired, 0);
        fault("status=ABORTED now");
        assert.equal(await first, "0 then ABORTED");
        const second = streamed(client);
        await running[1]?.opened;
        fault("drop now");
        assert.equal(await second, "0 then UNAVAILABLE");
        assert.equal(await streamed(client), "5 then OK");
      },
    );
  });

  test("requests beyond the point of a fault do not reach the handler", () => {
    const seen: number[] = [];
    const over = gate();
    return withPair(
      async function* (requests) {
        try {
          for await (const { number } of requests) seen.push(number);
        } finally {
          over.open();
        }
        yield {};
      },
      async ({ echo: client, fault }) => {
        fault("status=ABORTED after 2 requests");
        // All in one frame.
        const requests = [1, 2, 3, 4].map((number) => ({ number }));
        assert.equal(await ended(client.clientStreaming(requests)), "ABORTED");
        await over.opened;
        assert.ok(seen.length <= 2, `the handler saw ${seen.join(", ")}`);
      },
    );
  });

  test("what is cut away does not use up the connection's window", () =>
    withPair(
      function* () {
        for (let number = 1; number <= 40; number++) yield { number, payload: bytesOf(5000) };
      },
      async ({ echo: client, fault, clearFaults }) => {
        fault("reset after 1 message");
        // 200 kB a call, of a window of 1 MiB for all of them.
        for (let call = 0; call < 12; call++) assert.equal(await streamed(client), "1 then INTERNAL");
        clearFaults();
        fault("status=ABORTED after 1 request");
        const big = { payload: bytesOf(300_000) };
        for (let call = 0; call < 8; call++) {
          assert.equal(await ended(client.clientStreaming([{}, big, big])), "ABORTED");
        }
        clearFaults();
        assert.equal(await streamed(client), "40 then OK");
        assert.equal(await ended(client.unary(big)), "OK");
      },
      { channel: { connectionWindowBytes: 1_048_576 }, server: { connectionWindowBytes: 1_048_576 } },
    ));

  test("a delay runs on the clock of the test", async () => {
    await withPair(FIVE, async ({ echo: client, fault }) => {
      assert.equal(await ended(client.unary({})), "OK");
      mock.timers.enable({ apis: ["setTimeout"] });
      try {
        fault("delay 1min");
        let answered = false;
        const call = client.unary({}).then(() => (answered = true));
        for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
        assert.equal(answered, false);
        mock.timers.tick(60_000);
        await call;
      } finally {
        mock.timers.reset();
      }
    });
  });
});
