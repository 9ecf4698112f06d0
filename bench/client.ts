/**
 * The client process of a contender: `client.js NAME OPTIONS WORK`. Works for as long as it is told, as often as it is told.
 */
import type { ConnectOptions } from "./contender.js";
import { contenderOf } from "./contenders.js";
import { usageNow } from "./usage.js";
import { workFor, type Turn, type Work } from "./work.js";

const [name, options, work] = process.argv.slice(2) as [string, string, string];
const contender = await contenderOf(name);
const driver = contender.connect(JSON.parse(options) as ConnectOptions);

async function take(turn: Turn): Promise<void> {
  const { cpuUs } = usageNow();
  const done = await workFor(driver, JSON.parse(work) as Work, turn);
  const usage = usageNow();
  process.send?.({ ...done, cpuUs: usage.cpuUs - cpuUs, peakRssBytes: usage.peakRssBytes });
}

process.on("message", (turn: Turn) => void take(turn));
process.on("disconnect", () => process.exit());
process.send?.({ ready: true });
