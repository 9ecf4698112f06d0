import assert from "node:assert/strict";
import { PassThrough, Writable } from "node:stream";
import { describe, test } from "node:test";
import { OrderedOutput } from "../../../src/transport/inspect/ordered-output.js";

describe("OrderedOutput", () => {
  test("writes in the order of adding, whatever is known first", async () => {
    const written: string[] = [];
    const to = new Writable({
      write: (chunk, _encoding, done) => {
        written.push(String(chunk));
        done();
      },
    });
    const output = new OrderedOutput(to);
    let know: (text: string) => void = () => undefined;
    output.add("1");
    output.add(new Promise<string>((resolve) => (know = resolve)));
    output.add("3");
    output.add(Promise.resolve("4"));
    assert.deepEqual(written, ["1"]);
    know("2");
    await output.flushed();
    assert.deepEqual(written, ["1", "2", "3", "4"]);
  });

  test("has those who add wait while more than a megabyte does", async () => {
    const output = new OrderedOutput(new PassThrough().resume());
    let know: (text: string) => void = () => undefined;
    output.add(new Promise<string>((resolve) => (know = resolve)), 600_000);
    assert.equal(output.room(), undefined);
    output.add(Promise.resolve("b"), 600_000);
    const room = output.room();
    assert.ok(room instanceof Promise);
    know("a");
    await room;
    assert.equal(output.room(), undefined);
  });

  test("has them wait for a reader that is slow, and not for one that has gone", async () => {
    const to = new PassThrough({ highWaterMark: 10 });
    const output = new OrderedOutput(to);
    output.add("more than ten characters");
    const room = output.room();
    assert.ok(room instanceof Promise);
    to.resume();
    await room;
    to.pause();
    output.add("more than ten characters");
    const again = output.room();
    to.destroy();
    await again;
    output.add("nobody reads this");
    assert.equal(output.room(), undefined);
  });
});
