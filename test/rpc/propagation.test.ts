/**
 * Calls made inside a handler: what they inherit of the handler's call, and what they do not.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type CallOptions,
  Channel,
  type ChannelOptions,
  Code,
  type HandlerCall,
  type Interceptor,
  Server,
  StatusError,
} from "../../src/index.js";
import { withEcho } from "../support/echo-served.js";
import { Echo } from "../support/echo-service.js";
import { aborted, gate } from "../support/echo-ways.js";

const passOn: Interceptor = (_call, next) => next();

interface Inner {
  readonly channel: Channel;
  /** The calls that have arrived. */
  readonly calls: HandlerCall[];
  readonly arrived: Promise<HandlerCall>;
}

/** A second server, whose handler waits until its call is cancelled. */
async function withInner(use: (inner: Inner) => Promise<void>, options: ChannelOptions = {}): Promise<void> {
  const calls: HandlerCall[] = [];
  const first = gate<HandlerCall>();
  const server = new Server();
  server.add(Echo, {
    async unary(request, call) {
      calls.push(call);
      first.open(call);
      if (request.text === "at once") return request;
      await aborted(call.signal);
      return {};
    },
  });
  const { port } = await server.listen("127.0.0.1:0");
  const channel = new Channel(`127.0.0.1:${port}`, options);
  try {
    await use({ channel, calls, arrived: first.opened });
  } finally {
    await channel.destroy();
    await server.close({ graceMs: 0 });
  }
}

/** Calls the inner server from within a handler, and gives the error to `failed`. */
async function callInner(channel: Channel, failed: (error: unknown) => void, options?: CallOptions): Promise<object> {
  try {
    return await channel.client(Echo).unary({}, options);
  } catch (error) {
    failed(error);
    return {};
  }
}

for (const intercepted of [false, true]) {
  const server = intercepted ? { interceptors: [passOn] } : {};

  describe(`a call made inside a handler${intercepted ? " behind an interceptor" : ""}`, () => {
    test("R104 inherits what is left of the deadline, and ends with it", () =>
      withInner(({ channel, arrived }) => {
        const failed = gate<unknown>();
        return withEcho(
          { unary: () => callInner(channel, failed.open) },
          async ({ client }) => {
            const until = Date.now() + 2000;
            const called = client.unary({}, { timeoutMs: 2000 });
            const { deadline } = await arrived;
            // One clock's rounding for each of the two hops, and for the calendar.
            assert.ok(deadline !== undefined && Math.abs(deadline.getTime() - until) < 500);
            await assert.rejects(async () => called, { code: Code.DEADLINE_EXCEEDED });
            // The client gives up at the same moment, which cancels: whichever comes first.
            const { code } = (await failed.opened) as StatusError;
            assert.ok(code === Code.DEADLINE_EXCEEDED || code === Code.CANCELLED);
          },
          { server },
        );
      }));

    test("R104 keeps its own deadline where that is nearer", () =>
      withInner(({ channel }) => {
        const failed = gate<unknown>();
        return withEcho(
          { unary: () => callInner(channel, failed.open, { timeoutMs: 20 }) },
          async ({ client }) => {
            await client.unary({}, { timeoutMs: 60_000 });
            assert.match(String(await failed.opened), /the deadline of 20 ms passed/);
          },
          { server },
        );
      }));

    test("R114 is cancelled when the handler's call is, and its server hears of it", () =>
      withInner(({ channel, arrived }) => {
        const failed = gate<unknown>();
        return withEcho(
          { unary: () => callInner(channel, failed.open) },
          async ({ client }) => {
            const call = client.unary({});
            const inner = await arrived;
            call.cancel();
            const error = (await failed.opened) as StatusError;
            assert.equal(error.code, Code.CANCELLED);
            assert.ok(error.cause instanceof StatusError);
            await aborted(inner.signal);
            await assert.rejects(async () => call);
          },
          { server },
        );
      }));
  });
}

describe("a call made inside a handler", () => {
  test("R114 inherits inside generators, too, wherever they have got to", () =>
    withInner(({ channel, arrived }) => {
      const failed = gate<unknown>();
      return withEcho(
        {
          async *serverStreaming() {
            yield {};
            await new Promise(setImmediate);
            yield await callInner(channel, failed.open);
          },
        },
        async ({ client }) => {
          const call = client.serverStreaming({});
          await call.receive();
          await arrived;
          call.cancel();
          assert.equal(((await failed.opened) as StatusError).code, Code.CANCELLED);
        },
      );
    }));

  test("R114 inherits nothing with propagate: false, said by the call or by its channel", async () => {
    for (const by of ["call", "channel"] as const) {
      const off = { propagate: false };
      await withInner(
        ({ channel, arrived }) => {
          const over = gate<unknown>();
          return withEcho(
            { unary: () => callInner(channel, over.open, by === "call" ? off : {}) },
            async ({ client }) => {
              const call = client.unary({}, { timeoutMs: 60_000 });
              const inner = await arrived;
              assert.equal(inner.deadline, undefined);
              call.cancel();
              await assert.rejects(async () => call, { code: Code.CANCELLED });
              assert.equal(inner.signal.aborted, false);
            },
          );
        },
        by === "channel" ? off : {},
      );
    }
  });

  test("R114 inherits nothing once the handler's call was answered: what it set off goes on", () =>
    withInner(({ channel, calls, arrived }) => {
      const answered = gate();
      const late = gate<unknown>();
      return withEcho(
        {
          unary(request) {
            // Begun before the answer, and after it.
            void callInner(channel, () => undefined);
            void (async () => {
              await answered.opened;
              late.open(await channel.client(Echo).unary({ text: "at once" }));
            })();
            return request;
          },
        },
        async ({ client }) => {
          await client.unary({}, { timeoutMs: 60_000 });
          const early = await arrived;
          answered.open();
          await late.opened;
          assert.equal(early.signal.aborted, false);
          assert.deepEqual(
            calls.map(({ deadline }) => deadline === undefined),
            [false, true],
          );
        },
      );
    }));

  test("R114 fails at once when the handler's call was cancelled before, and can be let off", () =>
    withInner(({ channel, calls }) => {
      const over = gate<unknown[]>();
      const started = gate();
      return withEcho(
        {
          async unary(_request, call) {
            started.open();
            await aborted(call.signal);
            const errors: unknown[] = [];
            await callInner(channel, (error) => errors.push(error));
            // Clearing up after a call is not done for its caller.
            const clean = await channel.client(Echo).unary({ text: "at once" }, { propagate: false });
            over.open([...errors, clean.text]);
            return {};
          },
        },
        async ({ client }) => {
          const call = client.unary({});
          await started.opened;
          call.cancel();
          const [error, text] = await over.opened;
          assert.equal((error as StatusError).code, Code.CANCELLED);
          assert.equal(text, "at once");
          assert.equal(calls.length, 1);
        },
      );
    }));

  test("R114 a connection that a handler's call opens is not made inside it: calls of others do not inherit through it", () =>
    withInner(({ channel }) =>
      withEcho(
        { unary: (request) => channel.client(Echo).unary({ ...request, text: "at once" }) },
        async ({ client }) => {
          await client.unary({}, { timeoutMs: 60_000 });
          const { text } = await channel.client(Echo).unary({ text: "at once" });
          assert.equal(text, "at once");
        },
      ),
    ));
});

test("R114 the signal of another call may be passed on by hand: the code says why that ended", () =>
  withInner(
    ({ channel, arrived }) => {
      const failed = gate<unknown>();
      return withEcho(
        { unary: (_request, call) => callInner(channel, failed.open, { signal: call.signal }) },
        async ({ client }) => {
          const call = client.unary({}, { timeoutMs: 2000 });
          await arrived;
          await assert.rejects(async () => call, { code: Code.DEADLINE_EXCEEDED });
          const { code, origin } = (await failed.opened) as StatusError;
          assert.ok(code === Code.DEADLINE_EXCEEDED || code === Code.CANCELLED);
          assert.equal(origin, "local");
        },
      );
    },
    { propagate: false },
  ));
