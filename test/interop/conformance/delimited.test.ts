/**
 * The frames in which connectconformance and the programs under test talk.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loadProto } from "../../../src/index.js";
import { delimited, readDelimited } from "./delimited.js";

const type = loadProto({ "m.proto": `syntax = "proto3"; message M { string text = 1; }` }).message<{ text: string }>(
  "M",
);
const sent = [{ text: "a" }, { text: "" }, { text: "b".repeat(300) }];
const bytes = Buffer.concat(sent.map((message) => delimited(type, message)));

async function* chunksOf(...chunks: Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}

describe("readDelimited", () => {
  test("gives back what delimited wrote, wherever it is cut", async () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const got: unknown[] = [];
      const chunks = chunksOf(bytes.subarray(0, cut), bytes.subarray(cut));
      for await (const message of readDelimited(chunks, type)) got.push(message);
      assert.deepEqual(got, sent);
    }
  });

  test("throws when the stream ends in the middle of a message", async () => {
    const cut = chunksOf(bytes.subarray(0, bytes.length - 1));
    await assert.rejects(async () => {
      for await (const message of readDelimited(cut, type)) assert.ok(message);
    }, /the stream ended \d+ bytes into it/);
  });
});
