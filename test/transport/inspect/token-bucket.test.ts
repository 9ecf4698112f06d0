import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TokenBucket } from "../../../src/transport/inspect/token-bucket.js";

describe("TokenBucket", () => {
  test("gives a tenth of a second's worth at once, and then as fast as the rate", () => {
    const bucket = new TokenBucket(1000, 0);
    assert.equal(bucket.take(500, 0), 100);
    assert.equal(bucket.take(400, 0), 0);
    assert.equal(bucket.msUntil(400), 100);
    assert.equal(bucket.take(400, 50), 0);
    assert.equal(bucket.take(400, 100), 100);
    assert.equal(bucket.take(10, 109), 0);
    assert.equal(bucket.take(10, 110), 10);
  });

  test("saves nothing up beyond that", () => {
    const bucket = new TokenBucket(1000, 0);
    assert.equal(bucket.take(5000, 60_000), 100);
  });

  test("moves a byte at a time when the rate is slow", () => {
    const bucket = new TokenBucket(1, 0);
    assert.equal(bucket.take(3, 0), 1);
    assert.equal(bucket.msUntil(2), 1000);
    assert.equal(bucket.take(2, 999), 0);
    assert.equal(bucket.take(2, 1000), 1);
  });
});
