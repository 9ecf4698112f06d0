/**
 * Nothing a peer sends may escape the library: after every test of a guarded file, no exception has come out anywhere.
 */
import assert from "node:assert/strict";
import { after, afterEach, before } from "node:test";

/** Watches the process for the tests of the file that calls it. */
export function guardProcess(): void {
  const escaped: unknown[] = [];
  const note = (error: unknown): number => escaped.push(error);
  before(() => {
    process.on("uncaughtException", note);
    process.on("unhandledRejection", note);
  });
  afterEach(async () => {
    // A rejection counts as unhandled one turn after it was made.
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(escaped.splice(0), [], "an exception escaped from the library");
  });
  after(() => {
    process.off("uncaughtException", note);
    process.off("unhandledRejection", note);
  });
}
