/**
 * What a handler can pass on to the calls it makes for its own client: that nobody waits any more.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel, Code, StatusError } from "../../src/index.js";
import { withEcho } from "../support/echo-served.js";
import { Echo } from "../support/echo-service.js";
import { aborted, behaveAs, ECHO_WAYS, outcomeOf } from "../support/echo-ways.js";

describe("a handler that makes calls of its own", () => {
  for (const way of ECHO_WAYS) {
    test(`R114 ${way.name}: passes its cancellation on with its signal, as far as the last handler`, async () => {
      const reasons: unknown[] = [];
      let began: () => void = () => undefined;
      const begun = new Promise<void>((resolve) => (began = resolve));
      const last = behaveAs(async function* (_requests, call) {
        began();
        reasons.push(await aborted(call.signal));
        yield {};
      });
      await withEcho(last, async ({ client: upstream, callsEnded, ended }) => {
        const middle = behaveAs(async function* (_requests, call) {
          const { error, status } = await outcomeOf(way.start(upstream, [{}], { signal: call.signal }));
          reasons.push(error);
          assert.equal(status.code, Code.CANCELLED);
          yield {};
        });
        await withEcho(middle, async ({ client, callsEnded: middleEnded, unobserved, serverErrors }) => {
          const started = way.start(client, [{}]);
          const result = outcomeOf(started);
          await begun;
          started.facts.cancel();
          assert.equal((await result).status.code, Code.CANCELLED);
          await callsEnded(1);
          await middleEnded(1);
          assert.equal(ended[0]?.code, Code.CANCELLED);
          assert.deepEqual([unobserved, serverErrors], [[], []]);
        });
      });
      assert.equal(reasons.length, 2, "both handlers were told");
      for (const reason of reasons) {
        assert.ok(reason instanceof StatusError, `${String(reason)} must be a StatusError`);
        assert.equal(reason.code, Code.CANCELLED);
      }
    });
  }
});

describe("a handler whose own call has failed", () => {
  const SECRETS = ["/nonexistent", "orders.sock", "ENOENT", "tcp", "is the server running", "barewire.test.Echo"];

  for (const way of ECHO_WAYS) {
    test(`R234 ${way.name}: sends its client the code and the text, and nothing of addresses, attempts, hints or causes`, async () => {
      const upstream = new Channel("unix:/nonexistent/orders.sock", { callSites: true });
      const failing = behaveAs(async function* () {
        yield await upstream.client(Echo).unary({ text: "x" });
      });
      await withEcho(
        failing,
        async ({ client, observer }) => {
          const { status, error } = await outcomeOf(way.start(client, [{}]));
          assert.deepEqual(status, { code: Code.UNAVAILABLE, message: "cannot connect to the server" });
          assert.ok(error instanceof StatusError);
          const { trailers, details, attempts, hint, cause } = error;
          assert.deepEqual(
            { trailers: trailers?.size, details, attempts, hint, cause },
            { trailers: 0, details: [], attempts: [], hint: undefined, cause: undefined },
          );
          const { conversation } = observer;
          const sent = conversation.bytes("fromServer").toString("latin1");
          const fields = conversation.streamIds.flatMap((id) => conversation.headerBlocks("fromServer", id));
          for (const secret of SECRETS) assert.ok(!`${sent}${JSON.stringify(fields)}`.includes(secret), secret);
        },
        { observed: true },
      );
      await upstream.destroy();
    });
  }
});
