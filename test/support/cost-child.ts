/**
 * A process that does one thing and says what it cost: milliseconds of processor time, and bytes of memory,
 * before any of it is given back.
 *
 * Usage: cost-child.ts import MODULE | cost-child.ts refuse | cost-child.ts refuse-all
 */
import { loadProto } from "../../src/core.js";
import { valueFloods } from "../codec/proto/value-floods.js";

async function cost(work: () => unknown): Promise<void> {
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  // Nothing is returned to the system this fast: what was taken can be seen.
  process.stdout.write(JSON.stringify({ cpuMs: (user + system) / 1000, bytes: process.memoryUsage.rss() - before }));
}

const [what, module = ""] = process.argv.slice(2);
if (what === "import") await cost(() => import(module));
else if (what === "refuse-all") {
  // Each is told, so that it is seen which one took more memory than there is.
  for (const flood of valueFloods()) {
    try {
      flood.decode();
    } catch (error) {
      process.stdout.write(`${flood.what}: ${String(error)}\n`);
    }
  }
} else {
  const Order = loadProto(new URL("../../proto/order.proto", import.meta.url)).message("order.Order");
  Order.decode(Order.encode({ id: "warm" }));
  const bytes = Buffer.alloc(4 << 20, Buffer.from([0x0a, 0x00]));
  await cost(() => {
    try {
      Order.decode(bytes);
    } catch (error) {
      if (/more sub-messages, strings and bytes values/.test(String(error))) return;
    }
    throw new Error("it was not refused");
  });
}
