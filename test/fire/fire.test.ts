/**
 * Under fire, for a short while: one server each is killed, drained and frozen. `npm run fire` is the long one, with nginx.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Battle } from "./battle.js";

describe("under fire", () => {
  test("three servers, of which one is killed, one told to go and one frozen: nothing is lost and nothing runs twice", async () => {
    const said: string[] = [];
    const battle = new Battle("direct", (line) => said.push(line));
    try {
      await battle.start(3);
      await battle.steady(1500);
      await battle.kill(1);
      await battle.drain(1);
      await battle.freeze(1);
    } finally {
      await battle.close();
    }
    assert.deepEqual(battle.faults, [], said.join("\n"));
  });
});
