/**
 * The row about start-up: what a program with one call takes from the start of Node until the answer, beyond what Node takes.
 */
import { Child } from "./child.js";
import type { ContenderName } from "./contenders.js";
import { resultOf, type Measurement, type RowHead, type RowResult } from "./report.js";
import { inTurns, type Settings } from "./settings.js";
import { serveRouteGuide } from "./start-up/server.js";
import { median } from "./statistics.js";

export const START_UP_ROW: RowHead = {
  name: "start-up",
  title: "start-up until the first answer, beyond bare Node's",
  metric: "startUp",
  bars: { 20: { "grpc-js": 0.6 }, 24: { "grpc-js": 0.7 } },
};

const CONTENDERS: readonly ContenderName[] = ["barewire", "grpc-js", "barewire-load-proto"];

interface Started {
  readonly ms: number;
  readonly cpuUs: number;
}

async function start(name: string, port: number): Promise<Started> {
  const child = new Child(`./start-up/${name}.js`, [String(port)]);
  try {
    return await child.next<Started>();
  } finally {
    await child.stop();
  }
}

export async function measureStartUp(settings: Settings): Promise<RowResult> {
  const { port, close } = await serveRouteGuide();
  try {
    const bare: Started[] = [];
    const rounds = settings.isQuick ? 5 : settings.rounds * 3;
    const all = await inTurns(CONTENDERS, { ...settings, rounds }, async (name) => {
      bare.push(await start("bare", port));
      return await start(name, port);
    });
    const [bareMs, bareCpuUs] = [median(bare.map(({ ms }) => ms)), median(bare.map(({ cpuUs }) => cpuUs))];
    const added = [...all].map(([name, starts]): [ContenderName, Measurement[]] => [
      name,
      starts.map(({ ms, cpuUs }) => ({ value: ms - bareMs, clientCpuUs: cpuUs - bareCpuUs })),
    ]);
    return { ...resultOf(START_UP_ROW, new Map(added)), note: `bare Node ${process.version}: ${bareMs.toFixed(0)} ms` };
  } finally {
    await close();
  }
}
