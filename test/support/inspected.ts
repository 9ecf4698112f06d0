/**
 * Bytes that were given to the inspector, and what it made of them.
 */
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { loadProto } from "../../src/core.js";
import { ConnectionWatch, type Reading } from "../../src/transport/inspect/connection-watch.js";
import type { Side } from "../../src/transport/inspect/conversation.js";
import { Secrets } from "../../src/transport/inspect/header-words.js";
import { LiveView, type LiveViewOptions } from "../../src/transport/inspect/live-view.js";
import type { TypesOf } from "../../src/transport/inspect/message-content.js";
import { OrderedOutput } from "../../src/transport/inspect/ordered-output.js";
import type { Hear } from "../../src/transport/inspect/wire-event.js";
import type { CapturedFrame } from "../golden/captured-frames.js";

export type Passed = readonly [from: Side, bytes: Uint8Array, afterMs?: number];

/** When tests take place: 03:04:05.006, where they run. */
export const AT_MS = new Date(2026, 0, 2, 3, 4, 5, 6).getTime();

/** Lets `hear` see a connection, number 7, on which this passes. */
export function watch(hear: Hear, passed: readonly Passed[], reading?: Reading): void {
  const connection = new ConnectionWatch(7, hear, { reading });
  connection.opened(AT_MS, "127.0.0.1:50000", "127.0.0.1:9008");
  connection.connected(AT_MS, "127.0.0.1:9009");
  let atMs = AT_MS;
  for (const [from, bytes, afterMs = 0] of passed) {
    atMs += afterMs;
    connection.push(from, bytes, atMs);
  }
  connection.closed(atMs);
}

/** What a view prints. */
export async function printedBy(use: (output: OrderedOutput) => void): Promise<string> {
  let text = "";
  const out = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk);
      done();
    },
  });
  const output = new OrderedOutput(out);
  use(output);
  await output.flushed();
  return text;
}

/** The lines that are printed live of what passes, without the time and the connection's number, and an empty one. */
export async function printedLive(
  passed: readonly Passed[],
  { reading, ...options }: Partial<LiveViewOptions> & { readonly reading?: Reading } = {},
): Promise<string[]> {
  const text = await printedBy((output) => {
    const view = new LiveView(output, {
      secrets: new Secrets(),
      hexBytes: 0,
      colour: false,
      typesOf: () => undefined,
      ...options,
    });
    watch((event) => view.hear(event), passed, reading);
  });
  const lines = text.split("\n").map((line) => line.replace("03:04:05.006 [7] ", ""));
  assert.deepEqual(lines.splice(0, 2), ["accepted from 127.0.0.1:50000", "connected to 127.0.0.1:9009"]);
  assert.deepEqual(lines.splice(-2), ["closed", ""]);
  return [...lines, ""];
}

/** A documented capture, to be given to the inspector. */
export function passedIn(capture: readonly CapturedFrame[]): Passed[] {
  return capture.map(([from, hex]) => [from, Buffer.from(hex, "hex")]);
}

/** The types of the documented service, as they were when it was captured. */
export function capturedTypes(): TypesOf {
  const path = fileURLToPath(new URL("../golden/order-as-captured.proto", import.meta.url));
  const { methods } = loadProto(path).service("order.OrderManagement");
  return (called) => Object.values(methods).find((method) => method.path === called);
}
