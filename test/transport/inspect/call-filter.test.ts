/**
 * Which calls are shown, and what becomes of their events until that is known.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CallFilter, type CallFilterInit } from "../../../src/transport/inspect/call-filter.js";
import { FilteredEvents } from "../../../src/transport/inspect/filtered-events.js";
import type { WireEvent } from "../../../src/transport/inspect/wire-event.js";
import { CLIENT_PREFACE, encodeFrame, Flag, FrameType, uint32 } from "../../support/http2-frame.js";
import { encodeFields, type Field } from "../../support/http2-hpack.js";
import { type Passed, watch } from "../../support/inspected.js";

const { CONTINUATION, DATA, HEADERS, PING, RST_STREAM } = FrameType;
const { END_HEADERS, END_STREAM } = Flag;

function request(streamId: number, path: string, more: readonly Field[] = []): Passed {
  return [
    "client",
    encodeFrame(HEADERS, END_HEADERS, streamId, encodeFields([[":method", "POST"], [":path", path], ...more])),
  ];
}

function answer(streamId: number, fields: readonly Field[], flags = 0): Passed {
  return ["server", encodeFrame(HEADERS, END_HEADERS | flags, streamId, encodeFields(fields))];
}

function status(streamId: number, code: number, more: readonly Field[] = []): Passed {
  return answer(streamId, [["grpc-status", String(code)], ...more], END_STREAM);
}

function message(streamId: number, text: string): Passed {
  const bytes = Buffer.from(text);
  return ["client", encodeFrame(DATA, 0, streamId, Buffer.concat([Buffer.of(0), uint32(bytes.length), bytes]))];
}

/** Six calls: three end, with OK, with NOT_FOUND and by a reset; one has no status; one never ends; one is cut in two frames. */
const block = encodeFields([
  [":method", "POST"],
  [":path", "/pkg.Other/Cut"],
]);
const PASSED: readonly Passed[] = [
  ["client", Buffer.concat([CLIENT_PREFACE, encodeFrame(FrameType.SETTINGS, 0, 0)])],
  ["server", encodeFrame(FrameType.SETTINGS, 0, 0)],
  request(1, "/pkg.Greeter/Hello", [["x-tenant", "blue"]]),
  message(1, "one"),
  request(3, "/pkg.Greeter/HelloAgain", [["x-tenant", "red"]]),
  message(3, "three"),
  answer(1, [
    [":status", "200"],
    ["x-host", "node-7"],
  ]),
  ["server", encodeFrame(PING, 0, 0, Buffer.alloc(8))],
  status(1, 0),
  // What comes behind the end of a call is its own, too.
  ["client", encodeFrame(RST_STREAM, 0, 1, uint32(0))],
  status(3, 5, [["x-reason", "gone"]]),
  request(5, "/Hello"),
  ["client", encodeFrame(RST_STREAM, 0, 5, uint32(8))],
  request(7, "/pkg.Other/Html"),
  answer(7, [[":status", "502"]], END_STREAM),
  ["client", encodeFrame(HEADERS, 0, 9, block.subarray(0, 9))],
  ["client", encodeFrame(CONTINUATION, END_HEADERS, 9, block.subarray(9))],
];

function filtered(init: CallFilterInit, passed = PASSED, maxHeldBytes?: number): WireEvent[] {
  const events: WireEvent[] = [];
  const filter = new FilteredEvents(new CallFilter(init), (event) => events.push(event), maxHeldBytes);
  watch((event) => filter.hear(event), passed);
  return events;
}

/** The streams of the frames that are left, and of the calls that are told to have ended. */
function streams(init: CallFilterInit): { readonly frames: number[]; readonly ended: number[] } {
  const events = filtered(init);
  const frames = events.flatMap((event) => (event.kind === "frame" ? [event.seen.raw.streamId] : []));
  const ended = events.flatMap((event) => (event.kind === "call-ended" ? [event.call.streamId] : []));
  return { frames: [...new Set(frames)], ended };
}

describe("CallFilter", () => {
  for (const [init, expected] of [
    [{ methods: ["Hello"] }, [1, 5]],
    [{ methods: ["hello*"] }, [1, 3, 5]],
    [{ methods: ["Greeter/*"] }, [1, 3]],
    [{ methods: ["pkg.*"] }, [1, 3, 7, 9]],
    [{ methods: ["/pkg.Other/Html", "HelloAgain"] }, [3, 7]],
    [{ methods: ["Greeter/*Again"] }, [3]],
    [{ methods: ["ello"] }, []],
    [{ methods: ["*ello"] }, [1, 5]],
    [{ methods: ["*"] }, [1, 3, 5, 7, 9]],
    [{ statuses: ["ok"] }, [1]],
    [{ statuses: ["NOT_FOUND", "0"] }, [1, 3]],
    [{ statuses: ["not-found"] }, [3]],
    [{ statuses: ["failed"] }, [3, 5, 7, 9]],
    [{ statuses: ["reset"] }, [5]],
    [{ statuses: ["lost"] }, [9]],
    [{ statuses: ["none"] }, [7]],
    [{ streams: [3, 9] }, [3, 9]],
    [{ metadata: ["x-tenant"] }, [1, 3]],
    [{ metadata: ["X-Tenant: RED"] }, [3]],
    [{ metadata: ["x-host: node-*"] }, [1]],
    [{ metadata: ["x-reason: gone"] }, [3]],
    [{ metadata: [":status: 502"] }, [7]],
    [{ metadata: ["x-tenant: blue"], statuses: ["failed"] }, []],
    [{ methods: ["Greeter/*"], statuses: ["failed"] }, [3]],
    [{ methods: ["Greeter/*"], streams: [1] }, [1]],
  ] as const) {
    test(JSON.stringify(init), () => {
      const { frames, ended } = streams(init);
      assert.deepEqual(
        frames.toSorted((a, b) => a - b),
        [...expected],
      );
      assert.deepEqual(
        ended.toSorted((a, b) => a - b),
        [...expected],
      );
    });
  }

  test("what is about the connection has stream 0", () => {
    const events = filtered({ streams: [0] });
    const kinds = events.filter(({ kind }) => kind !== "bytes").map(({ kind }) => kind);
    assert.deepEqual(kinds, ["opened", "connected", "preface", "frame", "frame", "frame", "closed"]);
    assert.ok(filtered({ methods: ["Hello"] }).every((event) => event.kind !== "preface"));
  });

  for (const [init, expected] of [
    [{ statuses: ["GOOD"] }, /status as it must be .* failed, reset, lost, none: current value is "GOOD"/],
    [{ statuses: ["17"] }, /status/],
    [{ methods: [""] }, /method/],
    [{ metadata: ["a b: c"] }, /metadata as it must be "name" or "name: value": current value is "a b: c"/],
    [{ metadata: [""] }, /metadata/],
  ] as const) {
    test(`refuses ${JSON.stringify(init)}`, () => {
      assert.throws(() => new CallFilter(init), expected);
    });
  }

  test("a path that is all borders is compared as quickly as any other", () => {
    const path = `/${"a.".repeat(30_000)}`;
    const startedAtMs = performance.now();
    filtered({ methods: ["a.*b*c*d", "x"] }, [PASSED[0] as Passed, request(1, path)]);
    assert.ok(performance.now() - startedAtMs < 2000);
  });
});

describe("FilteredEvents", () => {
  test("holds events back until it is known, and keeps the order of a call", () => {
    const all: WireEvent[] = [];
    watch((event) => all.push(event), PASSED);
    const ofStream = (events: readonly WireEvent[]): string[] =>
      events.flatMap((event) => ("call" in event && event.call?.streamId === 3 ? [event.kind] : []));
    assert.deepEqual(ofStream(filtered({ statuses: ["NOT_FOUND"] })), ofStream(all));
    const [message] = filtered({ statuses: ["NOT_FOUND"] }).filter((event) => event.kind === "message");
    assert.equal(message?.kind === "message" && Buffer.from(message.message.bytes ?? []).toString(), "three");
  });

  test("what it holds back is not a view of what came with it", () => {
    const events = filtered({ statuses: ["NOT_FOUND"] });
    for (const event of events) {
      if (event.kind !== "frame") continue;
      const { payload } = event.seen.raw;
      // The last one was not held back.
      if (!event.seen.endsStream) assert.equal(payload.buffer.byteLength, payload.length);
    }
  });

  test("lets go of the longest held when it is too much, and says so", () => {
    const large = Array.from({ length: 40 }, () => message(3, "x".repeat(1000)));
    const passed = [...PASSED.slice(0, 6), ...large, request(11, "/late.Call/Here"), status(11, 5), status(3, 5)];
    const events = filtered({ statuses: ["failed"] }, passed, 20_000);
    const kinds = events.filter((event) => "call" in event && event.call?.streamId === 11).map(({ kind }) => kind);
    assert.deepEqual(kinds, ["frame", "headers", "frame", "headers", "call-ended"]);
    const leftOut = events.find((event) => event.kind === "left-out");
    assert.ok(leftOut?.kind === "left-out" && leftOut.call?.streamId === 3 && leftOut.count > 40);
    const held = events.filter((event) => event.kind === "message");
    assert.ok(held.length < 20, String(held.length));
  });

  test("remembers calls that are over for a while, and no more of them than it needs", () => {
    const late = (streamId: number): Passed => ["client", encodeFrame(RST_STREAM, 0, streamId, uint32(0))];
    const calls = Array.from({ length: 10_001 }, (_, i) => [
      request(2 * i + 1, "/a.B/Hello"),
      status(2 * i + 1, 0),
    ]).flat();
    const events = filtered({ methods: ["Hello"] }, [...PASSED.slice(0, 2), ...calls, late(1), late(3)]);
    const frames = events.flatMap((event) => (event.kind === "frame" ? [event.seen] : []));
    const resets = frames.filter(({ frame }) => frame.type === "RST_STREAM");
    assert.deepEqual(
      resets.map(({ raw }) => raw.streamId),
      [3],
    );
  });

  test("keeps no more of streams that never become calls than of a few", () => {
    const opening = Array.from({ length: 12_000 }, (_, i): Passed => [
      "client",
      encodeFrame(HEADERS, 0, 2 * i + 1, Buffer.of(0x82)),
    ]);
    const events = filtered({ methods: ["Hello"] }, [PASSED[0] as Passed, ...opening, request(30_001, "/a.B/Hello")]);
    assert.ok(events.some((event) => event.kind === "call-ended" && event.call.streamId === 30_001));
  });
});
