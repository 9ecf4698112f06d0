/**
 * Leaks made on purpose: a soak that does not find them would find none.
 */
import type { Fate } from "./fates.js";
import type { Venue } from "./venue.js";

const kept: unknown[] = [];

const PLANTS: Readonly<Record<string, (venue: Venue) => Promise<unknown>>> = {
  listener: async (venue) => {
    venue.shutdown.signal.addEventListener("abort", () => undefined);
  },
  timer: async () => {
    setTimeout(() => undefined, 600_000).unref();
  },
  stream: async (venue) => void venue.plain.clientStreaming().send({ text: "headers" }),
  call: async (venue) => kept.push(venue.plain.unary({ text: "echo" })),
  bytes: async () => kept.push(Buffer.alloc(20_000)),
  closure: async () => kept.push(() => undefined),
};

/** Fates that leak. */
export const PLANTED: readonly Fate[] = Object.entries(PLANTS).map(([name, plant]) => ({
  name: `planted: ${name}`,
  weight: 10,
  codes: [],
  run: async (venue) => {
    await plant(venue);
    return undefined;
  },
}));
