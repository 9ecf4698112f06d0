/**
 * Calls, seen from the middle: real ones of this library, and some that no library would make.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { Code, StatusError } from "../../../src/core.js";
import { CallWatch, type SeenCall } from "../../../src/transport/inspect/call-watch.js";
import { Conversation, type Side } from "../../../src/transport/inspect/conversation.js";
import { withEcho, type EchoServed } from "../../support/echo-served.js";
import { EchoMessageType } from "../../support/echo-service.js";
import { CLIENT_PREFACE, encodeFrame, encodeSettings, Flag, FrameType, uint32 } from "../../support/http2-frame.js";
import { encodeFields, type Field } from "../../support/http2-hpack.js";

/** What was told, a line each, and the calls. */
class Told {
  readonly lines: string[] = [];
  readonly calls: SeenCall[] = [];
  readonly roles: string[] = [];
  readonly flow: string[] = [];
  readonly messages: { readonly from: Side; readonly bytes: Uint8Array | undefined; readonly compressed: boolean }[] =
    [];
  nowMs = 0;
  readonly watch: CallWatch;
  readonly conversation: Conversation;

  constructor(maxMessageBytes?: number) {
    const say = (call: SeenCall | undefined, what: string): void => {
      this.lines.push(`${call?.streamId ?? 0} ${what}`);
    };
    this.watch = new CallWatch(
      {
        headers: (call, _from, role) => {
          if (role === "request") this.calls.push(call);
          if (role === "request") say(call, `started ${call.path}`);
          else if (role === "response") say(call, "answered");
          else this.roles.push(role);
        },
        message: (call, from, message) => {
          this.messages.push({ from, ...message });
          say(call, `${from} ${message.index}: ${message.length} bytes`);
        },
        broken: (call, from, why) => say(call, `${from} broken: ${why}`),
        halfClosed: (call) => say(call, "half-closed"),
        flow: (call, { from, streamId, ms }) => {
          this.flow.push(`${from} ${streamId} ${ms ?? "none left"}`);
          if (ms !== undefined) say(call, `${from} stalled for ${ms} ms on ${streamId}`);
        },
        ended: (call) => say(call, `ended ${ending(call)}`),
      },
      { now: () => this.nowMs, maxMessageBytes },
    );
    this.conversation = new Conversation({
      preface: () => undefined,
      frame: (seen) => this.watch.seen(seen),
      foreign: (from) => this.lines.push(`${from} is foreign`),
    });
  }
}

function ending({ ending: end }: SeenCall): string {
  if (end === undefined) return "not";
  if (end.how === "status") return `${end.status.code} ${end.status.message}`.trim();
  return end.how === "reset" ? `reset by ${end.from}: ${end.code}` : end.how;
}

function watched({ observer }: EchoServed): Told {
  const told = new Told();
  const [conversation] = observer.conversations;
  assert.ok(conversation !== undefined);
  for (const [direction, bytes] of conversation.passed) {
    told.conversation.push(direction === "fromClient" ? "client" : "server", bytes);
  }
  told.watch.closed();
  return told;
}

describe("CallWatch sees a real call", () => {
  test("of each kind, with its messages in order", async () => {
    const implementation = {
      unary: (request: { text: string }) => ({ text: `you said ${request.text}` }),
      serverStreaming: () => [{ number: 1 }, { number: 2 }, { number: 3 }],
      clientStreaming: async (requests: AsyncIterable<{ number: number }>) => {
        let number = 0;
        for await (const request of requests) number += request.number;
        return { number };
      },
    };
    await withEcho(
      implementation,
      async (served) => {
        const { client } = served;
        await client.unary({ text: "hello" }, { metadata: { "x-a": "1" } });
        for await (const _ of client.serverStreaming({}));
        await client.clientStreaming([{ number: 4 }, { number: 5 }]);
        const told = watched(served);
        const path = "/barewire.test.Echo";
        assert.deepEqual(told.lines, [
          `1 started ${path}/Unary`,
          "1 client 0: 7 bytes",
          "1 half-closed",
          "1 answered",
          "1 server 0: 16 bytes",
          "1 ended 0",
          `3 started ${path}/ServerStreaming`,
          "3 client 0: 0 bytes",
          "3 half-closed",
          "3 answered",
          "3 server 0: 2 bytes",
          "3 server 1: 2 bytes",
          "3 server 2: 2 bytes",
          "3 ended 0",
          `5 started ${path}/ClientStreaming`,
          "5 client 0: 2 bytes",
          "5 client 1: 2 bytes",
          "5 half-closed",
          "5 answered",
          "5 server 0: 2 bytes",
          "5 ended 0",
        ]);
        assert.equal(EchoMessageType.decode(told.messages[1]?.bytes ?? new Uint8Array()).text, "you said hello");
        const names = told.calls[0]?.request.headers?.map(({ name }) => name);
        assert.ok(names?.includes("x-a"));
      },
      { observed: true },
    );
  });

  test("that fails, that is cancelled, that has compressed messages", async () => {
    const implementation = {
      unary: (request: { text: string }) => {
        if (request.text === "fail") throw new StatusError(Code.NOT_FOUND, "no 100 % ☺");
        return { text: "x".repeat(3000) };
      },
      async *serverStreaming() {
        yield { number: 1 };
        await new Promise(() => undefined);
      },
    };
    await withEcho(
      implementation,
      async (served) => {
        const { client } = served;
        await assert.rejects(client.unary({ text: "fail" }));
        const stream = client.serverStreaming({});
        await stream.receive();
        stream.cancel();
        await stream.status;
        await served.callsEnded(2);
        await client.unary({ text: "large" });
        const told = watched(served);
        const ended = told.lines.filter((line) => line.includes("ended"));
        assert.deepEqual(ended, ["1 ended 5 no 100 % ☺", "3 ended reset by client: CANCEL", "5 ended 0"]);
        const [, , last] = told.calls;
        assert.deepEqual([told.calls[0]?.response.headers, last?.response.coding], [undefined, "gzip"]);
        const message = told.messages.at(-1);
        assert.equal(message?.compressed, true);
        const plain = gunzipSync(message?.bytes ?? new Uint8Array());
        assert.equal(EchoMessageType.decode(plain).text.length, 3000);
      },
      { observed: true, server: { compression: { send: "gzip" } } },
    );
  });

  test("that waits for room: who waited, and on which window", async () => {
    await withEcho(
      { serverStreaming: () => [{ payload: new Uint8Array(200_000) }, { number: 1 }] },
      async (served) => {
        for await (const _ of served.client.serverStreaming({}));
        const told = watched(served);
        assert.ok(
          told.lines.some((line) => /^1 server stalled for 0 ms on 1$/.test(line)),
          told.lines.join("\n"),
        );
        assert.ok(told.flow.every((change) => change.startsWith("server 1 ")));
      },
      { observed: true, channel: { streamWindowBytes: 16_384 } },
    );
  });
});

const { DATA, HEADERS, RST_STREAM, WINDOW_UPDATE } = FrameType;
const { END_HEADERS, END_STREAM } = Flag;
const SETTINGS = encodeFrame(FrameType.SETTINGS, 0, 0);

function opened(maxMessageBytes?: number): Told {
  const told = new Told(maxMessageBytes);
  told.conversation.push("client", Buffer.concat([CLIENT_PREFACE, SETTINGS]));
  told.conversation.push("server", SETTINGS);
  request(told, 1);
  return told;
}

function request(told: Told, streamId: number): void {
  const fields = encodeFields([
    [":method", "POST"],
    [":path", "/a.B/C"],
  ]);
  told.conversation.push("client", encodeFrame(HEADERS, END_HEADERS, streamId, fields));
}

function answer(told: Told, fields: readonly Field[], flags: number = END_HEADERS): void {
  told.conversation.push("server", encodeFrame(HEADERS, flags, 1, encodeFields(fields)));
}

function data(told: Told, from: Side, bytes: Uint8Array, flags = 0): void {
  told.conversation.push(from, encodeFrame(DATA, flags, 1, bytes));
}

describe("CallWatch", () => {
  test("a message over many frames, and many in one; one over the limit is counted, not kept", () => {
    const told = opened(10);
    const bytes = Buffer.from("00000000026162000000000b6162636465666768696a6b0100000000", "hex");
    for (const byte of bytes.subarray(0, 9)) data(told, "client", Buffer.of(byte));
    data(told, "client", bytes.subarray(9));
    assert.deepEqual(
      told.messages.map((message) => [message.bytes?.length, message.compressed]),
      [
        [2, false],
        [undefined, false],
        [0, true],
      ],
    );
    assert.equal(told.calls[0]?.request.messages.partialBytes, 0);
    data(told, "client", Buffer.from("00000000", "hex"));
    assert.equal(told.calls[0]?.request.messages.partialBytes, 4);
  });

  test("bytes that are no message are told once", () => {
    const told = opened();
    data(told, "server", Buffer.from("<html>"));
    data(told, "server", Buffer.from("</html>"));
    assert.deepEqual(told.lines.slice(1), [
      "1 server broken: the flag in front of a message must be 0 or 1, and is 60",
    ]);
  });

  test("Trailers-Only is an end without headers; 1xx is no answer; a response without a status says so", () => {
    const only = opened();
    answer(only, [[":status", "103"]]);
    answer(
      only,
      [
        [":status", "200"],
        ["grpc-status", "14"],
        ["grpc-message", "a%20b"],
      ],
      END_HEADERS | END_STREAM,
    );
    assert.deepEqual(only.lines.slice(1), ["1 ended 14 a b"]);
    assert.deepEqual(only.roles, ["informational", "trailers"]);

    const without = opened();
    answer(without, [[":status", "502"]]);
    data(without, "server", new Uint8Array(0), END_STREAM);
    assert.deepEqual(without.lines.slice(1), ["1 answered", "1 ended no status"]);
  });

  test("what comes after the end changes nothing", () => {
    const told = opened();
    told.conversation.push("client", encodeFrame(RST_STREAM, 0, 1, uint32(8)));
    answer(told, [[":status", "200"]]);
    data(told, "server", Buffer.alloc(5), END_STREAM);
    told.conversation.push("server", encodeFrame(RST_STREAM, 0, 1, uint32(0)));
    told.watch.closed();
    assert.deepEqual(told.lines.slice(1), ["1 ended reset by client: CANCEL"]);
    assert.equal(told.watch.callOf(1), undefined);
  });

  test("a connection that goes takes its calls with it", () => {
    const told = opened();
    request(told, 3);
    told.nowMs = 7;
    told.watch.closed();
    assert.deepEqual(told.lines.slice(2), ["1 ended lost", "3 ended lost"]);
    assert.equal(told.calls[1]?.endedAtMs, 7);
  });

  test("a stall begins with the last byte of a window and ends with the update of that window", () => {
    const told = opened();
    data(told, "client", Buffer.alloc(65_535));
    told.nowMs = 20;
    told.conversation.push("server", encodeFrame(WINDOW_UPDATE, 0, 1, uint32(1000)));
    told.nowMs = 30;
    told.conversation.push("server", encodeFrame(WINDOW_UPDATE, 0, 0, uint32(1000)));
    assert.deepEqual(
      told.lines.filter((line) => line.includes("stalled")),
      ["1 client stalled for 20 ms on 1", "0 client stalled for 30 ms on 0"],
    );
    assert.deepEqual(told.flow, ["client 1 none left", "client 0 none left", "client 1 20", "client 0 30"]);
  });

  test("who ends a stream with the last byte of its window waits for nothing", () => {
    const told = opened();
    data(told, "client", Buffer.alloc(65_535), END_STREAM);
    assert.deepEqual(told.flow, ["client 0 none left"]);
  });

  test("SETTINGS_INITIAL_WINDOW_SIZE moves the windows of all streams, and ends stalls", () => {
    const told = opened();
    data(told, "client", Buffer.alloc(65_535));
    told.nowMs = 5;
    told.conversation.push("server", encodeFrame(FrameType.SETTINGS, 0, 0, encodeSettings({ 4: 65_536 })));
    assert.deepEqual(told.lines.at(-1), "1 client stalled for 5 ms on 1");
  });

  test("a stranger's calls without an end are kept up to a bound", () => {
    const told = opened();
    for (let streamId = 3; streamId < 12_000; streamId += 2) request(told, streamId);
    assert.equal(told.calls.length, 4000);
  });
});
