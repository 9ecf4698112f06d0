/**
 * How many functions and files of ours one warm unary call runs, on each side: what V8 counted.
 *
 * Laws: the other side is the floor, in the same process, which is no file of ours.
 */
import { Session, type Profiler } from "node:inspector/promises";
import { fileURLToPath } from "node:url";
import type { Contender } from "./contender.js";
import * as barewire from "./contenders/barewire.js";
import * as floor from "./contenders/floor.js";
import { payloadOf } from "./contract.js";

/** The functions that ran, file by file. */
export type Hops = Readonly<Record<string, readonly string[]>>;

/** V8's own: the fields of a class, which its constructor sets. */
const FIELD_INITIALIZER = "<instance_members_initializer>";

const SOURCE = new URL("../src/", import.meta.url).href;
const WARM_UP_CALLS = 2000;

export async function countHops(): Promise<{ readonly client: Hops; readonly server: Hops }> {
  return { client: await countSide(barewire, floor), server: await countSide(floor, barewire) };
}

async function countSide(client: Contender, server: Contender): Promise<Hops> {
  const driver = client.connect({ port: await server.serve({ maxConcurrentStreams: 250 }) });
  for (let i = 0; i < WARM_UP_CALLS; i++) await driver.echo(payloadOf(100));
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  await driver.echo(payloadOf(100));
  // A call is over when both sides have said so to Node.
  await new Promise((resolve) => setImmediate(resolve));
  const { result } = await session.post("Profiler.takePreciseCoverage");
  await session.post("Profiler.disable");
  session.disconnect();
  return hopsOf(result);
}

function hopsOf(scripts: readonly Profiler.ScriptCoverage[]): Hops {
  const hops: Record<string, string[]> = {};
  for (const { url, functions } of scripts) {
    if (!url.startsWith(SOURCE)) continue;
    const ran = functions.filter(
      ({ functionName, ranges }) => (ranges[0]?.count ?? 0) > 0 && functionName !== FIELD_INITIALIZER,
    );
    if (ran.length > 0) hops[fileURLToPath(url).slice(fileURLToPath(SOURCE).length)] = ran.map(nameOf);
  }
  return hops;
}

function nameOf({ functionName, ranges }: Profiler.FunctionCoverage): string {
  return functionName === "" ? `(unnamed at ${ranges[0]?.startOffset ?? 0})` : functionName;
}
