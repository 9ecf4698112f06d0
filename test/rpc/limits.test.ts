/**
 * Limits that are lifted, and as many large calls at once as a server is asked for.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { describe, test } from "node:test";
import { connectInProcess } from "../../src/testing.js";
import { Channel, Code, Server, type MessageType } from "../../src/core.js";
import { Wire } from "../support/peer-service.js";

/** interop-test-descriptions.md, large_unary. */
const LARGE_REQUEST_BYTES = 271_828;
const LARGE_RESPONSE_BYTES = 314_159;

describe("limits", () => {
  test("R134 Infinity lifts each: messages beyond every default pass, both ways", async () => {
    const lifted = { maxReceiveBytes: Infinity, maxSendBytes: Infinity, maxMessageValues: Infinity };
    const server = new Server({ ...lifted, maxRunningHandlers: Infinity });
    server.add(Wire, {
      unary: (request) => request,
      async *bidiStreaming(requests) {
        for await (const request of requests) yield request;
      },
    });
    const { address } = await server.listen("127.0.0.1:0");
    const channel = new Channel(address, { ...lifted, maxQueuedBytes: Infinity });
    try {
      const client = channel.client(Wire);
      const large = Buffer.alloc(9 * 1024 * 1024, "l");
      assert.ok(large.equals(await client.unary(large)), "9 MiB come back");
      const chat = client.bidiStreaming();
      // Far more than may wait without the option.
      for (let i = 0; i < 2; i++) void chat.send(large);
      chat.closeSend();
      for await (const message of chat) assert.equal(message.length, large.length);
      assert.equal((await chat.status).code, Code.OK);
    } finally {
      await channel.close();
      await server.close();
    }
  });

  for (const maxConnectionsPerAddress of [1, 4]) {
    test(`R151 a thousand large calls at once on one channel all get their own answers, on ${maxConnectionsPerAddress} connections at most`, async () => {
      const server = new Server();
      server.add(Wire, { unary: (request) => Buffer.alloc(LARGE_RESPONSE_BYTES, request.subarray(0, 4)) });
      const { address } = await server.listen("127.0.0.1:0");
      const channel = new Channel(address, { maxConnectionsPerAddress });
      try {
        const client = channel.client({ ...Wire, methods: { unary: { ...Wire.methods.unary, request: Filled } } });
        const calls = Array.from({ length: 1000 }, async (_, i) => {
          const fill = Buffer.alloc(4);
          fill.writeUInt32BE(i);
          const response = Buffer.from(await client.unary(fill));
          assert.equal(response.length, LARGE_RESPONSE_BYTES);
          assert.equal(response.readUInt32BE(0), i, "the answer is the call's own");
          assert.equal(response.readUInt32BE(LARGE_RESPONSE_BYTES - 7), i, "to its end");
        });
        await Promise.all(calls);
      } finally {
        await channel.close();
        await server.close();
      }
    });
  }
});

describe("R146 both sides of a connection may write at once, and more than it holds", () => {
  const MESSAGE_BYTES = 60_000;
  const MESSAGES = 10;
  const CALLS = 8;

  /** A server that sends without reading first. */
  function eager(): Server {
    const server = new Server();
    server.add(Wire, {
      async *bidiStreaming(requests) {
        const all = (async () => {
          let count = 0;
          for await (const request of requests) count += request.length / MESSAGE_BYTES;
          return count;
        })();
        for (let i = 0; i < MESSAGES; i++) yield Buffer.alloc(MESSAGE_BYTES);
        assert.equal(await all, MESSAGES);
      },
    });
    return server;
  }

  async function exchange(channel: Pick<Channel, "client">): Promise<void> {
    const client = channel.client(Wire);
    const calls = Array.from({ length: CALLS }, async () => {
      const call = client.bidiStreaming();
      for (let i = 0; i < MESSAGES; i++) void call.send(Buffer.alloc(MESSAGE_BYTES));
      call.closeSend();
      let received = 0;
      for await (const message of call) received += message.length / MESSAGE_BYTES;
      assert.equal(received, MESSAGES);
    });
    await Promise.all(calls);
  }

  test("over TCP, a unix socket, and a stream of JavaScript's", async () => {
    const folder = mkdtempSync(join(tmpdir(), "barewire-both-"));
    const server = eager();
    try {
      const { address } = await server.listen("127.0.0.1:0");
      const { address: path } = await server.listen(`unix:${join(folder, "socket")}`);
      const tunnel = (): Duplex => {
        const { port } = new URL(`tcp://${address}`);
        const socket = connect(Number(port), "127.0.0.1");
        return Duplex.from({ readable: socket, writable: socket });
      };
      for (const [target, options] of [
        [address, {}],
        [path, {}],
        [address, { dial: tunnel }],
      ] as const) {
        const channel = new Channel(target, options);
        try {
          await exchange(channel);
        } finally {
          await channel.close();
        }
      }
    } finally {
      await server.close();
      rmSync(folder, { recursive: true });
    }
  });

  test("in one process", async () => {
    const server = eager();
    const connection = connectInProcess(server);
    await exchange(connection);
    await connection.close();
    await server.close();
  });
});

/** A message of many bytes, made of four. */
const Filled: MessageType<Uint8Array> = {
  typeName: "wire.Bytes",
  encode: (fill) => Buffer.alloc(LARGE_REQUEST_BYTES, fill),
  decode: (bytes) => new Uint8Array(bytes),
};
