/**
 * When headers, status and trailers of a call become known.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Metadata } from "../../../src/codec/metadata.js";
import { Code, StatusError } from "../../../src/codec/status.js";
import { Outcome } from "../../../src/transport/client/outcome.js";

/** Whether a promise is settled by the time everything that waits has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe("Outcome", () => {
  test("R78 a decided status is told only when every message has been taken", async () => {
    const outcome = new Outcome();
    outcome.decide(undefined);
    assert.equal(outcome.decided, true);
    assert.equal(await isSettled(outcome.status), false);
    assert.equal(await isSettled(outcome.trailers), false);
    assert.equal(outcome.tell(), true);
    assert.deepEqual(await outcome.status, { code: Code.OK, message: "" });
    assert.equal((await outcome.trailers).size, 0);
  });

  test("a status that was not told may be replaced, a told one not", async () => {
    const outcome = new Outcome();
    outcome.decide(undefined);
    outcome.decide(new StatusError(Code.CANCELLED, "here"));
    outcome.tell();
    outcome.decide(new StatusError(Code.INTERNAL, "late"));
    assert.equal((await outcome.status).code, Code.CANCELLED);
    assert.equal(outcome.error?.rawMessage, "here");
  });

  test("tell does nothing before the status is decided, and says when it was the moment", () => {
    const outcome = new Outcome();
    assert.equal(outcome.tell(), false);
    assert.equal(outcome.told, false);
    outcome.decide(undefined);
    assert.equal(outcome.tell(), true);
    assert.equal(outcome.tell(), false);
  });

  test("headers are known when they arrive, and empty when the call ends without", async () => {
    const arrived = new Outcome();
    const before = arrived.headers;
    arrived.headersArrived(new Metadata({ "x-a": "1" }));
    assert.equal((await before).get("x-a"), "1");
    assert.equal((await arrived.headers).get("x-a"), "1");

    const without = new Outcome();
    const none = without.headers;
    without.decide(new StatusError(Code.UNAVAILABLE, "gone"));
    assert.equal((await none).size, 0);
    assert.equal(without.hasHeaders, false);
  });

  test("trailers come with the peer's status and go with it", async () => {
    const outcome = new Outcome();
    outcome.peerTrailers = new Metadata({ "x-t": "1" });
    outcome.decide(undefined);
    outcome.peerTrailers = undefined;
    outcome.decide(new StatusError(Code.CANCELLED, "here"));
    outcome.tell();
    assert.equal((await outcome.trailers).size, 0);
  });
});
