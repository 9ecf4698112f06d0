/**
 * Events on `node:diagnostics_channel`, of calls and connections, on both sides.
 */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { test } from "node:test";
import { type CallEndEvent, type CallStartEvent, Code, type ConnectionEvent, StatusError } from "../../src/index.js";
import { withEcho } from "../support/echo-served.js";
import { gate } from "../support/echo-ways.js";

interface Told {
  readonly name: string;
  readonly event: unknown;
}

/** Listens to all of `names` while `use` runs; `told` resolves when `count` events have come. */
async function listening(
  names: readonly string[],
  use: (events: readonly Told[], told: (count: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const events: Told[] = [];
  let waiting: { readonly count: number; readonly open: () => void } | undefined;
  const listener = (event: unknown, name: string | symbol): void => {
    events.push({ name: String(name), event });
    if (waiting !== undefined && events.length >= waiting.count) waiting.open();
  };
  const told = (count: number): Promise<void> => {
    const { opened, open } = gate();
    waiting = { count, open };
    if (events.length >= count) open();
    return opened;
  };
  for (const name of names) subscribe(name, listener);
  try {
    await use(events, told);
  } finally {
    for (const name of names) unsubscribe(name, listener);
  }
}

test("a call is told with its start and its end, on both sides, with the same object", () =>
  listening(
    ["client", "server"].flatMap((side) => [`barewire:${side}:call:start`, `barewire:${side}:call:end`]),
    (events, told) =>
      withEcho(
        {
          unary(request) {
            if (request.text === "fail") throw new StatusError(Code.NOT_FOUND, "as asked");
            return request;
          },
        },
        async ({ client }) => {
          await client.unary({});
          await told(4);
          await assert.rejects(async () => client.unary({ text: "fail" }));
          await told(8);
          for (const side of ["client", "server"]) {
            const of = (what: string): unknown[] =>
              events.filter(({ name }) => name === `barewire:${side}:call:${what}`).map(({ event }) => event);
            const starts = of("start") as CallStartEvent[];
            const ends = of("end") as CallEndEvent[];
            assert.deepEqual(
              ends.map(({ end }) => end.status.code),
              [Code.OK, Code.NOT_FOUND],
            );
            assert.deepEqual(
              ends.map(({ call }) => starts.findIndex((start) => start.call === call)),
              [0, 1],
            );
            assert.deepEqual([starts[0]?.call.side, starts[0]?.call.method.localName], [side, "unary"]);
            assert.deepEqual([ends[0]?.end.sent, ends[0]?.end.received], [1, 1]);
            assert.ok(ends.every(({ end }) => end.durationMs >= 0 && end.durationMs < 60_000));
          }
        },
      ),
  ));

test("a connection is told when it opens and when it closes, on both sides", () =>
  listening(
    ["client", "server"].flatMap((side) => [`barewire:${side}:connection:open`, `barewire:${side}:connection:close`]),
    async (events, told) => {
      await withEcho({ unary: (request) => request }, async ({ client, channel, port }) => {
        await client.unary({});
        await channel.close();
        await told(4);
        const peerOf = (name: string): string | undefined =>
          (events.find((one) => one.name === name)?.event as ConnectionEvent | undefined)?.peer.address;
        assert.equal(peerOf("barewire:client:connection:open"), `127.0.0.1:${port}`);
        assert.equal(peerOf("barewire:client:connection:close"), `127.0.0.1:${port}`);
        assert.match(peerOf("barewire:server:connection:open") ?? "", /^127\.0\.0\.1:\d+$/);
        assert.equal(peerOf("barewire:server:connection:close"), peerOf("barewire:server:connection:open"));
      });
    },
  ));

test("who subscribes in the middle of a call hears nothing of it", () => {
  const go = gate();
  return withEcho(
    {
      async unary(request) {
        await go.opened;
        return request;
      },
    },
    async ({ client }) => {
      const call = client.unary({});
      await listening(["barewire:client:call:end"], async (events) => {
        go.open();
        await call;
        assert.deepEqual(events, []);
      });
    },
  );
});
