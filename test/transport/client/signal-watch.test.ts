/** One listener for a signal, however many watch it. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, test } from "node:test";
import { unwatchSignal, watchSignal } from "../../../src/transport/client/signal-watch.js";

class Watcher {
  heard: unknown[] = [];

  aborted({ reason }: AbortSignal): void {
    this.heard.push(reason);
  }
}

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length;
}

describe("watchSignal", () => {
  test("adds one listener, which goes with the last watcher and comes back with the next", () => {
    const { signal } = new AbortController();
    const watchers = Array.from({ length: 100 }, () => new Watcher());
    for (let again = 0; again < 2; again++) {
      for (const watcher of watchers) watchSignal(signal, watcher);
      assert.equal(listeners(signal), 1);
      for (const watcher of watchers.slice(1)) unwatchSignal(signal, watcher);
      assert.equal(listeners(signal), 1);
      unwatchSignal(signal, watchers[0] as Watcher);
      unwatchSignal(signal, watchers[0] as Watcher);
      assert.equal(listeners(signal), 0);
    }
  });

  test("tells every watcher once, those that let go in the meantime included, and no other", () => {
    const controller = new AbortController();
    const { signal } = controller;
    const gone = new Watcher();
    const told = new Watcher();
    const last = new Watcher();
    for (const watcher of [gone, told, last]) watchSignal(signal, watcher);
    unwatchSignal(signal, gone);
    const untold = new Watcher();
    watchSignal(new AbortController().signal, untold);
    told.aborted = () => {
      told.heard.push("told");
      unwatchSignal(signal, told);
      unwatchSignal(signal, last);
    };
    controller.abort("enough");
    assert.deepEqual([gone.heard, told.heard, last.heard, untold.heard], [[], ["told"], ["enough"], []]);
    assert.equal(listeners(signal), 0);
  });
});
