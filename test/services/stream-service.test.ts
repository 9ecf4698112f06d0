import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, StatusError } from "../../src/core.js";
import { StreamService } from "../../src/services/gen/orderer.js";
import { streamService } from "../../src/services/stream-service.js";
import { type Served, served } from "./served.js";

const streaming = (use: (served: Served) => Promise<void>): Promise<void> =>
  served((server) => void server.add(StreamService, streamService()), use);

const REQUEST = { pt: { key: "hello", value: "world" } };

async function values(messages: AsyncIterable<{ pt: { key: string; value: string } | undefined }>): Promise<string[]> {
  const all: string[] = [];
  for await (const { pt } of messages) {
    assert.equal(pt?.key, "gPRC Stream Client: Key");
    all.push(pt.value);
  }
  return all;
}

const TWENTY = [...Array<string>(10).fill("this is value100"), ...Array<string>(10).fill("this is value101")];

describe("StreamService.Route", () => {
  test("answers the first request with ten and ten responses", () =>
    streaming(async ({ channel }) => {
      assert.deepEqual(await values(channel.client(StreamService).route([REQUEST])), TWENTY);
    }));

  test("does so, and ends OK, while the client has not half-closed", () =>
    streaming(async ({ channel }) => {
      const call = channel.client(StreamService).route();
      await call.send(REQUEST);
      assert.deepEqual(await values(call), TWENTY);
      assert.equal((await call.status).code, Code.OK);
    }));

  test("does not read later requests", () =>
    streaming(async ({ channel, errors }) => {
      assert.deepEqual(await values(channel.client(StreamService).route([REQUEST, {}, {}])), TWENTY);
      assert.deepEqual(errors, []);
    }));

  test("half-close before any request is OK without responses", () =>
    streaming(async ({ channel }) => {
      assert.deepEqual(await values(channel.client(StreamService).route([])), []);
    }));

  test("a request without pt is INVALID_ARGUMENT", () =>
    streaming(async ({ channel, errors }) => {
      await assert.rejects(
        values(channel.client(StreamService).route([{}])),
        (error) =>
          error instanceof StatusError &&
          error.code === Code.INVALID_ARGUMENT &&
          error.rawMessage.startsWith("pt must"),
      );
      assert.deepEqual(errors, []);
    }));
});
