/**
 * Floods for tests on the wire: more of the same than any honest peer sends, and what they cost the side that is flooded.
 */
import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Peer } from "./peer.js";

/**
 * How a flood ended: everything was taken, the other side ended the connection (or said GOAWAY and left it), or it reads no
 * more and holds the sender back.
 */
export type Ended = "taken" | "closed" | "held back";

export interface FloodOptions {
  /** Bytes to send at most. Default 512 KiB: some ten thousand frames. */
  readonly bytes?: number;
  /** `false`: the peer reads nothing of what it is answered. Default true. */
  readonly reads?: boolean;
}

/** So many turns of the event loop without a byte being taken mean that none will be. */
const TURNS_HELD_BACK = 300;

/** Sends what `next` gives until all is taken, the connection ends, or the other side reads no more. */
export async function flood(
  peer: Peer,
  next: () => Uint8Array,
  { bytes = 512 * 1024, reads = true }: FloodOptions = {},
): Promise<Ended> {
  peer.remembers = false;
  if (!reads) peer.socket.pause();
  try {
    for (let sent = 0; sent < bytes;) {
      if (isOver(peer)) return "closed";
      const chunk = next();
      sent += chunk.length;
      if (!(await taken(peer, chunk))) return isOver(peer) ? "closed" : "held back";
    }
    return isOver(peer) ? "closed" : "taken";
  } finally {
    peer.remembers = true;
  }
}

function isOver(peer: Peer): boolean {
  return peer.closed || peer.socket.destroyed || peer.frames.some((frame) => frame.name === "GOAWAY");
}

async function taken(peer: Peer, chunk: Uint8Array): Promise<boolean> {
  const { socket } = peer;
  peer.raw(chunk);
  // One turn at least, so that the other side, which lives in this process, has its share.
  let turns = 0;
  do {
    await new Promise((resolve) => setImmediate(resolve));
    if (isOver(peer)) return false;
  } while (socket.writableNeedDrain && ++turns < TURNS_HELD_BACK);
  return !socket.writableNeedDrain;
}

/** The same frames many times over, made once. */
export function repeated(frame: Uint8Array, times: number): () => Uint8Array {
  const bytes = Buffer.concat(Array.from({ length: times }, () => frame));
  return () => bytes;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes that this process holds on to, in the heap and outside it. */
function heldBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What the process may take from the system meanwhile, which it does not give back at once. */
const MAX_RSS_GROWTH = 96 * 1024 * 1024;

/** Runs `use` and fails when more than `limit` bytes are held afterwards than before, or far more were needed meanwhile. */
export async function holdsAtMost(limit: number, use: () => Promise<void>): Promise<void> {
  const before = heldBytes();
  const rssBefore = process.memoryUsage.rss();
  await use();
  const rssGrown = process.memoryUsage.rss() - rssBefore;
  const grown = heldBytes() - before;
  assert.ok(grown <= limit, `${grown} bytes more are held than before, ${limit} are allowed`);
  assert.ok(rssGrown <= MAX_RSS_GROWTH, `the process has grown by ${rssGrown} bytes`);
}

/** Waits until a number has not changed for many turns of the event loop: whoever counts is held back. */
export async function heldBack(count: () => number): Promise<void> {
  for (let turns = 0, before = count(); turns < TURNS_HELD_BACK; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (count() !== before) [turns, before] = [0, count()];
  }
}
