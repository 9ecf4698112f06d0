/**
 * What a server does when its client resets a stream or vanishes, at every moment of a call.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Code, StatusError, type HandlerCall } from "../../src/core.js";
import { ErrorCode } from "../support/http2-frame.js";
import type { RawClient } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { served, type Served } from "../support/peer-served.js";
import { prefix, prefixed, requestFields } from "../support/peer-service.js";

guardProcess();

const UNARY = "/wire.Wire/Unary";
const SERVER_STREAMING = "/wire.Wire/ServerStreaming";
const CLIENT_STREAMING = "/wire.Wire/ClientStreaming";
const BIDI_STREAMING = "/wire.Wire/BidiStreaming";

/** A promise with its handle: what a handler tells the test. */
class Told<T = void> {
  tell: (value: T) => void = () => undefined;
  readonly promise = new Promise<T>((resolve) => (this.tell = resolve));
}

/** Waits for the signal of a call; says its reason. */
async function aborted({ signal }: HandlerCall): Promise<unknown> {
  if (!signal.aborted) await once(signal, "abort");
  return signal.reason;
}

function assertCancelled(reason: unknown): void {
  assert.ok(reason instanceof StatusError, `${String(reason)} must be a StatusError`);
  assert.equal(reason.code, Code.CANCELLED);
}

/** Waits until something is so, looking again whenever the server has answered a PING. */
async function eventually(client: RawClient, what: string, isSo: () => boolean): Promise<void> {
  const guard = AbortSignal.timeout(10_000);
  while (!isSo()) {
    if (guard.aborted) throw new Error(`wanted ${what}`);
    await client.roundTrip();
  }
}

/** Waits until `count` calls have been told as ended. */
function endedCalls({ ended }: Served, client: RawClient, count: number): Promise<void> {
  return eventually(client, `${count} ended calls`, () => ended.length >= count);
}

const ALL_CODES = Object.values(ErrorCode);

describe("reset by the client before the request is complete", () => {
  const moments: readonly (readonly [when: string, bytes: Buffer | undefined])[] = [
    ["after the headers", undefined],
    ["in the middle of a prefix", prefix(5).subarray(0, 3)],
    ["in the middle of a message", prefixed("hello").subarray(0, 7)],
    ["after a message", prefixed("hello")],
  ];

  for (const [when, bytes] of moments) {
    test(`R89 R82 ${when}: a handler that waits for its one request never runs, the call is CANCELLED`, async () => {
      let ran = 0;
      const unary = (request: Uint8Array): Uint8Array => {
        ran++;
        return request;
      };
      await served({ unary, serverStreaming: (request) => [unary(request)] }, async (server) => {
        const client = await server.connect();
        for (const path of [UNARY, SERVER_STREAMING]) {
          const streamId = client.open(requestFields(path));
          if (bytes !== undefined) client.data(streamId, bytes);
          await client.roundTrip();
          client.reset(streamId, ErrorCode.CANCEL);
          await client.roundTrip();
          assert.deepEqual(client.order(streamId), [], "nothing is sent");
        }
        await endedCalls(server, client, 2);
        assert.deepEqual(
          server.ended.map((call) => call.code),
          [Code.CANCELLED, Code.CANCELLED],
        );
        assert.deepEqual(server.errors, []);
      });
      assert.equal(ran, 0);
    });

    test(`R89 R112 ${when}: a handler that reads is told by its signal and by its reader`, async () => {
      const reasons: unknown[] = [];
      const thrown: unknown[] = [];
      const told = new Told();
      const began = new Told();
      await served(
        {
          async clientStreaming(requests, call) {
            call.signal.addEventListener("abort", () => reasons.push(call.signal.reason), { once: true });
            began.tell();
            try {
              for await (const request of requests) void request;
            } catch (error) {
              thrown.push(error);
            }
            told.tell();
            return Buffer.from("nobody hears this");
          },
        },
        async ({ connect, errors }) => {
          const client = await connect();
          const streamId = client.open(requestFields(CLIENT_STREAMING));
          if (bytes !== undefined) client.data(streamId, bytes);
          await began.promise;
          await client.roundTrip();
          client.reset(streamId, ErrorCode.CANCEL);
          await told.promise;
          await client.roundTrip();
          assert.deepEqual(client.order(streamId), []);
          assert.deepEqual(errors, []);
        },
      );
      assert.equal(reasons.length, 1);
      assertCancelled(reasons[0]);
      assert.equal(thrown.length, 1);
      assertCancelled(thrown[0]);
    });
  }
});

describe("reset by the client while the handler works", () => {
  test("R89 R112 any error code cancels, and what the handler still does is not sent and does not fail", async () => {
    const calls: HandlerCall[] = [];
    let began = new Told<HandlerCall>();
    let finished = new Told();
    await served(
      {
        async unary(request, call) {
          calls.push(call);
          began.tell(call);
          assertCancelled(await aborted(call));
          call.headers.set("x-late", "1");
          call.trailers.set("x-late", "1");
          call.sendHeaders();
          finished.tell();
          return request;
        },
      },
      async ({ connect, errors }) => {
        const client = await connect();
        for (const code of [...ALL_CODES, 0xbeef]) {
          began = new Told();
          finished = new Told();
          const streamId = client.open(requestFields(UNARY));
          client.data(streamId, prefixed("hello"), { endStream: true });
          await began.promise;
          client.reset(streamId, code);
          await finished.promise;
          await client.roundTrip();
          assert.deepEqual(client.order(streamId), [], `after RST_STREAM(${code})`);
        }
        assert.deepEqual(errors, []);
      },
    );
    assert.equal(calls.length, ALL_CODES.length + 1);
  });

  test("R112 a signal that is first looked at after the reset is aborted already", async () => {
    const told = new Told<AbortSignal>();
    const began = new Told();
    let go: () => void = () => undefined;
    await served(
      {
        async unary(request, call) {
          began.tell();
          await new Promise<void>((resolve) => (go = resolve));
          told.tell(call.signal);
          return request;
        },
      },
      async ({ connect }) => {
        const client = await connect();
        const streamId = client.open(requestFields(UNARY));
        client.data(streamId, prefixed("hello"), { endStream: true });
        await began.promise;
        client.reset(streamId, ErrorCode.CANCEL);
        await client.roundTrip();
        go();
        const signal = await told.promise;
        assert.ok(signal.aborted);
        assertCancelled(signal.reason);
      },
    );
  });

  test("R89 after headers, between messages and blocked by flow control: the handler's generator is closed", async () => {
    for (const moment of ["headers", "messages", "blocked"] as const) {
      const closed = new Told();
      await served(
        {
          async *serverStreaming(_request, call) {
            call.sendHeaders();
            try {
              if (moment === "headers") await aborted(call);
              yield Buffer.from("one");
              if (moment === "messages") await aborted(call);
              for (;;) yield Buffer.alloc(16_384);
            } finally {
              closed.tell();
            }
          },
        },
        async ({ connect, errors }) => {
          const client = await connect({ autoWindow: false });
          const streamId = client.open(requestFields(SERVER_STREAMING));
          client.data(streamId, prefixed("go"), { endStream: true });
          await client.frame("HEADERS", streamId);
          if (moment !== "headers") await client.frame("DATA", streamId);
          if (moment === "blocked") {
            await client.until("a full window", () => (client.received(streamId) === 65_535 ? true : undefined));
          }
          client.reset(streamId, ErrorCode.CANCEL);
          await closed.promise;
          await client.roundTrip();
          assert.ok(!client.order(streamId).some((frame) => frame.endsWith("END_STREAM")), moment);
          assert.deepEqual(errors, []);
        },
      );
    }
  });

  test("R89 a reset behind the answer changes nothing", async () => {
    await served({}, async (server) => {
      const client = await server.connect();
      const streamId = client.open(requestFields(UNARY));
      client.data(streamId, prefixed("hello"), { endStream: true });
      await client.reply(streamId);
      client.reset(streamId, ErrorCode.CANCEL);
      client.reset(streamId, ErrorCode.CANCEL);
      await client.roundTrip();
      assert.deepEqual(
        server.ended.map((call) => call.code),
        [Code.OK],
      );
      assert.deepEqual(server.errors, []);
    });
  });

  test("R89 a thousand calls opened and reset in one breath leave nothing running", async () => {
    let running = 0;
    await served(
      {
        async bidiStreaming(requests, call) {
          running++;
          try {
            await aborted(call);
          } finally {
            running--;
          }
          return [];
        },
      },
      async (server) => {
        for (let round = 0; round < 5; round++) {
          const client = await server.connect();
          for (let i = 0; i < 200; i++) {
            const streamId = client.open(requestFields(BIDI_STREAMING));
            client.data(streamId, prefixed("x"));
            client.reset(streamId, ErrorCode.CANCEL);
          }
          await client.roundTrip();
        }
        const client = await server.connect();
        await eventually(client, "no running handler", () => running === 0);
        assert.deepEqual(server.errors, []);
      },
    );
    assert.equal(running, 0);
  });
});

describe("loss of the connection", () => {
  const ways: readonly (readonly [how: string, lose: (client: RawClient) => void])[] = [
    ["a FIN", (client) => client.end()],
    ["a TCP RST", (client) => client.abort()],
    ["a GOAWAY and a FIN", (client) => (client.goaway(0, ErrorCode.NO_ERROR), client.end())],
    ["a protocol error", (client) => client.windowUpdate(0, 0)],
  ];

  for (const [how, lose] of ways) {
    test(`R112 R113 ${how} in the middle of a message cancels reading, waiting and writing handlers`, async () => {
      const reasons: unknown[] = [];
      const began = [new Told(), new Told(), new Told()] as const;
      await served(
        {
          async unary(request, call) {
            began[0].tell();
            reasons.push(await aborted(call));
            return request;
          },
          async clientStreaming(requests) {
            began[1].tell();
            try {
              for await (const request of requests) void request;
            } catch (error) {
              reasons.push(error);
            }
            return Buffer.alloc(0);
          },
          async *serverStreaming(_request, call) {
            began[2].tell();
            try {
              for (;;) yield Buffer.alloc(1024);
            } finally {
              reasons.push(call.signal.reason);
            }
          },
        },
        async (server) => {
          const client = await server.connect({ autoWindow: false });
          const waiting = client.open(requestFields(UNARY));
          client.data(waiting, prefixed("hello"), { endStream: true });
          const writing = client.open(requestFields(SERVER_STREAMING));
          client.data(writing, prefixed("go"), { endStream: true });
          const reading = client.open(requestFields(CLIENT_STREAMING));
          client.data(reading, prefixed("hello").subarray(0, 8));
          for (const one of began) await one.promise;
          await client.roundTrip();
          lose(client);
          const other = await server.connect();
          await endedCalls(server, other, 3);
          assert.deepEqual(
            server.ended.map((call) => call.code),
            [Code.CANCELLED, Code.CANCELLED, Code.CANCELLED],
          );
          await eventually(other, "three reasons", () => reasons.length === 3);
          assert.deepEqual(server.errors, []);
        },
      );
      for (const reason of reasons) assertCancelled(reason);
    });
  }

  test("R112 handlers that yield without end stop, their finally runs, and the process breathes", async () => {
    const closed = new Told();
    let open = 3;
    const close = (): void => {
      if (--open === 0) closed.tell();
    };
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    try {
      await served(
        {
          // Steps without ever waiting, synchronously.
          *serverStreaming() {
            try {
              for (;;) yield Buffer.alloc(100);
            } finally {
              close();
            }
          },
          // Steps without ever waiting, asynchronously.
          async *bidiStreaming() {
            try {
              for (;;) yield Buffer.alloc(100);
            } finally {
              close();
            }
          },
          // Sends whatever its reader says, for ever.
          async clientStreaming(requests) {
            try {
              for await (const request of requests) void request;
            } finally {
              close();
            }
            return Buffer.alloc(0);
          },
        },
        async ({ connect, errors }) => {
          const client = await connect({ autoWindow: false });
          const sync = client.open(requestFields(SERVER_STREAMING));
          client.data(sync, prefixed("go"), { endStream: true });
          const reading = client.open(requestFields(CLIENT_STREAMING));
          client.data(reading, prefixed("hello").subarray(0, 6));
          const chat = client.open(requestFields(BIDI_STREAMING));
          client.data(chat, prefixed("hello").subarray(0, 6));
          await client.frame("DATA", sync);
          await client.frame("DATA", chat);
          client.abort();
          await closed.promise;
          const before = ticks;
          const other = await connect();
          await eventually(other, "five ticks", () => ticks >= before + 5);
          assert.deepEqual(errors, []);
        },
      );
    } finally {
      clearInterval(timer);
    }
    assert.equal(open, 0);
  });

  test("R94 R112 a handler that ignores its cancellation and goes on writing harms nobody", async () => {
    const finished = new Told();
    await served(
      {
        async *bidiStreaming(_requests, call) {
          await aborted(call);
          try {
            for (let i = 0; i < 1000; i++) yield Buffer.alloc(10_000);
          } finally {
            finished.tell();
          }
        },
        async unary(_request, call) {
          await aborted(call);
          throw new Error("after the end");
        },
      },
      async ({ connect, errors }) => {
        const client = await connect();
        client.open(requestFields(BIDI_STREAMING));
        const failing = client.open(requestFields(UNARY));
        client.data(failing, prefixed("x"), { endStream: true });
        await client.roundTrip();
        client.abort();
        await finished.promise;
        const other = await connect();
        await eventually(other, "an error", () => errors.length > 0);
        assert.equal((errors[0] as Error).message, "after the end", "a handler's own exception is still told");
        assert.equal(errors.length, 1);
      },
    );
  });
});

/** A handler that takes its time with every request, and says how its loop over them came to an end. */
class BusyReader {
  readonly #busy = new Told();
  readonly #freed = new Told();
  readonly #ended = new Told<unknown>();
  /** Resolves when the first request is being worked on. */
  readonly busy = this.#busy.promise;
  /** Resolves when the loop has ended: to what it threw, or to `"a clean end"`. */
  readonly ended = this.#ended.promise;

  /** Lets the work be done. */
  free(): void {
    this.#freed.tell();
  }

  async read(requests: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    try {
      for await (const request of requests) {
        void request;
        this.#busy.tell();
        await this.#freed.promise;
      }
    } catch (error) {
      this.#ended.tell(error);
      throw error;
    }
    this.#ended.tell("a clean end");
    return Buffer.from("complete");
  }
}

/** Ends a call by `end` while its handler works on the first of `count` requests; gives what its loop threw afterwards. */
async function brokenOff(
  path: string,
  count: number,
  end: (client: RawClient, streamId: number) => void,
  { lost = false, timeout }: { readonly lost?: boolean; readonly timeout?: string } = {},
): Promise<StatusError> {
  const reader = new BusyReader();
  let thrown: unknown;
  await served(
    {
      clientStreaming: (requests) => reader.read(requests),
      async *bidiStreaming(requests) {
        yield await reader.read(requests);
      },
    },
    async (server) => {
      const client = await server.connect();
      const streamId = client.open(requestFields(path, timeout === undefined ? [] : [["grpc-timeout", timeout]]));
      for (let i = 0; i < count; i++) client.data(streamId, prefixed(`request ${i}`));
      await reader.busy;
      await client.roundTrip();
      end(client, streamId);
      await endedCalls(server, await server.connect(), 1);
      reader.free();
      thrown = await reader.ended;
      assert.deepEqual(server.errors, []);
      if (lost) await client.disconnected();
    },
  );
  assert.ok(thrown instanceof StatusError, `the loop must throw the status, it came to ${String(thrown)}`);
  return thrown;
}

describe("the end of a call whose handler is busy, not waiting for its next request", () => {
  for (const path of [CLIENT_STREAMING, BIDI_STREAMING]) {
    for (const count of [1, 3]) {
      test(`R89 R109 R112 ${path}, ${count} requests: a reset with any code throws CANCELLED into the loop`, async () => {
        for (const code of [...ALL_CODES, 0xbeef]) {
          assertCancelled(await brokenOff(path, count, (client, streamId) => client.reset(streamId, code)));
        }
      });

      test(`R112 R113 ${path}, ${count} requests: the loss of the connection throws CANCELLED into the loop`, async () => {
        const ways: readonly ((client: RawClient) => void)[] = [
          (client) => client.end(),
          (client) => client.abort(),
          (client) => (client.goaway(0, ErrorCode.NO_ERROR), client.end()),
          (client) => client.windowUpdate(0, 0),
        ];
        for (const lose of ways) assertCancelled(await brokenOff(path, count, lose, { lost: true }));
      });

      test(`R102 R112 ${path}, ${count} requests: the deadline throws DEADLINE_EXCEEDED into the loop`, async () => {
        const error = await brokenOff(path, count, () => undefined, { timeout: "100m" });
        assert.equal(error.code, Code.DEADLINE_EXCEEDED);
      });

      test(`R130 R51 R55 ${path}, ${count} requests: a request that cannot be taken throws its status into the loop`, async () => {
        const cases: readonly (readonly [bytes: Buffer, endStream: boolean, code: Code])[] = [
          [prefix(5_000_000), false, Code.RESOURCE_EXHAUSTED],
          [prefix(5, 7), false, Code.INTERNAL],
          [prefix(5), true, Code.INTERNAL],
          [prefix(5).subarray(0, 2), true, Code.INTERNAL],
        ];
        for (const [bytes, endStream, code] of cases) {
          const error = await brokenOff(path, count, (client, streamId) => client.data(streamId, bytes, { endStream }));
          assert.equal(error.code, code, error.message);
        }
      });
    }

    test(`R112 ${path}: a half-close behind the requests is a clean end, also for a handler that is busy`, async () => {
      const reader = new BusyReader();
      await served(
        {
          clientStreaming: (requests) => reader.read(requests),
          async *bidiStreaming(requests) {
            yield await reader.read(requests);
          },
        },
        async ({ connect }) => {
          const client = await connect();
          const streamId = client.open(requestFields(path));
          client.data(streamId, prefixed("one"));
          client.data(streamId, prefixed("two"), { endStream: true });
          await reader.busy;
          await client.roundTrip();
          reader.free();
          assert.equal(await reader.ended, "a clean end");
          assert.equal((await client.reply(streamId)).grpcStatus, Code.OK);
        },
      );
    });
  }
});
