/**
 * What a handler can pass on to the calls it makes for its own client: that nobody waits any more.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, StatusError } from "../../src/index.js";
import { withEcho } from "../support/echo-served.js";
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
