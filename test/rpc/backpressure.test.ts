/**
 * Backpressure: whoever is faster waits, and what lies between the two ends stays bounded.
 */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { Code } from "../../src/index.js";
import { withEcho } from "../support/echo-served.js";
import type { EchoMessage, EchoMessageInit } from "../support/echo-service.js";
import { behaveAs, bytesOf, gate } from "../support/echo-ways.js";

const MESSAGE_BYTES = 16_384;
const MESSAGES = 4000;
/** The stream's window, the queue of the reader, the buffers of writer and socket: far below the 64 MiB of all messages. */
const MOST_IN_FLIGHT = 80;

const payload = bytesOf(MESSAGE_BYTES);

/** Resolves when `count` has stopped growing. */
async function standstill(count: () => number): Promise<number> {
  for (let before = -1, quiet = 0; quiet < 30;) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    quiet = count() === before ? quiet + 1 : 0;
    before = count();
  }
  return count();
}

async function readAll(messages: AsyncIterable<EchoMessage>): Promise<number> {
  let count = 0;
  for await (const message of messages) {
    assert.equal(message.number, count);
    assert.equal(message.payload.length, MESSAGE_BYTES);
    count++;
  }
  return count;
}

describe("a client that does not read", () => {
  let yielded = 0;
  function* many(): Generator<EchoMessageInit> {
    for (yielded = 0; yielded < MESSAGES; yielded++) yield { payload, number: yielded };
  }
  async function* manyLater(): AsyncGenerator<EchoMessageInit> {
    yield* many();
  }
  const sources = {
    "a generator": many,
    "an async generator": manyLater,
    "a Readable": () => Readable.from(many()),
  };
  for (const [name, source] of Object.entries(sources)) {
    for (const kind of ["serverStreaming", "bidiStreaming"] as const) {
      test(`R143 R144 ${kind}: makes ${name} wait, other calls go on, and reading goes on where it stopped`, () =>
        withEcho(
          { serverStreaming: source, bidiStreaming: source, unary: (request) => request },
          async ({ client }) => {
            const call = kind === "serverStreaming" ? client.serverStreaming({}) : client.bidiStreaming([]);
            assert.equal((await call.receive())?.number, 0);
            const inFlight = await standstill(() => yielded);
            assert.ok(inFlight > 1, "some messages are under way");
            assert.ok(inFlight < MOST_IN_FLIGHT, `${inFlight} messages of ${MESSAGE_BYTES} bytes are under way`);
            for (let number = 0; number < 50; number++) {
              assert.equal((await client.unary({ number, payload })).number, number);
            }
            assert.equal(yielded, inFlight, "nothing more was asked for");
            for (let number = 1; number < 10; number++) assert.equal((await call.receive())?.number, number);
            let last = 9;
            for (let next = await call.receive(); next !== undefined; next = await call.receive()) {
              assert.equal(next.number, ++last);
            }
            assert.equal(last, MESSAGES - 1);
            assert.equal((await call.status).code, Code.OK);
          },
        ));
    }
  }

  test("R143 R145 costs a bounded amount of memory", () =>
    withEcho({ serverStreaming: many }, async ({ client }) => {
      const before = process.memoryUsage().arrayBuffers;
      const calls = Array.from({ length: 20 }, () => client.serverStreaming({}));
      for (const call of calls) assert.equal((await call.receive())?.payload.length, MESSAGE_BYTES);
      await standstill(() => yielded);
      const grown = process.memoryUsage().arrayBuffers - before;
      // 20 calls of 64 MiB each; a window of 256 KiB for each on the way in, somewhat more on the way out.
      assert.ok(grown < 40 * 1024 * 1024, `${Math.round(grown / 1024)} KiB are held`);
      for (const call of calls) call.cancel();
    }));

  test("can cancel: the waiting generator is let go", () => {
    const over = gate();
    return withEcho(
      {
        *serverStreaming() {
          try {
            for (;;) yield { payload };
          } finally {
            over.open();
          }
        },
      },
      async ({ client }) => {
        const call = client.serverStreaming({});
        await call.receive();
        await new Promise((resolve) => setTimeout(resolve, 20));
        call.cancel();
        await over.opened;
        assert.equal((await call.status).code, Code.CANCELLED);
      },
    );
  });
});

describe("a handler that does not read", () => {
  function slowHandler(): { implementation: ReturnType<typeof behaveAs>; release: () => void } {
    const { opened, open } = gate();
    const implementation = behaveAs(async function* (requests) {
      await opened;
      yield { number: await readAll(requests) };
    });
    return { implementation, release: open };
  }

  for (const kind of ["clientStreaming", "bidiStreaming"] as const) {
    test(`R143 ${kind}: makes send() wait`, () => {
      const { implementation, release } = slowHandler();
      return withEcho(implementation, async ({ client }) => {
        const call = kind === "clientStreaming" ? client.clientStreaming() : client.bidiStreaming();
        let sent = 0;
        const sending = (async () => {
          for (; sent < MESSAGES; sent++) await call.send({ payload, number: sent });
          call.closeSend();
        })();
        const inFlight = await standstill(() => sent);
        assert.ok(inFlight > 1 && inFlight < MOST_IN_FLIGHT, `${inFlight} messages are under way`);
        release();
        await sending;
        const answer = "finish" in call ? await call.finish() : await call.receive();
        assert.equal(answer?.number, MESSAGES);
        assert.equal((await call.status).code, Code.OK);
      });
    });

    test(`R143 ${kind}: makes the iterable of requests wait`, () => {
      const { implementation, release } = slowHandler();
      return withEcho(implementation, async ({ client }) => {
        let pulled = 0;
        function* requests(): Generator<EchoMessageInit> {
          for (; pulled < MESSAGES; pulled++) yield { payload, number: pulled };
        }
        const call =
          kind === "clientStreaming" ? client.clientStreaming(requests()) : client.bidiStreaming(requests()).receive();
        const inFlight = await standstill(() => pulled);
        assert.ok(inFlight > 1 && inFlight < MOST_IN_FLIGHT, `${inFlight} messages are under way`);
        release();
        assert.equal((await call)?.number, MESSAGES);
      });
    });
  }
});

test("R143 messages larger than every window pass, with a reader that is slow", () => {
  const large = bytesOf(3 * 1024 * 1024);
  return withEcho(
    {
      *serverStreaming() {
        for (let number = 0; number < 5; number++) yield { payload: large, number };
      },
      async *bidiStreaming(requests) {
        for await (const { number, payload: received } of requests) {
          await new Promise((resolve) => setTimeout(resolve, 2));
          yield { number: received.length + number };
        }
      },
    },
    async ({ client }) => {
      const download = client.serverStreaming({});
      for (let number = 0; number < 5; number++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        const received = await download.receive();
        assert.equal(received?.number, number);
        assert.ok(Buffer.from(received.payload).equals(large));
      }
      assert.equal(await download.receive(), undefined);
      const upload = client.bidiStreaming();
      for (let number = 0; number < 3; number++) {
        await upload.send({ payload: large, number });
        assert.equal((await upload.receive())?.number, large.length + number);
      }
      upload.closeSend();
      assert.equal(await upload.receive(), undefined);
    },
  );
});

test("messages that are read while others come stay in order: 20,000 of all sizes, both ways at once", () =>
  withEcho(
    {
      async *bidiStreaming(requests) {
        for await (const { number, payload: received } of requests) yield { number, payload: received };
      },
    },
    async ({ client }) => {
      const source = bytesOf(50_000);
      const sizes = (number: number): number => (number * 7919) % (number % 100 === 0 ? 50_000 : 200);
      function* requests(): Generator<EchoMessageInit> {
        for (let number = 0; number < 20_000; number++) {
          yield { number, payload: source.subarray(0, sizes(number)) };
        }
      }
      let expected = 0;
      for await (const { number, payload: received } of client.bidiStreaming(requests())) {
        assert.equal(number, expected);
        assert.equal(received.length, sizes(expected));
        expected++;
      }
      assert.equal(expected, 20_000);
    },
  ));
