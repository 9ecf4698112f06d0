/**
 * The options of one call, and what is refused.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCallOptions, type CallOptions } from "../../../src/transport/client/call-options.js";

function check(options: unknown): () => void {
  return () => checkCallOptions(options as CallOptions);
}

test("checkCallOptions takes every option there is", () => {
  check({ timeoutMs: 1, deadline: new Date(), signal: AbortSignal.abort(), metadata: { a: "b" } })();
  check({})();
  check({ signal: undefined })();
});

test("checkCallOptions names an option that does not exist, and the nearest", () => {
  assert.throws(check({ timeout: 500 }), /no option "timeout"; did you mean "timeoutMs"\?/);
  assert.throws(check({ zzz: 1 }), /no option "zzz"; there are timeoutMs, deadline, waitForReady, signal, metadata/);
});

test("checkCallOptions refuses what is no object, and a signal that is none", () => {
  assert.throws(check(5), TypeError);
  assert.throws(check(null), TypeError);
  assert.throws(check({ signal: {} }), /signal must be an AbortSignal/);
});
