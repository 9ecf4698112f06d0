/**
 * One connection as events: what comes, in which order, and to which call it belongs.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConnectionWatch, type ConnectionWatchOptions } from "../../../src/transport/inspect/connection-watch.js";
import type { WireEvent } from "../../../src/transport/inspect/wire-event.js";
import { CLIENT_PREFACE, encodeFrame, Flag, FrameType, uint32 } from "../../support/http2-frame.js";
import { encodeFields, type Field } from "../../support/http2-hpack.js";

const REQUEST: readonly Field[] = [
  [":method", "POST"],
  [":path", "/a.B/C"],
];
const SETTINGS = encodeFrame(FrameType.SETTINGS, 0, 0);

function watched(options?: ConnectionWatchOptions): { readonly watch: ConnectionWatch; readonly events: WireEvent[] } {
  const events: WireEvent[] = [];
  return { watch: new ConnectionWatch(3, (event) => events.push(event), options), events };
}

function headers(streamId: number, fields: readonly Field[], flags = 0): Buffer {
  return encodeFrame(FrameType.HEADERS, Flag.END_HEADERS | flags, streamId, encodeFields(fields));
}

/** An event in a word or two. */
function words(event: WireEvent): string {
  if (event.kind === "frame") return `frame ${event.seen.frame.type} ${event.call?.path ?? "-"}`;
  if (event.kind === "headers") return `headers ${event.role} ${event.call?.path ?? "-"}`;
  if (event.kind === "freed") return `freed ${event.from} ${event.streamId} ${event.ms}`;
  return "from" in event ? `${event.kind} ${event.from}` : event.kind;
}

describe("ConnectionWatch", () => {
  test("tells a whole connection in its order, each frame before what it says, with the times it was given", () => {
    const { watch, events } = watched();
    watch.opened(1, "a:1", "b:2");
    watch.connected(2, "c:3");
    const request = [headers(1, REQUEST), encodeFrame(FrameType.DATA, 1, 1, Buffer.alloc(5))];
    watch.push("client", Buffer.concat([CLIENT_PREFACE, SETTINGS, ...request]), 3);
    const answer = [headers(1, [[":status", "200"]]), headers(1, [["grpc-status", "0"]], Flag.END_STREAM)];
    watch.push("server", Buffer.concat([SETTINGS, ...answer]), 4);
    watch.halfClosed("client", 5);
    watch.closed(6);
    assert.deepEqual(events.map(words), [
      "opened",
      "connected",
      "bytes client",
      "preface",
      "frame SETTINGS -",
      "frame HEADERS /a.B/C",
      "headers request /a.B/C",
      "frame DATA /a.B/C",
      "message client",
      "requests-ended",
      "bytes server",
      "frame SETTINGS -",
      "frame HEADERS /a.B/C",
      "headers response /a.B/C",
      "frame HEADERS /a.B/C",
      "headers trailers /a.B/C",
      "call-ended",
      "half-closed client",
      "closed",
    ]);
    assert.deepEqual(
      events.map(({ atMs }) => atMs),
      [1, 2, ...Array<number>(8).fill(3), ...Array<number>(7).fill(4), 5, 6],
    );
    assert.ok(events.every((event) => "connection" in event && event.connection === 3));
  });

  test("tells of windows, of a call that its connection takes with it, and of headers that are no call's", () => {
    const { watch, events } = watched();
    watch.push("client", Buffer.concat([CLIENT_PREFACE, headers(1, REQUEST), headers(3, [["x", "y"]])]), 10);
    watch.push("client", encodeFrame(FrameType.DATA, 0, 1, Buffer.alloc(65_535)), 20);
    watch.push("server", Buffer.concat([SETTINGS, encodeFrame(FrameType.WINDOW_UPDATE, 0, 1, uint32(9))]), 50);
    watch.closed(60, { from: "server", error: new Error("reset") });
    const told = events.map(words).filter((line) => !/^(frame|bytes|message|preface)/.test(line));
    assert.deepEqual(told, [
      "headers request /a.B/C",
      "headers other -",
      "stalled client",
      "stalled client",
      "freed client 1 30",
      "call-ended",
      "closed",
    ]);
  });

  test("reads no more than it is asked to", () => {
    const bytes = Buffer.concat([CLIENT_PREFACE, SETTINGS, headers(1, REQUEST)]);
    for (const [reading, expected] of [
      ["nothing", ["bytes client", "closed"]],
      ["frames", ["bytes client", "preface", "frame SETTINGS -", "frame HEADERS -", "headers other -", "closed"]],
    ] as const) {
      const { watch, events } = watched({ reading });
      watch.push("client", bytes, 1);
      watch.closed(2);
      assert.deepEqual(events.map(words), expected);
    }
  });
});
