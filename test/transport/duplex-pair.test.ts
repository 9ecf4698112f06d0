/**
 * Two linked streams: back-pressure, half-close, and how one end takes part in the fate of the other.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { PairedEnd } from "../../src/transport/duplex-pair.js";

describe("PairedEnd", () => {
  test("carries bytes both ways, and counts them", async () => {
    const [near, far] = PairedEnd.pair();
    near.write("ping");
    far.write(Buffer.from("pong!"));
    const [[atFar], [atNear]] = (await Promise.all([once(far, "data"), once(near, "data")])) as [[Buffer], [Buffer]];
    assert.equal(String(atFar), "ping");
    assert.equal(String(atNear), "pong!");
    assert.deepEqual([near.bytesWritten, far.bytesRead, far.bytesWritten, near.bytesRead], [4, 4, 5, 5]);
  });

  test("a writer waits for its reader", async () => {
    const [near, far] = PairedEnd.pair();
    const chunk = Buffer.alloc(65_536);
    let written = 0;
    while (near.write(chunk)) written += chunk.length;
    await new Promise((resolve) => setImmediate(resolve));
    for (; near.write(chunk); written += chunk.length);
    assert.ok(written <= 1_048_576, `${written} bytes were taken though nobody read`);
    let drained = false;
    near.on("drain", () => (drained = true));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(drained, false);
    far.resume();
    await once(near, "drain");
  });

  test("one side may end and the other go on", async () => {
    const [near, far] = PairedEnd.pair();
    const closed = Promise.all([once(near, "close"), once(far, "close")]);
    near.end("last");
    const chunks: Buffer[] = [];
    far.on("data", (chunk: Buffer) => chunks.push(chunk));
    await once(far, "end");
    assert.equal(String(Buffer.concat(chunks)), "last");
    assert.equal(far.writable, true);
    far.end("answer");
    const [answer] = (await once(near, "data")) as [Buffer];
    assert.equal(String(answer), "answer");
    await closed;
  });

  test("an end that is destroyed ends the reading of the other, and what that still writes fails", async () => {
    const [near, far] = PairedEnd.pair();
    near.destroy();
    far.resume();
    await once(far, "end");
    far.on("error", () => undefined);
    far.write("too late");
    const [error] = (await once(far, "error")) as [NodeJS.ErrnoException];
    assert.equal(error.code, "EPIPE");
  });

  test("a write that waits for a reader fails when the reader goes", async () => {
    const [near, far] = PairedEnd.pair();
    while (near.write(Buffer.alloc(65_536)));
    far.destroy();
    const [error] = (await once(near, "error")) as [NodeJS.ErrnoException];
    assert.equal(error.code, "ECONNRESET");
  });

  test("a reset fails the other end, whatever was on its way", async () => {
    const [near, far] = PairedEnd.pair();
    near.write("lost");
    near.resetAndDestroy();
    const [error] = (await once(far, "error")) as [NodeJS.ErrnoException];
    assert.equal(error.code, "ECONNRESET");
    assert.equal(near.destroyed && far.destroyed, true);
  });
});
