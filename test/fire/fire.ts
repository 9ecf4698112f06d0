/**
 * Proof under fire: servers are killed, drained, frozen and started again while a client calls them, straight and through nginx.
 *
 * Usage: npm run fire [-- --rounds 2 --servers 3 --only direct|nginx --steady-ms 4000]
 */
import { parseArgs } from "node:util";
import { Battle, type Through } from "./battle.js";

const GUARD_MS = 15 * 60_000;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function fight(through: Through, servers: number, rounds: number, steadyMs: number): Promise<string[]> {
  say(through === "direct" ? `${servers} servers, round_robin:` : `${servers} servers behind nginx:`);
  const battle = new Battle(through, say);
  try {
    await battle.start(servers);
    await battle.steady(steadyMs);
    for (let round = 0; round < rounds; round++) {
      await battle.kill();
      await battle.drain();
      await battle.freeze();
      if (through === "nginx") await battle.reloadProxy();
    }
    await battle.steady(steadyMs);
  } finally {
    await battle.close();
  }
  return battle.faults.map((fault) => `${through}: ${fault}`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "2" },
      servers: { type: "string", default: "3" },
      only: { type: "string" },
      "steady-ms": { type: "string", default: "4000" },
    },
  });
  setTimeout(() => {
    process.stderr.write(`FAILED: it did not end within ${GUARD_MS} ms\n`);
    process.exit(1);
  }, GUARD_MS).unref();
  const faults: string[] = [];
  for (const through of ["direct", "nginx"] as const) {
    if (values.only !== undefined && values.only !== through) continue;
    faults.push(...(await fight(through, Number(values.servers), Number(values.rounds), Number(values["steady-ms"]))));
  }
  for (const fault of faults) process.stderr.write(`FAILED: ${fault}\n`);
  if (faults.length === 0) say("Nothing was lost and nothing ran twice.");
  return faults.length === 0 ? 0 : 1;
}

process.exitCode = await main();
